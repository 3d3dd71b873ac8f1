// Matrix products: one dot product per output element.
#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/post_operations.h"

namespace pydl::backends::ref {

namespace {

// Strides of a, b and bias over the axes of the output, 0 where an operand lacks an axis or is broadcast, and their
// strides along the summed axis.
struct ProductLayout {
  std::array<Dims, 3> strides;
  int64_t length;
  int64_t a_stride;
  int64_t b_stride;
};

// `bias` is null if there is none.
void multiply(const RefCall& call, const ProductLayout& product, const void* bias) {
  const BufferSpec& y = call.outputs[0];
  const bool relu = op::applies_relu(call.attrs);
  visit_dtype(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    int64_t position = 0;
    for_each_position(y.shape, product.strides, [&](const auto& offsets) {
      Compute<T> sum = bias != nullptr ? load<T>(bias, offsets[2]) : Compute<T>{};
      for (int64_t k = 0; k < product.length; ++k) {
        sum += load<T>(call.input_data[0], offsets[0] + k * product.a_stride) *
               load<T>(call.input_data[1], offsets[1] + k * product.b_stride);
      }
      if (relu && sum < Compute<T>{}) sum = Compute<T>{};
      store<T>(call.output_data[0], position++, sum);
    });
  });
}

// Strides of an operand over the leading axes of the output, aligned at the last of these axes.
Dims batch_strides(const BufferSpec& operand, int rank) {
  Dims strides = Dims::filled(rank, 0);
  const int shift = rank - operand.shape.rank();
  for (int axis = 0; axis < operand.shape.rank() - 2; ++axis) {
    if (operand.shape[axis] != 1) strides[axis + shift] = operand.strides[axis];
  }
  return strides;
}

void run_matmul(const RefCall& call) {
  const BufferSpec& a = call.inputs[0];
  const BufferSpec& b = call.inputs[1];
  const int rank = call.outputs[0].shape.rank();
  const int a_rank = a.shape.rank();
  const int b_rank = b.shape.rank();
  ProductLayout product = {{batch_strides(a, rank), batch_strides(b, rank), Dims::filled(rank, 0)},
                           a.shape[a_rank - 1],
                           a.strides[a_rank - 1],
                           b.strides[b_rank - 2]};
  product.strides[0][rank - 2] = a.strides[a_rank - 2];
  product.strides[1][rank - 1] = b.strides[b_rank - 1];
  multiply(call, product, nullptr);
}

void run_linear(const RefCall& call) {
  const BufferSpec& x = call.inputs[0];
  const BufferSpec& weight = call.inputs[1];
  const int last = x.shape.rank() - 1;
  const Dims zeros = Dims::filled(last + 1, 0);
  ProductLayout product = {{x.strides, zeros, zeros}, x.shape[last], x.strides[last], weight.strides[1]};
  product.strides[0][last] = 0;
  product.strides[1][last] = weight.strides[0];
  const bool has_bias = call.inputs.size() > 2;
  if (has_bias) product.strides[2][last] = call.inputs[2].strides[0];
  multiply(call, product, has_bias ? call.input_data[2] : nullptr);
}

bool is_number(DType dtype) { return dtype != DType::boolean; }

}  // namespace

void register_matmul(KernelTable& table) {
  table.add(OpId::matmul, Provider::ref, prepare<run_matmul, is_number>);
  table.add(OpId::linear, Provider::ref, prepare<run_linear, is_number>);
  table.allow_post(OpId::linear, "relu");
}

}  // namespace pydl::backends::ref
