// Attrs: the static arguments of an op call (axes, flags, dtypes), stored as named values.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/module_api.h"
#include "pydl/dtype.h"
#include "pydl/shape.h"

namespace pydl::op {

/// A text that is stored once per process, so that copies and comparisons cost nothing. Meant for names, not for
/// arbitrary texts from files and callers.
class PYDL_MODULE_API Text {
 public:
  Text(std::string_view text);
  Text(const char* text) : Text(std::string_view(text)) {}
  Text(const std::string& text) : Text(std::string_view(text)) {}
  const std::string& str() const { return *text_; }
  friend bool operator==(Text a, Text b) { return a.text_ == b.text_; }

 private:
  const std::string* text_;
};

/// A list of at most `max_rank` numbers, stored inline.
class PYDL_MODULE_API Numbers {
 public:
  Numbers() = default;
  Numbers(std::initializer_list<double> numbers) : Numbers(std::span(numbers.begin(), numbers.size())) {}
  Numbers(const std::vector<double>& numbers) : Numbers(std::span(numbers)) {}
  /// Throws `ValueError` for more than `max_rank` numbers.
  Numbers(std::span<const double> numbers);
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  double operator[](size_t index) const { return numbers_[index]; }
  const double* begin() const { return numbers_.data(); }
  const double* end() const { return numbers_.data() + size_; }
  friend bool operator==(const Numbers& a, const Numbers& b) {
    return a.size_ == b.size_ && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  std::array<double, max_rank> numbers_{};
  size_t size_ = 0;
};

/// A `Text` is either a text or the name of a choice. All alternatives are trivially copyable, because calls copy their
/// attributes.
using AttrValue = std::variant<bool, int64_t, double, DType, Dims, Text, Numbers>;
static_assert(std::is_trivially_copyable_v<AttrValue>);

/// The kinds of values that attributes may have. An element is a bool, an integer or a number; dims and numbers are
/// lists.
enum class AttrKind : uint8_t { boolean, integer, number, dtype, dims, element, text, choice, numbers };

/// The description of an attribute, which is declared as a field of its op's attribute struct (op/attr_struct.h).
struct AttrField {
  std::string_view name;
  AttrKind kind;
  bool is_optional = false;                   ///< calls may omit it
  std::optional<AttrValue> standard = {};     ///< the default for callers that omit it; `is_optional` fields have none
  std::span<const char* const> choices = {};  ///< the names, if it is a choice
};

/// The kind in words, for error messages: "an integer", "one of 'nearest', 'linear'".
PYDL_MODULE_API std::string describe_kind(const AttrField& field);
/// Whether the field, which is of the kind `text` or `choice`, may have this text.
PYDL_MODULE_API bool may_be(const AttrField& field, std::string_view text);
/// Whether a value is of the kind of its field and, for a choice, one of its names.
PYDL_MODULE_API bool fits(const AttrField& field, const AttrValue& value);

/// A few (name, value) pairs in insertion order, which is that of the fields of the attribute struct (op/attr_struct.h)
/// wherever a struct was converted. Names are string literals.
class Attrs {
 public:
  Attrs() = default;
  Attrs(std::initializer_list<std::pair<std::string_view, AttrValue>> entries) : entries_(entries) {}

  /// `name` must outlive the attrs.
  template <class T>
  void add(std::string_view name, const T& value) {
    entries_.emplace_back(name, value);
  }

  /// Reserves room for this number of entries.
  void reserve(size_t count) { entries_.reserve(count); }

  /// Replaces the value of an existing name.
  void set(std::string_view name, const AttrValue& value);

  bool empty() const { return entries_.empty(); }
  const auto& entries() const { return entries_; }

  /// The value of this name, or null.
  const AttrValue* find_if_given(std::string_view name) const;

  size_t hash() const;
  friend bool operator==(const Attrs& a, const Attrs& b);

  /// The value of this name; throws if there is none.
  const AttrValue& find(std::string_view name) const;

  /// The errors of calls that lack an attribute, or have one of another kind.
  [[noreturn]] static void fail_of_missing(std::string_view name);
  [[noreturn]] static void fail_of_type(std::string_view name);

 private:
  std::vector<std::pair<std::string_view, AttrValue>> entries_;
};

/// Reads the values of a call, each once. When they are requested in the order in which the call holds them, as usual,
/// no names are searched or compared: equal literals have one address.
class AttrReader {
 public:
  explicit AttrReader(const Attrs& attrs)
      : attrs_(attrs), next_(attrs.entries().data()), end_(next_ + attrs.entries().size()) {}

  /// The value of this name, or null.
  const AttrValue* find_if_given(std::string_view name) {
    if (next_ == end_) return nullptr;  // all values have been read
    if (next_->first.data() == name.data() && next_->first.size() == name.size()) return &(next_++)->second;
    return attrs_.find_if_given(name);
  }

  /// The value of this name; throws if there is none.
  const AttrValue& find(std::string_view name) {
    const AttrValue* value = find_if_given(name);
    if (value == nullptr) Attrs::fail_of_missing(name);
    return *value;
  }

 private:
  const Attrs& attrs_;
  const std::pair<std::string_view, AttrValue>* next_;
  const std::pair<std::string_view, AttrValue>* end_;
};

}  // namespace pydl::op
