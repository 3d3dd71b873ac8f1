// What the convolutions of conv.cpp are measured by: oneDNN's primitives alone, in the layouts that they prefer.
#pragma once

#include <memory>

#include "core/module_api.h"
#include "pydl/shape.h"

namespace pydl::onednn {

/// A layer without bias in float32, forward and backward. All shapes have one rank; the weight is (O, C / groups,
/// K...).
struct BareConvolutionShape {
  Dims x;
  Dims weight;
  Dims y;
  Dims stride;   // per spatial axis
  Dims padding;  // before and behind each
  int64_t groups = 1;
  bool input_gradient = true;
};

/// For benchmarks: operands are moved into the layouts that each primitive chose beforehand, and results are moved back
/// when they are asked for, so that `run` takes the time of the arithmetic and no more.
class BareConvolution {
 public:
  virtual ~BareConvolution() = default;

  /// Computes the result and both gradients, or that of the weight only.
  virtual void run() = 0;

  /// Results of the last run, row-major. `x_gradient` is for `input_gradient` only.
  virtual void read(float* y, float* weight_gradient, float* x_gradient) const = 0;
};

/// Operands are row-major: x, the weight, and the gradient of y. Throws ValueError for shapes that oneDNN refuses.
PYDL_MODULE_API std::unique_ptr<BareConvolution> make_bare_convolution(const BareConvolutionShape& shape,
                                                                       const float* x, const float* weight,
                                                                       const float* gradient);

}  // namespace pydl::onednn
