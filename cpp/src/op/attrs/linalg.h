// Attributes of the factorisations of matrices.
#pragma once

#include <optional>

#include "op/attr_struct.h"

namespace pydl::op {

/// `transpose` solves with the transposed triangle; the diagonal of a unit triangle is not read.
struct TriangularAttrs {
  bool upper = false;
  bool transpose = false;
  bool unit_diagonal = false;
  PYDL_ATTRS(upper, transpose, unit_diagonal)
};

struct QrAttrs {
  bool complete = false;
  PYDL_ATTRS(complete)
};

/// Without vectors, their results have no columns, or rows.
struct EighAttrs {
  bool vectors = true;
  PYDL_ATTRS(vectors)
};

struct SvdAttrs {
  bool full_matrices = true;
  bool vectors = true;
  PYDL_ATTRS(full_matrices, vectors)
};

struct PinvAttrs {
  std::optional<double> rtol;
  PYDL_ATTRS(rtol)
};

}  // namespace pydl::op
