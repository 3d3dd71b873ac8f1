// L-BFGS: its memory of steps, the direction that follows from it, and the iterations.
#include "optim/lbfgs_state.h"

#include <algorithm>
#include <cmath>

#include "optim/flat_vector.h"
#include "optim/line_search.h"
#include "pydl/autograd.h"
#include "pydl/ops.h"

namespace pydl::optim {

namespace {

double largest_of(const Tensor& x) { return x.size() > 0 ? max(abs(x)).item() : 0; }

// One call of `LbfgsMemory::iterate`.
class LbfgsRun {
 public:
  LbfgsRun(LbfgsMemory& memory, const std::vector<Tensor>& parameters, const LbfgsOptions& options, const Tensor& lr,
           const std::function<double()>& closure)
      : memory_(memory),
        parameters_(parameters),
        options_(options),
        lr_(lr),
        closure_(closure),
        dtype_(flat_dtype(parameters)) {}

  double iterate() {
    const int64_t last = memory_.evaluations + options_.calls.value_or(options_.iterations * 5 / 4);
    LinePoint point{0, evaluate(), 0, {}};
    const double first_loss = point.value;
    point.gradient = flat_gradient();
    if (largest_of(point.gradient) <= options_.gradient_tolerance) return first_loss;
    for (int64_t i = 0; i < options_.iterations; ++i) {
      point.slope = find_direction(point.gradient);
      if (point.slope > -options_.change_tolerance) break;
      const double before = point.value;
      const double rate = lr_.item();
      const bool is_first = memory_.iterations == 1;
      const double start = is_first ? std::min(1.0, 1.0 / sum(abs(point.gradient)).item()) * rate : rate;
      point.position = 0;
      if (!options_.line_search && i + 1 == options_.iterations) {
        // The next step computes loss and gradients of where this one ends.
        move_from(join(parameters_, dtype_), start);
        memory_.size = start;
        break;
      }
      const double longest = largest_of(memory_.direction);
      point = walk(point, start, longest);
      memory_.size = point.position;
      const bool still = longest * std::abs(memory_.size) <= options_.change_tolerance ||
                         std::abs(point.value - before) < options_.change_tolerance;
      if (memory_.evaluations >= last || largest_of(point.gradient) <= options_.gradient_tolerance || still ||
          !std::isfinite(point.value)) {
        break;
      }
    }
    return first_loss;
  }

 private:
  double evaluate() {
    const GradMode recording(true);
    const double loss = closure_();
    ++memory_.evaluations;
    return loss;
  }

  Tensor flat_gradient() const {
    clip();
    std::vector<Tensor> gradients;
    for (const Tensor& p : parameters_) {
      gradients.push_back(p.grad().defined() ? p.grad() : zeros_like(p.detach()));
    }
    return join(gradients, dtype_);
  }

  void clip() const {
    if (!options_.clipping.norm && !options_.clipping.value) return;
    std::vector<Tensor> trained;
    std::copy_if(parameters_.begin(), parameters_.end(), std::back_inserter(trained),
                 [](const Tensor& p) { return p.requires_grad(); });
    if (options_.clipping.norm) clip_grad_norm(trained, *options_.clipping.norm);
    if (options_.clipping.value) clip_grad_value(trained, *options_.clipping.value);
  }

  // The approximate inverse Hessian times -gradient, in two loops over what is remembered, and the slope along that.
  double find_direction(const Tensor& gradient) {
    ++memory_.iterations;
    if (memory_.direction.defined()) remember_step(gradient);
    const std::vector<LbfgsMemory::Pair>& pairs = memory_.pairs;
    const Tensor vector = -gradient;
    double product = inner_product(pairs.empty() ? gradient : pairs.back().step, vector);
    std::vector<double> factors(pairs.size());
    for (size_t i = pairs.size(); i-- > 0;) {
      factors[i] = product / pairs[i].curvature;
      const double scale = i > 0 ? 1 : memory_.scale;
      product =
          combine(vector, scale, pairs[i].change, -factors[i] * scale, i > 0 ? pairs[i - 1].step : pairs[i].change);
    }
    for (size_t i = 0; i < pairs.size(); ++i) {
      const double factor = factors[i] - product / pairs[i].curvature;
      product = combine(vector, 1, pairs[i].step, factor, i + 1 < pairs.size() ? pairs[i + 1].change : gradient);
    }
    memory_.direction = vector;
    memory_.gradient = gradient;
    return product;
  }

