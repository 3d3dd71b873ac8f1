#include "backends/cpu/conv/tiled_conv.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "backends/cpu/conv/im2col_rows.h"
#include "backends/cpu/conv/pointwise_conv.h"
#include "backends/cpu/rounding.h"
#include "op/post_operations.h"
#include "runtime/amx.h"
#include "runtime/threads.h"

namespace pydl::cpu {

namespace {

using exec::BufferSpec;
using exec::Kernel;
using exec::KernelCall;
using op::ConvGeometry;
using op::OpId;

// The number of elements of gathered rows that stay in the L2 cache together with their packed form.
constexpr int64_t chunk_elements = 128 * 1024;
constexpr int64_t most_rows = 256;
constexpr int64_t most_depth = 512;
// The number of positions that a gradient for the weight sums over at a time; its sums are read and written once for
// each such step.
constexpr int64_t summed_positions = 256;

// The number of rows of `columns` columns that are processed at a time.
int64_t chunk_rows(int64_t columns) {
  return std::clamp(chunk_elements / columns / bf16x3_strip * bf16x3_strip, bf16x3_strip, most_rows);
}
int64_t packed_bytes(int64_t side, int64_t depth) { return in_strips(side) * in_depths(depth) * bf16x3_bytes; }

// What the three kernels share: memory shared by all parts, followed by separate memory for each part.
class TiledConv : public Kernel {
 public:
  TiledConv(const KernelCall& call, const BufferSpec& x, std::unique_ptr<Kernel> fallback)
      : geometry_(op::conv_geometry(call)),
        channels_(geometry_.out_channels),
        rows_(geometry_, x),
        columns_(rows_.columns()),
        fallback_(std::move(fallback)) {}

  void run(const exec::KernelContext& context, void* const* inputs, void* const* outputs) const override {
    if (!compute(inputs, outputs, context.scratchpad)) fallback_->run(context, inputs, outputs);
  }

 protected:
  // Returns false if a result is infinite or NaN.
  virtual bool compute(void* const* inputs, void* const* outputs, void* scratchpad) const = 0;

  // `Shared` and `Part` take their memory from a workspace when they are constructed for a kernel.
  template <class Shared, class Part, class Self>
  void reserve(const Self& self, int64_t parts) {
    Workspace shared;
    Shared(self, shared);
    Workspace part;
    Part(self, part);
    parts_ = parts;
    shared_bytes_ = shared.used();
    part_bytes_ = part.used();
    scratchpad_bytes = std::max(shared_bytes_ + static_cast<size_t>(parts) * part_bytes_, fallback_->scratchpad_bytes);
  }

  template <class Part, class Self>
  Part part_at(const Self& self, void* scratchpad, int64_t part) const {
    Workspace workspace(static_cast<char*>(scratchpad) + shared_bytes_ + static_cast<size_t>(part) * part_bytes_);
    return {self, workspace};
  }

  // Calls `function(part)` on threads that may use tiles. Returns false if one of the calls does.
  template <class Function>
  bool on_parts(const Function& function) const {
    std::atomic<bool> finite{true};
    runtime::parallel_for(parts_, 1, [&](int64_t begin, int64_t end) {
      const TileUse use(*kernels_);
      for (int64_t part = begin; part < end; ++part) {
        if (!function(part)) finite.store(false, std::memory_order_relaxed);
      }
    });
    return finite.load(std::memory_order_relaxed);
  }

  // Permutes the weight (O, C, K) to (O, K, C), which matches the columns of rows.
  void bring_channels_last(const float* weight, float* permuted) const {
    const int64_t size = geometry_.kernel_size();
    runtime::parallel_for(channels_, 8, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) {
        for (int64_t c = 0; c < geometry_.in_channels; ++c) {
          const float* from = weight + o * columns_ + c * size;
          float* to = permuted + o * columns_ + c;
          for (int64_t k = 0; k < size; ++k) to[k * geometry_.in_channels] = from[k];
        }
      }
    });
  }

  // Packs the weight as B, of `depth` x `columns`.
  void pack_weight(const float* weight, int64_t depth, int64_t columns, int64_t depth_stride, int64_t column_stride,
                   char* packed) const {
    runtime::parallel_for(ceil_div(columns, bf16x3_strip), 1, [&](int64_t begin, int64_t end) {
      const int64_t first = begin * bf16x3_strip;
      kernels_->pack_b(weight + first * column_stride, depth_stride, column_stride, depth,
                       std::min(end * bf16x3_strip, columns) - first,
                       packed + begin * packed_bytes(bf16x3_strip, depth));
    });
  }

