#include "records.hpp"

#include <unistd.h>

#include <cerrno>

namespace pqv {

void Records::put(const std::string& lines) {
  std::size_t done = 0;
  while (enabled_ && !broken_ && done < lines.size()) {
    const ssize_t count = ::write(fd_, lines.data() + done, lines.size() - done);
    if (count >= 0) {
      done += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      broken_ = true;
    }
  }
}

void Records::write(const std::vector<json::Object>& records) {
  std::string lines;
  for (const auto& record : records) {
    lines += record.str() + "\n";
  }
  const std::lock_guard lock(mutex_);
  if (!finished_) {
    put(lines);
  }
}

bool Records::finish(const json::Object& record, std::chrono::milliseconds patience) {
  const std::unique_lock lock(mutex_, patience);
  if (!lock.owns_lock()) {
    return false;
  }
  if (!finished_) {
    put(record.str() + "\n");
    finished_ = true;
  }
  return true;
}

}  // namespace pqv
