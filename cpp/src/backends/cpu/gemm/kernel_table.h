// The kernels for matrix products of one instruction set, as function pointers (kernel_set.h).
#pragma once

#include <cstdint>

namespace pydl::cpu {

/// How a product is stored. `stream` bypasses the caches; C and its rows are then 64-byte aligned.
enum class Store { overwrite, add, stream };

/// Products of panels: C (rows x columns) = or += A B. A is packed in panels of up to `panel_rows` rows, B in panels of
/// `panel_columns` columns, both along k. Packing may write part of a vector beyond the last panel. `bias` has one
/// number per column or is null.
struct GemmKernels {
  int64_t panel_rows;
  int64_t panel_columns;
  /// Packs rows x depth of A, which may have any strides, into panels of about equal height.
  void (*pack_a)(const void* a, int64_t row_stride, int64_t depth_stride, int64_t rows, int64_t depth, void* packed);
  void (*pack_b)(const void* b, int64_t depth_stride, int64_t column_stride, int64_t depth, int64_t columns,
                 void* packed);
  void (*multiply)(const void* packed_a, const void* packed_b, int64_t rows, int64_t columns, int64_t depth, void* c,
                   int64_t c_stride, const void* bias, Store how);
  /// The same for an unpacked B whose rows are contiguous and whose columns are a multiple of `panel_columns`. A is
  /// packed if `a_step` is 0; otherwise the rows of its transpose are contiguous and `a_step` apart. `has_next` says
  /// that A and B continue in memory; the same number of rows is then fetched into the cache for the next call.
  void (*wide)(const void* a, int64_t a_step, const void* b, int64_t b_step, bool has_next, int64_t rows,
               int64_t columns, int64_t depth, void* c, int64_t c_stride, const void* bias, bool accumulate);
  /// Without packing, for a B with contiguous rows.
  void (*small)(const void* a, int64_t a_row_stride, int64_t a_depth_stride, const void* b, int64_t b_stride,
                int64_t rows, int64_t columns, int64_t depth, void* c, int64_t c_stride, const void* bias);
  /// Without packing, for A and B that are both contiguous along k.
  void (*dot)(const void* a, int64_t a_stride, const void* b, int64_t b_stride, int64_t rows, int64_t columns,
              int64_t depth, void* c, int64_t c_stride, const void* bias);
};

}  // namespace pydl::cpu
