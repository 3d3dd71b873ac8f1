// What choices among categories require of their weights.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "pydl/error.h"

namespace pydl::runtime {

/// Throws for weights that are not probabilities, and where fewer than `count` are positive.
template <class T>
void require_weights(std::span<const T> weights, int64_t count) {
  int64_t possible = 0;
  for (const T weight : weights) {
    if (!(weight >= 0) || std::isinf(weight)) {
      throw ValueError(
          concat_text("multinomial: expected probabilities that are finite and not negative, got ", weight));
    }
    possible += weight > 0 ? 1 : 0;
  }
  if (possible == 0) throw ValueError("multinomial: expected a positive probability in each row, got only zeros");
  if (count <= possible) return;
  throw ValueError(concat_text("multinomial: expected at least ", count,
                               " positive probabilities in each row to draw as many without replacement, got ",
                               possible));
}

/// The sums of the first weights, which never fall. A few at a time are added first, because each sum would otherwise
/// wait for the one before.
template <class T>
void sum_weights(std::span<const T> weights, double* sums) {
  constexpr size_t together = 8;
  double before = 0;
  size_t k = 0;
  for (; k + together <= weights.size(); k += together) {
    double inner[together];
    inner[0] = static_cast<double>(weights[k]);
    for (size_t i = 1; i < together; ++i) inner[i] = inner[i - 1] + static_cast<double>(weights[k + i]);
    for (size_t i = 0; i < together; ++i) sums[k + i] = before + inner[i];
    before += inner[together - 1];
  }
  for (; k < weights.size(); ++k) {
    before += static_cast<double>(weights[k]);
    sums[k] = before;
  }
}

}  // namespace pydl::runtime
