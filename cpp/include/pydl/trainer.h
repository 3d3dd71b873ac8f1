// Trainer: one object that owns a training step (forward, loss, backward, accumulation, clipping, update), runs it over
// batches and epochs, and has a state from which a training goes on bit for bit.
//
//   train::Trainer trainer(params, [&](const Tensor& x, bool training) { return network(params, x, training); },
//                          train::cross_entropy(), optim::Adam(params, 1e-3), {.metrics = {train::accuracy()}});
//   const data::Batches batches({images, labels}, {.size = 64, .shuffle = true});
//   const train::History history = trainer.fit(batches, {.epochs = 10, .validation = test_batches});
//   history["val_accuracy"].back();
//   trainer.save("training.safetensors");  // and `load` before `fit` goes on from there
//
// Loops of other kinds call `train_step` themselves. The model function is called in each step or, compiled, once for
// each shape of batch; it must then not read values of tensors, and what it uses beside parameters is in
// `TrainerOptions::states`.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "pydl/compile.h"
#include "pydl/data.h"
#include "pydl/export.h"
#include "pydl/losses.h"
#include "pydl/metrics.h"
#include "pydl/optimizer.h"
#include "pydl/params.h"
#include "pydl/random.h"
#include "pydl/schedules.h"

namespace pydl::train {

// --- what is trained ---------------------------------------------------------------------------------

/// A model: a function (x, training) that returns a tensor, or (inputs, training) that returns several.
class PYDL_API Model {
 public:
  using Function = std::function<std::vector<Tensor>(std::span<const Tensor> inputs, bool training)>;
  using OfOne = std::function<Tensor(const Tensor& x, bool training)>;

  template <class F>
    requires std::is_invocable_r_v<std::vector<Tensor>, F&, std::span<const Tensor>, bool>
  Model(F function) : function_(std::move(function)) {}
  template <class F>
    requires std::is_invocable_r_v<Tensor, F&, const Tensor&, bool>
  Model(F function) : function_(of_one(OfOne(std::move(function)))) {}

  const Function& function() const { return function_; }

 private:
  static Function of_one(OfOne function);

  Function function_;
};

/// A loss: a function (output, target), or (outputs, targets) of models with several. It returns one number, a mean
/// over the samples of the batch, or a number for each sample, or element: (N, ...), whose mean is taken. Sample
/// weights need the latter.
class PYDL_API Loss {
 public:
  using Function = std::function<Tensor(std::span<const Tensor> outputs, std::span<const Tensor> targets)>;
  using OfOne = std::function<Tensor(const Tensor& output, const Tensor& target)>;

  /// A loss whose mean is not taken over all samples.
  struct Parts {
    Function mean;
    Function each = {};    ///< the losses of which it is the mean, for sample weights
    Function counts = {};  ///< how much each of them counts in what the mean is divided by; 1 if there is no function
    std::vector<Tensor> tensors = {};  ///< what the functions read besides their arguments, such as class weights
  };

  template <class F>
    requires std::is_invocable_r_v<Tensor, F&, std::span<const Tensor>, std::span<const Tensor>>
  Loss(F function) : parts_{.mean = Function(std::move(function))} {}
  template <class F>
    requires std::is_invocable_r_v<Tensor, F&, const Tensor&, const Tensor&>
  Loss(F function) : parts_{.mean = of_one(OfOne(std::move(function)))} {}
  Loss(Parts parts) : parts_(std::move(parts)) {}

  const Parts& parts() const { return parts_; }

 private:
  static Function of_one(OfOne function);

