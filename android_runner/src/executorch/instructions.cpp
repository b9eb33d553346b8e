#include "executorch/instructions.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace pqv {
namespace {

// A .pte begins with a flatbuffer, described by schema/program.fbs of ExecuTorch; the fields are numbered as there.
constexpr std::size_t kMaxProgram = 256U << 20;
constexpr std::size_t kMaxSteps = 1'000'000;
constexpr std::size_t kHeader = 8;  // where the extended header starts: "eh00", its length, the program's size
enum ProgramField { kPlans = 1 };
enum PlanField { kPlanName = 0, kChains = 5, kOperators = 6, kDelegates = 7 };
enum ChainField { kInstructions = 2 };
enum InstructionField { kKind = 0, kArguments = 1 };
enum Kind { kKernelCall = 1, kDelegateCall = 2, kMoveCall = 3, kFreeCall = 5 };

[[noreturn]] void damaged() { throw std::runtime_error("the file's steps cannot be read"); }

class Buffer {
 public:
  explicit Buffer(std::vector<char> bytes) : bytes_(std::move(bytes)) {}

  template <typename Number>
  Number number(std::size_t at) const {
    Number value;
    if (at > bytes_.size() || bytes_.size() - at < sizeof value) {
      damaged();
    }
    std::memcpy(&value, bytes_.data() + at, sizeof value);
    return value;
  }

  std::string text(std::size_t at) const {
    const std::size_t length = number<std::uint32_t>(at);
    if (length > bytes_.size() - at - 4) {
      damaged();
    }
    return {bytes_.data() + at + 4, length};
  }

 private:
  std::vector<char> bytes_;
};

class Table {
 public:
  Table(const Buffer& buffer, std::size_t at) : buffer_(&buffer), at_(at) {}

  // Where the value of a field is; 0 where the file leaves it out.
  std::size_t field(int index) const {
    const auto back = buffer_->number<std::int32_t>(at_);
    const auto table = static_cast<std::int64_t>(at_) - back;
    if (table < 0) {
      damaged();
    }
    const auto fields = static_cast<std::size_t>(table);
    const std::size_t slot = 4 + 2 * static_cast<std::size_t>(index);
    if (slot + 2 > buffer_->number<std::uint16_t>(fields)) {
      return 0;
    }
    const auto offset = buffer_->number<std::uint16_t>(fields + slot);
    return offset == 0 ? 0 : at_ + offset;
  }

  template <typename Number>
  Number number(int index) const {
    const auto at = field(index);
    return at == 0 ? Number{0} : buffer_->number<Number>(at);
  }

  std::string text(int index) const {
    const auto at = field(index);
    return at == 0 ? "" : buffer_->text(followed(at));
  }

  Table table(int index) const {
    const auto at = field(index);
    return at == 0 ? (damaged(), *this) : Table(*buffer_, followed(at));
  }

  std::vector<Table> tables(int index) const {
    std::vector<Table> found;
    if (const auto at = field(index); at != 0) {
      const auto start = followed(at);
      const std::size_t count = buffer_->number<std::uint32_t>(start);
      for (std::size_t i = 0; i < std::min(count, kMaxSteps); ++i) {
        found.emplace_back(*buffer_, followed(start + 4 + 4 * i));
      }
    }
    return found;
  }

 private:
  std::size_t followed(std::size_t at) const { return at + buffer_->number<std::uint32_t>(at); }

  const Buffer* buffer_;
  std::size_t at_;
};

// The flatbuffer at the file's start, without the weights that follow it.
Buffer program_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto size = file ? static_cast<std::size_t>(file.tellg()) : 0;
  std::vector<char> head(std::min<std::size_t>(size, kHeader + 16));
  file.seekg(0);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  std::size_t wanted = size;
  if (head.size() == kHeader + 16 && std::memcmp(head.data() + kHeader, "eh00", 4) == 0) {
    std::uint64_t stated = 0;
    std::memcpy(&stated, head.data() + kHeader + 8, sizeof stated);
    wanted = static_cast<std::size_t>(std::min<std::uint64_t>(stated, size));
  }
  if (wanted > kMaxProgram) {
    damaged();
  }
  std::vector<char> bytes(wanted);
  file.seekg(0);
  file.read(bytes.data(), static_cast<std::streamsize>(wanted));
  return file ? Buffer(std::move(bytes)) : (damaged(), Buffer({}));
}

Table plan_of(const Buffer& buffer, const std::string& method) {
  const Table program(buffer, buffer.number<std::uint32_t>(0));
  for (const auto& plan : program.tables(kPlans)) {
    if (plan.text(kPlanName) == method) {
      return plan;
    }
  }
  damaged();
}

template <typename Item>
const Item& item(const std::vector<Item>& items, std::int32_t index) {
  if (index < 0 || static_cast<std::size_t>(index) >= items.size()) {
    damaged();
  }
  return items[static_cast<std::size_t>(index)];
}

std::vector<std::string> operators_of(const Table& plan) {
  std::vector<std::string> names;
  for (const auto& row : plan.tables(kOperators)) {
    const auto overload = row.text(1);
    names.push_back(row.text(0) + (overload.empty() ? "" : "." + overload));
  }
  return names;
}

Instruction read(const Table& row, const std::vector<std::string>& operators,
                 const std::vector<std::string>& delegates) {
  const auto kind = row.number<std::uint8_t>(kKind);
  const auto index = [&] { return row.table(kArguments).number<std::int32_t>(0); };
  switch (kind) {
    case kKernelCall:
      return {item(operators, index()), {}};
    case kDelegateCall:
      return {item(delegates, index()), static_cast<std::size_t>(index())};
    case kMoveCall:
      return {"move", {}};
    case kFreeCall:
      return {"free", {}};
    default:
      throw std::runtime_error("the file takes steps by a condition, which cannot be told apart");
  }
}

}  // namespace

Instructions read_instructions(const std::string& path, const std::string& method) {
  const Buffer buffer = program_of(path);
  const Table plan = plan_of(buffer, method);
  Instructions found;
  for (const auto& row : plan.tables(kDelegates)) {
    found.delegates.push_back(row.text(0));
  }
  const auto operators = operators_of(plan);
  for (const auto& chain : plan.tables(kChains)) {
    for (const auto& row : chain.tables(kInstructions)) {
      found.steps.push_back(read(row, operators, found.delegates));
      if (found.steps.size() > kMaxSteps) {
        damaged();
      }
    }
  }
  return found;
}

}  // namespace pqv
