// Reductions over axes.
#include <algorithm>

#include "backends/cpu/families.h"
#include "backends/cpu/reduce/accumulators.h"
#include "backends/cpu/reduce/reduce_plan.h"
#include "backends/cpu/tiles/tile_program.h"
#include "op/attrs/reduce.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

// The input of a reduction in a layout and dtype that kernels read: either in place or copied into the scratchpad.
class ReduceInput {
 public:
  ReduceInput(const BufferSpec& x, const Dims& axes, DType dtype, bool in_order) {
    const auto direct = ReduceForm::of(x, axes, in_order);
    if (direct && x.dtype == dtype) {
      form = *direct;
      return;
    }
    // Uses the memory order if it has a form, otherwise an order with the reduced axes innermost.
    BufferSpec copy = {dtype, x.shape, dense_strides(x, [&](int a, int b) { return x.strides[a] > x.strides[b]; })};
    auto copied = ReduceForm::of(copy, axes, in_order);
    if (!copied) {
      const auto reduced = [&](int axis) { return std::find(axes.begin(), axes.end(), axis) != axes.end(); };
      copy.strides = dense_strides(x, [&](int a, int b) { return reduced(a) < reduced(b); });
      copied = ReduceForm::of(copy, axes, in_order);
    }
    form = *copied;
    const BufferSpec* operands[] = {&x, &copy};
    copy_program_.emplace_back(LoopNest::over(operands, 1), 1);
    copy_program_[0].emit_cast(x.dtype, dtype, 1, 0);
    copy_program_[0].finish();
    copy_bytes = aligned(static_cast<size_t>(element_count(x.shape)) * item_size(dtype));
  }

  /// The elements, copied to the start of the scratchpad if necessary.
  const void* data(void* x, void* scratchpad) const {
    if (copy_program_.empty()) return x;
    void* operands[] = {x, scratchpad};
    copy_program_[0].run(operands);
    return scratchpad;
  }

  ReduceForm form;
  size_t copy_bytes = 0;

 private:
  // Strides without gaps, for axes sorted by `before`.
  template <class Before>
  static Dims dense_strides(const BufferSpec& x, const Before& before) {
    int order[max_rank];
    const int rank = x.shape.rank();
    for (int axis = 0; axis < rank; ++axis) order[axis] = axis;
    std::stable_sort(order, order + rank, before);
    Dims strides = Dims::filled(rank, 0);
    int64_t stride = 1;
    for (int i = rank - 1; i >= 0; --i) {
      strides[order[i]] = stride;
      stride *= std::max<int64_t>(x.shape[order[i]], 1);
    }
    return strides;
  }

  std::vector<TileProgram> copy_program_;  // none or one
};

template <class Accumulator>
class ReduceKernel final : public Kernel {
 public:
  ReduceKernel(const ReduceInput& input, Reduction reduction, ReduceLane lane, size_t item_size, const Finish& finish)
      : input_(input), plan_(input.form, item_size), reduction_(reduction), lane_(lane), finish_(finish) {
    results_bytes_ = aligned(static_cast<size_t>(input.form.output_count()) * sizeof(Accumulator));
    scratchpad_bytes = input.copy_bytes + (is_variance() ? 2 : 1) * results_bytes_ + plan_.scratchpad_bytes();
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    auto* free_memory = static_cast<char*>(context.scratchpad);
    const void* x = input_.data(inputs[0], free_memory);
    free_memory += input_.copy_bytes;
    auto* acc = reinterpret_cast<Accumulator*>(free_memory);
    free_memory += results_bytes_;
    if (is_variance()) {
      if constexpr (std::is_same_v<Accumulator, double>) {
        auto* means = reinterpret_cast<double*>(free_memory);
        free_memory += results_bytes_;
        reduce(reduce_sum, x, nullptr, free_memory, means);
        const auto count = static_cast<double>(input_.form.reduced);
        for (int64_t i = 0; i < input_.form.output_count(); ++i) means[i] /= count;
        reduce(reduce_centred_squares, x, means, free_memory, acc);
      }
    } else {
      reduce(reduction_, x, nullptr, free_memory, acc);
    }
    finish_results(finish_, acc, input_.form.output_count(), outputs[0]);
  }

 private:
  bool is_variance() const { return reduction_ == reduce_centred_squares; }

  void reduce(Reduction reduction, const void* x, const double* shift, void* scratchpad, Accumulator* acc) const {
    constexpr bool floating = std::is_same_v<Accumulator, double>;
    const bool has_plain_parts = reduction <= reduce_min;
    const Reduction joining = has_plain_parts ? reduction : reduce_sum;
    const auto& table = kernels().reduce;
    plan_.run(table[reduction][lane_], table[joining][floating ? reduce_double : reduce_int64],
              identity_of<Accumulator>(reduction), x, shift, scratchpad, acc);
  }

  ReduceInput input_;
  ReducePlan plan_;
  Reduction reduction_;
  ReduceLane lane_;
  Finish finish_;
  size_t results_bytes_;
};

// The dtype in which elements are read.
DType reduce_dtype(DType dtype, Reduction reduction) {
  if (is_floating(dtype)) return dtype == DType::float64 ? dtype : DType::float32;
  const bool extremum = reduction == reduce_max || reduction == reduce_min;
  if (!extremum) return DType::int64;
  if (dtype == DType::boolean || dtype == DType::uint8) return DType::uint8;
  return dtype == DType::int64 ? dtype : DType::int32;
}

