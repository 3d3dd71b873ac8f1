// Implements the public interface of traces, graphs and plans.
#include "pydl/program.h"

#include <iomanip>
#include <sstream>

#include "core/active_trace.h"
#include "core/tensor_impl.h"
#include "exec/plan.h"
#include "exec/recorded_function.h"
#include "graph/passes/passes.h"
#include "graph/split.h"
#include "graph/tracer.h"

namespace pydl {

struct Program::Parts {
  std::unique_ptr<exec::Plan> plan;
  std::vector<graph::PassRecord> records;
  int64_t eager_bytes = 0;
};

Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;
Program::~Program() = default;

const exec::Plan& Program::plan() const {
  if (!parts_) throw Error("program: it was moved from; use the one that it was moved to");
  return *parts_->plan;
}

std::vector<std::string> pass_names() {
  std::vector<std::string> names;
  for (const graph::Pass& pass : graph::all_passes()) names.emplace_back(pass.name);
  names.emplace_back("alias");
  names.emplace_back("memory");
  names.emplace_back("concurrent");
  return names;
}

namespace {

exec::KernelChoice kernel_choice(const ProgramOptions& options) {
  exec::KernelChoice choice("compile: kernels", options.kernels);
  if (!options.onednn) choice.exclude_onednn();
  return choice;
}

}  // namespace

void check_options(const ProgramOptions& options) {
  const std::vector<std::string> passes = pass_names();
  for (const std::string& name : options.without) {
    if (std::find(passes.begin(), passes.end(), name) != passes.end()) continue;
    std::string expected;
    for (const std::string& pass : passes) expected += (expected.empty() ? "" : ", ") + pass;
    throw ValueError(concat_text("compile: there is no pass '", name, "'; expected ", expected));
  }
  static_cast<void>(kernel_choice(options));
}

namespace {

void check_arguments(const graph::Graph& graph, std::span<const Tensor> arguments, size_t outputs) {
  if (arguments.size() != graph.arguments.size() || outputs != graph.outputs.size()) {
    throw ValueError(concat_text("program: expected ", graph.arguments.size(), " arguments and room for ",
                                 graph.outputs.size(), " outputs, got ", arguments.size(), " and ", outputs));
  }
  for (size_t i = 0; i < arguments.size(); ++i) {
    const exec::BufferSpec& spec = graph.spec(graph.arguments[i]);
    const Tensor& given = arguments[i];
    if (!given.defined()) throw ValueError(concat_text("program: argument ", i, " is an undefined tensor"));
    if (is_traced(given)) core::check_read(*given.impl());
    if (given.dtype() == spec.dtype && given.shape() == spec.shape && given.strides() == spec.strides) continue;
    throw ValueError(concat_text("program: argument ", i, ": expected ", spec.dtype, " of shape ", spec.shape,
                                 " and strides ", spec.strides, ", got ", given.dtype(), " of shape ", given.shape(),
                                 " and strides ", given.strides()));
  }
}

std::string formatted_bytes(int64_t bytes) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(bytes < 10240 ? 0 : 1);
  if (bytes < 10240) {
    text << bytes << " B";
  } else if (bytes < (10 << 20)) {
    text << static_cast<double>(bytes) / 1024 << " KiB";
  } else {
    text << static_cast<double>(bytes) / (1 << 20) << " MiB";
  }
  return text.str();
}

}  // namespace

void Program::run(std::span<const Tensor> arguments, std::span<Tensor> outputs) {
  check_arguments(plan().graph(), arguments, outputs.size());
  parts_->plan->run(arguments, outputs);
}

std::vector<Tensor> Program::run(std::span<const Tensor> arguments) {
  std::vector<Tensor> outputs(output_count());
  run(arguments, outputs);
  return outputs;
}

struct ProgramContext::Parts {
  const exec::Plan* plan;
  std::shared_ptr<exec::Plan::Context> context;
};

ProgramContext Program::make_context() const {
  return ProgramContext(std::make_shared<ProgramContext::Parts>(&plan(), plan().make_context()));
}