  int64_t weight_elements() const { return channels_ * columns_; }
  int64_t positions() const { return geometry_.batch * rows_.positions(); }

  ConvGeometry geometry_;
  int64_t channels_;  // of the output
  Im2colRows rows_;
  int64_t columns_;
  const Bf16x3Kernels* kernels_ = bf16x3_kernels();
  int64_t parts_ = 1;

 private:
  std::unique_ptr<Kernel> fallback_;
  size_t shared_bytes_ = 0;
  size_t part_bytes_ = 0;
};

// rows (positions, K C) times weight (K C, O)
class TiledForward final : public TiledConv {
 public:
  TiledForward(const KernelCall& call, std::unique_ptr<Kernel> fallback)
      : TiledConv(call, call.inputs[0], std::move(fallback)),
        has_bias_(call.inputs.size() > 2),
        relu_(op::applies_relu(call.attrs)),
        chunk_(std::min(most_rows, in_strips(positions()))),
        depth_(in_depths(ceil_div(columns_, ceil_div(columns_, most_depth)))) {
    reserve<Shared, Part>(*this, std::min<int64_t>(runtime::thread_count(), ceil_div(positions(), chunk_)));
  }

 private:
  struct Shared {
    Shared(const TiledForward& kernel, Workspace& workspace)
        : permuted(workspace.take<float>(kernel.weight_elements())),
          weight(workspace.take<char>(packed_bytes(kernel.channels_, kernel.columns_))) {}
    float* permuted;
    char* weight;
  };
  struct Part {
    Part(const TiledForward& kernel, Workspace& workspace)
        : rows(kernel.rows_, workspace), packed(workspace.take<char>(packed_bytes(kernel.chunk_, kernel.columns_))) {}
    RowMemory rows;
    char* packed;
  };

  bool compute(void* const* inputs, void* const* outputs, void* scratchpad) const override {
    Workspace workspace(scratchpad);
    const Shared shared(*this, workspace);
    bring_channels_last(static_cast<const float*>(inputs[1]), shared.permuted);
    for_each_depth([&](int64_t k, int64_t depth) {
      pack_weight(shared.permuted + k, depth, channels_, 1, columns_, shared.weight + packed_bytes(channels_, k));
    });
    const SplitFinish finish = {has_bias_ ? static_cast<const float*>(inputs[2]) : nullptr, relu_};
    auto* y = static_cast<float*>(outputs[0]);
    return on_parts([&](int64_t index) {
      const Part part = part_at<Part>(*this, scratchpad, index);
      RowReader reader(rows_, *kernels_, static_cast<const float*>(inputs[0]), part.rows);
      const int64_t end = positions() * (index + 1) / parts_;
      bool finite = true;
      for (int64_t position = positions() * index / parts_; position < end; position += chunk_) {
        const int64_t count = std::min(chunk_, end - position);
        reader.each(position, position + count, [&](int64_t row, const uint16_t* lines, int64_t rows) {
          for_each_depth([&](int64_t k, int64_t depth) {
            kernels_->pack_a_lines(lines + k, rows_.line_elements(), rows, depth,
                                   part.packed + packed_bytes(chunk_, k) + packed_bytes(row, depth));
          });
        });
        for_each_depth([&](int64_t k, int64_t depth) {
          const bool is_last = k + depth == columns_;
          finite &=
              kernels_->multiply(part.packed + packed_bytes(chunk_, k), shared.weight + packed_bytes(channels_, k),
                                 count, channels_, depth, y + position * channels_, channels_,
                                 k > 0 ? Store::add : Store::overwrite, is_last ? &finish : nullptr);
        });
      }
      return finite;
    });
  }

  // Calls `function(first column, columns)` for blocks of the columns, which are small enough for both sides to stay in
  // the L2 cache.
  template <class Function>
  void for_each_depth(const Function& function) const {
    for (int64_t k = 0; k < columns_; k += depth_) function(k, std::min(depth_, columns_ - k));
  }

  bool has_bias_;
  bool relu_;
  int64_t chunk_;  // number of rows processed at a time
  int64_t depth_;  // number of columns processed at a time
};

