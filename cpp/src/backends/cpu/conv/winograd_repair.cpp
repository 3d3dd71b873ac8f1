#include "backends/cpu/conv/winograd_repair.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "backends/cpu/rounding.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

constexpr int64_t most_repair_pieces = 16;
constexpr int64_t block_positions = 56;
// Up to this share of the channels of a weight, or of its products, repairs take less time than the whole gradient by
// definition, although they are less efficient.
constexpr int64_t channel_share = 8;
constexpr int64_t product_share = 4;

// Calls `function(begin, end, piece)` for the pieces of [0, count). The pieces depend on the count alone.
template <class Function>
void for_each_piece(int64_t count, const Function& function) {
  const int64_t pieces = std::min(count, most_repair_pieces);
  runtime::parallel_for(pieces, 1, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      function(count * piece / pieces, count * (piece + 1) / pieces, piece);
    }
  });
}

}  // namespace

ConvRepair::ConvRepair(const Shape& shape)
    : shape_(shape), panel_step_(ceil_div(shape.columns, gemm_.panel_columns) * gemm_.panel_columns * shape.depth) {
  // The elements gathered for a tap, their packed form (packing writes part of a vector beyond the end), and two sets
  // of results.
  piece_elements_ = block_positions * (2 * shape.depth + 2 * shape.columns) + 32;
}

int64_t ConvRepair::elements() const { return kernel_taps * panel_step_ + most_repair_pieces * piece_elements_; }

void ConvRepair::finish(float result, const float* bias, float& y) const {
  if (bias != nullptr) result += *bias;
  y = shape_.relu && result < 0 ? 0 : result;  // keeps NaN
}

void ConvRepair::compute_results(const Operands& operands, const TileResults* unsafe, float* memory) const {
  const int64_t tiles = shape_.tiling.count;
  if (std::all_of(unsafe, unsafe + tiles, [](TileResults results) { return results == 0; })) return;
  runtime::parallel_for(kernel_taps, 1, [&](int64_t begin, int64_t end) {
    for (int64_t tap = begin; tap < end; ++tap) {
      gemm_.pack_b(operands.weight + weight_offset(tap), shape_.depth_stride, shape_.column_stride, shape_.depth,
                   shape_.columns, memory + tap * panel_step_);
    }
  });
  float* pieces = memory + kernel_taps * panel_step_;
  for_each_piece(tiles, [&](int64_t begin, int64_t end, int64_t piece) {
    compute_tiles(operands, unsafe, begin, end, memory, pieces + piece * piece_elements_);
  });
}

bool ConvRepair::sees_zeros_only(const Position& position, const float* x) const {
  for (int64_t tap = 0; tap < kernel_taps; ++tap) {
    const int64_t index = shape_.tiling.source_index(position, tap);
    if (index < 0) continue;
    const float* from = x + index * shape_.depth;
    if (!std::all_of(from, from + shape_.depth, [](float element) { return element == 0; })) return false;
  }
  return true;
}

void ConvRepair::compute_tiles(const Operands& operands, const TileResults* unsafe, int64_t begin, int64_t end,
                               const float* weights, float* memory) const {
  const WinogradTiling& g = shape_.tiling;
  Position positions[block_positions];
  int64_t count = 0;
  for (int64_t t = begin; t < end; ++t) {
    if (unsafe[t] == 0) continue;
    const auto [image, row, column] = g.position(t);
    for (int64_t result = 0; result < winograd_tile * winograd_tile; ++result) {
      const Position position = {image, row + result / winograd_tile, column + result % winograd_tile};
      const bool is_wanted = (unsafe[t] >> result & 1) != 0 && position.row < g.rows && position.column < g.columns;
      if (!is_wanted) continue;
      if (sees_zeros_only(position, operands.x)) {
        for (int64_t j = 0; j < shape_.columns; ++j) {
          finish(0, operands.bias == nullptr ? nullptr : operands.bias + j,
                 operands.y[g.index(position) * shape_.columns + j]);
        }
        continue;
      }
      positions[count++] = position;
      if (count < block_positions) continue;
      compute_block(operands, positions, count, weights, memory);
      count = 0;
    }
  }
  if (count > 0) compute_block(operands, positions, count, weights, memory);
}

