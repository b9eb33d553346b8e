// Time of the operators inside of XNNPACK's delegates, which XNNPACK itself takes when it is asked to while it loads.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace pqv::xnnpack {

constexpr const char* kDelegate = "XnnpackBackend";

using Runtime = void*;  // a network that XNNPACK has loaded

// While one exists, networks that are loaded are noted and take the time of their operators.
class Timed {
 public:
  Timed();
  ~Timed();
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

  // Those loaded so far, in order; empty where this runtime does not let itself be watched.
  const std::vector<Runtime>& runtimes() const;
};

// Name and nanoseconds of each operator in the last run of a network; empty where XNNPACK does not tell.
std::vector<std::pair<std::string, std::int64_t>> operators(Runtime runtime);

}  // namespace pqv::xnnpack
