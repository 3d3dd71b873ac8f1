// L-BFGS: its memory of steps, and the direction that follows from it.
#include "pydl/lbfgs.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "optim/line_search.h"
#include "pydl/autograd.h"
#include "pydl/ops.h"
#include "pydl/program.h"

namespace pydl::optim {

namespace {

double dot(const Tensor& a, const Tensor& b) { return sum(a * b).item(); }

double largest(const Tensor& x) { return x.size() > 0 ? max(abs(x)).item() : 0; }

std::vector<Tensor> trained(const ParamSet& params) {
  std::vector<Tensor> result;
  for (const auto& [name, tensor] : params.tensors) {
    if (!tensor.defined()) throw ValueError(concat_text("Lbfgs: ", name, " is an undefined tensor"));
    if (tensor.requires_grad()) result.push_back(tensor);
  }
  return result;
}

void require_lr(double value) {
  if (value >= 0 && std::isfinite(value)) return;
  throw ValueError(concat_text("Lbfgs: expected a learning rate of at least 0, got ", value));
}

void check_lbfgs(const std::vector<Tensor>& parameters, const LbfgsOptions& options) {
  if (parameters.empty()) throw ValueError("Lbfgs: expected tensors that require gradients, got none");
  std::unordered_set<const void*> seen;
  for (const Tensor& parameter : parameters) {
    if (!parameter.defined()) throw ValueError("Lbfgs: an undefined tensor was given");
    if (!parameter.is_leaf() || !is_floating(parameter.dtype())) {
      throw ValueError(concat_text("Lbfgs: a parameter of shape ", parameter.shape(), " and ", parameter.dtype(),
                                   " is not a floating-point leaf"));
    }
    if (!seen.insert(parameter.impl()).second) {
      throw ValueError(concat_text("Lbfgs: a parameter was given twice, that of shape ", parameter.shape()));
    }
  }
  require_lr(options.lr);
  const auto at_least = [](const char* name, auto value, auto least) {
    if (!(value >= least)) {
      throw ValueError(concat_text("Lbfgs: expected ", name, " of at least ", least, ", got ", value));
    }
  };
  at_least("iterations", options.iterations, int64_t{1});
  at_least("calls", options.calls.value_or(1), int64_t{1});
  at_least("history", options.history, int64_t{1});
  at_least("gradient_tolerance", options.gradient_tolerance, 0.0);
  at_least("change_tolerance", options.change_tolerance, 0.0);
  at_least("a norm to clip by", options.clipping.norm.value_or(0), 0.0);
  at_least("a value to clip by", options.clipping.value.value_or(0), 0.0);
  if (options.clipping.norm && options.clipping.value) {
    throw ValueError("Lbfgs: expected gradients to be clipped by norm or by value, got both");
  }
}

void remember(std::vector<Tensor>& list, const Tensor& tensor, int64_t most) {
  list.push_back(tensor);
  if (static_cast<int64_t>(list.size()) > most) list.erase(list.begin());
}

}  // namespace

struct Lbfgs::State {
  // What is known of the function: the last steps and the changes of the gradient.
  struct Memory {
    std::vector<Tensor> steps;
    std::vector<Tensor> changes;
    double scale = 1;  // of the first guess of the inverse Hessian
    Tensor direction;
    Tensor gradient;  // at the last point
    double size = 0;  // of the last step, times the direction
    int64_t iterations = 0;
    int64_t evaluations = 0;
  };

  State(std::vector<Tensor> given, const LbfgsOptions& chosen) : parameters(std::move(given)), options(chosen) {
    check_lbfgs(parameters, options);
    lr = full({}, options.lr, DType::float64);
  }

  double evaluate(const Closure& closure) {
    const GradMode recording(true);
    const Tensor loss = closure();
    if (!loss.defined()) throw ValueError("Lbfgs: the closure returned an undefined tensor instead of the loss");
    ++memory.evaluations;
    return loss.item();
  }

