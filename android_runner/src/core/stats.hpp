// What a list of samples says.
#pragma once

#include <cstdint>
#include <vector>

namespace pqv {

struct Summary {
  double median = 0;
  double mean = 0;
  std::int64_t min = 0;
  std::int64_t p90 = 0;  // nearest rank: sorted[ceil(0.9 n) - 1]
};

// Summary of at least one sample, in the samples' unit. Throws std::invalid_argument when there is none.
Summary summarize(std::vector<std::int64_t> samples);

}  // namespace pqv
