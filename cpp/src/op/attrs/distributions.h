// Attributes of ops that draw from distributions by rejection, and of choices.
#pragma once

#include "op/attr_struct.h"

namespace pydl::op {

struct GammaAttrs {
  bool logarithm = false;
  PYDL_ATTRS(logarithm)
};

struct MultinomialAttrs {
  int64_t count = 1;
  bool replacement = false;
  static constexpr size_t required = 1;
  PYDL_ATTRS(count, replacement)
};

}  // namespace pydl::op
