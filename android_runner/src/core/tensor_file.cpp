#include "tensor_file.hpp"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace pqv {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "tensor files are little-endian");
static_assert(sizeof(float) == 4, "tensor files hold float32");

[[noreturn]] void fail(const std::string& what, const std::string& path, const std::string& why) {
  throw std::runtime_error(what + " " + path + ": " + why);
}

std::string last_error() { return std::strerror(errno != 0 ? errno : EIO); }

}  // namespace

TensorReader::TensorReader(const std::string& path, std::size_t elements) : path_(path), elements_(elements) {
  errno = 0;
  file_.open(path, std::ios::binary | std::ios::ate);
  const auto size = file_ ? static_cast<std::streamoff>(file_.tellg()) : -1;
  if (size < 0) {
    fail("cannot read the input", path, last_error());
  }
  const std::size_t item = elements * sizeof(float);
  const auto bytes = static_cast<std::size_t>(size);
  if (bytes == 0 || bytes % item != 0) {
    fail("cannot use the input", path,
         std::to_string(bytes) + " bytes are no whole number of inputs of " + std::to_string(item) + " bytes");
  }
  items_ = bytes / item;
  file_.seekg(0);
}

std::vector<float> TensorReader::next() {
  std::vector<float> values(elements_);
  file_.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(elements_ * sizeof(float)));
  if (!file_) {
    fail("cannot read the input", path_, "it ended early");
  }
  return values;
}

TensorWriter::TensorWriter(const std::string& path) : path_(path), temporary_(path + ".part") {
  errno = 0;
  file_.open(temporary_, std::ios::binary | std::ios::trunc);
  if (!file_) {
    fail("cannot write the output", path_, last_error());
  }
}

TensorWriter::~TensorWriter() {
  if (!committed_) {
    file_.close();
    std::remove(temporary_.c_str());
  }
}

void TensorWriter::write(const std::vector<float>& values) {
  errno = 0;
  const std::size_t bytes = values.size() * sizeof(float);
  file_.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(bytes));
  if (!file_) {
    fail("cannot write the output", path_, last_error());
  }
  bytes_ += bytes;
}

void TensorWriter::commit() {
  errno = 0;
  file_.close();
  if (!file_ || std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    fail("cannot write the output", path_, last_error());
  }
  committed_ = true;
}

std::vector<float> default_input(std::size_t elements) {
  std::vector<float> values(elements);
  std::uint32_t state = 1;
  for (auto& value : values) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<float>(state >> 8) / 8388608.0F - 1.0F;
  }
  return values;
}

}  // namespace pqv
