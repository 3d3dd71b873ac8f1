// The kinds of elementwise ops, as named in the first column of op/elementwise_table.h.
#pragma once

namespace pydl::op {

enum class ElementwiseKind {
  UNARY,
  UNARY_FLOAT,
  UNARY_TEST,
  UNARY_INTEGER,
  BINARY,
  BINARY_FLOAT,
  BINARY_INTEGER,
  COMPARE,
  LOGICAL,
  TERNARY_FLOAT
};

}  // namespace pydl::op
