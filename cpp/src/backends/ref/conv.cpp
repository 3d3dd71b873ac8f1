// Convolutions, computed directly from their definition.
#include <functional>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/conv_geometry.h"
#include "op/post_operations.h"

namespace pydl::backends::ref {

namespace {

using op::ConvGeometry;

// An operand, indexed by its two channel-like axes and 3 spatial axes.
template <class T>
class Operand {
 public:
  Operand(void* data, const BufferSpec& spec) : data_(data) {
    const int spatial = spec.shape.rank() - 2;
    for (int axis = 0; axis < 2; ++axis) strides_[static_cast<size_t>(axis)] = spec.strides[axis];
    for (int i = 0; i < spatial; ++i) strides_[static_cast<size_t>(5 - spatial + i)] = spec.strides[2 + i];
  }

  double get(int64_t a, int64_t b, const ConvGeometry::Sizes& s) const { return load<T>(data_, offset(a, b, s)); }
  void set(int64_t a, int64_t b, const ConvGeometry::Sizes& s, double value) const {
    store<T>(data_, offset(a, b, s), value);
  }

 private:
  int64_t offset(int64_t a, int64_t b, const ConvGeometry::Sizes& s) const {
    return a * strides_[0] + b * strides_[1] + s[0] * strides_[2] + s[1] * strides_[3] + s[2] * strides_[4];
  }

  void* data_;
  std::array<int64_t, 5> strides_ = {};
};

// Finds the input position that kernel element k meets at output position t. Returns false if it is outside.
bool meet(const ConvGeometry& g, const ConvGeometry::Sizes& t, const ConvGeometry::Sizes& k, ConvGeometry::Sizes& s) {
  for (size_t axis = 0; axis < 3; ++axis) {
    s[axis] = g.position(static_cast<int>(axis), t[axis], k[axis]);
    if (s[axis] < 0 || s[axis] >= g.input[axis]) return false;
  }
  return true;
}

template <class T>
void convolve(const ConvGeometry& g, const Operand<T>& x, const Operand<T>& w, const Operand<T>& y,
              const std::function<double(int64_t)>& bias, bool relu) {
  for (int64_t n = 0; n < g.batch; ++n) {
    for (int64_t o = 0; o < g.groups * g.out_channels; ++o) {
      const int64_t first = o / g.out_channels * g.in_channels;
      for_each_position(g.output, [&](const auto& t) {
        double total = bias(o);
        ConvGeometry::Sizes s;
        for (int64_t c = 0; c < g.in_channels; ++c) {
          for_each_position(g.kernel, [&](const auto& k) {
            if (meet(g, t, k, s)) total += x.get(n, first + c, s) * w.get(o, c, k);
          });
        }
        y.set(n, o, t, relu && !(total > 0) && total == total ? 0.0 : total);
      });
    }
  }
}

// The gradient for the input: every output returns its share to each input that contributed to it.
template <class T>
void gradient_of_input(const ConvGeometry& g, const Operand<T>& dy, const Operand<T>& w, const Operand<T>& dx) {
  std::vector<double> sums(static_cast<size_t>(g.input_size()));
  for (int64_t n = 0; n < g.batch; ++n) {
    for (int64_t c = 0; c < g.groups * g.in_channels; ++c) {
      const int64_t group = c / g.in_channels;
      std::fill(sums.begin(), sums.end(), 0.0);
      ConvGeometry::Sizes s;
      for (int64_t o = group * g.out_channels; o < (group + 1) * g.out_channels; ++o) {
        for_each_position(g.output, [&](const auto& t) {
          const double gradient = dy.get(n, o, t);
          for_each_position(g.kernel, [&](const auto& k) {
            if (!meet(g, t, k, s)) return;
            sums[static_cast<size_t>((s[0] * g.input[1] + s[1]) * g.input[2] + s[2])] +=
                gradient * w.get(o, c - group * g.in_channels, k);
          });
        });
      }
      size_t position = 0;
      for_each_position(g.input, [&](const auto& at) { dx.set(n, c, at, sums[position++]); });
    }
  }
}

template <class T>
void gradient_of_weight(const ConvGeometry& g, const Operand<T>& dy, const Operand<T>& x, const Operand<T>& dw) {
  for (int64_t o = 0; o < g.groups * g.out_channels; ++o) {
    const int64_t first = o / g.out_channels * g.in_channels;
    for (int64_t c = 0; c < g.in_channels; ++c) {
      for_each_position(g.kernel, [&](const auto& k) {
        double total = 0;
        ConvGeometry::Sizes s;
        for (int64_t n = 0; n < g.batch; ++n) {
          for_each_position(g.output, [&](const auto& t) {
            if (meet(g, t, k, s)) total += dy.get(n, o, t) * x.get(n, first + c, s);
          });
        }
        dw.set(o, c, k, total);
      });
    }
  }
}

void run_conv(const RefCall& call) {
  const ConvGeometry g = op::conv_geometry({call.op, call.attrs, call.inputs, call.outputs});
  visit_dtype(call.inputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (is_floating(DTypeOf<T>::value)) {
      const Operand<T> first(call.input_data[0], call.inputs[0]);
      const Operand<T> second(call.input_data[1], call.inputs[1]);
      const Operand<T> result(call.output_data[0], call.outputs[0]);
      if (call.op == OpId::conv_backward_input) return gradient_of_input(g, first, second, result);
      if (call.op == OpId::conv_backward_weight) return gradient_of_weight(g, first, second, result);
      const auto bias = [&](int64_t o) -> double {
        return call.inputs.size() < 3 ? 0.0 : load<T>(call.input_data[2], o * call.inputs[2].strides[0]);
      };
      convolve<T>(g, first, second, result, bias, op::applies_relu(call.attrs));
    }
  });
}

}  // namespace

void register_conv(KernelTable& table) {
  table.add(OpId::conv, Provider::ref, prepare<run_conv, is_floating>);
  table.allow_post(OpId::conv, "relu");
  table.add(OpId::conv_backward_input, Provider::ref, prepare<run_conv, is_floating>);
  table.add(OpId::conv_backward_weight, Provider::ref, prepare<run_conv, is_floating>);
}

}  // namespace pydl::backends::ref
