#include "op/attrs.h"

#include <algorithm>
#include <functional>
#include <mutex>
#include <unordered_set>

#include "pydl/error.h"
#include "runtime/at_fork.h"

namespace pydl::op {

namespace {

// Names are literals, and equal names are usually the same literal, so addresses are compared first: comparing
// characters costs more than the rest of a lookup.
bool is_same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && (a.data() == b.data() || a == b);
}

size_t combine(size_t seed, size_t value) { return seed ^ (value + 0x9e3779b97f4a7c15ULL + (seed << 6) + (seed >> 2)); }

size_t hash_value(const AttrValue& value) {
  return std::visit(
      [](const auto& content) -> size_t {
        using T = std::decay_t<decltype(content)>;
        if constexpr (std::is_same_v<T, Dims>) {
          size_t seed = static_cast<size_t>(content.rank());
          for (const int64_t number : content) seed = combine(seed, static_cast<size_t>(number));
          return seed;
        } else if constexpr (std::is_same_v<T, Numbers>) {
          size_t seed = content.size();
          for (const double number : content) seed = combine(seed, std::hash<double>{}(number));
          return seed;
        } else if constexpr (std::is_same_v<T, Text>) {
          return std::hash<const void*>{}(&content.str());
        } else {
          return std::hash<T>{}(content);
        }
      },
      value);
}

}  // namespace

namespace {

// Never destroyed, because threads may still be computing while the process exits.
struct KnownTexts {
  KnownTexts() { runtime::hold_during_forks(mutex); }
  std::mutex mutex;
  std::unordered_set<std::string> texts;
};

KnownTexts& known_texts() {
  static KnownTexts* const known = new KnownTexts;
  return *known;
}

}  // namespace

Text::Text(std::string_view text) {
  KnownTexts& known = known_texts();
  const std::lock_guard lock(known.mutex);
  text_ = &*known.texts.emplace(text).first;
}

Numbers::Numbers(std::span<const double> numbers) : size_(numbers.size()) {
  if (size_ > numbers_.size()) throw ValueError(concat_text("expected at most ", max_rank, " numbers, got ", size_));
  std::copy(numbers.begin(), numbers.end(), numbers_.begin());
}

void Attrs::set(std::string_view name, const AttrValue& value) {
  for (auto& [key, old] : entries_) {
    if (is_same_name(key, name)) old = value;
  }
}

size_t Attrs::hash() const {
  size_t seed = entries_.size();
  for (const auto& [name, value] : entries_) seed = combine(seed, hash_value(value));
  return seed;
}

const AttrValue* Attrs::find_if_given(std::string_view name) const {
  for (const auto& [key, value] : entries_) {
    if (is_same_name(key, name)) return &value;
  }
  return nullptr;
}

bool operator==(const Attrs& a, const Attrs& b) {
  return std::equal(a.entries_.begin(), a.entries_.end(), b.entries_.begin(), b.entries_.end(),
                    [](const auto& one, const auto& other) {
                      return is_same_name(one.first, other.first) && one.second == other.second;
                    });
}

void Attrs::fail_of_type(std::string_view name) {
  throw TypeError(concat_text("an op was called with its attribute '", name, "' of a wrong type"));
}

const AttrValue& Attrs::find(std::string_view name) const {
  if (const AttrValue* value = find_if_given(name)) return *value;
  fail_of_missing(name);
}

void Attrs::fail_of_missing(std::string_view name) {
  throw Error(concat_text("an op was called without its attribute '", name, "'"));
}

}  // namespace pydl::op
