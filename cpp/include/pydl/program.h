// Programs: functions on tensors that are traced once, optimised as a whole, and run with one call.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pydl/export.h"
#include "pydl/tensor.h"

namespace pydl {

namespace graph {
class Tracer;
struct Graph;
}  // namespace graph
namespace exec {
class Plan;
}

struct ProgramOptions {
  std::vector<std::string> without = {};  ///< names of passes to leave out (`pass_names`)
  bool explain = false;  ///< keep the graph after each pass, and measure the time of every kernel in every run
  /// Whether oneDNN may be used. Its primitives allocate a little memory in every run; other kernels do not, but are
  /// slower for large products and convolutions.
  bool onednn = true;
  /// Implementations to prefer to the fastest ones, such as "conv*:onednn,matmul:cpu": ops (`*` stands for any rest of
  /// a name) with an implementation or provider, as `ProgramStep` names them. Calls to which they do not apply are
  /// computed as usual. The environment variable PYDL_KERNELS is such a list for the whole process. `ValueError` for
  /// unknown names.
  std::string kernels = {};
};

/// The passes that `ProgramOptions::without` may name, in the order in which they run.
PYDL_API std::vector<std::string> pass_names();

/// `ValueError` for names of passes, ops and implementations that do not exist.
PYDL_API void check_options(const ProgramOptions& options);

/// One kernel of a program.
struct ProgramStep {
  std::string name;
  std::string provider;               ///< "onednn", "cpu" or "ref"
  std::string implementation;         ///< what computes it, such as "winograd 4x4"
  std::string location;               ///< file:line of the traced code, if known
  std::vector<std::string> operands;  ///< where they are stored: `arena+64`, `argument0`, the name of a state
  int64_t flops;
  int64_t bytes;   ///< that are read and written at least
  double seconds;  ///< median over the runs so far; 0 unless `explain`
};

/// Memory for one thread's runs of a program, made by `Program::make_context`. It must not outlive the program.
class PYDL_API ProgramContext {
 public:
  struct Parts;
  explicit ProgramContext(std::shared_ptr<Parts> parts) : parts_(std::move(parts)) {}
  // Handles: a move copies, so that none is left empty.
  ProgramContext(const ProgramContext&) = default;
  ProgramContext& operator=(const ProgramContext&) = default;

 private:
  friend class Program;
  std::shared_ptr<Parts> parts_;
};

/// The result of a trace. It runs without Python, and allocates memory only for its outputs. Any use of a program that
/// was moved from is an `Error`.
class PYDL_API Program {
 public:
  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;
  ~Program();

  /// Arguments must have the dtypes and shapes of those that were traced, row-major; `outputs` must have space for
  /// `output_count` tensors. States are overwritten in place; if an error is thrown, they are unchanged.
  void run(std::span<const Tensor> arguments, std::span<Tensor> outputs);
  std::vector<Tensor> run(std::span<const Tensor> arguments);
  std::vector<Tensor> run(std::initializer_list<Tensor> arguments) {
    return run(std::span(arguments.begin(), arguments.size()));
  }

  /// For loops in which every microsecond counts, and for several threads with one context each. A run in a context
  /// allocates no memory (except in its first run, for results that are views of arguments, and inside of oneDNN: see
  /// `ProgramOptions::onednn`), takes no lock, and accesses no file.
  ProgramContext make_context() const;
  /// The results belong to the context; its next run overwrites them.
  std::span<const Tensor> run(ProgramContext& context, std::span<const Tensor> arguments) const;
  std::span<const Tensor> run(ProgramContext& context, std::initializer_list<Tensor> arguments) const {
    return run(context, std::span(arguments.begin(), arguments.size()));
  }

  size_t output_count() const;
  size_t argument_count() const;
  /// Whether a run overwrites states.
  bool overwrites() const;
  /// The size of intermediate results in bytes: that of the arena, and the sum if every buffer had its own memory.
  int64_t arena_bytes() const;
  int64_t unplanned_bytes() const;
  /// The largest total size of intermediate results that are alive at once when the traced calls run one by one.
  int64_t eager_bytes() const;
  /// A rough estimate of the time of a run in nanoseconds. It determines whether other threads of Python may run
  /// meanwhile.
  int64_t work() const;
  std::vector<ProgramStep> steps() const;
  /// The graph after each pass if `explain` was set, and the kernels with their buffers and times. Given the
  /// floating-point operations and bytes per second that the machine can reach, also the fraction that each kernel
  /// reached.
  std::string describe(double peak_flops = 0, double peak_bytes = 0) const;
  /// The graph in the language of Graphviz.
  std::string to_dot() const;

