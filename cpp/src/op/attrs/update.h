// Attributes of the optimiser updates; `count` is the number of parameters.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

struct SgdAttrs {
  int64_t count = 1;
  double momentum = 0.0;
  double dampening = 0.0;
  double weight_decay = 0.0;
  bool nesterov = false;
  PYDL_ATTRS(count, momentum, dampening, weight_decay, nesterov)
};

struct SgdRowsAttrs {
  std::optional<int64_t> skip;  ///< this row is not updated
  PYDL_ATTRS(skip)
};

struct RmspropAttrs {
  int64_t count = 1;
  double alpha = 0.99;
  double epsilon = 1e-8;
  double momentum = 0.0;
  double weight_decay = 0.0;
  PYDL_ATTRS(count, alpha, epsilon, momentum, weight_decay)
};

/// `decoupled` selects AdamW.
struct AdamAttrs {
  int64_t count = 1;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  bool decoupled = false;
  PYDL_ATTRS(count, beta1, beta2, epsilon, weight_decay, decoupled)
};

}  // namespace pydl::op
