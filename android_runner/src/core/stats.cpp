#include "stats.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace pqv {

Summary summarize(std::vector<std::int64_t> samples) {
  if (samples.empty()) {
    throw std::invalid_argument("no samples");
  }
  std::sort(samples.begin(), samples.end());
  const std::size_t count = samples.size();
  const double upper = static_cast<double>(samples[count / 2]);
  const double lower = static_cast<double>(samples[(count - 1) / 2]);
  const double sum = std::accumulate(samples.begin(), samples.end(), 0.0);
  return {(lower + upper) / 2, sum / static_cast<double>(count), samples.front(), samples[(count * 9 + 9) / 10 - 1]};
}

}  // namespace pqv
