// Weight initialisers.
#include <cmath>

#include "core/named.h"
#include "pydl/layers.h"
#include "pydl/nn.h"

namespace pydl::nn {

Fans fans(const char* initializer, const Dims& weight_shape) {
  if (weight_shape.rank() < 2) {
    throw ValueError(concat_text(initializer, ": expected a weight of at least 2 axes, got shape ", weight_shape));
  }
  int64_t rest = 1;
  for (int axis = 2; axis < weight_shape.rank(); ++axis) rest *= weight_shape[axis];
  return {weight_shape[1] * rest, weight_shape[0] * rest};
}

namespace {

double xavier_scale(const char* initializer, const Dims& shape, double gain) {
  const Fans f = fans(initializer, shape);
  return gain / std::sqrt(static_cast<double>(std::max<int64_t>(f.in + f.out, 1)));
}

double kaiming_scale(const char* initializer, const Dims& shape, double gain) {
  return gain / std::sqrt(static_cast<double>(std::max<int64_t>(fans(initializer, shape).in, 1)));
}

}  // namespace

Tensor xavier_uniform(const Dims& shape, double gain, DType dtype, Generator& generator) try {
  const double bound = std::sqrt(6.0) * xavier_scale("xavier_uniform", shape, gain);
  return uniform(shape, -bound, bound, dtype, generator);
} catch (const Error&) {
  core::rethrow_as("xavier_uniform");
}

Tensor xavier_normal(const Dims& shape, double gain, DType dtype, Generator& generator) try {
  return normal(shape, 0, std::sqrt(2.0) * xavier_scale("xavier_normal", shape, gain), dtype, generator);
} catch (const Error&) {
  core::rethrow_as("xavier_normal");
}

Tensor kaiming_uniform(const Dims& shape, double gain, DType dtype, Generator& generator) try {
  const double bound = std::sqrt(3.0) * kaiming_scale("kaiming_uniform", shape, gain);
  return uniform(shape, -bound, bound, dtype, generator);
} catch (const Error&) {
  core::rethrow_as("kaiming_uniform");
}

Tensor kaiming_normal(const Dims& shape, double gain, DType dtype, Generator& generator) try {
  return normal(shape, 0, kaiming_scale("kaiming_normal", shape, gain), dtype, generator);
} catch (const Error&) {
  core::rethrow_as("kaiming_normal");
}

Tensor default_weight(const Dims& shape, DType dtype, Generator& generator) try {
  return kaiming_uniform(shape, std::sqrt(1.0 / 3.0), dtype, generator);
} catch (const Error&) {
  core::rethrow_as("default_weight");
}

Tensor default_bias(const Dims& shape, int64_t fan_in, DType dtype, Generator& generator) try {
  const double bound = 1.0 / std::sqrt(static_cast<double>(std::max<int64_t>(fan_in, 1)));
  return uniform(shape, -bound, bound, dtype, generator);
} catch (const Error&) {
  core::rethrow_as("default_bias");
}

// Gram-Schmidt on normal vectors in float64, applied twice to make them orthogonal up to rounding.
Tensor orthogonal(const Dims& shape, double gain, DType dtype, Generator& generator) try {
  if (shape.rank() < 2) throw ValueError(concat_text("orthogonal: expected at least 2 axes, got shape ", shape));
  const int64_t rows = shape[0];
  const int64_t columns = rows == 0 ? 0 : element_count(shape) / rows;
  const int64_t count = std::min(rows, columns);
  const int64_t length = std::max(rows, columns);
  const Tensor vectors = normal({count, length}, 0, 1, DType::float64, generator);
  auto* data = vectors.data<double>();
  for (int64_t i = 0; i < count; ++i) {
    double* row = data + i * length;
    for (int pass = 0; pass < 2; ++pass) {
      for (int64_t j = 0; j < i; ++j) {
        double dot = 0;
        for (int64_t k = 0; k < length; ++k) dot += row[k] * data[j * length + k];
        for (int64_t k = 0; k < length; ++k) row[k] -= dot * data[j * length + k];
      }
    }
    double norm = 0;
    for (int64_t k = 0; k < length; ++k) norm += row[k] * row[k];
    for (int64_t k = 0; k < length; ++k) row[k] /= std::sqrt(norm);
  }
  const Tensor oriented = rows <= columns ? vectors : matrix_transpose(vectors);
  return astype(reshape(oriented * gain, shape), dtype);
} catch (const Error&) {
  core::rethrow_as("orthogonal");
}

}  // namespace pydl::nn
