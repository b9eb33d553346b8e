// A loaded ExecuTorch file, whose method `forward` is measured.
#pragma once

#include <executorch/extension/data_loader/file_data_loader.h>
#include <executorch/runtime/executor/program.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/backend.hpp"
#include "executorch/method.hpp"
#include "executorch/profile.hpp"

namespace pqv {

class ExecutorchSession : public Session {
 public:
  // `slot` holds a pointer to this session as long as it lives.
  ExecutorchSession(std::string path, ExecutorchSession*& slot);
  ~ExecutorchSession() override { slot_ = nullptr; }

  void set_input(const std::vector<float>& values, const std::vector<std::int64_t>& shape) override;
  void run() override;
  std::vector<float> output() const override;
  std::vector<std::int64_t> output_shape() const override;
  void profile(const std::function<void(const std::function<ProfiledRun()>&)>& runs) override;

  // A loaded method holds the threads that there were when it was loaded: it is let go of, and loaded again.
  void unload() { method_.reset(); }
  void load();

 private:
  void give_input();

  std::string path_;
  ExecutorchSession*& slot_;
  std::optional<executorch::extension::FileDataLoader> file_;
  std::optional<executorch::runtime::Program> program_;
  mutable std::optional<LoadedMethod> method_;
  std::vector<float> input_;
  std::vector<std::int32_t> sizes_;
  std::vector<std::int32_t> strides_;
  std::vector<std::uint8_t> order_;
};

}  // namespace pqv
