// The matrices of an operand, one per position of its batch axes.
#pragma once

#include <algorithm>
#include <atomic>

#include "backends/cpu/linalg/blocks.h"
#include "exec/kernel.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

/// Of the last two axes; of a vector, one row.
class MatrixBatch {
 public:
  MatrixBatch() = default;
  MatrixBatch(const exec::BufferSpec& spec, int axes) {
    const int rank = spec.shape.rank();
    shape_ = Dims(std::span(spec.shape.begin(), static_cast<size_t>(rank - axes)));
    strides_ = Dims(std::span(spec.strides.begin(), static_cast<size_t>(rank - axes)));
    if (axes > 0) {
      columns_ = spec.shape[rank - 1];
      column_stride_ = spec.strides[rank - 1];
    }
    if (axes > 1) {
      rows_ = spec.shape[rank - 2];
      row_stride_ = spec.strides[rank - 2];
    }
  }

  const Dims& shape() const { return shape_; }
  int64_t count() const { return element_count(shape_); }
  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }

  /// The matrix with this number, in row-major order of the batch.
  template <class T>
  Block<T> at(void* data, int64_t number) const {
    int64_t offset = 0;
    for (int axis = shape_.rank() - 1; axis >= 0; --axis) {
      offset += number % shape_[axis] * strides_[axis];
      number /= shape_[axis];
    }
    return {static_cast<T*>(data) + offset, rows_, columns_, row_stride_, column_stride_};
  }

 private:
  Dims shape_;
  Dims strides_;
  int64_t rows_ = 1;
  int64_t columns_ = 1;
  int64_t row_stride_ = 0;
  int64_t column_stride_ = 0;
};

/// How a batch of matrices is divided into parts, one after the other or on several threads.
class BatchParts {
 public:
  /// `cost` is that of one matrix. A few matrices are computed one by one, each by all threads.
  BatchParts(int64_t count, double cost) : count_(count) {
    const int64_t threads = runtime::thread_count();
    const bool one_by_one = count < threads;
    const double worth = static_cast<double>(count) * cost / static_cast<double>(runtime::cost_worth_a_thread);
    parts_ = one_by_one ? 1 : static_cast<int64_t>(std::clamp(worth, 1.0, static_cast<double>(threads)));
    threads_of_each_ = one_by_one ? static_cast<int>(threads) : 1;
  }

  int threads_of_each() const { return threads_of_each_; }

  /// The scratchpad of all parts, if each needs this much.
  size_t reserve(size_t bytes) {
    bytes_ = (bytes + 63) / 64 * 64;
    return bytes_ * static_cast<size_t>(parts_);
  }

  /// Calls function(number, memory) for each matrix, until it returns false in a part. Returns the lowest number for
  /// which it did, or -1.
  template <class Function>
  int64_t run(void* scratchpad, const Function& function) const {
    std::atomic<int64_t> first_failed = count_;
    runtime::parallel_for(parts_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        char* memory = static_cast<char*>(scratchpad) + part * static_cast<int64_t>(bytes_);
        for (int64_t i = part * count_ / parts_; i < (part + 1) * count_ / parts_; ++i) {
          if (function(i, memory)) continue;
          int64_t known = first_failed;
          while (i < known && !first_failed.compare_exchange_weak(known, i)) {
          }
          break;
        }
      }
    });
    return first_failed == count_ ? -1 : first_failed.load();
  }

 private:
  int64_t count_;
  int64_t parts_;
  int threads_of_each_;
  size_t bytes_ = 0;
};

}  // namespace pydl::cpu
