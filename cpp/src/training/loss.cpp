// Losses as means over samples, or over what counts.
#include "pydl/autograd.h"
#include "pydl/ops.h"
#include "training/loss_value.h"

namespace pydl::train {

namespace {

using Tensors = std::span<const Tensor>;

const Tensor& only(Tensors tensors, const char* what) {
  if (tensors.size() == 1) return tensors[0];
  throw ValueError(concat_text("Trainer: a loss of one output and one target got ", tensors.size(), " ", what,
                               "; weighted_sum says which ones losses take, or give a function of all of them"));
}

const Tensor& chosen(Tensors tensors, size_t number, const char* what) {
  if (number < tensors.size()) return tensors[number];
  throw ValueError(concat_text("Trainer: ", what, " ", number, " was chosen for a loss or metric, but there are only ",
                               tensors.size()));
}

Tensor called(const Loss::Function& function, Tensors outputs, Tensors targets) {
  const Tensor result = function(outputs, targets);
  if (!result.defined()) throw ValueError("Trainer: the loss function returned an undefined tensor");
  return result;
}

// The quotient; 0 where nothing counts.
Tensor mean_of(const Tensor& total, const Tensor& weight) {
  const Tensor zero = zeros({}, DType::float64);
  const Tensor divisor = where(equal(weight, zero), ones({}, DType::float64), weight);
  return total / astype(divisor, total.dtype());
}

// Weights (N) in the shape (N, 1, ...).
Tensor beside(const Tensor& weights, const Tensor& losses) {
  Dims shape = Dims::filled(losses.rank(), 1);
  shape[0] = weights.size();
  return reshape(weights, shape);
}

Tensor losses_of_samples(const Loss& loss, Tensors outputs, Tensors targets, int64_t samples) {
  const Loss::Parts& parts = loss.parts();
  const Tensor each = called(parts.each ? parts.each : parts.mean, outputs, targets);
  if (each.rank() > 0 && each.size(0) == samples) return each;
  throw ValueError(concat_text("Trainer: sample weights need a loss for each of the ", samples, " samples, got shape ",
                               each.shape(), "; use Reduction::none"));
}

// A number for each sample, (N), whose mean is that of the loss.
Tensor shares_of_samples(const Loss& loss, Tensors outputs, Tensors targets, int64_t samples) {
  const Tensor each = reshape(losses_of_samples(loss, outputs, targets, samples), {samples, -1});
  if (!loss.parts().counts) return mean(each, {1});
  const Tensor counts = sum(astype(called(loss.parts().counts, outputs, targets), DType::float64));
  return mean_of(sum(each, {1}) * samples, counts);
}

// Weighted losses are divided by what counts without the weights, as in Python.
LossValue weighted_mean(const Loss& loss, Tensors outputs, Tensors targets, const Tensor& weights, int64_t samples) {
  const Tensor each = losses_of_samples(loss, outputs, targets, samples);
  const Tensor scale = beside(astype(weights, each.dtype()), each);
  if (loss.parts().counts) {
    const Tensor counts = sum(astype(called(loss.parts().counts, outputs, targets), DType::float64));
    return {mean_of(sum(each * scale), counts), counts};
  }
  return {mean(each * scale), full({}, samples, DType::float64)};
}

}  // namespace

Model::Function Model::of_one(OfOne function) {
  if (!function) return {};
  return [function = std::move(function)](Tensors inputs, bool training) -> std::vector<Tensor> {
    if (inputs.size() == 1) return {function(inputs[0], training)};
    throw ValueError(concat_text("Trainer: a model of one input got ", inputs.size(),
                                 "; let its function take std::span<const Tensor>"));
  };
}

Loss::Function Loss::of_one(OfOne function) {
  if (!function) return {};
  return [function = std::move(function)](Tensors outputs, Tensors targets) {
    return function(only(outputs, "outputs"), only(targets, "targets"));
  };
}

LossValue measure(const Loss& loss, Tensors outputs, Tensors targets, const Tensor& weights, int64_t samples) {
  if (weights.defined()) return weighted_mean(loss, outputs, targets, weights, samples);
  const Loss::Parts& parts = loss.parts();
  Tensor value = called(parts.mean, outputs, targets);
  if (value.rank() > 0) value = mean(value);
  const GradMode without_history(false);
  const Tensor weight = parts.counts ? sum(astype(called(parts.counts, outputs, targets), DType::float64))
                                     : full({}, samples, DType::float64);
  return {value, weight};
}

Loss cross_entropy(const nn::CrossEntropyOptions& options) {
  if (options.reduction != Reduction::mean) {
    throw ValueError("cross_entropy: expected the reduction to be the mean; the trainer asks for others itself");
  }
  nn::CrossEntropyOptions of_each = options;
  of_each.reduction = Reduction::none;
  const auto counts = [options](const Tensor& output, const Tensor& target) {
    const GradMode without_history(false);
    // Probabilities of the classes count as one target.
    if (is_floating(target.dtype())) return sum(ones(output.shape(), DType::float64), {1}) / output.size(1);
    const Tensor labels = astype(target, DType::int64);
    const Tensor counted = not_equal(labels, full({}, options.ignore_index, DType::int64));
    if (!options.class_weights.defined()) return astype(counted, DType::float64);
    const Tensor classes = where(counted, labels, zeros({}, DType::int64));
    const Tensor weights = take(astype(options.class_weights, DType::float64), classes);
    return where(counted, weights, zeros({}, DType::float64));
  };
  const auto of = [](auto function) -> Loss::Function {
    return [function](Tensors outputs, Tensors targets) {
      return function(only(outputs, "outputs"), only(targets, "targets"));
    };
  };
  return Loss::Parts{
      .mean = of([options](const Tensor& x, const Tensor& y) { return nn::cross_entropy(x, y, options); }),
      .each = of([of_each](const Tensor& x, const Tensor& y) { return nn::cross_entropy(x, y, of_each); }),
      .counts = of(counts),
      .tensors = options.class_weights.defined() ? std::vector<Tensor>{options.class_weights} : std::vector<Tensor>{}};
}

Loss weighted_sum(std::vector<LossTerm> terms) {
  if (terms.empty()) throw ValueError("weighted_sum: expected terms, got none");
  for (const LossTerm& term : terms) {
    if (!term.loss.parts().mean) throw ValueError("weighted_sum: expected loss functions, got an empty one");
  }
  std::vector<Tensor> tensors;
  for (const LossTerm& term : terms) {
    const std::vector<Tensor>& own = term.loss.parts().tensors;
    tensors.insert(tensors.end(), own.begin(), own.end());
  }
  const auto sum_of = [terms = std::move(terms)](Tensors outputs, Tensors targets, bool by_sample) {
    Tensor total;
    for (const LossTerm& term : terms) {
      const Tensor output[] = {chosen(outputs, term.output, "output")};
      const Tensor target[] = {chosen(targets, term.target, "target")};
      Tensor value;
      if (by_sample) {
        value = shares_of_samples(term.loss, output, target, output[0].size(0));
      } else {
        value = called(term.loss.parts().mean, output, target);
        if (value.rank() > 0) value = mean(value);
      }
      const Tensor part = value * term.weight;
      total = total.defined() ? total + part : part;
    }
    return total;
  };
  return Loss::Parts{.mean = [sum_of](Tensors outputs, Tensors targets) { return sum_of(outputs, targets, false); },
                     .each = [sum_of](Tensors outputs, Tensors targets) { return sum_of(outputs, targets, true); },
                     .tensors = std::move(tensors)};
}

Metric loss_metric(const std::string& name, const Loss& loss, size_t output, size_t target) {
  if (!loss.parts().mean) throw ValueError("loss_metric: expected a loss function, got an empty one");
  return {name,
          [loss](const Tensor& x, const Tensor& y) {
            const Tensor outputs[] = {x};
            const Tensor targets[] = {y};
            const LossValue value = measure(loss, outputs, targets, {}, x.size(0));
            const Tensor zero = zeros({}, DType::float64);
            const Tensor total = astype(value.mean, DType::float64) * value.weight;
            return stack({where(equal(value.weight, zero), zero, total), value.weight});
          },
          [](std::span<const double> sums) { return sums[0] / sums[1]; },
          output,
          target,
          loss.parts().tensors};
}

}  // namespace pydl::train
