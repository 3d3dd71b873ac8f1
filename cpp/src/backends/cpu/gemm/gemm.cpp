#include "backends/cpu/gemm/gemm.h"

#include <algorithm>

#include "backends/cpu/rounding.h"
#include "runtime/cpu_features.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

// A panel of B of this depth fits into the L1 cache. A block of A of this height and a block of B of this width, both
// of this depth, fit into the L2 cache.
constexpr int64_t block_depth = 256;
constexpr int64_t block_height = 504;
constexpr int64_t block_width = 1024;
// The number of multiplications that are worth a thread, given that its inputs come from the caches of other threads
// and its results go there.
constexpr int64_t products_per_thread = runtime::worth_a_thread(runtime::cost::multiply_add);
// A product with few rows takes as long as reading B.
constexpr int64_t products_per_thread_of_few_rows = runtime::worth_a_thread(runtime::cost::multiply_add_from_memory);
constexpr int64_t elements_per_thread = runtime::worth_a_thread(runtime::cost::element_written);
// Packing does not pay off up to this many multiplications, rows, or columns. It is then skipped if B has contiguous
// rows, or if A and B are contiguous along k.
constexpr int64_t small_products = 262144;
constexpr int64_t small_dots = 1024;
constexpr int64_t few_rows = 4;
// Up to this many rows, packing a large B takes a noticeable part of the time: a third with 32 rows, a twentieth with
// 256. B is then not packed as a whole: its panels of `wide_depth` are copied into the L1 cache one after the other.
constexpr int64_t most_wide_rows = 256;
constexpr int64_t least_wide_elements = 1 << 17;
// The same is true of products with few results of many terms each, such as the gradients of weights over long
// sequences, where the sides of C have up to these sizes and there are at least as many terms.
constexpr int64_t longest_deep_side = 4096;
constexpr int64_t longest_shorter_deep_side = 256;
// Up to this many rows, threads divide the columns of B, because reading B takes longer than packing A twice.
constexpr int64_t few_rows_of_wide = 64;
constexpr int64_t wide_depth = 192;
// Up to this many terms, writing a C that exceeds the caches takes longer than the arithmetic. C is then written along
// its rows, a few at a time, and not panel by panel.
constexpr int64_t most_shallow = 64;
constexpr int64_t least_written_bytes = 4 << 20;
// Up to this many columns, a large product whose factors are contiguous along k is not packed.
constexpr int64_t few_columns = 16;

// A single sum is cut into sums of this many terms, which are added in double: rounding errors then do not grow with
// the number of terms, and threads share the work.
constexpr int64_t summed_at_once = 4096;

// The size of the largest part, when `size` is divided into as few parts of at most `limit` as possible.
int64_t even_part(int64_t size, int64_t limit) { return ceil_div(size, ceil_div(size, limit)); }

}  // namespace

Gemm::Gemm(const Matrix& a, const Matrix& b, int64_t c_stride, bool is_double, int threads, Result result, Tiles tiles)
    : a_(a),
      b_(b),
      c_stride_(c_stride),
      item_(is_double ? 8 : 4),
      kernels_(kernels().gemm[is_double ? 1 : 0]),
      result_(result) {
  if (result != Result::added) choose_path();  // of these paths, only packed panels can add
  if (transposed_) {
    a_ = {b.columns, b.rows, b.column_stride, b.row_stride};
    b_ = {a.columns, a.rows, a.column_stride, a.row_stride};
  }
  const int64_t worth = a.rows * b.columns * a.columns / products_per_thread;
  threads = static_cast<int>(std::clamp<int64_t>(worth, 1, threads));
  if (path_ == Path::packed || path_ == Path::wide) plan_blocks(threads);
  if (tiles == Tiles::allowed && !is_double && Bf16x3Product::suits(a, b)) {
    split_.emplace(a, b, c_stride, threads, result == Result::added);
  }
}

