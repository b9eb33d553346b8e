// Files of raw little-endian float32 values, read and written one item at a time so that memory stays flat.
#pragma once

#include <cstddef>
#include <fstream>
#include <string>
#include <vector>

namespace pqv {

class TensorReader {
 public:
  // Throws std::runtime_error when the file is missing or is no whole number of items of `elements` values.
  TensorReader(const std::string& path, std::size_t elements);

  std::size_t items() const { return items_; }

  // The next item. Throws std::runtime_error at the end of the file.
  std::vector<float> next();

 private:
  std::string path_;
  std::ifstream file_;
  std::size_t elements_;
  std::size_t items_ = 0;
};

// Writes beside `path` and takes its place on commit(); without a commit nothing is left behind.
class TensorWriter {
 public:
  explicit TensorWriter(const std::string& path);
  ~TensorWriter();
  TensorWriter(const TensorWriter&) = delete;
  TensorWriter& operator=(const TensorWriter&) = delete;

  // Throws std::runtime_error when the disk does not take it.
  void write(const std::vector<float>& values);
  void commit();
  std::size_t bytes() const { return bytes_; }

 private:
  std::string path_;
  std::string temporary_;
  std::ofstream file_;
  std::size_t bytes_ = 0;
  bool committed_ = false;
};

// The input used where none is given: x ← 1664525 x + 1013904223 mod 2³² from 1, each value (x >> 8) / 2²³ − 1.
std::vector<float> default_input(std::size_t elements);

}  // namespace pqv
