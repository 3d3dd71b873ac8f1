// The operands of convolutions by AMX tiles: rows of elements of padded images, split into bfloat16 parts.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "backends/cpu/conv/padded_image.h"
#include "backends/cpu/gemm/bf16x3_kernels.h"
#include "backends/cpu/workspace.h"
#include "op/conv_geometry.h"

namespace pydl::cpu {

/// Rounds up to whole strips of rows or columns, and to whole blocks of the depth.
inline int64_t in_strips(int64_t size) { return (size + bf16x3_strip - 1) / bf16x3_strip * bf16x3_strip; }
inline int64_t in_depths(int64_t size) { return (size + bf16x3_depth - 1) / bf16x3_depth * bf16x3_depth; }

/// The matrix that a convolution multiplies by the weight: one row for each output position, whose columns are the
/// input elements (K, C) that it sums over.
class Im2colRows {
 public:
  Im2colRows(const op::ConvGeometry& g, const exec::BufferSpec& x)
      : geometry_(g), image_(g.input, g.low, g.high, g.in_channels, x), whole_rows_(g.dilation[2] == 1) {
    const int64_t runs = whole_rows_ ? 1 : g.kernel[2];
    for (int64_t i = 0; i < g.kernel[0]; ++i) {
      for (int64_t j = 0; j < g.kernel[1]; ++j) {
        for (int64_t k = 0; k < runs; ++k) {
          offsets_.push_back(i * g.dilation[0] * image_.step(0) + j * g.dilation[1] * image_.step(1) +
                             k * g.dilation[2] * image_.step(2));
        }
      }
    }
    length_ = whole_rows_ ? g.kernel[2] * g.in_channels : g.in_channels;
  }

  const PaddedImage& image() const { return image_; }
  int64_t positions() const { return geometry_.output_size(); }
  int64_t columns() const { return runs() * length_; }
  int64_t runs() const { return static_cast<int64_t>(offsets_.size()); }
  int64_t run_length() const { return length_; }
  const std::vector<int64_t>& offsets() const { return offsets_; }
  /// The distance between adjacent positions, in elements.
  int64_t x_step() const { return geometry_.stride[2] * image_.step(2); }
  /// The distance between rows that are added, in elements.
  int64_t stride() const { return in_whole_vectors(columns()); }
  /// The size of an image, the distance between the parts of a split image, and the distance between split rows, in
  /// elements. All include the elements beyond the end that are read or written.
  int64_t image_elements() const { return in_whole_vectors(image_.elements()); }
  int64_t part_elements() const { return in_depths(image_.elements() + bf16x3_strip * x_step()) + bf16x3_depth; }
  int64_t line_elements() const { return 3 * (in_depths(columns()) + bf16x3_depth); }

  /// Gathers the split rows of positions [begin, end) of one image from the parts of that image.
  void gather(const Bf16x3Kernels& kernels, const uint16_t* parts, int64_t begin, int64_t end, uint16_t* lines) const {
    for_each_line(begin, end, [&](int64_t offset, int64_t row, int64_t count) {
      kernels.gather(parts + offset, part_elements(), x_step(), offsets_.data(), runs(), length_, count,
                     lines + row * line_elements(), line_elements());
    });
  }
  /// Adds the rows to the image.
  void scatter(const Bf16x3Kernels& kernels, const float* rows, int64_t begin, int64_t end, float* image) const {
    for_each_line(begin, end, [&](int64_t offset, int64_t row, int64_t count) {
      kernels.scatter(rows + row * stride(), stride(), offsets_.data(), runs(), length_, count, image + offset,
                      x_step());
    });
  }

  /// The offset in the image of the first element of a position's row.
  int64_t offset_of(int64_t position) const {
    const auto& size = geometry_.output;
    const int64_t k = position % size[2];
    const int64_t j = position / size[2] % size[1];
    const int64_t i = position / size[2] / size[1];
    return i * geometry_.stride[0] * image_.step(0) + j * geometry_.stride[1] * image_.step(1) + k * x_step();
  }

 private:
  // Calls `function(offset in the image, row, count)` for runs of consecutive positions in a line.
  template <class Function>
  void for_each_line(int64_t begin, int64_t end, const Function& function) const {
    const int64_t length = geometry_.output[2];
    for (int64_t position = begin; position < end;) {
      const int64_t count = std::min(length - position % length, end - position);
      function(offset_of(position), position - begin, count);
      position += count;
    }
  }

  op::ConvGeometry geometry_;
  PaddedImage image_;
  bool whole_rows_;  // rows of the kernel are contiguous
  std::vector<int64_t> offsets_;
  int64_t length_;
};

/// The number of rows that are gathered before they are packed. The L1 cache should keep them.
inline constexpr int64_t rows_at_once = 32;
static_assert(rows_at_once == bf16x3_strip && rows_at_once == bf16x3_depth);

/// Memory for the rows of any positions, of one image after the other.
struct RowMemory {
  RowMemory(const Im2colRows& rows, Workspace& workspace)
      : image(workspace.take<float>(rows.image_elements())),
        parts(workspace.take<uint16_t>(3 * rows.part_elements())),
        lines(workspace.take<uint16_t>(rows_at_once * rows.line_elements())) {}
  float* image;
  uint16_t* parts;
  uint16_t* lines;
};

/// Reads rows from images. Each image is split once, and its elements are copied for every row that contains them.
class RowReader {
 public:
  RowReader(const Im2colRows& rows, const Bf16x3Kernels& kernels, const float* x, const RowMemory& memory)
      : rows_(rows), kernels_(kernels), x_(x), memory_(memory) {
    rows.image().clear(memory.image);
    // The elements that are read beyond the end of an image are multiplied by zeros.
    std::memset(memory.parts, 0, static_cast<size_t>(3 * rows.part_elements()) * sizeof(uint16_t));
  }

  /// The split parts of image n.
  const uint16_t* parts_of(int64_t n) {
    if (n != current_) copy(n);
    return memory_.parts;
  }

  /// Gathers the rows of positions [begin, end), counted through all images, some at a time, and calls `function(index
  /// of the first, lines, count)`.
  template <class Function>
  void each(int64_t begin, int64_t end, const Function& function) {
    for (int64_t position = begin; position < end; position += rows_at_once) {
      const int64_t count = std::min(rows_at_once, end - position);
      read(position, position + count);
      function(position - begin, memory_.lines, count);
    }
  }

 private:
  void read(int64_t begin, int64_t end) {
    uint16_t* lines = memory_.lines;
    while (begin < end) {
      const int64_t n = begin / rows_.positions();
      const int64_t first = n * rows_.positions();
      const int64_t last = std::min(end, first + rows_.positions());
      rows_.gather(kernels_, parts_of(n), begin - first, last - first, lines);
      lines += (last - begin) * rows_.line_elements();
      begin = last;
    }
  }

  void copy(int64_t n) {
    rows_.image().copy(x_, n, memory_.image);
    kernels_.split(memory_.image, rows_.image().elements(), memory_.parts, rows_.part_elements());
    current_ = n;
  }

  const Im2colRows& rows_;
  const Bf16x3Kernels& kernels_;
  const float* x_;
  RowMemory memory_;
  int64_t current_ = -1;  // the image that was copied last
};

}  // namespace pydl::cpu
