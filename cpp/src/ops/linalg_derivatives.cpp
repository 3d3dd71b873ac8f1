// The formulas are those of Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
// differentiation" (2008), of Murray, "Differentiation of the Cholesky decomposition" (2016), of Walter and Lehmann for
// QR (2018), of Townsend for SVD (2016), and of Golub and Pereyra for the pseudoinverse (1973). g is the gradient of a
// result, t(x) the transpose.
#include "ops/linalg_derivatives.h"

#include <algorithm>

#include "autograd/node.h"
#include "op/attrs/linalg.h"
#include "ops/composing.h"
#include "pydl/linalg.h"
#include "pydl/manipulation.h"
#include "pydl/ops.h"

namespace pydl::ops {

namespace {

using linalg::TriangularOptions;
using op::BackwardContext;
using op::Gradients;

Tensor t(const Tensor& x) { return matrix_transpose(x); }

Tensor or_zeros(const Tensor& gradient, const Tensor& like) { return gradient.defined() ? gradient : zeros_like(like); }

// Columns of matrices times one number each.
Tensor scale_columns(const Tensor& x, const Tensor& numbers) { return multiply(x, expand_dims(numbers, -2)); }

Tensor identity_minus(const Tensor& square) {
  return subtract(eye(square.size(-1), square.size(-1), 0, square.dtype()), square);
}

// The first `count` rows, or columns.
Tensor rows_of(const Tensor& x, int64_t count) { return part_of_axis(x, -2, 0, count); }
Tensor columns_of(const Tensor& x, int64_t count) { return part_of_axis(x, -1, 0, count); }

// x times the inverse of a triangle, or times its transpose.
Tensor times_inverse(const Tensor& x, const Tensor& triangle, TriangularOptions options) {
  options.left = false;
  return linalg::solve_triangular(triangle, x, options);
}

// 1 / (values[j] - values[i]) times the antisymmetric part of x, twice. Where x has none, it is 0 even if values are
// equal.
Tensor over_differences(const Tensor& x, const Tensor& differences) {
  const Tensor apart = where(eye(x.size(-1), x.size(-1), 0, DType::boolean), scalar_like(1, x), differences);
  return gradient_over(subtract(x, t(x)), apart);
}

// numbers[j] - numbers[i] in row i and column j.
Tensor differences_of(const Tensor& numbers) { return subtract(expand_dims(numbers, -2), expand_dims(numbers, -1)); }

// The gradient of the square or tall x = q r.
Tensor tall_qr_gradient(const Tensor& q, const Tensor& r, const Tensor& gq, const Tensor& gr) {
  const Tensor m = subtract(matmul(r, t(gr)), matmul(t(gq), q));
  const Tensor lower = tril(m, -1);
  const Tensor symmetric = add(add(lower, t(lower)), diag_embed(diagonal(m, 0, -2, -1)));
  return times_inverse(add(gq, matmul(q, symmetric)), r, {.upper = true, .transpose = true});
}

}  // namespace

Tensor with_pivots(const Tensor& lu) {
  // The products of two of them are still in range.
  const double small = lu.dtype() == DType::float64 ? 1e-20 : 1e-12;
  const Tensor is_zero = logical_and(eye(lu.size(-1), lu.size(-1), 0, DType::boolean), equal(lu, 0));
  return add(lu, where(is_zero, scalar_like(small, lu), scalar_like(0, lu)));
}

Gradients lu_gradients(const BackwardContext& c) {
  if (!c.gradients[0].defined()) return {{}};
  const Tensor lu = c.result(0);
  const Tensor permutation = c.result(1);
  const Tensor regular = with_pivots(lu);
  const Tensor& g = c.gradients[0];
  const Tensor lower = add(tril(lu, -1), eye(lu.size(-1), lu.size(-1), 0, lu.dtype()));
  const Tensor below = tril(matmul(t(lower), tril(g, -1)), -1);
  const Tensor above = triu(matmul(triu(g), t(triu(regular))));
  const Tensor inner = linalg::solve_triangular(lu, add(below, above), {.transpose = true, .unit_diagonal = true});
  const Tensor permuted = times_inverse(inner, regular, {.upper = true, .transpose = true});
  // Row i of the result is row permutation[i] of the matrix.
  const Tensor index = expand(expand_dims(permutation, -1), lu.shape());
  return {gather_backward(permuted, index, lu.rank() - 2, lu.size(-2))};
}

Gradients solve_gradients(const BackwardContext& c) {
  const Tensor gb = linalg::solve(t(c.input(0)), c.gradient);
  return {c.needs(0) ? negative(matmul(gb, t(c.result()))) : Tensor{}, gb};
}

Gradients triangular_gradients(const BackwardContext& c) {
  const auto attrs = op::from_attrs<op::TriangularAttrs>(c.attrs());
  const Tensor gb = linalg::solve_triangular(
      c.input(0), c.gradient,
      {.upper = attrs.upper, .transpose = !attrs.transpose, .unit_diagonal = attrs.unit_diagonal});
  if (!c.needs(0)) return {{}, gb};
  const Tensor x = c.result();
  const Tensor full = negative(attrs.transpose ? matmul(x, t(gb)) : matmul(gb, t(x)));
  const int64_t offset = attrs.unit_diagonal ? 1 : 0;
  return {attrs.upper ? triu(full, offset) : tril(full, -offset), gb};
}

// Symmetric, as the matrix is.
Gradients cholesky_gradients(const BackwardContext& c) {
  const Tensor lower = c.result();
  const Tensor product = matmul(t(lower), tril(c.gradient));
  const Tensor half = where(eye(lower.size(-1), lower.size(-1), 0, DType::boolean), product * 0.5, tril(product));
  const Tensor left = linalg::solve_triangular(lower, half, {.transpose = true});
  const Tensor full = times_inverse(left, lower, {});
  return {add(full, t(full)) * 0.5};
}

Gradients qr_gradients(const BackwardContext& c) {
  const Tensor q = c.result(0);
  const Tensor r = c.result(1);
  const int64_t rows = q.size(-2);
  const int64_t columns = r.size(-1);
  if (q.size(-1) > columns) {
    throw ValueError(concat_text("qr: the complete factors of matrices with more rows than columns, here ", rows, " x ",
                                 columns, ", have no derivatives; use the reduced ones"));
  }
  const Tensor gq = or_zeros(c.gradients[0], q);
  const Tensor gr = or_zeros(c.gradients[1], r);
  if (rows >= columns) return {tall_qr_gradient(q, r, gq, gr)};
  // The first columns of x have the factors q and the first columns of r; the others are q times the others of r.
  const Tensor others = part_of_axis(c.input(0), -1, rows, columns - rows);
  const Tensor g_others = part_of_axis(gr, -1, rows, columns - rows);
  const Tensor first =
      tall_qr_gradient(q, columns_of(r, rows), add(gq, matmul(others, t(g_others))), columns_of(gr, rows));
  return {concat({first, matmul(q, g_others)}, -1)};
}

// Symmetric, as the matrix is.
Gradients eigh_gradients(const BackwardContext& c) {
  if (!op::from_attrs<op::EighAttrs>(c.attrs()).vectors) {
    // The forward pass had no use for vectors; the gradient has.
    if (!c.gradients[0].defined()) return {{}};
    const Tensor needed = linalg::eigh(c.input(0)).eigenvectors;
    return {matmul(scale_columns(needed, c.gradients[0]), t(needed))};
  }
  const Tensor vectors = c.result(1);
  Tensor inner;
  if (c.gradients[0].defined()) inner = diag_embed(c.gradients[0]);
  if (c.gradients[1].defined()) {
    const Tensor turned = over_differences(matmul(t(vectors), c.gradients[1]), differences_of(c.result(0))) * 0.5;
    inner = inner.defined() ? add(inner, turned) : turned;
  }
  if (!inner.defined()) return {{}};
  return {matmul(vectors, matmul(inner, t(vectors)))};
}

Gradients svd_gradients(const BackwardContext& c) {
  if (!op::from_attrs<op::SvdAttrs>(c.attrs()).vectors) {
    if (!c.gradients[1].defined()) return {{}};
    const linalg::SvdFactors needed = linalg::svd(c.input(0), false);
    return {matmul(scale_columns(needed.u, c.gradients[1]), needed.vh)};
  }
  const Tensor s = c.result(1);
  const int64_t count = s.size(-1);
  const Tensor u = columns_of(c.result(0), count);
  const Tensor vh = rows_of(c.result(2), count);
  const Tensor& gs = c.gradients[1];
  if (!c.gradients[0].defined() && !c.gradients[2].defined()) {
    return {gs.defined() ? matmul(scale_columns(u, gs), vh) : Tensor{}};
  }
  const Tensor gu = c.gradients[0].defined() ? columns_of(c.gradients[0], count) : zeros_like(u);
  const Tensor gv = t(c.gradients[2].defined() ? rows_of(c.gradients[2], count) : zeros_like(vh));
  const Tensor v = t(vh);
  const Tensor squares = multiply(differences_of(s), add(expand_dims(s, -2), expand_dims(s, -1)));
  Tensor inner = scale_columns(over_differences(matmul(t(u), gu), squares), s);
  inner = add(inner, multiply(expand_dims(s, -1), over_differences(matmul(t(v), gv), squares)));
  if (gs.defined()) inner = add(inner, diag_embed(gs));
  Tensor result = matmul(u, matmul(inner, vh));
  // What leaves the space of the columns of u, and that of the rows of vh.
  const Tensor inverse = reciprocal(s);
  if (u.size(-2) > count) {
    const Tensor outside = subtract(gu, matmul(u, matmul(t(u), gu)));
    result = add(result, matmul(scale_columns(outside, inverse), vh));
  }
  if (v.size(-2) > count) {
    const Tensor outside = subtract(gv, matmul(v, matmul(vh, gv)));
    result = add(result, matmul(scale_columns(u, inverse), t(outside)));
  }
  return {result};
}

Gradients pinv_gradients(const BackwardContext& c) {
  const Tensor x = c.input(0);
  const Tensor p = c.result();
  const Tensor& g = c.gradient;
  const Tensor inside = negative(matmul(t(p), matmul(g, t(p))));
  const Tensor beside = matmul(identity_minus(matmul(x, p)), matmul(t(g), matmul(p, t(p))));
  const Tensor above = matmul(matmul(t(p), p), matmul(t(g), identity_minus(matmul(p, x))));
  Gradients gradients(static_cast<size_t>(c.input_count()));
  gradients[0] = add(inside, add(beside, above));
  return gradients;
}

}  // namespace pydl::ops