  Parts parts_;
};

/// Cross-entropy of logits and class indices, or probabilities. Labels that are ignored, and weights of classes, are
/// taken into account where batches are averaged. `options.reduction` must be the mean (`ValueError`).
PYDL_API Loss cross_entropy(const nn::CrossEntropyOptions& options = {});

/// One term of `weighted_sum`.
struct LossTerm {
  Loss loss;  ///< of one output and one target
  double weight = 1;
  size_t output = 0;  ///< number of the output
  size_t target = 0;  ///< number of the target
};

/// The loss of a model with several outputs: a sum of losses, each times its weight. Every term is a mean of the batch,
/// and batches are averaged by their numbers of samples.
PYDL_API Loss weighted_sum(std::vector<LossTerm> terms);

/// The values of a loss by itself, such as one term of a sum, as a metric.
PYDL_API Metric loss_metric(const std::string& name, const Loss& loss, size_t output = 0, size_t target = 0);

// --- how it is trained -------------------------------------------------------------------------------

/// What happens when the loss of a step, or, for `stop` and `skip`, a gradient is infinite or not a number: nothing, a
/// warning, the end of `fit`, or training goes on. The latter two leave parameters, buffers and optimiser as they were
/// before the step; they compute gradients and update apart, which makes steps of small models slower.
enum class NonFinite { ignore, warn, stop, skip };

struct TrainerOptions {
  size_t inputs = 1;   ///< the number of tensors of a batch that the model takes; they come first
  size_t targets = 1;  ///< the number of tensors that the loss takes; they come next
  /// Whether a last tensor (N) says how much each sample counts in the loss. The weighted losses are added and divided
  /// by the number of samples, or of what counts, so that weights of 1 change nothing. Metrics ignore the weights but
  /// for those that are `weighted`.
  bool sample_weights = false;
  std::vector<Metric> metrics = {};
  bool compile = true;                 ///< whether steps are compiled
  int64_t accumulate = 1;              ///< batches for each update; its gradient is that of all of them as one batch
  optim::Schedule learning_rate = {};  ///< of all groups, by the number of updates so far
  NonFinite non_finite = NonFinite::warn;
  std::function<void(const std::string& message)> warn = {};  ///< receives warnings; by default the standard error does
  Generator* generator = nullptr;        ///< of the model's random numbers: part of the state; null: the default one
  std::vector<StateSource> states = {};  ///< other tensors that model, loss and metrics use
  ProgramOptions program = {};           ///< of compiled steps
};

/// What a batch did.
struct Step {
  int64_t epoch = 0;     ///< from 0
  int64_t batch = 0;     ///< within the epoch, from 0
  double loss = 0;       ///< the mean over what counts
  double weight = 0;     ///< how much counts: the number of samples, or of labels that are not ignored
  bool finite = true;    ///< false if the step was refused
  bool updated = false;  ///< whether parameters were updated
};

/// Loss and metrics by name.
using Values = std::map<std::string, double>;

/// Batches for `fit` and `evaluate`: those of `data::Batches`, or of a function that begins a pass and returns a
/// function that returns the next batch, or nothing at the end. Copies share tensors.
class PYDL_API Source {
 public:
  using Next = std::function<std::optional<data::Batch>()>;

  Source(const data::Batches& batches);
  template <class F>
    requires std::is_invocable_r_v<Next, F&>
  Source(F begin) : begin_(std::move(begin)) {}

  Next begin() const;
  /// What orders are drawn from; null if they are not.
  Generator* generator() const { return generator_; }

 private:
  std::function<Next()> begin_;
  Generator* generator_ = nullptr;
};

class Trainer;

/// Functions that `fit` calls. They may call `Trainer::stop`, `states` and `save`.
struct Callback {
  std::function<void(Trainer& trainer, int64_t epoch)> epoch_begin = {};
  std::function<void(Trainer& trainer, const Step& step)> batch_end = {};
  std::function<void(Trainer& trainer, int64_t epoch, const Values& values)> epoch_end = {};
};

struct FitOptions {
  /// The number of the epoch to end before. Epochs that the trainer has made, before or in a training that was loaded,
  /// count: a program that loads a state need not be told what is left.
  int64_t epochs = 1;
  std::optional<Source> validation = {};  ///< measured after each epoch; the names begin with "val_"
  std::vector<Callback> callbacks = {};
};

/// Loss and metrics of the epochs that one `fit` finished.
struct PYDL_API History {
  std::vector<int64_t> epochs = {};  ///< their numbers
  std::map<std::string, std::vector<double>> values = {};
  int64_t refused = 0;   ///< batches whose step was refused (`NonFinite::skip` and `stop`)
  bool stopped = false;  ///< whether training ended before the last epoch

