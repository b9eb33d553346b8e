// Why the program should end early, and who says so.
#pragma once

#include <atomic>
#include <string>

namespace pqv::signals {

enum class Stop { none, interrupted, reader_gone };

// SIGINT, SIGTERM and SIGHUP ask for the end; SIGPIPE is ignored, so that a write says it instead.
void install();

// Asks for the end; the first reason stays.
void request(Stop reason);

Stop requested();

// A sentence about why the end was asked for.
std::string reason();

// Becomes readable when the end was asked for.
int wake_fd();

// On SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT, writes `final_line` of the exit code and the signal's name to
// `fd` unless `finished`, then lets the handler that stood before (Android's, a sanitizer's) do its work.
void report_crashes(int fd, const std::atomic<bool>& finished, std::string (*final_line)(int, const char*));

}  // namespace pqv::signals
