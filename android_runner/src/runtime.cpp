#include "runtime.hpp"

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
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <tuple>

namespace pqv::runtime {
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

}  // namespace

std::string torch_version() { return PQV_TORCH_VERSION; }

std::string abi() {
#if defined(__aarch64__)
  return "arm64-v8a";
#elif defined(__arm__)
  return "armeabi-v7a";
#elif defined(__x86_64__)
  return "x86_64";
#elif defined(__i386__)
  return "x86";
#else
#error "unknown instruction set"
#endif
}

std::vector<std::string> engines() {
  std::vector<std::string> names;
  for (const auto engine : at::globalContext().supportedQEngines()) {
    if (engine != at::kNoQEngine) {
      names.push_back(engine_name(engine));
    }
  }
  return names;
}

std::string current_engine() { return engine_name(at::globalContext().qEngine()); }

void set_engine(const std::string& name) {
  for (const auto engine : at::globalContext().supportedQEngines()) {
    if (engine_name(engine) == name) {
      translated([&] { at::globalContext().setQEngine(engine); });
      return;
    }
  }
  std::string known;
  for (const auto& engine : engines()) {
    known += (known.empty() ? "" : ", ") + engine;
  }
  throw std::runtime_error("this runtime has no engine " + name + "; it has " + known);
}

void set_threads(int count) {
  translated([&] { at::set_num_threads(count); });
}

Operators operators() {
  return translated([] {
    Operators result;
    std::tie(result.bytecode_min, result.bytecode_max) = torch::jit::_get_runtime_bytecode_min_max_versions();
    for (const auto& [name, info] : torch::jit::_get_runtime_ops_and_info()) {
      auto& count = result.arguments[name];
      if (info.num_schema_args.has_value()) {
        count = *info.num_schema_args;
      }
    }
    return result;
  });
}

struct Model::State {
  c10::InferenceMode inference_mode;
  torch::jit::mobile::Module module;
  std::vector<c10::IValue> inputs;
  c10::IValue result;
};

Model::Model(const std::string& path) : state_(std::make_unique<State>()) {
  errno = 0;
  if (!std::ifstream(path).good()) {  // older runtimes call a missing file a "Format error"
    throw std::runtime_error("cannot read " + path + ": " + std::strerror(errno != 0 ? errno : EIO));
  }
  translated([&] { state_->module = torch::jit::_load_for_mobile(path, at::kCPU); });
}

Model::~Model() = default;

void Model::set_input(const std::vector<float>& values, const std::vector<std::int64_t>& shape) {
  translated([&] {
    at::Tensor tensor = at::empty(shape, at::kFloat);
    std::memcpy(tensor.data_ptr<float>(), values.data(), values.size() * sizeof(float));
    state_->inputs.assign(1, tensor);
  });
}

void Model::run() {
  translated([&] { state_->result = state_->module.forward(state_->inputs); });
}

std::vector<float> Model::output() const {
  return translated([&] {
    const at::Tensor tensor = first_tensor(state_->result).to(at::kFloat).contiguous();
    const float* data = tensor.data_ptr<float>();
    return std::vector<float>(data, data + tensor.numel());
  });
}

std::vector<std::int64_t> Model::output_shape() const {
  return translated([&] { return first_tensor(state_->result).sizes().vec(); });
}

}  // namespace pqv::runtime
