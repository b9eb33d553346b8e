#include "executorch/method.hpp"

#include <algorithm>
#include <new>
#include <stdexcept>
#include <utility>

#include "executorch/runtime_log.hpp"

namespace pqv {
namespace {

namespace et = executorch::runtime;

constexpr std::size_t kAlignment = 64;  // of planned memory: a cache line, and more than any vector needs

std::string methods(const et::Program& program) {
  std::string text;
  for (std::size_t i = 0; i < program.num_methods(); ++i) {
    if (const auto name = program.get_method_name(i); name.ok()) {
      text += (text.empty() ? "" : ", ") + std::string(*name);
    }
  }
  return text.empty() ? "none" : text;
}

bool has(const et::Program& program, const std::string& wanted) {
  for (std::size_t i = 0; i < program.num_methods(); ++i) {
    if (const auto name = program.get_method_name(i); name.ok() && wanted == *name) {
      return true;
    }
  }
  return false;
}

}  // namespace

void* HeapAllocator::allocate(std::size_t size, std::size_t alignment) {
  void* block = nullptr;
  if (!isPowerOf2(alignment) ||
      ::posix_memalign(&block, std::max(alignment, sizeof(void*)), std::max<std::size_t>(size, 1)) != 0) {
    return nullptr;
  }
  blocks_.emplace_back(block);
  return block;
}

LoadedMethod::LoadedMethod(const et::Program& program, const std::string& name) {
  if (!has(program, name)) {
    throw std::runtime_error("the file has no method " + name + "; it has " + methods(program));
  }
  runtime_log::clear();
  const auto meta = program.method_meta(name.c_str());
  runtime_log::check(meta.error(), "cannot read " + name);
  buffers_ = planned_buffers(*meta);
  planner_.emplace(et::Span<et::Span<std::uint8_t>>(buffers_.data(), buffers_.size()));
  memory_.emplace(&structures_, &*planner_, &temporary_);
  auto method = program.load_method(name.c_str(), &*memory_);
  runtime_log::check(method.error(), "cannot load " + name);
  method_.emplace(std::move(*method));
}

std::vector<et::Span<std::uint8_t>> LoadedMethod::planned_buffers(et::MethodMeta meta) {
  std::vector<et::Span<std::uint8_t>> buffers;
  for (std::size_t i = 0; i < meta.num_memory_planned_buffers(); ++i) {
    const auto size = meta.memory_planned_buffer_size(i);
    runtime_log::check(size.error(), "cannot read what memory is needed");
    if (*size < 0) {
      throw std::runtime_error("the file is damaged: it asks for a negative amount of memory");
    }
    const auto bytes = static_cast<std::size_t>(*size);
    auto* const block = static_cast<std::uint8_t*>(planned_.allocate(bytes, kAlignment));
    if (block == nullptr) {
      throw std::bad_alloc();
    }
    buffers.emplace_back(block, bytes);
  }
  return buffers;
}

}  // namespace pqv
