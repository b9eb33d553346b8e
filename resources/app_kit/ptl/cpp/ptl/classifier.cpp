// The Lite Interpreter of PyTorch Mobile.
#include "classifier.hpp"

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/mobile/import.h>
#include <torch/csrc/jit/mobile/module.h>

#include <stdexcept>

#include "preprocessing.hpp"

namespace app {
namespace {

class LiteClassifier : public Classifier {
 public:
  explicit LiteClassifier(const std::string& path) {
{% if engine %}
    at::globalContext().setQEngine(at::QEngine::{{ engine.upper() }});  // before loading: it packs the weights
{% endif %}
    module_ = torch::jit::_load_for_mobile(path, at::kCPU);
  }

  std::vector<float> logits(std::vector<float> input) override {
    const c10::InferenceMode inference;
    const at::Tensor image = at::from_blob(input.data(), {1, kChannels, kHeight, kWidth}, at::kFloat);
    const at::Tensor result = module_.forward({image}).toTensor().to(at::kFloat).contiguous();
    const float* values = result.data_ptr<float>();
    return {values, values + result.numel()};
  }

 private:
  torch::jit::mobile::Module module_;
};

}  // namespace

std::unique_ptr<Classifier> load(const std::string& path) {
  try {
    return std::make_unique<LiteClassifier>(path);
  } catch (const c10::Error& error) {
    throw std::runtime_error(error.what_without_backtrace());
  }
}

}  // namespace app
