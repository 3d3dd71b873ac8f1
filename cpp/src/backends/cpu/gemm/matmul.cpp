// Matrix products, batched, and the linear layer.
#include <algorithm>
#include <utility>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "backends/cpu/gemm/gemm.h"
#include "backends/cpu/kernel_set.h"
#include "op/post_operations.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

// The number of multiplications that are worth a thread. In each of many products it is smaller than in a single one.
constexpr int64_t products_per_thread = runtime::worth_a_thread(runtime::cost::multiply_add);

// One product for each position of the batch axes.
struct Batch {
  Dims shape;
  Dims a_strides;
  Dims b_strides;
  Dims c_strides;

  int64_t count() const { return element_count(shape); }

  void add(int64_t size, int64_t a_stride, int64_t b_stride, int64_t c_stride) {
    if (size == 1) return;
    shape.push_back(size);
    a_strides.push_back(a_stride);
    b_strides.push_back(b_stride);
    c_strides.push_back(c_stride);
  }

  // Merges all products of the innermost batch axis into one as long as they share b and the rows of a and c continue
  // at a constant distance.
  void fold_into_rows(Matrix& a, int64_t c_row_stride) {
    while (!shape.empty() && b_strides.back() == 0 && c_strides.back() == a.rows * c_row_stride &&
           (a.rows == 1 || a_strides.back() == a.rows * a.row_stride)) {
      if (a.rows == 1) a.row_stride = a_strides.back();
      a.rows *= shape.back();
      for (Dims* dims : {&shape, &a_strides, &b_strides, &c_strides}) dims->erase(dims->rank() - 1);
    }
  }
};

class ProductKernel final : public Kernel {
 public:
  ProductKernel(const Gemm& product, const Batch& batch, DType dtype, bool one_by_one)
      : product_(product), batch_(batch), item_(static_cast<int64_t>(item_size(dtype))) {
    parts_ = one_by_one ? 1 : std::min<int64_t>(runtime::thread_count(), batch.count());
    part_bytes_ = (product.scratchpad_bytes() + 63) / 64 * 64;
    scratchpad_bytes = part_bytes_ * static_cast<size_t>(parts_);
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const char* bias = has_bias_ ? static_cast<const char*>(inputs[2]) : nullptr;
    const int64_t count = batch_.count();
    // Within a part, products run only on the thread of that part.
    runtime::parallel_for(parts_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        char* memory = static_cast<char*>(context.scratchpad) + part * static_cast<int64_t>(part_bytes_);
        for (int64_t i = part * count / parts_; i < (part + 1) * count / parts_; ++i) {
          product_.run(at(inputs[first_], batch_.a_strides, i), at(inputs[1 - first_], batch_.b_strides, i),
                       at(outputs[0], batch_.c_strides, i), bias, memory);
        }
      }
    });
  }

  void set_bias() { has_bias_ = true; }
  /// The left factor is the second input.
  void swap_inputs() { first_ = 1; }

 private:
  char* at(void* base, const Dims& strides, int64_t position) const {
    int64_t offset = 0;
    for (int axis = batch_.shape.rank() - 1; axis >= 0; --axis) {
      offset += position % batch_.shape[axis] * strides[axis];
      position /= batch_.shape[axis];
    }
    return static_cast<char*>(base) + offset * item_;
  }

  Gemm product_;
  Batch batch_;
  int64_t item_;
  bool has_bias_ = false;
  int first_ = 0;  // which input is the left factor
  int64_t parts_;
  size_t part_bytes_;
};

// By AMX tiles (bf16x3_product.h) if `tiles` is `allowed`, and by ordinary kernels otherwise.
template <Gemm::Tiles tiles>
std::unique_ptr<Kernel> prepare_product(Batch batch, Matrix a, Matrix b, DType dtype, bool has_bias, bool relu) {
  if (dtype != DType::float32 && dtype != DType::float64) return nullptr;
  batch.fold_into_rows(a, b.columns);
  const bool by_vector = !has_bias && b.columns == 1 && a.rows > 1;
  if (by_vector) {
    // A matrix times a vector is the vector times the transposed matrix, which kernels for few rows compute best.
    std::swap(batch.a_strides, batch.b_strides);
    const Matrix matrix = std::exchange(a, {1, b.rows, b.column_stride, b.row_stride});
    b = {matrix.columns, matrix.rows, matrix.column_stride, matrix.row_stride};
  }
  const int64_t c_stride = b.columns;
  if (a.rows * b.columns * batch.count() == 0) return nullptr;
  constexpr bool by_tiles = tiles == Gemm::Tiles::allowed;
  if (by_tiles && (dtype != DType::float32 || !Bf16x3Product::suits(a, b))) return nullptr;
  const int threads = runtime::thread_count();
  // Threads share the batch if it is large enough; otherwise they share each product.
  const int64_t worth_sharing = (by_tiles ? 8 : 1) * products_per_thread * threads;
  const bool small = a.rows * b.columns * a.columns < worth_sharing;
  const bool one_by_one = batch.count() < threads || !small;
  const auto result = relu ? Gemm::Result::rectified : Gemm::Result::overwritten;
  const Gemm product(a, b, c_stride, dtype == DType::float64, one_by_one ? threads : 1, result, tiles);
  auto kernel = std::make_unique<ProductKernel>(product, batch, dtype, one_by_one);
  if (has_bias) kernel->set_bias();
  if (by_vector) kernel->swap_inputs();
  kernel->implementation = product.name();
  return kernel;
}

