// Normalisation of rows with weights and biases.
#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/scaled_rows.h"

namespace pydl::backends::ref {

namespace {

using op::NormalizeAttrs;
using op::ScaledRows;

std::vector<double> operand_values(const RefCall& call, size_t index) {
  return values_of(call.inputs[index], call.input_data[index]);
}

// Brings a row to mean 0 and mean square 1 in place, and returns its scale.
double bring_to_unit(const NormalizeAttrs& attrs, double* x, int64_t length) {
  const auto n = static_cast<double>(length);
  double mean = 0;
  double square = 0;
  if (attrs.center) {
    for (int64_t i = 0; i < length; ++i) mean += x[i] / n;
  }
  for (int64_t i = 0; i < length; ++i) square += (x[i] - mean) * (x[i] - mean) / n;
  const double scale = 1 / std::sqrt(square + attrs.epsilon);
  for (int64_t i = 0; i < length; ++i) x[i] = (x[i] - mean) * scale;
  return scale;
}

size_t weight_of(const ScaledRows& rows, int64_t element) {
  return static_cast<size_t>(element / rows.inner % rows.weights);
}

void run_scaled_normalize(const RefCall& call) {
  const auto attrs = op::from_attrs<NormalizeAttrs>(call.attrs);
  const ScaledRows rows = ScaledRows::of(attrs, call.inputs[0], call.inputs[1].shape);
  std::vector<double> x = operand_values(call, 0);
  const std::vector<double> weight = operand_values(call, 1);
  const std::vector<double> bias =
      call.inputs.size() > 2 ? operand_values(call, 2) : std::vector<double>(weight.size());
  for (int64_t row = 0; row < rows.rows; ++row) bring_to_unit(attrs, x.data() + row * rows.length(), rows.length());
  for (size_t i = 0; i < x.size(); ++i) {
    const size_t k = weight_of(rows, static_cast<int64_t>(i));
    x[i] = x[i] * weight[k] + bias[k];
  }
  store_values(call.outputs[0], call.output_data[0], x);
}

void run_scaled_normalize_backward(const RefCall& call) {
  const auto attrs = op::from_attrs<NormalizeAttrs>(call.attrs);
  const ScaledRows rows = ScaledRows::of(attrs, call.inputs[1], call.inputs[2].shape);
  std::vector<double> g = operand_values(call, 0);
  std::vector<double> x = operand_values(call, 1);
  const std::vector<double> weight = operand_values(call, 2);
  std::vector<double> dweight(weight.size());
  std::vector<double> dbias(weight.size());
  const auto n = static_cast<double>(rows.length());
  for (int64_t row = 0; row < rows.rows; ++row) {
    const int64_t start = row * rows.length();
    const double scale = bring_to_unit(attrs, x.data() + start, rows.length());
    double mean = 0;
    double along = 0;
    for (int64_t element = start; element < start + rows.length(); ++element) {
      const auto i = static_cast<size_t>(element);
      const size_t k = weight_of(rows, element);
      dweight[k] += g[i] * x[i];
      dbias[k] += g[i];
      g[i] *= weight[k];
      if (attrs.center) mean += g[i] / n;
      along += g[i] * x[i] / n;
    }
    for (auto i = static_cast<size_t>(start); i < static_cast<size_t>(start + rows.length()); ++i) {
      g[i] = scale * (g[i] - mean - x[i] * along);
    }
  }
  store_values(call.outputs[0], call.output_data[0], g);
  store_values(call.outputs[1], call.output_data[1], dweight);
  store_values(call.outputs[2], call.output_data[2], dbias);
}

}  // namespace

void register_scaled_norm(KernelTable& table) {
  table.add(OpId::scaled_normalize, Provider::ref, prepare<run_scaled_normalize, is_floating>);
  table.add(OpId::scaled_normalize_backward, Provider::ref, prepare<run_scaled_normalize_backward, is_floating>);
}

}  // namespace pydl::backends::ref
