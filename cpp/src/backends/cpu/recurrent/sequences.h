// What kernels over sequences share: when using threads pays off, and what they require of their operands.
#pragma once

#include <algorithm>
#include <memory>

#include "backends/cpu/rounding.h"
#include "exec/kernel.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

/// The number of elements that are worth packing on another thread.
inline constexpr int64_t packed_per_thread = runtime::worth_a_thread(runtime::cost::element_packed);

inline bool has_contiguous_rows(const exec::BufferSpec& spec) {
  return spec.strides.back() == 1 || spec.shape.back() == 1;
}

/// Whether all inputs from number `first` on are contiguous.
inline bool are_contiguous(std::span<const exec::BufferSpec> inputs, size_t first) {
  return std::all_of(inputs.begin() + static_cast<std::ptrdiff_t>(first), inputs.end(),
                     [](const exec::BufferSpec& spec) { return is_contiguous(spec.shape, spec.strides); });
}

/// The kernel for the dtype of the first input. Null for other dtypes and for operands without elements.
template <template <class> class KernelOf>
std::unique_ptr<exec::Kernel> prepare_of_dtype(const exec::KernelCall& call) {
  for (const exec::BufferSpec& input : call.inputs) {
    if (element_count(input.shape) == 0) return nullptr;
  }
  switch (call.inputs[0].dtype) {
    case DType::float32: return std::make_unique<KernelOf<float>>(call);
    case DType::float64: return std::make_unique<KernelOf<double>>(call);
    default: return nullptr;
  }
}

}  // namespace pydl::cpu
