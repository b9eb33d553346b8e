// The least that can time a file: bare_loop MODEL A,B,C,D WARMUP ITERATIONS THREADS prints one number of
// nanoseconds a line. interleaved.py compares pqv_bench with it.
#include <ATen/ops/rand.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/mobile/import.h>
#include <torch/csrc/jit/mobile/module.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "bare_loop MODEL SHAPE WARMUP ITERATIONS THREADS\n");
    return 2;
  }
  std::vector<std::int64_t> shape;
  std::istringstream words(argv[2]);
  for (std::string word; std::getline(words, word, ',');) {
    shape.push_back(std::atoll(word.c_str()));
  }
  const c10::InferenceMode inference_mode;
  at::set_num_threads(std::atoi(argv[5]));
  auto module = torch::jit::_load_for_mobile(argv[1], at::kCPU);
  const at::Tensor input = at::rand(shape);
  const int warmup = std::atoi(argv[3]);
  const int iterations = std::atoi(argv[4]);
  std::vector<long long> samples;
  for (int i = 0; i < warmup + iterations; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const auto output = module.forward({input});
    const auto end = std::chrono::steady_clock::now();
    if (i >= warmup) {
      samples.push_back(std::chrono::duration_cast<std::chrono::nanoseconds>(end - start).count());
    }
  }
  for (const auto sample : samples) {
    std::printf("%lld\n", sample);
  }
  return 0;
}
