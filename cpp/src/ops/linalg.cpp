// Factorisations of matrices, and solutions of linear equations.
#include "op/attrs/linalg.h"

#include <algorithm>

#include "op/saturating.h"
#include "ops/families.h"
#include "ops/linalg_derivatives.h"

namespace pydl::ops {

namespace {

using op::Attrs;
using op::BufferSpec;
using op::OpId;

Dims batch_shape(const Dims& shape) { return Dims(std::span(shape.begin(), static_cast<size_t>(shape.rank() - 2))); }

Dims with_sizes(Dims batch, std::initializer_list<int64_t> sizes) {
  for (const int64_t size : sizes) batch.push_back(size);
  return batch;
}

void require_matrices(const char* name, const BufferSpec& x) {
  if (x.shape.rank() < 2) {
    throw ValueError(concat_text(name, ": expected matrices in the last two axes, got shape ", x.shape));
  }
  if (x.dtype != DType::float32 && x.dtype != DType::float64) {
    throw TypeError(concat_text(name, ": expected float32 or float64, got ", x.dtype, "; convert it with astype"));
  }
  // Planning a kernel takes time in proportion to the size, and happens before memory is allocated. Views may be
  // larger than any memory.
  constexpr int64_t largest = int64_t{1} << 22;
  if (std::min(x.shape[x.shape.rank() - 2], x.shape.back()) > largest) {
    throw MemoryError(concat_text(name, ": the factors of a matrix of shape ", x.shape, " do not fit into memory"));
  }
}

void require_square_matrices(const char* name, const BufferSpec& x) {
  require_matrices(name, x);
  if (x.shape[x.shape.rank() - 2] != x.shape.back()) {
    throw ValueError(concat_text(name, ": expected square matrices, got shape ", x.shape));
  }
}

void infer_lu(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec* results, int64_t*) {
  const BufferSpec& x = inputs[0];
  require_square_matrices("lu_factor", x);
  results[0] = row_major(x.dtype, x.shape);
  results[1] = row_major(DType::int64, with_sizes(batch_shape(x.shape), {x.shape.back()}));
  results[2] = row_major(x.dtype, batch_shape(x.shape));
}

template <OpId id>
void infer_solution(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec* result, int64_t*) {
  const char* name = op::op_name(id);
  const Dims& a = inputs[0].shape;
  const Dims& b = inputs[1].shape;
  require_square_matrices(name, inputs[0]);
  require_same_dtype(name, inputs[0], inputs[1]);
  if (b.rank() != a.rank() || batch_shape(a) != batch_shape(b) || b[b.rank() - 2] != a.back()) {
    throw ValueError(concat_text(name, ": the rows of b must be as many as those of a, got shapes ", a, " and ", b));
  }
  *result = row_major(inputs[1].dtype, b);
}

void infer_cholesky(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec* result, int64_t*) {
  require_square_matrices("cholesky", inputs[0]);
  *result = row_major(inputs[0].dtype, inputs[0].shape);
}

void infer_qr(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* results, int64_t*) {
  const BufferSpec& x = inputs[0];
  require_matrices("qr", x);
  const int64_t rows = x.shape[x.shape.rank() - 2];
  const int64_t columns = x.shape.back();
  const int64_t inner = op::from_attrs<op::QrAttrs>(attrs).complete ? rows : std::min(rows, columns);
  const Dims batch = batch_shape(x.shape);
  results[0] = row_major(x.dtype, with_sizes(batch, {rows, inner}));
  results[1] = row_major(x.dtype, with_sizes(batch, {inner, columns}));
  require_sizes("qr", results[0].shape);
}

void infer_eigh(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* results, int64_t*) {
  const BufferSpec& x = inputs[0];
  require_square_matrices("eigh", x);
  results[0] = row_major(x.dtype, with_sizes(batch_shape(x.shape), {x.shape.back()}));
  results[1] = row_major(x.dtype, x.shape);
  if (!op::from_attrs<op::EighAttrs>(attrs).vectors) {
    results[1] = row_major(x.dtype, with_sizes(batch_shape(x.shape), {x.shape.back(), 0}));
  }
}

void infer_svd(const Attrs& attrs, std::span<const BufferSpec> inputs, BufferSpec* results, int64_t*) {
  const BufferSpec& x = inputs[0];
  require_matrices("svd", x);
  const int64_t rows = x.shape[x.shape.rank() - 2];
  const int64_t columns = x.shape.back();
  const int64_t count = std::min(rows, columns);
  const auto given = op::from_attrs<op::SvdAttrs>(attrs);
  const auto vectors_of = [&](int64_t size) { return given.vectors ? (given.full_matrices ? size : count) : 0; };
  const Dims batch = batch_shape(x.shape);
  results[0] = row_major(x.dtype, with_sizes(batch, {rows, vectors_of(rows)}));
  results[1] = row_major(x.dtype, with_sizes(batch, {count}));
  results[2] = row_major(x.dtype, with_sizes(batch, {vectors_of(columns), columns}));
  require_sizes("svd", results[0].shape);
  require_sizes("svd", results[2].shape);
}

void infer_pinv(const Attrs&, std::span<const BufferSpec> inputs, BufferSpec* result, int64_t*) {
  const Dims& shape = inputs[0].shape;
  require_matrices("pinv", inputs[0]);
  if (inputs.size() > 1 && (inputs[1].dtype != DType::float64 || inputs[1].shape != batch_shape(shape))) {
    throw ValueError(concat_text("pinv: expected an rtol of float64 and shape ", batch_shape(shape), ", got ",
                                 inputs[1].dtype, " of shape ", inputs[1].shape));
  }
  *result = row_major(inputs[0].dtype, with_sizes(batch_shape(shape), {shape.back(), shape[shape.rank() - 2]}));
}

void declare_solvers(Registry& registry) {
  registry.declare(OpId::lu_factor,
                   {
                       .doc = "Square matrices as L U, packed into one matrix, the order of their rows, and its sign.",
                       .inputs = {"x"},
                       .results = {"lu", "permutation", "sign"},
                       .infer = infer_lu,
                       .backward = lu_gradients,
                       .saves_results = 3U,
                   });
  registry.declare(OpId::solve, {
                                    .doc = "The solution x of a x = b for square matrices a.",
                                    .inputs = {"a", "b"},
                                    .results = {"x"},
                                    .traits = flag(op::Trait::checks_values),
                                    .infer = infer_solution<OpId::solve>,
                                    .backward = solve_gradients,
                                    .saves_inputs = 1U,
                                    .saves_results = 1U,
                                });
  registry.declare(OpId::solve_triangular, {
                                               .doc = "The solution x of a x = b, where a is a triangle of a matrix.",
                                               .inputs = {"a", "b"},
                                               .results = {"x"},
                                               .attributes = op::fields_of<op::TriangularAttrs>(),
                                               .traits = flag(op::Trait::checks_values),
                                               .infer = infer_solution<OpId::solve_triangular>,
                                               .backward = triangular_gradients,
                                               .saves_inputs = 1U,
                                               .saves_results = 1U,
                                           });
  registry.declare(OpId::cholesky, {
                                       .doc = "The lower triangle L of x = L times its transpose.",
                                       .inputs = {"x"},
                                       .results = {"lower"},
                                       .traits = flag(op::Trait::checks_values),
                                       .infer = infer_cholesky,
                                       .backward = cholesky_gradients,
                                       .saves_results = 1U,
                                   });
}

void declare_orthogonal_factors(Registry& registry) {
  registry.declare(OpId::qr, {
                                 .doc = "Matrices as products of one with orthonormal columns and an upper triangle.",
                                 .inputs = {"x"},
                                 .results = {"q", "r"},
                                 .attributes = op::fields_of<op::QrAttrs>(),
                                 .infer = infer_qr,
                                 .backward = qr_gradients,
                                 .saves_inputs = 1U,
                                 .saves_results = 3U,
                             });
  registry.declare(OpId::eigh,
                   {
                       .doc = "Eigenvalues, ascending, and eigenvectors of symmetric matrices by their lower triangle.",
                       .inputs = {"x"},
                       .results = {"eigenvalues", "eigenvectors"},
                       .attributes = op::fields_of<op::EighAttrs>(),
                       .infer = infer_eigh,
                       .backward = eigh_gradients,
                       .saves_inputs = 1U,
                       .saves_results = 3U,
                   });
  registry.declare(OpId::svd, {
                                  .doc = "Singular values, descending, with their left and right singular vectors.",
                                  .inputs = {"x"},
                                  .results = {"u", "s", "vh"},
                                  .attributes = op::fields_of<op::SvdAttrs>(),
                                  .infer = infer_svd,
                                  .backward = svd_gradients,
                                  .saves_inputs = 1U,
                                  .saves_results = 7U,
                              });
  registry.declare(OpId::pinv, {
                                   .doc = "The Moore-Penrose inverse.",
                                   .inputs = {"x", "rtols?"},
                                   .attributes = op::fields_of<op::PinvAttrs>(),
                                   .infer = infer_pinv,
                                   .backward = pinv_gradients,
                                   .saves_inputs = 1U,
                                   .saves_results = 1U,
                               });
}

}  // namespace

void define_linalg(Registry& registry) {
  declare_solvers(registry);
  declare_orthogonal_factors(registry);
}

}  // namespace pydl::ops
