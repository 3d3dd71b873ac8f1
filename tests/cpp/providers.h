// Compares implementations of kernels with `ref`: the same call, with random shapes, layouts and values.
#pragma once

#include <optional>
#include <random>

#include "exec/kernel.h"
#include "op/op_def.h"
#include "op/post_operations.h"
#include "support.h"

namespace providers {

using pydl::Dims;
using pydl::DType;
using pydl::Tensor;
using pydl::exec::BufferSpec;
using pydl::exec::KernelCall;
using pydl::exec::Provider;
using pydl::op::Attrs;
using pydl::op::OpId;

inline std::mt19937& random_engine() {
  static std::mt19937 engine(1);
  return engine;
}

inline int64_t random_integer(int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random_engine());
}

inline BufferSpec spec_of(const Tensor& tensor) { return {tensor.dtype(), tensor.shape(), tensor.strides()}; }

/// What one provider computes: the results, or the mutated inputs; nothing where it does not serve the call.
inline std::optional<std::vector<Tensor>> run(OpId op, const Attrs& attrs, const std::vector<Tensor>& inputs,
                                              std::string_view name) {
  const pydl::op::OpDef& def = pydl::op::op_def(op);
  std::vector<Tensor> operands = inputs;
  std::vector<BufferSpec> specs;
  for (const Tensor& tensor : inputs) specs.push_back(spec_of(tensor));
  const bool mutates = def.has(pydl::op::Trait::mutates);
  std::vector<BufferSpec> outputs(mutates ? 0 : def.count_results(attrs, inputs.size()));
  def.infer(attrs, specs, outputs.data(), nullptr);
  std::vector<Tensor> results;
  if (mutates) {
    for (int i = 0; i < def.mutated(attrs, static_cast<int>(inputs.size())); ++i) {
      const auto index = static_cast<size_t>(i);
      operands[index] = Tensor::empty_strided(specs[index].shape, specs[index].strides, specs[index].dtype);
      pydl::assign(operands[index], inputs[index]);
      results.push_back(operands[index]);
    }
  } else {
    for (const BufferSpec& output : outputs) {
      results.push_back(Tensor::empty_strided(output.shape, output.strides, output.dtype));
    }
  }
  const auto kernel = pydl::exec::prepare_kernel_from(KernelCall{op, attrs, specs, outputs}, name);
  if (!kernel) return std::nullopt;
  std::vector<void*> pointers;
  for (const Tensor& tensor : operands) pointers.push_back(tensor.raw_data());
  std::vector<void*> targets;
  for (const Tensor& tensor : results) targets.push_back(tensor.raw_data());
  // Unwritten elements are NaN, and the memory after them must not be written.
  constexpr int64_t guard = 256;
  constexpr unsigned char unwritten = 0xff;
  const auto bytes = static_cast<int64_t>(kernel->scratchpad_bytes);
  const Tensor scratchpad = pydl::full({bytes + guard}, unwritten, DType::uint8);
  kernel->run({scratchpad.raw_data()}, pointers.data(), targets.data());
  const auto* behind = static_cast<const unsigned char*>(scratchpad.raw_data()) + bytes;
  if (std::any_of(behind, behind + guard, [](unsigned char byte) { return byte != unwritten; })) {
    check::fail(__FILE__, __LINE__, pydl::concat_text(op_name(op), " writes behind its scratchpad"));
  }
  return results;
}

// Relative difference allowed between two ways to compute one number.
inline double tolerance(DType dtype) {
  switch (dtype) {
    case DType::float16: return 4e-3;
    case DType::bfloat16: return 3e-2;
    case DType::float32: return 4e-6;
    case DType::float64: return 1e-12;
    default: return 0;
  }
}

/// The number of calls that a fast implementation has served.
inline int compared = 0;

inline void compare_one(OpId op, const Attrs& attrs, const std::vector<Tensor>& inputs, double scale) {
  const auto expected = run(op, attrs, inputs, "ref");
  CHECK(expected.has_value());
  if (!expected) return;
  for (const pydl::exec::Implementation& one : pydl::exec::KernelTable::global().implementations(op)) {
    if (one.provider == Provider::ref) continue;
    const auto got = run(op, attrs, inputs, one.name);
    if (!got) continue;
    ++compared;
    const std::string call = pydl::concat_text(op_name(op), ", ", inputs.empty() ? DType::float32 : inputs[0].dtype(),
                                               inputs.empty() ? Dims{} : inputs[0].shape(), ", ", one.name);
    for (size_t i = 0; i < got->size(); ++i) {
      support::close(call.c_str(), 0, (*got)[i], (*expected)[i], scale * tolerance((*expected)[i].dtype()));
    }
  }
}

