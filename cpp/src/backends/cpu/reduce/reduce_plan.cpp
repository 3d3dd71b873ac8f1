#include "backends/cpu/reduce/reduce_plan.h"

#include <algorithm>
#include <numeric>

#include "backends/cpu/rounding.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

// Rows longer than twice this length are cut.
constexpr int64_t row_part = 32768;
// The number of columns that are reduced together, so that their accumulators stay in the L1 cache.
constexpr int64_t chunk_length = 1024;
// Shorter rows would leave vectors mostly empty.
constexpr int64_t short_row = 32;
// The number of elements of the longest vectors.
constexpr int64_t vector_elements = 16;
// The number of elements for which waking a thread pays off.
constexpr int64_t elements_per_thread = runtime::worth_a_thread(runtime::cost::element);
// The number of pieces of work that keeps many threads busy.
constexpr int64_t enough_pieces = 32;

struct Axis {
  int64_t size;
  int64_t stride;
  int64_t output_stride;  // 0 for reduced axes
  bool reduced;
};

}  // namespace

std::optional<ReduceForm> ReduceForm::of(const exec::BufferSpec& spec, const Dims& axes, bool in_order) {
  Axis found[max_rank];
  int count = 0;
  int64_t output_stride = 1;
  for (int axis = spec.shape.rank() - 1; axis >= 0; --axis) {
    const bool reduced = std::find(axes.begin(), axes.end(), axis) != axes.end();
    if (spec.shape[axis] != 1) {
      found[count++] = {spec.shape[axis], spec.strides[axis], reduced ? 0 : output_stride, reduced};
    }
    if (!reduced) output_stride *= spec.shape[axis];
  }
  std::reverse(found, found + count);
  // Sorts the axes by memory order. If the order of reduced axes matters, they are kept as given.
  if (!in_order)
    std::stable_sort(found, found + count, [](const Axis& a, const Axis& b) { return a.stride > b.stride; });

  Axis merged[max_rank];
  int rank = 0;
  for (int i = 0; i < count; ++i) {
    const Axis& axis = found[i];
    if (rank > 0) {
      Axis& last = merged[rank - 1];
      if (last.reduced == axis.reduced && last.stride == axis.stride * axis.size &&
          last.output_stride == axis.output_stride * axis.size) {
        last = {last.size * axis.size, axis.stride, axis.output_stride, axis.reduced};
        continue;
      }
    }
    merged[rank++] = axis;
  }
  if (rank > 0 && merged[rank - 1].stride != 1) return std::nullopt;

  ReduceForm form;
  int next = rank - 1;
  if (next >= 0 && !merged[next].reduced) {
    if (merged[next].output_stride != 1) return std::nullopt;
    form.inner = merged[next--].size;
    form.reduced_stride = form.inner;  // irrelevant if nothing is reduced
  }
  if (next >= 0 && merged[next].reduced) {
    form.reduced = merged[next].size;
    form.reduced_stride = merged[next--].stride;
  }
  if (next >= 0) {
    if (merged[next].reduced || merged[next].output_stride != form.inner) return std::nullopt;
    form.outer = merged[next].size;
    form.outer_stride = merged[next--].stride;
  }
  if (next >= 0) return std::nullopt;
  return form;
}

ReducePlan::ReducePlan(const ReduceForm& form, size_t item_size)
    : form_(form), item_size_(static_cast<int64_t>(item_size)), part_length_(form.reduced) {
  if (form.by_rows()) {
    if (form.reduced > 2 * row_part) part_length_ = row_part;
  } else {
    chunks_ = ceil_div(form.inner, chunk_length);
    const int64_t width = std::min(form.inner, chunk_length);
    const int64_t shortest = std::max<int64_t>(ceil_div(elements_per_thread, width), 8);
    const int64_t wanted = ceil_div(form.reduced, ceil_div(enough_pieces, form.outer * chunks_));
    if (form.reduced > 2 * shortest) part_length_ = std::max(shortest, wanted);
    const bool folds = form.inner < short_row && form.reduced_stride == form.inner;
    if (folds) fold_ = vector_elements / std::gcd(form.inner, vector_elements);
  }
  if (part_length_ > 0) parts_ = ceil_div(form.reduced, part_length_);
}

size_t ReducePlan::scratchpad_bytes() const {
  return parts_ == 1 ? 0 : static_cast<size_t>(parts_ * form_.output_count()) * sizeof(double);
}

