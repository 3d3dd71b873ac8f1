// Convolutions. Activations are channels-last, which is as fast as oneDNN's own layouts if it has a primitive for
// channels-last; if not, they are converted to its layouts and back. Weights are always converted.
//
// A call is divided into parts, which are groups of images or bands of one image, by its shape alone. Every part is a
// list of primitives prepared for one thread. The weight in the primitive's layout is shared by all parts and prepared
// before them; the parts' gradients of the weight are summed after them.
#include <cstring>
#include <numeric>

#include "backends/onednn/conv_parts.h"
#include "backends/onednn/primitive.h"
#include "backends/onednn/register.h"
#include "op/conv_geometry.h"
#include "op/post_operations.h"
#include "runtime/thread_limit.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::backends::onednn {

namespace {

using dnnl::memory;
using exec::BufferSpec;
using exec::Kernel;
using exec::KernelCall;
using op::ConvGeometry;
using op::OpId;

// The memory that an argument of a primitive points to.
struct Location {
  enum class Kind { input, output, scratchpad, shared };
  Kind kind;
  size_t index;  // number of the operand, or offset in the scratchpad of the part or in the shared one
};

struct Step {
  BoundPrimitive primitive;
  std::vector<Location> locations;
};

// Scratchpads are aligned to cache lines.
size_t in_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

memory::dims sizes_of(const ConvGeometry::Sizes& sizes, int spatial, int64_t less = 0) {
  memory::dims dims;
  for (int i = 3 - spatial; i < 3; ++i) dims.push_back(sizes[static_cast<size_t>(i)] - less);
  return dims;
}

// The parameters of a convolution in oneDNN's conventions.
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

// The shape of a weight (O, C / groups, K...), preceded by an axis for the groups if there is more than one.
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

// The layout in which the primitive reads and writes activations.
enum class Layouts { channels_last, chosen_by_primitive };

// The part of the work that all parts of a call share: the weight in the layout that the primitive requires, or, in the
// same layout, the sum of its gradients.
struct SharedWeight {
  memory::desc layout;
  size_t bytes = 0;
  std::vector<Step> steps;  // these convert the weight to this layout, or the gradient from it
  size_t scratchpad_bytes = 0;
};

// Prepares the steps of one part, which convert operands to layouts that the primitive accepts, and results back. The
// first part determines the layout of the shared weight; throws `dnnl::error` if a later part requires another one.
class Preparation {
 public:
  Preparation(const KernelCall& call, memory::data_type type, Layouts layouts, SharedWeight& shared)
      : call_(call),
        type_(type),
        layouts_(layouts),
        geometry_(op::conv_geometry(call)),
        description_(geometry_),
        shared_(shared) {
    switch (call.op) {
      case OpId::conv_backward_input: prepare_backward_input(); break;
      case OpId::conv_backward_weight: prepare_backward_weight(); break;
      default: prepare_forward();
    }
  }

  std::vector<Step> steps;
  std::string implementation;
  size_t scratchpad_bytes = 0;
  Location gradient_location = {};  // the part's gradient of the weight

 private:
  using Kind = Location::Kind;

  memory::desc channels_last(const Dims& shape) const { return describe(type_, shape, channels_last_strides(shape)); }

  memory::desc activation(const Dims& shape) const {
    return layouts_ == Layouts::channels_last ? channels_last(shape) : any_layout(type_, shape);
  }

  // The layout of the input. If it has few channels, it is read in its own layout.
  memory::desc input_layout(const BufferSpec& spec) const {
    const bool few = spec.shape[1] <= 4 && is_contiguous(spec.shape, spec.strides);
    return few && geometry_.groups == 1 ? describe(type_, spec.shape, contiguous_strides(spec.shape))
                                        : activation(spec.shape);
  }

  memory::desc weight_layout(const Dims& shape) const {
    return any_layout(type_, grouped_shape(shape, geometry_.groups));
  }

