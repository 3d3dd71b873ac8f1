// What a trainer remembers from step to step.
#pragma once

#include <optional>

#include "training/averages.h"
#include "training/steps.h"

namespace pydl::train {

/// Batches whose gradients have been added up since the last update.
struct Pending {
  int64_t count = 0;
  double weight = 0;  ///< how much they count
  double unit = 1;    ///< what their weights are divided by in the gradients
  Averages averages;
  std::vector<Tensor> buffers;  ///< values before the first of them, where steps are guarded
};

struct Trainer::State {
  State(const ParamSet& params, const Model& model, const Loss& loss, const optim::Optimizer& optimizer,
        TrainerOptions options);

  Step step(std::span<const Tensor> batch);
  bool flush();
  Values evaluate_batch(std::span<const Tensor> batch);
  Values evaluate(const Source& source);
  std::vector<Tensor> predict(std::span<const Tensor> inputs, int64_t batch_size);
  History fit(Trainer& self, const Source& source, const FitOptions& options);

  ParamSet states() const;
  void load(const ParamSet& states);

  std::shared_ptr<const Parts> parts;
  Steps steps;
  Averages averages;
  Pending pending;
  int64_t epoch = 0;
  int64_t batch = 0;  ///< the number of batches of this epoch that `fit` has used
  int64_t refused = 0;
  bool stops = false;
  bool warned = false;

  // Where the data are: their generator, at the beginning of the pass, and when a state was loaded.
  std::optional<Generator> data_generator;
  Tensor data_begin;
  Tensor data_loaded;

 private:
  Step step_at_once(std::span<const Tensor> tensors);
  Step step_apart(std::span<const Tensor> tensors);
  void discard();
  void restore_buffers();
  std::vector<Tensor> buffers() const;
  void check(std::span<const Tensor> tensors) const;
  void set_learning_rate();
  void look(const StepValues& values, std::span<const Tensor> tensors);
  void refuse(const StepValues& values, std::span<const Tensor> tensors);
  void warn(const std::string& message) const;
  std::string cause(std::span<const Tensor> tensors) const;
  Source::Next begin_pass(const Source& source);
  bool train_epoch(Trainer& self, const Source& source, const FitOptions& options);
  Generator& generator() const;
};

}  // namespace pydl::train