// The same without gathering: tiles are read in place from the split image. Each run of contiguous elements begins a
// separate block, which is padded with zeros in the weight, and each line of positions begins separate tiles.
class TiledLines final : public TiledConv {
 public:
  TiledLines(const KernelCall& call, std::unique_ptr<Kernel> fallback)
      : TiledConv(call, call.inputs[0], std::move(fallback)),
        has_bias_(call.inputs.size() > 2),
        relu_(op::applies_relu(call.attrs)) {
    for (const int64_t offset : rows_.offsets()) {
      for (int64_t i = 0; i < rows_.run_length(); i += bf16x3_depth) offsets_.push_back(offset + i);
    }
    reserve<Shared, Part>(*this, std::min<int64_t>(runtime::thread_count(), lines()));
  }

  // Whether few of the products are with zeros or with elements beyond a line, and the weight stays in the L2 cache.
  static bool suits(const KernelCall& call) {
    constexpr int64_t most_weight_bytes = 1 << 20;
    const ConvGeometry g = op::conv_geometry(call);
    const Im2colRows rows(g, call.inputs[0]);
    const int64_t depth = rows.runs() * in_depths(rows.run_length());
    const auto useful = static_cast<double>(g.output[2] * rows.columns());
    const auto computed = static_cast<double>(in_whole_vectors(g.output[2]) * depth);
    return useful >= 0.6 * computed && packed_bytes(g.out_channels, depth) <= most_weight_bytes;
  }

 private:
  struct Shared {
    Shared(const TiledLines& kernel, Workspace& workspace)
        : permuted(workspace.take<float>(kernel.weight_elements())),
          spaced(workspace.take<float>(kernel.channels_ * kernel.depth())),
          weight(workspace.take<char>(packed_bytes(kernel.channels_, kernel.depth()))) {}
    float* permuted;
    float* spaced;
    char* weight;
  };
  struct Part {
    Part(const TiledLines& kernel, Workspace& workspace) : rows(kernel.rows_, workspace) {}
    RowMemory rows;
  };

  bool compute(void* const* inputs, void* const* outputs, void* scratchpad) const override {
    Workspace workspace(scratchpad);
    const Shared shared(*this, workspace);
    pack(static_cast<const float*>(inputs[1]), shared);
    const SplitFinish finish = {has_bias_ ? static_cast<const float*>(inputs[2]) : nullptr, relu_};
    return on_parts([&](int64_t index) {
      const Part part = part_at<Part>(*this, scratchpad, index);
      RowReader reader(rows_, *kernels_, static_cast<const float*>(inputs[0]), part.rows);
      bool finite = true;
      for (int64_t line = lines() * index / parts_; line < lines() * (index + 1) / parts_; ++line) {
        finite &= multiply_line(reader, line, shared.weight, finish, static_cast<float*>(outputs[0]));
      }
      return finite;
    });
  }

  bool multiply_line(RowReader& reader, int64_t line, const char* weight, const SplitFinish& finish, float* y) const {
    const int64_t length = geometry_.output[2];
    const int64_t lines_of_image = rows_.positions() / length;
    const uint16_t* parts = reader.parts_of(line / lines_of_image);
    const int64_t offset = rows_.offset_of(line % lines_of_image * length);
    return kernels_->multiply_image(parts + offset, rows_.part_elements(), rows_.x_step(), offsets_.data(),
                                    depth() / bf16x3_depth, weight, length, channels_, y + line * length * channels_,
                                    channels_, finish);
  }

  // Packs the weight with zeros after each run.
  void pack(const float* weight, const Shared& shared) const {
    bring_channels_last(weight, shared.permuted);
    const int64_t run = rows_.run_length();
    const int64_t spaced_run = in_depths(run);
    std::memset(shared.spaced, 0, static_cast<size_t>(channels_ * depth()) * sizeof(float));
    for (int64_t i = 0; i < channels_ * rows_.runs(); ++i) {
      std::memcpy(shared.spaced + i * spaced_run, shared.permuted + i * run, static_cast<size_t>(run) * sizeof(float));
    }
    pack_weight(shared.spaced, depth(), channels_, 1, depth(), shared.weight);
  }

  int64_t lines() const { return positions() / geometry_.output[2]; }
  int64_t depth() const { return rows_.runs() * in_depths(rows_.run_length()); }

  bool has_bias_;
  bool relu_;
  std::vector<int64_t> offsets_;  // of blocks
};

