// Products. The output is divided into parts by its shape alone, and every part is a primitive prepared for one thread.
#include <algorithm>

#include "backends/onednn/primitive.h"
#include "backends/onednn/product.h"
#include "backends/onednn/register.h"
#include "op/post_operations.h"
#include "runtime/amx.h"
#include "runtime/thread_limit.h"
#include "runtime/threads.h"

namespace pydl::backends::onednn {

namespace {

using exec::BufferSpec;
using exec::Kernel;
using exec::KernelCall;

// With fewer multiply-adds, executing a primitive costs more than the arithmetic, and the call is left to the next
// provider.
constexpr int64_t min_work = 128 * 128 * 16;

// One part of a product, ready to be executed.
struct PreparedPart {
  BoundPrimitive primitive;
  int64_t a_offset;  // offsets are in bytes
  int64_t b_offset;
  int64_t y_offset;
  int64_t bias_offset;
  size_t scratchpad_offset;
  size_t scratchpad_size;
  std::string implementation;
};

// The parameters that all parts have in common.
struct Plan {
  dnnl::memory::data_type type;
  size_t item_size;
  bool has_bias;
  bool relu;     // applied to the result
  bool swapped;  // a is the second input
  std::vector<Part> parts;
};

// A bias is added to every row.
dnnl::memory::desc describe_bias(dnnl::memory::data_type type, const MatrixProduct& product) {
  Dims shape = Dims::filled(product.batch_axes() + 2, 1);
  shape[shape.rank() - 1] = product.columns();
  return describe(type, shape, contiguous_strides(shape));
}

// Throws `dnnl::error` if oneDNN has no implementation for this product.
dnnl::matmul::primitive_desc describe_product(const Plan& plan, const MatrixProduct& product) {
  const auto a = describe(plan.type, product.a.shape, product.a.strides);
  const auto b = describe(plan.type, product.b.shape, product.b.strides);
  const auto y = describe(plan.type, product.y.shape, product.y.strides);
  const dnnl::primitive_attr attributes = user_scratchpad();
  if (!plan.has_bias) return {cpu_engine(), a, b, y, attributes};
  return {cpu_engine(), a, b, describe_bias(plan.type, product), y, attributes};
}

PreparedPart prepare_part(const Plan& plan, const Part& part, size_t scratchpad_offset) {
  const auto description = describe_product(plan, part.product);
  std::string name = require_usable(description);
  const auto bytes = static_cast<int64_t>(plan.item_size);
  PreparedPart prepared = {BoundPrimitive(dnnl::matmul(description)),
                           part.a_offset * bytes,
                           part.b_offset * bytes,
                           part.y_offset * bytes,
                           part.column * bytes,
                           scratchpad_offset,
                           description.scratchpad_desc().get_size(),
                           std::move(name)};
  prepared.primitive.add_argument(DNNL_ARG_SRC, description.src_desc());
  prepared.primitive.add_argument(DNNL_ARG_WEIGHTS, description.weights_desc());
  prepared.primitive.add_argument(DNNL_ARG_DST, description.dst_desc());
  prepared.primitive.add_argument(DNNL_ARG_SCRATCHPAD, description.scratchpad_desc());
  if (plan.has_bias) prepared.primitive.add_argument(DNNL_ARG_BIAS, describe_bias(plan.type, part.product));
  return prepared;
}

std::vector<PreparedPart> prepare_parts(const Plan& plan) {
  const runtime::ThreadLimit one_thread(1);
  std::vector<PreparedPart> prepared;
  size_t scratchpad = 0;
  for (const Part& part : plan.parts) {
    prepared.push_back(prepare_part(plan, part, scratchpad));
    scratchpad += (prepared.back().scratchpad_size + 63) / 64 * 64;
  }
  return prepared;
}

class ProductKernel final : public Kernel {
 public:
  explicit ProductKernel(Plan plan) : plan_(std::move(plan)), parts_(prepare_parts(plan_)) {
    scratchpad_bytes = parts_.back().scratchpad_offset + parts_.back().scratchpad_size;
    implementation = parts_.front().implementation;
  }

  void run(const exec::KernelContext& context, void* const* inputs, void* const* outputs) const override {
    // Some primitives query the number of threads again when they are executed.
    const runtime::ThreadLimit one_thread(1);
    const SoleUse use(in_use_);
    if (use.is_ours()) {
      run_parts(parts_, inputs, outputs, context.scratchpad);
    } else {
      // Another thread is using the memory objects of our parts. Preparing new ones is cheap, because oneDNN caches
      // primitives.
      auto parts = prepare_parts(plan_);
      run_parts(parts, inputs, outputs, context.scratchpad);
    }
  }

