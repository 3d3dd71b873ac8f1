// CTC of contiguous operands: a sample is one piece of work. Likelihoods are logarithms in double.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "op/ctc_batch.h"
#include "runtime/threads.h"

namespace pydl::cpu {

namespace {

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

// log(exp(a) + exp(b) + exp(c)); the largest term is 1 and needs no exponential.
double log_add(double a, double b, double c) {
  if (a < b) std::swap(a, b);
  if (a < c) std::swap(a, c);
  if (a == minus_infinity) return a + b + c;
  return a + std::log1p(std::exp(b - a) + std::exp(c - a));
}

// Rows of states have this many entries of minus infinity on both sides, for what comes from before and goes behind.
constexpr int64_t margin = 2;

template <class T>
class CtcKernel : public Kernel {
 public:
  CtcKernel(const KernelCall& call, size_t first, bool keeps_prefixes)
      : batch_(call.attrs, call.inputs.subspan(first)),
        row_(batch_.most_states() + 2 * margin),
        rows_(keeps_prefixes ? batch_.steps : 2),
        parts_(std::clamp<int64_t>(batch_.count, 1, runtime::thread_count())) {
    // Prefixes, two rows of suffixes, emissions and skips.
    part_doubles_ = (rows_ + 4) * row_;
    scratchpad_bytes = static_cast<size_t>(parts_ * part_doubles_) * sizeof(double);
  }

 protected:
  struct Data {
    const T* log_probs;
    const int64_t* targets;
    const int64_t* input_lengths;
    const int64_t* target_lengths;
  };

  static Data data_of(void* const* operands) {
    return {static_cast<const T*>(operands[0]), static_cast<const int64_t*>(operands[1]),
            static_cast<const int64_t*>(operands[2]), static_cast<const int64_t*>(operands[3])};
  }

  // The memory of one part, for one sample after the other.
  struct Rows {
    double* prefixes;     // rows_ of them
    double* suffixes[2];  // one row each
    double* emissions;
    double* skips;  // what a path from two states before is multiplied by, as a logarithm: 0 or minus infinity
  };

  template <class Function>
  void for_each_sample(const Data& data, void* scratchpad, const Function& function) const {
    batch_.check(data.targets, data.input_lengths, data.target_lengths);
    runtime::parallel_for(parts_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        double* memory = static_cast<double*>(scratchpad) + part * part_doubles_;
        double* behind = memory + rows_ * row_ + margin;
        const Rows rows = {memory + margin, {behind, behind + row_}, behind + 2 * row_, behind + 3 * row_};
        for (int64_t n = part; n < batch_.count; n += parts_) {
          const op::CtcSample sample = batch_.sample(n, data.targets, data.input_lengths, data.target_lengths);
          std::fill_n(memory, part_doubles_, minus_infinity);
          for (int64_t s = 0; s < sample.states; ++s) rows.skips[s] = sample.may_skip(s) ? 0 : minus_infinity;
          function(n, sample, rows);
        }
      }
    });
  }

  const T* step(const Data& data, int64_t t, int64_t n) const {
    return data.log_probs + (t * batch_.count + n) * batch_.classes;
  }

  void read_emissions(const T* log_probs, const op::CtcSample& sample, double* emissions) const {
    for (int64_t s = 0; s < sample.states; ++s) emissions[s] = static_cast<double>(log_probs[sample.label(s)]);
  }

  double* prefix_row(const Rows& rows, int64_t t) const { return rows.prefixes + t % rows_ * row_; }

  // Fills the prefixes and gives the loss.
  double run_forward(const Data& data, int64_t n, const op::CtcSample& sample, const Rows& rows) const {
    if (sample.steps == 0) return sample.states == 1 ? 0 : -minus_infinity;
    for (int64_t t = 0; t < sample.steps; ++t) {
      read_emissions(step(data, t, n), sample, rows.emissions);
      double* here = prefix_row(rows, t);
      if (t == 0) {
        std::copy_n(rows.emissions, std::min<int64_t>(sample.states, 2), here);
        continue;
      }
      const double* before = prefix_row(rows, t - 1);
      for (int64_t s = 0; s < sample.states; ++s) {
        here[s] = rows.emissions[s] + log_add(before[s], before[s - 1], before[s - 2] + rows.skips[s]);
      }
    }
    const double* last = prefix_row(rows, sample.steps - 1) + sample.states - 1;
    return -log_add(last[0], last[-1], minus_infinity);
  }

