// Classifies one image: classify MODEL LABELS INPUT, where INPUT is a .ppm (P6) of the input's size or a raw float32
// input (.f32). Prints the five best classes, then all logits, one in a line.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "classifier.hpp"
#include "preprocessing.hpp"

namespace {

std::ifstream opened(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw std::runtime_error("cannot read " + path);
  }
  return file;
}

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file = opened(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line);
  }
  return lines;
}

std::vector<float> input_of_ppm(const std::string& path) {
  std::ifstream file = opened(path);
  std::string kind;
  int width = 0, height = 0, largest = 0;
  file >> kind >> width >> height >> largest;
  file.get();  // the one space before the pixels
  if (kind != "P6" || width != app::kWidth || height != app::kHeight || largest != 255 || app::kChannels != 3) {
    throw std::runtime_error(path + " is not a P6 image of the input's size");
  }
  std::vector<char> pixels(static_cast<std::size_t>(width) * height * 3);
  if (!file.read(pixels.data(), static_cast<std::streamsize>(pixels.size()))) {
    throw std::runtime_error(path + " is cut");
  }
  return app::input_of(reinterpret_cast<const std::uint8_t*>(pixels.data()));
}

std::vector<float> input_of_raw(const std::string& path) {
  std::ifstream file = opened(path);
  std::vector<float> input(static_cast<std::size_t>(app::kChannels) * app::kHeight * app::kWidth);
  const auto bytes = static_cast<std::streamsize>(input.size() * sizeof(float));
  if (!file.read(reinterpret_cast<char*>(input.data()), bytes)) {
    throw std::runtime_error(path + " is cut");
  }
  return input;
}

std::vector<float> probabilities(const std::vector<float>& logits) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  std::vector<float> result;
  for (const float value : logits) {
    result.push_back(std::exp(value - largest));
  }
  const float sum = std::accumulate(result.begin(), result.end(), 0.0f);
  for (float& value : result) {
    value /= sum;
  }
  return result;
}

void classify(const std::string& model, const std::string& labels_path, const std::string& input_path) {
  const bool is_ppm = input_path.size() > 4 && input_path.compare(input_path.size() - 4, 4, ".ppm") == 0;
  const auto classifier = app::load(model);
  const std::vector<float> logits = classifier->logits(is_ppm ? input_of_ppm(input_path) : input_of_raw(input_path));
  if (logits.empty()) {
    throw std::runtime_error("the model gave nothing");
  }
  const std::vector<float> shares = probabilities(logits);
  const std::vector<std::string> labels = lines_of(labels_path);
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return shares[a] > shares[b]; });
  for (std::size_t at = 0; at < std::min<std::size_t>(5, order.size()); ++at) {
    const std::size_t index = order[at];
    const std::string name = index < labels.size() ? labels[index] : std::to_string(index);
    std::printf("%5.1f %%  %s\n", 100.0 * shares[index], name.c_str());
  }
  for (const float value : logits) {
    std::printf("%.6f\n", value);
  }
}

}  // namespace

int main(int count, char** words) {
  if (count != 4) {
    std::cerr << "Usage: classify MODEL LABELS INPUT.ppm|INPUT.f32\n";
    return 2;
  }
  try {
    classify(words[1], words[2], words[3]);
  } catch (const std::exception& error) {
    std::cerr << "classify: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