void Gemm::choose_path() {
  const int64_t count = a_.rows * b_.columns * a_.columns;
  const bool b_has_rows = b_.column_stride == 1 || b_.columns == 1;
  const bool both_along_depth = (a_.column_stride == 1 || a_.columns == 1) && (b_.row_stride == 1 || b_.rows == 1);
  const bool few = a_.rows <= few_rows || (b_.columns <= few_columns && count > small_products);
  const int64_t longer_side = std::max(a_.rows, b_.columns);
  const int64_t shorter_side = std::min(a_.rows, b_.columns);
  const bool is_deep =
      shorter_side <= longest_shorter_deep_side && longer_side <= longest_deep_side && a_.columns >= longer_side;
  const bool is_sum = a_.rows == 1 && b_.columns == 1 && both_along_depth;
  if (is_sum && a_.columns > summed_at_once) {
    path_ = Path::sum;
    a_bytes_ = ceil_div(a_.columns, summed_at_once) * item_;
  } else if (is_deep && a_.row_stride == 1 && b_has_rows && count > small_products) {
    path_ = Path::wide;
    const bool has_whole_panels = b_.columns % kernels_.panel_columns == 0;
    transposed_ = !has_whole_panels && a_.rows % kernels_.panel_columns == 0 && result_ == Result::overwritten;
  } else if (both_along_depth && (count <= small_dots || few)) {
    path_ = Path::dot;
  } else if (b_has_rows && (count <= small_products || a_.rows <= few_rows)) {
    path_ = Path::small;
  } else if (b_has_rows && a_.rows <= most_wide_rows && b_.rows * b_.columns >= least_wide_elements) {
    path_ = Path::wide;
  } else if (count <= small_products) {
    path_ = Path::panels;
    depth_ = a_.columns;
    b_bytes_ = round_up(b_.columns, kernels_.panel_columns) * depth_ * item_ + 64;
  }
}

const char* Gemm::name() const {
  if (split_) return "bf16x3";
  switch (path_) {
    case Path::wide: return "gemm wide";
    case Path::panels: return "gemm panels";
    case Path::small: return "gemm small";
    case Path::dot:
    case Path::sum: return "gemm dot";
    default: return "gemm packed";
  }
}

size_t Gemm::scratchpad_bytes() const {
  auto bytes = static_cast<size_t>(down_ * across_ * (a_bytes_ + b_bytes_));
  if (transposed_) bytes += static_cast<size_t>(a_.rows * b_.columns * item_);
  return split_ ? std::max(bytes, split_->scratchpad_bytes()) : bytes;
}

bool Gemm::run(const char* a, const char* b, char* c, const char* bias, void* scratchpad) const {
  if (split_) {
    const SplitFinish finish = {reinterpret_cast<const float*>(bias), result_ == Result::rectified};
    const bool finite = split_->run(reinterpret_cast<const float*>(a), reinterpret_cast<const float*>(b),
                                    reinterpret_cast<float*>(c), finish, scratchpad);
    if (finite || result_ == Result::added) return finite;
  }
  auto* memory = static_cast<char*>(scratchpad);
  switch (path_) {
    case Path::packed:
    case Path::wide:
      if (transposed_) {
        multiply_transposed(a, b, c, bias, memory);
      } else {
        multiply_blocks(a, b, c, c_stride_, bias, memory);
      }
      break;
    case Path::panels: multiply_panels(a, b, c, bias, memory); break;
    case Path::sum: multiply_sum(a, b, c, bias, memory); break;
    default: multiply_unpacked(a, b, c, bias);
  }
  if (result_ == Result::rectified) apply_relu(c);
  return true;
}

