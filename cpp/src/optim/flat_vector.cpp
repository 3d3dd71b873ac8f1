#include "optim/flat_vector.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "pydl/ops.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::optim {

namespace {

// Below this number of bytes, a call of an op costs more than the copy.
constexpr int64_t most_bytes_of_plain_copy = 1 << 18;

int64_t bytes_of_item(DType dtype) { return static_cast<int64_t>(item_size(dtype)); }

bool is_copied_plainly(const Tensor& tensor, DType dtype) {
  return tensor.dtype() == dtype && tensor.is_contiguous() &&
         tensor.size() * bytes_of_item(dtype) <= most_bytes_of_plain_copy;
}

Tensor part_of(const Tensor& flat, int64_t start, const Tensor& like) {
  return reshape(slice(flat, {start}, {like.size()}, {1}), like.shape());
}

constexpr int64_t block_size = 4096;
constexpr int lanes = 16;  // independent sums, which compilers keep in vector registers

template <class T>
double total_of(const T (&sums)[lanes]) {
  double total = 0;
  for (const T sum : sums) total += static_cast<double>(sum);
  return total;
}

template <class T>
double block_product(const T* a, const T* b, int64_t count) {
  T sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    for (int lane = 0; lane < lanes; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  for (int lane = 0; i < count; ++i, ++lane) sums[lane] += a[i] * b[i];
  return total_of(sums);
}

template <class T>
double combine_block(T* target, T scale, const T* x, T factor, const T* other, int64_t count) {
  T sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    T values[lanes];  // all are computed before any is stored, because compilers do not know that nothing overlaps
    for (int lane = 0; lane < lanes; ++lane) values[lane] = target[i + lane] * scale + x[i + lane] * factor;
    for (int lane = 0; lane < lanes; ++lane) sums[lane] += values[lane] * other[i + lane];
    for (int lane = 0; lane < lanes; ++lane) target[i + lane] = values[lane];
  }
  for (int lane = 0; i < count; ++i, ++lane) {
    target[i] = target[i] * scale + x[i] * factor;
    sums[lane] += target[i] * other[i];
  }
  return total_of(sums);
}

// The sum of `sum(begin, count)` for all blocks.
template <class Sum>
double sum_of_blocks(int64_t size, const Sum& sum) {
  const int64_t count = (size + block_size - 1) / block_size;
  std::vector<double> sums(static_cast<size_t>(count));
  const int64_t grain = runtime::worth_a_thread(block_size * runtime::cost::element);
  runtime::parallel_for(count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t start = i * block_size;
      sums[static_cast<size_t>(i)] = sum(start, std::min(block_size, size - start));
    }
  });
  double total = 0;
  for (const double part : sums) total += part;
  return total;
}

template <class T>
double typed_inner_product(const Tensor& a, const Tensor& b) {
  const T* left = a.data<T>();
  const T* right = b.data<T>();
  return sum_of_blocks(a.size(),
                       [=](int64_t start, int64_t count) { return block_product(left + start, right + start, count); });
}

template <class T>
double typed_combine(const Tensor& vector, double scale, const Tensor& x, double factor, const Tensor& other) {
  T* target = vector.data<T>();
  const T* added = x.data<T>();
  const T* weights = other.data<T>();
  return sum_of_blocks(vector.size(), [=](int64_t start, int64_t count) {
    return combine_block(target + start, static_cast<T>(scale), added + start, static_cast<T>(factor), weights + start,
                         count);
  });
}

}  // namespace

DType flat_dtype(std::span<const Tensor> parameters) {
  DType dtype = DType::float32;
  for (const Tensor& parameter : parameters) dtype = promote(dtype, parameter.dtype());
  return dtype;
}

Tensor join(std::span<const Tensor> tensors, DType dtype) {
  int64_t size = 0;
  for (const Tensor& tensor : tensors) size += tensor.size();
  const Tensor flat = Tensor::empty({size}, dtype);
  auto* position = static_cast<std::byte*>(flat.raw_data());
  int64_t start = 0;
  for (const Tensor& tensor : tensors) {
    const int64_t bytes = tensor.size() * bytes_of_item(dtype);
    if (bytes == 0) continue;
    if (is_copied_plainly(tensor, dtype)) {
      std::memcpy(position, tensor.raw_data(), static_cast<size_t>(bytes));
    } else {
      assign(part_of(flat, start, tensor), astype(tensor.detach(), dtype));
    }
    position += bytes;
    start += tensor.size();
  }
  return flat;
}

void write_back(const Tensor& flat, std::span<const Tensor> tensors) {
  const auto* position = static_cast<const std::byte*>(flat.raw_data());
  int64_t start = 0;
  for (const Tensor& tensor : tensors) {
    const int64_t bytes = tensor.size() * bytes_of_item(flat.dtype());
    if (bytes == 0) continue;
    if (tensor.is_writable() && is_copied_plainly(tensor, flat.dtype())) {
      std::memcpy(tensor.raw_data(), position, static_cast<size_t>(bytes));
      tensor.bump_version();
    } else {  // also for read-only memory, which `assign` refuses
      assign(tensor, astype(part_of(flat, start, tensor), tensor.dtype()));
    }
    position += bytes;
    start += tensor.size();
  }
}

double inner_product(const Tensor& a, const Tensor& b) {
  return a.dtype() == DType::float64 ? typed_inner_product<double>(a, b) : typed_inner_product<float>(a, b);
}

double combine(const Tensor& vector, double scale, const Tensor& x, double factor, const Tensor& other) {
  return vector.dtype() == DType::float64 ? typed_combine<double>(vector, scale, x, factor, other)
                                          : typed_combine<float>(vector, scale, x, factor, other);
}

}  // namespace pydl::optim
