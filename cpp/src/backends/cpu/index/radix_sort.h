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
  // Many items are worth larger tables of counts.
  constexpr int most_digit_bits = 11;
  constexpr int most_passes = 8;
  const int limit = count < 8192 ? 8 : most_digit_bits;
  const int passes = (bits + limit - 1) / limit;
  std::array<std::array<uint32_t, 1 << most_digit_bits>, most_passes> counts;
  for (int pass = 0, shift = 0; pass < passes; ++pass) {
    const int digit_bits = (bits - shift + passes - pass - 1) / (passes - pass);
    auto& starts = counts[static_cast<size_t>(pass)];
    const size_t mask = (size_t{1} << digit_bits) - 1;
    const auto digit_of = [&](const Item& item) { return static_cast<size_t>(key_of(item) >> shift) & mask; };
    std::fill_n(starts.begin(), mask + 1, 0U);
    for (int64_t i = 0; i < count; ++i) ++starts[digit_of(from[i])];
    if (starts[digit_of(from[0])] != static_cast<uint32_t>(count)) {  // else all keys have the same digit
      uint32_t start = 0;
      for (size_t digit = 0; digit <= mask; ++digit) start += std::exchange(starts[digit], start);
      for (int64_t i = 0; i < count; ++i) to[starts[digit_of(from[i])]++] = from[i];
      std::swap(from, to);
    }
    shift += digit_bits;
  }
  return from;
}

}  // namespace pydl::cpu
