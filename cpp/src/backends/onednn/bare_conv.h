// The reference that conv.cpp is measured against: oneDNN's primitives alone, in the layouts that they prefer.
#pragma once

#include <memory>

#include "core/module_api.h"
#include "pydl/shape.h"

namespace pydl::onednn {

/// A convolution layer without bias in float32, forward and backward. All shapes have the same rank; the weight is (O,
/// C / groups, K...).
struct BareConvolutionShape {
  Dims x;
  Dims weight;
  Dims y;
  Dims stride;   // per spatial axis
  Dims padding;  // on both sides of each
  int64_t groups = 1;
  bool input_gradient = true;
};

/// For benchmarks. Operands are converted beforehand to the layouts that each primitive chose, and results are
/// converted back when they are read, so that the time of `run` is the time of the arithmetic alone.
class BareConvolution {
 public:
  virtual ~BareConvolution() = default;

  /// Computes the result and both gradients, or only the gradient of the weight.
  virtual void run() = 0;

  /// The results of the last run, row-major. `x_gradient` is available only with `input_gradient`.
  virtual void read(float* y, float* weight_gradient, float* x_gradient) const = 0;
};

/// The operands are row-major: x, the weight, and the gradient of y. Throws ValueError for shapes that oneDNN rejects.
PYDL_MODULE_API std::unique_ptr<BareConvolution> make_bare_convolution(const BareConvolutionShape& shape,
                                                                       const float* x, const float* weight,
                                                                       const float* gradient);

}  // namespace pydl::onednn
