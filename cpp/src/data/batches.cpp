// Batches of tensors, in order or shuffled.
#include "pydl/data.h"

#include "pydl/autograd.h"
#include "pydl/ops.h"

namespace pydl::data {

namespace {

Tensor rows(const Tensor& x, int64_t start, int64_t count) {
  Dims starts = Dims::filled(x.rank(), 0);
  Dims sizes = x.shape();
  starts[0] = start;
  sizes[0] = count;
  return slice(x, starts, sizes, Dims::filled(x.rank(), 1));
}

}  // namespace

Batches::Batches(std::vector<Tensor> tensors, const BatchOptions& options)
    : tensors_(std::move(tensors)), options_(options) {
  if (options_.size < 1) {
    throw ValueError(concat_text("Batches: expected a size of at least 1, got ", options_.size));
  }
  if (tensors_.empty()) throw ValueError("Batches: expected tensors, got none");
  for (const Tensor& tensor : tensors_) {
    if (tensor.rank() > 0 && tensor.size(0) == tensors_[0].size(0)) continue;
    throw ValueError(concat_text("Batches: expected tensors with first axes of the same length, got shapes ",
                                 tensors_[0].shape(), " and ", tensor.shape()));
  }
}

const std::vector<Tensor>& Batches::tensors() const {
  if (tensors_.empty()) throw Error("Batches: this object was moved from; use the one it was moved to");
  return tensors_;
}

int64_t Batches::sample_count() const {
  const int64_t count = tensors()[0].size(0);
  return options_.drop_last ? count - count % options_.size : count;
}

int64_t Batches::count() const { return (sample_count() + options_.size - 1) / options_.size; }

Generator* Batches::generator() const {
  if (!options_.shuffle) return nullptr;
  return options_.generator != nullptr ? options_.generator : &default_generator();
}

Batches::Iterator Batches::begin() const {
  Tensor order;
  if (options_.shuffle) order = permutation(tensors()[0].size(0), *generator());
  return Iterator(this, std::move(order));
}

Batches::Iterator::Iterator(const Batches* batches, Tensor order) : batches_(batches), order_(std::move(order)) {
  ++*this;
}

Batches::Iterator& Batches::Iterator::operator++() {
  const int64_t number = next_++;
  batch_.tensors.clear();
  if (number >= batches_->count()) return *this;
  const GradMode without_history(false);
  const int64_t start = number * batches_->options_.size;
  const int64_t count = std::min(batches_->options_.size, batches_->sample_count() - start);
  batch_.number = number;
  for (const Tensor& tensor : batches_->tensors_) {
    batch_.tensors.push_back(order_.defined() ? take(tensor, rows(order_, start, count)) : rows(tensor, start, count));
  }
  return *this;
}

}  // namespace pydl::data
