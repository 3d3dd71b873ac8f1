// Products of vectors and matrices, composed of contractions and elementwise products.
#include <algorithm>
#include <limits>
#include <numeric>

#include "core/named.h"
#include "op/apply.h"
#include "op/attrs/cross.h"
#include "ops/constant_result.h"
#include "ops/contraction.h"
#include "pydl/linalg.h"
#include "pydl/manipulation.h"
#include "pydl/ops.h"
#include "pydl/program.h"

namespace pydl {

namespace {

using ops::Labelled;
using ops::Labels;

Labels numbered(int first, int count) {
  Labels labels(static_cast<size_t>(count));
  std::iota(labels.begin(), labels.end(), first);
  return labels;
}

void require_rank(const char* what, const Tensor& x, int rank) {
  if (x.rank() != rank) {
    throw ValueError(concat_text("expected ", what, " of rank ", rank, ", got shape ", x.shape()));
  }
}

// Sums over pairs of axes, which are counted from the front.
Tensor contracted(const Tensor& a, const Tensor& b, std::span<const int64_t> a_axes, std::span<const int64_t> b_axes) {
  Labels a_labels = numbered(0, a.rank());
  Labels b_labels = numbered(a.rank(), b.rank());
  for (size_t i = 0; i < a_axes.size(); ++i) {
    const auto of_a = static_cast<int>(a_axes[i]);
    const auto of_b = static_cast<int>(b_axes[i]);
    if (a.shape()[of_a] != b.shape()[of_b]) {
      throw ValueError(concat_text("axis ", of_a, " of shape ", a.shape(), " and axis ", of_b, " of shape ", b.shape(),
                                   " have different sizes"));
    }
    b_labels[static_cast<size_t>(of_b)] = of_a;
  }
  Labels output;
  for (const int label : a_labels) {
    if (std::find(b_labels.begin(), b_labels.end(), label) == b_labels.end()) output.push_back(label);
  }
  for (const int label : b_labels) {
    if (label >= a.rank()) output.push_back(label);
  }
  if (output.size() > max_rank) {
    throw ValueError(concat_text("shapes ", a.shape(), " and ", b.shape(), " give a result of ", output.size(),
                                 " axes, but tensors have at most ", max_rank));
  }
  return ops::contract({{a, a_labels}, {b, b_labels}}, output);
}

// In the order in which they are given, unlike normalize_axes.
std::vector<int64_t> counted_axes(std::span<const int64_t> axes, const Tensor& x) {
  std::vector<int64_t> result;
  for (const int64_t axis : axes) {
    result.push_back(normalize_axis("tensordot", axis, x.rank()));
    if (std::count(result.begin(), result.end(), result.back()) > 1) {
      throw ValueError(concat_text("axis ", axis, " is given twice"));
    }
  }
  return result;
}

// The sum over one axis of each.
Tensor contracted(const Tensor& a, const Tensor& b, int64_t a_axis, int64_t b_axis) {
  return contracted(a, b, std::span(&a_axis, 1), std::span(&b_axis, 1));
}

// The axis as the last one.
Tensor with_last(const char* name, const Tensor& x, int64_t axis) {
  const int position = normalize_axis(name, axis, x.rank());
  Dims axes;
  for (int i = 0; i < x.rank(); ++i) {
    if (i != position) axes.push_back(i);
  }
  axes.push_back(position);
  return permute_dims(x, axes);
}

}  // namespace

Tensor tensordot(const Tensor& a, const Tensor& b, int64_t axes) try {
  if (axes < 0 || axes > a.rank() || axes > b.rank()) {
    throw ValueError(concat_text("cannot sum over ", axes, " axes of shapes ", a.shape(), " and ", b.shape()));
  }
  std::vector<int64_t> a_axes(static_cast<size_t>(axes));
  std::vector<int64_t> b_axes(static_cast<size_t>(axes));
  std::iota(a_axes.begin(), a_axes.end(), a.rank() - axes);
  std::iota(b_axes.begin(), b_axes.end(), 0);
  return contracted(a, b, a_axes, b_axes);
} catch (const Error&) {
  core::rethrow_as("tensordot");
}

Tensor tensordot(const Tensor& a, const Tensor& b, std::span<const int64_t> a_axes,
                 std::span<const int64_t> b_axes) try {
  if (a_axes.size() != b_axes.size()) {
    throw ValueError(concat_text("expected as many axes of each, got ", a_axes.size(), " and ", b_axes.size()));
  }
  return contracted(a, b, counted_axes(a_axes, a), counted_axes(b_axes, b));
} catch (const Error&) {
  core::rethrow_as("tensordot");
}

Tensor dot(const Tensor& a, const Tensor& b) try {
  if (a.rank() == 0 || b.rank() == 0) return multiply(a, b);
  return contracted(a, b, a.rank() - 1, std::max(b.rank() - 2, 0));
} catch (const Error&) {
  core::rethrow_as("dot");
}

Tensor inner(const Tensor& a, const Tensor& b) try {
  if (a.rank() == 0 || b.rank() == 0) return multiply(a, b);
  return contracted(a, b, a.rank() - 1, b.rank() - 1);
} catch (const Error&) {
  core::rethrow_as("inner");
}

Tensor vdot(const Tensor& a, const Tensor& b) try {
  return dot(reshape(a, {-1}), reshape(b, {-1}));
} catch (const Error&) {
  core::rethrow_as("vdot");
}

Tensor outer(const Tensor& a, const Tensor& b) try {
  return multiply(reshape(a, {a.size(), 1}), reshape(b, {1, b.size()}));
} catch (const Error&) {
  core::rethrow_as("outer");
}

Tensor vecdot(const Tensor& a, const Tensor& b, int64_t axis) try {
  const Tensor left = with_last("vecdot", a, axis);
  const Tensor right = with_last("vecdot", b, axis);
  if (left.size(-1) != right.size(-1)) {
    throw ValueError(concat_text("axis ", axis, " has different sizes in shapes ", a.shape(), " and ", b.shape()));
  }
  // Labels are counted from the last axis.
  const auto labels = [](const Tensor& x) {
    Labels result = numbered(0, x.rank());
    std::reverse(result.begin(), result.end());
    return result;
  };
  const Labels a_labels = labels(left);
  const Labels b_labels = labels(right);
  broadcast_shapes("vecdot", left.shape(), right.shape());
  Labels output = a_labels.size() > b_labels.size() ? a_labels : b_labels;
  output.pop_back();
  return ops::contract({{left, a_labels}, {right, b_labels}}, output);
} catch (const Error&) {
  core::rethrow_as("vecdot");
}

Tensor kron(const Tensor& a, const Tensor& b) try {
  const int rank = std::max(a.rank(), b.rank());
  if (2 * rank > max_rank) {
    throw ValueError(
        concat_text("expected tensors of at most ", max_rank / 2, " axes, got shapes ", a.shape(), " and ", b.shape()));
  }
  if (rank == 0) return multiply(a, b);
  // Rows as long as those of the result: each element of a as often as a row of b has elements, and whole rows of b.
  // The other axes alternate: (a0, 1, a1, 1, ..., columns) times (1, b0, 1, b1, ..., columns).
  const int64_t a_columns = a.rank() > 0 ? a.size(-1) : 1;
  const int64_t b_columns = b.rank() > 0 ? b.size(-1) : 1;
  Dims a_shape = Dims::filled(2 * rank - 1, 1);
  Dims b_shape = a_shape;
  Dims shape = Dims::filled(rank, 1);
  for (int axis = 0; axis + 1 < rank; ++axis) {
    const int of_a = axis - rank + a.rank();
    const int of_b = axis - rank + b.rank();
    if (of_a >= 0) a_shape[2 * axis] = a.shape()[of_a];
    if (of_b >= 0) b_shape[2 * axis + 1] = b.shape()[of_b];
    shape[axis] = a_shape[2 * axis] * b_shape[2 * axis + 1];
  }
  a_shape[2 * rank - 2] = b_shape[2 * rank - 2] = shape[rank - 1] = a_columns * b_columns;
  const Tensor rows_of_a = repeat(a.rank() > 0 ? a : expand_dims(a, 0), b_columns, -1);
  const Tensor rows_of_b = tile(b, {a_columns});
  return reshape(multiply(reshape(rows_of_a, a_shape), reshape(rows_of_b, b_shape)), shape);
} catch (const Error&) {
  core::rethrow_as("kron");
}

namespace {

Tensor composed_cross(const Tensor& a, const Tensor& b, int64_t axis) {
  const std::vector<Tensor> x = split(a, {1, 1, 1}, axis);
  const std::vector<Tensor> y = split(b, {1, 1, 1}, axis);
  std::vector<Tensor> parts;
  for (size_t i = 0; i < 3; ++i) {
    const size_t j = (i + 1) % 3;
    const size_t k = (i + 2) % 3;
    parts.push_back(subtract(multiply(x[j], y[k]), multiply(x[k], y[j])));
  }
  return concat(parts, axis);
}

Tensor cross_by_op(const Tensor& a, const Tensor& b, int64_t axis) {
  const DType dtype = promote(a.dtype(), b.dtype());
  const Dims shape = broadcast_shapes("cross", a.shape(), b.shape());
  const op::CrossAttrs attrs = {normalize_axis("cross", axis, shape.rank())};
  return op::apply(op::OpId::cross_product, op::to_attrs(attrs),
                   {expand(astype(a, dtype), shape), expand(astype(b, dtype), shape)});
}

}  // namespace

Tensor cross(const Tensor& a, const Tensor& b, int64_t axis) try {
  for (const Tensor* x : {&a, &b}) {
    if (x->size(normalize_axis("cross", axis, x->rank())) != 3) {
      throw ValueError(concat_text("expected size 3 along axis ", axis, ", got shape ", x->shape()));
    }
  }
  if (a.rank() != b.rank() && axis >= 0) {
    throw ValueError(
        concat_text("expected a negative axis for shapes of different ranks, got ", a.shape(), " and ", b.shape()));
  }
  // Compiled functions fuse the products.
  const bool are_bools = a.dtype() == DType::boolean && b.dtype() == DType::boolean;
  return is_tracing() || are_bools ? composed_cross(a, b, axis) : cross_by_op(a, b, axis);
} catch (const Error&) {
  core::rethrow_as("cross");
}

Tensor mv(const Tensor& a, const Tensor& b) try {
  require_rank("a matrix", a, 2);
  require_rank("a vector", b, 1);
  return matmul(a, b);
} catch (const Error&) {
  core::rethrow_as("mv");
}

Tensor mm(const Tensor& a, const Tensor& b) try {
  require_rank("a matrix", a, 2);
  require_rank("a matrix", b, 2);
  return matmul(a, b);
} catch (const Error&) {
  core::rethrow_as("mm");
}

Tensor bmm(const Tensor& a, const Tensor& b) try {
  require_rank("a batch of matrices", a, 3);
  require_rank("a batch of matrices", b, 3);
  if (a.size(0) != b.size(0)) {
    throw ValueError(concat_text("expected batches of one size, got shapes ", a.shape(), " and ", b.shape()));
  }
  return matmul(a, b);
} catch (const Error&) {
  core::rethrow_as("bmm");
}

Tensor addmm(const Tensor& x, const Tensor& a, const Tensor& b, Scalar beta, Scalar alpha) try {
  require_rank("a matrix", a, 2);
  require_rank("a matrix", b, 2);
  const Tensor product = matmul(a, b);
  if (broadcast_shapes("addmm", x.shape(), product.shape()) != product.shape()) {
    throw ValueError(concat_text("x of shape ", x.shape(), " does not fit a product of shape ", product.shape()));
  }
  const Tensor scaled = alpha.to_double() == 1 ? product : product * alpha;
  if (beta.to_double() == 0) return astype(scaled, promote(scaled.dtype(), x.dtype()));
  return beta.to_double() == 1 ? add(x, scaled) : add(x * beta, scaled);
} catch (const Error&) {
  core::rethrow_as("addmm");
}

Tensor trace(const Tensor& x, int64_t offset) try {
  if (x.rank() < 2) throw ValueError(concat_text("expected matrices, got shape ", x.shape()));
  return sum(diagonal(x, offset, -2, -1), std::vector<int64_t>{-1});
} catch (const Error&) {
  core::rethrow_as("trace");
}

namespace linalg {

namespace {

// Where to divide each chain of matrices i..j, whose product is (sizes[i], sizes[j + 1]): the classical recursion over
// longer and longer chains.
class ChainOrder {
 public:
  explicit ChainOrder(std::span<const double> sizes) : count_(sizes.size() - 1), parts_(count_ * count_, 0) {
    std::vector<double> costs(count_ * count_, 0);
    for (size_t length = 1; length < count_; ++length) {
      for (size_t first = 0; first + length < count_; ++first) {
        const size_t last = first + length;
        double best = std::numeric_limits<double>::infinity();
        for (size_t part = first; part < last; ++part) {
          const double cost = costs[first * count_ + part] + costs[(part + 1) * count_ + last] +
                              sizes[first] * sizes[part + 1] * sizes[last + 1];
          if (cost >= best) continue;
          best = cost;
          parts_[first * count_ + last] = part;
        }
        costs[first * count_ + last] = best;
      }
    }
  }

