// Optimiser updates: one pass over all parameters, treated as one long row of elements that threads divide evenly.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <vector>

#include "backends/cpu/families.h"
#include "backends/cpu/kernel_set.h"
#include "backends/cpu/update/constants.h"
#include "op/attrs/update.h"
#include "op/update_factors.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

constexpr int64_t elements_per_thread = runtime::worth_a_thread(runtime::cost::element);
constexpr size_t max_groups = 5;

/// Sets what depends on the number of the step, counted from 1; `lr` is set.
using Advance = void (*)(UpdateConstants& constants, double step);

void advance_nothing(UpdateConstants&, double) {}

// Moments start at zero; these factors undo their bias towards it.
void advance_moments(UpdateConstants& constants, double step) {
  constants.step_size = constants.lr / (1 - std::pow(constants.beta1, step));
  constants.root_correction = std::sqrt(1 - std::pow(constants.beta2, step));
}

void advance_adagrad(UpdateConstants& constants, double step) {
  constants.step_size = constants.lr / (1 + (step - 1) * constants.lr_decay);
}

void advance_nadam(UpdateConstants& constants, double step) {
  advance_moments(constants, step);
  const op::NadamFactors factors =
      op::nadam_factors({.beta1 = constants.beta1, .momentum_decay = constants.momentum}, step);
  constants.gradient_size = constants.lr * factors.gradient;
  constants.step_size = constants.lr * factors.moment;
}

void advance_radam(UpdateConstants& constants, double step) {
  advance_moments(constants, step);
  const double rectification = op::radam_rectification({.beta2 = constants.beta2}, step);
  constants.rectified = rectification != 0;
  if (constants.rectified) constants.step_size *= rectification * constants.root_correction;
}

// The first moment is divided by its correction, and the learning rate multiplied at the end.
void advance_lamb(UpdateConstants& constants, double step) {
  advance_moments(constants, step);
  constants.step_size = 1 / (1 - std::pow(constants.beta1, step));
}

/// What an op computes, for given options.
struct Rule {
  UpdateRule rule;
  Advance advance = advance_nothing;
  UpdateConstants constants = {};
};

// What options of all rules mean.
template <class Options>
UpdateConstants shared_constants(const Options& options) {
  UpdateConstants constants = {};
  constants.sign = options.maximize ? -1 : 1;
  constants.decoupled = op::is_decoupled(options);
  if constexpr (requires { options.weight_decay; }) constants.weight_decay = options.weight_decay;
  if constexpr (requires { options.epsilon; }) constants.epsilon = options.epsilon;
  if constexpr (requires { options.momentum; }) constants.momentum = options.momentum;
  if constexpr (requires { options.beta1; }) {
    constants.beta1 = options.beta1;
    constants.beta2 = options.beta2;
  }
  return constants;
}

Rule rule_of(const optim::SgdOptions& sgd) {
  Rule rule = {rule_sgd, advance_nothing, shared_constants(sgd)};
  rule.constants.dampening = sgd.dampening;
  rule.constants.nesterov = sgd.nesterov;
  return rule;
}

Rule rule_of(const optim::RmspropOptions& rmsprop) {
  Rule rule = {rmsprop.centered ? rule_rmsprop_centered : rule_rmsprop, advance_nothing, shared_constants(rmsprop)};
  rule.constants.alpha = rmsprop.alpha;
  return rule;
}

Rule rule_of(const optim::AdamOptions& adam) {
  return {adam.amsgrad ? rule_amsgrad : rule_adam, advance_moments, shared_constants(adam)};
}

Rule rule_of(const optim::AdagradOptions& adagrad) {
  Rule rule = {rule_adagrad, advance_adagrad, shared_constants(adagrad)};
  rule.constants.lr_decay = adagrad.lr_decay;
  rule.constants.initial = adagrad.initial_accumulator_value;
  return rule;
}

Rule rule_of(const optim::AdadeltaOptions& adadelta) {
  Rule rule = {rule_adadelta, advance_nothing, shared_constants(adadelta)};
  rule.constants.alpha = adadelta.rho;
  return rule;
}

Rule rule_of(const optim::AdamaxOptions& adamax) { return {rule_adamax, advance_moments, shared_constants(adamax)}; }

