#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "args.hpp"
#include "backend.hpp"
#include "records.hpp"
#include "runner.hpp"
#include "signals.hpp"
#include "watchdog.hpp"

namespace {

int finish(pqv::Records& records, const pqv::Outcome& outcome, const std::vector<pqv::Series>& measured) {
  if (!outcome.message.empty()) {
    std::fprintf(stderr, "pqv_bench: %s\n", outcome.message.c_str());
  }
  records.finish(pqv::final_record(outcome, measured));
  return records.broken() ? pqv::kReaderGone : outcome.code;
}

// Called by the watchdog while the main thread is inside an operator: what was measured so far stands in the
// lines already written.
[[noreturn]] void end_now(pqv::Records& records) {
  const bool gone = pqv::signals::requested() == pqv::signals::Stop::reader_gone;
  const auto code = gone ? pqv::kReaderGone : pqv::kInterrupted;
  records.finish(pqv::final_record({code, "overdue", pqv::signals::reason()}, {}), std::chrono::milliseconds(100));
  ::_exit(code);
}

std::string crash_line(int exit_code, const char* signal) {
  const pqv::Outcome outcome{static_cast<pqv::ExitCode>(exit_code), "crash", std::string("crashed with ") + signal};
  return pqv::final_record(outcome, {}).str() + "\n";
}

int run(const pqv::Options& options, pqv::Backend& backend, pqv::Records& records) {
  if (options.help || options.version) {
    std::fputs(options.help ? pqv::usage(backend.info()).c_str() : "pqv_bench " PQV_RUNNER_VERSION "\n",
               options.json ? stderr : stdout);
    return finish(records, {pqv::kDone, "end", ""}, {});
  }
  pqv::signals::install();
  if (options.json) {
    pqv::signals::report_crashes(STDOUT_FILENO, records.finished(), crash_line);
  }
  pqv::Runner runner(options, backend, records);
  const pqv::Watchdog watchdog(STDOUT_FILENO, [&] { end_now(records); });
  const pqv::Outcome outcome = runner.run();
  return finish(records, outcome, runner.measured());
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  bool json = false;
  for (const auto& word : words) {
    json = json || word == "--json";
  }
  pqv::Records records(STDOUT_FILENO, json);
  try {
    const auto backend = pqv::make_backend();
    return run(pqv::parse_arguments(words, backend->info().engines), *backend, records);
  } catch (const pqv::UsageError& error) {
    return finish(records, {pqv::kUsage, "arguments", error.what()}, {});
  } catch (const std::exception& error) {
    return finish(records, {pqv::kRunFailed, "start", error.what()}, {});
  }
}
