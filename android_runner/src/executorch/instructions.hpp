// What a method does, step by step. The runtime runs its steps one at a time but does not tell what they are.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace pqv {

struct Instruction {
  std::string name;                      // of its operator ("aten::add.out") or its delegate ("XnnpackBackend")
  std::optional<std::size_t> delegate;   // which of the file's delegates it calls
};

struct Instructions {
  std::vector<Instruction> steps;        // in the order in which they are run
  std::vector<std::string> delegates;    // their names, in the order in which they are loaded
};

// Reads them from the file at `path`, which the runtime has loaded; no offset in it is trusted all the same. Throws
// std::runtime_error when they cannot be told: the file is damaged, or takes steps by a condition.
Instructions read_instructions(const std::string& path, const std::string& method);

}  // namespace pqv
