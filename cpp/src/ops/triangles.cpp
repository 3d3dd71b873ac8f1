// Triangles of matrices, and vectors on diagonals.
#include "op/attrs/triangle.h"

#include <algorithm>

#include "autograd/node.h"
#include "core/named.h"
#include "op/apply.h"
#include "ops/families.h"
#include "pydl/manipulation.h"
#include "pydl/program.h"

namespace pydl {

using op::Attrs;
using op::BackwardContext;
using op::BufferSpec;
using op::Gradients;
using op::OpId;

namespace ops {

namespace {

void infer_triangle(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec* output, int64_t*) {
  const BufferSpec& x = inputs[0];
  if (x.shape.rank() < 2) throw ValueError(concat_text("triangle: expected at least 2 axes, got shape ", x.shape));
  *output = row_major(x.dtype, x.shape);
}

Gradients triangle_gradients(const BackwardContext& c) { return {op::apply(OpId::triangle, c.attrs(), {c.gradient})}; }

}  // namespace

void define_triangles(Registry& registry) {
  // (x (..., M, N)) -> (y) {k integer; lower bool}
  registry.declare(OpId::triangle, {
                                       .doc = "Matrices with zeros above diagonal k, or below it.",
                                       .inputs = {"x"},
                                       .attributes = op::fields_of<op::TriangleAttrs>(),
                                       .infer = infer_triangle,
                                       .backward = triangle_gradients,
                                   });
}

}  // namespace ops

namespace {

// Elements on one side of diagonal k, the diagonal included.
Tensor triangle_of(const Tensor& x, int64_t k, bool lower) {
  if (x.rank() < 2) throw ValueError(concat_text("expected at least 2 axes, got shape ", x.shape()));
  const int64_t rows = x.size(-2);
  const int64_t columns = x.size(-1);
  // Beyond the corners, a diagonal has nothing on one of its sides.
  const int64_t distance = std::clamp(k, -rows, columns);
  // Compiled functions fuse the comparison with what follows.
  if (!is_tracing()) return op::apply(OpId::triangle, op::to_attrs(op::TriangleAttrs{distance, lower}), {x});
  const Tensor last = expand_dims(arange(distance, rows + distance, 1, DType::int64), 1);
  const Tensor column = arange(0, columns, 1, DType::int64);
  return where(lower ? less_equal(column, last) : greater_equal(column, last), x, full({}, 0, x.dtype()));
}

using Wide = __int128;

// The sum of the numbers below `end`, each limited to 0 .. most.
Wide sum_below(int64_t end, int64_t most) {
  if (end <= 0) return 0;
  const Wide rising = std::min(end - 1, most);
  return rising * (rising + 1) / 2 + (end - 1 - rising) * Wide{most};
}

MatrixIndices triangle_indices(int64_t rows, int64_t columns, int64_t k, bool lower) {
  if (rows < 0 || columns < 0) {
    throw ValueError(concat_text("sizes must not be negative, got ", rows, " and ", columns));
  }
  constexpr int64_t most = int64_t{1} << 59;
  const bool is_large = rows > most || columns > most;
  // Row i has the columns before (from) i + edge.
  const int64_t edge = is_large ? 0 : std::clamp(k, -rows, columns) + (lower ? 1 : 0);
  const Wide before = sum_below(rows + edge, columns) - sum_below(edge, columns);
  const Wide count = lower ? before : Wide{rows} * columns - before;
  if (is_large || count > most) {
    throw MemoryError(concat_text("the indices of a matrix of ", rows, " x ", columns, " do not fit into memory"));
  }
  const MatrixIndices indices = {Tensor::empty({static_cast<int64_t>(count)}, DType::int64),
                                 Tensor::empty({static_cast<int64_t>(count)}, DType::int64)};
  if (count == 0) return indices;
  auto* row = indices.rows.data<int64_t>();
  auto* column = indices.columns.data<int64_t>();
  const int64_t first_row = lower ? std::max<int64_t>(1 - edge, 0) : 0;
  const int64_t end_row = lower ? rows : std::min(rows, columns - edge);
  for (int64_t i = first_row; i < end_row; ++i) {
    const int64_t border = std::clamp<int64_t>(i + edge, 0, columns);
    for (int64_t j = lower ? 0 : border; j < (lower ? border : columns); ++j) {
      *row++ = i;
      *column++ = j;
    }
  }
  return indices;
}

}  // namespace

Tensor tril(const Tensor& x, int64_t k) try { return triangle_of(x, k, true); } catch (const Error&) {
  core::rethrow_as("tril");
}

Tensor triu(const Tensor& x, int64_t k) try { return triangle_of(x, k, false); } catch (const Error&) {
  core::rethrow_as("triu");
}

MatrixIndices tril_indices(int64_t rows, int64_t columns, int64_t k) try {
  return triangle_indices(rows, columns, k, true);
} catch (const Error&) {
  core::rethrow_as("tril_indices");
}

MatrixIndices triu_indices(int64_t rows, int64_t columns, int64_t k) try {
  return triangle_indices(rows, columns, k, false);
} catch (const Error&) {
  core::rethrow_as("triu_indices");
}

Tensor diag(const Tensor& x, int64_t k) try {
  if (x.rank() != 1 && x.rank() != 2) {
    throw ValueError(concat_text("diag: expected a vector or a matrix, got shape ", x.shape()));
  }
  return x.rank() == 2 ? diagonal(x, k) : diag_embed(x, k);
} catch (const Error&) {
  core::rethrow_as("diag");
}

Tensor diagflat(const Tensor& x, int64_t k) try { return diag_embed(reshape(x, {-1}), k); } catch (const Error&) {
  core::rethrow_as("diagflat");
}

}  // namespace pydl