// Computes a product for each tap; positions outside of the image read as zeros.
void ConvRepair::compute_block(const Operands& operands, const Position* positions, int64_t count, const float* weights,
                               float* memory) const {
  const auto [depth, columns] = std::pair(shape_.depth, shape_.columns);
  float* gathered = memory;
  float* packed = gathered + block_positions * depth;
  float* results = packed + block_positions * depth + 32;
  for (int64_t tap = 0; tap < kernel_taps; ++tap) {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t index = shape_.tiling.source_index(positions[i], tap);
      float* to = gathered + i * depth;
      const auto bytes = static_cast<size_t>(depth) * sizeof(float);
      index < 0 ? std::memset(to, 0, bytes) : std::memcpy(to, operands.x + index * depth, bytes);
    }
    gemm_.pack_a(gathered, depth, 1, count, depth, packed);
    gemm_.multiply(packed, weights + tap * panel_step_, count, columns, depth, results, columns, nullptr,
                   tap > 0 ? Store::add : Store::overwrite);
  }
  for (int64_t i = 0; i < count; ++i) {
    float* y = operands.y + shape_.tiling.index(positions[i]) * columns;
    for (int64_t j = 0; j < columns; ++j) {
      finish(results[i * columns + j], operands.bias == nullptr ? nullptr : operands.bias + j, y[j]);
    }
  }
}

void ConvRepair::compute_channels(const Operands& operands, const int64_t* channels, int64_t count,
                                  float* memory) const {
  if (count == 0) return;
  const int64_t depth = shape_.depth;
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t tap = 0; tap < kernel_taps; ++tap) {
      const float* from = operands.weight + channels[i] * shape_.column_stride + weight_offset(tap);
      float* to = memory + (i * kernel_taps + tap) * depth;
      for (int64_t d = 0; d < depth; ++d) to[d] = from[d * shape_.depth_stride];
    }
  }
  float* pieces = memory + kernel_taps * panel_step_;
  for_each_piece(shape_.tiling.images * shape_.tiling.rows, [&](int64_t begin, int64_t end, int64_t piece) {
    for (int64_t row = begin; row < end; ++row) {
      compute_row(operands, row, channels, count, memory, pieces + piece * piece_elements_);
    }
  });
}

// Taps outside of the image are skipped: zeros times an infinite weight or NaN would give NaN.
void ConvRepair::compute_row(const Operands& operands, int64_t row, const int64_t* channels, int64_t count,
                             const float* weights, float* memory) const {
  const WinogradTiling& g = shape_.tiling;
  const int64_t depth = shape_.depth;
  float* sums = memory;
  float* products = memory + block_positions * count;
  for (int64_t begin = 0; begin < g.columns; begin += block_positions) {
    const int64_t end = std::min(begin + block_positions, g.columns);
    std::fill(sums, sums + (end - begin) * count, 0.0F);
    for (int64_t tap = 0; tap < kernel_taps; ++tap) {
      const int64_t shift = g.low_column - tap % 3;
      const int64_t first = std::max(begin, shift);
      const int64_t length = std::min(end, g.from_columns + shift) - first;
      if (length <= 0) continue;
      const int64_t from = g.source_index({row / g.rows, row % g.rows, first}, tap);
      if (from < 0) continue;
      gemm_.dot(operands.x + from * depth, depth, weights + tap * depth, kernel_taps * depth, length, count, depth,
                products, count, nullptr);
      float* to = sums + (first - begin) * count;
      for (int64_t i = 0; i < length * count; ++i) to[i] += products[i];
    }
    for (int64_t column = begin; column < end; ++column) {
      float* y = operands.y + (row * g.columns + column) * shape_.columns;
      for (int64_t i = 0; i < count; ++i) {
        finish(sums[(column - begin) * count + i], operands.bias == nullptr ? nullptr : operands.bias + channels[i],
               y[channels[i]]);
      }
    }
  }
}

int64_t WeightRepair::elements() const { return most_repair_pieces * 2 * kernel_taps * std::max(in_, out_); }

// The number of channels of x among `channels`, which come before those of g.
int64_t WeightRepair::channels_of_x(const int64_t* channels, int64_t count) const {
  return std::partition_point(channels, channels + count, [&](int64_t c) { return c < in_; }) - channels;
}

