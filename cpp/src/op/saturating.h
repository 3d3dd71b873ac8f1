// Products and sums of sizes that saturate at the largest integer, because files may ask for any amount of work.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>

namespace pydl::op {

/// The product of non-negative factors.
inline int64_t saturating_product(std::initializer_list<int64_t> factors) {
  int64_t product = 1;
  bool is_zero = false;
  bool is_too_large = false;
  for (const int64_t factor : factors) {
    is_zero |= factor == 0;
    is_too_large |= __builtin_mul_overflow(product, factor, &product);
  }
  if (is_zero) return 0;
  return is_too_large ? std::numeric_limits<int64_t>::max() : product;
}

/// The sum of non-negative numbers.
inline int64_t saturating_sum(int64_t a, int64_t b) {
  int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<int64_t>::max() : sum;
}

}  // namespace pydl::op
