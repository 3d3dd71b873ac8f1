// Derivatives of the factorisations of matrices, in public functions, so that they are themselves differentiable.
#pragma once

#include "op/op_def.h"
#include "pydl/tensor.h"

namespace pydl::ops {

/// Factors in which a number close to 0 stands for each 0 on the diagonal, so that derivatives of singular matrices
/// exist: those of det are then right.
Tensor with_pivots(const Tensor& lu);

op::Gradients lu_gradients(const op::BackwardContext& c);
op::Gradients solve_gradients(const op::BackwardContext& c);
op::Gradients triangular_gradients(const op::BackwardContext& c);
op::Gradients cholesky_gradients(const op::BackwardContext& c);
op::Gradients qr_gradients(const op::BackwardContext& c);
op::Gradients eigh_gradients(const op::BackwardContext& c);
op::Gradients svd_gradients(const op::BackwardContext& c);
op::Gradients pinv_gradients(const op::BackwardContext& c);

}  // namespace pydl::ops
