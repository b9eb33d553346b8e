// Time of a method's steps, and of the operators inside of XNNPACK's delegates.
#pragma once

#include <executorch/runtime/executor/method.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/backend.hpp"
#include "executorch/instructions.hpp"
#include "executorch/xnnpack.hpp"

namespace pqv {

class StepProfile {
 public:
  // `runtimes` are XNNPACK's, of the method's delegates in order; where there are fewer or more than delegates,
  // these stay whole.
  StepProfile(Instructions instructions, const std::vector<xnnpack::Runtime>& runtimes);

  // Runs the method step by step, from its start to its end. Throws std::runtime_error.
  void run(executorch::runtime::Method& method);

  // Forgets what was taken so far.
  void clear() { times_.clear(); }

  // What was taken so far, the longest self time first.
  std::vector<OperatorTime> operators() const;

 private:
  void take(const Instruction& step, std::int64_t ns);
  void add(const std::string& name, std::int64_t self_ns, std::int64_t total_ns);

  Instructions instructions_;
  std::vector<std::optional<xnnpack::Runtime>> runtimes_;  // by delegate
  std::map<std::string, OperatorTime> times_;
};

}  // namespace pqv
