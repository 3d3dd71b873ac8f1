#include "backends/cpu/product.h"

#include <algorithm>

#include "backends/cpu/rounding.h"
#include "runtime/threads.h"

namespace pydl::cpu {

namespace {

// A panel of B of this depth fits into the L1 cache; a block of A of this height and a block of B of this width, both
// of this depth, into the L2 cache.
constexpr int64_t block_depth = 384;
constexpr int64_t block_height = 336;
constexpr int64_t block_width = 1024;
// Multiplications that are worth a thread: what it reads comes from the caches of others, and what it writes goes
// there.
constexpr int64_t products_per_thread = 524288;
// Few rows take as long as reading B takes.
constexpr int64_t products_per_thread_of_few_rows = 131072;
constexpr int64_t elements_per_thread = 65536;
// Up to so many multiplications, rows, or columns, packing does not pay: B by rows, or A and B along k.
constexpr int64_t small_products = 262144;
constexpr int64_t small_dots = 1024;
constexpr int64_t few_rows = 4;
// Products of so many terms for each row or column of C, which has at most so many, are not packed; what is read at a
// time stays in the L2 cache.
constexpr int64_t most_outer_side = 256;
constexpr int64_t depth_per_outer_side = 16;
constexpr int64_t outer_bytes = 256 * 1024;
constexpr int64_t few_columns = 16;

// The largest of the fewest parts of at most `limit`.
int64_t even_part(int64_t size, int64_t limit) { return ceil_div(size, ceil_div(size, limit)); }

}  // namespace

Product::Product(const Matrix& a, const Matrix& b, int64_t c_stride, bool is_double, int threads, Result result,
                 Tiles tiles)
    : a_(a),
      b_(b),
      c_stride_(c_stride),
      item_(is_double ? 8 : 4),
      kernels_(kernels().gemm[is_double ? 1 : 0]),
      result_(result) {
  if (result != Result::added) choose_path();  // only packed panels add
  const int64_t worth = a.rows * b.columns * a.columns / products_per_thread;
  threads = static_cast<int>(std::clamp<int64_t>(worth, 1, threads));
  if (path_ == Path::packed || path_ == Path::outer) plan_blocks(threads);
  if (tiles == Tiles::allowed && !is_double && SplitProduct::suits(a, b)) {
    split_.emplace(a, b, c_stride, threads, result == Result::added);
  }
}

void Product::choose_path() {
  const int64_t count = a_.rows * b_.columns * a_.columns;
  const bool b_has_rows = b_.column_stride == 1 || b_.columns == 1;
  const bool both_along_depth = (a_.column_stride == 1 || a_.columns == 1) && (b_.row_stride == 1 || b_.rows == 1);
  const bool few = a_.rows <= few_rows || (b_.columns <= few_columns && count > small_products);
  const bool both_across = a_.row_stride == 1 && b_.column_stride == 1 && b_.columns % kernels_.panel_columns == 0;
  const int64_t longer_side = std::max(a_.rows, b_.columns);
  if (both_across && longer_side <= most_outer_side && a_.columns >= depth_per_outer_side * longer_side) {
    path_ = Path::outer;
  } else if (both_along_depth && (count <= small_dots || few)) {
    path_ = Path::dot;
  } else if (b_has_rows && (count <= small_products || a_.rows <= few_rows)) {
    path_ = Path::small;
  } else if (count <= small_products) {
    path_ = Path::panels;
    depth_ = a_.columns;
    b_bytes_ = round_up(b_.columns, kernels_.panel_columns) * depth_ * item_ + 64;
  }
}

size_t Product::scratchpad_bytes() const {
  const auto bytes = static_cast<size_t>(down_ * across_ * (a_bytes_ + b_bytes_));
  return split_ ? std::max(bytes, split_->scratchpad_bytes()) : bytes;
}

bool Product::run(const char* a, const char* b, char* c, const char* bias, void* scratchpad) const {
  if (split_) {
    const SplitFinish finish = {reinterpret_cast<const float*>(bias), result_ == Result::rectified};
    const bool finite = split_->run(reinterpret_cast<const float*>(a), reinterpret_cast<const float*>(b),
                                    reinterpret_cast<float*>(c), finish, scratchpad);
    if (finite || result_ == Result::added) return finite;
  }
  auto* memory = static_cast<char*>(scratchpad);
  switch (path_) {
    case Path::packed: multiply_packed(a, b, c, bias, memory); break;
    case Path::panels: multiply_panels(a, b, c, bias, memory); break;
    case Path::outer:
      if (bias == nullptr) {
        multiply_outer(a, b, c);
      } else {
        multiply_packed(a, b, c, bias, memory);
      }
      break;
    default: multiply_unpacked(a, b, c, bias);
  }
  if (result_ == Result::rectified) apply_relu(c);
  return true;
}

void Product::apply_relu(char* c) const {
  const TileKernel relu =
      kernels().elementwise[static_cast<int>(op::OpId::relu)][item_ == 8 ? lane_double : lane_float];
  const int64_t columns = b_.columns;
  runtime::parallel_for(a_.rows, elements_per_thread / std::max<int64_t>(columns, 1), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      char* row = c + i * c_stride_ * item_;
      const void* source = row;
      relu(row, &source, columns);
    }
  });
}

