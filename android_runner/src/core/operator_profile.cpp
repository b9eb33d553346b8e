#include "operator_profile.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace pqv {

OperatorProfile calm_half(Turns turns) {
  const std::size_t calm = (turns.profiled.size() + 1) / 2;
  std::sort(turns.plain_ns.begin(), turns.plain_ns.end());
  std::sort(turns.profiled.begin(), turns.profiled.end(), [](const auto& a, const auto& b) { return a.ns < b.ns; });
  turns.plain_ns.resize(calm);
  turns.profiled.resize(calm);
  OperatorProfile found;
  found.iterations = static_cast<int>(calm);
  found.plain_ns = std::accumulate(turns.plain_ns.begin(), turns.plain_ns.end(), std::int64_t{0});
  std::map<std::string, OperatorTime> summed;
  for (const auto& run : turns.profiled) {
    found.wall_ns += run.ns;
    for (const auto& time : run.operators) {
      auto& sum = summed[time.name];
      sum.calls += time.calls;
      sum.self_ns += time.self_ns;
      sum.total_ns += time.total_ns;
    }
  }
  found.operators = longest_first(summed);
  return found;
}

std::vector<OperatorTime> longest_first(const std::map<std::string, OperatorTime>& times) {
  std::vector<OperatorTime> found;
  for (const auto& [name, time] : times) {
    found.push_back(time);
    found.back().name = name;
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.self_ns > b.self_ns; });
  return found;
}

}  // namespace pqv
