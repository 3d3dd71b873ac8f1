// JSON (RFC 8259), strictly: what file headers and metadata need, and nothing that guesses.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace pydl::io {

/// A JSON value. Numbers without fraction and exponent are integers where they fit into 64 bits with sign; members of
/// an object keep their order.
class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;
  using Value = std::variant<std::nullptr_t, bool, int64_t, double, std::string, Array, Object>;

  Json() = default;
  template <class T>
    requires std::is_constructible_v<Value, T>
  Json(T&& value) : value_(std::forward<T>(value)) {}

  /// The value as a `T`, or null when it is of another kind.
  template <class T>
  const T* get() const {
    return std::get_if<T>(&value_);
  }
  /// The member of that name; null when there is none, or when this is no object.
  const Json* find(std::string_view name) const;

  const Value& value() const { return value_; }

 private:
  Value value_ = nullptr;
};

/// Reads one JSON text. Throws `FormatError` that names the byte: bad syntax, bad UTF-8, a name given twice in one
/// object, nesting deeper than 64.
Json parse_json(std::string_view text);

/// Writes compact JSON, as UTF-8. Throws `ValueError` for numbers that JSON lacks (infinite, not-a-number) and for
/// strings that are not UTF-8.
std::string write_json(const Json& json);

/// The first byte that is not part of valid UTF-8, or `npos`.
size_t find_invalid_utf8(std::string_view text);

}  // namespace pydl::io
