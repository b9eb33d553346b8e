// The loop over a backend that computes nothing: which records come, what is asked of the backend, how failure ends.
#include "check.hpp"
#include "core/backend.hpp"
#include "core/records.hpp"
#include "core/runner.hpp"
#include "core/signals.hpp"
#include "core/tensor_file.hpp"

#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace {

// What the fake was asked for, and where it is to fail.
struct Script {
  std::vector<std::string> calls;
  std::string fails_at;

  void call(const std::string& name) {
    calls.push_back(name);
    if (name == fails_at) {
      throw std::runtime_error("no " + name);
    }
  }
};

// Answers each input with its first value, twice.
class FakeSession : public pqv::Session {
 public:
  explicit FakeSession(Script& script) : script_(script) {}
  ~FakeSession() override { script_.calls.emplace_back("end"); }

  void set_input(const std::vector<float>& values, const std::vector<std::int64_t>&) override {
    script_.call("input");
    first_ = values.front();
  }
  void run() override { script_.call("run"); }
  std::vector<float> output() const override { return {first_, first_}; }
  std::vector<std::int64_t> output_shape() const override { return {1, 2}; }
  void profile(const std::function<void(const std::function<pqv::ProfiledRun()>&)>& runs) override {
    script_.call("profile");
    runs([this] {
      script_.call("timed");
      return pqv::ProfiledRun{40, {{"fake::add", 3, 20, 30}}};
    });
  }

 private:
  Script& script_;
  float first_ = 0;
};

class FakeBackend : public pqv::Backend {
 public:
  explicit FakeBackend(Script& script) : script_(script) {}

  pqv::BackendInfo info() const override { return {"fake", "2.3", "a fake file", {"slow", "fast"}}; }
  pqv::Engines engines() const override { return {{"slow", "fast"}, engine_}; }
  pqv::RuntimeOperators operators() const override { return {{{"format_max", 7}}, {{"fake::add", 2}, {"odd", {}}}}; }
  void set_engine(const std::string& name) override {
    script_.call("engine " + name);
    engine_ = name;
  }
  void set_threads(int count) override { script_.call("threads " + std::to_string(count)); }
  std::unique_ptr<pqv::Session> load(const std::string& path) override {
    script_.call("load " + path);
    return std::make_unique<FakeSession>(script_);
  }

 private:
  Script& script_;
  std::string engine_ = "slow";
};

struct Run {
  pqv::Outcome outcome;
  std::vector<pqv::Series> measured;
  std::vector<std::string> lines;
};

std::vector<std::string> lines_of(std::FILE* file) {
  std::vector<std::string> lines(1);
  std::rewind(file);
  for (int letter = std::fgetc(file); letter != EOF; letter = std::fgetc(file)) {
    if (letter == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += static_cast<char>(letter);
    }
  }
  lines.pop_back();
  return lines;
}