  Tensor flat_gradient() const {
    if (options.clipping.norm) clip_grad_norm(parameters, *options.clipping.norm);
    if (options.clipping.value) clip_grad_value(parameters, *options.clipping.value);
    std::vector<Tensor> parts;
    for (const Tensor& p : parameters) {
      parts.push_back(reshape(p.grad().defined() ? p.grad() : zeros_like(p.detach()), {-1}));
    }
    return concat(parts);
  }

  void move(const Tensor& direction, double size) const {
    int64_t start = 0;
    for (const Tensor& p : parameters) {
      const Tensor part = slice(direction, {start}, {p.size()}, {1});
      assign(p, p.detach() + astype(reshape(part * size, p.shape()), p.dtype()));
      start += p.size();
    }
  }

  void set(const std::vector<Tensor>& values) const {
    for (size_t i = 0; i < parameters.size(); ++i) assign(parameters[i], values[i]);
  }

  Tensor times_inverse_hessian(Tensor vector) const {
    std::vector<double> factors(memory.steps.size());
    for (size_t i = memory.steps.size(); i-- > 0;) {
      factors[i] = dot(memory.steps[i], vector) / dot(memory.changes[i], memory.steps[i]);
      vector = vector - memory.changes[i] * factors[i];
    }
    vector = vector * memory.scale;
    for (size_t i = 0; i < memory.steps.size(); ++i) {
      const double factor = dot(memory.changes[i], vector) / dot(memory.changes[i], memory.steps[i]);
      vector = vector + memory.steps[i] * (factors[i] - factor);
    }
    return vector;
  }

  void find_direction(const Tensor& gradient) {
    ++memory.iterations;
    if (!memory.direction.defined()) {
      memory.direction = -gradient;
    } else {
      const Tensor change = gradient - memory.gradient;
      const Tensor step = memory.direction * memory.size;
      const double curvature = dot(change, step);
      if (curvature > 1e-10) {  // otherwise the inverse Hessian would not stay positive definite
        remember(memory.changes, change, options.history);
        remember(memory.steps, step, options.history);
        memory.scale = curvature / dot(change, change);
      }
      memory.direction = times_inverse_hessian(-gradient);
    }
    memory.gradient = gradient;
  }

  // Goes along the direction, and returns where that ended.
  LinePoint walk(const Closure& closure, const LinePoint& origin, double size) {
    const Tensor direction = memory.direction;
    if (!options.line_search) {
      move(direction, size);
      const double loss = evaluate(closure);
      return {size, loss, 0, flat_gradient()};
    }
    std::vector<Tensor> start;
    for (const Tensor& p : parameters) start.push_back(copy(p.detach()));
    const auto at = [&](double position) -> LinePoint {
      set(start);
      move(direction, position);
      const double value = evaluate(closure);
      const Tensor found = flat_gradient();
      return {position, value, dot(found, direction), found};
    };
    const double tolerance = options.change_tolerance / std::max(largest(direction), 1e-300);
    const LinePoint best = search_line(at, origin, size, tolerance);
    set(start);
    move(direction, best.position);
    return best;
  }

  double iterate(const Closure& closure) {
    const int64_t last = memory.evaluations + options.calls.value_or(options.iterations * 5 / 4);
    LinePoint point{0, evaluate(closure), 0, {}};
    const double first_loss = point.value;
    point.gradient = flat_gradient();
    if (largest(point.gradient) <= options.gradient_tolerance) return first_loss;
    for (int64_t i = 0; i < options.iterations; ++i) {
      find_direction(point.gradient);
      point.slope = dot(point.gradient, memory.direction);
      if (point.slope > -options.change_tolerance) break;
      const double before = point.value;
      const double rate = lr.item();
      const double start = memory.iterations == 1 ? std::min(1.0, 1.0 / sum(abs(point.gradient)).item()) * rate : rate;
      point.position = 0;
      point = walk(closure, point, start);
      memory.size = point.position;
      const bool still = largest(memory.direction * memory.size) <= options.change_tolerance ||
                         std::abs(point.value - before) < options.change_tolerance;
      if (memory.evaluations >= last || largest(point.gradient) <= options.gradient_tolerance || still ||
          !std::isfinite(point.value)) {
        break;
      }
    }
    return first_loss;
  }

