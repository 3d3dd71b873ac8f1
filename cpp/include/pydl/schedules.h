// Learning rates as functions of the number of steps made so far, from 0: pure functions, with the formulas of Python's
// pydl.optim.lr_scheduler; and one that depends on a value, which has a state.
//
//   const optim::Schedule rate = optim::cosine(1e-3, {.steps = 10000, .warmup = 500});
//   optimizer.set_lr(rate(optimizer.steps()));
//
// `train::Trainer` takes one as `learning_rate`. `ValueError` for numbers that make no schedule.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "pydl/export.h"
#include "pydl/params.h"

namespace pydl::optim {

/// The rate of the step that is made after so many others.
using Schedule = std::function<double(int64_t step)>;

/// `lr`, multiplied by `gamma` after every `size` steps.
PYDL_API Schedule step_decay(double lr, int64_t size, double gamma = 0.1);
/// `lr`, multiplied by `gamma` whenever the number of steps reaches one of the milestones.
PYDL_API Schedule multi_step_decay(double lr, std::vector<int64_t> milestones, double gamma = 0.1);
/// `lr`, multiplied by `gamma` after every step.
PYDL_API Schedule exponential_decay(double lr, double gamma);
/// `lr` times a factor that goes in a straight line from `start` to `end` over so many steps.
PYDL_API Schedule linear(double lr, int64_t steps, double start = 1.0 / 3, double end = 1);
/// lr (1 - t / steps)^power; 0 from `steps` on.
PYDL_API Schedule polynomial(double lr, int64_t steps, double power = 1);

struct CosineOptions {
  int64_t steps;            ///< where the cosine ends; the rate is `least` from there on
  int64_t warmup = 0;       ///< where a straight rise ends, and the cosine begins
  double least = 0;         ///< the last rate
  double warmup_start = 0;  ///< the part of the rate that the rise begins with
};

/// A straight rise to `lr`, then half a cosine down to the least rate.
PYDL_API Schedule cosine(double lr, const CosineOptions& options);

struct RestartOptions {
  int64_t steps;       ///< the length of the first cycle
  int64_t factor = 1;  ///< by how much each cycle is longer than the one before
  double least = 0;    ///< where cycles end
};

/// Half a cosine from `lr` that begins again and again (Loshchilov and Hutter, 2017).
PYDL_API Schedule cosine_restarts(double lr, const RestartOptions& options);

struct OneCycleOptions {
  int64_t steps;               ///< of the whole cycle
  double rise = 0.3;           ///< the part of them that rise
  bool linear = false;         ///< straight lines instead of cosines
  double first_divisor = 25;   ///< the first rate is the largest one divided by this
  double final_divisor = 1e4;  ///< the last rate is the first one divided by this
  bool three_phases = false;   ///< fall to the first rate as long as it rose, and then to the last one
};

/// Up to `largest` and down to almost nothing (Smith, 2018). After the cycle, the rate stays at the last one.
PYDL_API Schedule one_cycle(double largest, const OneCycleOptions& options);

/// One schedule after the other: a new one begins, at its step 0, at each of the milestones, of which there is one
/// fewer than schedules.
PYDL_API Schedule in_sequence(std::vector<Schedule> schedules, std::vector<int64_t> milestones);

struct PlateauOptions {
  double factor = 0.1;         ///< what rates are multiplied with, below 1
  int64_t patience = 10;       ///< values without improvement that are allowed
  double threshold = 1e-4;     ///< smaller changes are no improvement
  bool relative = true;        ///< whether the threshold is a part of the best value
  bool maximize = false;       ///< whether larger is better
  int64_t cooldown = 0;        ///< values after a reduction that do not count
  double least = 0;            ///< the least rate
  double least_change = 1e-8;  ///< changes of a rate that are not larger are not made
};

/// Reduces rates when a value improves no more, as Python's ReduceLROnPlateau does. It is stepped with a value, such as
/// the validation loss of each epoch, and has a state for trainings that go on:
///
///   optim::Plateau plateau({.patience = 3});
///   const train::Callback reducing{.epoch_end = [&](train::Trainer& trainer, int64_t, const train::Values& values) {
///     optim::Optimizer optimizer = trainer.optimizer();
///     optimizer.set_lr(plateau.next(optimizer.lr(), values.at("val_loss")));
///   }};
class PYDL_API Plateau {
 public:
  /// `ValueError` for a factor outside [0, 1), and other numbers that are negative or not finite.
  explicit Plateau(const PlateauOptions& options = {});

  /// Looks at a value, and returns the rate that follows.
  double next(double lr, double value);
  /// Infinite before the first value.
  double best() const { return best_; }

  ParamSet states() const;
  /// `ValueError` if it is not what `states` returned.
  void load_states(const ParamSet& states);

 private:
  bool improves(double value) const;

  PlateauOptions options_;
  double best_;
  int64_t waited_ = 0;
  int64_t cooling_ = 0;
};

}  // namespace pydl::optim