// C is cut into one part per thread, which each packs what it needs: rows or columns, so that little is packed twice
// and panels are full.
void Product::plan_blocks(int threads) {
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
  width_ =
      round_up(even_part(ceil_div(b_.columns, across_) + kernels_.panel_columns, block_width), kernels_.panel_columns);
  depth_ = even_part(std::max<int64_t>(a_.columns, 1), block_depth);
  constexpr int64_t overhang = 64;  // packing may write part of a vector too far
  b_bytes_ = round_up(width_ * depth_ * item_ + overhang, 64);
  a_bytes_ = round_up(height_ * depth_ * item_ + overhang, 64);
}

// Multiplications per element of depth, with those that packing takes the time of.
int64_t Product::part_cost(int64_t rows, int64_t columns) const {
  constexpr int64_t packing = 8;
  return rows * round_up(columns, kernels_.panel_columns / 2) + packing * (rows + columns);
}

// Threads share the longer side of C.
void Product::multiply_unpacked(const char* a, const char* b, char* c, const char* bias) const {
  const bool by_rows = a_.rows > b_.columns;
  const int64_t shared = by_rows ? a_.rows : b_.columns;
  const int64_t work = std::max<int64_t>((by_rows ? b_.columns : a_.rows) * a_.columns, 1);
  const int64_t worth = a_.rows <= few_rows ? products_per_thread_of_few_rows : products_per_thread;
  runtime::parallel_for(shared, std::max<int64_t>(worth / work, 16), [&](int64_t begin, int64_t end) {
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
      kernels_.small(a_part, a_.row_stride, a_.column_stride, b_part, b_.row_stride, rows, columns, a_.columns, c_part,
                     c_stride_, bias_part);
    }
  });
}

// Few results of very many terms each, as the gradients of weights have over long sequences: packing would take as long
// as the arithmetic. Threads share the rows of C.
void Product::multiply_outer(const char* a, const char* b, char* c) const {
  const int64_t chunk = std::max<int64_t>(outer_bytes / ((a_.rows + b_.columns) * item_), 64);
  const int64_t grain = std::max<int64_t>(products_per_thread / (b_.columns * a_.columns), kernels_.panel_rows);
  runtime::parallel_for(
      a_.rows, grain,
      [&](int64_t begin, int64_t end) {
        for (int64_t k = 0; k < a_.columns; k += chunk) {
          kernels_.outer(a + (begin + k * a_.column_stride) * item_, a_.column_stride, b + k * b_.row_stride * item_,
                         b_.row_stride, end - begin, b_.columns, std::min(chunk, a_.columns - k),
                         c + begin * c_stride_ * item_, c_stride_, k > 0);
        }
      },
      1);
}

// Small, but B lies along k: its panels are packed, and then have contiguous rows.
void Product::multiply_panels(const char* a, const char* b, char* c, const char* bias, char* scratchpad) const {
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

void Product::multiply_packed(const char* a, const char* b, char* c, const char* bias, char* scratchpad) const {
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

void Product::multiply_part(const char* a, const char* b, char* c, const char* bias, Range rows, Range columns,
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
        kernels_.pack_a(a + (i * a_.row_stride + k * a_.column_stride) * item_, a_.row_stride, a_.column_stride, height,
                        depth, packed_a);
        kernels_.multiply(packed_a, packed_b, height, width, depth, c + (i * c_stride_ + j) * item_, c_stride_,
                          bias == nullptr || k > 0 ? nullptr : bias + j * item_, k > 0 || result_ == Result::added);
      }
    }
  }
}

}  // namespace pydl::cpu
