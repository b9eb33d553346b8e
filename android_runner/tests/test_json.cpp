#include "check.hpp"
#include "core/json.hpp"

#include <limits>

using namespace pqv;

int main() {
  CHECK(json::quote("a\"b\\c\n\r\t") == R"("a\"b\\c\n\r\t")");
  CHECK(json::quote(std::string("\0\x1f\x7f", 3)) == R"("\u0000\u001f\u007f")");
  CHECK(json::quote("é€😀") == "\"é€😀\"");
  // Not UTF-8: a lone continuation, a cut sequence, an overlong form, a surrogate, beyond U+10FFFF.
  const std::string r = "\xEF\xBF\xBD";
  CHECK(json::quote("\x80") == "\"" + r + "\"");
  CHECK(json::quote("a\xC3") == "\"a" + r + "\"");
  CHECK(json::quote("\xC0\xAF") == "\"" + r + r + "\"");
  CHECK(json::quote("\xED\xA0\x80") == "\"" + r + r + r + "\"");
  CHECK(json::quote("\xF4\x90\x80\x80") == "\"" + r + r + r + r + "\"");

  CHECK(json::number(1.5) == "1.5" && json::number(0) == "0" && json::number(123456789.5) == "123456789.5");
  CHECK(json::number(std::numeric_limits<double>::quiet_NaN()) == "null");
  CHECK(json::number(std::numeric_limits<double>::infinity()) == "null");

  json::Object object("kind");
  object.add("text", "x").add("whole", std::int64_t{-5}).add("real", 0.25).raw("none", "null");
  object.add("list", std::vector<int>{1, 2}).add("names", std::vector<std::string>{"a", "\""});
  object.add("empty", std::vector<int>{});
  CHECK(object.str() ==
        R"({"type":"kind","text":"x","whole":-5,"real":0.25,"none":null,"list":[1,2],"names":["a","\""],"empty":[]})");
  CHECK(json::Object().str() == "{}");
}