  op::CtcBatch batch_;
  int64_t row_;
  int64_t rows_;
  int64_t parts_;
  int64_t part_doubles_;
};

template <class T>
class CtcForward final : public CtcKernel<T> {
 public:
  explicit CtcForward(const KernelCall& call) : CtcKernel<T>(call, 0, false) {}

  void run(void* const* inputs, void* const* outputs, void* scratchpad) const override {
    const auto data = this->data_of(inputs);
    auto* losses = static_cast<T*>(outputs[0]);
    this->for_each_sample(data, scratchpad, [&](int64_t n, const op::CtcSample& sample, const auto& rows) {
      const double loss = this->run_forward(data, n, sample, rows);
      losses[n] = this->batch_.zero_infinity && std::isinf(loss) ? T(0) : static_cast<T>(loss);
    });
  }
};

template <class T>
class CtcBackward final : public CtcKernel<T> {
 public:
  explicit CtcBackward(const KernelCall& call) : CtcKernel<T>(call, 1, true) {}

  void run(void* const* inputs, void* const* outputs, void* scratchpad) const override {
    const auto* g = static_cast<const T*>(inputs[0]);
    const auto data = this->data_of(inputs + 1);
    auto* y = static_cast<T*>(outputs[0]);
    this->for_each_sample(data, scratchpad, [&](int64_t n, const op::CtcSample& sample, const auto& rows) {
      const double loss = this->run_forward(data, n, sample, rows);
      const bool counts = !(this->batch_.zero_infinity && std::isinf(loss));
      for (int64_t t = 0; t < this->batch_.steps; ++t) std::fill_n(row_of(y, t, n), this->batch_.classes, T(0));
      if (counts) run_backward(data, n, sample, rows, loss, g[n], y);
    });
  }

 private:
  T* row_of(T* y, int64_t t, int64_t n) const { return y + (t * this->batch_.count + n) * this->batch_.classes; }

  // Suffixes from the last step on, each met with the prefixes of its step.
  void run_backward(const typename CtcKernel<T>::Data& data, int64_t n, const op::CtcSample& sample,
                    const typename CtcKernel<T>::Rows& rows, double loss, T g, T* y) const {
    const int64_t states = sample.states;
    for (int64_t t = sample.steps - 1; t >= 0; --t) {
      double* here = rows.suffixes[t % 2];
      if (t == sample.steps - 1) {
        std::fill_n(here + std::max<int64_t>(states - 2, 0), std::min<int64_t>(states, 2), 0.0);
      } else {
        // Emissions are those of step t + 1.
        double* behind = rows.suffixes[(t + 1) % 2];
        for (int64_t s = 0; s < states; ++s) behind[s] += rows.emissions[s];
        for (int64_t s = 0; s < states; ++s) {
          here[s] = log_add(behind[s], behind[s + 1], behind[s + 2] + rows.skips[s + 2]);
        }
      }
      const double* prefixes = this->prefix_row(rows, t);
      T* row = row_of(y, t, n);
      for (int64_t s = 0; s < states; ++s) {
        row[sample.label(s)] -= g * static_cast<T>(std::exp(prefixes[s] + here[s] + loss));
      }
      this->read_emissions(this->step(data, t, n), sample, rows.emissions);
    }
  }
};

template <template <class> class Ctc, size_t first>
std::unique_ptr<Kernel> prepare_ctc(const KernelCall& call) {
  const DType dtype = call.inputs[first].dtype;
  if (dtype != DType::float32 && dtype != DType::float64) return nullptr;
  for (const BufferSpec& input : call.inputs) {
    if (!is_contiguous(input.shape, input.strides)) return nullptr;
  }
  if (dtype == DType::float64) return std::make_unique<Ctc<double>>(call);
  return std::make_unique<Ctc<float>>(call);
}

}  // namespace

void register_ctc(KernelTable& table) {
  table.add(OpId::ctc_loss, Provider::cpu, adapted<prepare_ctc<CtcForward, 0>>);
  table.add(OpId::ctc_loss_backward, Provider::cpu, adapted<prepare_ctc<CtcBackward, 1>>);
}

}  // namespace pydl::cpu
