// Convolutions. Activations lie channels-last, which is as fast as oneDNN's own layouts where it has a primitive for
// that; elsewhere they are moved into its layouts and back. Weights always are.
#include <algorithm>

#include "backends/onednn/primitive.h"
#include "backends/onednn/register.h"
#include "op/conv_geometry.h"
#include "runtime/thread_limit.h"
#include "runtime/threads.h"

namespace pydl::backends::onednn {

namespace {

using dnnl::memory;
using exec::BufferSpec;
using exec::Kernel;
using exec::KernelCall;
using op::ConvGeometry;
using op::OpId;

// Fewer multiply-adds are for one thread.
constexpr int64_t min_work_per_thread = 256 * 1024;

// Where the pointer of an argument comes from.
struct Place {
  enum class Kind { input, output, scratchpad };
  Kind kind;
  size_t index;  // of the operand, or offset in the scratchpad
};

struct Step {
  BoundPrimitive primitive;
  std::vector<Place> places;
};

memory::dims sizes_of(const ConvGeometry::Sizes& sizes, int spatial, int64_t less = 0) {
  memory::dims dims;
  for (int i = 3 - spatial; i < 3; ++i) dims.push_back(sizes[static_cast<size_t>(i)] - less);
  return dims;
}

// How oneDNN numbers a convolution.
struct Description {
  explicit Description(const ConvGeometry& g)
      : strides(sizes_of(g.stride, g.spatial)),
        dilations(sizes_of(g.dilation, g.spatial, 1)),
        low(sizes_of(g.low, g.spatial)),
        high(sizes_of(g.high, g.spatial)) {}

  memory::dims strides;
  memory::dims dilations;
  memory::dims low;
  memory::dims high;
};

// A weight (O, C / groups, K...), with an axis for groups where there are several.
Dims grouped_shape(const Dims& shape, int64_t groups) {
  if (groups == 1) return shape;
  Dims grouped = shape;
  grouped[0] /= groups;
  grouped.insert(0, groups);
  return grouped;
}

memory::desc describe_weight(memory::data_type type, const BufferSpec& spec, int64_t groups) {
  const Dims shape = grouped_shape(spec.shape, groups);
  Dims strides = spec.strides;
  if (groups > 1) strides.insert(0, spec.strides[0] * shape[1]);
  return describe(type, shape, strides);
}

memory::desc any_layout(memory::data_type type, const Dims& shape) {
  return {memory::dims(shape.begin(), shape.end()), type, memory::format_tag::any};
}

// How activations lie when the primitive reads and writes them.
enum class Layouts { channels_last, chosen_by_primitive };

// Prepares the steps of one call: operands are moved into layouts that the primitive takes, and results back.
class Preparation {
 public:
  Preparation(const KernelCall& call, memory::data_type type, Layouts layouts)
      : call_(call), type_(type), layouts_(layouts), geometry_(op::conv_geometry(call)), description_(geometry_) {
    switch (call.op) {
      case OpId::conv_backward_input: prepare_backward_input(); break;
      case OpId::conv_backward_weight: prepare_backward_weight(); break;
      default: prepare_forward();
    }
  }

  std::vector<Step> steps;
  size_t scratchpad_bytes = 0;

 private:
  using Kind = Place::Kind;

  memory::desc channels_last(const Dims& shape) const { return describe(type_, shape, channels_last_strides(shape)); }

  memory::desc activation(const Dims& shape) const {
    return layouts_ == Layouts::channels_last ? channels_last(shape) : any_layout(type_, shape);
  }

  // The input: few channels are read as they are.
  memory::desc input_layout(const BufferSpec& spec) const {
    const bool few = spec.shape[1] <= 4 && is_contiguous(spec.shape, spec.strides);
    return few && geometry_.groups == 1 ? describe(type_, spec.shape, contiguous_strides(spec.shape))
                                        : activation(spec.shape);
  }

