// Convolutions as matrix products: the elements that meet the kernel at one output position become a row of a matrix.
#include <algorithm>
#include <cstring>
#include <vector>

#include "backends/cpu/adapter.h"
#include "backends/cpu/conv/direct_conv.h"
#include "backends/cpu/conv/pointwise_conv.h"
#include "backends/cpu/conv/tiled_conv.h"
#include "backends/cpu/conv/winograd.h"
#include "backends/cpu/families.h"
#include "backends/cpu/gemm/gemm.h"
#include "backends/cpu/rounding.h"
#include "op/conv_geometry.h"
#include "op/post_operations.h"
#include "runtime/threads.h"

namespace pydl::cpu {

namespace {

using op::ConvGeometry;

// The number of elements of a gathered matrix, which should stay in the L2 cache.
constexpr int64_t matrix_elements = 64 * 1024;
constexpr int64_t least_rows = 56;

// Strides of an image of x, which may have any layout: channels and 3 spatial axes, in elements.
struct ImageStrides {
  int64_t image;
  int64_t channel;
  std::array<int64_t, 3> axes = {0, 0, 0};

  explicit ImageStrides(const BufferSpec& spec) : image(spec.strides[0]), channel(spec.strides[1]) {
    const int spatial = spec.shape.rank() - 2;
    for (int i = 0; i < spatial; ++i) axes[static_cast<size_t>(3 - spatial + i)] = spec.strides[2 + i];
  }
};

// Calls `function(position in the kernel, offset in x)` for each kernel element that is inside x at output position t.
template <class Function>
void for_each_meeting(const ConvGeometry& g, const ImageStrides& x, int64_t t, const Function& function) {
  const int64_t t2 = t % g.output[2];
  const int64_t t1 = t / g.output[2] % g.output[1];
  const int64_t t0 = t / (g.output[2] * g.output[1]);
  int64_t position = 0;
  for (int64_t i = 0; i < g.kernel[0]; ++i) {
    const int64_t s0 = g.position(0, t0, i);
    for (int64_t j = 0; j < g.kernel[1]; ++j) {
      const int64_t s1 = g.position(1, t1, j);
      const bool inside = s0 >= 0 && s0 < g.input[0] && s1 >= 0 && s1 < g.input[1];
      for (int64_t k = 0; k < g.kernel[2]; ++k, ++position) {
        const int64_t s2 = g.position(2, t2, k);
        if (!inside || s2 < 0 || s2 >= g.input[2]) continue;
        function(position, s0 * x.axes[0] + s1 * x.axes[1] + s2 * x.axes[2]);
      }
    }
  }
}

// matrix[row][c][position] = the element of channel c of x that this kernel position meets, or 0 outside of x.
template <class T>
void gather_rows(const ConvGeometry& g, const ImageStrides& strides, const T* x, int64_t begin, int64_t rows,
                 T* matrix) {
  const int64_t size = g.kernel_size();
  const int64_t columns = g.in_channels * size;
  for (int64_t row = 0; row < rows; ++row) {
    T* to = matrix + row * columns;
    std::memset(to, 0, static_cast<size_t>(columns) * sizeof(T));
    for_each_meeting(g, strides, begin + row, [&](int64_t position, int64_t offset) {
      for (int64_t c = 0; c < g.in_channels; ++c) to[c * size + position] = x[offset + c * strides.channel];
    });
  }
}

// The transpose of gather_rows: adds the elements of the matrix to the positions that they come from.
template <class T>
void scatter_rows(const ConvGeometry& g, const ImageStrides& strides, const T* matrix, int64_t begin, int64_t rows,
                  T* x) {
  const int64_t size = g.kernel_size();
  for (int64_t row = 0; row < rows; ++row) {
    const T* from = matrix + row * g.in_channels * size;
    for_each_meeting(g, strides, begin + row, [&](int64_t position, int64_t offset) {
      for (int64_t c = 0; c < g.in_channels; ++c) x[offset + c * strides.channel] += from[c * size + position];
    });
  }
}

// What the three ops share. These kernels are also the fallback if AMX tiles produced Inf or NaN. Output positions are
// processed in chunks of rows; images or groups are distributed over threads.
template <class T>
class ConvKernel : public Kernel {
 public:
  ConvKernel(const KernelCall& call, const BufferSpec& x)
      : geometry_(op::conv_geometry(call)), x_(x), columns_(geometry_.in_channels * geometry_.kernel_size()) {
    places_ = geometry_.output_size();
    rows_ = std::min(places_, std::max(matrix_elements / columns_, least_rows));
    matrix_bytes_ = round_up(rows_ * columns_ * static_cast<int64_t>(sizeof(T)), 64);
    out_ = geometry_.groups * geometry_.out_channels;
  }

