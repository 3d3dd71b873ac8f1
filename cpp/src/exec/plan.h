// Plan: a graph made ready to run: prepared kernels in an order, their operands at fixed places in one arena.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/intrusive_ptr.h"
#include "core/storage.h"
#include "exec/kernel.h"
#include "exec/memory_plan.h"
#include "graph/graph.h"

namespace pydl::exec {

struct PlanOptions {
  bool alias = true;     ///< let elementwise results take the memory of operands that nobody reads afterwards
  bool reuse = true;     ///< let buffers that do not live at the same time share memory
  bool together = true;  ///< run small nodes that do not depend on each other at the same time
  bool profile = false;  ///< time every kernel of every run
  bool onednn = true;    ///< let oneDNN serve calls
};

/// One kernel of the plan, as people see it.
struct PlanStep {
  std::string name;
  std::string provider;
  std::string location;
  int64_t flops;
  int64_t bytes;
  std::vector<std::string> buffers;  ///< where its operands lie
  double seconds;                    ///< median of the profiled runs; 0 without
};

class Plan {
 public:
  /// `states` are the tensors behind Graph::states: read and overwritten where they are. `declared` are they and the
  /// tensors that were declared beside them and share their memory.
  Plan(graph::Graph graph, std::vector<Tensor> states, std::vector<Tensor> declared, PlanOptions options);
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  /// What one run needs: the arena, and the pointers into it. Runs at the same time have one each.
  struct Context;

  /// `arguments` have the layouts of the graph's; `outputs` are tensors of new memory. May be called from several
  /// threads at once. When it throws, the states are what they were.
  void run(std::span<const Tensor> arguments, std::span<Tensor> outputs);
  /// The same in a context, which keeps the results: they are overwritten by its next run. Asks for no memory.
  std::span<const Tensor> run(Context& context, std::span<const Tensor> arguments) const;
  /// A context for threads that run beside others.
  std::shared_ptr<Context> make_context() const;

  const graph::Graph& graph() const { return graph_; }
  const std::vector<Tensor>& states() const { return states_; }
  const MemoryPlan& memory() const { return memory_; }
  bool overwrites() const { return !overwritten_.empty(); }
  /// Time of one run in nanoseconds, at most, as far as arithmetic and memory tell.
  int64_t work() const { return work_; }
  std::vector<PlanStep> steps() const;

 private:
  // Where the memory of a root is found.
  enum class Place : uint8_t { none, arena, output, argument, state, constant, generator };
  struct Location {
    Place place = Place::none;
    int index = 0;  // of the output, argument, ...; of the buffer in the arena
  };
  struct Step {
    std::unique_ptr<Kernel> kernel;
    size_t node;
    size_t first_pointer;  // of its inputs, then its outputs, in Context::pointers
    size_t input_count;
    size_t scratchpad = 0;  // where its own begins
    size_t together = 1;    // so many steps, from this one on, run at the same time
  };
  // A pointer that is another one in every run.
  struct Patch {
    size_t pointer;
    Place place;
    int index;
    int64_t offset;  // in bytes
  };

  void place_roots(const PlanOptions& options);
  void plan_arena(const PlanOptions& options);
  bool take_over(size_t node, std::vector<graph::ValueId>& owner, const std::vector<int>& last_use);
  bool is_read_beside(size_t node, graph::ValueId root) const;
  void prepare_steps(Provider first);
  void place_scratchpads();
  void prepare_outputs();
  std::unique_ptr<Kernel> prepare_node(const graph::Node& node, Provider first) const;
  std::shared_ptr<Context> prepare_context() const;
  Tensor make_root(size_t index) const;
  Tensor result(size_t index, std::span<const Tensor> arguments, std::span<const Tensor> roots) const;
  void* fixed_pointer(graph::ValueId value, char* arena) const;
  void run_steps(Context& context, std::span<const Tensor> arguments, std::span<const Tensor> roots) const;
  void execute(Context& context) const;
  void execute_step(Context& context, size_t index) const;
  void execute_timed(Context& context) const;
  void run_in(Context& context, std::span<const Tensor> arguments, std::span<const Tensor> roots) const;
  void check_arguments(std::span<const Tensor> arguments) const;
  void copy_states(Context& context, bool restore) const;
  std::string describe_place(graph::ValueId value) const;

  graph::Graph graph_;
  std::vector<Tensor> states_;
  std::vector<Tensor> declared_;
  std::vector<Tensor> kept_;                  // those of them that a run copies, to restore after an error
  std::vector<Location> locations_;           // by value; of roots
  std::vector<int> times_;                    // by node: when it runs
  std::vector<graph::ValueId> output_roots_;  // roots that get memory of their own in each run
  MemoryPlan memory_;
  std::vector<Step> steps_;
  std::vector<graph::ValueId> operands_;  // behind each pointer
  std::vector<Patch> patches_;
  std::vector<int> mutated_states_;
  std::vector<const core::Storage*> overwritten_;  // their memory, sorted
  bool keeps_backup_ = false;                      // a kernel may throw after a state was overwritten
  bool profile_;
  size_t scratchpad_bytes_ = 0;
  int64_t work_ = 0;
  mutable std::vector<std::vector<double>> seconds_;  // by step, of profiled runs
  std::shared_ptr<Context> context_;                  // of callers without one; more of them at once make their own
  std::atomic<bool> busy_{false};
};

}  // namespace pydl::exec
