#include "op/attrs.h"

#include <functional>

#include "pydl/error.h"

namespace pydl::op {

namespace {

size_t combine(size_t seed, size_t value) { return seed ^ (value + 0x9e3779b97f4a7c15ULL + (seed << 6) + (seed >> 2)); }

size_t hash_value(const AttrValue& value) {
  return std::visit(
      [](const auto& content) -> size_t {
        using T = std::decay_t<decltype(content)>;
        if constexpr (std::is_same_v<T, Dims>) {
          size_t seed = static_cast<size_t>(content.rank());
          for (const int64_t number : content) seed = combine(seed, static_cast<size_t>(number));
          return seed;
        } else {
          return std::hash<T>{}(content);
        }
      },
      value);
}

}  // namespace

size_t Attrs::hash() const {
  size_t seed = entries_.size();
  for (const auto& [name, value] : entries_) seed = combine(seed, hash_value(value));
  return seed;
}

bool Attrs::is_set(std::string_view name) const {
  for (const auto& [key, value] : entries_) {
    if (key != name) continue;
    const bool* flag = std::get_if<bool>(&value);
    if (flag == nullptr) fail_of_type(name);
    return *flag;
  }
  return false;
}

void Attrs::fail_of_type(std::string_view name) {
  throw TypeError(concat_text("an op was called with its attribute '", name, "' of a wrong type"));
}

std::optional<int64_t> Attrs::integer_if_given(std::string_view name) const {
  for (const auto& [key, value] : entries_) {
    if (key != name) continue;
    const int64_t* integer = std::get_if<int64_t>(&value);
    if (integer == nullptr) fail_of_type(name);
    return *integer;
  }
  return {};
}

const AttrValue& Attrs::find(std::string_view name) const {
  for (const auto& [key, value] : entries_) {
    if (key == name) return value;
  }
  throw Error(concat_text("an op was called without its attribute '", name, "'"));
}

}  // namespace pydl::op
