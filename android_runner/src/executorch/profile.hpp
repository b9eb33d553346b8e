// Time of a method's steps, and of the operators inside of XNNPACK's delegates.
#pragma once

#include <executorch/runtime/executor/method.h>

#include <cstdint>
#include <optional>
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

  // Runs the method step by step, from its start to its end: the nanoseconds of each. Throws std::runtime_error.
  std::vector<std::int64_t> run(executorch::runtime::Method& method) const;

  // The operators of the last run, the longest self time first.
  std::vector<OperatorTime> operators(const std::vector<std::int64_t>& steps_ns) const;

 private:
  Instructions instructions_;
  std::vector<std::optional<xnnpack::Runtime>> runtimes_;  // by delegate
};

}  // namespace pqv