Matrix last_axes(const BufferSpec& spec) {
  const int rank = spec.shape.rank();
  return {spec.shape[rank - 2], spec.shape[rank - 1], spec.strides[rank - 2], spec.strides[rank - 1]};
}

// The stride in an operand of a batch axis of the output, counted from the back; 0 if the operand is repeated.
int64_t batch_stride(const BufferSpec& spec, int from_back, int64_t size) {
  const int axis = spec.shape.rank() - from_back;
  return axis < 0 || (spec.shape[axis] == 1 && size != 1) ? 0 : spec.strides[axis];
}

template <Gemm::Tiles tiles>
std::unique_ptr<Kernel> prepare_matmul(const KernelCall& call) {
  const BufferSpec& a = call.inputs[0];
  const BufferSpec& b = call.inputs[1];
  const BufferSpec& c = call.outputs[0];
  Batch batch;
  for (int axis = 0; axis < c.shape.rank() - 2; ++axis) {
    const int from_back = c.shape.rank() - axis;
    const int64_t size = c.shape[axis];
    batch.add(size, batch_stride(a, from_back, size), batch_stride(b, from_back, size), c.strides[axis]);
  }
  return prepare_product<tiles>(batch, last_axes(a), last_axes(b), a.dtype, false, false);
}

template <Gemm::Tiles tiles>
std::unique_ptr<Kernel> prepare_linear(const KernelCall& call) {
  const BufferSpec& x = call.inputs[0];
  const BufferSpec& weight = call.inputs[1];
  const BufferSpec& y = call.outputs[0];
  const bool has_bias = call.inputs.size() > 2;
  if (has_bias && call.inputs[2].strides[0] != 1 && call.inputs[2].shape[0] != 1) return nullptr;
  const int last = x.shape.rank() - 1;
  Batch batch;
  for (int axis = 0; axis < last - 1; ++axis) batch.add(x.shape[axis], x.strides[axis], 0, y.strides[axis]);
  const int64_t rows = last > 0 ? x.shape[last - 1] : 1;
  const Matrix a = {rows, x.shape[last], last > 0 ? x.strides[last - 1] : 0, x.strides[last]};
  const Matrix b = {weight.shape[1], weight.shape[0], weight.strides[1], weight.strides[0]};
  return prepare_product<tiles>(batch, a, b, x.dtype, has_bias, op::applies_relu(call.attrs));
}

}  // namespace

void register_matmul(KernelTable& table) {
  constexpr exec::CostFunction half = [](const KernelCall&) { return 0.5; };
  constexpr exec::CostFunction twice = [](const KernelCall&) { return 2.0; };
  // Tiles take operands as they are: copying them first would take longer than what tiles gain.
  table.add(OpId::matmul, {"bf16x3", Provider::cpu, prepare_matmul<Gemm::Tiles::allowed>, half});
  table.add(OpId::linear, {"bf16x3", Provider::cpu, prepare_linear<Gemm::Tiles::allowed>, half});
  constexpr exec::CostFunction by_result = [](const KernelCall& call) {
    // A sum of products is read once, which oneDNN takes several times as long for.
    return call.outputs[0].shape.rank() == 2 && element_count(call.outputs[0].shape) == 1 ? 0.5 : 2.0;
  };
  table.add(OpId::matmul, {"gemm", Provider::cpu, adapted<prepare_matmul<Gemm::Tiles::avoided>>, by_result});
  table.add(OpId::linear, {"gemm", Provider::cpu, adapted<prepare_linear<Gemm::Tiles::avoided>>, twice});
}

}  // namespace pydl::cpu
