#include "executorch/profile.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

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

void StepProfile::run(executorch::runtime::Method& method) {
  std::size_t step = 0;
  for (;;) {
    const auto before = Clock::now();
    const Error error = method.step();
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - before).count();
    if (error == Error::EndOfMethod) {
      break;
    }
    runtime_log::check(error, "cannot run forward");
    if (step < instructions_.steps.size()) {
      take(instructions_.steps[step++], ns);
    }
  }
  runtime_log::check(method.reset_execution(), "cannot run forward again");
}

void StepProfile::take(const Instruction& step, std::int64_t ns) {
  std::int64_t inner = 0;
  if (step.delegate && runtimes_[*step.delegate]) {
    for (const auto& [name, time] : xnnpack::operators(*runtimes_[*step.delegate])) {
      add(name, time, time);
      inner += time;
    }
  }
  add(step.name, std::max<std::int64_t>(0, ns - inner), ns);
}

void StepProfile::add(const std::string& name, std::int64_t self_ns, std::int64_t total_ns) {
  auto& entry = times_[name];
  entry.calls += 1;
  entry.self_ns += self_ns;
  entry.total_ns += total_ns;
}

std::vector<OperatorTime> StepProfile::operators() const {
  std::vector<OperatorTime> times;
  for (const auto& [name, time] : times_) {
    times.push_back(time);
    times.back().name = name;
  }
  std::sort(times.begin(), times.end(), [](const auto& a, const auto& b) { return a.self_ns > b.self_ns; });
  return times;
}

}  // namespace pqv
