#include "args.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>

namespace pqv {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 28;  // 1 GiB of float32
constexpr double kMaxSeconds = 7 * 24 * 3600.0;

[[noreturn]] void refuse(const std::string& option, const std::string& value, const std::string& expected) {
  throw UsageError(option + ": '" + value + "' is not " + expected);
}

std::int64_t whole_number(const std::string& option, const std::string& text, std::int64_t low,
                          std::int64_t high) {
  const auto expected = "a whole number from " + std::to_string(low) + " to " + std::to_string(high);
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos) {
    refuse(option, text, expected);
  }
  errno = 0;
  const long long value = std::strtoll(text.c_str(), nullptr, 10);
  if (errno != 0 || value < low || value > high) {
    refuse(option, text, expected);
  }
  return value;
}

double seconds(const std::string& option, const std::string& text, bool zero_allowed) {
  const char* expected = zero_allowed ? "a number of seconds" : "a positive number of seconds";
  if (text.empty() || text.find_first_not_of("0123456789.") != std::string::npos) {
    refuse(option, text, expected);
  }
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (*end != '\0' || !std::isfinite(value) || value > kMaxSeconds || (value == 0.0 && !zero_allowed)) {
    refuse(option, text, expected);
  }
  return value;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char letter : text) {
    if (letter == ',') {
      parts.emplace_back();
    } else {
      parts.back() += letter;
    }
  }
  return parts;
}

std::vector<std::int64_t> shape(const std::string& option, const std::string& text) {
  std::vector<std::int64_t> dimensions;
  std::int64_t elements = 1;
  for (const auto& part : split(text)) {
    dimensions.push_back(whole_number(option, part, 1, 1 << 20));
    elements *= dimensions.back();
    if (elements > kMaxElements) {
      refuse(option, text, "a shape of at most 268435456 values");
    }
  }
  return dimensions;
}

std::vector<int> thread_counts(const std::string& option, const std::string& text) {
  std::vector<int> counts;
  for (const auto& part : split(text)) {
    counts.push_back(static_cast<int>(whole_number(option, part, 1, 256)));
  }
  return counts;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

std::string path(const std::string& option, const std::string& text) {
  if (text.empty()) {
    refuse(option, text, "a path");
  }
  return text;
}

using Setter = std::function<void(Options&, const std::string& option, const std::string& value)>;

const std::map<std::string, Setter>& settings() {
  static const std::map<std::string, Setter> table{
      {"--model", [](Options& o, auto& k, auto& v) { o.model = path(k, v); }},
      {"--input-shape", [](Options& o, auto& k, auto& v) { o.input_shape = shape(k, v); }},
      {"--warmup",
       [](Options& o, auto& k, auto& v) { o.warmup = static_cast<int>(whole_number(k, v, 0, 1'000'000)); }},
      {"--min-iters",
       [](Options& o, auto& k, auto& v) {
         o.min_iters = static_cast<int>(whole_number(k, v, 0, 10'000'000));
       }},
      {"--min-seconds", [](Options& o, auto& k, auto& v) { o.min_seconds = seconds(k, v, true); }},
      {"--max-seconds", [](Options& o, auto& k, auto& v) { o.max_seconds = seconds(k, v, false); }},
      {"--threads", [](Options& o, auto& k, auto& v) { o.threads = thread_counts(k, v); }},
      {"--engine", [](Options& o, auto&, auto& v) { o.engine = v; }},
      {"--input", [](Options& o, auto& k, auto& v) { o.input = path(k, v); }},
      {"--output", [](Options& o, auto& k, auto& v) { o.output = path(k, v); }},
  };
  return table;
}

const std::map<std::string, bool Options::*>& flags() {
  static const std::map<std::string, bool Options::*> table{
      {"--profile", &Options::profile}, {"--ops", &Options::ops},         {"--json", &Options::json},
      {"--help", &Options::help},       {"--version", &Options::version},
  };
  return table;
}

void check(const Options& options, std::vector<std::string> engines) {
  engines.emplace_back("none");
  if (std::find(engines.begin(), engines.end(), options.engine) == engines.end()) {
    refuse("--engine", options.engine, "one of " + joined(engines));
  }
  if (options.help || options.version) {
    return;
  }
  if (options.model.empty() && !options.ops) {
    throw UsageError("--model is missing");
  }
  if (options.model.empty() && !(options.input.empty() && options.output.empty())) {
    throw UsageError("--input and --output need --model");
  }
  if (options.min_seconds > options.max_seconds) {
    throw UsageError("--min-seconds is larger than --max-seconds");
  }
}

}  // namespace

std::size_t Options::input_elements() const {
  std::size_t elements = 1;
  for (const auto dimension : input_shape) {
    elements *= static_cast<std::size_t>(dimension);
  }
  return elements;
}

Options parse_arguments(const std::vector<std::string>& words, const std::vector<std::string>& engines) {
  Options options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto equals = words[i].find('=');
    const std::string name = words[i].substr(0, equals);
    if (const auto flag = flags().find(words[i]); flag != flags().end()) {
      options.*(flag->second) = true;
      continue;
    }
    const auto setting = settings().find(name);
    if (setting == settings().end()) {
      throw UsageError("'" + words[i] + "' is not an option; see --help");
    }
    if (equals != std::string::npos) {
      setting->second(options, name, words[i].substr(equals + 1));
    } else if (i + 1 < words.size()) {
      setting->second(options, name, words[++i]);
    } else {
      throw UsageError(name + " needs a value");
    }
  }
  check(options, engines);
  return options;
}

std::string usage(const BackendInfo& backend) {
  return "pqv_bench measures " + backend.file + R"(.

  --model FILE          the file to measure
  --input-shape A,B,... shape of the float32 input (1,3,224,224)
  --warmup N            runs before measuring (5); they may use half of the time box
  --min-iters N         runs to measure (50)
  --min-seconds S       keep measuring until S seconds have passed (0)
  --max-seconds S       time box of warm-up and measuring, for each thread count (60)
  --threads T[,T...]    thread counts, measured one after another (1)
  --engine NAME         engine of the quantized operators: )" + joined(backend.engines) + R"(; none (the
                        default) leaves the runtime's own choice
  --input FILE          raw little-endian float32 values of one or more inputs, run one after another
  --output FILE         where the first output tensor of every input is written, as raw float32
  --profile             time the operators, in runs of their own after measuring
  --ops                 list the operators of the runtime and which files it reads; needs no --model
  --json                one JSON object a line on standard output (text for people is on standard error)
  --version, --help

Exit codes: 0 done; 2 wrong usage; 3 the model or the input cannot be loaded; 4 the run failed;
5 the time box ended before --min-iters; 130 interrupted by SIGINT, SIGTERM or SIGHUP; 141 nobody reads the
output any more, or the parent process is gone; 128 + n crashed with signal n.
)";
}

}  // namespace pqv
