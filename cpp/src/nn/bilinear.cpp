// The bilinear map of two vectors.
#include "core/named.h"
#include "pydl/nn.h"

namespace pydl::nn {

namespace {

void check_bilinear(const Tensor& x1, const Tensor& x2, const Tensor& weight, const Tensor& bias) {
  if (weight.rank() != 3) {
    throw ValueError(concat_text("bilinear: expected a weight (O, I, J), got shape ", weight.shape()));
  }
  const int last = x1.rank() - 1;
  bool fits = x1.rank() > 0 && x1.rank() == x2.rank();
  for (int i = 0; fits && i < last; ++i) fits = x1.size(i) == x2.size(i);
  if (!fits || x1.size(last) != weight.size(1) || x2.size(last) != weight.size(2)) {
    throw ValueError(concat_text("bilinear: expected inputs (..., ", weight.size(1), ") and (..., ", weight.size(2),
                                 ") with the same leading axes for a weight of shape ", weight.shape(), ", got ",
                                 x1.shape(), " and ", x2.shape()));
  }
  if (bias.defined() && bias.shape() != Dims{weight.size(0)}) {
    throw ValueError(concat_text("bilinear: expected a bias of shape (", weight.size(0), ",), got ", bias.shape()));
  }
}

}  // namespace

Tensor bilinear(const Tensor& x1, const Tensor& x2, const Tensor& weight, const Tensor& bias) try {
  check_bilinear(x1, x2, weight, bias);
  const int64_t outputs = weight.size(0);
  const int64_t left = weight.size(1);
  const int64_t right = weight.size(2);
  Dims shape = x1.shape();
  shape[x1.rank() - 1] = 1;
  const int64_t samples = element_count(shape);
  shape[x1.rank() - 1] = outputs;
  // One product makes a matrix (O, J) of each x1; the second one applies it to x2.
  const Tensor columns = reshape(permute_dims(weight, {1, 0, 2}), {left, outputs * right});
  const Tensor maps = reshape(matmul(reshape(x1, {samples, left}), columns), {samples, outputs, right});
  const Tensor y = reshape(matmul(maps, reshape(x2, {samples, right, 1})), shape);
  return bias.defined() ? y + bias : y;
} catch (const Error&) {
  core::rethrow_as("bilinear");
}

}  // namespace pydl::nn
