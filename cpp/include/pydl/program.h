// Programs: functions on tensors that were traced once, optimised as a whole, and run in one call.
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
  bool explain = false;                   ///< keep the graph after each pass, and time every kernel of every run
  /// Whether oneDNN may serve calls. Its primitives ask for a little memory whenever they run; other kernels do not,
  /// and are slower for large products and convolutions.
  bool onednn = true;
};

/// The passes that `ProgramOptions::without` may name, in the order in which they run.
PYDL_API std::vector<std::string> pass_names();

/// One kernel of a program.
struct ProgramStep {
  std::string name;
  std::string provider;
  std::string location;               ///< file:line of the traced code, where known
  std::vector<std::string> operands;  ///< where they lie: `arena+64`, `argument0`, a state's name
  int64_t flops;
  int64_t bytes;   ///< read and written at least
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

/// What a trace gives. Runs without Python and without asking for memory, but for its outputs. Whatever is asked of a
/// program that was moved from is an `Error`.
class PYDL_API Program {
 public:
  Program(Program&&) noexcept;
  Program& operator=(Program&&) noexcept;
  ~Program();

  /// Arguments have the dtypes and shapes of those that were traced, row-major; `outputs` has room for `output_count`
  /// tensors. States are overwritten in place; when an error is thrown they are what they were before.
  void run(std::span<const Tensor> arguments, std::span<Tensor> outputs);
  std::vector<Tensor> run(std::span<const Tensor> arguments);
  std::vector<Tensor> run(std::initializer_list<Tensor> arguments) {
    return run(std::span(arguments.begin(), arguments.size()));
  }

  /// For loops that count every microsecond, and for several threads, with a context each: a run in a context asks for
  /// no memory (but in its first run, for results that are views of arguments, and inside of oneDNN:
  /// `ProgramOptions::onednn`), takes no lock, and touches no file.
  ProgramContext make_context() const;
  /// The results belong to the context: its next run overwrites them.
  std::span<const Tensor> run(ProgramContext& context, std::span<const Tensor> arguments) const;
  std::span<const Tensor> run(ProgramContext& context, std::initializer_list<Tensor> arguments) const {
    return run(context, std::span(arguments.begin(), arguments.size()));
  }

  size_t output_count() const;
  size_t argument_count() const;
  /// Whether a run overwrites states.
  bool overwrites() const;
  /// Bytes of intermediate results: of the arena, and what they would be if every buffer had memory of its own.
  int64_t arena_bytes() const;
  int64_t unplanned_bytes() const;
  /// The most bytes of intermediate results alive at once when the traced calls run one by one.
  int64_t eager_bytes() const;
  /// Roughly how long a run takes, in nanoseconds: what decides whether to let other threads go on meanwhile.
  int64_t work() const;
  std::vector<ProgramStep> steps() const;
  /// The graph after each pass where `explain` was asked for, and its kernels with buffers and times. Given what the
  /// machine can do per second, floating-point operations and bytes, also which part of it each kernel reached.
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

/// What a trace wrote down, beside the states and generators that it used: `SavedProgram` makes programs and files of
/// it.
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

/// While one is active, functions on this thread's tensors are written down instead of run: their results have shapes
/// and dtypes, but no elements. Asking for elements throws `TraceError`.
class PYDL_API Trace {
 public:
  Trace();
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  /// A tensor in place of the next argument.
  Tensor argument(const Tensor& like);
  /// Declares a tensor that the function reads, and may overwrite in place: a parameter, a moment, a step counter.
  void state(const Tensor& tensor, const std::string& name);
  /// What gives the place in the source that is running, as `file:line`.
  void set_locator(std::function<std::string()> locator);
  /// Writes down from here on; `stop` runs things at once again.
  void start();
  void stop();
  /// Ends the trace. Outputs are results, arguments or states.
  Program finish(std::span<const Tensor> outputs, const ProgramOptions& options = {});

  /// Where the backward half of a function begins.
  struct Position {
    size_t calls;
    size_t arguments;
  };
  Position position() const;
  /// Ends the trace of a function and of its derivative, which `position` parts. The first program gives the outputs
  /// and then what the second one needs; that takes those, then the arguments behind `position`, and gives gradients.
  std::pair<Program, Program> finish_halves(std::span<const Tensor> outputs, Position position,
                                            std::span<const Tensor> gradients, const ProgramOptions& options = {});
  /// Ends the trace without a program: what it wrote down, to be saved.
  RecordedFunction record(std::span<const Tensor> outputs);
  /// Whether the gradient of `owner` need not be handed out: an optimiser's update has read it, and the function drops
  /// gradients itself.
  bool is_dropped(const Tensor& owner, const Tensor& gradient) const;
  /// The tensor that was used without being declared, where that ended the trace.
  Tensor undeclared() const;
  /// How many results of this trace are alive: after `finish`, what the function kept.
  int64_t live_results() const;

 private:
  std::unique_ptr<graph::Tracer> tracer_;
};

/// Whether a trace is active on this thread.
PYDL_API bool is_tracing();
/// Whether a tensor is a result of a trace, without elements.
PYDL_API bool is_traced(const Tensor& tensor);
/// Declares a state of the trace that is active on this thread: for state that comes into being while tracing.
PYDL_API void declare_state(const Tensor& tensor, const std::string& name);

/// Marks what is written down during a scope as a recomputation: it is not merged with equal calls outside.
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

/// Runs things at once for a scope, whatever is being traced.
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
