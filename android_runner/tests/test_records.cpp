#include "check.hpp"
#include "core/records.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <string>

namespace {

std::string read_all(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t count = 0; (count = ::read(fd, buffer, sizeof buffer)) > 0;) {
    text.append(buffer, static_cast<std::size_t>(count));
  }
  return text;
}

std::string written(bool enabled, void (*work)(pqv::Records&)) {
  int fds[2];
  CHECK(::pipe(fds) == 0);
  pqv::Records records(fds[1], enabled);
  work(records);
  ::close(fds[1]);
  const std::string text = read_all(fds[0]);
  ::close(fds[0]);
  return text;
}

pqv::json::Object record(const char* type) { return pqv::json::Object(type); }

}  // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  const auto in_order = written(true, [](pqv::Records& records) {
    records.write(std::vector{record("a"), record("b")});
    records.write(record("c"));
    CHECK(records.finish(record("end")));
    CHECK(records.finish(record("again")));
    records.write(record("late"));
    records.write(std::vector<pqv::json::Object>{});
  });
  CHECK(in_order == "{\"type\":\"a\"}\n{\"type\":\"b\"}\n{\"type\":\"c\"}\n{\"type\":\"end\"}\n");

  CHECK(written(false, [](pqv::Records& records) { records.finish(record("end")); }).empty());

  int fds[2];
  CHECK(::pipe(fds) == 0);
  ::close(fds[0]);
  pqv::Records orphan(fds[1], true);
  CHECK(!orphan.broken());
  orphan.write(record("a"));
  CHECK(orphan.broken());
  CHECK(orphan.finish(record("end")));
  ::close(fds[1]);
}
