// The PyTorch runtime that this program is linked with. Only runtime.cpp and profile.cpp see its headers.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pqv::runtime {

std::string torch_version();

// Android's name of the instruction set that this was built for: arm64-v8a, armeabi-v7a, x86_64, x86.
std::string abi();

// Engines of the quantized operators, in the spelling of --engine, without "none".
std::vector<std::string> engines();

std::string current_engine();

// Throws std::runtime_error when this runtime lacks it.
void set_engine(const std::string& name);

// Threads of one operator.
void set_threads(int count);

struct Operators {
  std::uint64_t bytecode_min = 0;
  std::uint64_t bytecode_max = 0;
  std::map<std::string, std::optional<int>> arguments;  // by name.overload; none where no schema is kept
};

Operators operators();

// A loaded file. Loading, running and destroying happen on one thread. All failures are std::runtime_error.
class Model {
 public:
  explicit Model(const std::string& path);
  ~Model();
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  void set_input(const std::vector<float>& values, const std::vector<std::int64_t>& shape);

  // Runs forward() once; its result is kept until the next run.
  void run();

  // The first tensor of the last result, as float32 in row-major order.
  std::vector<float> output() const;
  std::vector<std::int64_t> output_shape() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pqv::runtime
