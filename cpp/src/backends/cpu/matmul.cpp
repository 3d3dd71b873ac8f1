// Products: matrix product and the linear layer, by packed panels (Goto and van de Geijn, 2008) or, where small,
// straight from memory.
#include <algorithm>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "backends/cpu/kernel_set.h"
#include "runtime/threads.h"

namespace pydl::cpu {

namespace {

// A panel of B of this depth fits into the L1 cache; a block of A of this height and a block of B of this width, both
// of this depth, into the L2 cache.
constexpr int64_t block_depth = 384;
constexpr int64_t block_height = 336;
constexpr int64_t block_width = 1024;
// Multiplications that are worth waking a thread for.
constexpr int64_t products_per_thread = 65536;
// Up to so many multiplications, rows, or columns, packing does not pay: B by rows, or A and B along k.
constexpr int64_t small_products = 262144;
constexpr int64_t small_dots = 1024;
constexpr int64_t few_rows = 4;
constexpr int64_t few_columns = 16;

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

struct Matrix {
  int64_t rows;
  int64_t columns;
  int64_t row_stride;
  int64_t column_stride;
};

/// c = a b + bias for matrices under any strides, c with contiguous rows. Strides are in elements.
class Product {
 public:
  Product(const Matrix& a, const Matrix& b, int64_t c_stride, bool is_double, int threads)
      : a_(a), b_(b), c_stride_(c_stride), item_(is_double ? 8 : 4), kernels_(kernels().gemm[is_double ? 1 : 0]) {
    const int64_t count = a.rows * b.columns * a.columns;
    const bool b_has_rows = b.column_stride == 1 || b.columns == 1;
    const bool both_along_depth = (a.column_stride == 1 || a.columns == 1) && (b.row_stride == 1 || b.rows == 1);
    const bool few = a.rows <= few_rows || (b.columns <= few_columns && count > small_products);
    if (both_along_depth && (count <= small_dots || few)) {
      path_ = Path::dot;
    } else if (b_has_rows && (count <= small_products || a.rows <= few_rows)) {
      path_ = Path::small;
    } else if (count <= small_products) {
      path_ = Path::panels;
      depth_ = a.columns;
      b_bytes_ = round_up(b.columns, kernels_.panel_columns) * depth_ * item_ + 64;
    } else {
      path_ = Path::packed;
      plan_blocks(threads);
    }
  }

  size_t scratchpad_bytes() const { return static_cast<size_t>(down_ * across_ * (a_bytes_ + b_bytes_)); }

  void run(const char* a, const char* b, char* c, const char* bias, void* scratchpad) const {
    if (path_ == Path::packed) {
      multiply_packed(a, b, c, bias, static_cast<char*>(scratchpad));
      return;
    }
    if (path_ == Path::panels) {
      multiply_panels(a, b, c, bias, static_cast<char*>(scratchpad));
      return;
    }
    multiply_unpacked(a, b, c, bias);
  }

 private:
  enum class Path { packed, panels, small, dot };

  // C is cut into one part per thread, which each packs what it needs: rows or columns, so that little is packed twice
  // and panels are full.
  void plan_blocks(int threads) {
    int64_t best = part_cost(a_.rows, b_.columns);
    for (int64_t across = 1; across <= threads && threads > 1; ++across) {
      const int64_t down = threads / across;
      const int64_t cost = part_cost(ceil_div(a_.rows, down), ceil_div(b_.columns, across));
      if (cost >= best) continue;
      best = cost;
      down_ = std::min(down, a_.rows);
      across_ = std::min(across, ceil_div(b_.columns, kernels_.panel_columns));
    }
    height_ = even_part(ceil_div(a_.rows, down_), block_height);
    width_ = round_up(even_part(ceil_div(b_.columns, across_) + kernels_.panel_columns, block_width),
                      kernels_.panel_columns);
    depth_ = even_part(std::max<int64_t>(a_.columns, 1), block_depth);
    constexpr int64_t overhang = 64;  // packing may write part of a vector too far
    b_bytes_ = round_up(width_ * depth_ * item_ + overhang, 64);
    a_bytes_ = round_up(height_ * depth_ * item_ + overhang, 64);
  }

  // Multiplications per element of depth, with those that packing takes the time of.
  int64_t part_cost(int64_t rows, int64_t columns) const {
    constexpr int64_t packing = 8;
    return rows * round_up(columns, kernels_.panel_columns / 2) + packing * (rows + columns);
  }

  // The largest of the fewest parts of at most `limit`.
  static int64_t even_part(int64_t size, int64_t limit) { return ceil_div(size, ceil_div(size, limit)); }

