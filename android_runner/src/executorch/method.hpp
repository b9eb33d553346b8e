// A method of an ExecuTorch file, with the memory that it works in.
#pragma once

#include <executorch/runtime/executor/memory_manager.h>
#include <executorch/runtime/executor/method.h>
#include <executorch/runtime/executor/program.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pqv {

// Gives memory of the heap; all of it is freed by reset() and at the end.
class HeapAllocator : public executorch::runtime::MemoryAllocator {
 public:
  HeapAllocator() : MemoryAllocator(0, nullptr) {}

  // Null when there is none left, or `alignment` is no power of two.
  void* allocate(std::size_t size, std::size_t alignment = kDefaultAlignment) override;
  void reset() override { blocks_.clear(); }

 private:
  struct Free {
    void operator()(void* block) const { std::free(block); }
  };
  std::vector<std::unique_ptr<void, Free>> blocks_;
};

class LoadedMethod {
 public:
  // Loads it, delegates included. Throws std::runtime_error with the reason; `program` must outlive it.
  LoadedMethod(const executorch::runtime::Program& program, const std::string& name);

  executorch::runtime::Method& operator*() { return *method_; }
  executorch::runtime::Method* operator->() { return &*method_; }

 private:
  std::vector<executorch::runtime::Span<std::uint8_t>> planned_buffers(executorch::runtime::MethodMeta meta);

  HeapAllocator structures_;
  HeapAllocator temporary_;
  HeapAllocator planned_;
  std::vector<executorch::runtime::Span<std::uint8_t>> buffers_;
  std::optional<executorch::runtime::HierarchicalAllocator> planner_;
  std::optional<executorch::runtime::MemoryManager> memory_;
  std::optional<executorch::runtime::Method> method_;
};

}  // namespace pqv
