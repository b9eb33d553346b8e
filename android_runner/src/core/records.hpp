// The lines on standard output: whole lines, one writer at a time, exactly one last one.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <vector>

#include "json.hpp"

namespace pqv {

class Records {
 public:
  // With `enabled` false nothing is ever written.
  Records(int fd, bool enabled) : fd_(fd), enabled_(enabled) {}

  void write(const json::Object& record) { write(std::vector{record}); }

  // Writes all of them in one go.
  void write(const std::vector<json::Object>& records);

  // Writes the last record, once; records after it are dropped. Gives up, and returns false, when another
  // thread is still writing after `patience` (its reader does not read).
  bool finish(const json::Object& record, std::chrono::milliseconds patience = std::chrono::hours(24));

  // The reader is gone.
  bool broken() const { return broken_; }

  // Nothing more is to be written. The reference stays valid as long as this object.
  const std::atomic<bool>& finished() const { return finished_; }

 private:
  void put(const std::string& lines);

  const int fd_;
  const bool enabled_;
  std::timed_mutex mutex_;
  std::atomic<bool> broken_{false};
  std::atomic<bool> finished_{false};
};

}  // namespace pqv