 protected:
  // Products for full chunks of rows and for the last chunk.
  template <class Make>
  void make_products(int64_t parts, const Make& make) {
    products_.push_back(make(rows_));
    if (places_ % rows_ != 0) products_.push_back(make(places_ % rows_));
    for (const Gemm& product : products_) {
      product_bytes_ = std::max(product_bytes_, round_up(static_cast<int64_t>(product.scratchpad_bytes()), 64));
    }
    parts_ = parts;
    scratchpad_bytes = static_cast<size_t>(parts_ * (matrix_bytes_ + product_bytes_));
  }

  // Calls `function(index, matrix, scratchpad)` for every index below `count`, distributed over the parts.
  template <class Function>
  void for_each(int64_t count, void* scratchpad, const Function& function) const {
    runtime::parallel_for(parts_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        char* memory = static_cast<char*>(scratchpad) + part * (matrix_bytes_ + product_bytes_);
        for (int64_t i = part * count / parts_; i < (part + 1) * count / parts_; ++i) {
          function(i, reinterpret_cast<T*>(memory), memory + matrix_bytes_);
        }
      }
    });
  }

  // Calls `function(first position, rows, product)` for each chunk.
  template <class Function>
  void for_each_chunk(const Function& function) const {
    for (int64_t position = 0; position < places_; position += rows_) {
      const int64_t rows = std::min(rows_, places_ - position);
      function(position, rows, rows == rows_ ? products_.front() : products_.back());
    }
  }

  static bool is_double() { return sizeof(T) == 8; }
  // The number of parts for `count` independent pieces. Each product then gets the remaining threads.
  static int64_t parts_for(int64_t count) { return count >= runtime::thread_count() ? runtime::thread_count() : 1; }
  static int threads_of(int64_t parts) { return parts > 1 ? 1 : runtime::thread_count(); }

  ConvGeometry geometry_;
  ImageStrides x_;
  int64_t columns_;  // of the matrix
  int64_t places_;
  int64_t rows_;  // of the matrix
  int64_t out_;   // channels of the output

 private:
  std::vector<Gemm> products_;
  int64_t parts_ = 1;
  int64_t matrix_bytes_;
  int64_t product_bytes_ = 0;
};

template <class T>
class Forward final : public ConvKernel<T> {
 public:
  explicit Forward(const KernelCall& call) : ConvKernel<T>(call, call.inputs[0]), has_bias_(call.inputs.size() > 2) {
    const ConvGeometry& g = this->geometry_;
    const int64_t parts = this->parts_for(g.batch * g.groups);
    const int64_t columns = this->columns_;
    const auto result = op::applies_relu(call.attrs) ? Gemm::Result::rectified : Gemm::Result::overwritten;
    this->make_products(parts, [&](int64_t rows) {
      return Gemm({rows, columns, columns, 1}, {columns, g.out_channels, 1, columns}, this->out_, this->is_double(),
                  this->threads_of(parts), result, Gemm::Tiles::avoided);
    });
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const ConvGeometry& g = this->geometry_;
    const T* weight = static_cast<const T*>(inputs[1]);
    const T* bias = has_bias_ ? static_cast<const T*>(inputs[2]) : nullptr;
    this->for_each(g.batch * g.groups, context.scratchpad, [&](int64_t piece, T* matrix, char* memory) {
      const int64_t n = piece / g.groups;
      const int64_t group = piece % g.groups;
      const T* x = static_cast<const T*>(inputs[0]) + n * this->x_.image + group * g.in_channels * this->x_.channel;
      const T* w = weight + group * g.out_channels * this->columns_;
      T* y = static_cast<T*>(outputs[0]) + n * this->places_ * this->out_ + group * g.out_channels;
      this->for_each_chunk([&](int64_t position, int64_t rows, const Gemm& product) {
        gather_rows(g, this->x_, x, position, rows, matrix);
        product.run(reinterpret_cast<const char*>(matrix), reinterpret_cast<const char*>(w),
                    reinterpret_cast<char*>(y + position * this->out_),
                    reinterpret_cast<const char*>(bias == nullptr ? nullptr : bias + group * g.out_channels), memory);
      });
    });
  }