  std::unique_ptr<Kernel> duplicate() const override { return std::make_unique<ProductKernel>(plan_); }

 private:
  void run_parts(std::vector<PreparedPart>& parts, void* const* inputs, void* const* outputs, void* scratchpad) const {
    runtime::parallel_for(static_cast<int64_t>(parts.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        PreparedPart& part = parts[static_cast<size_t>(i)];
        char* bias = plan_.has_bias ? static_cast<char*>(inputs[2]) + part.bias_offset : nullptr;
        part.primitive.execute({static_cast<char*>(inputs[plan_.swapped ? 1 : 0]) + part.a_offset,
                                static_cast<char*>(inputs[plan_.swapped ? 0 : 1]) + part.b_offset,
                                static_cast<char*>(outputs[0]) + part.y_offset,
                                static_cast<char*>(scratchpad) + part.scratchpad_offset, bias});
        if (plan_.relu) apply_relu(plan_.parts[static_cast<size_t>(i)].product.y, outputs[0], part.y_offset);
      }
    });
  }

  // Applied to a part right after it was written, while it is in the caches.
  void apply_relu(const Operand& y, void* output, int64_t offset) const {
    const bool rows_are_contiguous = y.strides.back() == 1;
    const int row_axis = y.shape.rank() - (rows_are_contiguous ? 2 : 1);
    const int column_axis = 2 * y.shape.rank() - 3 - row_axis;
    const int64_t batches = element_count(y.shape) / std::max<int64_t>(y.shape[row_axis] * y.shape[column_axis], 1);
    for (int64_t line = 0; line < batches * y.shape[row_axis]; ++line) {
      int64_t at = line % y.shape[row_axis] * y.strides[row_axis];
      int64_t rest = line / y.shape[row_axis];
      for (int axis = y.shape.rank() - 3; axis >= 0; --axis) {
        at += rest % y.shape[axis] * y.strides[axis];
        rest /= y.shape[axis];
      }
      rectify(plan_.type, static_cast<char*>(output) + offset + at * static_cast<int64_t>(plan_.item_size),
              y.shape[column_axis]);
    }
  }

  Plan plan_;
  mutable std::atomic<bool> in_use_{false};
  mutable std::vector<PreparedPart> parts_;
};

std::unique_ptr<Kernel> prepare_product(const std::optional<MatrixProduct>& product, DType dtype, bool has_bias,
                                        bool relu) {
  const auto type = data_type(dtype);
  if (!product || !type || product->work() < min_work) return nullptr;
  // The implementations for float16, and those for bfloat16 with AMX, require b to have no columns besides those of the
  // product.
  for (const bool may_cut_columns : {true, false}) {
    if (may_cut_columns && dtype == DType::float16) continue;
    try {
      return std::make_unique<ProductKernel>(
          Plan{*type, item_size(dtype), has_bias, relu, product->swapped, cut(*product, may_cut_columns)});
    } catch (const dnnl::error&) {
      // This processor or version has no primitive for these parts, or for the layout or dtype.
      if (dtype == DType::float32) return nullptr;
    }
  }
  return nullptr;
}

std::unique_ptr<Kernel> prepare_matmul(const KernelCall& call) {
  const BufferSpec& y = call.outputs[0];
  return prepare_product(matmul_product(call.inputs[0], call.inputs[1], y), y.dtype, false, false);
}

std::unique_ptr<Kernel> prepare_linear(const KernelCall& call) {
  const BufferSpec& y = call.outputs[0];
  const bool has_bias = call.inputs.size() > 2;
  if (has_bias && call.inputs[2].strides[0] != 1 && call.inputs[2].shape[0] != 1) return nullptr;
  return prepare_product(linear_product(call.inputs[0], call.inputs[1], y), y.dtype, has_bias,
                         op::applies_relu(call.attrs));
}

}  // namespace

void register_matmul(exec::KernelTable& table) {
  table.add(op::OpId::matmul, exec::Provider::onednn, prepare_matmul);
  table.add(op::OpId::linear, exec::Provider::onednn, prepare_linear);
}

}  // namespace pydl::backends::onednn
