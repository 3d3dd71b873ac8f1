// The kinds of elementwise ops, as the first column of op/elementwise_table.h names them.
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
  LOGICAL
};

}  // namespace pydl::op
