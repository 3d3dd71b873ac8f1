// Random numbers of many distributions, drawn from a generator (pydl/random.h): the same for any number of threads.
//
//   Tensor noise = random::laplace(0, scale);                      // as many numbers as `scale` has elements
//   Tensor waits = random::exponential(2, {.shape = Dims{100}});   // 100 numbers with mean 2
//   Tensor words = random::categorical(softmax(logits));           // one category per row
//
// A parameter is a number, or a tensor. The result has the given shape, to which the parameters are broadcast, or, if
// none is given, the shape to which they broadcast each other. It has the given floating-point dtype, or that of the
// parameters that are tensors, or float32.
//
// A number outside of a parameter's range is an error. Where an element of a tensor is outside of it, the result is
// NaN. Where `loc` or `scale` shift and stretch the numbers, and for `normal` and `uniform`, results are differentiable
// in tensors; `beta`, `dirichlet`, `poisson`, `truncated_normal`, choices and the concentration of `gamma` are not.
#pragma once

#include <optional>
#include <variant>

#include "pydl/export.h"
#include "pydl/random.h"
#include "pydl/tensor.h"

namespace pydl::random {

/// A parameter of a distribution: a number, or a tensor that is broadcast to the shape of the result.
class PYDL_API DistributionParameter {
 public:
  DistributionParameter(double value) : content_(value) {}
  DistributionParameter(Tensor values) : content_(std::move(values)) {}
  /// Null if the parameter is a tensor.
  const double* number() const { return std::get_if<double>(&content_); }
  /// Null if the parameter is a number.
  const Tensor* tensor() const { return std::get_if<Tensor>(&content_); }

 private:
  std::variant<double, Tensor> content_;
};

/// What a call may leave out.
struct PYDL_API DrawOptions {
  std::optional<Dims> shape = {};
  std::optional<DType> dtype = {};
  Generator& generator = default_generator();
};

/// 1 with probability p, else 0.
PYDL_API Tensor bernoulli(const DistributionParameter& p, const DrawOptions& options = {});
/// Uniform in [low, high). Differentiable in both.
PYDL_API Tensor uniform(const DistributionParameter& low, const DistributionParameter& high,
                        const DrawOptions& options = {});
/// Differentiable in mean and std.
PYDL_API Tensor normal(const DistributionParameter& mean, const DistributionParameter& std,
                       const DrawOptions& options = {});
/// exp of a normal number. Differentiable in mean and std.
PYDL_API Tensor log_normal(const DistributionParameter& mean = 0.0, const DistributionParameter& std = 1.0,
                           const DrawOptions& options = {});
/// Normal with mean and standard deviation before it was restricted to [low, high]; exact in far tails, too.
PYDL_API Tensor truncated_normal(const DistributionParameter& low, const DistributionParameter& high,
                                 const DistributionParameter& mean = 0.0, const DistributionParameter& std = 1.0,
                                 const DrawOptions& options = {});
/// With mean `scale`. Differentiable in it.
PYDL_API Tensor exponential(const DistributionParameter& scale = 1.0, const DrawOptions& options = {});
/// Differentiable in loc and scale.
PYDL_API Tensor laplace(const DistributionParameter& loc = 0.0, const DistributionParameter& scale = 1.0,
                        const DrawOptions& options = {});
PYDL_API Tensor gumbel(const DistributionParameter& loc = 0.0, const DistributionParameter& scale = 1.0,
                       const DrawOptions& options = {});
PYDL_API Tensor cauchy(const DistributionParameter& loc = 0.0, const DistributionParameter& scale = 1.0,
                       const DrawOptions& options = {});
/// The number of attempts up to the first success with probability p: 1, 2, ...
PYDL_API Tensor geometric(const DistributionParameter& p, const DrawOptions& options = {});
/// The density is proportional to x^(concentration - 1) exp(-x / scale). Differentiable in the scale.
PYDL_API Tensor gamma(const DistributionParameter& concentration, const DistributionParameter& scale = 1.0,
                      const DrawOptions& options = {});
/// The density is proportional to x^(a - 1) (1 - x)^(b - 1). Does not underflow for small a and b.
PYDL_API Tensor beta(const DistributionParameter& a, const DistributionParameter& b, const DrawOptions& options = {});
/// The number of events at this rate.
PYDL_API Tensor poisson(const DistributionParameter& rate, const DrawOptions& options = {});
/// Points of positive coordinates that add to 1 along the last axis of the concentration. The shape in the options
/// counts such points, and is put before the shape of the concentration.
PYDL_API Tensor dirichlet(const Tensor& concentration, const DrawOptions& options = {});

/// `count` categories 0 .. K-1 for each row of probs (..., K), which need not add to 1: int64 (..., count). Without
/// replacement, those of a row are different, as if they were drawn one after the other. Throws `ValueError` for
/// probabilities that are negative, NaN or infinite, and where fewer than the categories to draw are positive.
PYDL_API Tensor multinomial(const Tensor& probs, int64_t count, bool replacement = false,
                            Generator& generator = default_generator());
/// One category for each row of probs (..., K), as many times as `shape` says: int64 (shape..., ...).
PYDL_API Tensor categorical(const Tensor& probs, const Dims& shape = {}, Generator& generator = default_generator());

/// The slices of x along an axis in random order. Differentiable.
PYDL_API Tensor permutation(const Tensor& x, int64_t axis = 0, Generator& generator = default_generator());
/// Overwrites x with its slices along an axis in random order.
PYDL_API void shuffle(const Tensor& x, int64_t axis = 0, Generator& generator = default_generator());

}  // namespace pydl::random