  // The gradients of the parts are summed in float32.
  memory::desc gradient_layout(const Dims& shape) const {
    const auto type = type_ == memory::data_type::bf16 ? memory::data_type::f32 : type_;
    return any_layout(type, grouped_shape(shape, geometry_.groups));
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
              user_scratchpad()};
    }
    return {cpu_engine(), kind, algorithm, x, w, y, d.strides, d.dilations, d.low, d.high, user_scratchpad()};
  }

  void prepare_forward() {
    const BufferSpec& x = call_.inputs[0];
    const BufferSpec& w = call_.inputs[1];
    const BufferSpec& y = call_.outputs[0];
    const auto pd = forward(input_layout(x), weight_layout(w.shape), activation(y.shape));
    implementation = require_usable(pd);
    const Location source = moved({Kind::input, 0}, describe(type_, x.shape, x.strides), pd.src_desc());
    const Location weight = shared_weight(describe_weight(type_, w, geometry_.groups), pd.weights_desc());
    const Result result(*this, pd.dst_desc(), channels_last(y.shape));
    Step step = {BoundPrimitive(dnnl::convolution_forward(pd)), {}};
    add(step, DNNL_ARG_SRC, pd.src_desc(), source);
    add(step, DNNL_ARG_WEIGHTS, pd.weights_desc(), weight);
    add(step, DNNL_ARG_DST, pd.dst_desc(), result.location);
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
    implementation = require_usable(pd);
    const Location gradient = moved({Kind::input, 0}, describe(type_, g.shape, g.strides), pd.diff_dst_desc());
    const Location weight = shared_weight(describe_weight(type_, w, geometry_.groups), pd.weights_desc());
    const Result result(*this, pd.diff_src_desc(), channels_last(x.shape));
    Step step = {BoundPrimitive(dnnl::convolution_backward_data(pd)), {}};
    add(step, DNNL_ARG_DIFF_DST, pd.diff_dst_desc(), gradient);
    add(step, DNNL_ARG_WEIGHTS, pd.weights_desc(), weight);
    add(step, DNNL_ARG_DIFF_SRC, pd.diff_src_desc(), result.location);
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
        x_layout,         gradient_layout(w.shape),
        y_layout,         d.strides,
        d.dilations,      d.low,
        d.high,           hint,
        user_scratchpad()};
    implementation = require_usable(pd);
    const Location gradient = moved({Kind::input, 0}, describe(type_, g.shape, g.strides), pd.diff_dst_desc());
    const Location source = moved({Kind::input, 1}, describe(type_, x.shape, x.strides), pd.src_desc());
    share_gradient(pd.diff_weights_desc(), describe_weight(type_, w, geometry_.groups));
    Step step = {BoundPrimitive(dnnl::convolution_backward_weights(pd)), {}};
    add(step, DNNL_ARG_DIFF_DST, pd.diff_dst_desc(), gradient);
    add(step, DNNL_ARG_SRC, pd.src_desc(), source);
    gradient_location = reserve(pd.diff_weights_desc().get_size());
    add(step, DNNL_ARG_DIFF_WEIGHTS, pd.diff_weights_desc(), gradient_location);
    add_scratchpad(step, pd.scratchpad_desc());
    steps.push_back(std::move(step));
  }

  // The weight in the caller's layout if the primitive accepts it, else in the primitive's.
  Location shared_weight(const memory::desc& layout, const memory::desc& wanted) {
    if (layout == wanted) return {Kind::input, 1};
    const Location location = {Kind::shared, 0};
    if (is_first_to_share(wanted)) reorder_shared({Kind::input, 1}, layout, location, wanted);
    return location;
  }

  void share_gradient(const memory::desc& written, const memory::desc& wanted) {
    if (!is_first_to_share(written) || written == wanted) return;
    reorder_shared({Kind::shared, 0}, written, {Kind::output, 0}, wanted);
  }

  bool is_first_to_share(const memory::desc& layout) {
    if (shared_.bytes != 0) {
      if (layout != shared_.layout) throw dnnl::error(dnnl_unimplemented, "parts that want different layouts");
      return false;
    }
    shared_.layout = layout;
    shared_.bytes = in_lines(layout.get_size());
    shared_.scratchpad_bytes = shared_.bytes;
    return true;
  }

  // Reorders the shared weight in parts of whole blocks of output channels, which are distributed over threads. The
  // scratchpads come after the weight.
  void reorder_shared(Location from, const memory::desc& layout, Location to, const memory::desc& wanted) {
    constexpr int64_t most_parts = 8;
    constexpr int64_t fewest_channels = 32;
    const int axis = geometry_.groups > 1 ? 1 : 0;
    const memory::dims shape = layout.get_dims();
    const int64_t channels = shape[static_cast<size_t>(axis)];
    const int64_t block = std::lcm(block_size(layout, axis), block_size(wanted, axis));
    const int64_t unit = (fewest_channels + block - 1) / block * block;
    const int64_t units = (channels + unit - 1) / unit;
    const int64_t parts = std::min(units, most_parts);
    memory::dims size = shape;
    memory::dims offset(shape.size(), 0);
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t begin = units * part / parts * unit;
      const int64_t end = std::min(units * (part + 1) / parts * unit, channels);
      offset[static_cast<size_t>(axis)] = begin;
      size[static_cast<size_t>(axis)] = end - begin;
      shared_.steps.push_back(
          reorder_step(from, layout.submemory_desc(size, offset), to, wanted.submemory_desc(size, offset)));
    }
  }

  // The number of channels of this axis that a layout keeps together.
  static int64_t block_size(const memory::desc& layout, int axis) {
    const memory::dims sizes = layout.get_inner_blks();
    const memory::dims axes = layout.get_inner_idxs();
    int64_t block = 1;
    for (size_t i = 0; i < sizes.size(); ++i) {
      if (axes[i] == axis) block *= sizes[i];
    }
    return block;
  }

  Step reorder_step(Location from, const memory::desc& layout, Location to, const memory::desc& wanted) {
    const dnnl::reorder::primitive_desc pd(cpu_engine(), layout, cpu_engine(), wanted, user_scratchpad());
    Step step = {BoundPrimitive(dnnl::reorder(pd)), {}};
    add(step, DNNL_ARG_FROM, layout, from);
    add(step, DNNL_ARG_TO, wanted, to);
    add(step, DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc(), {Kind::shared, shared_.scratchpad_bytes});
    shared_.scratchpad_bytes += in_lines(pd.scratchpad_desc().get_size());
    return step;
  }

  // The primitive writes to the output, or to the scratchpad if the result must be reordered afterwards.
  struct Result {
    Result(Preparation& preparation, const memory::desc& written_in, const memory::desc& wanted_in)
        : written(written_in),
          wanted(wanted_in),
          location(written == wanted ? Location{Kind::output, 0} : preparation.reserve(written.get_size())) {}
    void move_back(Preparation& preparation) const {
      if (written != wanted) preparation.add_reorder(location, written, {Kind::output, 0}, wanted);
    }

    memory::desc written;
    memory::desc wanted;
    Location location;
  };

  // The location of the operand in the layout `wanted`. It is reordered into the scratchpad if it has another layout.
  Location moved(Location from, const memory::desc& layout, const memory::desc& wanted) {
    if (layout == wanted) return from;
    const Location to = reserve(wanted.get_size());
    add_reorder(from, layout, to, wanted);
    return to;
  }

  void add_reorder(Location from, const memory::desc& layout, Location to, const memory::desc& wanted) {
    const dnnl::reorder::primitive_desc pd(cpu_engine(), layout, cpu_engine(), wanted, user_scratchpad());
    Step step = {BoundPrimitive(dnnl::reorder(pd)), {}};
    add(step, DNNL_ARG_FROM, layout, from);
    add(step, DNNL_ARG_TO, wanted, to);
    add_scratchpad(step, pd.scratchpad_desc());
    steps.push_back(std::move(step));
  }

  static void add(Step& step, int argument, const memory::desc& layout, Location location) {
    step.primitive.add_argument(argument, layout);
    step.locations.push_back(location);
  }

  void add_scratchpad(Step& step, const memory::desc& layout) {
    add(step, DNNL_ARG_SCRATCHPAD, layout, reserve(layout.get_size()));
  }

  Location reserve(size_t bytes) {
    const Location location = {Kind::scratchpad, scratchpad_bytes};
    scratchpad_bytes += in_lines(bytes);
    return location;
  }

  const KernelCall& call_;
  memory::data_type type_;
  Layouts layouts_;
  ConvGeometry geometry_;
  Description description_;
  SharedWeight& shared_;
};