  // Threads share the longer side of C.
  void multiply_unpacked(const char* a, const char* b, char* c, const char* bias) const {
    const bool by_rows = a_.rows > b_.columns;
    const int64_t shared = by_rows ? a_.rows : b_.columns;
    const int64_t work = std::max<int64_t>((by_rows ? b_.columns : a_.rows) * a_.columns, 1);
    runtime::parallel_for(shared, std::max<int64_t>(products_per_thread / work, 16), [&](int64_t begin, int64_t end) {
      const int64_t i = by_rows ? begin : 0;
      const int64_t j = by_rows ? 0 : begin;
      const int64_t rows = by_rows ? end - begin : a_.rows;
      const int64_t columns = by_rows ? b_.columns : end - begin;
      const char* a_part = a + i * a_.row_stride * item_;
      const char* b_part = b + j * b_.column_stride * item_;
      const char* bias_part = bias == nullptr ? nullptr : bias + j * item_;
      char* c_part = c + (i * c_stride_ + j) * item_;
      if (path_ == Path::dot) {
        kernels_.dot(a_part, a_.row_stride, b_part, b_.column_stride, rows, columns, a_.columns, c_part, c_stride_,
                     bias_part);
      } else {
        kernels_.small(a_part, a_.row_stride, a_.column_stride, b_part, b_.row_stride, rows, columns, a_.columns,
                       c_part, c_stride_, bias_part);
      }
    });
  }

  // Small, but B lies along k: its panels are packed, and then have contiguous rows.
  void multiply_panels(const char* a, const char* b, char* c, const char* bias, char* scratchpad) const {
    const int64_t panel = kernels_.panel_columns;
    const int64_t grain = products_per_thread / std::max<int64_t>(a_.rows * a_.columns * panel, 1);
    runtime::parallel_for(ceil_div(b_.columns, panel), grain, [&](int64_t begin, int64_t end) {
      for (int64_t j = begin * panel; j < std::min(end * panel, b_.columns); j += panel) {
        const int64_t columns = std::min(panel, b_.columns - j);
        char* packed = scratchpad + j * depth_ * item_;
        kernels_.pack_b(b + j * b_.column_stride * item_, b_.row_stride, b_.column_stride, depth_, columns, packed);
        kernels_.small(a, a_.row_stride, a_.column_stride, packed, panel, a_.rows, columns, depth_, c + j * item_,
                       c_stride_, bias == nullptr ? nullptr : bias + j * item_);
      }
    });
  }

  void multiply_packed(const char* a, const char* b, char* c, const char* bias, char* scratchpad) const {
    runtime::parallel_for(down_ * across_, 1, [&](int64_t begin, int64_t end) {
      const int64_t panels = ceil_div(b_.columns, kernels_.panel_columns);
      for (int64_t part = begin; part < end; ++part) {
        const int64_t row = part / across_;
        const int64_t column = part % across_;
        const Range rows = {a_.rows * row / down_, a_.rows * (row + 1) / down_};
        const Range columns = {panels * column / across_ * kernels_.panel_columns,
                               std::min(panels * (column + 1) / across_ * kernels_.panel_columns, b_.columns)};
        multiply_part(a, b, c, bias, rows, columns, scratchpad + part * (a_bytes_ + b_bytes_));
      }
    });
  }

  struct Range {
    int64_t begin;
    int64_t end;
  };

  void multiply_part(const char* a, const char* b, char* c, const char* bias, Range rows, Range columns,
                     char* scratchpad) const {
    char* packed_a = scratchpad;
    char* packed_b = scratchpad + a_bytes_;
    for (int64_t j = columns.begin; j < columns.end; j += width_) {
      const int64_t width = std::min(width_, columns.end - j);
      for (int64_t k = 0; k < std::max<int64_t>(a_.columns, 1); k += depth_) {
        const int64_t depth = std::min(depth_, a_.columns - k);
        kernels_.pack_b(b + (k * b_.row_stride + j * b_.column_stride) * item_, b_.row_stride, b_.column_stride, depth,
                        width, packed_b);
        for (int64_t i = rows.begin; i < rows.end; i += height_) {
          const int64_t height = std::min(height_, rows.end - i);
          kernels_.pack_a(a + (i * a_.row_stride + k * a_.column_stride) * item_, a_.row_stride, a_.column_stride,
                          height, depth, packed_a);
          kernels_.multiply(packed_a, packed_b, height, width, depth, c + (i * c_stride_ + j) * item_, c_stride_,
                            bias == nullptr || k > 0 ? nullptr : bias + j * item_, k > 0);
        }
      }
    }
  }

  Matrix a_;
  Matrix b_;
  int64_t c_stride_;
  int64_t item_;
  GemmKernels kernels_;
  Path path_ = Path::packed;
  int64_t height_ = 0;  // of a block of A
  int64_t width_ = 0;   // of a block of B
  int64_t depth_ = 0;   // of both
  int64_t down_ = 1;    // parts of the rows of C
  int64_t across_ = 1;  // parts of its columns
  int64_t a_bytes_ = 0;
  int64_t b_bytes_ = 0;
};

// A product for each position of the batch axes.
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

