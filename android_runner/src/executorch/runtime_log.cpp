#include "executorch/runtime_log.hpp"

#include <executorch/runtime/platform/platform.h>
#include <executorch/runtime/platform/runtime.h>

#include <cstdio>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace pqv::runtime_log {
namespace {

using executorch::runtime::Error;

constexpr std::size_t kMaxLines = 200;  // a file can lack many operators
constexpr std::string_view kMissing = "Missing operator: [";
constexpr std::string_view kUnregistered = " is not registered";

std::mutex mutex;
std::vector<std::string> lines;

void take(et_timestamp_t, et_pal_log_level_t level, const char*, const char*, std::size_t, const char* message,
          std::size_t length) {
  const std::string text(message, length);
  if (level == kFatal) {
    std::fprintf(stderr, "executorch: %s\n", text.c_str());
  }
  if (level == kFatal || level == kError) {
    const std::lock_guard lock(mutex);
    if (lines.size() < kMaxLines) {
      lines.push_back(text);
    }
  }
}

std::string joined(const std::set<std::string>& names) {
  std::string text;
  for (const auto& name : names) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

// Operators that loading did not find; each of their lines ends in "[index] name".
std::set<std::string> missing_operators() {
  std::set<std::string> names;
  for (const auto& line : lines) {
    const auto end = line.find("] ", line.find(kMissing));
    if (line.find(kMissing) != std::string::npos && end != std::string::npos) {
      names.insert(line.substr(end + 2));
    }
  }
  return names;
}

// The delegate that loading did not find, from "Backend NAME is not registered."; empty for none.
std::string missing_delegate() {
  for (const auto& line : lines) {
    const auto end = line.find(kUnregistered);
    if (const auto start = line.find("Backend "); start != std::string::npos && end != std::string::npos) {
      return line.substr(start + 8, end - start - 8);
    }
  }
  return "";
}

std::string reason(Error error) {
  const std::lock_guard lock(mutex);
  if (const auto names = missing_operators(); !names.empty()) {
    return "this runtime lacks the operators " + joined(names);
  }
  if (const auto delegate = missing_delegate(); !delegate.empty()) {
    return "this runtime lacks the delegate " + delegate;
  }
  const std::string said = lines.empty() ? "" : ": " + lines.front();
  const std::string name = executorch::runtime::to_string(error);
  switch (error) {
    case Error::MemoryAllocationFailed:
    case Error::DelegateMemoryAllocationFailed:
      return "out of memory" + said;
    case Error::InvalidProgram:
    case Error::InvalidExternalData:
      return "it is no whole ExecuTorch file of a version that this runtime reads" + said;
    case Error::DelegateInvalidCompatibility:
      return "a part of it was made for another version of its delegate" + said;
    default:
      return lines.empty() ? name.substr(name.rfind(':') + 1) : lines.front();
  }
}

}  // namespace

void listen() {
  static const bool listening = [] {
    executorch::runtime::runtime_init();
    return executorch::runtime::register_pal(executorch::runtime::PalImpl::create(take, __FILE__));
  }();
  (void)listening;
}

void clear() {
  const std::lock_guard lock(mutex);
  lines.clear();
}

void check(Error error, const std::string& what) {
  if (error != Error::Ok) {
    throw std::runtime_error(what + ": " + reason(error));
  }
}

}  // namespace pqv::runtime_log
