#include "pydl/tensor.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <unordered_map>

#include "core/active_trace.h"
#include "core/tensor_impl.h"
#include "pydl/autograd.h"

namespace pydl {

namespace {

std::atomic<int64_t> live_tensors{0};
// For each trace, the number of its live tensors that were created on this thread.
thread_local std::unordered_map<uint32_t, int64_t> live_traced;

const core::TensorImpl& checked(const core::TensorImpl* impl) {
  if (impl == nullptr) throw ValueError("an undefined tensor was used");
  return *impl;
}

// The size in bytes of a dense layout; throws if it is too large to be represented.
size_t dense_bytes(const Dims& shape, DType dtype) {
  int64_t count = 1;
  for (const int64_t size : shape) {
    if (size < 0) throw ValueError(concat_text("the sizes of a shape must not be negative, got ", shape));
    // An axis of size 0 does not excuse the others: strides are products of sizes, and axes may be merged.
    if (__builtin_mul_overflow(count, std::max<int64_t>(size, 1), &count)) {
      throw MemoryError(concat_text("a tensor of shape ", shape, " does not fit into memory"));
    }
  }
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
  if (count > std::numeric_limits<int64_t>::max() / 16) {
    throw MemoryError(concat_text("a tensor of shape ", shape, " does not fit into memory"));
  }
  return static_cast<size_t>(count) * item_size(dtype);
}

template <class T>
T load_as(const Tensor& tensor) {
  return visit_dtype(tensor.dtype(), [&](auto zero) -> T {
    using Stored = decltype(zero);
    const Stored value = *static_cast<const Stored*>(tensor.raw_data());
    if constexpr (requires { value.to_float(); }) {
      return static_cast<T>(value.to_float());
    } else {
      return static_cast<T>(value);
    }
  });
}

void check_single(const Tensor& tensor) {
  if (tensor.size() != 1) {
    throw ValueError(concat_text("item: expected a tensor of one element, got shape ", tensor.shape()));
  }
}

}  // namespace

namespace core {

TensorImpl::TensorImpl(IntrusivePtr<Storage> storage_in, void* data_in, DType dtype_in, const Dims& shape_in,
                       const Dims& strides_in)
    : storage(std::move(storage_in)), data(data_in), shape(shape_in), strides(strides_in), dtype(dtype_in) {
  const ActiveTrace* active = active_trace();
  trace = active != nullptr ? active->number() : 0;
  live_tensors.fetch_add(1, std::memory_order_relaxed);
}

TensorImpl::~TensorImpl() {
  live_tensors.fetch_sub(1, std::memory_order_relaxed);
  if (LeafLink* known = link.load(std::memory_order_acquire)) {
    known->leave();
    known->release();
  }
  if (!is_traced()) return;
  const auto entry = live_traced.find(trace);
  if (entry != live_traced.end() && --entry->second == 0) live_traced.erase(entry);
}

int64_t live_traced_count(uint32_t number) {
  const auto entry = live_traced.find(number);
  return entry == live_traced.end() ? 0 : entry->second;
}

Tensor make_tensor(const Dims& shape, const Dims& strides, DType dtype) {
  auto storage = IntrusivePtr<Storage>::adopt(Storage::allocate(dense_bytes(shape, dtype)));
  void* data = storage->data();
  return Tensor(new TensorImpl(std::move(storage), data, dtype, shape, strides));
}

Tensor make_traced(const Dims& shape, const Dims& strides, DType dtype, uint32_t number, int32_t value,
                   const TensorImpl* base) {
  dense_bytes(shape, dtype);
  auto storage = base != nullptr ? base->storage : IntrusivePtr<Storage>::adopt(Storage::allocate(0));
  auto* impl = new TensorImpl(std::move(storage), nullptr, dtype, shape, strides);
  impl->trace = number;
  impl->value = value;
  ++live_traced[number];
  return Tensor(impl);
}

Tensor make_alias(IntrusivePtr<Storage> storage, void* data, DType dtype, const Dims& shape, const Dims& strides,
                  uint32_t trace, int32_t value) {
  auto* impl = new TensorImpl(std::move(storage), data, dtype, shape, strides);
  impl->trace = trace;
  impl->value = value;
  if (impl->is_traced()) ++live_traced[trace];
  return Tensor(impl);
}

bool lies_within(int64_t count, const Dims& shape, const Dims& strides, int64_t offset) {
  if (shape.rank() != strides.rank()) return false;
  int64_t lowest = offset;
  int64_t highest = offset;
  int64_t elements = 1;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    int64_t reach = 0;
    if (shape[axis] < 0 || __builtin_mul_overflow(elements, shape[axis], &elements) ||
        __builtin_mul_overflow(std::max<int64_t>(shape[axis] - 1, 0), strides[axis], &reach)) {
      return false;
    }
    int64_t& end = reach < 0 ? lowest : highest;
    if (__builtin_add_overflow(end, reach, &end)) return false;
  }
  return elements == 0 ? offset >= 0 && offset <= count : lowest >= 0 && highest < count;
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  if (!a.is_contiguous() || !b.is_contiguous()) throw Error("same_bytes: expected row-major tensors");
  const size_t bytes = static_cast<size_t>(a.size()) * item_size(a.dtype());
  return bytes == 0 || std::memcmp(a.raw_data(), b.raw_data(), bytes) == 0;
}

Tensor make_view(const Tensor& base, const Dims& shape, const Dims& strides, int64_t offset) {
  const TensorImpl& impl = *base.impl();
  char* data = static_cast<char*>(impl.data) + offset * static_cast<int64_t>(item_size(impl.dtype));
  auto* view = new TensorImpl(impl.storage, data, impl.dtype, shape, strides);
  view->trace = impl.trace;
  view->value = impl.value;
  if (view->is_traced()) ++live_traced[view->trace];
  return Tensor(view);
}

}  // namespace core

