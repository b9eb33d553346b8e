// Ends the program when it should end and does not.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace pqv {

// A thread that asks for the end (signals::request) when the reader of `fd` or the parent process is gone,
// and calls `overdue` when the end was asked for and 700 ms later this object still stands: an operator that
// takes seconds looks at nothing meanwhile.
class Watchdog {
 public:
  Watchdog(int fd, std::function<void()> overdue);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void watch();
  bool ended();

  const int fd_;
  const pid_t parent_;
  const std::function<void()> overdue_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  int end_pipe_[2];
  std::thread thread_;
};

}  // namespace pqv
