#include "lite/profile.hpp"

#include <ATen/record_function.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "core/operator_profile.hpp"

namespace pqv {
namespace {

using Clock = std::chrono::steady_clock;

struct Frame : at::ObserverContext {
  Clock::time_point start;
};

struct Recording {
  std::map<std::string, OperatorTime> operators;
  std::vector<std::int64_t> inner_ns;  // of each open call: time spent in the calls below it
};

thread_local Recording recording;

std::unique_ptr<at::ObserverContext> on_start(const at::RecordFunction&) {
  recording.inner_ns.push_back(0);
  auto frame = std::make_unique<Frame>();
  frame->start = Clock::now();
  return frame;
}

void on_end(const at::RecordFunction& call, at::ObserverContext* context) {
  const auto now = Clock::now();
  if (context == nullptr || recording.inner_ns.empty()) {
    return;
  }
  const auto start = static_cast<Frame*>(context)->start;
  const std::int64_t ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now - start).count();
  const std::int64_t inner = recording.inner_ns.back();
  recording.inner_ns.pop_back();
  if (!recording.inner_ns.empty()) {
    recording.inner_ns.back() += ns;
  }
  auto& entry = recording.operators[call.name()];
  entry.calls += 1;
  entry.self_ns += std::max<std::int64_t>(0, ns - inner);
  entry.total_ns += ns;
}

}  // namespace

Profiler::Profiler() {
  recording = Recording{};
  handle_ = at::addThreadLocalCallback(
      at::RecordFunctionCallback(on_start, on_end).scopes({at::RecordScope::FUNCTION}));
}

Profiler::~Profiler() { at::removeCallback(handle_); }

std::vector<OperatorTime> Profiler::operators() const { return longest_first(recording.operators); }

}  // namespace pqv