// Operands of a part, as pointers.
struct Pointers {
  void* const* inputs;
  void* const* outputs;
  char* scratchpad;
  char* shared;

  void* at(const Location& location, const ConvPart* part) const {
    switch (location.kind) {
      case Location::Kind::input:
        return moved(inputs[location.index], part == nullptr ? 0 : part->inputs[location.index]);
      case Location::Kind::output: return moved(outputs[location.index], part == nullptr ? 0 : part->output);
      case Location::Kind::scratchpad: return scratchpad + location.index;
      default: return shared + location.index;
    }
  }
  static void* moved(void* pointer, int64_t bytes) { return static_cast<char*>(pointer) + bytes; }
};

void run_step(Step& step, const Pointers& pointers, const ConvPart* part) {
  constexpr size_t most_arguments = 8;
  void* arguments[most_arguments];
  for (size_t i = 0; i < step.locations.size(); ++i) arguments[i] = pointers.at(step.locations[i], part);
  step.primitive.execute(std::span(arguments, step.locations.size()));
}

// The number of elements to convert or add that makes another thread worthwhile.
constexpr int64_t elements_per_thread = runtime::worth_a_thread(runtime::cost::element);

void add_floats(const float* a, const float* b, float* sum, int64_t count) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) sum[i] = a[i] + b[i];
}

