// Tensors joined in several ways, grids and combinations.
#include <algorithm>
#include <array>

#include "core/named.h"
#include "pydl/manipulation.h"

namespace pydl {

namespace {

void require_some(std::span<const Tensor> tensors) {
  if (tensors.empty()) throw ValueError("expected at least one tensor");
}

template <class Function>
std::vector<Tensor> each_of(std::span<const Tensor> tensors, const Function& function) {
  std::vector<Tensor> results;
  for (const Tensor& tensor : tensors) results.push_back(function(tensor));
  return results;
}

// Rows of zeros that contain a matrix from one column on.
Tensor between_zeros(const Tensor& matrix, int64_t column, int64_t columns) {
  return slice_backward(matrix, {matrix.size(0), columns}, {0, column}, {1, 1});
}

Tensor as_vector(const Tensor& tensor) {
  if (tensor.rank() > 1) throw ValueError(concat_text("expected vectors, got shape ", tensor.shape()));
  return atleast_1d(tensor);
}

// The number of choices, or -1 if there are too many to list.
int64_t count_choices(int64_t size, int64_t count, bool with_replacement) {
  if (count == 0) return 1;
  if (size == 0 || (!with_replacement && count > size)) return 0;
  const int64_t pool = with_replacement ? size + count - 1 : size;
  constexpr int64_t most = int64_t{1} << 40;
  int64_t choices = 1;
  // The smaller of two equal binomials; each intermediate result is a binomial too.
  for (int64_t i = 1; i <= std::min(count, pool - count); ++i) {
    if (__builtin_mul_overflow(choices, pool - i + 1, &choices)) return -1;
    choices /= i;
    if (choices > most) return -1;
  }
  return choices;
}

// Advances ascending positions to the next choice in lexicographic order.
void advance(std::span<int64_t> positions, int64_t size, bool with_replacement) {
  const auto count = static_cast<int64_t>(positions.size());
  int64_t i = count - 1;
  const auto last = [&](int64_t position) { return with_replacement ? size - 1 : size - count + position; };
  while (i >= 0 && positions[static_cast<size_t>(i)] == last(i)) --i;
  if (i < 0) return;
  int64_t next = ++positions[static_cast<size_t>(i)];
  for (++i; i < count; ++i) positions[static_cast<size_t>(i)] = with_replacement ? next : ++next;
}

}  // namespace

Tensor hstack(std::span<const Tensor> tensors) try {
  require_some(tensors);
  const std::vector<Tensor> parts = each_of(tensors, atleast_1d);
  return concat(parts, parts[0].rank() == 1 ? 0 : 1);
} catch (const Error&) {
  core::rethrow_as("hstack");
}

Tensor vstack(std::span<const Tensor> tensors) try {
  require_some(tensors);
  return concat(each_of(tensors, atleast_2d), 0);
} catch (const Error&) {
  core::rethrow_as("vstack");
}

Tensor dstack(std::span<const Tensor> tensors) try {
  require_some(tensors);
  return concat(each_of(tensors, atleast_3d), 2);
} catch (const Error&) {
  core::rethrow_as("dstack");
}

Tensor column_stack(std::span<const Tensor> tensors) try {
  require_some(tensors);
  const auto as_columns = [](const Tensor& x) { return x.rank() >= 2 ? x : reshape(x, {x.size(), 1}); };
  return concat(each_of(tensors, as_columns), 1);
} catch (const Error&) {
  core::rethrow_as("column_stack");
}

Tensor block_diag(std::span<const Tensor> matrices) try {
  require_some(matrices);
  const std::vector<Tensor> blocks = each_of(matrices, atleast_2d);
  int64_t columns = 0;
  for (const Tensor& block : blocks) {
    if (block.rank() > 2) throw ValueError(concat_text("block_diag: expected matrices, got shape ", block.shape()));
    if (__builtin_add_overflow(columns, block.size(1), &columns)) {
      throw MemoryError("block_diag: the matrix does not fit into memory");
    }
  }
  std::vector<Tensor> rows;
  int64_t column = 0;
  for (const Tensor& block : blocks) {
    rows.push_back(between_zeros(block, column, columns));
    column += block.size(1);
  }
  return concat(rows, 0);
} catch (const Error&) {
  core::rethrow_as("block_diag");
}

std::vector<Tensor> broadcast_arrays(std::span<const Tensor> tensors) try {
  Dims shape;
  for (const Tensor& tensor : tensors) shape = broadcast_shapes("broadcast_arrays", shape, tensor.shape());
  return each_of(tensors, [&](const Tensor& x) { return expand(x, shape); });
} catch (const Error&) {
  core::rethrow_as("broadcast_arrays");
}

std::vector<Tensor> meshgrid(std::span<const Tensor> vectors, bool swapped) try {
  Dims shape;
  for (const Tensor& vector : vectors) shape.push_back(as_vector(vector).size(0));
  const auto position = [&](int i) { return swapped && shape.rank() > 1 && i < 2 ? 1 - i : i; };
  if (swapped && shape.rank() > 1) std::swap(shape[0], shape[1]);
  std::vector<Tensor> grids;
  for (const Tensor& vector : vectors) {
    Dims line = Dims::filled(shape.rank(), 1);
    line[position(static_cast<int>(grids.size()))] = vector.size();
    grids.push_back(expand(reshape(vector, line), shape));
  }
  return grids;
} catch (const Error&) {
  core::rethrow_as("meshgrid");
}

Tensor cartesian_prod(std::span<const Tensor> vectors) try {
  require_some(vectors);
  if (vectors.size() == 1) return as_vector(vectors[0]);
  std::vector<Tensor> columns;
  for (const Tensor& grid : meshgrid(vectors)) columns.push_back(reshape(grid, {grid.size()}));
  return stack(columns, 1);
} catch (const Error&) {
  core::rethrow_as("cartesian_prod");
}

Tensor combinations(const Tensor& vector, int64_t count, bool with_replacement) try {
  if (vector.rank() != 1) throw ValueError(concat_text("combinations: expected a vector, got shape ", vector.shape()));
  if (count < 0) throw ValueError(concat_text("combinations: the count must not be negative, got ", count));
  const int64_t choices = count_choices(vector.size(), count, with_replacement);
  if (choices < 0) {
    throw MemoryError(concat_text("combinations: the choices of ", count, " out of ", vector.size(),
                                  " elements do not fit into memory"));
  }
  const Tensor positions = Tensor::empty({choices, count}, DType::int64);
  std::vector<int64_t> choice(choices > 0 ? static_cast<size_t>(count) : 0, 0);
  for (size_t i = 0; i < choice.size() && !with_replacement; ++i) choice[i] = static_cast<int64_t>(i);
  auto* next = positions.size() > 0 ? positions.data<int64_t>() : nullptr;
  for (int64_t i = 0; i < choices && count > 0; ++i) {
    next = std::copy(choice.begin(), choice.end(), next);
    advance(choice, vector.size(), with_replacement);
  }
  return take(vector, positions, 0);
} catch (const Error&) {
  core::rethrow_as("combinations");
}

}  // namespace pydl
