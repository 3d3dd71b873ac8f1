#include "backends/onednn/product.h"

#include <algorithm>
#include <utility>

#include "backends/onednn/primitive.h"

namespace pydl::backends::onednn {

namespace {

using exec::BufferSpec;

// Kernels work on blocks of this many columns; a part consists of whole blocks.
constexpr int64_t column_block = 64;
// Reading a row of a or a column of b costs about as much as this many multiply-adds per element.
constexpr int64_t move_cost = 8;
// Where columns are not cut, every part reorders all of b. It has this many rows or more, so that this takes a small
// part of its time.
constexpr int64_t least_rows_of_whole_b = 128;

void insert_axis(Operand& operand, int64_t size, int64_t stride) {
  operand.shape.insert(0, stride == 0 ? 1 : size);
  operand.strides.insert(0, stride);
}

// Adds a batch axis in front, or merges it with the axis whose elements it continues evenly: the rows, if b has no
// batch axes, or the batch axis that was added before.
void add_batch_axis(MatrixProduct& product, int64_t size, int64_t a_stride, int64_t b_stride, int64_t y_stride) {
  if (size == 1) return;
  Operand& a = product.a;
  Operand& y = product.y;
  const bool replaces_rows = product.rows() == 1;
  const bool continues_a = a_stride == y.shape[0] * a.strides[0];
  if (product.batch_axes() == 0 && b_stride == 0 && (replaces_rows || continues_a)) {
    if (replaces_rows) {
      a.strides[0] = a_stride;
      y.strides[0] = y_stride;
    }
    a.shape[0] *= size;
    y.shape[0] *= size;
  } else if (product.batch_axes() > 0 && continues_a && b_stride == y.shape[0] * product.b.strides[0]) {
    for (Operand* operand : {&a, &product.b, &y}) {
      if (operand->strides[0] != 0) operand->shape[0] *= size;
    }
  } else {
    insert_axis(a, size, a_stride);
    insert_axis(product.b, size, b_stride);
    insert_axis(y, size, y_stride);
  }
}

// The strides of axes of size 1 are meaningless to us, but oneDNN checks them. False for a layout that oneDNN rejects:
// the stride of the rows or of the columns must be 1, the other one must not make them overlap, and no stride may be
// negative.
bool normalise(Operand& operand) {
  const int row_axis = operand.shape.rank() - 2;
  const int64_t rows = operand.shape[row_axis];
  const int64_t columns = operand.shape[row_axis + 1];
  int64_t& row_stride = operand.strides[row_axis];
  int64_t& column_stride = operand.strides[row_axis + 1];
  if (columns == 1) column_stride = 1;
  if (rows == 1) row_stride = column_stride == 1 ? columns : 1;
  for (int axis = 0; axis < row_axis; ++axis) {
    if (operand.shape[axis] == 1) operand.strides[axis] = rows * columns;
  }
  const bool ascending = std::all_of(operand.strides.begin(), operand.strides.end(), [](int64_t s) { return s > 0; });
  return ascending && ((column_stride == 1 && row_stride >= columns) || (row_stride == 1 && column_stride >= rows));
}

void transpose(Operand& operand) {
  const int row_axis = operand.shape.rank() - 2;
  std::swap(operand.shape[row_axis], operand.shape[row_axis + 1]);
  std::swap(operand.strides[row_axis], operand.strides[row_axis + 1]);
}

// Computes a column as a row, with transposed operands: oneDNN's kernels vectorise along rows.
void turn_column_into_row(MatrixProduct& product) {
  if (product.columns() != 1 || product.rows() == 1) return;
  std::swap(product.a, product.b);
  product.swapped = true;
  for (Operand* operand : {&product.a, &product.b, &product.y}) transpose(*operand);
}

std::optional<MatrixProduct> normalised(MatrixProduct product) {
  if (product.work() == 0) return std::nullopt;
  if (!normalise(product.a) || !normalise(product.b) || !normalise(product.y)) return std::nullopt;
  return product;
}

// The stride of an operand along a batch axis of y; 0 if it is broadcast.
int64_t batch_stride(const BufferSpec& operand, int axis, int rank) {
  const int own_axis = axis - (rank - operand.shape.rank());
  return own_axis < 0 || operand.shape[own_axis] == 1 ? 0 : operand.strides[own_axis];
}

Operand last_two_axes(const BufferSpec& spec) {
  const int row_axis = spec.shape.rank() - 2;
  return {{spec.shape[row_axis], spec.shape[row_axis + 1]}, {spec.strides[row_axis], spec.strides[row_axis + 1]}};
}

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }

// The time of one part, in multiply-adds per element of depth. Kernels compute whole vectors of columns.
int64_t part_cost(int64_t rows, int64_t columns) { return rows * round_up(columns, 16) + move_cost * (rows + columns); }

// The numbers of parts into which the first batch axis, the rows and the columns are divided.
struct Grid {
  int64_t batches = 1;
  int64_t rows = 1;
  int64_t columns = 1;
};

Grid choose_grid(const MatrixProduct& product, bool may_cut_columns) {
  const int64_t moved = element_count(product.a.shape) + element_count(product.b.shape);
  int64_t parts = part_count(product.work() + move_cost * moved);
  Grid grid;
  if (parts <= 1) return grid;
  if (product.batch_axes() > 0) grid.batches = std::min(parts, product.y.shape[0]);
  parts /= grid.batches;
  if (!may_cut_columns) parts = std::min(parts, std::max<int64_t>(product.rows() / least_rows_of_whole_b, 1));
  int64_t best = part_cost(product.rows(), product.columns());
  for (int64_t rows = 1; rows <= std::min(parts, product.rows()); ++rows) {
    const int64_t columns = may_cut_columns ? std::min(parts / rows, divide_up(product.columns(), column_block)) : 1;
    const int64_t cost = part_cost(divide_up(product.rows(), rows),
                                   round_up(divide_up(product.columns(), columns), columns > 1 ? column_block : 1));
    if (cost > best) continue;  // prefers to divide the rows if both cost the same
    best = cost;
    grid.rows = rows;
    grid.columns = columns;
  }
  return grid;
}

struct Range {
  int64_t begin;
  int64_t size;
};

// Part `index` of `count`. It begins at a multiple of `unit`.
Range part_of(int64_t size, int64_t unit, int64_t count, int64_t index) {
  const int64_t units = divide_up(size, unit);
  const int64_t begin = units * index / count * unit;
  return {begin, std::min(units * (index + 1) / count * unit, size) - begin};
}

// Restricts an axis to a range, unless it is broadcast, and returns the offset of the range in elements.
int64_t narrow(Operand& operand, int axis, Range range) {
  if (operand.shape[axis] == 1) return 0;
  operand.shape[axis] = range.size;
  return range.begin * operand.strides[axis];
}

Part make_part(const MatrixProduct& product, Range batches, Range rows, Range columns) {
  Part part = {product, 0, 0, 0, columns.begin};
  MatrixProduct& p = part.product;
  const int row_axis = product.batch_axes();
  if (row_axis > 0) {
    part.a_offset += narrow(p.a, 0, batches);
    part.b_offset += narrow(p.b, 0, batches);
    part.y_offset += narrow(p.y, 0, batches);
  }
  part.a_offset += narrow(p.a, row_axis, rows);
  part.b_offset += narrow(p.b, row_axis + 1, columns);
  part.y_offset += narrow(p.y, row_axis, rows) + narrow(p.y, row_axis + 1, columns);
  return part;
}

}  // namespace

