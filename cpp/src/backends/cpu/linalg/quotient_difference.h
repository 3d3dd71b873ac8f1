// Singular values of bidiagonal matrices, and eigenvalues of tridiagonal ones, without vectors.
#pragma once

#include <cstdint>

namespace pydl::cpu {

/// Replaces the squares q of a diagonal by the squares of the singular values, in no order. e are the squares of the
/// elements above the diagonal; e[count - 1] is not read. `room` has 3 count numbers. Small values are as exact as the
/// bidiagonal matrix, relative to themselves.
void squared_singular_values(double* q, double* e, int64_t count, double* room);

/// Replaces the diagonal of a symmetric tridiagonal matrix by its eigenvalues, in no order. below[count - 1] is not
/// read; `below` is overwritten. `room` has 3 count numbers.
void tridiagonal_eigenvalues(double* diagonal, double* below, int64_t count, double* room);

}  // namespace pydl::cpu
