// The steps of a training, one by one and in epochs.
#include "pydl/trainer.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <unordered_set>
#include <utility>

#include "pydl/autograd.h"
#include "pydl/ops.h"
#include "training/trainer_state.h"

namespace pydl::train {

namespace {

void check_optimizer(const ParamSet& params, const optim::Optimizer& optimizer) {
  std::unordered_set<const void*> known;
  for (const auto& [name, tensor] : params.tensors) {
    if (!tensor.defined()) throw ValueError(concat_text("Trainer: ", name, " is an undefined tensor"));
    known.insert(tensor.impl());
  }
  for (const Tensor& parameter : optimizer.parameters()) {
    if (known.contains(parameter.impl())) continue;
    throw ValueError(concat_text("Trainer: the optimiser has a parameter, of shape ", parameter.shape(),
                                 ", that is not in the set; make both of one set of parameters"));
  }
}

void check_trainer_options(const TrainerOptions& options) {
  if (options.inputs < 1) throw ValueError("Trainer: expected at least one input, got 0");
  if (options.accumulate < 1) {
    throw ValueError(concat_text("Trainer: expected accumulate of at least 1, got ", options.accumulate));
  }
  std::unordered_set<std::string> names = {"loss"};
  for (const Metric& metric : options.metrics) {
    static_cast<void>(Meter(metric));  // refuses one without functions
    if (metric.weighted && !(options.sample_weights && metric.weighted_sums)) {
      throw ValueError(concat_text("Trainer: the metric '", metric.name, "' is weighted, but ",
                                   options.sample_weights ? "has no function weighted_sums"
                                                          : "batches have no sample weights; set sample_weights"));
    }
    if (names.insert(metric.name).second) continue;
    throw ValueError(concat_text("Trainer: the name '", metric.name, "' of a metric is in use; give it another one"));
  }
  check_options(options.program);
}

std::shared_ptr<const Parts> make_parts(const ParamSet& params, const Model& model, const Loss& loss,
                                        const optim::Optimizer& optimizer, TrainerOptions options) {
  if (!model.function()) throw ValueError("Trainer: expected a model function, got an empty one");
  if (!loss.parts().mean) throw ValueError("Trainer: expected a loss function, got an empty one");
  check_optimizer(params, optimizer);
  check_trainer_options(options);
  return std::make_shared<const Parts>(Parts{params, model, loss, optimizer, std::move(options)});
}

bool is_all_finite(const Tensor& tensor) {
  const GradMode without_history(false);
  return !is_floating(tensor.dtype()) || all(isfinite(tensor.detach())).item() != 0;
}

}  // namespace

Trainer::State::State(const ParamSet& params, const Model& model, const Loss& loss, const optim::Optimizer& optimizer,
                      TrainerOptions options)
    : parts(make_parts(params, model, loss, optimizer, std::move(options))),
      steps(parts),
      averages(parts->options.metrics),
      pending{.averages = averages, .buffers = {}} {}

Generator& Trainer::State::generator() const {
  return parts->options.generator != nullptr ? *parts->options.generator : default_generator();
}

void Trainer::State::check(std::span<const Tensor> tensors) const {
  const TrainerOptions& options = parts->options;
  const size_t expected = options.inputs + options.targets + (options.sample_weights ? 1 : 0);
  if (tensors.size() != expected) {
    throw ValueError(concat_text("Trainer: expected batches of ", expected, " tensors (", options.inputs, " inputs, ",
                                 options.targets, " targets", options.sample_weights ? ", sample weights" : "",
                                 "), got ", tensors.size()));
  }
  for (const Tensor& tensor : tensors) {
    if (!tensor.defined()) throw ValueError("Trainer: a batch has an undefined tensor");
  }
  if (tensors[0].rank() == 0) throw ValueError("Trainer: expected inputs (N, ...), got a tensor of rank 0");
  if (!options.sample_weights) return;
  const Dims samples{tensors[0].size(0)};
  if (tensors.back().shape() != samples) {
    throw ValueError(
        concat_text("Trainer: expected sample weights of shape ", samples, ", got ", tensors.back().shape()));
  }
}

// --- single steps ---

void Trainer::State::set_learning_rate() {
  const optim::Schedule& schedule = parts->options.learning_rate;
  optim::Optimizer optimizer = parts->optimizer;
  if (schedule) optimizer.set_lr(schedule(optimizer.steps()));
}

Step Trainer::State::step(std::span<const Tensor> tensors) {
  check(tensors);
  if (!parts->apart()) return step_at_once(tensors);
  try {
    return step_apart(tensors);
  } catch (...) {
    discard();
    throw;
  }
}

Step Trainer::State::step_at_once(std::span<const Tensor> tensors) {
  set_learning_rate();
  const StepValues values = steps.whole(tensors);
  look(values, tensors);
  averages.add(values.loss, values.weight, values.sums);
  return {.epoch = epoch, .batch = batch, .loss = values.loss, .weight = values.weight, .updated = true};
}

Step Trainer::State::step_apart(std::span<const Tensor> tensors) {
  if (pending.count == 0) {
    optim::Optimizer(parts->optimizer).zero_grad();
    pending.unit = std::max(1.0, static_cast<double>(tensors[0].size(0)));
    if (parts->guards()) {
      for (const Tensor& buffer : buffers()) pending.buffers.push_back(copy(buffer));
    }
  }
  ++pending.count;
  const StepValues values = steps.gradients(tensors, pending.unit);
  Step result{.epoch = epoch, .batch = batch, .loss = values.loss, .weight = values.weight};
  if (parts->guards() && !values.finite && values.weight > 0) {
    refuse(values, tensors);
    result.finite = false;
    return result;
  }
  if (!parts->guards()) look(values, tensors);
  pending.weight += values.weight;
  pending.averages.add(values.loss, values.weight, values.sums);
  result.updated = pending.count >= parts->options.accumulate && flush();
  return result;
}

bool Trainer::State::flush() {
  if (pending.count == 0) return false;
  const bool counts = pending.weight > 0;
  if (counts) {
    set_learning_rate();
    steps.update(pending.weight / pending.unit);
  }
  averages.merge(pending.averages);
  discard();
  return counts;
}

void Trainer::State::discard() {
  optim::Optimizer(parts->optimizer).zero_grad();
  pending = {.averages = Averages(parts->options.metrics), .buffers = {}};
}

std::vector<Tensor> Trainer::State::buffers() const {
  std::vector<Tensor> result;
  for (const auto& [name, tensor] : parts->params.tensors) {
    if (!tensor.requires_grad()) result.push_back(tensor);
  }
  return result;
}

void Trainer::State::restore_buffers() {
  const std::vector<Tensor> now = buffers();
  for (size_t i = 0; i < pending.buffers.size(); ++i) assign(now[i], pending.buffers[i]);
}

// --- steps that are not finite ---

void Trainer::State::warn(const std::string& message) const {
  if (parts->options.warn) return parts->options.warn(message);
  std::fprintf(stderr, "%s\n", message.c_str());
}

std::string Trainer::State::cause(std::span<const Tensor> tensors) const {
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (is_all_finite(tensors[i])) continue;
    return concat_text("tensor ", i, " of the batch is not finite");
  }
  for (const auto& [name, tensor] : parts->params.tensors) {
    if (!is_all_finite(tensor)) return concat_text("the tensor '", name, "' is not finite");
  }
  for (const auto& [name, tensor] : parts->params.tensors) {
    if (tensor.grad().defined() && !is_all_finite(tensor.grad())) {
      return concat_text("the gradient of '", name, "' is not finite, for a finite batch and finite parameters");
    }
  }
  return "the batch and all parameters are finite";
}

