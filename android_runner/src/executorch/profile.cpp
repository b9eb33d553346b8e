#include "executorch/profile.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "core/operator_profile.hpp"
#include "executorch/runtime_log.hpp"

namespace pqv {
namespace {

using Clock = std::chrono::steady_clock;
using executorch::runtime::Error;

}  // namespace

StepProfile::StepProfile(Instructions instructions, const std::vector<xnnpack::Runtime>& runtimes)
    : instructions_(std::move(instructions)), runtimes_(instructions_.delegates.size()) {
  const auto& names = instructions_.delegates;
  if (static_cast<std::size_t>(std::count(names.begin(), names.end(), xnnpack::kDelegate)) != runtimes.size()) {
    return;
  }
  auto next = runtimes.begin();
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == xnnpack::kDelegate) {
      runtimes_[i] = *next++;
    }
  }
}

std::vector<std::int64_t> StepProfile::run(executorch::runtime::Method& method) const {
  std::vector<std::int64_t> steps_ns;
  steps_ns.reserve(instructions_.steps.size());
  for (;;) {
    const auto before = Clock::now();
    const Error error = method.step();
    const auto taken = Clock::now() - before;
    if (error == Error::EndOfMethod) {
      break;
    }
    runtime_log::check(error, "cannot run forward");
    steps_ns.push_back(std::chrono::duration_cast<std::chrono::nanoseconds>(taken).count());
  }
  runtime_log::check(method.reset_execution(), "cannot run forward again");
  return steps_ns;
}

std::vector<OperatorTime> StepProfile::operators(const std::vector<std::int64_t>& steps_ns) const {
  std::map<std::string, OperatorTime> times;
  const auto add = [&times](const std::string& name, std::int64_t self_ns, std::int64_t total_ns) {
    auto& entry = times[name];
    entry.calls += 1;
    entry.self_ns += self_ns;
    entry.total_ns += total_ns;
  };
  for (std::size_t i = 0; i < std::min(steps_ns.size(), instructions_.steps.size()); ++i) {
    const Instruction& step = instructions_.steps[i];
    std::int64_t inner = 0;
    if (step.delegate && runtimes_[*step.delegate]) {
      for (const auto& [name, time] : xnnpack::operators(*runtimes_[*step.delegate])) {
        add(name, time, time);
        inner += time;
      }
    }
    add(step.name, std::max<std::int64_t>(0, steps_ns[i] - inner), steps_ns[i]);
  }
  return longest_first(times);
}

}  // namespace pqv
