#include "backends/cpu/gemm/bf16x3_product.h"

#include <algorithm>
#include <atomic>

#include "backends/cpu/rounding.h"
#include "runtime/amx.h"
#include "runtime/cpu_features.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

// The block that is kept and the strips that pass by fit into the L2 cache together with the results.
constexpr int64_t block_depth = 512;
constexpr int64_t kept_items = 196608;
constexpr int64_t passing_side = 128;
// Packing an element takes as long as this many multiplications.
constexpr int64_t packing_cost = 50;
// The number of multiplications that are worth a thread.
constexpr int64_t products_per_thread = runtime::worth_a_thread(runtime::cost::multiply_add);

// A line of the caches.
constexpr int64_t line_bytes = 64;
constexpr int64_t floats_per_line = line_bytes / int64_t{sizeof(float)};

// The size of the largest part, rounded up to whole units, when `size` is divided into as few parts of at most `limit`
// as possible.
int64_t even_part(int64_t size, int64_t limit, int64_t unit) {
  return round_up(ceil_div(size, ceil_div(size, limit)), unit);
}

// Multiplications per element of depth, including the cost of packing in units of multiplications.
int64_t part_cost(int64_t rows, int64_t columns) {
  return round_up(rows, 16) * round_up(columns, 16) + packing_cost * (rows + columns);
}

bool has_unit_stride(const Matrix& m) { return m.row_stride == 1 || m.column_stride == 1; }

}  // namespace

bool Bf16x3Product::suits(const Matrix& a, const Matrix& b) {
  return bf16x3_kernels() != nullptr && runtime::suits_amx(a.rows, b.columns, a.columns) && has_unit_stride(a) &&
         has_unit_stride(b);
}

Bf16x3Product::Bf16x3Product(const Matrix& a, const Matrix& b, int64_t c_stride, int threads, bool accumulates)
    : a_(a), b_(b), c_stride_(c_stride), accumulates_(accumulates) {
  cut(threads);
  const int64_t rows = ceil_div(a.rows, down_);
  const int64_t columns = ceil_div(b.columns, across_);
  keeps_a_ = rows <= columns;
  depth_ = even_part(a.columns, block_depth, bf16x3_depth);
  // A part may have one strip more than the others.
  const int64_t side = (keeps_a_ ? rows : columns) + bf16x3_strip;
  kept_ = even_part(side, std::max(kept_items / depth_ / bf16x3_strip, int64_t{1}) * bf16x3_strip, bf16x3_strip);
  passing_ = std::min(passing_side, round_up(keeps_a_ ? columns : rows, bf16x3_strip) + bf16x3_strip);
  const bool is_large = a.rows * b.columns * int64_t{sizeof(float)} >= runtime::bytes_beyond_caches();
  streams_ = is_large && !accumulates && depth_ >= a.columns && c_stride % floats_per_line == 0;
  kept_bytes_ = kept_ * depth_ * bf16x3_bytes;
  part_bytes_ = kept_bytes_ + passing_ * depth_ * bf16x3_bytes;
}

// Cuts c into one part per thread, as square as possible because the cost of packing grows with the sides of a part.
void Bf16x3Product::cut(int threads) {
  const int64_t most = std::min<int64_t>(threads, a_.rows * b_.columns * a_.columns / products_per_thread);
  int64_t best = part_cost(a_.rows, b_.columns);
  for (int64_t across = 1; across <= most; ++across) {
    const int64_t down = std::min(most / across, ceil_div(a_.rows, bf16x3_strip));
    const int64_t limited = std::min(across, ceil_div(b_.columns, bf16x3_strip));
    const int64_t cost = part_cost(ceil_div(a_.rows, down), ceil_div(b_.columns, limited));
    if (cost >= best) continue;
    best = cost;
    down_ = down;
    across_ = limited;
  }
}

size_t Bf16x3Product::scratchpad_bytes() const { return static_cast<size_t>(down_ * across_ * part_bytes_); }

