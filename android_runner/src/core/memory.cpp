#include "memory.hpp"

#include <sys/resource.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace pqv {
namespace {

std::int64_t kilobytes_after(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string_view::npos || (at != 0 && text[at - 1] != '\n')) {
    return 0;
  }
  const std::string rest(text.substr(at + key.size(), 32));
  return std::strtoll(rest.c_str(), nullptr, 10) * 1024;
}

Memory from_rusage() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  const std::int64_t bytes = usage.ru_maxrss;
#else
  const std::int64_t bytes = static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
#endif
  return {bytes, bytes};
}

}  // namespace

Memory parse_status(std::string_view text) {
  return {kilobytes_after(text, "VmHWM:"), kilobytes_after(text, "VmRSS:")};
}

Memory read_memory() {
  std::ifstream file("/proc/self/status");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const Memory memory = parse_status(text);
  return memory.peak_rss_bytes > 0 ? memory : from_rusage();
}

}  // namespace pqv