// g^T (O, positions) times rows (positions, K C): each part sums over its positions, then the parts are added.
class TiledWeight final : public TiledConv {
 public:
  TiledWeight(const KernelCall& call, std::unique_ptr<Kernel> fallback)
      : TiledConv(call, call.inputs[1], std::move(fallback)) {
    reserve<Shared, Part>(*this, std::min(parts_for(weight_elements()), ceil_div(positions(), summed_positions)));
  }

 private:
  // Sums of parts are added in order, so the partition depends on the shape alone. Each part has its own sums.
  static int64_t parts_for(int64_t sums) {
    constexpr int64_t most_elements = int64_t{1} << 22;
    return std::clamp<int64_t>(most_elements / sums, 2, 16);
  }

  struct Shared {
    Shared(const TiledWeight&, Workspace&) {}
  };
  struct Part {
    Part(const TiledWeight& kernel, Workspace& workspace)
        : sums(workspace.take<float>(kernel.weight_elements())),
          rows(kernel.rows_, workspace),
          packed_g(workspace.take<char>(packed_bytes(kernel.channels_, summed_positions))),
          packed_rows(workspace.take<char>(packed_bytes(kernel.columns_, summed_positions))) {}
    float* sums;
    RowMemory rows;
    char* packed_g;
    char* packed_rows;
  };

  bool compute(void* const* inputs, void* const* outputs, void* scratchpad) const override {
    on_parts([&](int64_t index) {
      sum_positions(static_cast<const float*>(inputs[0]), static_cast<const float*>(inputs[1]), index,
                    part_at<Part>(*this, scratchpad, index));
      return true;
    });
    return join(scratchpad, static_cast<float*>(outputs[0]));
  }

  void sum_positions(const float* g, const float* x, int64_t index, const Part& part) const {
    RowReader reader(rows_, *kernels_, x, part.rows);
    const int64_t begin = positions() * index / parts_;
    const int64_t end = positions() * (index + 1) / parts_;
    for (int64_t position = begin; position < end; position += summed_positions) {
      const int64_t count = std::min(summed_positions, end - position);
      reader.each(position, position + count, [&](int64_t row, const uint16_t* lines, int64_t rows) {
        kernels_->pack_b_lines(lines, rows_.line_elements(), row, rows, count, columns_, part.packed_rows);
      });
      kernels_->pack_a(g + position * channels_, 1, channels_, channels_, count, part.packed_g);
      kernels_->multiply(part.packed_g, part.packed_rows, channels_, columns_, count, part.sums, columns_,
                         position > begin ? Store::add : Store::overwrite, nullptr);
    }
  }

  // Adds the parts and permutes (O, K, C) to (O, C, K).
  bool join(void* scratchpad, float* weight) const {
    const int64_t size = geometry_.kernel_size();
    std::atomic<bool> finite{true};
    runtime::parallel_for(channels_, 8, [&](int64_t begin, int64_t end) {
      float* sums = part_at<Part>(*this, scratchpad, 0).sums;
      for (int64_t part = 1; part < parts_; ++part) {
        const float* others = part_at<Part>(*this, scratchpad, part).sums;
        for (int64_t i = begin * columns_; i < end * columns_; ++i) sums[i] += others[i];
      }
      float differences = 0;  // 0 if everything is finite
      for (int64_t i = begin * columns_; i < end * columns_; ++i) differences += sums[i] - sums[i];
      if (differences != 0) finite.store(false, std::memory_order_relaxed);
      for (int64_t o = begin; o < end; ++o) {
        for (int64_t c = 0; c < geometry_.in_channels; ++c) {
          const float* from = sums + o * columns_ + c;
          float* to = weight + o * columns_ + c * size;
          for (int64_t k = 0; k < size; ++k) to[k] = from[k * geometry_.in_channels];
        }
      }
    });
    return finite.load(std::memory_order_relaxed);
  }
};

// g (positions, O) times weight (O, K C): rows, which are added to the positions that they were gathered from. Each
// part takes whole images.
class TiledInput final : public TiledConv {
 public:
  TiledInput(const KernelCall& call, std::unique_ptr<Kernel> fallback)
      : TiledConv(call, call.outputs[0], std::move(fallback)),
        chunk_(std::min(chunk_rows(columns_), in_strips(rows_.positions()))) {
    reserve<Shared, Part>(*this, std::min<int64_t>(runtime::thread_count(), geometry_.batch));
  }