 private:
  bool has_bias_;
};

template <class T>
class BackwardInput final : public ConvKernel<T> {
 public:
  explicit BackwardInput(const KernelCall& call) : ConvKernel<T>(call, call.outputs[0]) {
    const ConvGeometry& g = this->geometry_;
    const int64_t parts = this->parts_for(g.batch * g.groups);
    const int64_t columns = this->columns_;
    this->make_products(parts, [&](int64_t rows) {
      return Gemm({rows, g.out_channels, this->out_, 1}, {g.out_channels, columns, columns, 1}, columns,
                  this->is_double(), this->threads_of(parts), Gemm::Result::overwritten, Gemm::Tiles::avoided);
    });
    bytes_ = static_cast<size_t>(element_count(call.outputs[0].shape)) * sizeof(T);
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const ConvGeometry& g = this->geometry_;
    std::memset(outputs[0], 0, bytes_);
    this->for_each(g.batch * g.groups, context.scratchpad, [&](int64_t piece, T* matrix, char* memory) {
      const int64_t n = piece / g.groups;
      const int64_t group = piece % g.groups;
      T* x = static_cast<T*>(outputs[0]) + n * this->x_.image + group * g.in_channels * this->x_.channel;
      const T* w = static_cast<const T*>(inputs[1]) + group * g.out_channels * this->columns_;
      const T* y = static_cast<const T*>(inputs[0]) + n * this->places_ * this->out_ + group * g.out_channels;
      this->for_each_chunk([&](int64_t position, int64_t rows, const Gemm& product) {
        product.run(reinterpret_cast<const char*>(y + position * this->out_), reinterpret_cast<const char*>(w),
                    reinterpret_cast<char*>(matrix), nullptr, memory);
        scatter_rows(g, this->x_, matrix, position, rows, x);
      });
    });
  }

 private:
  size_t bytes_;
};

template <class T>
class BackwardWeight final : public ConvKernel<T> {
 public:
  explicit BackwardWeight(const KernelCall& call) : ConvKernel<T>(call, call.inputs[1]) {
    const ConvGeometry& g = this->geometry_;
    const int64_t parts = this->parts_for(g.groups);
    const int64_t columns = this->columns_;
    this->make_products(parts, [&](int64_t rows) {
      return Gemm({g.out_channels, rows, 1, this->out_}, {rows, columns, columns, 1}, columns, this->is_double(),
                  this->threads_of(parts), Gemm::Result::added, Gemm::Tiles::avoided);
    });
    bytes_ = static_cast<size_t>(element_count(call.outputs[0].shape)) * sizeof(T);
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const ConvGeometry& g = this->geometry_;
    std::memset(outputs[0], 0, bytes_);
    this->for_each(g.groups, context.scratchpad, [&](int64_t group, T* matrix, char* memory) {
      T* w = static_cast<T*>(outputs[0]) + group * g.out_channels * this->columns_;
      for (int64_t n = 0; n < g.batch; ++n) {
        const T* x = static_cast<const T*>(inputs[1]) + n * this->x_.image + group * g.in_channels * this->x_.channel;
        const T* y = static_cast<const T*>(inputs[0]) + n * this->places_ * this->out_ + group * g.out_channels;
        this->for_each_chunk([&](int64_t position, int64_t rows, const Gemm& product) {
          gather_rows(g, this->x_, x, position, rows, matrix);
          product.run(reinterpret_cast<const char*>(y + position * this->out_), reinterpret_cast<const char*>(matrix),
                      reinterpret_cast<char*>(w), nullptr, memory);
        });
      }
    });
  }

 private:
  size_t bytes_;
};