Rule rule_of(const optim::NadamOptions& nadam) {
  Rule rule = {rule_nadam, advance_nadam, shared_constants(nadam)};
  rule.constants.momentum = nadam.momentum_decay;
  return rule;
}

Rule rule_of(const optim::RadamOptions& radam) { return {rule_radam, advance_radam, shared_constants(radam)}; }

Rule rule_of(const optim::RpropOptions& rprop) {
  Rule rule = {rule_rprop, advance_nothing, shared_constants(rprop)};
  rule.constants.eta_minus = rprop.eta_minus;
  rule.constants.eta_plus = rprop.eta_plus;
  rule.constants.step_min = rprop.step_min;
  rule.constants.step_max = rprop.step_max;
  return rule;
}

Rule rule_of(const optim::LionOptions& lion) { return {rule_lion, advance_nothing, shared_constants(lion)}; }

Rule rule_of(const optim::LambOptions& lamb) { return {rule_lamb_moments, advance_lamb, shared_constants(lamb)}; }

UpdateConstants constants_of(const Rule& rule, int64_t step, double lr) {
  UpdateConstants constants = rule.constants;
  constants.lr = lr;
  constants.first_step = step == 1;
  constants.decay = constants.decoupled ? 0 : constants.weight_decay;
  constants.shrink = constants.decoupled ? 1 - lr * constants.weight_decay : 1;
  rule.advance(constants, static_cast<double>(step));
  return constants;
}

bool is_16_bit(DType dtype) { return item_size(dtype) == 2; }

UpdateKernel kernel_of(UpdateRule rule, DType dtype) { return kernels().update[rule][dtype == DType::float64 ? 1 : 0]; }

// Runs a kernel on 16-bit parameters and gradients (operand 0, and operand `gradient` if there is one), which are
// converted on the way.
void run_converted(UpdateKernel kernel, DType dtype, std::span<void* const> operands, size_t gradient, int64_t count,
                   const UpdateConstants& constants) {
  constexpr int64_t most = 512;
  float parameters[most];
  float gradients[most];
  const auto& cast = kernels().cast;
  const TileKernel widen = cast[static_cast<int>(dtype)][static_cast<int>(DType::float32)];
  const TileKernel narrow = cast[static_cast<int>(DType::float32)][static_cast<int>(dtype)];
  for (int64_t begin = 0; begin < count; begin += most) {
    const int64_t length = std::min(most, count - begin);
    void* own[max_groups];
    for (size_t i = 0; i < operands.size(); ++i) {
      const bool narrow_operand = i == 0 || i == gradient;
      own[i] = static_cast<char*>(operands[i]) + begin * (narrow_operand ? 2 : 4);
    }
    void* const parameter = own[0];
    const void* given = parameter;
    widen(parameters, &given, length);
    own[0] = parameters;
    if (gradient != 0) {
      given = own[gradient];
      widen(gradients, &given, length);
      own[gradient] = gradients;
    }
    kernel(own, length, constants);
    given = parameters;
    narrow(parameter, &given, length);
  }
}

// The parameters of an update, one after the other in a row of elements.
class Parameters {
 public:
  Parameters(const KernelCall& call, size_t count) : groups_((call.inputs.size() - 2) / count) {
    for (size_t i = 0; i < count; ++i) {
      const BufferSpec& spec = call.inputs[1 + i];
      ends_.push_back((i == 0 ? 0 : ends_[i - 1]) + element_count(spec.shape));
      dtypes_.push_back(spec.dtype);
    }
  }

  size_t count() const { return ends_.size(); }
  int64_t element_total() const { return ends_.back(); }
  size_t groups() const { return groups_; }
  DType dtype(size_t parameter) const { return dtypes_[parameter]; }
  int64_t start(size_t parameter) const { return parameter == 0 ? 0 : ends_[parameter - 1]; }
  int64_t size(size_t parameter) const { return ends_[parameter] - start(parameter); }
  size_t at(int64_t element) const {
    return static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), element) - ends_.begin());
  }

  // The operands of a parameter from one of its elements on; states of 16-bit parameters have 32 bits.
  void operands(void* const* inputs, size_t parameter, int64_t first, void** found) const {
    const auto own_bytes = static_cast<int64_t>(item_size(dtypes_[parameter]));
    for (size_t group = 0; group < groups_; ++group) {
      const bool is_state = group != 0 && group + 1 != groups_;
      const int64_t bytes = is_state ? std::max<int64_t>(own_bytes, 4) : own_bytes;
      found[group] = static_cast<char*>(inputs[1 + group * count() + parameter]) + first * bytes;
    }
  }

 private:
  size_t groups_;  // lists of tensors, the gradients last
  std::vector<int64_t> ends_;
  std::vector<DType> dtypes_;
};

