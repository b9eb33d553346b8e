// The seam between the program and the runtime that it measures: whoever adds a runtime implements this, in a
// folder of its own beside core/. Nothing here or elsewhere in core/ sees a runtime's headers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pqv {

// What a backend is, known without touching its runtime.
struct BackendInfo {
  std::string runtime;               // its key in the records, which has the version as its value: "torch"
  std::string version;               // of the runtime
  std::string file;                  // what it measures, as --help says it: "a PyTorch Lite file (.ptl)"
  std::vector<std::string> engines;  // what --engine takes besides "none"; the runtime may lack some
};

// Engines of the quantized operators, in the spelling of --engine, without "none".
struct Engines {
  std::vector<std::string> available;
  std::string current;
};

// What the runtime reads and can do, for --ops.
struct RuntimeOperators {
  std::vector<std::pair<std::string, std::uint64_t>> versions;  // of files that it reads: a record's key, a value
  std::map<std::string, std::optional<int>> arguments;          // by name.overload; none where no schema is kept
};

struct OperatorTime {
  std::string name;
  std::int64_t calls = 0;
  std::int64_t self_ns = 0;   // without the operators that it calls
  std::int64_t total_ns = 0;  // with them
};

// A run whose operators were timed.
struct ProfiledRun {
  std::int64_t ns = 0;  // of the whole, without the bookkeeping after it
  std::vector<OperatorTime> operators;
};

// A loaded file. It is made, used and destroyed on one thread. All failures are std::runtime_error.
class Session {
 public:
  virtual ~Session() = default;

  virtual void set_input(const std::vector<float>& values, const std::vector<std::int64_t>& shape) = 0;

  // Runs the model once; its result is kept until the next run. This alone is timed.
  virtual void run() = 0;

  // The first tensor of the last result, as float32 in row-major order.
  virtual std::vector<float> output() const = 0;
  virtual std::vector<std::int64_t> output_shape() const = 0;

  // Calls `runs` with what makes one run and times its operators; run() between them is as ever. What `runs` throws
  // goes through.
  virtual void profile(const std::function<void(const std::function<ProfiledRun()>& timed)>& runs) = 0;
};

// A runtime. All failures are std::runtime_error.
class Backend {
 public:
  virtual ~Backend() = default;

  virtual BackendInfo info() const = 0;
  virtual Engines engines() const = 0;
  virtual RuntimeOperators operators() const = 0;

  // Throws when the runtime lacks it.
  virtual void set_engine(const std::string& name) = 0;

  // Threads of one operator. Said before loading, and between runs of a loaded file.
  virtual void set_threads(int count) = 0;

  virtual std::unique_ptr<Session> load(const std::string& path) = 0;
};

// Defined once in a program, by the backend that it is linked with. May not touch the runtime yet.
std::unique_ptr<Backend> make_backend();

}  // namespace pqv