  // While all products of the innermost batch axis share b, and the rows of a and c go on evenly, they are one.
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
  ProductKernel(const Product& product, const Batch& batch, DType dtype, bool one_by_one)
      : product_(product), batch_(batch), item_(static_cast<int64_t>(item_size(dtype))) {
    parts_ = one_by_one ? 1 : std::min<int64_t>(runtime::thread_count(), batch.count());
    part_bytes_ = (product.scratchpad_bytes() + 63) / 64 * 64;
    scratchpad_bytes = part_bytes_ * static_cast<size_t>(parts_);
  }

  void run(void* const* inputs, void* const* outputs, void* scratchpad) const override {
    const char* bias = has_bias_ ? static_cast<const char*>(inputs[2]) : nullptr;
    const int64_t count = batch_.count();
    // Inside of a part, products run on its thread alone.
    runtime::parallel_for(parts_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        char* memory = static_cast<char*>(scratchpad) + part * static_cast<int64_t>(part_bytes_);
        for (int64_t i = part * count / parts_; i < (part + 1) * count / parts_; ++i) {
          product_.run(at(inputs[0], batch_.a_strides, i), at(inputs[1], batch_.b_strides, i),
                       at(outputs[0], batch_.c_strides, i), bias, memory);
        }
      }
    });
    if (relu_ != nullptr) apply_relu(static_cast<char*>(outputs[0]));
  }

  void set_bias() { has_bias_ = true; }

  /// Lets `relu` follow, on the `count` elements of the output.
  void set_relu(TileKernel relu, int64_t count) {
    relu_ = relu;
    count_ = count;
  }

 private:
  void apply_relu(char* y) const {
    runtime::parallel_for(count_, products_per_thread, [&](int64_t begin, int64_t end) {
      char* part = y + begin * item_;
      const void* source = part;
      relu_(part, &source, end - begin);
    });
  }

  char* at(void* base, const Dims& strides, int64_t position) const {
    int64_t offset = 0;
    for (int axis = batch_.shape.rank() - 1; axis >= 0; --axis) {
      offset += position % batch_.shape[axis] * strides[axis];
      position /= batch_.shape[axis];
    }
    return static_cast<char*>(base) + offset * item_;
  }

  Product product_;
  Batch batch_;
  int64_t item_;
  bool has_bias_ = false;
  TileKernel relu_ = nullptr;
  int64_t count_ = 0;
  int64_t parts_;
  size_t part_bytes_;
};

std::unique_ptr<Kernel> prepare_product(Batch batch, Matrix a, const Matrix& b, DType dtype, bool has_bias, bool relu) {
  if (dtype != DType::float32 && dtype != DType::float64) return nullptr;
  const int64_t c_stride = b.columns;
  const int64_t outputs = batch.count() * a.rows * b.columns;
  batch.fold_into_rows(a, c_stride);
  if (a.rows * b.columns * batch.count() == 0) return nullptr;
  const int threads = runtime::thread_count();
  // Threads share the batch where there is one, or each product.
  const bool small = a.rows * b.columns * a.columns < 8 * products_per_thread * threads;
  const bool one_by_one = batch.count() < threads || !small;
  const Product product(a, b, c_stride, dtype == DType::float64, one_by_one ? threads : 1);
  auto kernel = std::make_unique<ProductKernel>(product, batch, dtype, one_by_one);
  if (has_bias) kernel->set_bias();
  const Lane lane = dtype == DType::float64 ? lane_double : lane_float;
  if (relu) kernel->set_relu(kernels().elementwise[static_cast<int>(OpId::relu)][lane], outputs);
  return kernel;
}

Matrix last_axes(const BufferSpec& spec) {
  const int rank = spec.shape.rank();
  return {spec.shape[rank - 2], spec.shape[rank - 1], spec.strides[rank - 2], spec.strides[rank - 1]};
}

// Stride of a batch axis of the output, counted from the back, in an operand; 0 where the operand repeats.
int64_t batch_stride(const BufferSpec& spec, int from_back, int64_t size) {
  const int axis = spec.shape.rank() - from_back;
  return axis < 0 || (spec.shape[axis] == 1 && size != 1) ? 0 : spec.strides[axis];
}

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
  return prepare_product(batch, last_axes(a), last_axes(b), a.dtype, false, false);
}

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
  return prepare_product(batch, a, b, x.dtype, has_bias, call.attrs.is_set("relu"));
}

}  // namespace

void register_matmul(KernelTable& table) {
  table.add(OpId::matmul, Provider::cpu, adapted<prepare_matmul>);
  table.add(OpId::linear, Provider::cpu, adapted<prepare_linear>);
}

}  // namespace pydl::cpu
