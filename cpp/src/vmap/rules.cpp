#include "vmap/rules.h"

#include <algorithm>
#include <optional>

#include "op/apply.h"
#include "op/attrs/conv.h"
#include "op/attrs/index.h"
#include "op/attrs/loss.h"
#include "op/attrs/norm.h"
#include "op/attrs/reduce.h"
#include "op/attrs/view.h"
#include "pydl/ops.h"

namespace pydl::vmap {

using op::Attrs;
using op::OpId;

Dims Operand::shape() const {
  Dims own = tensor.shape();
  if (batched) own.erase(0);
  return own;
}

namespace {

// The results of a rule; nothing if it does not apply.
using Results = std::optional<std::vector<Tensor>>;
using Rule = Results (*)(const BatchedCall& call);

Dims before(int64_t first, const Dims& rest) {
  Dims dims = {first};
  for (const int64_t size : rest) dims.push_back(size);
  return dims;
}

Dims ones(int count) { return Dims::filled(count, 1); }

Dims joined(const Dims& a, const Dims& b) {
  Dims dims = a;
  for (const int64_t size : b) dims.push_back(size);
  return dims;
}

// The operand with the batch as its first axis.
Tensor batched(const BatchedCall& call, size_t i) {
  const Operand& operand = call.inputs[i];
  return operand.batched ? operand.tensor : expand(operand.tensor, before(call.size, operand.tensor.shape()));
}

std::vector<Tensor> all_batched(const BatchedCall& call) {
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < call.inputs.size(); ++i) tensors.push_back(batched(call, i));
  return tensors;
}

// With axes of size 1 after the batch, so that an operand of this rank broadcasts as it would without the batch.
Tensor aligned(const Operand& operand, int rank) {
  if (!operand.batched || operand.rank() >= rank) return operand.tensor;
  const int64_t size = operand.tensor.shape()[0];
  return reshape(operand.tensor, before(size, joined(ones(rank - operand.rank()), operand.shape())));
}

int largest_rank(const BatchedCall& call) {
  int rank = 0;
  for (const Operand& operand : call.inputs) rank = std::max(rank, operand.rank());
  return rank;
}

bool only_first_is_batched(const BatchedCall& call) {
  for (size_t i = 1; i < call.inputs.size(); ++i) {
    if (call.inputs[i].batched) return false;
  }
  return call.inputs[0].batched;
}

Dims shifted(const Dims& axes) {
  Dims result = axes;
  for (int i = 0; i < axes.rank(); ++i) result[i] = axes[i] < 0 ? axes[i] : axes[i] + 1;
  return result;
}

// The attributes with all axes shifted by one, because the batch is the first axis. Negative axes count from the end
// and stay the same.
Attrs after_batch(const Attrs& attrs) {
  Attrs result = attrs;
  for (const auto& [name, value] : attrs.entries()) {
    if (name == "axes") {
      if (const Dims* axes = std::get_if<Dims>(&value)) result.set(name, shifted(*axes));
    } else if (name == "axis") {
      const int64_t axis = std::get<int64_t>(value);
      result.set(name, axis < 0 ? axis : axis + 1);
    }
  }
  return result;
}

Results elementwise(const BatchedCall& call) {
  const int rank = largest_rank(call);
  std::vector<Tensor> inputs;
  for (const Operand& operand : call.inputs) inputs.push_back(aligned(operand, rank));
  return op::apply_all(call.def.id, call.attrs, inputs);
}

// Ops that have axes as attributes, or count them from the end, and whose inputs have equal ranks.
Results along_axes(const BatchedCall& call) {
  return op::apply_all(call.def.id, after_batch(call.attrs), all_batched(call));
}

// Positions along one axis, or in all of an example.
Results position_rule(const BatchedCall& call) {
  auto attrs = op::from_attrs<op::ReduceAttrs>(call.attrs);
  if (attrs.axes.rank() == 1) return along_axes(call);
  const Tensor rows = reshape(call.inputs[0].tensor, {call.size, element_count(call.inputs[0].shape())});
  const Tensor found = op::apply(call.def.id, op::to_attrs(op::ReduceAttrs{.axes = {1}, .keepdims = false}), {rows});
  return std::vector{attrs.keepdims ? reshape(found, before(call.size, ones(call.inputs[0].rank()))) : found};
}

// Ops that work on each example of a batch alone: both batches become one.
Results within_batch(const BatchedCall& call) {
  const int64_t inner = call.inputs[0].shape()[0];
  std::vector<Tensor> inputs = all_batched(call);
  for (Tensor& input : inputs) {
    Dims shape = input.shape();
    shape.erase(0);
    shape[0] = call.size * inner;
    input = reshape(input, shape);
  }
  std::vector<Tensor> results = op::apply_all(call.def.id, call.attrs, inputs);
  for (Tensor& result : results) {
    Dims shape = result.shape();
    shape[0] = inner;
    result = reshape(result, before(call.size, shape));
  }
  return results;
}

// The same, for ops that also read what belongs to all examples, such as weights.
Results first_within_batch(const BatchedCall& call) {
  if (!only_first_is_batched(call)) return std::nullopt;
  const Tensor& x = call.inputs[0].tensor;
  const int64_t inner = x.shape()[1];
  Dims merged = x.shape();
  merged.erase(0);
  merged[0] = call.size * inner;
  std::vector<Tensor> inputs = {reshape(x, merged)};
  for (size_t i = 1; i < call.inputs.size(); ++i) inputs.push_back(call.inputs[i].tensor);
  Tensor result = op::apply(call.def.id, call.attrs, inputs);
  Dims shape = result.shape();
  shape[0] = inner;
  return std::vector{reshape(result, before(call.size, shape))};
}

// --- views -----------------------------------------------------------------------------------------------------------

Results reshape_rule(const BatchedCall& call) {
  const Dims shape = op::from_attrs<op::ShapeAttrs>(call.attrs).shape;
  return std::vector{reshape(call.inputs[0].tensor, before(call.size, shape))};
}

Results permute_rule(const BatchedCall& call) {
  const Dims axes = op::from_attrs<op::PermuteAttrs>(call.attrs).axes;
  return std::vector{permute_dims(call.inputs[0].tensor, before(0, shifted(axes)))};
}

Results expand_rule(const BatchedCall& call) {
  const Dims shape = op::from_attrs<op::ShapeAttrs>(call.attrs).shape;
  return std::vector{expand(aligned(call.inputs[0], shape.rank()), before(call.size, shape))};
}

Results slice_rule(const BatchedCall& call) {
  const auto [starts, sizes, steps] = op::from_attrs<op::SliceAttrs>(call.attrs);
  const op::SliceAttrs attrs = {before(0, starts), before(call.size, sizes), before(1, steps)};
  return op::apply_all(OpId::slice, op::to_attrs(attrs), std::vector{call.inputs[0].tensor});
}

Results slice_backward_rule(const BatchedCall& call) {
  const auto [shape, starts, steps] = op::from_attrs<op::SliceBackwardAttrs>(call.attrs);
  const op::SliceBackwardAttrs attrs = {before(call.size, shape), before(0, starts), before(1, steps)};
  return op::apply_all(OpId::slice_backward, op::to_attrs(attrs), std::vector{call.inputs[0].tensor});
}

// --- products --------------------------------------------------------------------------------------------------------

Results linear_rule(const BatchedCall& call) {
  if (only_first_is_batched(call)) {
    std::vector<Tensor> inputs;
    for (const Operand& operand : call.inputs) inputs.push_back(operand.tensor);
    return op::apply_all(OpId::linear, call.attrs, inputs);
  }
  const Operand& x = call.inputs[0];
  const Operand& weight = call.inputs[1];
  Dims lead = x.shape();
  lead.erase(lead.rank() - 1);
  const Dims matrix = {element_count(lead), x.shape().back()};
  const Tensor rows = reshape(x.tensor, x.batched ? before(call.size, matrix) : matrix);
  Tensor y = op::apply(OpId::matmul, {}, {rows, matrix_transpose(weight.tensor)});
  if (call.inputs.size() > 2) y = y + aligned(call.inputs[2], 2);
  if (y.rank() == 2) y = expand(y, before(call.size, y.shape()));
  lead.push_back(weight.shape()[0]);
  return std::vector{reshape(y, before(call.size, lead))};
}

// --- indexing --------------------------------------------------------------------------------------------------------

Results take_rule(const BatchedCall& call) {
  if (only_first_is_batched(call)) {
    return op::apply_all(call.def.id, after_batch(call.attrs),
                         std::vector{call.inputs[0].tensor, call.inputs[1].tensor});
  }
  if (call.inputs[0].batched || call.def.id != OpId::take) return std::nullopt;
  // Only the index is batched: its batch comes after the axes before the one that is indexed.
  const auto axis = static_cast<int>(op::from_attrs<op::TakeAttrs>(call.attrs).axis);
  const Tensor found = op::apply(OpId::take, call.attrs, {call.inputs[0].tensor, call.inputs[1].tensor});
  Dims order = {axis};
  for (int i = 0; i < found.rank(); ++i) {
    if (i != axis) order.push_back(i);
  }
  return std::vector{permute_dims(found, order)};
}

// --- losses ----------------------------------------------------------------------------------------------------------

// How many targets of each example count, with axes of size 1 for the others.
Tensor counted_targets(const Tensor& target, int64_t ignore_index, DType dtype, bool keepdims) {
  std::vector<int64_t> axes;
  for (int axis = 1; axis < target.rank(); ++axis) axes.push_back(axis);
  const Tensor counts = astype(not_equal(target, ignore_index), dtype);
  return axes.empty() ? counts : sum(counts, axes, keepdims);
}

Results cross_entropy_rule(const BatchedCall& call) {
  auto attrs = op::from_attrs<op::CrossEntropyAttrs>(after_batch(call.attrs));
  const auto reduction = std::exchange(attrs.reduction, op::LossReduction::none);
  const Tensor target = batched(call, 1);
  const Tensor losses = op::apply(OpId::softmax_cross_entropy, op::to_attrs(attrs), {batched(call, 0), target});
  if (reduction == op::LossReduction::none) return std::vector{losses};
  const Tensor total = losses.rank() == 1 ? losses : sum(reshape(losses, {call.size, -1}), std::vector<int64_t>{1});
  if (reduction == op::LossReduction::sum) return std::vector{total};
  return std::vector{total / counted_targets(target, attrs.ignore_index, total.dtype(), false)};
}

Results cross_entropy_backward_rule(const BatchedCall& call) {
  auto attrs = op::from_attrs<op::CrossEntropyAttrs>(after_batch(call.attrs));
  const auto reduction = std::exchange(attrs.reduction, op::LossReduction::none);
  const Tensor target = batched(call, 2);
  Tensor g = batched(call, 0);
  if (reduction != op::LossReduction::none) g = reshape(g, before(call.size, ones(target.rank() - 1)));
  if (reduction == op::LossReduction::mean) {
    // Where no target counts, all gradients are 0.
    const Tensor count = counted_targets(target, attrs.ignore_index, g.dtype(), true);
    g = g / where(equal(count, 0), ones_like(count), count);
  }
  g = expand(g, target.shape());
  return std::vector{
      op::apply(OpId::softmax_cross_entropy_backward, op::to_attrs(attrs), {g, batched(call, 1), target})};
}

// --- normalisation --------------------------------------------------------------------------------------------------

Tensor as_statistics(const Tensor& x) { return item_size(x.dtype()) == 2 ? astype(x, DType::float32) : x; }

Results scaled_normalize_rule(const BatchedCall& call) {
  if (only_first_is_batched(call)) {
    std::vector<Tensor> inputs;
    for (const Operand& operand : call.inputs) inputs.push_back(operand.tensor);
    return op::apply_all(call.def.id, call.attrs, inputs);
  }
  const auto [axes, epsilon, center] = op::from_attrs<op::NormalizeAttrs>(call.attrs);
  const int rank = call.inputs[0].rank();
  const Tensor x = batched(call, 0);
  Tensor y = as_statistics(normalize(x, axes, epsilon, center)) * as_statistics(aligned(call.inputs[1], rank));
  if (call.inputs.size() > 2) y = y + as_statistics(aligned(call.inputs[2], rank));
  return std::vector{astype(y, x.dtype())};
}

Results scaled_normalize_backward_rule(const BatchedCall& call) {
  const auto [axes, epsilon, center] = op::from_attrs<op::NormalizeAttrs>(call.attrs);
  const int rank = call.inputs[1].rank();
  const Tensor x = batched(call, 1);
  const Tensor g = as_statistics(batched(call, 0));
  const Tensor weight = as_statistics(aligned(call.inputs[2], rank));
  const Dims own = call.inputs[2].shape();
  const auto sum_of_example = [&](const Tensor& terms) {
    return reshape(sum_to(terms, before(call.size, joined(ones(rank - own.rank()), own))), before(call.size, own));
  };
  return std::vector{normalize_backward(astype(g * weight, x.dtype()), x, axes, epsilon, center),
                     sum_of_example(g * as_statistics(normalize(x, axes, epsilon, center))), sum_of_example(g)};
}

// --- convolutions ----------------------------------------------------------------------------------------------------

// (B, N, C, ...) as (N, B C, ...): the batch becomes groups of channels.
Tensor as_channels(const Tensor& x) {
  Dims order = {1, 0};
  for (int axis = 2; axis < x.rank(); ++axis) order.push_back(axis);
  Dims shape = x.shape();
  const int64_t batch = shape[0];
  shape.erase(0);
  shape[1] *= batch;
  return reshape(permute_dims(x, order), shape);
}

Tensor from_channels(const Tensor& y, int64_t batch) {
  Dims shape = y.shape();
  const int64_t count = shape[0];
  const int64_t channels = shape[1] / batch;
  shape[0] = batch;
  shape[1] = channels;
  Dims order = {1, 0};
  for (int axis = 2; axis <= y.rank(); ++axis) order.push_back(axis);
  return permute_dims(reshape(y, before(count, shape)), order);
}

// (B, O, C, ...) as (B O, C, ...)
Tensor merged(const Tensor& weight) {
  Dims shape = weight.shape();
  const int64_t batch = shape[0];
  shape.erase(0);
  shape[0] *= batch;
  return reshape(weight, shape);
}

Attrs in_groups(const BatchedCall& call) {
  Attrs attrs = call.attrs;
  attrs.set("groups", call.size * std::get<int64_t>(call.attrs.find("groups")));
  return attrs;
}

Results conv_rule(const BatchedCall& call) {
  if (Results results = first_within_batch(call)) return results;
  std::vector<Tensor> inputs = {as_channels(batched(call, 0)), merged(batched(call, 1))};
  if (call.inputs.size() > 2) inputs.push_back(reshape(batched(call, 2), {-1}));
  return std::vector{from_channels(op::apply(call.def.id, in_groups(call), inputs), call.size)};
}

Results conv_backward_weight_rule(const BatchedCall& call) {
  const Tensor gradient = op::apply(OpId::conv_backward_weight, in_groups(call),
                                    {as_channels(batched(call, 0)), as_channels(batched(call, 1))});
  Dims shape = gradient.shape();
  shape[0] /= call.size;
  return std::vector{reshape(gradient, before(call.size, shape))};
}

// --- choice ----------------------------------------------------------------------------------------------------------

Rule rule_of(const op::OpDef& def) {
  if (def.has(op::Trait::elementwise)) return elementwise;
  switch (def.id) {
    case OpId::sum:
    case OpId::mean:
    case OpId::prod:
    case OpId::max:
    case OpId::min:
    case OpId::any:
    case OpId::all:
    case OpId::nansum:
    case OpId::euclidean_norm:
    case OpId::var: return along_axes;
    case OpId::argmax:
    case OpId::argmin: return position_rule;
    case OpId::reshape: return reshape_rule;
    case OpId::permute_dims: return permute_rule;
    case OpId::expand: return expand_rule;
    case OpId::slice: return slice_rule;
    case OpId::slice_backward: return slice_backward_rule;
    case OpId::replace_nonfinite:
    case OpId::triangle:
    case OpId::matmul: return elementwise;  // leading axes broadcast
    case OpId::linear: return linear_rule;
    case OpId::concat:
    case OpId::cumsum:
    case OpId::gather:
    case OpId::gather_backward:
    case OpId::scatter_add:
    case OpId::softmax:
    case OpId::log_softmax:
    case OpId::softmax_backward:
    case OpId::log_softmax_backward:
    case OpId::sort_values:
    case OpId::sort_with_indices:
    case OpId::argsort:
    case OpId::topk:
    case OpId::cross_product:
    case OpId::normalize:
    case OpId::normalize_backward: return along_axes;
    case OpId::scaled_normalize: return scaled_normalize_rule;
    case OpId::scaled_normalize_backward: return scaled_normalize_backward_rule;
    case OpId::take:
    case OpId::take_backward: return take_rule;
    case OpId::softmax_cross_entropy: return cross_entropy_rule;
    case OpId::softmax_cross_entropy_backward: return cross_entropy_backward_rule;
    case OpId::conv:
    case OpId::conv_backward_input: return conv_rule;
    case OpId::conv_backward_weight: return conv_backward_weight_rule;
    case OpId::max_pool:
    case OpId::max_pool_with_indices:
    case OpId::max_pool_backward:
    case OpId::avg_pool:
    case OpId::avg_pool_backward:
    case OpId::resample:
    case OpId::resample_backward: return within_batch;
    case OpId::batch_norm: return first_within_batch;
    default: return nullptr;
  }
}

// The part of a batched tensor that belongs to one example.
Tensor example(const Tensor& tensor, int64_t number) {
  Dims starts = Dims::filled(tensor.rank(), 0);
  Dims sizes = tensor.shape();
  starts[0] = number;
  sizes[0] = 1;
  Dims shape = tensor.shape();
  shape.erase(0);
  return reshape(slice(tensor, starts, sizes, ones(tensor.rank())), shape);
}

std::vector<Tensor> example(const BatchedCall& call, int64_t number) {
  std::vector<Tensor> inputs;
  for (const Operand& operand : call.inputs) {
    inputs.push_back(operand.batched ? example(operand.tensor, number) : operand.tensor);
  }
  return inputs;
}

std::vector<Tensor> run_each(const BatchedCall& call) {
  std::vector<std::vector<Tensor>> columns;
  for (int64_t number = 0; number < call.size; ++number) {
    std::vector<Tensor> results = op::apply_all(call.def.id, call.attrs, example(call, number));
    columns.resize(results.size());
    for (size_t i = 0; i < results.size(); ++i) columns[i].push_back(std::move(results[i]));
  }
  std::vector<Tensor> stacked;
  for (const std::vector<Tensor>& column : columns) stacked.push_back(stack(column, 0));
  return stacked;
}

}  // namespace

std::vector<Tensor> run_batched(const BatchedCall& call) {
  if (const Rule rule = rule_of(call.def)) {
    if (Results results = rule(call)) return std::move(*results);
  }
  return run_each(call);
}

void write_batched(const BatchedCall& call) {
  const Tensor& target = call.inputs[0].tensor;
  if (!call.inputs[0].batched) {
    std::vector<Tensor> inputs;
    for (const Operand& operand : call.inputs) inputs.push_back(operand.tensor);
    op::apply_all(call.def.id, call.attrs, inputs);
  } else if (call.def.id == OpId::assign) {
    op::apply_all(OpId::assign, call.attrs, std::vector{target, batched(call, 1)});
  } else {
    for (int64_t number = 0; number < call.size; ++number) {
      op::apply_all(call.def.id, call.attrs, example(call, number));
    }
  }
}

}  // namespace pydl::vmap