class FusedUpdate final : public Kernel {
 public:
  FusedUpdate(const KernelCall& call, size_t count, const Rule& rule) : parameters_(call, count), rule_(rule) {}

  void run(const KernelContext&, void* const* inputs, void* const*) const override {
    const int64_t step = ++*static_cast<int64_t*>(inputs[0]);
    const size_t groups = parameters_.groups();
    const double lr = *static_cast<const double*>(inputs[1 + groups * parameters_.count()]);
    const UpdateConstants constants = constants_of(rule_, step, lr);
    runtime::parallel_for(parameters_.element_total(), elements_per_thread, [&](int64_t begin, int64_t end) {
      for (size_t parameter = parameters_.at(begin); begin < end; ++parameter) {
        const int64_t start = parameters_.start(parameter);
        const int64_t stop = std::min(end, start + parameters_.size(parameter));
        void* operands[max_groups];
        parameters_.operands(inputs, parameter, begin - start, operands);
        const DType dtype = parameters_.dtype(parameter);
        const UpdateKernel kernel = kernel_of(rule_.rule, dtype);
        if (is_16_bit(dtype)) {
          run_converted(kernel, dtype, {operands, groups}, groups - 1, stop - begin, constants);
        } else {
          kernel(operands, stop - begin, constants);
        }
        begin = stop;
      }
    });
  }

 private:
  Parameters parameters_;
  Rule rule_;
};

// LAMB computes the lengths of each parameter and its step from sums over blocks, which do not depend on threads.
class LambUpdate final : public Kernel {
 public:
  LambUpdate(const KernelCall& call, size_t count, const Rule& rule) : parameters_(call, count), rule_(rule) {
    for (size_t i = 0; i < count; ++i) {
      first_blocks_.push_back(blocks_.size());
      for (int64_t begin = 0; begin < parameters_.size(i); begin += block_size) blocks_.push_back({i, begin});
    }
    first_blocks_.push_back(blocks_.size());
    scratchpad_bytes = (blocks_.size() * 2 + count) * sizeof(double);
  }

  void run(const KernelContext& context, void* const* inputs, void* const*) const override {
    const int64_t step = ++*static_cast<int64_t*>(inputs[0]);
    const size_t groups = parameters_.groups();
    const double lr = *static_cast<const double*>(inputs[1 + groups * parameters_.count()]);
    const UpdateConstants constants = constants_of(rule_, step, lr);
    auto* sums = static_cast<double*>(context.scratchpad);
    double* trusts = sums + blocks_.size() * 2;
    for_blocks([&](size_t number) { add_moments(inputs, blocks_[number], constants, sums + number * 2); });
    for (size_t i = 0; i < parameters_.count(); ++i) trusts[i] = trust_of(i, sums);
    for_blocks([&](size_t number) {
      UpdateConstants own = constants;
      own.trust = trusts[blocks_[number].parameter];
      make_step(inputs, blocks_[number], own);
    });
  }

 private:
  static constexpr int64_t block_size = 4096;

  struct Block {
    size_t parameter;
    int64_t begin;
  };

  template <class Function>
  void for_blocks(const Function& function) const {
    runtime::parallel_for(static_cast<int64_t>(blocks_.size()), elements_per_thread / block_size + 1,
                          [&](int64_t begin, int64_t end) {
                            for (int64_t i = begin; i < end; ++i) function(static_cast<size_t>(i));
                          });
  }

  int64_t length(const Block& block) const {
    return std::min(block_size, parameters_.size(block.parameter) - block.begin);
  }