std::optional<MatrixProduct> matmul_product(const BufferSpec& a, const BufferSpec& b, const BufferSpec& y) {
  MatrixProduct product = {last_two_axes(a), last_two_axes(b), last_two_axes(y)};
  const int rank = y.shape.rank();
  for (int axis = rank - 3; axis >= 0; --axis) {
    add_batch_axis(product, y.shape[axis], batch_stride(a, axis, rank), batch_stride(b, axis, rank), y.strides[axis]);
  }
  turn_column_into_row(product);
  return normalised(product);
}

std::optional<MatrixProduct> linear_product(const BufferSpec& x, const BufferSpec& weight, const BufferSpec& y) {
  const int last = x.shape.rank() - 1;
  MatrixProduct product = {{{1, x.shape[last]}, {0, x.strides[last]}},
                           {{weight.shape[1], weight.shape[0]}, {weight.strides[1], weight.strides[0]}},
                           {{1, y.shape[last]}, {0, y.strides[last]}}};
  for (int axis = last - 1; axis >= 0; --axis) {
    add_batch_axis(product, x.shape[axis], x.strides[axis], 0, y.strides[axis]);
  }
  return normalised(product);
}

std::vector<Part> cut(const MatrixProduct& product, bool may_cut_columns) {
  const Grid grid = choose_grid(product, may_cut_columns);
  const int64_t batches = product.batch_axes() > 0 ? product.y.shape[0] : 1;
  std::vector<Part> parts;
  for (int64_t batch = 0; batch < grid.batches; ++batch) {
    for (int64_t row = 0; row < grid.rows; ++row) {
      for (int64_t column = 0; column < grid.columns; ++column) {
        parts.push_back(
            make_part(product, part_of(batches, 1, grid.batches, batch), part_of(product.rows(), 1, grid.rows, row),
                      part_of(product.columns(), grid.columns > 1 ? column_block : 1, grid.columns, column)));
      }
    }
  }
  return parts;
}

}  // namespace pydl::backends::onednn
