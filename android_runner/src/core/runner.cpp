#include "runner.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <new>

#include "measure.hpp"
#include "memory.hpp"
#include "signals.hpp"
#include "stats.hpp"
#include "tensor_file.hpp"

namespace pqv {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxMessage = 3000;  // a list of missing operators can be long

// Processors that this process may run on.
std::vector<int> allowed_processors() {
  std::vector<int> processors;
#ifdef __linux__
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int i = 0; i < CPU_SETSIZE; ++i) {
      if (CPU_ISSET(i, &set)) {
        processors.push_back(i);
      }
    }
  }
#endif
  return processors;
}

const char* platform() {
#if defined(__ANDROID__)
  return "android";
#elif defined(__linux__)
  return "linux";
#elif defined(__APPLE__)
  return "macos";
#else
  return "posix";
#endif
}

// Android's name of the instruction set that this was built for.
const char* abi() {
#if defined(__aarch64__)
  return "arm64-v8a";
#elif defined(__arm__)
  return "armeabi-v7a";
#elif defined(__x86_64__)
  return "x86_64";
#elif defined(__i386__)
  return "x86";
#else
#error "unknown instruction set"
#endif
}

const char* status_of(ExitCode code) {
  switch (code) {
    case kDone:
      return "ok";
    case kTimeout:
      return "timeout";
    case kInterrupted:
    case kReaderGone:
      return "interrupted";
    default:
      return "failed";
  }
}

json::Object memory_record(const char* phase) {
  const Memory memory = read_memory();
  return json::Object("memory")
      .add("phase", phase)
      .add("peak_rss_bytes", memory.peak_rss_bytes)
      .add("rss_bytes", memory.rss_bytes);
}

void add_figures(json::Object& object, const Series* series) {
  if (series == nullptr || series->samples_ns.empty()) {
    for (const char* key : {"median_ns", "mean_ns", "min_ns", "p90_ns"}) {
      object.raw(key, "null");
    }
    return;
  }
  const Summary summary = summarize(series->samples_ns);
  object.add("median_ns", summary.median)
      .add("mean_ns", summary.mean)
      .add("min_ns", summary.min)
      .add("p90_ns", summary.p90);
}

const Series* fastest(const std::vector<Series>& measured) {
  const Series* best = nullptr;
  for (const auto& series : measured) {
    if (!series.samples_ns.empty() &&
        (best == nullptr || summarize(series.samples_ns).median < summarize(best->samples_ns).median)) {
      best = &series;
    }
  }
  return best;
}

}  // namespace

json::Object final_record(const Outcome& outcome, const std::vector<Series>& measured) {
  std::size_t iterations = 0;
  std::vector<std::string> sweep;
  for (const auto& series : measured) {
    iterations += series.samples_ns.size();
    json::Object row;
    row.add("threads", series.threads).add("iterations", series.samples_ns.size());
    add_figures(row, &series);
    sweep.push_back(row.str());
  }
  json::Object record("final");
  record.add("status", status_of(outcome.code))
      .add("exit_code", static_cast<int>(outcome.code))
      .add("stage", outcome.stage)
      .add("message", outcome.message.substr(0, kMaxMessage))
      .add("iterations", iterations);
  const Series* best = fastest(measured);
  record.raw("threads", best != nullptr ? std::to_string(best->threads) : "null");
  add_figures(record, best);
  return record.raw("sweep", json::list(sweep));
}

void Runner::describe() {
  if (options_.engine != "none") {
    backend_.set_engine(options_.engine);
  }
  const BackendInfo info = backend_.info();
  const Engines engines = backend_.engines();
  records_.write(json::Object("context")
                     .add("schema", 1)
                     .add("runner", PQV_RUNNER_VERSION)
                     .add(info.runtime, info.version)
                     .add("platform", platform())
                     .add("abi", abi())
                     .add("build", PQV_BUILD_TYPE)
                     .add("engines", engines.available)
                     .add("engine", engines.current)
                     .add("threads", options_.threads)
                     .add("processors", allowed_processors())
                     .add("page_size", ::sysconf(_SC_PAGESIZE))
                     .add("pid", ::getpid())
                     .add("model", options_.model)
                     .add("input_shape", options_.input_shape)
                     .add("warmup", options_.warmup)
                     .add("min_iters", options_.min_iters)
                     .add("min_seconds", options_.min_seconds)
                     .add("max_seconds", options_.max_seconds));
  std::fprintf(stderr, "pqv_bench %s, %s %s, %s %s, engine %s\n", PQV_RUNNER_VERSION, info.runtime.c_str(),
               info.version.c_str(), platform(), abi(), engines.current.c_str());
}

void Runner::list_operators() {
  stage_ = "ops";
  const BackendInfo info = backend_.info();
  const RuntimeOperators known = backend_.operators();
  json::Object arguments;
  for (const auto& [name, count] : known.arguments) {
    arguments.raw(name, count ? std::to_string(*count) : "null");
  }
  json::Object record("ops");
  record.add(info.runtime, info.version);
  std::fprintf(stderr, "%zu operators", known.arguments.size());
  for (const auto& [name, version] : known.versions) {
    record.add(name, version);
    std::fprintf(stderr, ", %s %llu", name.c_str(), static_cast<unsigned long long>(version));
  }
  std::fputs("\n", stderr);
  records_.write(record.raw("operators", arguments.str()));
}

void Runner::measure_model() {
  stage_ = "load";
  records_.write(memory_record("start"));
  backend_.set_threads(options_.threads.front());
  const std::vector<float> input =
      options_.input.empty() ? default_input(options_.input_elements())
                             : TensorReader(options_.input, options_.input_elements()).next();
  check_stop(records_);
  const auto before = Clock::now();
  const auto session = backend_.load(options_.model);
  const auto load_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - before).count();
  records_.write(json::Object("load").add("ns", load_ns));
  records_.write(memory_record("loaded"));
  std::fprintf(stderr, "loaded in %.1f ms\n", static_cast<double>(load_ns) / 1e6);
  if (!options_.output.empty()) {
    stage_ = "outputs";
    write_outputs(*session, options_, records_);
  }
  session->set_input(input, options_.input_shape);
  for (const int threads : options_.threads) {
    stage_ = "measure";
    backend_.set_threads(threads);
    measured_.push_back({threads, {}});
    measure(*session, options_, records_, measured_.back());
    if (options_.profile) {
      stage_ = "profile";
      profile(*session, options_, records_, threads);
    }
  }
  records_.write(memory_record("end"));
}

ExitCode Runner::failure_code() const {
  return stage_ == "start" || stage_ == "load" ? kCannotLoad : kRunFailed;
}

Outcome Runner::run() {
  try {
    describe();
    if (options_.ops) {
      list_operators();
    }
    if (!options_.model.empty()) {
      measure_model();
    }
  } catch (const Interrupted&) {
    const bool gone = signals::requested() == signals::Stop::reader_gone;
    return {gone ? kReaderGone : kInterrupted, stage_, signals::reason()};
  } catch (const std::bad_alloc&) {
    return {failure_code(), stage_, "out of memory"};
  } catch (const std::exception& error) {
    return {failure_code(), stage_, error.what()};
  }
  const auto wanted = static_cast<std::size_t>(options_.min_iters);
  const auto is_short = [&](const Series& series) { return series.samples_ns.size() < wanted; };
  if (std::any_of(measured_.begin(), measured_.end(), is_short)) {
    return {kTimeout, "measure", "the time box ended before --min-iters runs were measured"};
  }
  return {kDone, "end", ""};
}

}  // namespace pqv
