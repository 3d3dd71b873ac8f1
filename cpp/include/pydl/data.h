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
  bool shuffle = false;            ///< every pass in a new random order
  bool drop_last = false;          ///< leave out the last batch if it is smaller
  Generator* generator = nullptr;  ///< for the orders; null: the default one. Must outlive the batches.
};

/// The same samples of each tensor.
struct Batch {
  std::vector<Tensor> tensors;
  int64_t number = 0;  ///< within its pass, from 0

  const Tensor& operator[](size_t index) const { return tensors[index]; }
  int64_t size() const { return tensors.empty() ? 0 : tensors[0].size(0); }
  /// Compiled functions take their arguments in this form.
  operator std::span<const Tensor>() const { return tensors; }
};

/// Tensors (N, ...) with the same N, divided into batches along their first axis. Every `begin` starts a pass. Without
/// shuffling, batches are views. With the same generator, the orders are those of Python's DataLoader.
class PYDL_API Batches {
 public:
  /// `ValueError` if there are no tensors, if their lengths differ, or if the batch size is less than 1.
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
    Tensor order_;      // of the samples in this pass; undefined if they are not shuffled
    int64_t next_ = 0;  // number of the batch after the current one
    Batch batch_;
  };

  Iterator begin() const;
  std::default_sentinel_t end() const { return {}; }
  /// The number of batches in a pass.
  int64_t count() const;
  /// The number of samples in a pass.
  int64_t sample_count() const;
  /// What orders are drawn from; null if samples are not shuffled.
  Generator* generator() const;

 private:
  const std::vector<Tensor>& tensors() const;

  std::vector<Tensor> tensors_;
  BatchOptions options_;
};

}  // namespace pydl::data