template <class Accumulator>
void ReducePlan::run(const ReduceKernels& kernels, const ReduceKernels& join, Accumulator identity, const void* x,
                     const double* shift, void* scratchpad, Accumulator* acc) const {
  auto* parts = parts_ == 1 ? acc : static_cast<Accumulator*>(scratchpad);
  if (form_.by_rows()) {
    reduce_rows(kernels, x, shift, parts);
    if (parts_ > 1) join.rows(parts, form_.outer, parts_, parts_, nullptr, acc);
  } else {
    reduce_columns(kernels, join, identity, x, shift, parts);
    if (parts_ == 1) return;
    std::fill_n(acc, form_.output_count(), identity);
    join.columns(parts, parts_, form_.output_count(), form_.output_count(), nullptr, acc);
  }
}

// Parts are numbered by (outer, part).
template <class Accumulator>
void ReducePlan::reduce_rows(const ReduceKernels& kernels, const void* x, const double* shift,
                             Accumulator* parts) const {
  const auto* items = static_cast<const char*>(x);
  const int64_t grain = elements_per_thread / std::max<int64_t>(part_length_, 1);
  runtime::parallel_for(form_.outer * parts_, grain, [&](int64_t begin, int64_t end) {
    if (parts_ == 1) {
      kernels.rows(items + begin * form_.outer_stride * item_size_, end - begin, form_.outer_stride, form_.reduced,
                   shift == nullptr ? nullptr : shift + begin, parts + begin);
      return;
    }
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t row = piece / parts_;
      const int64_t first = piece % parts_ * part_length_;
      kernels.rows(items + (row * form_.outer_stride + first) * item_size_, 1, 0,
                   std::min(part_length_, form_.reduced - first), shift == nullptr ? nullptr : shift + row,
                   parts + piece);
    }
  });
}

// Reduces as many rows as possible, `fold_` adjacent rows at a time as one, and returns their number.
template <class Accumulator>
int64_t ReducePlan::reduce_folded(const ReduceKernels& kernels, const ReduceKernels& join, Accumulator identity,
                                  const char* rows, int64_t count, Accumulator* result) const {
  const int64_t wide_rows = count / fold_;
  if (fold_ < 2 || wide_rows < 2) return 0;
  const int64_t width = fold_ * form_.inner;
  Accumulator wide[short_row * vector_elements];
  std::fill_n(wide, width, identity);
  kernels.columns(rows, wide_rows, width, width, nullptr, wide);
  join.columns(wide, fold_, form_.inner, form_.inner, nullptr, result);
  return wide_rows * fold_;
}

// Parts are numbered by (part, outer, inner).
template <class Accumulator>
void ReducePlan::reduce_columns(const ReduceKernels& kernels, const ReduceKernels& join, Accumulator identity,
                                const void* x, const double* shift, Accumulator* parts) const {
  const auto* items = static_cast<const char*>(x);
  const int64_t piece_size = std::max<int64_t>(part_length_ * std::min(form_.inner, chunk_length), 1);
  runtime::parallel_for(
      parts_ * form_.outer * chunks_, elements_per_thread / piece_size, [&](int64_t begin, int64_t end) {
        for (int64_t piece = begin; piece < end; ++piece) {
          const int64_t first_column = piece % chunks_ * chunk_length;
          const int64_t outer = piece / chunks_ % form_.outer;
          const int64_t part = piece / chunks_ / form_.outer;
          const int64_t first_row = part * part_length_;
          const int64_t columns = std::min(chunk_length, form_.inner - first_column);
          const int64_t output = outer * form_.inner + first_column;
          Accumulator* result = parts + part * form_.output_count() + output;
          std::fill_n(result, columns, identity);
          const int64_t offset = outer * form_.outer_stride + first_row * form_.reduced_stride + first_column;
          const char* rows = items + offset * item_size_;
          int64_t count = std::min(part_length_, form_.reduced - first_row);
          if (shift == nullptr) {
            const int64_t taken = reduce_folded(kernels, join, identity, rows, count, result);
            rows += taken * form_.reduced_stride * item_size_;
            count -= taken;
          }
          kernels.columns(rows, count, form_.reduced_stride, columns, shift == nullptr ? nullptr : shift + output,
                          result);
        }
      });
}

template void ReducePlan::run(const ReduceKernels&, const ReduceKernels&, double, const void*, const double*, void*,
                              double*) const;
template void ReducePlan::run(const ReduceKernels&, const ReduceKernels&, int64_t, const void*, const double*, void*,
                              int64_t*) const;

}  // namespace pydl::cpu
