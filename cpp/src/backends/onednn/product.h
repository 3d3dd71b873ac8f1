// The layout of a matrix product, and its division into parts for threads.
#pragma once

#include <optional>
#include <vector>

#include "exec/kernel.h"

namespace pydl::backends::onednn {

/// Batch axes, then rows and columns. A batch axis that is broadcast has size 1.
struct Operand {
  Dims shape;
  Dims strides;
};

/// y = a b. All three have the same number of batch axes, as few as possible.
struct MatrixProduct {
  Operand a;
  Operand b;
  Operand y;
  bool swapped = false;  ///< a is the second input of the op, b the first

  int batch_axes() const { return y.shape.rank() - 2; }
  int64_t rows() const { return y.shape[y.shape.rank() - 2]; }
  int64_t columns() const { return y.shape.back(); }
  int64_t depth() const { return a.shape.back(); }
  /// Number of multiply-adds.
  int64_t work() const { return element_count(y.shape) * depth(); }
};

/// The product of `op::OpId::matmul`; nothing for layouts that oneDNN rejects.
std::optional<MatrixProduct> matmul_product(const exec::BufferSpec& a, const exec::BufferSpec& b,
                                            const exec::BufferSpec& y);
/// The product of `op::OpId::linear`, x times the transposed weight; nothing for layouts that oneDNN rejects.
std::optional<MatrixProduct> linear_product(const exec::BufferSpec& x, const exec::BufferSpec& weight,
                                            const exec::BufferSpec& y);

/// A part of a product, with the offsets of its operands in elements and its first column in y.
struct Part {
  MatrixProduct product;
  int64_t a_offset;
  int64_t b_offset;
  int64_t y_offset;
  int64_t column;
};

/// Divides a product into parts of about equal cost. The division does not depend on the number of threads: primitives
/// for other shapes may add in another order, and the result would then depend on that number.
std::vector<Part> cut(const MatrixProduct& product, bool may_cut_columns);

}  // namespace pydl::backends::onednn