  dnnl::primitive_attr attributes() const {
    dnnl::primitive_attr attributes = user_scratchpad();
    if (call_.attrs.is_set("relu")) {
      dnnl::post_ops activation;
      activation.append_eltwise(dnnl::algorithm::eltwise_relu, 0, 0);
      attributes.set_post_ops(activation);
    }
    return attributes;
  }

  memory::desc weight_layout(const Dims& shape) const {
    return any_layout(type_, grouped_shape(shape, geometry_.groups));
  }

  dnnl::convolution_forward::primitive_desc forward(const memory::desc& x, const memory::desc& w,
                                                    const memory::desc& y) const {
    const auto kind = dnnl::prop_kind::forward_training;
    const auto algorithm = dnnl::algorithm::convolution_direct;
    const Description& d = description_;
    if (call_.op == OpId::conv && call_.inputs.size() > 2) {
      const Dims shape = call_.inputs[2].shape;
      return {cpu_engine(),
              kind,
              algorithm,
              x,
              w,
              describe(type_, shape, contiguous_strides(shape)),
              y,
              d.strides,
              d.dilations,
              d.low,
              d.high,
              attributes()};
    }
    return {cpu_engine(), kind, algorithm, x, w, y, d.strides, d.dilations, d.low, d.high, attributes()};
  }

  void prepare_forward() {
    const BufferSpec& x = call_.inputs[0];
    const BufferSpec& w = call_.inputs[1];
    const BufferSpec& y = call_.outputs[0];
    const auto pd = forward(input_layout(x), weight_layout(w.shape), activation(y.shape));
    require_optimised(pd);
    const Place source = moved({Kind::input, 0}, describe(type_, x.shape, x.strides), pd.src_desc());
    const Place weight = moved({Kind::input, 1}, describe_weight(type_, w, geometry_.groups), pd.weights_desc());
    const Result result(*this, pd.dst_desc(), channels_last(y.shape));
    Step step = {BoundPrimitive(dnnl::convolution_forward(pd)), {}};
    add(step, DNNL_ARG_SRC, pd.src_desc(), source);
    add(step, DNNL_ARG_WEIGHTS, pd.weights_desc(), weight);
    add(step, DNNL_ARG_DST, pd.dst_desc(), result.place);
    add_scratchpad(step, pd.scratchpad_desc());
    if (call_.inputs.size() > 2) add(step, DNNL_ARG_BIAS, pd.bias_desc(), {Kind::input, 2});
    steps.push_back(std::move(step));
    result.move_back(*this);
  }

  void prepare_backward_input() {
    const BufferSpec& g = call_.inputs[0];
    const BufferSpec& w = call_.inputs[1];
    const BufferSpec& x = call_.outputs[0];
    const auto x_layout = activation(x.shape);
    const auto y_layout = activation(g.shape);
    const auto hint = forward(x_layout, weight_layout(w.shape), y_layout);
    const Description& d = description_;
    const dnnl::convolution_backward_data::primitive_desc pd = {cpu_engine(),     dnnl::algorithm::convolution_direct,
                                                                x_layout,         weight_layout(w.shape),
                                                                y_layout,         d.strides,
                                                                d.dilations,      d.low,
                                                                d.high,           hint,
                                                                user_scratchpad()};
    require_optimised(pd);
    const Place gradient = moved({Kind::input, 0}, describe(type_, g.shape, g.strides), pd.diff_dst_desc());
    const Place weight = moved({Kind::input, 1}, describe_weight(type_, w, geometry_.groups), pd.weights_desc());
    const Result result(*this, pd.diff_src_desc(), channels_last(x.shape));
    Step step = {BoundPrimitive(dnnl::convolution_backward_data(pd)), {}};
    add(step, DNNL_ARG_DIFF_DST, pd.diff_dst_desc(), gradient);
    add(step, DNNL_ARG_WEIGHTS, pd.weights_desc(), weight);
    add(step, DNNL_ARG_DIFF_SRC, pd.diff_src_desc(), result.place);
    add_scratchpad(step, pd.scratchpad_desc());
    steps.push_back(std::move(step));
    result.move_back(*this);
  }

