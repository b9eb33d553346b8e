// What the program asks of a runtime; implemented in a folder for each.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace app {

class Classifier {
 public:
  virtual ~Classifier() = default;

  // Of an input in NCHW (preprocessing.hpp), the logits of all classes. Throws std::runtime_error.
  virtual std::vector<float> logits(std::vector<float> input) = 0;
};

// Throws std::runtime_error where the file cannot be loaded.
std::unique_ptr<Classifier> load(const std::string& path);

}  // namespace app