Run run(Script& script, const std::vector<std::string>& words) {
  FakeBackend backend(script);
  const auto options = pqv::parse_arguments(words, backend.info().engines);
  std::FILE* file = std::tmpfile();
  CHECK(file != nullptr);
  pqv::Records records(::fileno(file), true);
  pqv::Runner runner(options, backend, records);
  const auto outcome = runner.run();
  const Run result{outcome, runner.measured(), lines_of(file)};
  std::fclose(file);
  return result;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string kind(const std::string& line) {
  const std::string start = "{\"type\":\"";
  CHECK(line.compare(0, start.size(), start) == 0);
  return line.substr(start.size(), line.find('"', start.size()) - start.size());
}

std::vector<std::string> kinds(const Run& run) {
  std::vector<std::string> names;
  for (const auto& line : run.lines) {
    names.push_back(kind(line));
  }
  return names;
}

using Names = std::vector<std::string>;

void measures_each_number_of_threads() {
  Script script;
  const auto done = run(script, {"--model", "m", "--warmup", "1", "--min-iters", "2", "--threads", "4,1", "--profile",
                                 "--engine", "fast"});
  CHECK(done.outcome.code == pqv::kDone && done.outcome.stage == "end");
  CHECK((script.calls == Names{"engine fast", "threads 4", "load m", "input",
                               "threads 4", "run", "run", "run", "profile", "run", "timed", "run", "timed",
                               "threads 1", "run", "run", "run", "profile", "run", "timed", "run", "timed", "end"}));
  CHECK((kinds(done) == Names{"context", "memory", "load", "memory", "warmup", "iteration", "iteration", "operators",
                              "warmup", "iteration", "iteration", "operators", "memory"}));
  CHECK(contains(done.lines[0], "\"fake\":\"2.3\""));
  CHECK(contains(done.lines[0], "\"engines\":[\"slow\",\"fast\"],\"engine\":\"fast\""));
  CHECK(contains(done.lines[6], "\"index\":1") && contains(done.lines[6], "\"threads\":4"));
  CHECK(contains(done.lines[7], "\"threads\":4,\"iterations\":1,\"wall_ns\":40,\"plain_ns\":"));
  CHECK(contains(done.lines[7], "[{\"name\":\"fake::add\",\"calls\":3,\"self_ns\":20,\"total_ns\":30}]"));
  CHECK(done.measured.size() == 2 && done.measured[0].samples_ns.size() == 2 && done.measured[1].threads == 1);
}

void answers_every_input() {
  const std::vector<float> images{1, 2, 3, 4};
  std::ofstream("test_loop.in", std::ios::binary)
      .write(reinterpret_cast<const char*>(images.data()), static_cast<std::streamsize>(4 * sizeof(float)));
  Script script;
  const auto done = run(script, {"--model", "m", "--input-shape", "2", "--input", "test_loop.in", "--output",
                                 "test_loop.out", "--warmup", "0", "--min-iters", "0"});
  CHECK(done.outcome.code == pqv::kDone);
  pqv::TensorReader answers("test_loop.out", 2);
  CHECK(answers.items() == 2);
  CHECK((answers.next() == std::vector<float>{1, 1}) && (answers.next() == std::vector<float>{3, 3}));
  CHECK(contains(done.lines[4], "\"count\":2,\"shape\":[1,2],\"bytes\":16"));
  std::remove("test_loop.in");
  std::remove("test_loop.out");
}

void lists_operators() {
  Script script;
  const auto done = run(script, {"--ops"});
  CHECK(done.outcome.code == pqv::kDone && script.calls.empty());
  CHECK(done.lines[1] ==
        "{\"type\":\"ops\",\"fake\":\"2.3\",\"format_max\":7,\"operators\":{\"fake::add\":2,\"odd\":null}}");
}

// The outcome and the last record of a run whose backend fails at `call`.
std::string failure(const std::string& call, pqv::ExitCode code, const std::string& stage) {
  Script script;
  script.fails_at = call;
  const auto done = run(script, {"--model", "m", "--engine", "fast", "--min-iters", "1", "--profile"});
  CHECK(done.outcome.code == code && done.outcome.stage == stage && done.outcome.message == "no " + call);
  CHECK(done.measured.empty() || done.measured.back().samples_ns.size() < 2);
  const auto last = pqv::final_record(done.outcome, done.measured).str();
  CHECK(contains(last, "\"status\":\"failed\",\"exit_code\":" + std::to_string(code)));
  CHECK(contains(last, "\"message\":\"no " + call + "\""));
  return script.calls.back();
}

void tells_what_failed() {
  CHECK(failure("engine fast", pqv::kCannotLoad, "start") == "engine fast");
  CHECK(failure("load m", pqv::kCannotLoad, "load") == "load m");
  // A file that was loaded is let go of, whatever fails.
  CHECK(failure("input", pqv::kCannotLoad, "load") == "end");
  CHECK(failure("run", pqv::kRunFailed, "measure") == "end");
  CHECK(failure("profile", pqv::kRunFailed, "profile") == "end");
  CHECK(failure("timed", pqv::kRunFailed, "profile") == "end");
}

void ends_when_it_is_told_to() {
  pqv::signals::install();
  pqv::signals::request(pqv::signals::Stop::interrupted);
  Script script;
  const auto done = run(script, {"--model", "m"});
  CHECK(done.outcome.code == pqv::kInterrupted && done.outcome.stage == "load");
  CHECK((script.calls == Names{"threads 1"}));
}

}  // namespace

int main() {
  measures_each_number_of_threads();
  answers_every_input();
  lists_operators();
  tells_what_failed();
  ends_when_it_is_told_to();  // the last: nothing takes the request back
}