void Trainer::State::look(const StepValues& values, std::span<const Tensor> tensors) {
  const bool looks = parts->options.non_finite == NonFinite::warn && !warned;
  if (!looks || std::isfinite(values.loss) || !(values.weight > 0)) return;
  warned = true;
  warn(concat_text("Trainer: the loss is ", values.loss, " in epoch ", epoch + 1, ", batch ", batch + 1, ": ",
                   cause(tensors),
                   ". Look at the data, lower the learning rate, or clip gradients; "
                   "NonFinite::stop ends before such a step"));
}

void Trainer::State::refuse(const StepValues& values, std::span<const Tensor> tensors) {
  refused += pending.count;
  if (!warned) {
    warned = true;
    const bool ends = parts->options.non_finite == NonFinite::stop;
    warn(concat_text(
        "Trainer: ", std::isfinite(values.loss) ? "a gradient is not finite" : concat_text("the loss is ", values.loss),
        " in epoch ", epoch + 1, ", batch ", batch + 1, ": ", cause(tensors), "; training ",
        ends ? "ends before" : "goes on without", " this step"));
  }
  stops = stops || parts->options.non_finite == NonFinite::stop;
  restore_buffers();
  discard();
}

// --- epochs ---

Source::Next Trainer::State::begin_pass(const Source& source) {
  const bool resumes = batch > 0;
  Tensor now = std::exchange(data_loaded, {});
  data_generator.reset();
  if (source.generator() != nullptr) {
    data_generator.emplace(*source.generator());
    if (resumes && !now.defined()) now = data_generator->state();
    const Tensor first = resumes ? data_begin : now;
    if (first.defined()) data_generator->set_state(first);
    data_begin = data_generator->state();
  }
  Source::Next next = source.begin();
  if (!next) throw ValueError("Trainer: fit: the source returned an empty function instead of batches");
  for (int64_t i = 0; i < batch; ++i) next();
  if (data_generator && resumes) data_generator->set_state(now);
  return next;
}

