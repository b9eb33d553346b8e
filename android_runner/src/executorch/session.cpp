#include "executorch/session.hpp"

#include <executorch/runtime/core/exec_aten/exec_aten.h>
#include <executorch/runtime/core/exec_aten/util/scalar_type_util.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "executorch/runtime_log.hpp"

namespace pqv {
namespace {

namespace et = executorch::runtime;
using executorch::aten::ScalarType;
using executorch::aten::Tensor;
using executorch::aten::TensorImpl;

constexpr const char* kMethod = "forward";

template <typename Sizes>
std::string joined(const Sizes& sizes) {
  std::string text;
  for (const auto size : sizes) {
    text += (text.empty() ? "" : "x") + std::to_string(size);
  }
  return text.empty() ? "no dimension" : text;
}

// Refuses a method that takes anything but one tensor of float32.
void check_inputs(const et::MethodMeta& meta) {
  if (meta.num_inputs() != 1) {
    throw std::runtime_error("forward takes " + std::to_string(meta.num_inputs()) + " inputs, not one tensor");
  }
  const auto info = meta.input_tensor_meta(0);
  if (!info.ok()) {
    throw std::runtime_error("forward takes something else than a tensor");
  }
  if (info->scalar_type() != ScalarType::Float) {
    throw std::runtime_error(std::string("forward takes a tensor of type ") + et::toString(info->scalar_type()) +
                             ", not of float32");
  }
}

const Tensor& first_tensor(et::Method& method) {
  for (std::size_t i = 0; i < method.outputs_size(); ++i) {
    if (method.get_output(i).isTensor()) {
      return method.get_output(i).toTensor();
    }
  }
  throw std::runtime_error("the model returns no tensor");
}

// The values of a tensor in row-major order, however they lie in memory.
template <typename Item>
std::vector<float> values(const Tensor& tensor) {
  const auto sizes = tensor.sizes();
  const auto strides = tensor.strides();
  const Item* const data = tensor.const_data_ptr<Item>();
  std::vector<float> found(static_cast<std::size_t>(tensor.numel()));
  std::vector<std::int64_t> index(sizes.size());
  std::int64_t at = 0;
  for (auto& value : found) {
    value = static_cast<float>(data[at]);
    for (std::size_t d = sizes.size(); d-- > 0;) {
      at += strides[d];
      if (++index[d] < sizes[d]) {
        break;
      }
      at -= static_cast<std::int64_t>(strides[d]) * sizes[d];
      index[d] = 0;
    }
  }
  return found;
}

}  // namespace

ExecutorchSession::ExecutorchSession(std::string path, ExecutorchSession*& slot) : path_(std::move(path)), slot_(slot) {
  runtime_log::listen();
  runtime_log::clear();
  errno = 0;
  if (!std::ifstream(path_).good()) {
    throw std::runtime_error("cannot read " + path_ + ": " + std::strerror(errno != 0 ? errno : EIO));
  }
  auto file = executorch::extension::FileDataLoader::from(path_.c_str());
  runtime_log::check(file.error(), "cannot read " + path_);
  file_.emplace(std::move(*file));
  auto program = et::Program::load(&*file_, et::Program::Verification::InternalConsistency);
  runtime_log::check(program.error(), "cannot load " + path_);
  program_.emplace(std::move(*program));
  load();
  slot_ = this;
}

void ExecutorchSession::load() {
  method_.emplace(*program_, kMethod);
  check_inputs((*method_)->method_meta());
}

void ExecutorchSession::set_input(const std::vector<float>& values, const std::vector<std::int64_t>& shape) {
  input_ = values;
  sizes_.assign(shape.begin(), shape.end());
  order_.resize(shape.size());
  std::iota(order_.begin(), order_.end(), std::uint8_t{0});
  strides_.assign(shape.size(), 1);
  for (std::size_t d = shape.size(); d-- > 1;) {
    strides_[d - 1] = strides_[d] * sizes_[d];
  }
}

// The runtime uses the memory of the input for what comes after it, so that every run is given it anew.
void ExecutorchSession::give_input() {
  runtime_log::clear();
  TensorImpl tensor(ScalarType::Float, static_cast<ssize_t>(sizes_.size()), sizes_.data(), input_.data(),
                    order_.data(), strides_.data());
  const et::Error error = (*method_)->set_input(et::EValue(Tensor(&tensor)), 0);
  if (error != et::Error::Ok) {
    const auto taken = (*method_)->method_meta().input_tensor_meta(0);
    runtime_log::check(error, "forward does not take an input of " + joined(sizes_) +
                                  (taken.ok() ? " but one of " + joined(taken->sizes()) : ""));
  }
}

void ExecutorchSession::run() {
  give_input();
  runtime_log::check((*method_)->execute(), "cannot run forward");
}

std::vector<float> ExecutorchSession::output() const {
  const Tensor& tensor = first_tensor(**method_);
  switch (tensor.scalar_type()) {
    case ScalarType::Float:
      return values<float>(tensor);
    case ScalarType::Half:
      return values<executorch::aten::Half>(tensor);
    default:
      throw std::runtime_error(std::string("the model returns a tensor of type ") +
                               et::toString(tensor.scalar_type()) + ", not of float32 or float16");
  }
}

std::vector<std::int64_t> ExecutorchSession::output_shape() const {
  const auto sizes = first_tensor(**method_).sizes();
  return {sizes.begin(), sizes.end()};
}

// The runs in between are of the same copy, which takes little for its times, so that memory holds one at a time.
void ExecutorchSession::profile(const std::function<void(const std::function<ProfiledRun()>&)>& runs) {
  const Instructions instructions = read_instructions(path_, kMethod);
  // Whatever happens, the method is as it was afterwards: XNNPACK takes times only in what it loads meanwhile.
  struct Restored {
    ExecutorchSession& session;
    ~Restored() { session.unload(); }
  };
  {
    const Restored restored{*this};
    const xnnpack::Timed timed;
    unload();
    load();
    const StepProfile profile(instructions, timed.runtimes());
    run();  // the first run of what was just loaded is not like the others
    runs([&] {
      const auto before = std::chrono::steady_clock::now();
      give_input();
      const auto steps_ns = profile.run(**method_);
      const auto taken = std::chrono::steady_clock::now() - before;
      return ProfiledRun{std::chrono::duration_cast<std::chrono::nanoseconds>(taken).count(),
                         profile.operators(steps_ns)};
    });
  }
  load();
}

}  // namespace pqv
