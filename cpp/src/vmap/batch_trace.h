// BatchTrace: runs a function that is written for one example on a whole batch.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "core/module_api.h"
#include "op/op_trace.h"

namespace pydl::vmap {

/// While it is active, the tensors of the function have the shapes of one example and no elements of their own. Each
/// stands for a tensor with all examples, which is computed at once, outside of this trace: eagerly, in the trace of a
/// compiled function, or in another batch. The tape of the function itself holds the tensors of one example, so a
/// gradient that the function computes is one per example; the tape outside holds the others.
class PYDL_MODULE_API BatchTrace final : public op::OpTrace {
 public:
  explicit BatchTrace(int64_t size);
  ~BatchTrace() override;
  BatchTrace(const BatchTrace&) = delete;
  BatchTrace& operator=(const BatchTrace&) = delete;

  /// What the function sees of an argument: an example of a tensor with the batch along `axis`, or, without an axis,
  /// the same tensor in every example.
  Tensor argument(const Tensor& tensor, std::optional<int64_t> axis);
  /// The results of all examples, stacked along `axis`; without an axis, a result that is the same in all of them. To
  /// be called after `stop`.
  Tensor result(const Tensor& example, std::optional<int64_t> axis) const;

  void start();
  /// Throws `TraceError` if the function has left gradients in tensors from outside. Does nothing if it is not active.
  void stop();
  /// Ends it without checks.
  void abandon() noexcept;

  void note(const op::OpDef& def, const op::Attrs& attrs, std::span<const Tensor> inputs,
            std::span<const op::BufferSpec> layouts, int64_t offset, std::span<Tensor> results) override;
  void note_mutation(const op::OpDef& def, const op::Attrs& attrs, std::span<const Tensor> inputs,
                     int mutated) override;
  Tensor take(Generator& generator, int64_t blocks) override;
  void check_read(const core::TensorImpl& impl) const override;
  Tensor* gradient_of(core::TensorImpl& owner) override;
  uint32_t* version_of(const core::Storage& storage) override;
  void note_cleared_gradient(const core::TensorImpl&) override {}

 private:
  struct Value {
    Tensor tensor;
    bool batched;
  };
  struct OuterGradient {
    Tensor owner;  // kept so that its address is not reused
    Tensor before;
    Tensor now;
  };

  bool is_own(const Tensor& tensor) const;
  Value value_of(const Tensor& tensor) const;
  Tensor stand_in(Value value, const Dims& shape, const Dims& strides, const core::TensorImpl* base);

  int64_t size_;
  std::vector<Value> values_;
  // The batched storage for each storage of the function's tensors. A view that had to be copied must not be written
  // to.
  std::unordered_map<const core::Storage*, const core::Storage*> storages_;
  std::unordered_map<const core::TensorImpl*, OuterGradient> gradients_;
  core::ActiveTrace* outer_ = nullptr;
  bool active_ = false;
};

}  // namespace pydl::vmap
