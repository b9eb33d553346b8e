#include "measure.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "operator_profile.hpp"
#include "signals.hpp"
#include "stats.hpp"
#include "tensor_file.hpp"

namespace pqv {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMaxProfiledRuns = 10;
constexpr std::chrono::milliseconds kProgressEvery{100};
constexpr std::chrono::milliseconds kTellEvery{20};

std::int64_t nanoseconds(Clock::duration time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

Clock::duration from_seconds(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

bool stop_wanted(const Records& records) {
  if (records.broken()) {
    signals::request(signals::Stop::reader_gone);
  }
  return signals::requested() != signals::Stop::none;
}

// The records of a series' samples, written together once some time has passed: between short iterations neither
// are lines made nor is a reader woken, and each of the long ones is told as it ends.
class Teller {
 public:
  Teller(Records& records, const Series& series, Clock::time_point now)
      : records_(records), series_(series), told_at_(now) {}

  void tell_if_due(Clock::time_point now) {
    if (now - told_at_ >= kTellEvery) {
      tell();
      told_at_ = now;
    }
  }

  void tell() {
    std::vector<json::Object> lines;
    for (; told_ < series_.samples_ns.size(); ++told_) {
      lines.push_back(json::Object("iteration")
                          .add("index", told_)
                          .add("ns", series_.samples_ns[told_])
                          .add("threads", series_.threads));
    }
    records_.write(lines);
  }

 private:
  Records& records_;
  const Series& series_;
  std::size_t told_ = 0;
  Clock::time_point told_at_;
};

int warm_up(Session& session, const Options& options, const Records& records, Clock::time_point deadline) {
  int runs = 0;
  while (runs < options.warmup && Clock::now() < deadline) {
    check_stop(records);
    session.run();
    ++runs;
  }
  return runs;
}

void tell(const Series& series) {
  if (series.samples_ns.empty()) {
    return;
  }
  const Summary summary = summarize(series.samples_ns);
  std::fprintf(stderr, "threads %d: median %.3f ms, p90 %.3f, min %.3f over %zu runs\n", series.threads,
               summary.median / 1e6, static_cast<double>(summary.p90) / 1e6,
               static_cast<double>(summary.min) / 1e6, series.samples_ns.size());
}

json::Object operators_record(const OperatorProfile& profile, int threads) {
  std::vector<std::string> rows;
  for (const auto& time : profile.operators) {
    rows.push_back(json::Object()
                       .add("name", time.name)
                       .add("calls", time.calls)
                       .add("self_ns", time.self_ns)
                       .add("total_ns", time.total_ns)
                       .str());
  }
  return json::Object("operators")
      .add("threads", threads)
      .add("iterations", profile.iterations)
      .add("wall_ns", profile.wall_ns)
      .add("plain_ns", profile.plain_ns)
      .raw("operators", json::list(rows));
}

}  // namespace

void check_stop(const Records& records) {
  if (stop_wanted(records)) {
    throw Interrupted();
  }
}

void write_outputs(Session& session, const Options& options, Records& records) {
  std::optional<TensorReader> reader;
  if (!options.input.empty()) {
    reader.emplace(options.input, options.input_elements());
  }
  const std::size_t total = reader ? reader->items() : 1;
  TensorWriter writer(options.output);
  std::vector<std::int64_t> shape;
  auto told = Clock::now();
  for (std::size_t done = 0; done < total; ++done) {
    check_stop(records);
    session.set_input(reader ? reader->next() : default_input(options.input_elements()), options.input_shape);
    session.run();
    if (done > 0 && session.output_shape() != shape) {
      throw std::runtime_error("the shape of the output changes from one input to the next");
    }
    shape = session.output_shape();
    writer.write(session.output());
    if (Clock::now() - told >= kProgressEvery) {
      told = Clock::now();
      records.write(json::Object("progress").add("done", done + 1).add("total", total));
    }
  }
  writer.commit();
  records.write(json::Object("outputs")
                    .add("path", options.output)
                    .add("count", total)
                    .add("shape", shape)
                    .add("bytes", writer.bytes()));
  std::fprintf(stderr, "wrote the outputs of %zu inputs to %s\n", total, options.output.c_str());
}

void measure(Session& session, const Options& options, Records& records, Series& series) {
  const auto start = Clock::now();
  const auto box = from_seconds(options.max_seconds);
  const int warm = warm_up(session, options, records, start + box / 2);
  const auto measuring = Clock::now();
  records.write(json::Object("warmup")
                    .add("threads", series.threads)
                    .add("iterations", warm)
                    .add("ns", nanoseconds(measuring - start)));
  const auto wanted_until = measuring + from_seconds(options.min_seconds);
  const auto wanted_runs = static_cast<std::size_t>(options.min_iters);
  series.samples_ns.reserve(std::min<std::size_t>(wanted_runs, 65536));
  Teller teller(records, series, measuring);
  for (auto now = measuring; now < start + box && !stop_wanted(records);) {
    if (series.samples_ns.size() >= wanted_runs && now >= wanted_until) {
      break;
    }
    const auto before = Clock::now();
    session.run();
    now = Clock::now();
    series.samples_ns.push_back(nanoseconds(now - before));
    teller.tell_if_due(now);
  }
  teller.tell();
  check_stop(records);
  tell(series);
}

void profile(Session& session, const Options& options, Records& records, int threads) {
  const auto wanted = static_cast<std::size_t>(std::clamp(options.min_iters, 1, kMaxProfiledRuns));
  const auto deadline = Clock::now() + from_seconds(options.max_seconds / 4);
  Turns turns;
  session.profile([&](const auto& timed) {
    do {
      check_stop(records);
      const auto before = Clock::now();
      session.run();
      turns.plain_ns.push_back(nanoseconds(Clock::now() - before));
      turns.profiled.push_back(timed());
    } while (turns.profiled.size() < wanted && Clock::now() < deadline);
  });
  const OperatorProfile found = calm_half(std::move(turns));
  records.write(operators_record(found, threads));
  for (std::size_t i = 0; i < std::min<std::size_t>(found.operators.size(), 10); ++i) {
    const auto& time = found.operators[i];
    std::fprintf(stderr, "  %9.3f ms  %s\n", static_cast<double>(time.self_ns) / 1e6 / found.iterations,
                 time.name.c_str());
  }
}

}  // namespace pqv