std::span<const Tensor> Program::run(ProgramContext& context, std::span<const Tensor> arguments) const {
  if (context.parts_ == nullptr || context.parts_->plan != &plan()) {
    throw ValueError("program: the context belongs to another program");
  }
  check_arguments(plan().graph(), arguments, plan().graph().outputs.size());
  return plan().run(*context.parts_->context, arguments);
}

size_t Program::output_count() const { return plan().graph().outputs.size(); }
size_t Program::argument_count() const { return plan().graph().arguments.size(); }
bool Program::overwrites() const { return plan().overwrites(); }
int64_t Program::arena_bytes() const { return plan().memory().bytes; }
int64_t Program::unplanned_bytes() const { return plan().memory().total; }
int64_t Program::eager_bytes() const {
  static_cast<void>(plan());
  return parts_->eager_bytes;
}
int64_t Program::work() const { return plan().work(); }
std::string Program::to_dot() const { return graph::to_dot(plan().graph()); }

std::vector<ProgramStep> Program::steps() const {
  std::vector<ProgramStep> result;
  for (exec::PlanStep& step : plan().steps()) {
    result.push_back({std::move(step.name), std::move(step.provider), std::move(step.implementation),
                      std::move(step.location), std::move(step.buffers), step.flops, step.bytes, step.seconds});
  }
  return result;
}

namespace {

// The larger of the two fractions of the machine's limits that a kernel reached.
double fraction_of_peak(const ProgramStep& step, double peak_flops, double peak_bytes) {
  const double flops = peak_flops > 0 ? static_cast<double>(step.flops) / step.seconds / peak_flops : 0;
  const double bytes = peak_bytes > 0 ? static_cast<double>(step.bytes) / step.seconds / peak_bytes : 0;
  return std::max(flops, bytes);
}

void describe_time(std::ostream& text, const ProgramStep& step, double total, double peak_flops, double peak_bytes) {
  if (step.seconds == 0) return;
  text << std::fixed << std::setprecision(1) << "  " << step.seconds * 1e6 << " us, " << 100 * step.seconds / total
       << " % of the time, " << static_cast<double>(step.flops) / step.seconds * 1e-9 << " GFLOP/s, "
       << static_cast<double>(step.bytes) / step.seconds * 1e-9 << " GB/s";
  if (peak_flops <= 0 && peak_bytes <= 0) return;
  text << std::setprecision(0) << ", " << 100 * fraction_of_peak(step, peak_flops, peak_bytes) << " % of peak";
}

void describe_step(std::ostream& text, const ProgramStep& step) {
  text << "  [";
  for (size_t i = 0; i < step.operands.size(); ++i) text << (i > 0 ? ", " : "") << step.operands[i];
  text << "]";
  if (!step.location.empty()) text << "  # " << step.location;
  text << "\n";
}

}  // namespace

std::string Program::describe(double peak_flops, double peak_bytes) const {
  const std::vector<ProgramStep> all = steps();
  std::ostringstream text;
  for (const graph::PassRecord& record : parts_->records) {
    text << "== after " << record.name << " ==\n" << record.text << "\n";
  }
  text << "== kernels ==\n";
  double total = 0;
  for (const ProgramStep& step : all) total += step.seconds;
  for (size_t i = 0; i < all.size(); ++i) {
    text << std::setw(3) << i << "  " << all[i].name << " (" << all[i].provider;
    if (all[i].implementation != all[i].provider) text << ": " << all[i].implementation;
    text << ")";
    describe_time(text, all[i], total, peak_flops, peak_bytes);
    describe_step(text, all[i]);
  }
  text << "memory: arena " << formatted_bytes(arena_bytes()) << " (without sharing "
       << formatted_bytes(unplanned_bytes()) << ", one op after the other " << formatted_bytes(eager_bytes()) << ")\n";
  return text.str();
}

// --- tracing ------------------------------------------------------------------------------------

Trace::Trace() : tracer_(std::make_unique<graph::Tracer>()) {}
Trace::~Trace() = default;