bool Trainer::State::train_epoch(Trainer& self, const Source& source, const FitOptions& options) {
  if (batch == 0) {
    averages.reset();
    for (const Callback& callback : options.callbacks) {
      if (callback.epoch_begin) callback.epoch_begin(self, epoch);
    }
  }
  const Source::Next next = begin_pass(source);
  std::optional<data::Batch> current = next();
  if (!current && batch == 0) throw ValueError("Trainer: fit: expected at least one batch, got none");
  while (current) {
    std::optional<data::Batch> following = next();
    Step made = step(current->tensors);
    // The first batch shows whether the metrics fit the data at all.
    if (batch == 0) (pending.count > 0 ? pending.averages : averages).values();
    if (!following && !stops) made.updated = flush() || made.updated;
    ++batch;
    for (const Callback& callback : options.callbacks) {
      if (callback.batch_end) callback.batch_end(self, made);
    }
    if (stops && (following || !made.finite)) return false;
    current = std::move(following);
  }
  return true;
}

History Trainer::State::fit(Trainer& self, const Source& source, const FitOptions& options) {
  History history;
  stops = warned = false;
  refused = 0;
  while (epoch < options.epochs && !stops) {
    if (!train_epoch(self, source, options)) break;
    Values values = averages.values();
    if (options.validation) {
      for (const auto& [name, value] : evaluate(*options.validation)) values["val_" + name] = value;
    }
    const int64_t finished = epoch++;
    batch = 0;
    history.epochs.push_back(finished);
    for (const auto& [name, value] : values) history.values[name].push_back(value);
    for (const Callback& callback : options.callbacks) {
      if (callback.epoch_end) callback.epoch_end(self, finished, values);
    }
  }
  history.refused = refused;
  history.stopped = epoch < options.epochs;
  return history;
}

// --- without training ---

Values Trainer::State::evaluate_batch(std::span<const Tensor> tensors) {
  check(tensors);
  const StepValues values = steps.evaluate(tensors);
  Averages result(parts->options.metrics);
  result.add(values.loss, values.weight, values.sums);
  return result.values();
}

