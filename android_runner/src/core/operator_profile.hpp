// From runs whose operators were timed, and others that took turns with them, to the time of each operator.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "backend.hpp"

namespace pqv {

struct Turns {
  std::vector<std::int64_t> plain_ns;  // of runs as ever
  std::vector<ProfiledRun> profiled;   // as many, each right after one of the others
};

struct OperatorProfile {
  int iterations = 0;
  std::int64_t wall_ns = 0;   // of so many profiled runs together
  std::int64_t plain_ns = 0;  // of as many runs as ever
  std::vector<OperatorTime> operators;
};

// Sums over the calmer half of either kind, which both met the machine in the same state. The other half is left out:
// a disturbance meets another operator in each run.
OperatorProfile calm_half(Turns turns);

// The longest self time first.
std::vector<OperatorTime> longest_first(const std::map<std::string, OperatorTime>& times);

}  // namespace pqv