// Everything that one run needs, for one thread at a time.
struct PreparedConv {
  struct Part {
    ConvPart part;
    std::vector<Step> steps;
    size_t scratchpad_offset;
    Location gradient_location;
  };

  std::vector<Part> parts;
  SharedWeight shared;
  std::string implementation;
  size_t scratchpad_bytes = 0;

  PreparedConv(const KernelCall& call, memory::data_type type, Layouts layouts, bool in_parts) {
    for (ConvPart& part : cut(call, in_parts)) {
      const KernelCall part_call = part.call.view();
      Preparation preparation(part_call, type, layouts, shared);
      parts.push_back({std::move(part), std::move(preparation.steps), scratchpad_bytes, preparation.gradient_location});
      scratchpad_bytes += preparation.scratchpad_bytes;
      implementation = std::move(preparation.implementation);
    }
    for (Part& part : parts) part.scratchpad_offset += shared.scratchpad_bytes;
    scratchpad_bytes += shared.scratchpad_bytes;
  }
};

class ConvKernel final : public Kernel {
 public:
  ConvKernel(const KernelCall& call, memory::data_type type) : call_(call), type_(type), prepared_(prepare(call)) {
    scratchpad_bytes = prepared_.scratchpad_bytes;
    implementation = prepared_.implementation;
  }

  void run(const exec::KernelContext& context, void* const* inputs, void* const* outputs) const override {
    // Some primitives query the number of threads again when they are executed.
    const runtime::ThreadLimit one_thread(1);
    const SoleUse use(in_use_);
    if (use.is_ours()) {
      run(prepared_, inputs, outputs, static_cast<char*>(context.scratchpad));
    } else {
      // Another thread is using the memory objects of our steps. Preparing new ones is cheap, because oneDNN caches
      // primitives.
      PreparedConv prepared = prepare(call_.view());
      run(prepared, inputs, outputs, static_cast<char*>(context.scratchpad));
    }
  }

  std::unique_ptr<Kernel> duplicate() const override { return std::make_unique<ConvKernel>(call_.view(), type_); }

 private:
  PreparedConv prepare(const KernelCall& call) const {
    const runtime::ThreadLimit one_thread(1);
    for (const Layouts layouts : {Layouts::channels_last, Layouts::chosen_by_primitive}) {
      for (const bool in_parts : {true, false}) {
        try {
          return {call, type_, layouts, in_parts};
        } catch (const dnnl::error&) {
        }
      }
    }
    throw dnnl::error(dnnl_unimplemented, "no implementation");
  }

