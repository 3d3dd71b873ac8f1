#include "io/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "pydl/error.h"

namespace pydl::io {

namespace {

constexpr int max_depth = 64;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Json parse() {
    if (const size_t invalid = find_invalid_utf8(text_); invalid != std::string_view::npos) {
      at_ = invalid;
      fail("invalid UTF-8");
    }
    Json json = value(0);
    skip_space();
    if (at_ != text_.size()) fail("unexpected text after the value");
    return json;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const { throw FormatError(concat_text(what, " at byte ", at_)); }

  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool accept(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool accept(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void skip_space() {
    while (!at_end() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
  }

  Json value(int depth) {
    if (depth > max_depth) fail(concat_text("nesting deeper than ", max_depth));
    skip_space();
    if (accept('{')) return object(depth);
    if (accept('[')) return array(depth);
    if (peek() == '"') return string();
    if (accept("true")) return true;
    if (accept("false")) return false;
    if (accept("null")) return nullptr;
    return number();
  }

  Json object(int depth) {
    Json::Object members;
    skip_space();
    if (accept('}')) return members;
    do {
      skip_space();
      if (peek() != '"') fail("expected a name in quotes");
      std::string name = string();
      skip_space();
      if (!accept(':')) fail("expected ':'");
      members.emplace_back(std::move(name), value(depth + 1));
      skip_space();
    } while (accept(','));
    if (!accept('}')) fail("expected ',' or '}'");
    check_names(members);
    return members;
  }

  void check_names(const Json::Object& members) const {
    std::vector<std::string_view> names;
    names.reserve(members.size());
    for (const Json::Member& member : members) names.push_back(member.first);
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) fail(concat_text("the name '", *twice, "' is given twice in the object that ends"));
  }

  Json array(int depth) {
    Json::Array elements;
    skip_space();
    if (accept(']')) return elements;
    do {
      elements.push_back(value(depth + 1));
      skip_space();
    } while (accept(','));
    if (!accept(']')) fail("expected ',' or ']'");
    return elements;
  }

  std::string string() {
    ++at_;  // the opening quote
    std::string result;
    while (true) {
      if (at_end()) fail("unterminated string");
      const char c = text_[at_];
      if (static_cast<unsigned char>(c) < 0x20) fail("control character in a string");
      ++at_;
      if (c == '"') return result;
      if (c == '\\') {
        escape(result);
      } else {
        result += c;
      }
    }
  }

  void escape(std::string& result) {
    constexpr std::string_view letters = "\"\\/bfnrt";
    constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    const char c = peek();
    if (const size_t letter = letters.find(c); !at_end() && letter != std::string_view::npos) {
      ++at_;
      result += meanings[letter];
    } else if (accept('u')) {
      append_utf8(result, code_point());
    } else {
      fail("unknown escape");
    }
  }

  // After `\u`: one unit of UTF-16, or two for a code point beyond 16 bits.
  uint32_t code_point() {
    const uint32_t high = hex4();
    if (high < 0xD800 || high > 0xDFFF) return high;
    if (high > 0xDBFF || !accept("\\u")) fail("unpaired surrogate");
    const uint32_t low = hex4();
    if (low < 0xDC00 || low > 0xDFFF) fail("unpaired surrogate");
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
  }

  uint32_t hex4() {
    uint32_t unit = 0;
    if (text_.size() - at_ < 4) fail("expected four hexadecimal digits");
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, begin + 4, unit, 16);
    if (error != std::errc() || end != begin + 4) fail("expected four hexadecimal digits");
    at_ += 4;
    return unit;
  }

  static void append_utf8(std::string& result, uint32_t code) {
    const auto continuation = [&](int shift) { result += static_cast<char>(0x80 | ((code >> shift) & 0x3F)); };
    if (code < 0x80) {
      result += static_cast<char>(code);
    } else if (code < 0x800) {
      result += static_cast<char>(0xC0 | (code >> 6));
      continuation(0);
    } else if (code < 0x10000) {
      result += static_cast<char>(0xE0 | (code >> 12));
      continuation(6);
      continuation(0);
    } else {
      result += static_cast<char>(0xF0 | (code >> 18));
      continuation(12);
      continuation(6);
      continuation(0);
    }
  }

  void digits() {
    if (peek() < '0' || peek() > '9') fail("expected a value");
    while (peek() >= '0' && peek() <= '9') ++at_;
  }

  Json number() {
    const size_t start = at_;
    accept('-');
    if (!accept('0')) digits();
    bool integral = true;
    if (accept('.')) {
      integral = false;
      digits();
    }
    if (accept('e') || accept('E')) {
      integral = false;
      if (!accept('+')) accept('-');
      digits();
    }
    const char* begin = text_.data() + start;
    const char* end = text_.data() + at_;
    int64_t integer = 0;
    if (integral && std::from_chars(begin, end, integer).ec == std::errc()) return integer;
    double real = 0;
    if (std::from_chars(begin, end, real).ec != std::errc()) fail("number out of range");
    return real;
  }

  std::string_view text_;
  size_t at_ = 0;
};

void write_string(std::string& out, const std::string& text) {
  if (find_invalid_utf8(text) != std::string_view::npos) throw ValueError("JSON: a string is not valid UTF-8");
  constexpr std::string_view specials = "\"\\\b\f\n\r\t";
  constexpr std::string_view letters = "\"\\bfnrt";
  constexpr char hex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    if (const size_t special = specials.find(c); special != std::string_view::npos) {
      out += '\\';
      out += letters[special];
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += hex[(c >> 4) & 0xF];
      out += hex[c & 0xF];
    } else {
      out += c;
    }
  }
  out += '"';
}

void write_value(std::string& out, const Json& json);

struct Writer {
  std::string& out;

  void operator()(std::nullptr_t) const { out += "null"; }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(int64_t value) const { out += std::to_string(value); }
  void operator()(double value) const {
    if (!std::isfinite(value)) throw ValueError(concat_text("JSON has no number ", value));
    char buffer[32];
    const char* end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
    const std::string_view text(buffer, static_cast<size_t>(end - buffer));
    out += text;
    if (text.find_first_of(".e") == std::string_view::npos) out += ".0";  // so that it is parsed as a double again
  }
  void operator()(const std::string& text) const { write_string(out, text); }
  void operator()(const Json::Array& elements) const {
    out += '[';
    for (size_t i = 0; i < elements.size(); ++i) {
      if (i > 0) out += ',';
      write_value(out, elements[i]);
    }
    out += ']';
  }
  void operator()(const Json::Object& members) const {
    out += '{';
    for (size_t i = 0; i < members.size(); ++i) {
      if (i > 0) out += ',';
      write_string(out, members[i].first);
      out += ':';
      write_value(out, members[i].second);
    }
    out += '}';
  }
};

void write_value(std::string& out, const Json& json) { std::visit(Writer{out}, json.value()); }

}  // namespace

const Json* Json::find(std::string_view name) const {
  const Object* members = get<Object>();
  if (members == nullptr) return nullptr;
  for (const Member& member : *members) {
    if (member.first == name) return &member.second;
  }
  return nullptr;
}

Json parse_json(std::string_view text) { return Parser(text).parse(); }

std::string write_json(const Json& json) {
  std::string out;
  write_value(out, json);
  return out;
}

}  // namespace pydl::io