Scalar Scalar::large_integer(double value) {
  Scalar scalar(value);
  scalar.kind_ = Kind::large;
  return scalar;
}

int64_t Scalar::to_integer(DType dtype) const {
  const auto [least, most] = integer_range(dtype);
  const auto fail = [&, least = least, most = most](const auto& value) {
    throw OverflowError(
        concat_text("the number ", value, " does not fit into ", dtype, ", which holds ", least, " to ", most));
  };
  if (!is_floating() && !is_large()) {
    if (integer_ < least || integer_ > most) fail(integer_);
    return integer_;
  }
  if (std::isnan(floating_)) throw ValueError(concat_text("NaN has no value in ", dtype));
  // 2**63 is exactly representable as a double; the largest int64 is not.
  const double whole = std::trunc(floating_);
  if (is_large() || whole < static_cast<double>(least) || whole >= static_cast<double>(most) + 1) fail(floating_);
  return static_cast<int64_t>(whole);
}

double Scalar::to_real() const {
  if (is_large() && std::isinf(floating_)) throw OverflowError("an integer does not fit into a floating-point number");
  return to_double();
}

DType Scalar::dtype_beside(DType other) const {
  if (kind_ == Kind::boolean) return other;
  if (kind_ != Kind::floating) return other == DType::boolean ? DType::int64 : other;
  return pydl::is_floating(other) ? other : DType::float32;
}

DType Scalar::dtype_alone() const {
  if (kind_ == Kind::boolean) return DType::boolean;
  return kind_ == Kind::floating ? DType::float32 : DType::int64;
}

Tensor::Tensor(core::TensorImpl* impl) noexcept : impl_(impl) {}

Tensor::Tensor(const Tensor& other) noexcept : impl_(other.impl_) {
  if (impl_ != nullptr) impl_->retain();
}

Tensor& Tensor::operator=(const Tensor& other) noexcept {
  Tensor copy(other);
  std::swap(impl_, copy.impl_);
  return *this;
}

Tensor& Tensor::operator=(Tensor&& other) noexcept {
  std::swap(impl_, other.impl_);
  return *this;
}

Tensor::~Tensor() {
  if (impl_ != nullptr) impl_->release();
}

Tensor Tensor::empty(const Dims& shape, DType dtype) {
  dense_bytes(shape, dtype);  // so that strides do not overflow
  return core::make_tensor(shape, contiguous_strides(shape), dtype);
}

Tensor Tensor::empty_strided(const Dims& shape, const Dims& strides, DType dtype) {
  dense_bytes(shape, dtype);
  if (!core::lies_within(element_count(shape), shape, strides, 0)) {
    throw ValueError(concat_text("empty_strided: shape ", shape, " with strides ", strides, " is not dense"));
  }
  return core::make_tensor(shape, strides, dtype);
}

Tensor Tensor::full(const Dims& shape, Scalar value, DType dtype) {
  Tensor result = empty(shape, dtype);
  const int64_t count = result.size();
  visit_dtype(dtype, [&](auto zero) {
    using Stored = decltype(zero);
    auto* data = static_cast<Stored*>(result.raw_data());
    Stored stored{};
    if constexpr (requires { zero.to_float(); }) {
      stored = Stored::from_float(static_cast<float>(value.to_real()));
    } else if constexpr (std::is_floating_point_v<Stored>) {
      stored = static_cast<Stored>(value.to_real());
    } else if constexpr (std::is_same_v<Stored, bool>) {
      stored = value.to_double() != 0;
    } else {
      stored = static_cast<Stored>(value.to_integer(dtype));
    }
    std::fill_n(data, count, stored);
  });
  return result;
}

Tensor Tensor::scalar(Scalar value, DType dtype) { return full({}, value, dtype); }

template <class T>
Tensor Tensor::from_values(std::span<const T> values, const Dims& shape) {
  Tensor result = empty(shape, DTypeOf<T>::value);
  if (result.size() != static_cast<int64_t>(values.size())) {
    throw ValueError(concat_text("from_values: shape ", shape, " does not hold ", values.size(), " values"));
  }
  if (!values.empty()) std::memcpy(result.raw_data(), values.data(), values.size_bytes());
  return result;
}

