// ExecuTorch: files that end in .pte.
#include "core/backend.hpp"

#include <executorch/runtime/backend/interface.h>
#include <executorch/runtime/kernel/operator_registry.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "executorch/runtime_log.hpp"
#include "executorch/session.hpp"

// The runtime exports these, and its packages lack the header or what that includes. Only their names matter here.
namespace executorch::extension::threadpool {

class ThreadPool {
 public:
  bool _unsafe_reset_threadpool(std::uint32_t num_threads);
};

ThreadPool* get_threadpool();

}  // namespace executorch::extension::threadpool

namespace pqv {
namespace {

// Makes the runtime's pool anew. Whatever was loaded before holds the old one, and has to be unloaded first.
void reset_thread_pool(int count) {
  auto* const pool = executorch::extension::threadpool::get_threadpool();
  if (pool == nullptr || !pool->_unsafe_reset_threadpool(static_cast<std::uint32_t>(count))) {
    throw std::runtime_error("the runtime cannot work with " + std::to_string(count) + " threads");
  }
}

class ExecutorchBackend : public Backend {
 public:
  BackendInfo info() const override {
    return {"executorch", PQV_EXECUTORCH_VERSION, "an ExecuTorch file (.pte)", {}};
  }

  // A file says itself what runs it; this tells which delegates the runtime has.
  Engines engines() const override {
    runtime_log::listen();
    Engines engines{{}, "none"};
    for (std::size_t i = 0; i < executorch::runtime::get_num_registered_backends(); ++i) {
      if (const auto name = executorch::runtime::get_backend_name(i); name.ok()) {
        engines.available.emplace_back(*name);
      }
    }
    return engines;
  }

  RuntimeOperators operators() const override {
    RuntimeOperators result;
    const auto kernels = executorch::runtime::get_registered_kernels();
    for (const auto& kernel : kernels) {
      result.arguments[kernel.name_];  // their number is part of the name's overload
    }
    return result;
  }

  void set_engine(const std::string& name) override {
    throw std::runtime_error("this runtime has no engine " + name);
  }

  void set_threads(int count) override {
    if (count == threads_) {
      return;
    }
    if (session_ != nullptr) {
      session_->unload();
    }
    reset_thread_pool(count);
    threads_ = count;
    if (session_ != nullptr) {
      session_->load();
    }
  }

  std::unique_ptr<Session> load(const std::string& path) override {
    return std::make_unique<ExecutorchSession>(path, session_);
  }

 private:
  int threads_ = 0;
  ExecutorchSession* session_ = nullptr;  // the one that is loaded
};

}  // namespace

std::unique_ptr<Backend> make_backend() { return std::make_unique<ExecutorchBackend>(); }

}  // namespace pqv
