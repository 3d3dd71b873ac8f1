// Strict JSON (RFC 8259): as much as file headers and metadata need, without guessing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace pydl::io {

/// A JSON value. Numbers without a fraction or exponent are integers if they fit into a signed 64-bit integer. The
/// members of an object keep their order.
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

  /// The value as a `T`, or null if it is of another kind.
  template <class T>
  const T* get() const {
    return std::get_if<T>(&value_);
  }
  /// The member with that name; null if there is none, or if this value is not an object.
  const Json* find(std::string_view name) const;

  const Value& value() const { return value_; }

 private:
  Value value_ = nullptr;
};

/// Parses one JSON text. Throws `FormatError` with the position of the error: bad syntax, bad UTF-8, a name given twice
/// in one object, or nesting deeper than 64.
Json parse_json(std::string_view text);

/// Writes compact JSON in UTF-8. Throws `ValueError` for numbers that JSON cannot represent (infinity, NaN) and for
/// strings that are not UTF-8.
std::string write_json(const Json& json);

/// The index of the first byte that is not valid UTF-8, or `npos`.
size_t find_invalid_utf8(std::string_view text);

}  // namespace pydl::io
