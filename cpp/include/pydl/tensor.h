// Tensor: a typed, strided view of shared memory that supports reverse-mode differentiation.
#pragma once

#include <complex>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "pydl/dtype.h"
#include "pydl/error.h"
#include "pydl/export.h"
#include "pydl/shape.h"

namespace pydl {

namespace core {
class TensorImpl;
class Storage;
}  // namespace core
namespace autograd {
struct Edge;
}

/// A number that Python or C++ code combines with tensors. It does not influence the dtype within its kind.
class PYDL_API Scalar {
 public:
  Scalar(bool value) : kind_(Kind::boolean), integer_(value) {}
  Scalar(int value) : kind_(Kind::integer), integer_(value) {}
  Scalar(int64_t value) : kind_(Kind::integer), integer_(value) {}
  Scalar(double value) : kind_(Kind::floating), floating_(value) {}
  Scalar(float value) : Scalar(static_cast<double>(value)) {}

  /// An integer beyond int64, as the nearest double, or infinity if there is none. It is out of range for every integer
  /// dtype, but may be in range for floating-point ones, and it compares correctly with all tensors.
  static Scalar large_integer(double value);

  bool is_boolean() const { return kind_ == Kind::boolean; }
  bool is_floating() const { return kind_ == Kind::floating; }
  bool is_large() const { return kind_ == Kind::large; }
  double to_double() const { return is_floating() || is_large() ? floating_ : static_cast<double>(integer_); }
  /// As an element of int64; see `to_integer`.
  int64_t to_int64() const { return is_floating() || is_large() ? to_integer(DType::int64) : integer_; }
  /// As an element of an integer dtype, without the fraction. Throws `OverflowError` if it is out of range for the
  /// dtype, and `ValueError` for NaN.
  int64_t to_integer(DType dtype) const;
  /// As an element of a floating-point dtype, possibly infinite. Throws `OverflowError` for an integer that is out of
  /// range for float64.
  double to_real() const;

  /// The dtype of this number when combined with a tensor of dtype `other`.
  DType dtype_beside(DType other) const;
  /// The dtype of this number on its own: bool, int64 or float32.
  DType dtype_alone() const;

 private:
  enum class Kind : uint8_t { boolean, integer, large, floating };
  Kind kind_;
  union {
    int64_t integer_;
    double floating_;
  };
};

/// A reference-counted handle: copying it is cheap and shares elements, gradient and history.
///
/// A default-constructed tensor is undefined, and any use of it is an error, except for assigning to it or asking
/// whether it is defined.
class PYDL_API Tensor {
 public:
  // Not defaulted: Clang does not take a defaulted one in the default argument of `backward`.
  Tensor() noexcept : impl_(nullptr) {}
  explicit Tensor(core::TensorImpl* impl) noexcept;  // takes over one reference
  Tensor(const Tensor& other) noexcept;
  Tensor(Tensor&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
  Tensor& operator=(const Tensor& other) noexcept;
  Tensor& operator=(Tensor&& other) noexcept;
  ~Tensor();

  /// Memory for `shape` with undefined contents. `strides` set the layout, which must be dense.
  static Tensor empty(const Dims& shape, DType dtype = DType::float32);
  static Tensor empty_strided(const Dims& shape, const Dims& strides, DType dtype);
  /// A tensor with all elements equal to `value`.
  static Tensor full(const Dims& shape, Scalar value, DType dtype);
  /// A tensor of rank 0.
  static Tensor scalar(Scalar value, DType dtype);
  /// A tensor of that shape with a copy of the values.
  template <class T>
  static Tensor from_values(std::span<const T> values, const Dims& shape);
  /// A tensor over memory that belongs to somebody else; `release` is called after the last view is destroyed.
  static Tensor from_memory(void* data, const Dims& shape, const Dims& strides, DType dtype,
                            std::function<void()> release, bool writable = true);

  bool defined() const noexcept { return impl_ != nullptr; }
  const Dims& shape() const;
  /// In elements, not bytes; may be 0 (broadcast) or negative (reversed).
  const Dims& strides() const;
  int rank() const { return shape().rank(); }
  int64_t size() const;
  /// The size of an axis; a negative axis counts from the end.
  int64_t size(int64_t axis) const;
  DType dtype() const;
  bool is_contiguous() const;
  bool is_writable() const;

  void* raw_data() const;
  /// A pointer to the first element; throws `TypeError` if `T` does not match the dtype.
  template <class T>
  T* data() const;
  /// The value of a tensor with a single element; throws if there are several.
  double item() const;
  int64_t item_int() const;

  // --- differentiation -------------------------------------------------------------------------
  bool requires_grad() const;
  /// Only floating-point leaves can require gradients.
  Tensor& set_requires_grad(bool value);
  bool is_leaf() const;
  /// The sum of the gradients that `backward` computed for this leaf; undefined if there are none.
  const Tensor& grad() const;
  void set_grad(Tensor gradient);
  /// A tensor with the same elements but without history.
  Tensor detach() const;
  /// Computes the gradients of this tensor for all leaves that it depends on. For a single element, `gradient` defaults
  /// to 1.
  void backward(const Tensor& gradient = {}, bool retain_graph = false, bool create_graph = false) const;

  /// The number of times that this memory was overwritten.
  uint32_t version() const;
  void bump_version() const;

  core::TensorImpl* impl() const noexcept { return impl_; }
  friend bool is_same(const Tensor& a, const Tensor& b) noexcept { return a.impl_ == b.impl_; }

 private:
  core::TensorImpl* impl_ = nullptr;
};

/// The number of tensors that are alive in this process, for leak tests.
PYDL_API int64_t live_tensor_count();

/// The state of the caching allocator, in bytes and counts.
struct MemoryStats {
  int64_t live_bytes;       ///< currently in use
  int64_t peak_bytes;       ///< the largest number in use at once
  int64_t cached_bytes;     ///< kept for reuse
  int64_t system_requests;  ///< number of allocations from the system
};
PYDL_API MemoryStats memory_stats();
/// Resets the peak to the current use.
PYDL_API void reset_peak_memory();
/// Returns cached blocks to the system.
PYDL_API void empty_cache();

/// The elements as text in the style of NumPy: `tensor([[1., 2.]], dtype=float32)`.
PYDL_API std::string to_string(const Tensor& tensor);

}  // namespace pydl
