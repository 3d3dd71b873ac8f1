// Sorts by the digits of keys, from the lowest.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace pydl::cpu {

/// Sorts items by `key_of(item)`, an unsigned integer of which `bits` are used. Equal keys keep their order. Returns
/// the buffer that contains the result. There are fewer than 2^32 items.
template <class Item, class KeyOf>
Item* radix_sort(Item* from, Item* to, int64_t count, int bits, const KeyOf& key_of) {
  constexpr int most_digit_bits = 11;
  constexpr int most_passes = 8;
  // Larger tables of counts are worth it for many items, unless these are not in a cache: then so many places that are
  // written to in turn are not, either.
  const bool has_large_digits = count >= 8192 && count * static_cast<int64_t>(sizeof(Item)) <= 2 << 20;
  const int limit = has_large_digits ? most_digit_bits : 8;
  const int passes = (bits + limit - 1) / limit;
  struct Digit {
    int shift;
    size_t mask;
    size_t of(uint64_t key) const { return static_cast<size_t>(key >> shift) & mask; }
  };
  std::array<Digit, most_passes> digits;
  std::array<std::array<uint32_t, 1 << most_digit_bits>, most_passes> counts;
  for (int pass = 0, shift = 0; pass < passes; ++pass) {
    const int digit_bits = (bits - shift + passes - pass - 1) / (passes - pass);
    digits[static_cast<size_t>(pass)] = {shift, (size_t{1} << digit_bits) - 1};
    std::fill_n(counts[static_cast<size_t>(pass)].begin(), size_t{1} << digit_bits, 0U);
    shift += digit_bits;
  }
  constexpr int64_t block = 2048;  // in the L1 cache
  for (int64_t first = 0; first < count; first += block) {
    const int64_t last = std::min(first + block, count);
    for (size_t pass = 0; pass < static_cast<size_t>(passes); ++pass) {
      const Digit digit = digits[pass];
      for (int64_t i = first; i < last; ++i) ++counts[pass][digit.of(key_of(from[i]))];
    }
  }
  for (size_t pass = 0; pass < static_cast<size_t>(passes); ++pass) {
    const Digit digit = digits[pass];
    auto& starts = counts[pass];
    if (starts[digit.of(key_of(from[0]))] == static_cast<uint32_t>(count)) continue;  // all have the same digit
    uint32_t start = 0;
    for (size_t value = 0; value <= digit.mask; ++value) start += std::exchange(starts[value], start);
    for (int64_t i = 0; i < count; ++i) to[starts[digit.of(key_of(from[i]))]++] = from[i];
    std::swap(from, to);
  }
  return from;
}

}  // namespace pydl::cpu
