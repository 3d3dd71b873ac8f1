// Data in batches.
//
//   data::Batches batches({images, labels}, {.size = 64, .shuffle = true});
//   for (const data::Batch& batch : batches) step(batch[0], batch[1]);
#pragma once

#include <cstddef>
#include <iterator>
#include <vector>

#include "pydl/export.h"
#include "pydl/random.h"
#include "pydl/tensor.h"

namespace pydl::data {

struct BatchOptions {
  int64_t size = 32;               ///< samples per batch
  bool shuffle = false;            ///< every pass in a random order of its own
  bool drop_last = false;          ///< leave out a smaller last batch
  Generator* generator = nullptr;  ///< of the orders; null: the default one. Must outlive the batches.
};

/// The same samples of each tensor.
struct Batch {
  std::vector<Tensor> tensors;
  int64_t number = 0;  ///< in its pass, from 0

  const Tensor& operator[](size_t index) const { return tensors[index]; }
  int64_t size() const { return tensors.empty() ? 0 : tensors[0].size(0); }
  /// For compiled functions, which take their arguments so.
  operator std::span<const Tensor>() const { return tensors; }
};

/// Tensors (N, ...) of the same N, in batches along their first axis. Every `begin` begins a pass. In order, batches
/// are views; the orders are those of Python's DataLoader with the same generator.
class PYDL_API Batches {
 public:
  /// `ValueError` without tensors, for lengths that differ and for a size below 1.
  explicit Batches(std::vector<Tensor> tensors, const BatchOptions& options = {});

  class PYDL_API Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;

    const Batch& operator*() const { return batch_; }
    const Batch* operator->() const { return &batch_; }
    Iterator& operator++();
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) { return it.next_ > it.batches_->count(); }

   private:
    friend class Batches;
    Iterator(const Batches* batches, Tensor order);

    const Batches* batches_;
    Tensor order_;      // of the samples of this pass, undefined for the order in which they lie
    int64_t next_ = 0;  // number of the batch behind the one that is shown
    Batch batch_;
  };

  Iterator begin() const;
  std::default_sentinel_t end() const { return {}; }
  /// Batches of a pass.
  int64_t count() const;
  /// Samples of a pass.
  int64_t sample_count() const;

 private:
  const std::vector<Tensor>& tensors() const;

  std::vector<Tensor> tensors_;
  BatchOptions options_;
};

}  // namespace pydl::data
