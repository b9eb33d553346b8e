// The least that a test needs.
#pragma once

#include <cstdio>
#include <cstdlib>

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      std::fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      std::exit(1);                                                             \
    }                                                                           \
  } while (false)

#define CHECK_THROWS(expression, Error) \
  do {                                  \
    bool thrown = false;                \
    try {                               \
      static_cast<void>(expression);    \
    } catch (const Error&) {            \
      thrown = true;                    \
    }                                   \
    CHECK(thrown && #expression);       \
  } while (false)
