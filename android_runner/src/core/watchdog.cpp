#include "watchdog.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "signals.hpp"

namespace pqv {
namespace {

constexpr int kLookEveryMs = 500;
constexpr std::chrono::milliseconds kGrace{700};

}  // namespace

Watchdog::Watchdog(int fd, std::function<void()> overdue)
    : fd_(fd), parent_(::getppid()), overdue_(std::move(overdue)) {
  if (::pipe(end_pipe_) != 0) {
    throw std::runtime_error(std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  thread_ = std::thread([this] { watch(); });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  [[maybe_unused]] const ssize_t count = ::write(end_pipe_[1], "!", 1);
  thread_.join();
  ::close(end_pipe_[0]);
  ::close(end_pipe_[1]);
}

bool Watchdog::ended() {
  const std::lock_guard lock(mutex_);
  return over_;
}

void Watchdog::watch() {
  while (signals::requested() == signals::Stop::none) {
    pollfd fds[] = {{fd_, 0, 0}, {signals::wake_fd(), POLLIN, 0}, {end_pipe_[0], POLLIN, 0}};
    ::poll(fds, 3, kLookEveryMs);
    if (ended()) {
      return;
    }
    if ((fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0 || ::getppid() != parent_) {
      signals::request(signals::Stop::reader_gone);
    }
  }
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, kGrace, [this] { return over_; })) {
    overdue_();
  }
}

}  // namespace pqv