 private:
  friend class Trace;
  friend class SavedProgram;
  struct Parts;
  Program(graph::Graph graph, const graph::Tracer& tracer, const ProgramOptions& options);
  const exec::Plan& plan() const;

  std::unique_ptr<Parts> parts_;
};

/// The recording of a trace, with the states and generators that it used. `SavedProgram` creates programs and files
/// from it.
class PYDL_API RecordedFunction {
 public:
  struct Parts;
  explicit RecordedFunction(std::shared_ptr<const Parts> parts);
  RecordedFunction(const RecordedFunction&) = default;
  RecordedFunction& operator=(const RecordedFunction&) = default;
  const Parts& parts() const { return *parts_; }

 private:
  std::shared_ptr<const Parts> parts_;
};

/// While a trace is active, functions on this thread's tensors are recorded instead of run: their results have shapes
/// and dtypes, but no elements. Reading elements throws `TraceError`.
class PYDL_API Trace {
 public:
  Trace();
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  /// Returns a tensor that stands for the next argument.
  Tensor argument(const Tensor& like);
  /// Declares a tensor that the function reads and may overwrite in place: a parameter, a moment, a step counter.
  void state(const Tensor& tensor, const std::string& name);
  /// Sets a function that returns the current position in the source code as `file:line`.
  void set_locator(std::function<std::string()> locator);
  /// Starts recording; after `stop`, functions run immediately again.
  void start();
  void stop();
  /// Ends the trace. Outputs may be results, arguments or states.
  Program finish(std::span<const Tensor> outputs, const ProgramOptions& options = {});

  /// The point at which the backward half of a function begins.
  struct Position {
    size_t calls;
    size_t arguments;
  };
  Position position() const;
  /// Ends the trace of a function and its derivative, which are separated by `position`. The first program returns the
  /// outputs, followed by the tensors that the second one needs. The second one takes these, followed by the arguments
  /// after `position`, and returns gradients.
  std::pair<Program, Program> finish_halves(std::span<const Tensor> outputs, Position position,
                                            std::span<const Tensor> gradients, const ProgramOptions& options = {});
  /// Ends the trace without creating a program, and returns its recording, to be saved.
  RecordedFunction record(std::span<const Tensor> outputs);
  /// Whether the gradient of `owner` need not be returned, because an optimiser's update has read it and the function
  /// itself drops gradients.
  bool is_dropped(const Tensor& owner, const Tensor& gradient) const;
  /// The tensor that was used without being declared, if that ended the trace.
  Tensor undeclared() const;
  /// The number of results of this trace that are alive. After `finish`, these are the tensors that the function kept.
  int64_t live_results() const;

 private:
  std::unique_ptr<graph::Tracer> tracer_;
};

/// Whether a trace is active on this thread.
PYDL_API bool is_tracing();
/// Whether a tensor is a result of a trace and has no elements.
PYDL_API bool is_traced(const Tensor& tensor);
/// Declares a state of the active trace of this thread, for state that is created during tracing.
PYDL_API void declare_state(const Tensor& tensor, const std::string& name);

/// Marks calls that are recorded during a scope as a recomputation: they are not merged with equal calls outside of it.
class PYDL_API RecomputeScope {
 public:
  RecomputeScope();
  ~RecomputeScope();
  RecomputeScope(const RecomputeScope&) = delete;
  RecomputeScope& operator=(const RecomputeScope&) = delete;

 private:
  graph::Tracer* tracer_;
  int outer_ = 0;
};

/// Runs functions immediately for a scope, even while a trace is active.
class PYDL_API PauseTracing {
 public:
  PauseTracing();
  ~PauseTracing();
  PauseTracing(const PauseTracing&) = delete;
  PauseTracing& operator=(const PauseTracing&) = delete;

 private:
  void* paused_;
};

}  // namespace pydl
