// Cross-entropy of logits and class indices, in double.
#include <cmath>
#include <limits>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/attrs/loss.h"
#include "pydl/error.h"

namespace pydl::backends::ref {

using op::LossReduction;

namespace {

// The target at an offset, or -1 where it is ignored.
int64_t target_at(const void* data, int64_t offset, int64_t classes, int64_t ignored) {
  const int64_t target = load<int64_t>(data, offset);
  if (target == ignored) return -1;
  if (target >= 0 && target < classes) return target;
  throw IndexError(concat_text("cross_entropy: class index ", target, " is outside the ", classes,
                               " classes, and not ignore_index ", ignored));
}

// log(sum(exp(x))) of one row of logits.
template <class T>
double log_sum_exp(const void* x, int64_t offset, int64_t stride, int64_t classes) {
  double top = -std::numeric_limits<double>::infinity();
  for (int64_t k = 0; k < classes; ++k) top = std::max(top, load<T>(x, offset + k * stride));
  double total = 0;
  for (int64_t k = 0; k < classes; ++k) total += std::exp(load<T>(x, offset + k * stride) - top);
  return top + std::log(total);
}

// Calls function(type, row of logits, row of y, target or -1) for each row.
template <class Function>
void for_each_row(const op::CrossEntropyAttrs& attrs, const BufferSpec& logits, const BufferSpec& target,
                  const void* targets, const Dims& y_strides, const Function& function) {
  const auto axis = static_cast<int>(attrs.axis);
  const int64_t classes = logits.shape[axis];
  const std::array<Dims, 3> strides = {without(logits.strides, axis), target.strides, y_strides};
  visit_dtype(logits.dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (is_floating(DTypeOf<T>::value)) {
      for_each_position(target.shape, strides, [&](const auto& offsets) {
        function(zero, offsets[0], offsets[2], target_at(targets, offsets[1], classes, attrs.ignore_index));
      });
    }
  });
}

void run_cross_entropy(const RefCall& call) {
  const BufferSpec& logits = call.inputs[0];
  const auto attrs = op::from_attrs<op::CrossEntropyAttrs>(call.attrs);
  const auto axis = static_cast<int>(attrs.axis);
  const void* x = call.input_data[0];
  double total = 0;
  int64_t counted = 0;
  const Dims y_strides =
      attrs.reduction == LossReduction::none ? call.outputs[0].strides : Dims::filled(call.inputs[1].shape.rank(), 0);
  for_each_row(attrs, logits, call.inputs[1], call.input_data[1], y_strides,
               [&](auto zero, int64_t row, int64_t y, int64_t target) {
                 using T = decltype(zero);
                 const int64_t stride = logits.strides[axis];
                 double loss = 0;
                 if (target >= 0) {
                   loss = log_sum_exp<T>(x, row, stride, logits.shape[axis]) - load<T>(x, row + target * stride);
                   ++counted;
                 }
                 total += loss;
                 if (attrs.reduction == LossReduction::none) store<T>(call.output_data[0], y, loss);
               });
  if (attrs.reduction == LossReduction::none) return;
  visit_dtype(logits.dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (is_floating(DTypeOf<T>::value)) {
      store<T>(call.output_data[0], 0,
               attrs.reduction == LossReduction::mean ? total / static_cast<double>(counted) : total);
    }
  });
}

void run_cross_entropy_backward(const RefCall& call) {
  const BufferSpec& logits = call.inputs[1];
  const auto attrs = op::from_attrs<op::CrossEntropyAttrs>(call.attrs);
  const auto axis = static_cast<int>(attrs.axis);
  const void* x = call.input_data[1];
  const Dims no_strides = Dims::filled(call.inputs[2].shape.rank(), 0);
  int64_t counted = 0;
  for_each_row(attrs, logits, call.inputs[2], call.input_data[2], no_strides,
               [&](auto, int64_t, int64_t, int64_t target) { counted += target >= 0 ? 1 : 0; });
  const Dims g_strides = attrs.reduction == LossReduction::none ? call.inputs[0].strides : no_strides;
  // The gradient has the layout of the loss; y has the shape of the logits and is row-major.
  const Dims y_strides = without(call.outputs[0].strides, axis);
  const std::array<Dims, 4> strides = {without(logits.strides, axis), call.inputs[2].strides, g_strides, y_strides};
  visit_dtype(logits.dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (is_floating(DTypeOf<T>::value)) {
      for_each_position(call.inputs[2].shape, strides, [&](const auto& offsets) {
        const int64_t classes = logits.shape[axis];
        const int64_t target = target_at(call.input_data[2], offsets[1], classes, attrs.ignore_index);
        double g = load<T>(call.input_data[0], offsets[2]);
        if (attrs.reduction == LossReduction::mean) g /= static_cast<double>(counted);
        const double normaliser = log_sum_exp<T>(x, offsets[0], logits.strides[axis], classes);
        for (int64_t k = 0; k < classes; ++k) {
          const double p = std::exp(load<T>(x, offsets[0] + k * logits.strides[axis]) - normaliser);
          const double slope = target < 0 ? 0 : g * (p - (k == target ? 1 : 0));
          store<T>(call.output_data[0], offsets[3] + k * call.outputs[0].strides[axis], slope);
        }
      });
    }
  });
}

}  // namespace

void register_loss(KernelTable& table) {
  table.add(OpId::softmax_cross_entropy, Provider::ref, prepare<run_cross_entropy, is_floating>);
  table.add(OpId::softmax_cross_entropy_backward, Provider::ref, prepare<run_cross_entropy_backward, is_floating>);
}

}  // namespace pydl::backends::ref