void Gemm::apply_relu(char* c) const {
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

// C is cut into one part per thread, and each thread packs what it needs. The cuts by rows or columns are chosen so
// that little is packed twice and panels are full.
void Gemm::plan_blocks(int threads) {
  int64_t best = part_cost(a_.rows, b_.columns);
  for (int64_t across = 1; across <= threads && threads > 1; ++across) {
    const int64_t down = threads / across;
    const int64_t cost = part_cost(ceil_div(a_.rows, down), ceil_div(b_.columns, across));
    if (cost >= best) continue;
    best = cost;
    down_ = std::min(down, a_.rows);
    across_ = std::min(across, ceil_div(b_.columns, kernels_.panel_columns));
  }
  if (path_ == Path::wide && a_.rows <= few_rows_of_wide) {  // no two parts read the same elements of B
    down_ = 1;
    across_ = std::min<int64_t>(threads, ceil_div(b_.columns, kernels_.panel_columns));
  }
  const bool writes_most = a_.columns <= most_shallow && a_.rows * b_.columns * item_ >= least_written_bytes;
  const int64_t most_rows = writes_most && path_ == Path::packed ? kernels_.panel_rows : block_height;
  const int64_t rows = ceil_div(a_.rows, down_);
  height_ = even_part(rows, most_rows);
  width_ =
      round_up(even_part(ceil_div(b_.columns, across_) + kernels_.panel_columns, block_width), kernels_.panel_columns);
  depth_ = even_part(std::max<int64_t>(a_.columns, 1), path_ == Path::wide ? wide_depth : block_depth);
  const bool is_large = a_.rows * b_.columns * item_ >= runtime::bytes_beyond_caches();
  const bool is_written_once = result_ == Result::overwritten && path_ == Path::packed && depth_ >= a_.columns;
  streams_ = is_large && is_written_once && !transposed_ && c_stride_ * item_ % 64 == 0;
  constexpr int64_t overhang = 64;  // packing may write part of a vector beyond the end
  b_bytes_ = round_up(width_ * depth_ * item_ + overhang, 64);
  a_bytes_ = round_up(height_ * depth_ * item_ + overhang, 64);
}

// Multiplications per element of depth, including the cost of packing in units of multiplications.
int64_t Gemm::part_cost(int64_t rows, int64_t columns) const {
  constexpr int64_t packing = 8;
  return rows * round_up(columns, kernels_.panel_columns / 2) + packing * (rows + columns);
}

// Threads divide the longer side of C.
void Gemm::multiply_unpacked(const char* a, const char* b, char* c, const char* bias) const {
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

// For one sum of many products. The cuts follow the number of terms alone, so that any number of threads gives the same
// bits.
void Gemm::multiply_sum(const char* a, const char* b, char* c, const char* bias, char* sums) const {
  const int64_t parts = ceil_div(a_.columns, summed_at_once);
  const int64_t worth = std::max<int64_t>(products_per_thread_of_few_rows / summed_at_once, 1);
  runtime::parallel_for(parts, worth, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i * summed_at_once;
      kernels_.dot(a + first * item_, a_.row_stride, b + first * item_, b_.column_stride, 1, 1,
                   std::min(summed_at_once, a_.columns - first), sums + i * item_, 1, nullptr);
    }
  });
  const auto add = [&]<class T>(T* result) {
    double total = bias == nullptr ? 0 : static_cast<double>(*reinterpret_cast<const T*>(bias));
    for (int64_t i = 0; i < parts; ++i) total += static_cast<double>(reinterpret_cast<const T*>(sums)[i]);
    *result = static_cast<T>(total);
  };
  item_ == 8 ? add(reinterpret_cast<double*>(c)) : add(reinterpret_cast<float*>(c));
}