Tensor Tensor::from_memory(void* data, const Dims& shape, const Dims& strides, DType dtype,
                           std::function<void()> release, bool writable) {
  if (shape.rank() != strides.rank()) {
    throw ValueError(concat_text("from_memory: expected a stride for each axis of shape ", shape, ", got ", strides));
  }
  int64_t count = 1;
  for (const int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(count, std::max<int64_t>(size, 1), &count)) {
      throw ValueError(concat_text("from_memory: shape ", shape, " is negative, or has too many elements"));
    }
  }
  if (data == nullptr && std::find(shape.begin(), shape.end(), 0) == shape.end()) {
    throw ValueError(concat_text("from_memory: expected elements of shape ", shape, ", got a null pointer"));
  }
  auto storage = core::IntrusivePtr<core::Storage>::adopt(core::Storage::adopt(data, std::move(release), writable));
  return Tensor(new core::TensorImpl(std::move(storage), data, dtype, shape, strides));
}

const Dims& Tensor::shape() const { return checked(impl_).shape; }
const Dims& Tensor::strides() const { return checked(impl_).strides; }
int64_t Tensor::size() const { return element_count(shape()); }
int64_t Tensor::size(int64_t axis) const { return shape()[normalize_axis("size", axis, rank())]; }
DType Tensor::dtype() const { return checked(impl_).dtype; }
bool Tensor::is_contiguous() const { return pydl::is_contiguous(shape(), strides()); }
bool Tensor::is_writable() const { return checked(impl_).storage->writable(); }
void* Tensor::raw_data() const {
  if (checked(impl_).is_traced() || core::active_trace() != nullptr) core::check_read(*impl_);
  return impl_->data;
}

template <class T>
T* Tensor::data() const {
  if (dtype() != DTypeOf<T>::value) {
    throw TypeError(concat_text("data: the tensor is ", dtype(), ", not ", DTypeOf<T>::value));
  }
  return static_cast<T*>(raw_data());
}

double Tensor::item() const {
  check_single(*this);
  return load_as<double>(*this);
}

int64_t Tensor::item_int() const {
  check_single(*this);
  return load_as<int64_t>(*this);
}

bool Tensor::requires_grad() const { return checked(impl_).requires_grad || impl_->node; }

Tensor& Tensor::set_requires_grad(bool value) {
  if (!is_leaf())
    throw ValueError("requires_grad: only a leaf can be changed; use detach() for a tensor without history");
  if (value && !is_floating(dtype())) {
    throw TypeError(concat_text("requires_grad: only floating-point tensors have gradients, got ", dtype()));
  }
  impl_->requires_grad = value;
  return *this;
}

bool Tensor::is_leaf() const { return !checked(impl_).node; }
const Tensor& Tensor::grad() const { return core::gradient_of(*const_cast<core::TensorImpl*>(&checked(impl_))); }

void Tensor::set_grad(Tensor gradient) {
  checked(impl_);
  if (gradient.defined() && (gradient.shape() != shape() || gradient.dtype() != dtype())) {
    throw ValueError(concat_text("grad: expected shape ", shape(), " and ", dtype(), ", got shape ", gradient.shape(),
                                 " and ", gradient.dtype()));
  }
  if (core::ActiveTrace* trace = core::active_trace(); trace != nullptr && !gradient.defined()) {
    trace->note_cleared_gradient(*impl_);
  }
  core::gradient_of(*impl_) = std::move(gradient);
}

Tensor Tensor::detach() const {
  checked(impl_);
  return core::make_view(*this, shape(), strides(), 0);
}

void Tensor::backward(const Tensor& gradient, bool retain_graph, bool create_graph) const {
  const Tensor outputs[] = {*this};
  const Tensor gradients[] = {gradient};
  pydl::backward(outputs, gradients, {.retain_graph = retain_graph, .create_graph = create_graph});
}

uint32_t Tensor::version() const {
  const core::Storage& storage = *checked(impl_).storage;
  core::ActiveTrace* trace = core::active_trace();
  const uint32_t* own = trace != nullptr ? trace->version_of(storage) : nullptr;
  return own != nullptr ? *own : storage.version();
}

void Tensor::bump_version() const {
  core::Storage& storage = *checked(impl_).storage;
  core::ActiveTrace* trace = core::active_trace();
  if (uint32_t* own = trace != nullptr ? trace->version_of(storage) : nullptr) {
    ++*own;
  } else {
    storage.bump_version();
  }
}

int64_t live_tensor_count() { return live_tensors.load(); }

#define PYDL_INSTANTIATE(T)                                                             \
  template Tensor Tensor::from_values<T>(std::span<const T> values, const Dims& shape); \
  template T* Tensor::data<T>() const;
PYDL_INSTANTIATE(bool)
PYDL_INSTANTIATE(uint8_t)
PYDL_INSTANTIATE(int8_t)
PYDL_INSTANTIATE(int16_t)
PYDL_INSTANTIATE(int32_t)
PYDL_INSTANTIATE(int64_t)
PYDL_INSTANTIATE(Float16)
PYDL_INSTANTIATE(BFloat16)
PYDL_INSTANTIATE(float)
PYDL_INSTANTIATE(double)
#undef PYDL_INSTANTIATE

}  // namespace pydl
