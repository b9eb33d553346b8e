// What the program does once it knows what is asked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "args.hpp"
#include "backend.hpp"
#include "json.hpp"
#include "records.hpp"

namespace pqv {

enum ExitCode : int {
  kDone = 0,
  kUsage = 2,
  kCannotLoad = 3,
  kRunFailed = 4,
  kTimeout = 5,
  kInterrupted = 130,
  kReaderGone = 141,
  // 128 + n: crashed with signal n.
};

// What was measured with one number of threads.
struct Series {
  int threads = 0;
  std::vector<std::int64_t> samples_ns;
};

struct Outcome {
  ExitCode code = kDone;
  std::string stage;
  std::string message;
};

// The last record of a run.
json::Object final_record(const Outcome& outcome, const std::vector<Series>& measured);

// Does one run. All records but the last are written by it; it never throws.
class Runner {
 public:
  Runner(const Options& options, Backend& backend, Records& records)
      : options_(options), backend_(backend), records_(records) {}

  Outcome run();
  const std::vector<Series>& measured() const { return measured_; }

 private:
  void describe();
  void list_operators();
  void measure_model();
  ExitCode failure_code() const;

  const Options& options_;
  Backend& backend_;
  Records& records_;
  std::string stage_ = "start";
  std::vector<Series> measured_;
};

}  // namespace pqv
