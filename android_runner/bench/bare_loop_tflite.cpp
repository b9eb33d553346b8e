// The least that can time a TensorFlow Lite file: bare_loop_tflite MODEL A,B,C,D WARMUP ITERATIONS THREADS prints one
// number of nanoseconds a line. XNNPACK runs the file with all operators that it has.
#include <tensorflow/lite/c/c_api.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

// Of xnnpack_delegate.h, which the AAR lacks.
extern "C" {
struct TfLiteXNNPackDelegateOptions {
  std::int32_t num_threads;
  std::uint32_t flags;
  void* rest[16];  // more than any version has
};
TfLiteXNNPackDelegateOptions TfLiteXNNPackDelegateOptionsDefault();
TfLiteOpaqueDelegate* TfLiteXNNPackDelegateCreate(const TfLiteXNNPackDelegateOptions* options);
}

namespace {

// TFLITE_XNNPACK_DELEGATE_FLAG_ENABLE_LATEST_OPERATORS: without it 2.16 takes neither products of batches nor layers
// of 8 bits with dynamic ranges.
constexpr std::uint32_t kLatestOperators = 0x40;

TfLiteInterpreter* load(const char* path, int threads) {
  TfLiteModel* const model = TfLiteModelCreateFromFile(path);
  if (model == nullptr) {
    return nullptr;
  }
  auto xnnpack = TfLiteXNNPackDelegateOptionsDefault();
  xnnpack.num_threads = threads;
  xnnpack.flags |= kLatestOperators;
  TfLiteInterpreterOptions* const options = TfLiteInterpreterOptionsCreate();
  TfLiteInterpreterOptionsSetNumThreads(options, threads);
  TfLiteInterpreterOptionsAddDelegate(options, TfLiteXNNPackDelegateCreate(&xnnpack));
  TfLiteInterpreter* const interpreter = TfLiteInterpreterCreate(model, options);
  const bool ready = interpreter != nullptr && TfLiteInterpreterAllocateTensors(interpreter) == kTfLiteOk;
  return ready ? interpreter : nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "bare_loop_tflite MODEL SHAPE WARMUP ITERATIONS THREADS\n");
    return 2;
  }
  TfLiteInterpreter* const interpreter = load(argv[1], std::atoi(argv[5]));
  if (interpreter == nullptr) {
    return 1;
  }
  TfLiteTensor* const input = TfLiteInterpreterGetInputTensor(interpreter, 0);
  const std::vector<float> values(TfLiteTensorByteSize(input) / sizeof(float), 0.5F);
  const int warmup = std::atoi(argv[3]);
  const int iterations = std::atoi(argv[4]);
  std::vector<long long> samples;
  for (int i = 0; i < warmup + iterations; ++i) {
    const auto start = std::chrono::steady_clock::now();
    TfLiteTensorCopyFromBuffer(input, values.data(), values.size() * sizeof(float));
    const TfLiteStatus status = TfLiteInterpreterInvoke(interpreter);
    const auto end = std::chrono::steady_clock::now();
    if (status != kTfLiteOk) {
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
