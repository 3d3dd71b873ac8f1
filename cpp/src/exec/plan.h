// Plan: a graph prepared to run, as an ordered list of kernels whose operands have fixed positions in one arena.
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
  bool alias = true;       ///< let elementwise results take over the memory of operands that are not read afterwards
  bool reuse = true;       ///< let buffers that are not alive at the same time share memory
  bool concurrent = true;  ///< run small independent nodes concurrently
  bool profile = false;    ///< time every kernel of every run
  KernelChoice kernels;    ///< which implementations to prefer
};

/// One kernel of the plan, as shown to users.
struct PlanStep {
  std::string name;
  std::string provider;
  std::string implementation;
  std::string location;
  int64_t flops;
  int64_t bytes;
  std::vector<std::string> buffers;  ///< where its operands are stored
  double seconds;                    ///< median over the profiled runs; 0 without profiling
};

class Plan {
 public:
  /// `states` are the tensors behind Graph::states; they are read and overwritten in place. `declared` are these
  /// tensors plus the declared ones that share their memory.
  Plan(graph::Graph graph, std::vector<Tensor> states, std::vector<Tensor> declared, PlanOptions options);
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  /// What one run needs: the arena and the pointers into it. Concurrent runs have separate contexts.
  struct Context;

  /// `arguments` have the layouts of the graph's arguments; `outputs` become newly allocated tensors. May be called
  /// from several threads concurrently. If it throws, the states are left as they were.
  void run(std::span<const Tensor> arguments, std::span<Tensor> outputs);
  /// The same in a context, which keeps the results until its next run overwrites them. Allocates no memory.
  std::span<const Tensor> run(Context& context, std::span<const Tensor> arguments) const;
  /// Makes a context for a thread that runs concurrently with others.
  std::shared_ptr<Context> make_context() const;

  const graph::Graph& graph() const { return graph_; }
  const std::vector<Tensor>& states() const { return states_; }
  const MemoryPlan& memory() const { return memory_; }
  bool overwrites() const { return !overwritten_.empty(); }
  /// An upper estimate of the time of one run in nanoseconds, from its arithmetic and memory traffic.
  int64_t work() const { return work_; }
  std::vector<PlanStep> steps() const;

 private:
  // Where the memory of a root is stored.
  enum class Region : uint8_t { none, arena, output, argument, state, constant, generator };
  struct Location {
    Region region = Region::none;
    int index = 0;  // index of the output, argument, ...; or of the buffer in the arena
  };
  struct Step {
    std::unique_ptr<Kernel> kernel;
    size_t node;
    size_t first_pointer;  // in Context::pointers: its inputs, then its outputs
    size_t input_count;
    size_t scratchpad = 0;  // offset of its own scratchpad
    size_t concurrent = 1;  // the number of steps, starting with this one, that run concurrently
  };
  // A pointer that changes with every run.
  struct Patch {
    size_t pointer;
    Region region;
    int index;
    int64_t offset;  // in bytes
  };

  void place_roots(const PlanOptions& options);
  void plan_arena(const PlanOptions& options);
  bool take_over(size_t node, std::vector<graph::ValueId>& owner, const std::vector<int>& last_use);
  bool is_read_beside(size_t node, graph::ValueId root) const;
  void prepare_steps(const KernelChoice& choice);
  void place_scratchpads();
  void prepare_outputs();
  std::unique_ptr<Kernel> prepare_node(const graph::Node& node, const KernelChoice& choice) const;
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
  std::string describe_location(graph::ValueId value) const;

  graph::Graph graph_;
  std::vector<Tensor> states_;
  std::vector<Tensor> declared_;
  std::vector<Tensor> kept_;                  // the declared tensors that a run copies, to restore them after an error
  std::vector<Location> locations_;           // by value; valid for roots
  std::vector<int> times_;                    // by node: when it runs
  std::vector<graph::ValueId> output_roots_;  // roots that get newly allocated memory in each run
  MemoryPlan memory_;
  std::vector<Step> steps_;
  std::vector<graph::ValueId> operands_;  // the value behind each pointer
  std::vector<Patch> patches_;
  std::vector<int> mutated_states_;
  std::vector<const core::Storage*> overwritten_;  // the memory of the mutated states, sorted
  bool keeps_backup_ = false;                      // whether a kernel may throw after a state was overwritten
  bool profile_;
  size_t scratchpad_bytes_ = 0;
  int64_t work_ = 0;
  mutable std::vector<std::vector<double>> seconds_;  // by step: times of the profiled runs
  std::shared_ptr<Context> context_;                  // for callers without a context; concurrent ones make their own
  std::atomic<bool> busy_{false};
};

}  // namespace pydl::exec