  std::vector<Tensor> parameters;
  LbfgsOptions options;
  Tensor lr;
  Memory memory;
};

Lbfgs::Lbfgs(const ParamSet& params, const LbfgsOptions& options) : Lbfgs(trained(params), options) {}
Lbfgs::Lbfgs(const std::vector<Tensor>& parameters, const LbfgsOptions& options)
    : state_(std::make_shared<State>(parameters, options)) {}

double Lbfgs::step(const Closure& closure) {
  if (!closure) throw ValueError("Lbfgs: step: expected a function that computes loss and gradients, got none");
  if (is_tracing()) {
    throw TraceError(
        "Lbfgs: step reads losses and gradients to decide what to do next, so it cannot be compiled; compile the "
        "closure instead");
  }
  const GradMode without_history(false);
  return state_->iterate(closure);
}

void Lbfgs::zero_grad() {
  for (Tensor& parameter : state_->parameters) parameter.set_grad({});
}

const std::vector<Tensor>& Lbfgs::parameters() const { return state_->parameters; }
double Lbfgs::lr() const { return state_->lr.item(); }

void Lbfgs::set_lr(double value) {
  require_lr(value);
  assign(state_->lr, Tensor::scalar(value, DType::float64));
}

int64_t Lbfgs::steps() const { return state_->memory.iterations; }

ParamSet Lbfgs::states() const {
  const State::Memory& memory = state_->memory;
  ParamSet result;
  result.tensors = {{"lr.0", state_->lr},
                    {"iterations", Tensor::scalar(memory.iterations, DType::int64)},
                    {"evaluations", Tensor::scalar(memory.evaluations, DType::int64)},
                    {"scale", Tensor::scalar(memory.scale, DType::float64)},
                    {"size", Tensor::scalar(memory.size, DType::float64)}};
  if (memory.direction.defined()) {
    result.tensors.emplace_back("direction", memory.direction);
    result.tensors.emplace_back("gradient", memory.gradient);
  }
  for (size_t i = 0; i < memory.steps.size(); ++i) {
    result.tensors.emplace_back(concat_text("step.", i), memory.steps[i]);
    result.tensors.emplace_back(concat_text("change.", i), memory.changes[i]);
  }
  return result;
}

void Lbfgs::load_states(const ParamSet& states) {
  int64_t elements = 0;
  for (const Tensor& parameter : state_->parameters) elements += parameter.size();
  const Dims flat{elements};
  const auto find = [&](const std::string& name, const Dims& shape) {
    const Tensor* found = states.find(name);
    if (found == nullptr) throw ValueError(concat_text("Lbfgs: load_states: ", name, " is missing"));
    if (!found->defined() || found->shape() != shape) {
      throw ValueError(concat_text("Lbfgs: load_states: ", name, ": expected shape ", shape, ", got ",
                                   found->defined() ? concat_text(found->shape()) : "an undefined tensor"));
    }
    return copy(found->detach());
  };
  State::Memory memory;
  size_t used = 5;
  const double rate = find("lr.0", {}).item();
  memory.iterations = find("iterations", {}).item_int();
  memory.evaluations = find("evaluations", {}).item_int();
  memory.scale = find("scale", {}).item();
  memory.size = find("size", {}).item();
  if (states.find("direction") != nullptr) {
    memory.direction = find("direction", flat);
    memory.gradient = find("gradient", flat);
    used += 2;
  }
  for (; states.find(concat_text("step.", memory.steps.size())) != nullptr; used += 2) {
    const size_t number = memory.steps.size();
    memory.steps.push_back(find(concat_text("step.", number), flat));
    memory.changes.push_back(find(concat_text("change.", number), flat));
  }
  if (used != states.tensors.size()) {
    throw ValueError("Lbfgs: load_states: there are tensors that are not part of this optimiser");
  }
  set_lr(rate);
  state_->memory = std::move(memory);
}

}  // namespace pydl::optim