Values Trainer::State::evaluate(const Source& source) {
  Averages result(parts->options.metrics);
  const Source::Next next = source.begin();
  bool any_batch = false;
  for (std::optional<data::Batch> current; next && (current = next());) {
    check(current->tensors);
    const StepValues values = steps.evaluate(current->tensors);
    result.add(values.loss, values.weight, values.sums);
    any_batch = true;
  }
  if (!any_batch) throw ValueError("Trainer: evaluate: expected at least one batch, got none");
  return result.values();
}

std::vector<Tensor> Trainer::State::predict(std::span<const Tensor> inputs, int64_t batch_size) {
  if (inputs.size() != parts->options.inputs) {
    throw ValueError(concat_text("Trainer: predict: expected ", parts->options.inputs, " inputs, got ", inputs.size()));
  }
  const data::Batches batches({inputs.begin(), inputs.end()}, {.size = batch_size});
  if (batches.count() == 0) throw ValueError("Trainer: predict: expected at least one sample, got none");
  std::vector<std::vector<Tensor>> parts_of;
  for (const data::Batch& each : batches) {
    const std::vector<Tensor> outputs = steps.predict(each);
    parts_of.resize(outputs.size());
    for (size_t i = 0; i < outputs.size(); ++i) parts_of[i].push_back(outputs[i]);
  }
  std::vector<Tensor> results;
  for (const std::vector<Tensor>& list : parts_of) results.push_back(concat(list));
  return results;
}

// --- the handle ---

Source::Source(const data::Batches& batches) : generator_(batches.generator()) {
  begin_ = [own = std::make_shared<const data::Batches>(batches)]() -> Next {
    const auto place = std::make_shared<std::optional<data::Batches::Iterator>>(own->begin());
    return [own, place, first = true]() mutable -> std::optional<data::Batch> {
      if (!std::exchange(first, false)) ++**place;
      if (**place == own->end()) return {};
      return ***place;
    };
  };
}

Source::Next Source::begin() const {
  if (!begin_) throw ValueError("Source: expected a function that begins a pass, got an empty one");
  return begin_();
}

const std::vector<double>& History::operator[](const std::string& name) const {
  const auto found = values.find(name);
  if (found != values.end()) return found->second;
  std::string known;
  for (const auto& entry : values) known += (known.empty() ? "" : ", ") + entry.first;
  throw ValueError(concat_text("History: there is no value '", name, "'; there are ", known.empty() ? "none" : known));
}

Trainer::Trainer(const ParamSet& params, const Model& model, const Loss& loss, const optim::Optimizer& optimizer,
                 TrainerOptions options)
    : state_(std::make_shared<State>(params, model, loss, optimizer, std::move(options))) {}

Step Trainer::train_step(std::span<const Tensor> batch) { return state_->step(batch); }
bool Trainer::flush() { return state_->flush(); }
Values Trainer::evaluate_step(std::span<const Tensor> batch) { return state_->evaluate_batch(batch); }

History Trainer::fit(const Source& batches, const FitOptions& options) { return state_->fit(*this, batches, options); }
Values Trainer::evaluate(const Source& batches) { return state_->evaluate(batches); }

std::vector<Tensor> Trainer::predict(std::span<const Tensor> inputs, int64_t batch_size) {
  return state_->predict(inputs, batch_size);
}

Tensor Trainer::predict(const Tensor& x, int64_t batch_size) {
  const Tensor inputs[] = {x};
  const std::vector<Tensor> outputs = state_->predict(inputs, batch_size);
  if (outputs.size() == 1) return outputs[0];
  throw ValueError(concat_text("Trainer: predict: the model has ", outputs.size(),
                               " outputs; give the inputs as a list to get all of them"));
}

void Trainer::stop() { state_->stops = true; }
int64_t Trainer::epoch() const { return state_->epoch; }
int64_t Trainer::steps() const { return state_->parts->optimizer.steps(); }
optim::Optimizer Trainer::optimizer() const { return state_->parts->optimizer; }
ParamSet Trainer::states() const { return state_->states(); }
void Trainer::load_states(const ParamSet& states) { state_->load(states); }

}  // namespace pydl::train