  void run(PreparedConv& prepared, void* const* inputs, void* const* outputs, char* scratchpad) const {
    const Pointers shared = {inputs, outputs, scratchpad, scratchpad};
    const bool gives_weight = call_.op == OpId::conv_backward_weight;
    if (!gives_weight) move_shared(prepared, shared);
    runtime::parallel_for(static_cast<int64_t>(prepared.parts.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        PreparedConv::Part& part = prepared.parts[static_cast<size_t>(i)];
        const Pointers pointers = {inputs, outputs, scratchpad + part.scratchpad_offset, scratchpad};
        for (Step& step : part.steps) run_step(step, pointers, &part.part);
        if (op::applies_relu(call_.attrs)) {
          rectify(type_, Pointers::moved(outputs[0], part.part.output), part.part.output_elements());
        }
      }
    });
    if (gives_weight) sum_gradients(prepared, shared);
  }

  // Adds in the order of the parts, whichever threads computed them.
  void sum_gradients(PreparedConv& prepared, const Pointers& pointers) const {
    auto* const sum = prepared.shared.steps.empty() ? static_cast<char*>(pointers.outputs[0]) : pointers.shared;
    const memory::desc& layout = prepared.shared.layout;
    const auto item = static_cast<int64_t>(memory::data_type_size(layout.get_data_type()));
    const auto gradient = [&](size_t part) {
      const PreparedConv::Part& of = prepared.parts[part];
      return pointers.shared + of.scratchpad_offset + of.gradient_location.index;
    };
    runtime::parallel_for(element_count_of(layout), elements_per_thread, [&](int64_t begin, int64_t end) {
      if (prepared.parts.size() == 1) {
        std::memcpy(sum + begin * item, gradient(0) + begin * item, static_cast<size_t>((end - begin) * item));
        return;
      }
      const auto floats = [&](char* base) { return reinterpret_cast<float*>(base) + begin; };
      add_floats(floats(gradient(0)), floats(gradient(1)), floats(sum), end - begin);
      for (size_t i = 2; i < prepared.parts.size(); ++i) {
        add_floats(floats(sum), floats(gradient(i)), floats(sum), end - begin);
      }
    });
    move_shared(prepared, pointers);
  }

  // Converts the weight to the layout that all parts read, or its gradient from that layout.
  static void move_shared(PreparedConv& prepared, const Pointers& pointers) {
    std::vector<Step>& steps = prepared.shared.steps;
    const int64_t elements = element_count_of(prepared.shared.layout);
    const int64_t grain = std::max<int64_t>(elements_per_thread * static_cast<int64_t>(steps.size()) / elements, 1);
    runtime::parallel_for(static_cast<int64_t>(steps.size()), grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) run_step(steps[static_cast<size_t>(i)], pointers, nullptr);
    });
  }

  // Includes the elements that only pad blocks.
  static int64_t element_count_of(const memory::desc& layout) {
    const auto item = memory::data_type_size(layout.get_data_type());
    return std::max<int64_t>(static_cast<int64_t>(layout.get_size() / item), 1);
  }

  OwnedCall call_;
  memory::data_type type_;
  mutable std::atomic<bool> in_use_{false};
  mutable PreparedConv prepared_;
};

std::unique_ptr<Kernel> prepare_conv(const KernelCall& call) {
  const BufferSpec& y = call.outputs[0];
  const auto type = data_type(y.dtype);
  if (!type || op::conv_geometry(call).work() == 0) return nullptr;
  if (call.op != OpId::conv_backward_weight && !is_channels_last(y.shape, y.strides)) return nullptr;
  if (call.inputs.size() > 2 && call.inputs[2].strides[0] != 1 && call.inputs[2].shape[0] != 1) return nullptr;
  try {
    return std::make_unique<ConvKernel>(call, *type);
  } catch (const dnnl::error&) {
    return nullptr;  // this processor or version has no primitive for the layout or dtype
  }
}

}  // namespace

void register_conv(exec::KernelTable& table) {
  for (const OpId id : {OpId::conv, OpId::conv_backward_input, OpId::conv_backward_weight}) {
    table.add(id, exec::Provider::onednn, prepare_conv);
  }
}

}  // namespace pydl::backends::onednn
