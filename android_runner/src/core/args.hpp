// What the command line asks for.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "backend.hpp"

namespace pqv {

// The command line cannot be understood; the message says which word.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Options {
  std::string model;
  std::vector<std::int64_t> input_shape{1, 3, 224, 224};
  int warmup = 5;
  int min_iters = 50;
  double min_seconds = 0.0;
  double max_seconds = 60.0;
  std::vector<int> threads{1};
  std::string engine = "none";  // none: the runtime's own choice stays
  std::string input;
  std::string output;
  bool profile = false;
  bool ops = false;
  bool json = false;
  bool help = false;
  bool version = false;

  // Number of float32 values in one input.
  std::size_t input_elements() const;
};

// Reads the words after the program's name; --engine takes one of `engines`, or "none". Throws UsageError.
Options parse_arguments(const std::vector<std::string>& words, const std::vector<std::string>& engines);

// The text of --help.
std::string usage(const BackendInfo& backend);

}  // namespace pqv
