#include "check.hpp"
#include "core/tensor_file.hpp"

#include <unistd.h>

#include <cstdio>
#include <stdexcept>

namespace {

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

void what_is_written_is_read() {
  const std::string path = "tensor_file_test.f32";
  {
    pqv::TensorWriter writer(path);
    writer.write({1.0F, -2.5F});
    writer.write({3.0F, 1e-30F});
    CHECK(!exists(path));
    writer.commit();
    CHECK(writer.bytes() == 16);
  }
  pqv::TensorReader reader(path, 2);
  CHECK(reader.items() == 2);
  CHECK((reader.next() == std::vector<float>{1.0F, -2.5F}));
  CHECK((reader.next() == std::vector<float>{3.0F, 1e-30F}));
  CHECK_THROWS(reader.next(), std::runtime_error);
  CHECK_THROWS(pqv::TensorReader(path, 3), std::runtime_error);
  std::remove(path.c_str());
  CHECK_THROWS(pqv::TensorReader(path, 2), std::runtime_error);
}

void nothing_stays_without_a_commit() {
  { pqv::TensorWriter("tensor_file_gone.f32").write({1.0F}); }
  CHECK(!exists("tensor_file_gone.f32") && !exists("tensor_file_gone.f32.part"));
  CHECK_THROWS(pqv::TensorWriter("no/such/folder/x"), std::runtime_error);
}

void the_default_input_is_the_documented_one() {
  const auto values = pqv::default_input(3);
  CHECK(values[0] == static_cast<float>(1015568748U >> 8) / 8388608.0F - 1.0F);
  CHECK(values[1] == static_cast<float>(1586005467U >> 8) / 8388608.0F - 1.0F);
  for (const float value : pqv::default_input(100'000)) {
    CHECK(value >= -1.0F && value < 1.0F);
  }
}

}  // namespace

int main() {
  what_is_written_is_read();
  nothing_stays_without_a_commit();
  the_default_input_is_the_documented_one();
}
