#include "check.hpp"
#include "core/args.hpp"

using pqv::UsageError;
using Words = std::vector<std::string>;

namespace {

pqv::Options parse_arguments(const Words& words) { return pqv::parse_arguments(words, {"qnnpack", "x86"}); }

void reads_every_option() {
  const auto o = parse_arguments({"--model", "m.ptl", "--input-shape=2,3,32,32", "--warmup", "0", "--min-iters", "7",
                                  "--min-seconds", "1.5", "--max-seconds", "20", "--threads", "1,2,4", "--engine",
                                  "qnnpack", "--input", "x", "--output", "y=z", "--profile", "--ops", "--json"});
  CHECK(o.model == "m.ptl" && o.input == "x" && o.output == "y=z" && o.engine == "qnnpack");
  CHECK((o.input_shape == std::vector<std::int64_t>{2, 3, 32, 32}));
  CHECK(o.input_elements() == 2 * 3 * 32 * 32);
  CHECK((o.threads == std::vector<int>{1, 2, 4}));
  CHECK(o.warmup == 0 && o.min_iters == 7 && o.min_seconds == 1.5 && o.max_seconds == 20);
  CHECK(o.profile && o.ops && o.json && !o.help && !o.version);
}

void has_the_defaults_of_its_help() {
  const auto o = parse_arguments({"--model", "m"});
  CHECK((o.input_shape == std::vector<std::int64_t>{1, 3, 224, 224}));
  CHECK(o.warmup == 5 && o.min_iters == 50 && o.min_seconds == 0 && o.max_seconds == 60);
  CHECK((o.threads == std::vector<int>{1}) && o.engine == "none");
}

void needs_a_model_unless_asked_for_operators() {
  CHECK_THROWS(parse_arguments({}), UsageError);
  CHECK_THROWS(parse_arguments({"--ops", "--input", "x"}), UsageError);
  CHECK(parse_arguments({"--ops"}).model.empty());
  CHECK(parse_arguments({"--help"}).help);
}

void refuses_what_cannot_be() {
  for (const Words& words : {
           Words{"--nonsense"}, {"model"}, {"--model"}, {"--model", ""}, {"--json=1"}, {"--warmup", "-1"},
           {"--warmup", "1e3"}, {"--warmup", "99999999999999999999"}, {"--min-iters", "x"}, {"--threads", "0"},
           {"--threads", "1,"}, {"--threads", ""}, {"--threads", "257"}, {"--input-shape", "1,0"},
           {"--input-shape", "1, 3"}, {"--input-shape", "65536,65536"}, {"--max-seconds", "0"},
           {"--max-seconds", "nan"}, {"--max-seconds", "1.2.3"}, {"--max-seconds", "1e9999"}, {"--max-seconds", "."},
           {"--min-seconds", "-1"}, {"--min-seconds", "61"}, {"--engine", "QNNPACK"}, {"--engine", ""},
       }) {
    Words all{"--model", "m"};
    all.insert(all.end(), words.begin(), words.end());
    CHECK_THROWS(parse_arguments(all), UsageError);
  }
}

void takes_the_engines_of_its_backend() {
  CHECK(pqv::parse_arguments({"--ops", "--engine", "xnnpack"}, {"xnnpack"}).engine == "xnnpack");
  CHECK_THROWS(pqv::parse_arguments({"--ops", "--engine", "qnnpack"}, {"xnnpack"}), UsageError);
  CHECK(pqv::parse_arguments({"--ops", "--engine", "none"}, {}).engine == "none");
  const auto help = pqv::usage({"runtime", "1.0", "a file", {"xnnpack", "portable"}});
  CHECK(help.find("pqv_bench measures a file.") == 0);
  CHECK(help.find("xnnpack, portable; none") != std::string::npos);
}

}  // namespace

int main() {
  reads_every_option();
  has_the_defaults_of_its_help();
  needs_a_model_unless_asked_for_operators();
  refuses_what_cannot_be();
  takes_the_engines_of_its_backend();
}
