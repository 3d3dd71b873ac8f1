// Attrs: the static arguments of an op call (axes, flags, dtypes), as named values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "pydl/dtype.h"
#include "pydl/shape.h"

namespace pydl::op {

using AttrValue = std::variant<bool, int64_t, double, DType, Dims>;

/// A few (name, value) pairs in the order given. Names are string literals.
class Attrs {
 public:
  Attrs() = default;
  Attrs(std::initializer_list<std::pair<std::string_view, AttrValue>> entries) : entries_(entries) {}

  /// `name` must outlive the attrs.
  void add(std::string_view name, AttrValue value) { entries_.emplace_back(name, std::move(value)); }

  bool empty() const { return entries_.empty(); }
  const auto& entries() const { return entries_; }

  /// Whether there is a flag of this name, and it is true: for flags that only passes set.
  bool is_set(std::string_view name) const;
  /// The integer of this name, where there is one.
  std::optional<int64_t> integer_if_given(std::string_view name) const;
  bool flag(std::string_view name) const { return get<bool>(name); }
  int64_t integer(std::string_view name) const { return get<int64_t>(name); }
  double number(std::string_view name) const { return get<double>(name); }
  DType dtype(std::string_view name) const { return get<DType>(name); }
  const Dims& dims(std::string_view name) const { return get<Dims>(name); }

  size_t hash() const;
  friend bool operator==(const Attrs& a, const Attrs& b) { return a.entries_ == b.entries_; }

 private:
  template <class T>
  const T& get(std::string_view name) const {
    const T* value = std::get_if<T>(&find(name));
    if (value == nullptr) fail_of_type(name);
    return *value;
  }
  [[noreturn]] static void fail_of_type(std::string_view name);
  const AttrValue& find(std::string_view name) const;

  std::vector<std::pair<std::string_view, AttrValue>> entries_;
};

}  // namespace pydl::op
