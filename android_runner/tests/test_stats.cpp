#include "check.hpp"
#include "core/stats.hpp"

#include <stdexcept>

using pqv::summarize;

int main() {
  CHECK_THROWS(summarize({}), std::invalid_argument);
  const auto one = summarize({7});
  CHECK(one.median == 7 && one.mean == 7 && one.min == 7 && one.p90 == 7);
  const auto odd = summarize({30, 10, 20});
  CHECK(odd.median == 20 && odd.mean == 20 && odd.min == 10 && odd.p90 == 30);
  CHECK(summarize({1, 2, 3, 10}).median == 2.5);
  CHECK(summarize({10, 9, 8, 7, 6, 5, 4, 3, 2, 1}).p90 == 9);
  CHECK(summarize({11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}).p90 == 10);
  // Sums beyond 2^53 and medians of large samples keep their size.
  CHECK(summarize({4'000'000'000'000'000'000, 4'000'000'000'000'000'000}).median == 4e18);
}
