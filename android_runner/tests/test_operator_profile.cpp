#include "check.hpp"
#include "core/operator_profile.hpp"

using pqv::calm_half;

namespace {

pqv::ProfiledRun run(std::int64_t ns) { return {ns, {{"add", 2, ns / 4, ns / 4}, {"mul", 1, ns / 2, ns}}}; }

}  // namespace

int main() {
  // Of four turns the calmer two, of either kind whichever they are.
  const auto found = calm_half({{90, 700, 30, 60}, {run(40), run(80), run(800), run(400)}});
  CHECK(found.iterations == 2 && found.wall_ns == 120 && found.plain_ns == 90);
  CHECK(found.operators.size() == 2 && found.operators[0].name == "mul" && found.operators[1].name == "add");
  CHECK(found.operators[0].calls == 2 && found.operators[0].self_ns == 60 && found.operators[0].total_ns == 120);
  CHECK(found.operators[1].calls == 4 && found.operators[1].self_ns == 30);
  const auto one = calm_half({{50}, {run(40)}});
  CHECK(one.iterations == 1 && one.wall_ns == 40 && one.plain_ns == 50);
  // An operator that some runs do not call is not lost.
  const auto other = calm_half({{1, 1, 1}, {{5, {{"a", 1, 5, 5}}}, {6, {{"b", 1, 6, 6}}}, {7, {{"a", 1, 7, 7}}}}});
  CHECK(other.iterations == 2 && other.operators.size() == 2 && other.operators[0].name == "b");
}
