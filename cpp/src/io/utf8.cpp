#include "io/json.h"

namespace pydl::io {

size_t find_invalid_utf8(std::string_view text) {
  const auto byte = [&](size_t at) { return static_cast<unsigned char>(text[at]); };
  size_t at = 0;
  while (at < text.size()) {
    const unsigned first = byte(at);
    if (first < 0x80) {
      ++at;
      continue;
    }
    // Continuation bytes, and the range of the first of them: this excludes overlong forms, surrogates and code
    // points beyond U+10FFFF (Unicode 15, table 3-7).
    const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
    if (first < 0xC2 || first > 0xF4 || text.size() - at <= static_cast<size_t>(more)) return at;
    const unsigned low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    const unsigned high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (byte(at + 1) < low || byte(at + 1) > high) return at;
    for (int i = 2; i <= more; ++i) {
      if ((byte(at + static_cast<size_t>(i)) & 0xC0) != 0x80) return at;
    }
    at += static_cast<size_t>(more) + 1;
  }
  return std::string_view::npos;
}

}  // namespace pydl::io
