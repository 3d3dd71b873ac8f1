#include "backends/onednn/bare_conv.h"

#include <unordered_map>
#include <vector>

#include "backends/onednn/primitive.h"
#include "pydl/error.h"
#include "runtime/thread_limit.h"
#include "runtime/threads.h"

namespace pydl::onednn {

namespace {

using backends::onednn::cpu_engine;
using dnnl::memory;

constexpr auto algorithm = dnnl::algorithm::convolution_direct;

memory::dims as_dims(const Dims& dims) { return {dims.begin(), dims.end()}; }

memory::desc row_major(const memory::dims& shape) {
  memory::dims strides(shape.size(), 1);
  for (size_t axis = shape.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * shape[axis];
  return {shape, memory::data_type::f32, strides};
}

memory::desc any_layout(const memory::dims& shape) { return {shape, memory::data_type::f32, memory::format_tag::any}; }

// (O, C / groups, K...), preceded by an axis for the groups if there is more than one.
memory::dims weight_shape(const BareConvolutionShape& shape) {
  memory::dims dims = as_dims(shape.weight);
  if (shape.groups == 1) return dims;
  dims[0] /= shape.groups;
  dims.insert(dims.begin(), shape.groups);
  return dims;
}

void move(memory from, memory to) {
  dnnl::stream stream(cpu_engine());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
}

memory moved_in(const float* data, const memory::dims& shape, const memory::desc& wanted) {
  // oneDNN only reads this memory.
  const memory given(row_major(shape), cpu_engine(), const_cast<float*>(data));
  memory moved(wanted, cpu_engine());
  move(given, moved);
  return moved;
}

void move_out(const memory& result, const memory::dims& shape, float* data) {
  move(result, memory(row_major(shape), cpu_engine(), data));
}

struct Operands {
  memory::dims shape;
  const float* data;
};

class Primitives final : public BareConvolution {
 public:
  Primitives(const BareConvolutionShape& shape, const float* x, const float* weight, const float* gradient)
      : x_{as_dims(shape.x), x}, weight_{weight_shape(shape), weight}, y_{as_dims(shape.y), gradient} {
    const runtime::ThreadLimit limit(runtime::thread_count());
    const memory::desc source = any_layout(x_.shape);
    const memory::desc weights = any_layout(weight_.shape);
    const memory::desc result = any_layout(y_.shape);
    const memory::dims strides = as_dims(shape.stride);
    const memory::dims padding = as_dims(shape.padding);
    const dnnl::convolution_forward::primitive_desc forward(cpu_engine(), dnnl::prop_kind::forward_training, algorithm,
                                                            source, weights, result, strides, padding, padding);
    add_forward(forward);
    add_weight_gradient({cpu_engine(), algorithm, source, weights, result, strides, padding, padding, forward});
    if (shape.input_gradient) {
      add_input_gradient({cpu_engine(), algorithm, source, weights, result, strides, padding, padding, forward});
    }
  }

  void run() override {
    const runtime::ThreadLimit limit(runtime::thread_count());
    for (const Step& step : steps_) step.primitive.execute(stream_, step.arguments);
    stream_.wait();
  }

  void read(float* y, float* weight_gradient, float* x_gradient) const override {
    move_out(steps_[0].arguments.at(DNNL_ARG_DST), y_.shape, y);
    move_out(steps_[1].arguments.at(DNNL_ARG_DIFF_WEIGHTS), weight_.shape, weight_gradient);
    if (steps_.size() > 2) move_out(steps_[2].arguments.at(DNNL_ARG_DIFF_SRC), x_.shape, x_gradient);
  }

 private:
  struct Step {
    dnnl::primitive primitive;
    std::unordered_map<int, memory> arguments;
  };

  void add_forward(const dnnl::convolution_forward::primitive_desc& pd) {
    steps_.push_back({dnnl::convolution_forward(pd),
                      {{DNNL_ARG_SRC, moved_in(x_.data, x_.shape, pd.src_desc())},
                       {DNNL_ARG_WEIGHTS, moved_in(weight_.data, weight_.shape, pd.weights_desc())},
                       {DNNL_ARG_DST, memory(pd.dst_desc(), cpu_engine())}}});
  }

  void add_weight_gradient(const dnnl::convolution_backward_weights::primitive_desc& pd) {
    steps_.push_back({dnnl::convolution_backward_weights(pd),
                      {{DNNL_ARG_SRC, moved_in(x_.data, x_.shape, pd.src_desc())},
                       {DNNL_ARG_DIFF_DST, moved_in(y_.data, y_.shape, pd.diff_dst_desc())},
                       {DNNL_ARG_DIFF_WEIGHTS, memory(pd.diff_weights_desc(), cpu_engine())}}});
  }

  void add_input_gradient(const dnnl::convolution_backward_data::primitive_desc& pd) {
    steps_.push_back({dnnl::convolution_backward_data(pd),
                      {{DNNL_ARG_WEIGHTS, moved_in(weight_.data, weight_.shape, pd.weights_desc())},
                       {DNNL_ARG_DIFF_DST, moved_in(y_.data, y_.shape, pd.diff_dst_desc())},
                       {DNNL_ARG_DIFF_SRC, memory(pd.diff_src_desc(), cpu_engine())}}});
  }

  Operands x_;
  Operands weight_;
  Operands y_;
  dnnl::stream stream_{cpu_engine()};
  std::vector<Step> steps_;
};

}  // namespace

std::unique_ptr<BareConvolution> make_bare_convolution(const BareConvolutionShape& shape, const float* x,
                                                       const float* weight, const float* gradient) {
  try {
    return std::make_unique<Primitives>(shape, x, weight, gradient);
  } catch (const dnnl::error& error) {
    throw ValueError(concat_text("bare convolution: oneDNN refuses x ", shape.x, ", weight ", shape.weight, " and y ",
                                 shape.y, ": ", error.what()));
  }
}

}  // namespace pydl::onednn
