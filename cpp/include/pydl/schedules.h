// Learning rates as functions of the number of steps made so far, from 0: pure functions, with the formulas of Python's
// pydl.optim.lr_scheduler.
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

}  // namespace pydl::optim
