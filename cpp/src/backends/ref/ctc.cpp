// CTC loss: likelihoods of all prefixes and suffixes of the states, in full tables of logarithms in double.
#include <algorithm>
#include <cmath>
#include <limits>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/attrs/ctc.h"
#include "op/ctc_batch.h"

namespace pydl::backends::ref {

namespace {

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

double log_add(double a, double b) {
  const double top = std::max(a, b);
  return top == minus_infinity ? a + b : top + std::log(std::exp(a - top) + std::exp(b - top));
}

// One sample; `emission(t, state)` is the log-probability of a state's class at step t.
template <class Emission>
class Paths {
 public:
  Paths(const op::CtcSample& sample, const Emission& emission) : sample_(sample), emission_(emission) {}

  // alpha[t][s]: the likelihood of all paths that are in state s at step t, from the first step to this one.
  void fill_prefixes(double* alpha) const {
    const int64_t states = sample_.states;
    for (int64_t t = 0; t < sample_.steps; ++t) {
      for (int64_t s = 0; s < states; ++s) {
        double before = minus_infinity;
        if (t == 0) {
          before = s < 2 ? 0 : minus_infinity;
        } else {
          const double* row = alpha + (t - 1) * states;
          before = row[s];
          if (s >= 1) before = log_add(before, row[s - 1]);
          if (sample_.may_skip(s)) before = log_add(before, row[s - 2]);
        }
        alpha[t * states + s] = before + emission_(t, s);
      }
    }
  }

  // beta[t][s]: the likelihood of the same paths from the step after t to the last one.
  void fill_suffixes(double* beta) const {
    const int64_t states = sample_.states;
    for (int64_t t = sample_.steps - 1; t >= 0; --t) {
      for (int64_t s = 0; s < states; ++s) {
        double behind = minus_infinity;
        if (t == sample_.steps - 1) {
          behind = s >= states - 2 ? 0 : minus_infinity;
        } else {
          const double* row = beta + (t + 1) * states;
          behind = row[s] + emission_(t + 1, s);
          if (s + 1 < states) behind = log_add(behind, row[s + 1] + emission_(t + 1, s + 1));
          if (s + 2 < states && sample_.may_skip(s + 2)) {
            behind = log_add(behind, row[s + 2] + emission_(t + 1, s + 2));
          }
        }
        beta[t * states + s] = behind;
      }
    }
  }

  double loss(const double* alpha) const {
    const int64_t states = sample_.states;
    if (sample_.steps == 0) return states == 1 ? 0 : -minus_infinity;
    const double* row = alpha + (sample_.steps - 1) * states;
    return -(states == 1 ? row[0] : log_add(row[states - 1], row[states - 2]));
  }

 private:
  const op::CtcSample& sample_;
  const Emission& emission_;
};

// Calls function(type, n, sample, paths) for each sample. The log-probabilities are operand `first`.
template <class Function>
void for_each_sample(const RefCall& call, size_t first, const Function& function) {
  const op::CtcBatch batch(op::from_attrs<op::CtcAttrs>(call.attrs), call.inputs.subspan(first));
  const auto* targets = static_cast<const int64_t*>(call.input_data[first + 1]);
  const auto* input_lengths = static_cast<const int64_t*>(call.input_data[first + 2]);
  const auto* target_lengths = static_cast<const int64_t*>(call.input_data[first + 3]);
  batch.check(targets, input_lengths, target_lengths);
  const BufferSpec& log_probs = call.inputs[first];
  visit_dtype(log_probs.dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (is_floating(DTypeOf<T>::value)) {
      for (int64_t n = 0; n < batch.count; ++n) {
        const op::CtcSample sample = batch.sample(n, targets, input_lengths, target_lengths);
        const auto emission = [&](int64_t t, int64_t s) -> double {
          return load<T>(call.input_data[first],
                         t * log_probs.strides[0] + n * log_probs.strides[1] + sample.label(s) * log_probs.strides[2]);
        };
        function(zero, n, sample, Paths(sample, emission));
      }
    }
  });
}

void run_ctc_loss(const RefCall& call) {
  const bool zero_infinity = op::from_attrs<op::CtcAttrs>(call.attrs).zero_infinity;
  auto* alpha = static_cast<double*>(call.scratchpad);
  for_each_sample(call, 0, [&](auto zero, int64_t n, const op::CtcSample&, const auto& paths) {
    paths.fill_prefixes(alpha);
    const double loss = paths.loss(alpha);
    store<decltype(zero)>(call.output_data[0], n, zero_infinity && std::isinf(loss) ? 0 : loss);
  });
}

void run_ctc_loss_backward(const RefCall& call) {
  const int64_t steps = call.inputs[1].shape[0];
  const int64_t classes = call.inputs[1].shape[2];
  const op::CtcBatch batch(op::from_attrs<op::CtcAttrs>(call.attrs), call.inputs.subspan(1));
  auto* alpha = static_cast<double*>(call.scratchpad);
  double* beta = alpha + steps * batch.most_states();
  double* row = beta + steps * batch.most_states();
  for_each_sample(call, 1, [&](auto zero, int64_t n, const op::CtcSample& sample, const auto& paths) {
    using T = decltype(zero);
    paths.fill_prefixes(alpha);
    paths.fill_suffixes(beta);
    const double loss = paths.loss(alpha);
    const double g = load<T>(call.input_data[0], n * call.inputs[0].strides[0]);
    for (int64_t t = 0; t < steps; ++t) {
      std::fill_n(row, classes, 0.0);
      if (t < sample.steps && !(batch.zero_infinity && std::isinf(loss))) {
        for (int64_t s = 0; s < sample.states; ++s) {
          const int64_t position = t * sample.states + s;
          row[sample.label(s)] -= g * std::exp(alpha[position] + beta[position] + loss);
        }
      }
      for (int64_t k = 0; k < classes; ++k) {
        store<T>(call.output_data[0], (t * batch.count + n) * classes + k, row[k]);
      }
    }
  });
}

std::unique_ptr<Kernel> prepare_ctc(const KernelCall& call, RunFunction run, size_t first) {
  if (!is_floating(call.inputs[0].dtype)) return nullptr;
  const op::CtcBatch batch(op::from_attrs<op::CtcAttrs>(call.attrs), call.inputs.subspan(first));
  const int64_t tables = first == 0 ? 1 : 2;
  auto kernel = std::make_unique<RefKernel>(call, run);
  kernel->scratchpad_bytes =
      static_cast<size_t>(tables * batch.steps * batch.most_states() + batch.classes) * sizeof(double);
  return kernel;
}

std::unique_ptr<Kernel> prepare_ctc_loss(const KernelCall& call) { return prepare_ctc(call, run_ctc_loss, 0); }

std::unique_ptr<Kernel> prepare_ctc_loss_backward(const KernelCall& call) {
  return prepare_ctc(call, run_ctc_loss_backward, 1);
}

}  // namespace

void register_ctc(KernelTable& table) {
  table.add(OpId::ctc_loss, Provider::ref, prepare_ctc_loss);
  table.add(OpId::ctc_loss_backward, Provider::ref, prepare_ctc_loss_backward);
}

}  // namespace pydl::backends::ref
