// An image as the model's input. The numbers are those of preprocessing.json.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace app {

constexpr int kChannels = {{ recipe.channels }};
constexpr int kHeight = {{ recipe.input_size[1] }};
constexpr int kWidth = {{ recipe.input_size[2] }};
constexpr std::array<float, kChannels> kMean = { {%- for value in recipe.mean %} {{ value | number }}{{ "," if not loop.last }}{% endfor %} };
constexpr std::array<float, kChannels> kStd = { {%- for value in recipe.std %} {{ value | number }}{{ "," if not loop.last }}{% endfor %} };

// Pixels of the input's size, row by row, their channels side by side ({{ steps.channels }}), as float32 in NCHW.
// Resize and crop before: see README.md.
inline std::vector<float> input_of(const std::uint8_t* pixels) {
  constexpr std::size_t area = static_cast<std::size_t>(kHeight) * kWidth;
  std::vector<float> input(kChannels * area);
  for (std::size_t at = 0; at < area; ++at) {
    for (std::size_t channel = 0; channel < kChannels; ++channel) {
      input[channel * area + at] = (pixels[at * kChannels + channel] / 255.0f - kMean[channel]) / kStd[channel];
    }
  }
  return input;
}

}  // namespace app
