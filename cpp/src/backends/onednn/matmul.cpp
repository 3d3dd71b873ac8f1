// Products. The output is cut into one part for each thread, and every part is a primitive prepared for one thread:
// parts follow `runtime::thread_count`, are cut where that costs least, and small products stay on the calling thread.
#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "backends/onednn/primitive.h"
#include "backends/onednn/register.h"
#include "exec/kernel.h"
#include "runtime/thread_limit.h"
#include "runtime/threads.h"

namespace pydl::backends::onednn {

namespace {

using exec::BufferSpec;
using exec::Kernel;
using exec::KernelCall;

// Below this much work (M N K of all batches) executing a primitive costs more than the arithmetic.
constexpr int64_t min_work = 16 * 16 * 16;
// A thread must have this much to be worth waking.
constexpr int64_t min_work_per_thread = 256 * 1024;

// y = a b: operands with the same number of batch axes, then rows and columns. Batch axes of a and b that are broadcast
// have size 1.
struct Operand {
  Dims shape;
  Dims strides;
};
struct Product {
  Operand a;
  Operand b;
  Operand y;

  int batch_axes() const { return y.shape.rank() - 2; }
  int64_t rows() const { return y.shape[batch_axes()]; }
  int64_t columns() const { return y.shape.back(); }
  int64_t depth() const { return a.shape.back(); }
};

Operand matrix(int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride) {
  return {{rows, columns}, {row_stride, column_stride}};
}

void insert_axis(Operand& operand, int64_t size, int64_t stride) {
  operand.shape.insert(0, stride == 0 ? 1 : size);
  operand.strides.insert(0, stride);
}

// Adds the batch axes, last one first, merging neighbours that are evenly spaced in all operands. Where b has no batch,
// batch axes become rows.
void add_batch_axis(Product& product, int64_t size, int64_t a_stride, int64_t b_stride, int64_t y_stride) {
  if (size == 1) return;
  const bool merges_into_rows = product.batch_axes() == 0 && b_stride == 0 && product.rows() > 0 &&
                                a_stride == product.rows() * product.a.strides[0];
  if (merges_into_rows) {
    product.a.shape[0] *= size;
    product.y.shape[0] *= size;
    return;
  }
  if (product.batch_axes() > 0) {
    const int64_t inner = product.y.shape[0];
    const bool evenly = a_stride == inner * product.a.strides[0] && b_stride == inner * product.b.strides[0];
    if (evenly) {
      for (Operand* operand : {&product.a, &product.b, &product.y}) {
        if (operand->strides[0] != 0) operand->shape[0] *= size;
      }
      return;
    }
  }
  insert_axis(product.a, size, a_stride);
  insert_axis(product.b, size, b_stride);
  insert_axis(product.y, size, y_stride);
}

int64_t batch_stride(const BufferSpec& operand, int axis, int rank) {
  const int own_axis = axis - (rank - operand.shape.rank());
  return own_axis < 0 || operand.shape[own_axis] == 1 ? 0 : operand.strides[own_axis];
}

// Strides of axes of size 1 mean nothing to us, but oneDNN checks them. False for a layout that it refuses: one of the
// axes must have stride 1, and the other must not overlap it.
bool normalise_matrix(Operand& operand) {
  const int row_axis = operand.shape.rank() - 2;
  const int column_axis = row_axis + 1;
  const int64_t rows = operand.shape[row_axis];
  const int64_t columns = operand.shape[column_axis];
  int64_t& row_stride = operand.strides[row_axis];
  int64_t& column_stride = operand.strides[column_axis];
  if (columns == 1) column_stride = 1;
  if (rows == 1) row_stride = column_stride == 1 ? columns : 1;
  return (column_stride == 1 && row_stride >= columns) || (row_stride == 1 && column_stride >= rows);
}

bool normalise(Product& product) {
  for (const Dims* strides : {&product.a.strides, &product.b.strides}) {
    if (std::any_of(strides->begin(), strides->end(), [](int64_t stride) { return stride < 0; })) return false;
  }
  return normalise_matrix(product.a) && normalise_matrix(product.b) && normalise_matrix(product.y);
}

// How many parts along the first batch axis, the rows and the columns.
struct Grid {
  int64_t batches = 1;
  int64_t rows = 1;
  int64_t columns = 1;
};

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Time of one part, in units of 64 multiply-adds: kernels work on blocks of 64 columns, and both operands must be moved.
int64_t part_cost(int64_t rows, int64_t columns) { return rows * divide_up(columns, 64) * 64 + 8 * (rows + columns); }

Grid choose_grid(const Product& product) {
  const int64_t work = element_count(product.y.shape) * product.depth();
  int64_t parts = std::min<int64_t>(runtime::thread_count(), work / min_work_per_thread);
  Grid grid;
  if (parts <= 1) return grid;
  if (product.batch_axes() > 0) grid.batches = std::min(parts, product.y.shape[0]);
  parts /= grid.batches;
  int64_t best = part_cost(product.rows(), product.columns());
  for (int64_t rows = 1; rows <= std::min(parts, product.rows()); ++rows) {
    const int64_t columns = std::min(parts / rows, product.columns());
    const int64_t cost = part_cost(divide_up(product.rows(), rows), divide_up(product.columns(), columns));
    if (cost >= best) continue;
    best = cost;
    grid.rows = rows;
    grid.columns = columns;
  }
  return grid;
}

// Part `part` of `parts` of an axis; boundaries are multiples of 16 where the axis is long enough.
struct Range {
  int64_t begin;
  int64_t size;
};

Range cut(int64_t size, int64_t parts, int64_t part) {
  const int64_t unit = size >= 32 * parts ? 16 : 1;
  const int64_t units = divide_up(size, unit);
  const int64_t begin = units * part / parts * unit;
  return {begin, std::min(units * (part + 1) / parts * unit, size) - begin};
}

// Keeps a range of an axis, and returns how far its first element lies from the operand's, in elements.
int64_t narrow(Operand& operand, int axis, Range range) {
  if (operand.shape[axis] == 1 && operand.strides[axis] == 0) return 0;
  operand.shape[axis] = range.size;
  return range.begin * operand.strides[axis];
}

// One part of the output, and where its operands begin, in bytes.
struct Part {
  BoundPrimitive primitive;
  std::array<int64_t, 4> offsets;  // of a, b, bias, y
  int64_t scratchpad_offset;
};

struct Operands {
  char* a;
  char* b;
  char* bias;
  char* y;
  char* scratchpad;
};

void execute(Part& part, const Operands& operands) {
  char* scratchpad = operands.scratchpad + part.scratchpad_offset;
  char* a = operands.a + part.offsets[0];
  char* b = operands.b + part.offsets[1];
  char* y = operands.y + part.offsets[3];
  if (operands.bias == nullptr) {
    part.primitive.execute({a, b, y, scratchpad});
  } else {
    part.primitive.execute({a, b, y, scratchpad, operands.bias + part.offsets[2]});
  }
}

// Everything that the parts of a product share.
struct Preparation {
  dnnl::memory::data_type type;
  Product product;
  bool has_bias;
  Grid grid;
};

class ProductKernel final : public Kernel {
 public:
  explicit ProductKernel(Preparation preparation) : preparation_(std::move(preparation)), parts_(make_parts()) {
    for (const Part& part : parts_) scratchpad_bytes = std::max(scratchpad_bytes, part.scratchpad_end);
  }

  void run(void* const* inputs, void* const* outputs, void* scratchpad) const override {
    const Operands operands = {static_cast<char*>(inputs[0]), static_cast<char*>(inputs[1]),
                               preparation_.has_bias ? static_cast<char*>(inputs[2]) : nullptr,
                               static_cast<char*>(outputs[0]), static_cast<char*>(scratchpad)};
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (lock.owns_lock()) {
      execute_all(parts_, operands);
    } else {
      // Another thread runs this kernel: it holds the memory objects of `parts_`.
      std::vector<Part> parts = make_parts();
      execute_all(parts, operands);
    }
  }