/// Compares every implementation that applies, also with each post-operation that the table allows for the op.
inline void compare(OpId op, const Attrs& attrs, const std::vector<Tensor>& inputs, double scale = 1) {
  compare_one(op, attrs, inputs, scale);
  for (const std::string& post : pydl::exec::KernelTable::global().post_operations(op)) {
    Attrs with_post = attrs;
    with_post.add(pydl::op::post_attr, pydl::op::Text(post));
    compare_one(op, with_post, inputs, scale);
  }
}

// Shows the elements of a fresh tensor in one of several layouts: row-major, permuted, reversed with a step, broadcast.
inline Tensor with_random_layout(const Tensor& dense) {
  const int rank = dense.rank();
  if (rank == 0) return dense;
  switch (random_integer(0, 4)) {
    case 0: {
      std::vector<int64_t> order;
      for (int axis = rank - 1; axis >= 0; --axis) order.push_back(axis);
      return pydl::permute_dims(pydl::copy(pydl::permute_dims(dense, order)), order);
    }
    case 1: {
      Dims shape = dense.shape();
      Dims starts = Dims::filled(rank, 0);
      Dims steps = Dims::filled(rank, 1);
      const int axis = static_cast<int>(random_integer(0, rank - 1));
      shape[axis] = 2 * shape[axis] + 1;
      starts[axis] = shape[axis] - 1;
      steps[axis] = -2;
      if (dense.size() == 0) return dense;
      return pydl::slice(pydl::slice_backward(dense, shape, starts, steps), starts, dense.shape(), steps);
    }
    case 2: {
      Dims sizes = dense.shape();
      const int axis = static_cast<int>(random_integer(0, rank - 1));
      if (sizes[axis] == 0) return dense;
      sizes[axis] = 1;
      return pydl::expand(pydl::slice(dense, Dims::filled(rank, 0), sizes, Dims::filled(rank, 1)), dense.shape());
    }
    default: return dense;
  }
}

inline Tensor as_channels_last(const Tensor& x) {
  const Tensor result = Tensor::empty_strided(x.shape(), pydl::channels_last_strides(x.shape()), x.dtype());
  pydl::assign(result, x);
  return result;
}

inline Tensor random_dense(const Dims& shape, DType dtype, double low, double high) {
  if (dtype == DType::boolean) {
    return pydl::astype(pydl::randint(0, 2, shape), dtype);
  }
  if (pydl::is_integer(dtype)) {
    const int64_t bottom = dtype == DType::uint8 ? 0 : -9;
    return pydl::astype(pydl::randint(bottom, 10, shape), dtype);
  }
  return pydl::astype(support::random_doubles(shape, low, high), dtype);
}

inline Tensor random_tensor(const Dims& shape, DType dtype, double low = -3, double high = 3) {
  return with_random_layout(random_dense(shape, dtype, low, high));
}

inline const std::vector<Dims>& shapes() {
  static const std::vector<Dims> list = {{}, {1}, {7}, {1000}, {3, 5}, {33, 65}, {2, 3, 4, 5}, {4, 1, 300}, {40'003}};
  return list;
}

inline constexpr DType all_dtypes[] = {DType::boolean, DType::uint8,   DType::int8,     DType::int16,   DType::int32,
                                       DType::int64,   DType::float16, DType::bfloat16, DType::float32, DType::float64};
inline constexpr DType numeric_dtypes[] = {DType::uint8,   DType::int8,     DType::int16,   DType::int32,  DType::int64,
                                           DType::float16, DType::bfloat16, DType::float32, DType::float64};
inline constexpr DType floating_dtypes[] = {DType::float16, DType::bfloat16, DType::float32, DType::float64};
inline constexpr DType boolean_only[] = {DType::boolean};
inline constexpr DType integral_dtypes[] = {DType::uint8, DType::int8, DType::int16, DType::int32, DType::int64};

}  // namespace providers