  void prepare_backward_weight() {
    const BufferSpec& g = call_.inputs[0];
    const BufferSpec& x = call_.inputs[1];
    const BufferSpec& w = call_.outputs[0];
    const auto x_layout = input_layout(x);
    const auto y_layout = activation(g.shape);
    const auto hint = forward(x_layout, weight_layout(w.shape), y_layout);
    const Description& d = description_;
    const dnnl::convolution_backward_weights::primitive_desc pd = {
        cpu_engine(),     dnnl::algorithm::convolution_direct,
        x_layout,         weight_layout(w.shape),
        y_layout,         d.strides,
        d.dilations,      d.low,
        d.high,           hint,
        user_scratchpad()};
    require_optimised(pd);
    const Place gradient = moved({Kind::input, 0}, describe(type_, g.shape, g.strides), pd.diff_dst_desc());
    const Place source = moved({Kind::input, 1}, describe(type_, x.shape, x.strides), pd.src_desc());
    const Result result(*this, pd.diff_weights_desc(), describe_weight(type_, w, geometry_.groups));
    Step step = {BoundPrimitive(dnnl::convolution_backward_weights(pd)), {}};
    add(step, DNNL_ARG_DIFF_DST, pd.diff_dst_desc(), gradient);
    add(step, DNNL_ARG_SRC, pd.src_desc(), source);
    add(step, DNNL_ARG_DIFF_WEIGHTS, pd.diff_weights_desc(), result.place);
    add_scratchpad(step, pd.scratchpad_desc());
    steps.push_back(std::move(step));
    result.move_back(*this);
  }

  // Where the primitive writes: into the output, or into the scratchpad, to be moved.
  struct Result {
    Result(Preparation& preparation, const memory::desc& written_in, const memory::desc& wanted_in)
        : written(written_in),
          wanted(wanted_in),
          place(written == wanted ? Place{Kind::output, 0} : preparation.reserve(written.get_size())) {}
    void move_back(Preparation& preparation) const {
      if (written != wanted) preparation.add_reorder(place, written, {Kind::output, 0}, wanted);
    }

    memory::desc written;
    memory::desc wanted;
    Place place;
  };

  static void require_optimised(const dnnl::primitive_desc_base& description) {
    if (!is_optimised(description)) throw dnnl::error(dnnl_unimplemented, "no optimised implementation");
  }

  // Where the operand lies in the layout `wanted`: where it is, or in the scratchpad.
  Place moved(Place from, const memory::desc& layout, const memory::desc& wanted) {
    if (layout == wanted) return from;
    const Place to = reserve(wanted.get_size());
    add_reorder(from, layout, to, wanted);
    return to;
  }

  void add_reorder(Place from, const memory::desc& layout, Place to, const memory::desc& wanted) {
    const dnnl::reorder::primitive_desc pd(cpu_engine(), layout, cpu_engine(), wanted, user_scratchpad());
    Step step = {BoundPrimitive(dnnl::reorder(pd)), {}};
    add(step, DNNL_ARG_FROM, layout, from);
    add(step, DNNL_ARG_TO, wanted, to);
    add_scratchpad(step, pd.scratchpad_desc());
    steps.push_back(std::move(step));
  }

  static void add(Step& step, int argument, const memory::desc& layout, Place place) {
    step.primitive.add_argument(argument, layout);
    step.places.push_back(place);
  }

  void add_scratchpad(Step& step, const memory::desc& layout) {
    add(step, DNNL_ARG_SCRATCHPAD, layout, reserve(layout.get_size()));
  }

  Place reserve(size_t bytes) {
    const Place place = {Kind::scratchpad, scratchpad_bytes};
    scratchpad_bytes += (bytes + 63) / 64 * 64;
    return place;
  }

  const KernelCall& call_;
  memory::data_type type_;
  Layouts layouts_;
  ConvGeometry geometry_;
  Description description_;
};

// A copy of a call, which outlives it.
struct OwnedCall {
  explicit OwnedCall(const KernelCall& call)
      : op(call.op),
        attrs(call.attrs),
        inputs(call.inputs.begin(), call.inputs.end()),
        outputs(call.outputs.begin(), call.outputs.end()) {}
  KernelCall view() const { return {op, attrs, inputs, outputs}; }

