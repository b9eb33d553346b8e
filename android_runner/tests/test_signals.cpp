#include "check.hpp"
#include "core/signals.hpp"

#include <poll.h>

#include <csignal>

using namespace pqv::signals;

int main() {
  install();
  pollfd wake{wake_fd(), POLLIN, 0};
  CHECK(requested() == Stop::none && ::poll(&wake, 1, 0) == 0);
  std::raise(SIGTERM);
  CHECK(requested() == Stop::interrupted && ::poll(&wake, 1, 0) == 1);
  CHECK(reason() == "interrupted by SIGTERM");
  std::raise(SIGINT);
  request(Stop::reader_gone);
  CHECK(requested() == Stop::interrupted && reason() == "interrupted by SIGTERM");  // the first reason stays
}
