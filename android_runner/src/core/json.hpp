// Writing JSON: just what a record of one line needs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace pqv::json {

// A JSON string, quoted and escaped. Bytes that are not UTF-8 become U+FFFD.
std::string quote(std::string_view text);

// The shortest of the usual decimal forms; null for NaN and infinity, which JSON lacks.
std::string number(double value);

// One object on one line, its keys in the order in which they were added.
class Object {
 public:
  explicit Object(std::string_view type) { add("type", type); }
  Object() = default;

  Object& add(std::string_view key, std::string_view value) { return raw(key, quote(value)); }
  Object& add(std::string_view key, const std::string& value) { return raw(key, quote(value)); }
  Object& add(std::string_view key, const char* value) { return raw(key, quote(value)); }
  Object& add(std::string_view key, double value) { return raw(key, number(value)); }

  template <typename Integer, std::enable_if_t<std::is_integral_v<Integer>, int> = 0>
  Object& add(std::string_view key, Integer value) {
    static_assert(!std::is_same_v<Integer, bool>);
    return raw(key, std::to_string(value));
  }

  template <typename Item>
  Object& add(std::string_view key, const std::vector<Item>& items);

  // A value that is JSON already.
  Object& raw(std::string_view key, std::string_view value);

  std::string str() const { return "{" + body_ + "}"; }

 private:
  std::string body_;
};

// A list of values that are JSON already.
std::string list(const std::vector<std::string>& items);

template <typename Item>
Object& Object::add(std::string_view key, const std::vector<Item>& items) {
  std::vector<std::string> texts;
  for (const auto& item : items) {
    if constexpr (std::is_integral_v<Item>) {
      texts.push_back(std::to_string(item));
    } else {
      texts.push_back(quote(item));
    }
  }
  return raw(key, list(texts));
}

}  // namespace pqv::json