template <class T>
std::unique_ptr<Kernel> make_kernel(const KernelCall& call) {
  switch (call.op) {
    case OpId::conv_backward_input: return std::make_unique<BackwardInput<T>>(call);
    case OpId::conv_backward_weight: return std::make_unique<BackwardWeight<T>>(call);
    default: return std::make_unique<Forward<T>>(call);
  }
}

bool has_channels_last(const BufferSpec& spec) { return is_channels_last(spec.shape, spec.strides); }

// Whether activations of outputs, or their gradients, are channels-last, and weights row-major. Other layouts are
// copied first (`adapted`).
bool has_layouts(const KernelCall& call) {
  const BufferSpec& y = call.op == OpId::conv ? call.outputs[0] : call.inputs[0];
  const BufferSpec& weight = call.op == OpId::conv_backward_weight ? call.outputs[0] : call.inputs[1];
  if (!has_channels_last(y) || !is_contiguous(weight.shape, weight.strides)) return false;
  if (call.op == OpId::conv_backward_input && !has_channels_last(call.outputs[0])) return false;
  return call.inputs.size() <= 2 || call.inputs[2].strides[0] == 1 || call.inputs[2].shape[0] == 1;
}

// Whether the input is channels-last, too.
bool has_channels_last_input(const KernelCall& call) {
  return has_channels_last(call.op == OpId::conv_backward_weight ? call.inputs[1] : call.inputs[0]);
}

bool has_work(const KernelCall& call) { return op::conv_geometry(call).work() > 0; }

std::unique_ptr<Kernel> prepare_im2col(const KernelCall& call) {
  if (!has_layouts(call) || !has_work(call)) return nullptr;
  switch (call.outputs[0].dtype) {
    case DType::float32: return make_kernel<float>(call);
    case DType::float64: return make_kernel<double>(call);
    default: return nullptr;
  }
}

template <exec::PrepareFunction prepare>
std::unique_ptr<Kernel> with_layouts(const KernelCall& call) {
  return has_layouts(call) && has_channels_last_input(call) && has_work(call) ? prepare(call) : nullptr;
}

std::unique_ptr<Kernel> prepare_direct(const KernelCall& call) {
  return has_layouts(call) && has_work(call) ? prepare_direct_conv(call) : nullptr;
}

std::unique_ptr<Kernel> prepare_winograd_or_im2col(const KernelCall& call) {
  return suits_winograd(call) ? prepare_winograd(call, prepare_im2col(call)) : nullptr;
}

std::unique_ptr<Kernel> prepare_tiled_or_im2col(const KernelCall& call) {
  const bool applies = has_layouts(call) && has_work(call) && suits_tiled_conv(call);
  return applies ? prepare_tiled_conv(call, prepare_im2col(call)) : nullptr;
}

// Activations are channels-last, weights and biases row-major.
Layout conv_layout(const KernelCall& call, int operand) {
  switch (call.op) {
    case OpId::conv_backward_weight: return operand < 0 ? Layout::row_major : Layout::channels_last;
    default: return operand <= 0 ? Layout::channels_last : Layout::row_major;
  }
}

// Algorithms for special shapes in float32 are faster than general ones. For 16-bit operands, which are converted
// first, oneDNN is better where it serves them.
template <int percent>
double special_cost(const KernelCall& call) {
  return percent * 0.01 + (item_size(call.outputs[0].dtype) == 2 ? 1 : 0);
}

template <exec::PrepareFunction prepare, int percent>
exec::Implementation special(const char* name) {
  return {name, Provider::cpu, adapted<prepare, conv_layout>, special_cost<percent>};
}

}  // namespace

void register_conv(KernelTable& table) {
  for (const OpId id : {OpId::conv, OpId::conv_backward_input, OpId::conv_backward_weight}) {
    table.add(id, special<prepare_direct, 20>("direct"));
    table.add(id, special<with_layouts<prepare_pointwise_weight>, 30>("pointwise weight"));
    table.add(id, special<with_layouts<prepare_pointwise_tiles>, 40>("pointwise bf16x3"));
    table.add(id, special<with_layouts<prepare_winograd_or_im2col>, 50>("winograd"));
    table.add(id, special<prepare_tiled_or_im2col, 60>("im2col bf16x3"));
    table.add(id, special<prepare_im2col, 200>("im2col"));
  }
}

}  // namespace pydl::cpu
