// The layout of an operand of a matrix product.
#pragma once

#include <cstdint>

namespace pydl::cpu {

/// Strides are in elements.
struct Matrix {
  int64_t rows;
  int64_t columns;
  int64_t row_stride;
  int64_t column_stride;
};

}  // namespace pydl::cpu
