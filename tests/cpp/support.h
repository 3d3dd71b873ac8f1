// Tensors for tests, and comparison of tensors.
#pragma once

#include <cstring>
#include <initializer_list>
#include <vector>

#include "check.h"
#include "pydl/ops.h"
#include "pydl/random.h"

namespace support {

inline pydl::Tensor doubles(std::initializer_list<double> values, const pydl::Dims& shape) {
  return pydl::Tensor::from_values<double>(std::span(values.begin(), values.size()), shape);
}

inline pydl::Tensor random_doubles(const pydl::Dims& shape, double low = -1, double high = 1) {
  return pydl::uniform(shape, low, high, pydl::DType::float64);
}

/// All elements in row-major order.
inline std::vector<double> values(const pydl::Tensor& tensor) {
  const pydl::Tensor dense = pydl::copy(pydl::astype(tensor.detach(), pydl::DType::float64));
  return {dense.data<double>(), dense.data<double>() + dense.size()};
}

inline void close(const char* file, int line, const pydl::Tensor& a, const pydl::Tensor& b, double tolerance) {
  check::equal(file, line, "shape", a.shape(), b.shape());
  if (a.shape() != b.shape()) return;
  const std::vector<double> left = values(a);
  const std::vector<double> right = values(b);
  for (size_t i = 0; i < left.size(); ++i) {
    const std::string element = "element " + std::to_string(i);
    check::close(file, line, element.c_str(), left[i], right[i], tolerance * (1 + std::abs(right[i])));
  }
}

/// Whether dtype, shape and every bit are the same.
inline bool same_bits(const pydl::Tensor& a, const pydl::Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  const pydl::Tensor left = pydl::contiguous(a.detach());
  const pydl::Tensor right = pydl::contiguous(b.detach());
  const size_t bytes = static_cast<size_t>(a.size()) * pydl::item_size(a.dtype());
  return bytes == 0 || std::memcmp(left.raw_data(), right.raw_data(), bytes) == 0;
}

}  // namespace support

#define CHECK_TENSORS_CLOSE(a, b, tolerance) support::close(__FILE__, __LINE__, a, b, tolerance)