  void add_moments(void* const* inputs, const Block& block, const UpdateConstants& constants, double* sums) const {
    const DType dtype = parameters_.dtype(block.parameter);
    const UpdateKernel kernel = kernel_of(rule_lamb_moments, dtype);
    void* operands[max_groups];
    parameters_.operands(inputs, block.parameter, block.begin, operands);
    operands[4] = sums;
    sums[0] = sums[1] = 0;
    if (is_16_bit(dtype)) {
      add_converted(kernel, dtype, operands, length(block), constants);
    } else {
      kernel(operands, length(block), constants);
    }
  }

  // The sums stay where they are while the other operands advance.
  static void add_converted(UpdateKernel kernel, DType dtype, void* const* operands, int64_t count,
                            const UpdateConstants& constants) {
    constexpr int64_t most = 512;
    const TileKernel widen = kernels().cast[static_cast<int>(dtype)][static_cast<int>(DType::float32)];
    float parameters[most];
    float gradients[most];
    for (int64_t begin = 0; begin < count; begin += most) {
      const int64_t length = std::min(most, count - begin);
      const void* parameter = static_cast<const char*>(operands[0]) + begin * 2;
      const void* gradient = static_cast<const char*>(operands[3]) + begin * 2;
      widen(parameters, &parameter, length);
      widen(gradients, &gradient, length);
      void* own[] = {parameters, static_cast<float*>(operands[1]) + begin, static_cast<float*>(operands[2]) + begin,
                     gradients, operands[4]};
      kernel(own, length, constants);
    }
  }

  void make_step(void* const* inputs, const Block& block, const UpdateConstants& constants) const {
    const DType dtype = parameters_.dtype(block.parameter);
    const UpdateKernel kernel = kernel_of(rule_lamb_step, dtype);
    void* operands[max_groups];
    parameters_.operands(inputs, block.parameter, block.begin, operands);
    if (is_16_bit(dtype)) {
      run_converted(kernel, dtype, {operands, 3}, 0, length(block), constants);
    } else {
      kernel(operands, length(block), constants);
    }
  }

  double trust_of(size_t parameter, const double* sums) const {
    double of_parameter = 0;
    double of_step = 0;
    for (size_t i = first_blocks_[parameter]; i < first_blocks_[parameter + 1]; ++i) {
      of_parameter += sums[i * 2];
      of_step += sums[i * 2 + 1];
    }
    return of_parameter > 0 && of_step > 0 ? std::sqrt(of_parameter) / std::sqrt(of_step) : 1;
  }

  Parameters parameters_;
  Rule rule_;
  std::vector<Block> blocks_;
  std::vector<size_t> first_blocks_;  // of each parameter
};

bool has_fast_kernel(const KernelCall& call, size_t count) {
  if (count == 0) return false;
  for (size_t i = 1; i + 1 < call.inputs.size(); ++i) {
    const BufferSpec& input = call.inputs[i];
    const DType own = call.inputs[1 + (i - 1) % count].dtype;
    const bool is_state = i > count && i + 1 + count < call.inputs.size();
    if (input.dtype != (is_state && is_16_bit(own) ? DType::float32 : own)) return false;
    if (!is_contiguous(input.shape, input.strides)) return false;
  }
  return true;
}

template <class Attrs>
std::unique_ptr<Kernel> prepare_update(const KernelCall& call) {
  const auto attrs = op::from_attrs<Attrs>(call.attrs);
  const auto count = static_cast<size_t>(attrs.count);
  if (!has_fast_kernel(call, count)) return nullptr;
  const Rule rule = rule_of(attrs);
  if (rule.rule == rule_lamb_moments) return std::make_unique<LambUpdate>(call, count, rule);
  return std::make_unique<FusedUpdate>(call, count, rule);
}

// Updates the rows of a table that an index refers to. Occurrences of a row are linked, so that each row is summed in
// the order of the index, as `take_backward` does, and written once. Threads divide the columns.
class RowUpdate final : public Kernel {
 public:
  explicit RowUpdate(const KernelCall& call)
      : is_double_(call.inputs[0].dtype == DType::float64),
        rows_(call.inputs[0].shape[0]),
        row_bytes_(element_count(call.inputs[0].shape) / rows_ * item()),
        count_(element_count(call.inputs[2].shape)),
        skip_(op::from_attrs<op::SgdRowsAttrs>(call.attrs).skip.value_or(-1)) {
    scratchpad_bytes = static_cast<size_t>(rounded(row_bytes_) + (rows_ + count_) * 4);
  }