// For small products where B is contiguous along k: its panels are packed and then have contiguous rows.
void Gemm::multiply_panels(const char* a, const char* b, char* c, const char* bias, char* scratchpad) const {
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

void Gemm::multiply_blocks(const char* a, const char* b, char* c, int64_t c_stride, const char* bias,
                           char* scratchpad) const {
  runtime::parallel_for(down_ * across_, 1, [&](int64_t begin, int64_t end) {
    const int64_t panels = ceil_div(b_.columns, kernels_.panel_columns);
    for (int64_t part = begin; part < end; ++part) {
      const int64_t row = part / across_;
      const int64_t column = part % across_;
      const Range rows = {a_.rows * row / down_, a_.rows * (row + 1) / down_};
      const Range columns = {panels * column / across_ * kernels_.panel_columns,
                             std::min(panels * (column + 1) / across_ * kernels_.panel_columns, b_.columns)};
      const char* a_part = a + rows.begin * a_.row_stride * item_;
      const char* b_part = b + columns.begin * b_.column_stride * item_;
      const Block block = {a_part,
                           b_part,
                           c + (rows.begin * c_stride + columns.begin) * item_,
                           c_stride,
                           bias == nullptr ? nullptr : bias + columns.begin * item_,
                           rows.end - rows.begin,
                           columns.end - columns.begin};
      char* memory = scratchpad + part * (a_bytes_ + b_bytes_);
      path_ == Path::wide ? multiply_wide(block, memory) : multiply_packed(block, memory);
    }
  });
}

void Gemm::multiply_packed(const Block& part, char* packed_a) const {
  char* packed_b = packed_a + a_bytes_;
  const bool streams = streams_ && reinterpret_cast<uintptr_t>(part.c) % 64 == 0;
  for (int64_t j = 0; j < part.columns; j += width_) {
    const int64_t width = std::min(width_, part.columns - j);
    for (int64_t k = 0; k < std::max<int64_t>(a_.columns, 1); k += depth_) {
      const int64_t depth = std::min(depth_, a_.columns - k);
      kernels_.pack_b(part.b + (k * b_.row_stride + j * b_.column_stride) * item_, b_.row_stride, b_.column_stride,
                      depth, width, packed_b);
      for (int64_t i = 0; i < part.rows; i += height_) {
        const int64_t height = std::min(height_, part.rows - i);
        kernels_.pack_a(part.a + (i * a_.row_stride + k * a_.column_stride) * item_, a_.row_stride, a_.column_stride,
                        height, depth, packed_a);
        const bool adds = k > 0 || result_ == Result::added;
        const Store how = adds ? Store::add : (streams ? Store::stream : Store::overwrite);
        kernels_.multiply(packed_a, packed_b, height, width, depth, part.c + (i * part.c_stride + j) * item_,
                          part.c_stride, part.bias == nullptr || k > 0 ? nullptr : part.bias + j * item_, how);
      }
    }
  }
}

// B is not packed, except for its last columns if they are not a whole panel.
void Gemm::multiply_wide(const Block& part, char* packed_a) const {
  char* packed_b = packed_a + a_bytes_;
  const int64_t whole = part.columns / kernels_.panel_columns * kernels_.panel_columns;
  for (int64_t k = 0; k < a_.columns; k += depth_) {
    const int64_t depth = std::min(depth_, a_.columns - k);
    const char* b = part.b + k * b_.row_stride * item_;
    const char* bias = k > 0 ? nullptr : part.bias;
    for (int64_t i = 0; i < part.rows; i += height_) {
      const int64_t height = std::min(height_, part.rows - i);
      char* c = part.c + i * part.c_stride * item_;
      kernels_.pack_a(part.a + (i * a_.row_stride + k * a_.column_stride) * item_, a_.row_stride, a_.column_stride,
                      height, depth, packed_a);
      kernels_.wide(packed_a, 0, b, b_.row_stride, k + 2 * depth <= a_.columns, height, whole, depth, c, part.c_stride,
                    bias, k > 0);
      if (whole == part.columns) continue;
      kernels_.pack_b(b + whole * item_, b_.row_stride, 1, depth, part.columns - whole, packed_b);
      kernels_.multiply(packed_a, packed_b, height, part.columns - whole, depth, c + whole * item_, part.c_stride,
                        bias == nullptr ? nullptr : bias + whole * item_, k > 0 ? Store::add : Store::overwrite);
    }
  }
}

// Computes the transpose of C, because that has whole panels.
void Gemm::multiply_transposed(const char* a, const char* b, char* c, const char* bias, char* scratchpad) const {
  char* result = scratchpad + down_ * across_ * (a_bytes_ + b_bytes_);
  multiply_blocks(b, a, result, b_.columns, nullptr, scratchpad);
  const auto copy = [&]<class T>(const T* from, const T* added, T* to) {
    for (int64_t i = 0; i < b_.columns; ++i) {
      for (int64_t j = 0; j < a_.rows; ++j) {
        to[i * c_stride_ + j] = from[j * b_.columns + i] + (added == nullptr ? T(0) : added[j]);
      }
    }
  };
  if (item_ == 8) {
    copy(reinterpret_cast<const double*>(result), reinterpret_cast<const double*>(bias), reinterpret_cast<double*>(c));
  } else {
    copy(reinterpret_cast<const float*>(result), reinterpret_cast<const float*>(bias), reinterpret_cast<float*>(c));
  }
}

}  // namespace pydl::cpu