 private:
  struct Shared {
    Shared(const TiledInput& kernel, Workspace& workspace)
        : permuted(workspace.take<float>(kernel.weight_elements())),
          weight(workspace.take<char>(packed_bytes(kernel.columns_, kernel.channels_))) {}
    float* permuted;
    char* weight;
  };
  struct Part {
    Part(const TiledInput& kernel, Workspace& workspace)
        : image(workspace.take<float>(kernel.rows_.image_elements())),
          matrix(workspace.take<float>(kernel.chunk_ * kernel.rows_.stride())),
          packed(workspace.take<char>(packed_bytes(kernel.chunk_, kernel.channels_))) {}
    float* image;
    float* matrix;
    char* packed;
  };

  bool compute(void* const* inputs, void* const* outputs, void* scratchpad) const override {
    Workspace workspace(scratchpad);
    const Shared shared(*this, workspace);
    bring_channels_last(static_cast<const float*>(inputs[1]), shared.permuted);
    pack_weight(shared.permuted, channels_, columns_, columns_, 1, shared.weight);
    return on_parts([&](int64_t index) {
      const Part part = part_at<Part>(*this, scratchpad, index);
      bool finite = true;
      for (int64_t n = geometry_.batch * index / parts_; n < geometry_.batch * (index + 1) / parts_; ++n) {
        rows_.image().clear(part.image);
        finite &= spread(static_cast<const float*>(inputs[0]) + n * rows_.positions() * channels_, shared, part);
        rows_.image().cut_out(part.image, n, static_cast<float*>(outputs[0]));
      }
      return finite;
    });
  }

  bool spread(const float* g, const Shared& shared, const Part& part) const {
    constexpr SplitFinish finish = {nullptr, false};
    bool finite = true;
    for (int64_t position = 0; position < rows_.positions(); position += chunk_) {
      const int64_t count = std::min(chunk_, rows_.positions() - position);
      kernels_->pack_a(g + position * channels_, channels_, 1, count, channels_, part.packed);
      finite &= kernels_->multiply(part.packed, shared.weight, count, columns_, channels_, part.matrix, rows_.stride(),
                                   Store::overwrite, &finish);
      rows_.scatter(*kernels_, part.matrix, position, position + count, part.image);
    }
    return finite;
  }

  int64_t chunk_;  // number of rows processed at a time
};

}  // namespace

bool suits_tiled_conv(const KernelCall& call) {
  constexpr int64_t worth_gathering = 64;  // how often each gathered or accumulated element must be read
  constexpr int64_t fewest_positions = 512;
  constexpr int64_t fewest_images = 2;                       // if threads share the images
  constexpr int64_t most_image_elements = int64_t{1} << 22;  // every thread has a copy of an image, split
  constexpr int64_t most_weights = int64_t{1} << 24;
  if (call.outputs[0].dtype != DType::float32) return false;
  const ConvGeometry g = op::conv_geometry(call);
  if (g.groups != 1 || g.work() == 0 || is_mostly_padding(g)) return false;
  if (is_pointwise(g)) return false;
  const int64_t positions = g.batch * g.output_size();
  const int64_t columns = g.in_channels * g.kernel_size();
  int64_t image = g.in_channels;
  for (size_t axis = 0; axis < 3; ++axis) image *= g.input[axis] + g.low[axis] + g.high[axis];
  if (image > most_image_elements || columns * g.out_channels > most_weights) return false;
  if (positions < fewest_positions) return false;
  switch (call.op) {
    case OpId::conv_backward_input:
      return g.batch >= fewest_images && g.out_channels >= worth_gathering &&
             runtime::suits_amx(positions, columns, g.out_channels);
    case OpId::conv_backward_weight:
      return runtime::suits_amx(g.out_channels, columns, positions) &&
             g.out_channels * columns >= worth_gathering * (g.out_channels + columns);
    default: return runtime::suits_amx(positions, g.out_channels, columns);
  }
}

std::unique_ptr<Kernel> prepare_tiled_conv(const KernelCall& call, std::unique_ptr<Kernel> fallback) {
  switch (call.op) {
    case OpId::conv_backward_input: return std::make_unique<TiledInput>(call, std::move(fallback));
    case OpId::conv_backward_weight: return std::make_unique<TiledWeight>(call, std::move(fallback));
    default: break;
  }
  if (TiledLines::suits(call)) return std::make_unique<TiledLines>(call, std::move(fallback));
  return std::make_unique<TiledForward>(call, std::move(fallback));
}

}  // namespace pydl::cpu
