// Tensor: a typed, strided view of shared memory, with what reverse-mode differentiation needs.
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

/// A number that Python or C++ code mixes with tensors. It does not decide the dtype within its kind.
class PYDL_API Scalar {
 public:
  Scalar(bool value) : kind_(Kind::boolean), integer_(value) {}
  Scalar(int value) : kind_(Kind::integer), integer_(value) {}
  Scalar(int64_t value) : kind_(Kind::integer), integer_(value) {}
  Scalar(double value) : kind_(Kind::floating), floating_(value) {}
  Scalar(float value) : Scalar(static_cast<double>(value)) {}

  /// An integer beyond int64, as the nearest double, infinite where that is none: no integer dtype holds it, but
  /// floating-point ones may, and it compares with all.
  static Scalar large_integer(double value);

  bool is_boolean() const { return kind_ == Kind::boolean; }
  bool is_floating() const { return kind_ == Kind::floating; }
  bool is_large() const { return kind_ == Kind::large; }
  double to_double() const { return is_floating() || is_large() ? floating_ : static_cast<double>(integer_); }
  /// As an element of int64; see `to_integer`.
  int64_t to_int64() const { return is_floating() || is_large() ? to_integer(DType::int64) : integer_; }
  /// As an element of an integer dtype, without a fraction. Throws `OverflowError` where the dtype does not hold it,
  /// and `ValueError` for what is not a number.
  int64_t to_integer(DType dtype) const;
  /// As an element of a floating-point dtype, which may be infinite; throws `OverflowError` for an integer that no
  /// float64 holds.
  double to_real() const;

  /// The dtype this number takes beside a tensor of dtype `other`.
  DType dtype_beside(DType other) const;
  /// The dtype this number takes alone: bool, int64 or float32.
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
/// A default-constructed tensor is undefined; every other use of it is an error.
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

  /// Memory for `shape`, contents undefined. With `strides`, elements are laid out so (dense layouts only).
  static Tensor empty(const Dims& shape, DType dtype = DType::float32);
  static Tensor empty_strided(const Dims& shape, const Dims& strides, DType dtype);
  /// Every element the same.
  static Tensor full(const Dims& shape, Scalar value, DType dtype);
  /// Rank 0.
  static Tensor scalar(Scalar value, DType dtype);
  /// A copy of the given values, of that shape.
  template <class T>
  static Tensor from_values(std::span<const T> values, const Dims& shape);
  /// Elements that belong to somebody else; `release` is called when the last view is gone.
  static Tensor from_memory(void* data, const Dims& shape, const Dims& strides, DType dtype,
                            std::function<void()> release, bool writable = true);

  bool defined() const noexcept { return impl_ != nullptr; }
  const Dims& shape() const;
  /// In elements, not bytes; may be 0 (broadcast) or negative (reversed).
  const Dims& strides() const;
  int rank() const { return shape().rank(); }
  int64_t size() const;
  /// Size of an axis, counted from the back when negative.
  int64_t size(int64_t axis) const;
  DType dtype() const;
  bool is_contiguous() const;
  bool is_writable() const;

  void* raw_data() const;
  /// Pointer to the first element; throws `TypeError` when the dtype is another.
  template <class T>
  T* data() const;
  /// The only element, converted; throws when there are several.
  double item() const;
  int64_t item_int() const;

  // --- differentiation -------------------------------------------------------------------------
  bool requires_grad() const;
  /// Only floating-point leaves can be asked for gradients.
  Tensor& set_requires_grad(bool value);
  bool is_leaf() const;
  /// Sum of the gradients that `backward` brought here; undefined before.
  const Tensor& grad() const;
  void set_grad(Tensor gradient);
  /// The same elements without history.
  Tensor detach() const;
  /// Gradients of this tensor for all leaves that it depends on; `gradient` is 1 for a single element.
  void backward(const Tensor& gradient = {}, bool retain_graph = false, bool create_graph = false) const;

  /// How often the elements of this memory were overwritten.
  uint32_t version() const;
  void bump_version() const;

  core::TensorImpl* impl() const noexcept { return impl_; }
  friend bool is_same(const Tensor& a, const Tensor& b) noexcept { return a.impl_ == b.impl_; }

 private:
  core::TensorImpl* impl_ = nullptr;
};

/// Number of tensors alive in the process: what leak tests count.
PYDL_API int64_t live_tensor_count();

/// What the caching allocator holds, in bytes and counts.
struct MemoryStats {
  int64_t live_bytes;       ///< handed out now
  int64_t peak_bytes;       ///< the most ever handed out at once
  int64_t cached_bytes;     ///< kept for reuse
  int64_t system_requests;  ///< how often the system was asked for memory
};
PYDL_API MemoryStats memory_stats();
/// Sets the peak to what is live now.
PYDL_API void reset_peak_memory();
/// Gives cached blocks back to the system.
PYDL_API void empty_cache();

/// NumPy-like text of the elements: `tensor([[1., 2.]], dtype=float32)`.
PYDL_API std::string to_string(const Tensor& tensor);

}  // namespace pydl