  /// `ValueError` with the existing names if there is none of that name.
  const std::vector<double>& operator[](const std::string& name) const;
};

/// Trains, evaluates and predicts. This is a handle: copies share the training. One thread at a time may use it.
class PYDL_API Trainer {
 public:
  /// `params` has everything that the steps read or change, buffers too; the optimiser some of its tensors.
  /// `ValueError` for functions that are empty, an optimiser of other tensors, and options that are out of range.
  Trainer(const ParamSet& params, const Model& model, const Loss& loss, const optim::Optimizer& optimizer,
          TrainerOptions options = {});
  // A move copies, so that no handle is left empty.
  Trainer(const Trainer&) = default;
  Trainer& operator=(const Trainer&) = default;

  /// Computes gradients from a batch, and updates the parameters if enough batches were accumulated. `ValueError` for a
  /// batch with another number of tensors, or a loss that does not depend on a parameter.
  Step train_step(std::span<const Tensor> batch);
  Step train_step(std::initializer_list<Tensor> batch) { return train_step(std::span(batch.begin(), batch.size())); }
  /// Updates the parameters by what was accumulated, if anything: returns whether it did. `fit` does it at the end of
  /// an epoch.
  bool flush();
  /// Loss and metrics of one batch, without training.
  Values evaluate_step(std::span<const Tensor> batch);
  Values evaluate_step(std::initializer_list<Tensor> batch) {
    return evaluate_step(std::span(batch.begin(), batch.size()));
  }

  /// Trains until an epoch. Where the last `fit` was stopped within an epoch, or a state of that kind was loaded, the
  /// rest of that epoch comes first. `ValueError` for data without batches.
  History fit(const Source& batches, const FitOptions& options = {});
  /// Loss and metrics over all batches, without training. `ValueError` for data without batches.
  Values evaluate(const Source& batches);
  /// The outputs for inputs (N, ...), computed so many samples at a time.
  std::vector<Tensor> predict(std::span<const Tensor> inputs, int64_t batch_size = 256);
  /// The same for a model of one input and one output.
  Tensor predict(const Tensor& x, int64_t batch_size = 256);

  /// Ends `fit` after the current batch or, at the end of an epoch, after that. The next `fit` goes on.
  void stop();
  /// The epoch that training is in: how many were finished.
  int64_t epoch() const;
  /// The number of updates so far.
  int64_t steps() const;
  /// A handle: its learning rate and clipping may be changed.
  optim::Optimizer optimizer() const;

  /// What the next step depends on, but for the parameters, as copies: the optimiser, epoch, position in the data,
  /// accumulated gradients, values of the epoch so far, and the generators.
  ParamSet states() const;
  /// Copies what `states` returned for a trainer made in the same way. `ValueError` if it does not fit; nothing is
  /// changed then.
  void load_states(const ParamSet& states);
  /// Writes parameters and state to a safetensors file, atomically.
  void save(const std::string& path) const;
  /// Reads what `save` wrote.
  void load(const std::string& path);

  struct State;

 private:
  std::shared_ptr<State> state_;
};

struct EarlyStoppingOptions {
  std::string monitor = "val_loss";  ///< the name of a value
  int64_t patience = 0;              ///< epochs without improvement after which training ends
  double least_change = 0;           ///< what counts as improvement
  bool maximize = false;             ///< whether larger is better
  ParamSet restore = {};             ///< tensors that get back their values of the best epoch when training ends so
};

/// Ends training when a value improves no more. As a callback, it goes on from its state in each `fit`. This is a
/// handle.
class PYDL_API EarlyStopping {
 public:
  /// `ValueError` for a negative patience or change.
  explicit EarlyStopping(EarlyStoppingOptions options = {});
  EarlyStopping(const EarlyStopping&) = default;
  EarlyStopping& operator=(const EarlyStopping&) = default;

  operator Callback() const;
  /// The best value so far, and the epoch that had it: NaN and -1 before the first one.
  double best() const;
  int64_t best_epoch() const;

  ParamSet states() const;
  /// `ValueError` if it is not what `states` returned.
  void load_states(const ParamSet& states);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace pydl::train
