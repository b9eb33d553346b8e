// Running a loaded model: its answers, its time, its operators.
#pragma once

#include <stdexcept>
#include <string>

#include "args.hpp"
#include "backend.hpp"
#include "records.hpp"
#include "runner.hpp"

namespace pqv {

// The end was asked for; signals::requested() knows why.
class Interrupted : public std::runtime_error {
 public:
  Interrupted() : std::runtime_error("interrupted") {}
};

// Throws Interrupted when the end was asked for or the reader is gone.
void check_stop(const Records& records);

// Runs the model on every input of --input, or on the default input, and writes --output.
void write_outputs(Session& session, const Options& options, Records& records);

// Warm-up runs, then timed ones into `series`; each of them a record.
void measure(Session& session, const Options& options, Records& records, Series& series);

// Runs with the profiler on; one record.
void profile(Session& session, const Options& options, Records& records, int threads);

}  // namespace pqv
