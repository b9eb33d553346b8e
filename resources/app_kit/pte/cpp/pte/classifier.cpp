// ExecuTorch.
#include "classifier.hpp"

#include <executorch/extension/module/module.h>
#include <executorch/extension/tensor/tensor.h>

#include <stdexcept>

#include "preprocessing.hpp"

namespace app {
namespace {

using executorch::extension::Module;

void check(executorch::runtime::Error error, const std::string& what) {
  if (error != executorch::runtime::Error::Ok) {
    throw std::runtime_error(what + ": " + executorch::runtime::to_string(error));
  }
}

class ExecutorchClassifier : public Classifier {
 public:
  explicit ExecutorchClassifier(const std::string& path) : module_(path) {
    check(module_.load_method("forward"), "cannot load " + path);
  }

  std::vector<float> logits(std::vector<float> input) override {
    const auto image = executorch::extension::from_blob(input.data(), {1, kChannels, kHeight, kWidth});
    const auto result = module_.forward(image);
    check(result.error(), "cannot run the model");
    const auto tensor = result->at(0).toTensor();
    const float* values = tensor.const_data_ptr<float>();
    return {values, values + tensor.numel()};
  }

 private:
  Module module_;
};

}  // namespace

std::unique_ptr<Classifier> load(const std::string& path) { return std::make_unique<ExecutorchClassifier>(path); }

}  // namespace app
