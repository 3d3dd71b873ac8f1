// Eigenvalues of symmetric matrices and singular values, in double precision.
#pragma once

#include "backends/cpu/linalg/blocks.h"
#include "backends/cpu/workspace.h"

namespace pydl::cpu {

/// Eigenvalues in ascending order, and eigenvectors in the rows of `vectors`, unless it has none. The matrix, of which
/// the lower triangle is read, is overwritten. Householder reflections make it tridiagonal, and then QL steps diagonal
/// (Golub and Van Loan, "Matrix Computations", chapter 8). Without `values`, only the workspace is counted.
void decompose_symmetric(const Block<double>& a, double* values, const Block<double>& vectors, Workspace& workspace);

/// Singular values in descending order, left vectors in the rows of `left`, of which there may be as many as a has
/// rows, and right ones in those of `right`; neither, if both have no rows. a has at least as many rows as columns, and
/// is overwritten. Householder reflections make it bidiagonal, and then QR steps diagonal (chapter 8 again).
void decompose_rectangular(const Block<double>& a, double* values, const Block<double>& left,
                           const Block<double>& right, Workspace& workspace);

}  // namespace pydl::cpu
