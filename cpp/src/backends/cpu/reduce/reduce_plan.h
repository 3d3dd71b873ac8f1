// ReducePlan: how a reduction is divided into reductions of matrices along rows or columns. The partition depends on
// shapes alone, so that results do not depend on the number of threads.
#pragma once

#include <optional>

#include "backends/cpu/kernel_set.h"
#include "exec/kernel.h"

namespace pydl::cpu {

/// Elements as (outer, reduced, inner): element (o, r, i) is at o * outer_stride + r * reduced_stride + i. Either inner
/// and reduced_stride are both 1 (rows), or rows of `inner` contiguous elements are combined (columns).
struct ReduceForm {
  int64_t outer = 1;
  int64_t reduced = 1;
  int64_t inner = 1;
  int64_t outer_stride = 0;
  int64_t reduced_stride = 1;

  bool by_rows() const { return inner == 1 && reduced_stride == 1; }
  int64_t output_count() const { return outer * inner; }

  /// The form of a layout that is reduced over `axes`, or nothing if it has none. With `in_order`, the reduced elements
  /// are visited in row-major order.
  static std::optional<ReduceForm> of(const exec::BufferSpec& spec, const Dims& axes, bool in_order);
};

class ReducePlan {
 public:
  ReducePlan() = default;
  explicit ReducePlan(const ReduceForm& form, size_t item_size);

  /// The scratchpad that `run` needs in addition to its results.
  size_t scratchpad_bytes() const;

  /// acc[k] = reduction of the elements of output k, for all outputs. `join` combines partial results. `shift` has one
  /// number per output, or is null. Accumulators start as `identity`.
  template <class Accumulator>
  void run(const ReduceKernels& kernels, const ReduceKernels& join, Accumulator identity, const void* x,
           const double* shift, void* scratchpad, Accumulator* acc) const;

 private:
  template <class Accumulator>
  void reduce_rows(const ReduceKernels& kernels, const void* x, const double* shift, Accumulator* parts) const;
  template <class Accumulator>
  void reduce_columns(const ReduceKernels& kernels, const ReduceKernels& join, Accumulator identity, const void* x,
                      const double* shift, Accumulator* parts) const;
  template <class Accumulator>
  int64_t reduce_folded(const ReduceKernels& kernels, const ReduceKernels& join, Accumulator identity, const char* rows,
                        int64_t count, Accumulator* result) const;

  ReduceForm form_;
  int64_t item_size_ = 0;
  int64_t parts_ = 1;        // of the reduced axis
  int64_t part_length_ = 0;  // all parts but the last have this length
  int64_t chunks_ = 1;       // of the inner axis
  int64_t fold_ = 1;         // number of adjacent rows that are reduced as one, if rows are short
};

}  // namespace pydl::cpu
