// Time of each operator, from the runtime's own RecordFunction.
#pragma once

#include <cstdint>
#include <vector>

#include "core/backend.hpp"

namespace pqv {

// Records the operators that this thread calls, from construction to destruction.
class Profiler {
 public:
  Profiler();
  ~Profiler();
  Profiler(const Profiler&) = delete;
  Profiler& operator=(const Profiler&) = delete;

  // What was recorded so far, the longest self time first.
  std::vector<OperatorTime> operators() const;

 private:
  std::uint64_t handle_;
};

}  // namespace pqv
