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

}  // namespace pydl::runtime
