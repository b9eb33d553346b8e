// Memory of this process.
#pragma once

#include <cstdint>
#include <string_view>

namespace pqv {

struct Memory {
  std::int64_t peak_rss_bytes = 0;  // VmHWM
  std::int64_t rss_bytes = 0;       // VmRSS
};

// Reads the text of /proc/self/status; a figure that it lacks is 0.
Memory parse_status(std::string_view text);

// Of this process, now. Where there is no /proc, both are the peak that getrusage tells.
Memory read_memory();

}  // namespace pqv
