// Muon: momentum made orthogonal. Composed of ops on stacks of matrices of one shape, because an iteration is three
// products, which are fast for stacks.
#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "pydl/autograd.h"
#include "pydl/manipulation.h"
#include "pydl/ops.h"
#include "pydl/optim.h"

namespace pydl::optim {

namespace {

// The polar factor of each matrix, roughly: iterations drive all singular values towards 1.
Tensor orthogonalized(const Tensor& stack, const MuonOptions& options) {
  const bool is_tall = stack.shape()[1] > stack.shape()[2];
  Tensor x = is_tall ? matrix_transpose(stack) : stack;
  const Tensor norm = sqrt(sum(square(x), {1, 2}, true));
  x = x / maximum(norm, full({}, options.epsilon, x.dtype()));
  for (int64_t i = 0; i < options.steps; ++i) {
    const Tensor gram = matmul(x, matrix_transpose(x));
    x = x * options.a + matmul(gram * options.b + matmul(gram, gram) * options.c, x);
  }
  return is_tall ? matrix_transpose(x) : x;
}

double relative_size(const Dims& shape, const MuonOptions& options) {
  const auto rows = static_cast<double>(shape[0]);
  const auto columns = static_cast<double>(shape[1]);
  if (options.match_adamw) return 0.2 * std::sqrt(std::max(rows, columns));
  return std::sqrt(std::max(1.0, rows / columns));
}

Tensor stacked(std::span<const Tensor> tensors, const std::vector<size_t>& members, DType dtype) {
  std::vector<Tensor> chosen;
  for (const size_t member : members) chosen.push_back(astype(tensors[member].detach(), dtype));
  return stack(chosen);
}

// Overwrites the members of a list by a stack.
void scatter_stack(std::span<const Tensor> tensors, const std::vector<size_t>& members, const Tensor& values) {
  for (size_t i = 0; i < members.size(); ++i) {
    const Tensor& target = tensors[members[i]];
    assign(target, astype(select(values, 0, static_cast<int64_t>(i)), target.dtype()));
  }
}

void require_same_shape(const Tensor& parameter, const Tensor& velocity, const Tensor& gradient) {
  if (!parameter.defined() || !velocity.defined() || !gradient.defined()) {
    throw ValueError("update: an undefined tensor was given");
  }
  if (velocity.shape() == parameter.shape() && gradient.shape() == parameter.shape()) return;
  throw ValueError(concat_text("update: a parameter has shape ", parameter.shape(), ", its velocity ", velocity.shape(),
                               " and its gradient ", gradient.shape()));
}

// Updates the matrices of one shape and dtype.
void update_stack(std::span<const Tensor> parameters, std::span<const Tensor> velocities,
                  std::span<const Tensor> gradients, const std::vector<size_t>& members, const Tensor& lr,
                  const MuonOptions& options) {
  const Tensor& first = parameters[members[0]];
  if (element_count(first.shape()) == 0) return;
  const DType dtype = promote(first.dtype(), DType::float32);
  Tensor gradient = stacked(gradients, members, dtype);
  if (options.maximize) gradient = -gradient;
  const Tensor velocity = stacked(velocities, members, dtype) * options.momentum + gradient * (1 - options.momentum);
  scatter_stack(velocities, members, velocity);
  const Tensor ahead = gradient * (1 - options.momentum) + velocity * options.momentum;
  const Tensor direction = orthogonalized(options.nesterov ? ahead : velocity, options);
  const Tensor kept = astype(1.0 - lr * options.weight_decay, dtype);
  const Tensor size = astype(lr * relative_size(first.shape(), options), dtype);
  scatter_stack(parameters, members, stacked(parameters, members, dtype) * kept - direction * size);
}

}  // namespace

void update(const Tensor& step, std::span<const Tensor> parameters, TensorLists states,
            std::span<const Tensor> gradients, const Tensor& lr, const MuonOptions& options) {
  if (states.size() != 1 || states[0].size() != parameters.size() || gradients.size() != parameters.size()) {
    throw ValueError(concat_text("update: expected a velocity and a gradient for each of ", parameters.size(),
                                 " parameters, got ", states.size(), " lists of states and ", gradients.size(),
                                 " gradients"));
  }
  if (!step.defined() || !lr.defined()) throw ValueError("update: expected step and lr, got an undefined tensor");
  std::map<std::tuple<int64_t, int64_t, DType>, std::vector<size_t>> members;
  for (size_t i = 0; i < parameters.size(); ++i) {
    require_same_shape(parameters[i], states[0][i], gradients[i]);
    const Dims& shape = parameters[i].shape();
    if (shape.rank() != 2) throw ValueError(concat_text("update: expected a matrix, got shape ", shape));
    members[{shape[0], shape[1], parameters[i].dtype()}].push_back(i);
  }
  const GradMode without_history(false);
  assign(step, step + 1);
  for (const auto& entry : members) {
    update_stack(parameters, states[0], gradients, entry.second, lr, options);
  }
}

}  // namespace pydl::optim
