// Time of each operator, from the runtime's own RecordFunction.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace pqv {

struct OperatorTime {
  std::string name;
  std::int64_t calls = 0;
  std::int64_t self_ns = 0;   // without the operators that it calls
  std::int64_t total_ns = 0;  // with them
};

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
