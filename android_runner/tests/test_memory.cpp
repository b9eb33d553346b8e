#include "check.hpp"
#include "core/memory.hpp"

int main() {
  const auto memory = pqv::parse_status("Name:\tVmRSS: 5\nVmPeak:\t 9 kB\nVmHWM:\t   1234 kB\nVmRSS:\t 1000 kB\n");
  CHECK(memory.peak_rss_bytes == 1234 * 1024);
  const auto none = pqv::parse_status("");
  CHECK(none.peak_rss_bytes == 0 && none.rss_bytes == 0);
  CHECK(pqv::parse_status("VmHWM:\t7 kB").peak_rss_bytes == 7 * 1024);
  const auto now = pqv::read_memory();
  CHECK(now.peak_rss_bytes > 100'000 && now.rss_bytes > 0);
}