  OpId op;
  op::Attrs attrs;
  std::vector<BufferSpec> inputs;
  std::vector<BufferSpec> outputs;
};

class ConvKernel final : public Kernel {
 public:
  ConvKernel(const KernelCall& call, memory::data_type type) : call_(call), type_(type) {
    const int64_t work = op::conv_geometry(call).work();
    threads_ = static_cast<int>(std::clamp<int64_t>(work / min_work_per_thread, 1, runtime::thread_count()));
    const runtime::ThreadLimit limit(threads_);
    Preparation preparation = prepare(call);
    scratchpad_bytes = preparation.scratchpad_bytes;
    steps_ = std::move(preparation.steps);
  }

  void run(void* const* inputs, void* const* outputs, void* scratchpad) const override {
    const runtime::ThreadLimit limit(threads_);
    const SoleUse use(in_use_);
    if (use.is_ours()) {
      run_steps(steps_, inputs, outputs, scratchpad);
    } else {
      // Another thread is using the memory objects of our steps. Preparing them anew is cheap: oneDNN keeps primitives.
      const KernelCall call = call_.view();
      Preparation preparation = prepare(call);
      run_steps(preparation.steps, inputs, outputs, scratchpad);
    }
  }

  std::unique_ptr<Kernel> duplicate() const override { return std::make_unique<ConvKernel>(call_.view(), type_); }

 private:
  Preparation prepare(const KernelCall& call) const {
    try {
      return {call, type_, Layouts::channels_last};
    } catch (const dnnl::error&) {
      return {call, type_, Layouts::chosen_by_primitive};
    }
  }

  static void run_steps(std::vector<Step>& steps, void* const* inputs, void* const* outputs, void* scratchpad) {
    constexpr size_t most_arguments = 8;
    void* pointers[most_arguments];
    for (Step& step : steps) {
      for (size_t i = 0; i < step.places.size(); ++i) {
        const Place& place = step.places[i];
        switch (place.kind) {
          case Place::Kind::input: pointers[i] = inputs[place.index]; break;
          case Place::Kind::output: pointers[i] = outputs[place.index]; break;
          case Place::Kind::scratchpad: pointers[i] = static_cast<char*>(scratchpad) + place.index; break;
        }
      }
      step.primitive.execute(std::span(pointers, step.places.size()));
    }
  }

  OwnedCall call_;
  memory::data_type type_;
  int threads_;
  mutable std::atomic<bool> in_use_{false};
  mutable std::vector<Step> steps_;
};

std::unique_ptr<Kernel> prepare_conv(const KernelCall& call) {
  const BufferSpec& y = call.outputs[0];
  const auto type = data_type(y.dtype);
  if (!type || op::conv_geometry(call).work() == 0) return nullptr;
  // `cpu` has better kernels for these.
  if (op::has_few_channels(call) || op::is_tall_pointwise_weight(call) || op::suits_winograd(call)) return nullptr;
  if (op::is_tiled_pointwise(call) || op::is_tiled_conv(call)) return nullptr;
  if (call.op != OpId::conv_backward_weight && !is_channels_last(y.shape, y.strides)) return nullptr;
  if (call.inputs.size() > 2 && call.inputs[2].strides[0] != 1 && call.inputs[2].shape[0] != 1) return nullptr;
  try {
    return std::make_unique<ConvKernel>(call, *type);
  } catch (const dnnl::error&) {
    return nullptr;  // a layout or dtype that this processor or version has no primitive for
  }
}

}  // namespace

void register_conv(exec::KernelTable& table) {
  for (const OpId id : {OpId::conv, OpId::conv_backward_input, OpId::conv_backward_weight}) {
    table.add(id, exec::Provider::onednn, prepare_conv);
  }
}

}  // namespace pydl::backends::onednn