int64_t WeightRepair::count_nonzeros(const float* elements, int64_t positions, int64_t step, const int64_t* channels,
                                     int64_t count, int64_t first_channel) {
  std::atomic<int64_t> nonzeros{0};
  runtime::parallel_for(positions, ceil_div(runtime::worth_a_thread(runtime::cost::element_written), count),
                        [&](int64_t begin, int64_t end) {
                          int64_t own = 0;
                          for (int64_t position = begin; position < end; ++position) {
                            const float* at = elements + position * step - first_channel;
                            for (int64_t i = 0; i < count; ++i) own += at[channels[i]] != 0 ? 1 : 0;
                          }
                          nonzeros += own;
                        });
  return nonzeros;
}

bool WeightRepair::is_cheap(const float* g, const float* x, const int64_t* channels, int64_t count,
                            bool skips_zeros) const {
  if (count * channel_share <= in_ + out_) return true;
  if (!skips_zeros) return false;
  const int64_t of_x = channels_of_x(channels, count);
  const int64_t positions = tiling_.images * tiling_.rows * tiling_.columns;
  const int64_t from_positions = tiling_.images * tiling_.from_rows * tiling_.from_columns;
  int64_t products = 0;
  if (of_x > 0) products += count_nonzeros(x, from_positions, in_, channels, of_x, 0) * out_;
  if (of_x < count) products += count_nonzeros(g, positions, out_, channels + of_x, count - of_x, in_) * in_;
  return products * product_share <= positions * in_ * out_;
}

void WeightRepair::compute_channels(const float* g, const float* x, const int64_t* channels, int64_t count,
                                    bool skips_zeros, float* weight, float* memory) const {
  // The two factors come one after the other, because a kernel may belong to an unsafe channel of both.
  const int64_t of_x = channels_of_x(channels, count);
  for (const auto& [first, size] : {std::pair(channels, of_x), std::pair(channels + of_x, count - of_x)}) {
    const int64_t* part = first;
    for_each_piece(size, [&](int64_t begin, int64_t end, int64_t piece) {
      float* own = memory + piece * 2 * kernel_taps * std::max(in_, out_);
      for (int64_t i = begin; i < end; ++i) compute_channel(g, x, part[i], skips_zeros, weight, own);
    });
  }
}

// For each element of the channel, adds its products with the elements of all channels of the other factor that it
// meets. Each image is summed separately, so that sums of many terms stay exact enough.
void WeightRepair::compute_channel(const float* g, const float* x, int64_t channel, bool skips_zeros, float* weight,
                                   float* memory) const {
  const bool of_x = channel < in_;
  const int64_t others = of_x ? out_ : in_;
  const int64_t rows = of_x ? tiling_.from_rows : tiling_.rows;
  const int64_t columns = of_x ? tiling_.from_columns : tiling_.columns;
  const float* elements = of_x ? x + channel : g + channel - in_;
  const int64_t step = of_x ? in_ : out_;
  float* sums = memory;
  float* image_sums = memory + kernel_taps * others;
  std::fill(sums, sums + kernel_taps * others, 0.0F);
  for (int64_t image = 0; image < tiling_.images; ++image) {
    std::fill(image_sums, image_sums + kernel_taps * others, 0.0F);
    for (int64_t pixel = 0; pixel < rows * columns; ++pixel) {
      const float element = elements[(image * rows * columns + pixel) * step];
      if (element == 0 && skips_zeros) continue;
      const float* meets[kernel_taps];
      for (int64_t tap = 0; tap < kernel_taps; ++tap) {
        const WinogradTiling::Position position = {image, pixel / columns, pixel % columns};
        const int64_t other = of_x ? tiling_.result_index(position, tap) : tiling_.source_index(position, tap);
        meets[tap] = other < 0 ? nullptr : (of_x ? g : x) + other * others;
      }
      kernels().winograd.add_taps(meets, element, others, image_sums);
    }
    for (int64_t i = 0; i < kernel_taps * others; ++i) sums[i] += image_sums[i];
  }
  for (int64_t other = 0; other < others; ++other) {
    float* to = weight + (of_x ? other * in_ + channel : (channel - in_) * in_ + other) * kernel_taps;
    for (int64_t tap = 0; tap < kernel_taps; ++tap) to[tap] = sums[tap * others + other];
  }
}

}  // namespace pydl::cpu
