#include "training/steps.h"

#include "pydl/autograd.h"
#include "pydl/ops.h"
#include "training/loss_value.h"

namespace pydl::train {

namespace {

using Batch = std::span<const Tensor>;

struct Forward {
  std::vector<Tensor> outputs;
  LossValue loss;
};

std::vector<Tensor> outputs_of(const Parts& parts, Batch inputs, bool training) {
  std::vector<Tensor> outputs = parts.model.function()(inputs, training);
  for (const Tensor& output : outputs) {
    if (!output.defined()) throw ValueError("Trainer: the model function returned an undefined tensor");
  }
  if (outputs.empty()) throw ValueError("Trainer: the model function returned no tensors");
  return outputs;
}

Forward forward(const Parts& parts, Batch batch, bool training) {
  Forward result;
  result.outputs = outputs_of(parts, parts.inputs(batch), training);
  result.loss = measure(parts.loss, result.outputs, parts.targets(batch), parts.weights(batch), batch[0].size(0));
  return result;
}

Tensor all_finite(const Parts& parts, const Tensor& loss) {
  Tensor finite = isfinite(loss);
  for (const Tensor& parameter : parts.optimizer.parameters()) {
    if (parameter.grad().defined()) finite = logical_and(finite, all(isfinite(parameter.grad())));
  }
  return finite;
}

const Tensor& measured(Batch tensors, size_t number, const std::string& metric, const char* what) {
  if (number < tensors.size()) return tensors[number];
  throw ValueError(concat_text("Trainer: the metric '", metric, "' measures ", what, " ", number,
                               ", but there are only ", tensors.size()));
}

// Loss, weight, whether all is finite, and the sums of each metric.
std::vector<Tensor> results_of(const Parts& parts, const Forward& step, Batch batch, const Tensor& finite) {
  const GradMode without_history(false);
  std::vector<Tensor> results = {step.loss.mean.detach(), step.loss.weight, finite};
  for (const Metric& metric : parts.options.metrics) {
    const Tensor& output = measured(step.outputs, metric.output, metric.name, "output");
    const Tensor& target = measured(parts.targets(batch), metric.target, metric.name, "target");
    results.push_back(metric.weighted ? metric.weighted_sums(output.detach(), target, parts.weights(batch))
                                      : metric.sums(output.detach(), target));
  }
  return results;
}

void require_gradient(const Tensor& loss) {
  if (loss.requires_grad()) return;
  throw ValueError(
      "Trainer: the loss does not depend on a parameter that learns; all are frozen, or the model or the loss computes "
      "with detach() or without recording");
}

std::vector<Tensor> whole_step(const Parts& parts, Batch batch) {
  const GradMode recording(true);
  optim::Optimizer optimizer = parts.optimizer;
  const Forward step = forward(parts, batch, true);
  require_gradient(step.loss.mean);
  optimizer.zero_grad();
  step.loss.mean.backward();
  std::vector<Tensor> results = results_of(parts, step, batch, ones({}, DType::boolean));
  optimizer.step();
  optimizer.zero_grad();
  return results;
}

// The last argument is the unit.
std::vector<Tensor> gradient_step(const Parts& parts, Batch arguments) {
  const GradMode recording(true);
  const Batch batch = arguments.subspan(0, arguments.size() - 1);
  const Forward step = forward(parts, batch, true);
  require_gradient(step.loss.mean);
  if (parts.options.accumulate > 1) {
    const Tensor scale = astype(step.loss.weight / arguments.back(), step.loss.mean.dtype());
    (step.loss.mean * scale).backward();
  } else {
    step.loss.mean.backward();
  }
  const GradMode without_history(false);
  const Tensor finite = parts.guards() ? all_finite(parts, step.loss.mean.detach()) : ones({}, DType::boolean);
  return results_of(parts, step, batch, finite);
}

std::vector<Tensor> update_step(const Parts& parts, Batch arguments) {
  const GradMode without_history(false);
  optim::Optimizer optimizer = parts.optimizer;
  if (parts.options.accumulate > 1) {
    for (const Tensor& each : parts.optimizer.parameters()) {
      Tensor parameter = each;
      if (!parameter.grad().defined()) continue;
      const DType wide = promote(parameter.grad().dtype(), DType::float32);
      const Tensor mean = astype(parameter.grad(), wide) / astype(arguments[0], wide);
      parameter.set_grad(astype(mean, parameter.grad().dtype()));
    }
  }
  optimizer.step();
  optimizer.zero_grad();
  return {};
}

std::vector<Tensor> evaluation_step(const Parts& parts, Batch batch) {
  const Forward step = forward(parts, batch, false);
  return results_of(parts, step, batch, ones({}, DType::boolean));
}

}  // namespace

Tensor Parts::weights(Batch batch) const {
  return options.sample_weights ? batch[options.inputs + options.targets] : Tensor{};
}

bool Parts::guards() const { return options.non_finite == NonFinite::stop || options.non_finite == NonFinite::skip; }

Steps::Steps(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {
  std::vector<StateSource> states = {parts_->params};
  states.insert(states.end(), parts_->options.states.begin(), parts_->options.states.end());
  const auto declare = [&](const std::vector<Tensor>& tensors) {
    for (const Tensor& tensor : tensors) states.emplace_back(tensor);
  };
  declare(parts_->loss.parts().tensors);
  for (const Metric& metric : parts_->options.metrics) declare(metric.tensors);
  const auto made = [&](std::vector<Tensor> (*step)(const Parts&, Batch)) -> TensorFunction {
    TensorFunction function = [step, own = parts_](Batch arguments) { return step(*own, arguments); };
    if (!parts_->options.compile) return function;
    const CompiledFunction compiled =
        pydl::compile(std::move(function), {.states = states, .program = parts_->options.program});
    return [compiled](Batch arguments) { return compiled(arguments); };
  };
  gradients_ = made(gradient_step);
  evaluate_ = made(evaluation_step);
  predict_ = made([](const Parts& own, Batch inputs) { return outputs_of(own, inputs, false); });
  // The others need not be traced again when the optimiser makes its moments.
  states.emplace_back(parts_->optimizer);
  whole_ = made(whole_step);
  update_ = made(update_step);
}

StepValues Steps::read(const std::vector<Tensor>& results) const {
  return {results[0].item(), results[1].item(), results[2].item() != 0, {results.begin() + 3, results.end()}};
}

StepValues Steps::whole(Batch batch) const { return read(whole_(batch)); }

StepValues Steps::gradients(Batch batch, double unit) const {
  std::vector<Tensor> arguments(batch.begin(), batch.end());
  arguments.push_back(Tensor::scalar(unit, DType::float64));
  return read(gradients_(arguments));
}

void Steps::update(double divisor) const {
  const Tensor argument[] = {Tensor::scalar(divisor, DType::float64)};
  update_(argument);
}

StepValues Steps::evaluate(Batch batch) const {
  const GradMode without_history(false);
  return read(evaluate_(batch));
}

std::vector<Tensor> Steps::predict(Batch inputs) const {
  const GradMode without_history(false);
  return predict_(inputs);
}

}  // namespace pydl::train
