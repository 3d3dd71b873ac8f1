// What is subtracted from the number of elements by which a variance is divided.
#pragma once

#include <optional>

#include "pydl/error.h"
#include "pydl/shape.h"

namespace pydl::python {

/// The number, from the names that the array API, NumPy and PyTorch have for it, of which at most one is given. By
/// default 0.
inline double given_correction(const char* name, std::optional<double> correction, std::optional<double> ddof,
                               std::optional<bool> unbiased) {
  if (int{correction.has_value()} + int{ddof.has_value()} + int{unbiased.has_value()} > 1) {
    throw TypeError(concat_text(name, ": expected one of correction, ddof and unbiased, got several"));
  }
  if (unbiased) return *unbiased ? 1 : 0;
  return ddof.value_or(correction.value_or(0));
}

}  // namespace pydl::python
