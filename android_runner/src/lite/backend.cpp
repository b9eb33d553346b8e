// The Lite Interpreter of PyTorch: files that end in .ptl.
#include "core/backend.hpp"

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/mobile/compatibility/runtime_compatibility.h>
#include <torch/csrc/jit/mobile/import.h>
#include <torch/csrc/jit/mobile/module.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include "lite/profile.hpp"

namespace pqv {
namespace {

// An enumerator's name differs from the option's in case only; naming them here would need all of them in
// every version of the headers.
std::string engine_name(at::QEngine engine) {
  std::string name = c10::toString(engine);
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

// Calls `work`; a c10::Error leaves without the backtrace that its what() carries.
template <typename Work>
auto translated(Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const c10::Error& error) {
    std::string text = error.what_without_backtrace();
    text.erase(text.find_last_not_of(" \n") + 1);
    throw std::runtime_error(text);
  }
}

at::Tensor first_tensor(const c10::IValue& value) {
  if (value.isTensor()) {
    return value.toTensor();
  }
  if (value.isTuple() && !value.toTupleRef().elements().empty()) {
    return first_tensor(value.toTupleRef().elements()[0]);
  }
  if (value.isList() && !value.toListRef().empty()) {
    return first_tensor(value.toListRef()[0]);
  }
  if (value.isGenericDict() && value.toGenericDict().size() > 0) {
    return first_tensor(value.toGenericDict().begin()->value());
  }
  throw std::runtime_error("the model returns no tensor but a " + value.tagKind());
}

class LiteSession : public Session {
 public:
  explicit LiteSession(const std::string& path) {
    errno = 0;
    if (!std::ifstream(path).good()) {  // older runtimes call a missing file a "Format error"
      throw std::runtime_error("cannot read " + path + ": " + std::strerror(errno != 0 ? errno : EIO));
    }
    translated([&] { module_ = torch::jit::_load_for_mobile(path, at::kCPU); });
  }

  void set_input(const std::vector<float>& values, const std::vector<std::int64_t>& shape) override {
    translated([&] {
      at::Tensor tensor = at::empty(shape, at::kFloat);
      std::memcpy(tensor.data_ptr<float>(), values.data(), values.size() * sizeof(float));
      inputs_.assign(1, tensor);
    });
  }

  void run() override {
    translated([&] { result_ = module_.forward(inputs_); });
  }

  std::vector<float> output() const override {
    return translated([&] {
      const at::Tensor tensor = first_tensor(result_).to(at::kFloat).contiguous();
      const float* data = tensor.data_ptr<float>();
      return std::vector<float>(data, data + tensor.numel());
    });
  }

  std::vector<std::int64_t> output_shape() const override {
    return translated([&] { return first_tensor(result_).sizes().vec(); });
  }

  void profile(const std::function<void(const std::function<ProfiledRun()>&)>& runs) override {
    runs([this] {
      const Profiler profiler;
      const auto before = std::chrono::steady_clock::now();
      run();
      const auto taken = std::chrono::steady_clock::now() - before;
      return ProfiledRun{std::chrono::duration_cast<std::chrono::nanoseconds>(taken).count(), profiler.operators()};
    });
  }

 private:
  c10::InferenceMode inference_mode_;
  torch::jit::mobile::Module module_;
  std::vector<c10::IValue> inputs_;
  c10::IValue result_;
};

class LiteBackend : public Backend {
 public:
  BackendInfo info() const override {
    return {"torch", PQV_TORCH_VERSION, "a PyTorch Lite file (.ptl)", {"qnnpack", "fbgemm", "onednn", "x86"}};
  }

  Engines engines() const override {
    Engines engines{{}, engine_name(at::globalContext().qEngine())};
    for (const auto engine : at::globalContext().supportedQEngines()) {
      if (engine != at::kNoQEngine) {
        engines.available.push_back(engine_name(engine));
      }
    }
    return engines;
  }

  RuntimeOperators operators() const override {
    return translated([] {
      RuntimeOperators result;
      const auto [lowest, highest] = torch::jit::_get_runtime_bytecode_min_max_versions();
      result.versions = {{"bytecode_min", lowest}, {"bytecode_max", highest}};
      for (const auto& [name, info] : torch::jit::_get_runtime_ops_and_info()) {
        auto& count = result.arguments[name];
        if (info.num_schema_args.has_value()) {
          count = *info.num_schema_args;
        }
      }
      return result;
    });
  }

  void set_engine(const std::string& name) override {
    for (const auto engine : at::globalContext().supportedQEngines()) {
      if (engine_name(engine) == name) {
        translated([&] { at::globalContext().setQEngine(engine); });
        return;
      }
    }
    std::string known;
    for (const auto& engine : engines().available) {
      known += (known.empty() ? "" : ", ") + engine;
    }
    throw std::runtime_error("this runtime has no engine " + name + "; it has " + known);
  }

  void set_threads(int count) override {
    translated([&] { at::set_num_threads(count); });
  }

  std::unique_ptr<Session> load(const std::string& path) override { return std::make_unique<LiteSession>(path); }
};

}  // namespace

std::unique_ptr<Backend> make_backend() { return std::make_unique<LiteBackend>(); }

}  // namespace pqv
