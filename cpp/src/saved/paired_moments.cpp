#include "saved/paired_moments.h"

#include <algorithm>

#include "op/attrs/norm.h"
#include "pydl/ops.h"

namespace pydl::saved {

namespace {

using graph::OlderCall;
using op::Attrs;

// With `batch`, the moments were those of x. The results do not depend on it, except that of batch_norm_backward, which
// then had the sums as its last input.
struct PairedAttrs {
  double epsilon = 1e-5;
  bool batch = false;
  PYDL_ATTRS(epsilon, batch)
};

double epsilon_of(const Attrs& attrs) { return op::from_attrs<PairedAttrs>(attrs).epsilon; }

Tensor row(const char* name, const Tensor& pair, int64_t index) {
  if (pair.rank() != 2 || pair.size(0) != 2) {
    throw ValueError(concat_text(name, ": expected moments and sums of shape (2, C), got ", pair.shape()));
  }
  return reshape(slice(pair, {index, 0}, {1, pair.size(1)}, {1, 1}), {-1});
}

Tensor joined(const Tensor& first, const Tensor& second) {
  const Tensor rows[] = {first, second};
  return stack(rows);
}

std::vector<Tensor> run_moments(const Attrs&, std::span<const Tensor> inputs) {
  const ChannelStatistics found = channel_statistics(inputs[0]);
  return {joined(found.mean, found.variance)};
}

std::vector<Tensor> run_batch_norm(const Attrs& attrs, std::span<const Tensor> inputs) {
  const char* name = "batch_norm";
  return {
      batch_norm(inputs[0], row(name, inputs[1], 0), row(name, inputs[1], 1), inputs[2], inputs[3], epsilon_of(attrs))};
}

std::vector<Tensor> run_sums(const Attrs& attrs, std::span<const Tensor> inputs) {
  const char* name = "channel_sums";
  const ChannelSums found =
      channel_sums(inputs[0], inputs[1], row(name, inputs[2], 0), row(name, inputs[2], 1), epsilon_of(attrs));
  return {joined(found.dbias, found.dweight)};
}

std::vector<Tensor> run_backward(const Attrs& attrs, std::span<const Tensor> inputs) {
  const char* name = "batch_norm_backward";
  const bool has_sums = inputs.size() == 5;
  if (op::from_attrs<PairedAttrs>(attrs).batch != has_sums) {
    throw ValueError(concat_text(name, ": the sums are needed with batch, and only then"));
  }
  const ChannelSums sums = has_sums ? ChannelSums{row(name, inputs[4], 0), row(name, inputs[4], 1)} : ChannelSums{};
  return {batch_norm_backward(inputs[0], inputs[1], row(name, inputs[2], 0), row(name, inputs[2], 1), inputs[3], sums,
                              epsilon_of(attrs))};
}

// Never destroyed, because recordings refer to them.
const std::vector<OlderCall>& paired_calls() {
  const auto fields = op::fields_of<PairedAttrs>();
  static const auto* const calls = new std::vector<OlderCall>{
      {{.name = "channel_moments", .input_count = {1, 1}}, run_moments},
      {{.attributes = fields, .name = "batch_norm", .input_count = {4, 4}}, run_batch_norm},
      {{.attributes = fields, .name = "channel_sums", .input_count = {3, 3}}, run_sums},
      {{.attributes = fields, .name = "batch_norm_backward", .input_count = {4, 5}}, run_backward},
  };
  return *calls;
}

}  // namespace

const OlderCall* find_paired_moments(std::string_view name, const io::Json::Object& attrs) {
  const bool has_batch =
      std::any_of(attrs.begin(), attrs.end(), [](const auto& member) { return member.first == "batch"; });
  for (const OlderCall& call : paired_calls()) {
    if (name == call.def.name && (has_batch || name == "channel_moments")) return &call;
  }
  return nullptr;
}

}  // namespace pydl::saved