  void remember_step(const Tensor& gradient) {
    const Tensor change = gradient - memory_.gradient;
    const Tensor step = memory_.direction * memory_.size;
    const double curvature = inner_product(change, step);
    if (!(curvature > 1e-10)) return;  // the inverse Hessian would not stay positive definite
    memory_.pairs.push_back({step, change, curvature});
    while (static_cast<int64_t>(memory_.pairs.size()) > options_.history) memory_.pairs.erase(memory_.pairs.begin());
    memory_.scale = curvature / inner_product(change, change);
  }

  void move_from(const Tensor& start, double position) const {
    write_back(start + memory_.direction * position, parameters_);
  }

  // Goes along the direction, and returns where that ended. `longest` is the direction's largest element.
  LinePoint walk(const LinePoint& origin, double size, double longest) {
    const Tensor start = join(parameters_, dtype_);
    if (!options_.line_search) {
      move_from(start, size);
      const double loss = evaluate();
      return {size, loss, 0, flat_gradient()};
    }
    const auto at = [&](double position) -> LinePoint {
      move_from(start, position);
      const double value = evaluate();
      const Tensor found = flat_gradient();
      return {position, value, inner_product(found, memory_.direction), found};
    };
    const LinePoint best = search_line(at, origin, size, options_.change_tolerance / std::max(longest, 1e-300));
    move_from(start, best.position);
    return best;
  }

  LbfgsMemory& memory_;
  const std::vector<Tensor>& parameters_;
  const LbfgsOptions& options_;
  const Tensor& lr_;
  const std::function<double()>& closure_;
  DType dtype_;
};

}  // namespace

double LbfgsMemory::iterate(const std::vector<Tensor>& parameters, const LbfgsOptions& options, const Tensor& lr,
                            const std::function<double()>& closure) {
  const GradMode without_history(false);
  return LbfgsRun(*this, parameters, options, lr, closure).iterate();
}

ParamSet LbfgsMemory::tensors(const Tensor& lr) const {
  ParamSet result;
  result.tensors = {{"lr.0", lr},
                    {"iterations", Tensor::scalar(iterations, DType::int64)},
                    {"evaluations", Tensor::scalar(evaluations, DType::int64)},
                    {"scale", Tensor::scalar(scale, DType::float64)},
                    {"size", Tensor::scalar(size, DType::float64)}};
  if (direction.defined()) {
    result.tensors.emplace_back("direction", direction);
    result.tensors.emplace_back("gradient", gradient);
  }
  for (size_t i = 0; i < pairs.size(); ++i) {
    result.tensors.emplace_back(concat_text("step.", i), pairs[i].step);
    result.tensors.emplace_back(concat_text("change.", i), pairs[i].change);
  }
  return result;
}

double LbfgsMemory::load(const ParamSet& states, const std::vector<Tensor>& parameters, const std::string& caller) {
  const DType dtype = flat_dtype(parameters);
  int64_t elements = 0;
  for (const Tensor& parameter : parameters) elements += parameter.size();
  const auto find = [&](const std::string& name, const Dims& shape) -> const Tensor& {
    const Tensor* found = states.find(name);
    if (found == nullptr) throw ValueError(concat_text(caller, ": ", name, " is missing"));
    if (!found->defined() || found->shape() != shape) {
      throw ValueError(concat_text(caller, ": ", name, ": expected shape ", shape, ", got ",
                                   found->defined() ? concat_text(found->shape()) : "an undefined tensor"));
    }
    return *found;
  };
  const auto find_vector = [&](const std::string& name) {
    return copy(astype(find(name, {elements}).detach(), dtype));
  };
  LbfgsMemory loaded;
  size_t used = 5;
  const double rate = find("lr.0", {}).item();
  loaded.iterations = find("iterations", {}).item_int();
  loaded.evaluations = find("evaluations", {}).item_int();
  loaded.scale = find("scale", {}).item();
  loaded.size = find("size", {}).item();
  if (states.find("direction") != nullptr) {
    loaded.direction = find_vector("direction");
    loaded.gradient = find_vector("gradient");
    used += 2;
  }
  for (size_t i = 0; states.find(concat_text("step.", i)) != nullptr; ++i, used += 2) {
    const Tensor step = find_vector(concat_text("step.", i));
    const Tensor change = find_vector(concat_text("change.", i));
    loaded.pairs.push_back({step, change, inner_product(change, step)});
  }
  if (used != states.tensors.size()) {
    throw ValueError(concat_text(caller, ": there are tensors that are not part of this optimiser"));
  }
  *this = std::move(loaded);
  return rate;
}

}  // namespace pydl::optim