Dims axes_of(const KernelCall& call) { return op::from_attrs<op::ReduceAttrs>(call.attrs).axes; }

int64_t count_reduced(const KernelCall& call) {
  int64_t count = 1;
  for (const int64_t axis : axes_of(call)) count *= call.inputs[0].shape[static_cast<int>(axis)];
  return count;
}

std::unique_ptr<Kernel> prepare_reduction(const KernelCall& call, Reduction reduction, double divisor) {
  BufferSpec x = call.inputs[0];
  if (element_count(x.shape) == 0) return nullptr;
  const DType dtype = reduce_dtype(x.dtype, reduction);
  // A bool is stored as 0 or 1.
  if (x.dtype == DType::boolean) x.dtype = DType::uint8;
  const ReduceInput input(x, axes_of(call), dtype, false);
  const Finish finish = {call.outputs[0].dtype, divisor, reduction == reduce_squares};
  const ReduceLane lane = reduce_lane(dtype);
  if (is_floating(dtype)) {
    return std::make_unique<ReduceKernel<double>>(input, reduction, lane, item_size(dtype), finish);
  }
  return std::make_unique<ReduceKernel<int64_t>>(input, reduction, lane, item_size(dtype), finish);
}

template <Reduction reduction>
std::unique_ptr<Kernel> prepare_plain(const KernelCall& call) {
  return prepare_reduction(call, reduction, 1.0);
}

std::unique_ptr<Kernel> prepare_mean(const KernelCall& call) {
  if (!is_floating(call.inputs[0].dtype)) return nullptr;
  return prepare_reduction(call, reduce_sum, static_cast<double>(count_reduced(call)));
}

std::unique_ptr<Kernel> prepare_var(const KernelCall& call) {
  if (!is_floating(call.inputs[0].dtype)) return nullptr;
  const double divisor = static_cast<double>(count_reduced(call)) - op::from_attrs<op::VarAttrs>(call.attrs).correction;
  return prepare_reduction(call, reduce_centred_squares, std::max(divisor, 0.0));
}

template <Reduction reduction>
std::unique_ptr<Kernel> prepare_floating(const KernelCall& call) {
  return is_floating(call.inputs[0].dtype) ? prepare_reduction(call, reduction, 1.0) : nullptr;
}

class ArgKernel final : public Kernel {
 public:
  ArgKernel(const ReduceInput& input, const ArgKernels& kernels, size_t item_size)
      : input_(input), kernels_(kernels), item_size_(static_cast<int64_t>(item_size)) {
    scratchpad_bytes = input.copy_bytes;
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const auto* x = static_cast<const char*>(input_.data(inputs[0], context.scratchpad));
    auto* y = static_cast<int64_t*>(outputs[0]);
    const ReduceForm& form = input_.form;
    const int64_t chunks = (form.inner + arg_columns - 1) / arg_columns;
    const int64_t piece_size = form.reduced * std::min(form.inner, arg_columns);
    runtime::parallel_for(form.outer * chunks, runtime::worth_a_thread(runtime::cost::element_accumulated) / piece_size,
                          [&](int64_t begin, int64_t end) {
                            for (int64_t piece = begin; piece < end; ++piece) {
                              const int64_t outer = piece / chunks;
                              const int64_t first = piece % chunks * arg_columns;
                              const char* from = x + (outer * form.outer_stride + first) * item_size_;
                              int64_t* index = y + outer * form.inner + first;
                              if (form.by_rows()) {
                                *index = kernels_.row(from, form.reduced);
                              } else {
                                kernels_.columns(from, form.reduced, form.reduced_stride,
                                                 std::min(arg_columns, form.inner - first), index);
                              }
                            }
                          });
  }

 private:
  ReduceInput input_;
  ArgKernels kernels_;
  int64_t item_size_;
};

template <int which>
std::unique_ptr<Kernel> prepare_arg(const KernelCall& call) {
  const BufferSpec& x = call.inputs[0];
  if (x.dtype == DType::boolean || element_count(x.shape) == 0) return nullptr;
  const Lane lane = lane_of(x.dtype);
  const DType dtype = dtype_of(lane);
  const Dims axes = axes_of(call);
  const ReduceInput input(x, axes, dtype, axes.rank() > 1);
  return std::make_unique<ArgKernel>(input, kernels().arg[which][lane], item_size(dtype));
}

}  // namespace

void register_reduce(KernelTable& table) {
  const auto add = [&](OpId op, exec::PrepareFunction prepare) { table.add(op, Provider::cpu, prepare); };
  add(OpId::sum, prepare_plain<reduce_sum>);
  add(OpId::prod, prepare_plain<reduce_prod>);
  add(OpId::max, prepare_plain<reduce_max>);
  add(OpId::min, prepare_plain<reduce_min>);
  add(OpId::any, prepare_plain<reduce_max>);
  add(OpId::all, prepare_plain<reduce_min>);
  add(OpId::nansum, prepare_floating<reduce_numbers>);
  add(OpId::euclidean_norm, prepare_floating<reduce_squares>);
  add(OpId::mean, prepare_mean);
  add(OpId::var, prepare_var);
  add(OpId::argmax, prepare_arg<0>);
  add(OpId::argmin, prepare_arg<1>);
}

}  // namespace pydl::cpu