bool Bf16x3Product::run(const float* a, const float* b, float* c, const SplitFinish& finish, void* scratchpad) const {
  std::atomic<bool> finite{true};
  runtime::parallel_for(down_ * across_, 1, [&](int64_t begin, int64_t end) {
    const TileUse use(*kernels_);
    const auto strips = [](int64_t size, int64_t index, int64_t count) {
      return std::min(ceil_div(size, bf16x3_strip) * index / count * bf16x3_strip, size);
    };
    for (int64_t part = begin; part < end; ++part) {
      const int64_t row = part / across_;
      const int64_t column = part % across_;
      const Range rows = {strips(a_.rows, row, down_), strips(a_.rows, row + 1, down_)};
      const Range columns = {strips(b_.columns, column, across_), strips(b_.columns, column + 1, across_)};
      const bool is_finite =
          multiply_part({a, b, c, finish}, rows, columns, static_cast<char*>(scratchpad) + part * part_bytes_);
      if (!is_finite) finite.store(false, std::memory_order_relaxed);
    }
  });
  return finite.load(std::memory_order_relaxed);
}

bool Bf16x3Product::multiply_part(const Call& call, Range rows, Range columns, char* scratchpad) const {
  char* kept = scratchpad;
  char* passing = scratchpad + kept_bytes_;
  const Range kept_side = keeps_a_ ? rows : columns;
  const Range passing_side = keeps_a_ ? columns : rows;
  bool finite = true;
  for (int64_t k = 0; k < a_.columns; k += depth_) {
    const Range depth = {k, std::min(k + depth_, a_.columns)};
    for (int64_t i = kept_side.begin; i < kept_side.end; i += kept_) {
      const Range kept_part = {i, std::min(i + kept_, kept_side.end)};
      keeps_a_ ? pack_a(call.a, kept_part, depth, kept) : pack_b(call.b, depth, kept_part, kept);
      for (int64_t j = passing_side.begin; j < passing_side.end; j += passing_) {
        const Range part = {j, std::min(j + passing_, passing_side.end)};
        keeps_a_ ? pack_b(call.b, depth, part, passing) : pack_a(call.a, part, depth, passing);
        const bool is_finite = keeps_a_ ? multiply_block(call, kept_part, part, depth, kept, passing)
                                        : multiply_block(call, part, kept_part, depth, passing, kept);
        finite = finite && is_finite;
      }
    }
  }
  return finite;
}

void Bf16x3Product::pack_a(const float* a, Range rows, Range depth, void* packed) const {
  kernels_->pack_a(a + rows.begin * a_.row_stride + depth.begin * a_.column_stride, a_.row_stride, a_.column_stride,
                   rows.size(), depth.size(), packed);
}

void Bf16x3Product::pack_b(const float* b, Range depth, Range columns, void* packed) const {
  kernels_->pack_b(b + depth.begin * b_.row_stride + columns.begin * b_.column_stride, b_.row_stride, b_.column_stride,
                   depth.size(), columns.size(), packed);
}

bool Bf16x3Product::multiply_block(const Call& call, Range rows, Range columns, Range depth, const void* packed_a,
                                   const void* packed_b) const {
  const SplitFinish finish = {call.finish.bias == nullptr ? nullptr : call.finish.bias + columns.begin,
                              call.finish.relu};
  const bool is_last = depth.end == a_.columns;
  const bool streams = streams_ && reinterpret_cast<uintptr_t>(call.c) % line_bytes == 0;
  const bool adds = accumulates_ || depth.begin > 0;
  return kernels_->multiply(
      packed_a, packed_b, rows.size(), columns.size(), depth.size(), call.c + rows.begin * c_stride_ + columns.begin,
      c_stride_, adds ? Store::add : (streams ? Store::stream : Store::overwrite), is_last ? &finish : nullptr);
}

}  // namespace pydl::cpu
