// Tracer: records the ops of a function that is called once, with tensors that have shapes but no elements.
#pragma once

#include <functional>
#include <unordered_map>
#include <unordered_set>

#include "graph/graph.h"
#include "op/op_trace.h"

namespace pydl::graph {

class Tracer final : public op::OpTrace {
 public:
  Tracer();
  ~Tracer() override;
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  /// A tensor that stands for an argument, with the dtype, shape and layout of `like`.
  Tensor argument(const Tensor& like);
  Tensor argument(const BufferSpec& spec);
  /// A tensor that stands for known elements. They are not copied.
  Tensor constant(const Tensor& elements);
  /// Declares a tensor that the function may read and overwrite in place.
  void state(const Tensor& tensor, std::string name);
  /// Sets the function that returns the source line being traced, as `file:line`.
  void set_locator(std::function<std::string()> locator) { locator_ = std::move(locator); }
  /// While tracing is paused, ops run at once instead of being recorded.
  void resume();
  void pause();
  /// Calls from here on belong to a new recomputation; returns the value to pass to `leave_region`.
  int enter_region() { return std::exchange(region_, ++regions_); }
  void leave_region(int outer) { region_ = outer; }
  void set_region(int region) { region_ = region; }

  /// Whether the gradient of `owner` is not needed after the function: a call that overwrites other tensors, other than
  /// a plain assignment, has read it, and the function clears gradients itself, so that the next call does not add to
  /// it.
  bool is_dropped(const Tensor& owner, const Tensor& result) const;
  void note_cleared_gradient(const core::TensorImpl& owner) override { cleared_.insert(&owner); }
  /// All declared tensors, including those that share memory with others.
  const std::vector<Tensor>& declared() const { return declared_; }
  const Tensor& undeclared() const { return undeclared_; }
  /// The number of its tensors that are still alive.
  int64_t live_results() const;
  size_t node_count() const { return graph_.nodes.size(); }
  size_t argument_count() const { return graph_.arguments.size(); }
  /// The values of tensors, to be passed to `finish`.
  std::vector<ValueId> values_of(std::span<const Tensor> tensors);
  /// Ends the trace; these tensors become the outputs of the graph.
  Graph finish(std::span<const Tensor> outputs);
  /// The declared tensors, in the order of Graph::states.
  const std::vector<Tensor>& states() const { return states_; }

  void note(const op::OpDef& def, const op::Attrs& attrs, std::span<const Tensor> inputs,
            std::span<const BufferSpec> layouts, int64_t offset, std::span<Tensor> results) override;
  void note_mutation(const op::OpDef& def, const op::Attrs& attrs, std::span<const Tensor> inputs,
                     int mutated) override;
  Tensor take(Generator& generator, int64_t blocks) override;
  void check_read(const core::TensorImpl& impl) const override;
  Tensor* gradient_of(core::TensorImpl& owner) override;
  uint32_t* version_of(const core::Storage& storage) override;

 private:
  ValueId value_of(const Tensor& tensor);
  void require_going_on() const;
  ValueId state_value(const Tensor& tensor, int state);
  ValueId constant_value(const Tensor& tensor);
  int location();

  Graph graph_;
  std::vector<Tensor> states_;
  std::unordered_map<const void*, int> state_by_storage_;
  std::unordered_map<const core::TensorImpl*, ValueId> constants_;
  std::vector<Tensor> keep_;  // constants as they were passed in, kept so that their addresses are not reused
  std::unordered_map<std::string, int> location_numbers_;
  std::function<std::string()> locator_;
  core::ActiveTrace* outer_ = nullptr;
  bool active_ = false;
  bool finished_ = false;
  mutable Tensor undeclared_;
  std::vector<Tensor> declared_;
  std::unordered_set<const core::TensorImpl*> cleared_;
  std::unordered_set<ValueId> read_by_updates_;  // by calls that overwrite other tensors, except plain assignments
  struct Gradient {
    Tensor owner;  // kept so that its address is not reused
    Tensor gradient;
  };
  std::unordered_map<const core::TensorImpl*, Gradient> gradients_;
  std::unordered_map<const core::Storage*, uint32_t> versions_;  // versions of states
  int region_ = 0;
  int regions_ = 0;
};

}  // namespace pydl::graph