  void run(const KernelContext& context, void* const* inputs, void* const*) const override {
    const auto* index = static_cast<const int64_t*>(inputs[2]);
    auto* sums = static_cast<char*>(context.scratchpad);
    // The first occurrence of each row and the next occurrence after each, counted from 1; 0 means none.
    auto* first = reinterpret_cast<int32_t*>(sums + rounded(row_bytes_));
    int32_t* next = first + rows_;
    link_occurrences(index, first, next);
    UpdateConstants constants{};
    constants.lr = *static_cast<const double*>(inputs[3]);
    const int64_t lines = (row_bytes_ + line_bytes - 1) / line_bytes;
    const int64_t lines_per_thread =
        runtime::worth_a_thread(runtime::cost::byte_gathered) / std::max<int64_t>(count_ * line_bytes, 1) + 1;
    runtime::parallel_for(lines, lines_per_thread, [&](int64_t begin, int64_t end) {
      const int64_t start = begin * line_bytes;
      const int64_t bytes = std::min(end * line_bytes, row_bytes_) - start;
      for (int64_t i = 0; i < count_; ++i) {
        const int64_t row = row_of(index[i]);
        if (row < 0 || first[row] != i + 1) continue;
        const auto* g = static_cast<const char*>(inputs[1]) + start;
        std::memcpy(sums + start, g + i * row_bytes_, static_cast<size_t>(bytes));
        for (int64_t j = next[i]; j != 0; j = next[j - 1]) add(sums + start, g + (j - 1) * row_bytes_, bytes);
        void* operands[] = {static_cast<char*>(inputs[0]) + row * row_bytes_ + start, sums + start};
        kernels().update[rule_sgd][is_double_ ? 1 : 0](operands, bytes / item(), constants);
      }
    });
  }

 private:
  static constexpr int64_t line_bytes = 64;

  static int64_t rounded(int64_t bytes) { return (bytes + line_bytes - 1) / line_bytes * line_bytes; }
  int64_t item() const { return is_double_ ? 8 : 4; }
  void add(char* sums, const char* g, int64_t bytes) const {
    kernels().add_rows[is_double_ ? 1 : 0](sums, g, bytes / item());
  }

  // Returns -1 for an index that is skipped.
  int64_t row_of(int64_t index) const {
    const int64_t row = index < 0 ? index + rows_ : index;
    return row < 0 || row >= rows_ || row == skip_ ? -1 : row;
  }

  void link_occurrences(const int64_t* index, int32_t* first, int32_t* next) const {
    std::fill_n(first, rows_, 0);
    for (int64_t i = count_ - 1; i >= 0; --i) {
      const int64_t row = row_of(index[i]);
      if (row < 0) continue;
      next[i] = first[row];
      first[row] = static_cast<int32_t>(i + 1);
    }
  }

  bool is_double_;
  int64_t rows_;
  int64_t row_bytes_;
  int64_t count_;
  int64_t skip_;
};

std::unique_ptr<Kernel> prepare_sgd_rows(const KernelCall& call) {
  const DType dtype = call.inputs[0].dtype;
  if (dtype != DType::float32 && dtype != DType::float64) return nullptr;
  if (element_count(call.inputs[0].shape) == 0 || element_count(call.inputs[2].shape) >= INT32_MAX) return nullptr;
  for (const BufferSpec& input : call.inputs.first(3)) {
    if (!is_contiguous(input.shape, input.strides)) return nullptr;
  }
  return std::make_unique<RowUpdate>(call);
}

}  // namespace

void register_update(KernelTable& table) {
  table.add(OpId::sgd_update_rows, Provider::cpu, prepare_sgd_rows);
#define PYDL_ADD(name, Name) table.add(OpId::name##_update, Provider::cpu, prepare_update<op::Name##Attrs>);
  PYDL_FUSED_UPDATES(PYDL_ADD)
#undef PYDL_ADD
}

}  // namespace pydl::cpu
