#include "signals.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <string>

namespace pqv::signals {
namespace {

// Written by signal handlers: lock-free atomics and a pipe are all they may touch.
std::atomic<int> stop_reason{static_cast<int>(Stop::none)};
std::atomic<int> stop_signal{0};
std::array<int, 2> wake_pipe{-1, -1};
int crash_fd = -1;
const std::atomic<bool>* crash_finished = nullptr;

extern "C" void on_stop(int number) {
  const int error = errno;
  int none = 0;
  stop_signal.compare_exchange_strong(none, number);
  request(Stop::interrupted);
  errno = error;
}

const std::array<int, 5> kCrashes{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
std::array<struct sigaction, kCrashes.size()> earlier_actions{};

// Whole lines made beforehand: a handler may not format text. 128 + n is what a shell makes of signal n.
std::array<std::string, kCrashes.size()> crash_lines;

const char* meaning(int number) {
  switch (number) {
    case SIGSEGV:
      return "SIGSEGV (bad memory access)";
    case SIGBUS:
      return "SIGBUS (bad memory access)";
    case SIGILL:
      return "SIGILL (an instruction that this processor lacks)";
    case SIGFPE:
      return "SIGFPE (arithmetic error)";
    default:
      return "SIGABRT (the runtime gave up)";
  }
}

extern "C" void on_crash(int number, siginfo_t* info, void*) {
  std::size_t which = 0;
  while (which + 1 < kCrashes.size() && kCrashes[which] != number) {
    ++which;
  }
  if (crash_finished != nullptr && !crash_finished->load()) {
    const std::string& line = crash_lines[which];
    [[maybe_unused]] const ssize_t count = ::write(crash_fd, line.data(), line.size());
    crash_finished = nullptr;
  }
  ::sigaction(number, &earlier_actions[which], nullptr);
  if (number == SIGABRT || info->si_code <= 0) {
    ::raise(number);  // it was sent; a fault comes again by itself when this returns
  }
}

}  // namespace

void install() {
  if (::pipe(wake_pipe.data()) != 0) {
    throw std::runtime_error(std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  for (const int fd : wake_pipe) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
  }
  struct sigaction action {};
  action.sa_handler = on_stop;
  sigemptyset(&action.sa_mask);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    ::sigaction(number, &action, nullptr);
  }
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, nullptr);
}

void request(Stop reason) {
  int none = static_cast<int>(Stop::none);
  if (stop_reason.compare_exchange_strong(none, static_cast<int>(reason))) {
    [[maybe_unused]] const ssize_t count = ::write(wake_pipe[1], "!", 1);
  }
}

Stop requested() { return static_cast<Stop>(stop_reason.load()); }

std::string reason() {
  if (requested() == Stop::reader_gone) {
    return "nobody reads the output any more";
  }
  switch (stop_signal.load()) {
    case SIGINT:
      return "interrupted by SIGINT";
    case SIGTERM:
      return "interrupted by SIGTERM";
    case SIGHUP:
      return "interrupted by SIGHUP";
    default:
      return "interrupted";
  }
}

int wake_fd() { return wake_pipe[0]; }

void report_crashes(int fd, const std::atomic<bool>& finished, std::string (*final_line)(int, const char*)) {
  crash_fd = fd;
  crash_finished = &finished;
  struct sigaction action {};
  action.sa_sigaction = on_crash;
  action.sa_flags = static_cast<int>(SA_SIGINFO | SA_NODEFER);
  for (std::size_t i = 0; i < kCrashes.size(); ++i) {
    crash_lines[i] = final_line(128 + kCrashes[i], meaning(kCrashes[i]));
    ::sigaction(kCrashes[i], &action, &earlier_actions[i]);
  }
}

}  // namespace pqv::signals