  Tensor product(std::span<const Tensor> matrices, size_t first, size_t last) const {
    if (first == last) return matrices[first];
    const size_t part = parts_[first * count_ + last];
    return matmul(product(matrices, first, part), product(matrices, part + 1, last));
  }

 private:
  size_t count_;
  std::vector<size_t> parts_;
};

}  // namespace

Tensor multi_dot(std::span<const Tensor> matrices) try {
  if (matrices.size() < 2) throw ValueError(concat_text("expected at least two matrices, got ", matrices.size()));
  std::vector<double> sizes;
  for (size_t i = 0; i < matrices.size(); ++i) {
    const bool at_end = i == 0 || i + 1 == matrices.size();
    const Tensor& matrix = matrices[i];
    if (matrix.rank() != 2 && !(at_end && matrix.rank() == 1)) {
      throw ValueError(concat_text("expected matrices, and vectors only at the ends, got shape ", matrix.shape()));
    }
    const bool is_row = matrix.rank() == 1 && i == 0;
    sizes.push_back(is_row ? 1.0 : static_cast<double>(matrix.shape()[0]));
    if (i > 0 && matrix.shape()[0] != matrices[i - 1].shape().back()) {
      throw ValueError(concat_text("shapes ", matrices[i - 1].shape(), " and ", matrix.shape(), " do not fit"));
    }
  }
  const Tensor& last = matrices.back();
  sizes.push_back(last.rank() == 1 ? 1.0 : static_cast<double>(last.shape()[1]));
  return ChainOrder(sizes).product(matrices, 0, matrices.size() - 1);
} catch (const Error&) {
  core::rethrow_as("multi_dot");
}

Tensor matrix_power(const Tensor& x, int64_t exponent) try {
  if (x.rank() < 2 || x.size(-2) != x.size(-1)) {
    throw ValueError(concat_text("expected square matrices, got shape ", x.shape()));
  }
  if (exponent == 0) {
    const Tensor identity = expand(eye(x.size(-1), x.size(-1), 0, x.dtype()), x.shape());
    return ops::with_zero_gradient(identity, x);
  }
  Tensor square = exponent < 0 ? inv(x) : x;
  // The smallest integer has no opposite.
  uint64_t rest = exponent < 0 ? ~static_cast<uint64_t>(exponent) + 1 : static_cast<uint64_t>(exponent);
  Tensor result;
  while (true) {
    if ((rest & 1U) != 0) result = result.defined() ? matmul(result, square) : square;
    rest >>= 1U;
    if (rest == 0) return result;
    square = matmul(square, square);
  }
} catch (const Error&) {
  core::rethrow_as("matrix_power");
}

}  // namespace linalg

}  // namespace pydl
