// The least that can time an ExecuTorch file: bare_loop_executorch MODEL A,B,C,D WARMUP ITERATIONS THREADS prints one
// number of nanoseconds a line. interleaved.py compares pqv_bench with it.
#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

namespace executorch::extension::threadpool {

class ThreadPool {
 public:
  bool _unsafe_reset_threadpool(std::uint32_t num_threads);
};

ThreadPool* get_threadpool();

}  // namespace executorch::extension::threadpool

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "bare_loop_executorch MODEL SHAPE WARMUP ITERATIONS THREADS\n");
    return 2;
  }
  std::vector<executorch::aten::SizesType> shape;
  std::size_t elements = 1;
  std::istringstream words(argv[2]);
  for (std::string word; std::getline(words, word, ',');) {
    shape.push_back(std::atoi(word.c_str()));
    elements *= static_cast<std::size_t>(shape.back());
  }
  executorch::extension::threadpool::get_threadpool()->_unsafe_reset_threadpool(
      static_cast<std::uint32_t>(std::atoi(argv[5])));
  executorch::extension::Module module(argv[1]);
  std::vector<float> values(elements, 0.5F);
  const auto input = executorch::extension::from_blob(values.data(), shape);
  const int warmup = std::atoi(argv[3]);
  const int iterations = std::atoi(argv[4]);
  std::vector<long long> samples;
  for (int i = 0; i < warmup + iterations; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const auto output = module.forward(input);
    const auto end = std::chrono::steady_clock::now();
    if (!output.ok()) {
      return 1;
    }
    if (i >= warmup) {
      samples.push_back(std::chrono::duration_cast<std::chrono::nanoseconds>(end - start).count());
    }
  }
  for (const auto sample : samples) {
    std::printf("%lld\n", sample);
  }
  return 0;
}
