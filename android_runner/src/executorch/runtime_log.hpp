// What the runtime says while it works: it returns a number and prints the reason.
#pragma once

#include <executorch/runtime/core/error.h>

#include <string>

namespace pqv::runtime_log {

// From now on the runtime's messages come here: errors are kept for `check`, fatal ones also go to standard error,
// for the process ends with them. Does no harm when it is called again.
void listen();

// Forgets what was said so far.
void clear();

// Throws std::runtime_error unless all is well: `what` ("cannot load forward"), and the reason in a sentence.
void check(executorch::runtime::Error error, const std::string& what);

}  // namespace pqv::runtime_log