Tensor Trace::argument(const Tensor& like) { return tracer_->argument(like); }
void Trace::state(const Tensor& tensor, const std::string& name) { tracer_->state(tensor, name); }
void Trace::set_locator(std::function<std::string()> locator) { tracer_->set_locator(std::move(locator)); }
void Trace::start() { tracer_->resume(); }
void Trace::stop() { tracer_->pause(); }
bool Trace::is_dropped(const Tensor& owner, const Tensor& gradient) const {
  return tracer_->is_dropped(owner, gradient);
}
Tensor Trace::undeclared() const { return tracer_->undeclared(); }
int64_t Trace::live_results() const { return tracer_->live_results(); }

namespace {

bool is_on(const ProgramOptions& options, const char* pass) {
  return std::find(options.without.begin(), options.without.end(), pass) == options.without.end();
}

}  // namespace

Program::Program(graph::Graph graph, const graph::Tracer& tracer, const ProgramOptions& options)
    : parts_(std::make_unique<Parts>()) {
  parts_->eager_bytes = graph::most_live_bytes(graph);
  graph::run_passes(graph, options.without, options.explain ? &parts_->records : nullptr);
  parts_->plan = std::make_unique<exec::Plan>(std::move(graph), tracer.states(), tracer.declared(),
                                              exec::PlanOptions{.alias = is_on(options, "alias"),
                                                                .reuse = is_on(options, "memory"),
                                                                .concurrent = is_on(options, "concurrent"),
                                                                .profile = options.explain,
                                                                .kernels = kernel_choice(options)});
}

Program Trace::finish(std::span<const Tensor> outputs, const ProgramOptions& options) {
  return Program(tracer_->finish(outputs), *tracer_, options);
}

RecordedFunction::RecordedFunction(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {
  if (!parts_) throw ValueError("RecordedFunction: expected what a trace recorded, got nothing");
}

RecordedFunction Trace::record(std::span<const Tensor> outputs) {
  auto parts = std::make_shared<RecordedFunction::Parts>();
  const graph::Graph graph = tracer_->finish(outputs);
  parts->recording = graph::record(graph);
  parts->states = tracer_->states();
  parts->state_names = graph.state_names;
  for (const graph::GeneratorUse& use : graph.generator_uses) parts->generators.push_back(use.stream);
  return RecordedFunction(std::move(parts));
}

Trace::Position Trace::position() const { return {tracer_->node_count(), tracer_->argument_count()}; }

std::pair<Program, Program> Trace::finish_halves(std::span<const Tensor> outputs, Position position,
                                                 std::span<const Tensor> gradients, const ProgramOptions& options) {
  std::vector<graph::ValueId> wanted = tracer_->values_of(gradients);
  if (position.calls > tracer_->node_count() || position.arguments > tracer_->argument_count()) {
    throw ValueError("trace: the position of the second half lies behind the end of the trace");
  }
  graph::Halves halves = graph::split(tracer_->finish(outputs), position.calls, position.arguments, std::move(wanted));
  Program forward(std::move(halves.forward), *tracer_, options);
  return {std::move(forward), Program(std::move(halves.backward), *tracer_, options)};
}

bool is_tracing() { return core::active_trace() != nullptr; }

bool is_traced(const Tensor& tensor) { return tensor.defined() && tensor.impl()->is_traced(); }

void declare_state(const Tensor& tensor, const std::string& name) {
  if (auto* tracer = dynamic_cast<graph::Tracer*>(core::active_trace())) tracer->state(tensor, name);
}

RecomputeScope::RecomputeScope() : tracer_(dynamic_cast<graph::Tracer*>(core::active_trace())) {
  if (tracer_ != nullptr) outer_ = tracer_->enter_region();
}
RecomputeScope::~RecomputeScope() {
  if (tracer_ != nullptr) tracer_->leave_region(outer_);
}

PauseTracing::PauseTracing() : paused_(core::set_active_trace(nullptr)) {}
PauseTracing::~PauseTracing() { core::set_active_trace(static_cast<core::ActiveTrace*>(paused_)); }

}  // namespace pydl
