// Learning rates as functions of the number of steps.
#include "pydl/schedules.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "pydl/error.h"

namespace pydl::optim {

namespace {

void require_rate(const char* name, const char* what, double value) {
  if (value >= 0 && std::isfinite(value)) return;
  throw ValueError(concat_text(name, ": expected ", what, " of at least 0, got ", value));
}

void require_finite_factor(const char* name, const char* what, double value) {
  if (std::isfinite(value)) return;
  throw ValueError(concat_text(name, ": expected a finite ", what, ", got ", value));
}

void require_count(const char* name, const char* what, int64_t value, int64_t least = 1) {
  if (value >= least) return;
  throw ValueError(concat_text(name, ": expected ", what, " of at least ", least, ", got ", value));
}

void require_order(const char* name, const std::vector<int64_t>& milestones) {
  if (std::is_sorted(milestones.begin(), milestones.end())) return;
  throw ValueError(concat_text(name, ": expected milestones in ascending order"));
}

double power(double gamma, int64_t exponent) { return std::pow(gamma, static_cast<double>(exponent)); }

// The number of milestones that are reached.
int64_t passed(const std::vector<int64_t>& milestones, int64_t step) {
  return std::upper_bound(milestones.begin(), milestones.end(), step) - milestones.begin();
}

double part_of(int64_t step, int64_t steps) { return static_cast<double>(step) / static_cast<double>(steps); }

// Half a cosine from `lr`, at 0, to `least`, at 1.
double at_height(double lr, double least, double place) {
  const double height = (1 + std::cos(std::numbers::pi * place)) / 2;
  return least + (lr - least) * height;
}

}  // namespace

Schedule step_decay(double lr, int64_t size, double gamma) {
  require_rate("step_decay", "lr", lr);
  require_count("step_decay", "size", size);
  require_finite_factor("step_decay", "gamma", gamma);
  return [=](int64_t step) { return lr * power(gamma, step / size); };
}

Schedule multi_step_decay(double lr, std::vector<int64_t> milestones, double gamma) {
  require_rate("multi_step_decay", "lr", lr);
  require_order("multi_step_decay", milestones);
  require_finite_factor("multi_step_decay", "gamma", gamma);
  return [lr, gamma, milestones = std::move(milestones)](int64_t step) {
    return lr * power(gamma, passed(milestones, step));
  };
}

Schedule exponential_decay(double lr, double gamma) {
  require_rate("exponential_decay", "lr", lr);
  require_finite_factor("exponential_decay", "gamma", gamma);
  return [=](int64_t step) { return lr * power(gamma, step); };
}

Schedule linear(double lr, int64_t steps, double start, double end) {
  require_rate("linear", "lr", lr);
  require_count("linear", "steps", steps);
  require_rate("linear", "start", start);
  require_rate("linear", "end", end);
  return [=](int64_t step) { return lr * (start + (end - start) * part_of(std::min(step, steps), steps)); };
}

Schedule polynomial(double lr, int64_t steps, double power) {
  require_rate("polynomial", "lr", lr);
  require_count("polynomial", "steps", steps);
  require_rate("polynomial", "power", power);
  return [=](int64_t step) { return lr * std::pow(1.0 - part_of(std::min(step, steps), steps), power); };
}

Schedule cosine(double lr, const CosineOptions& options) {
  require_rate("cosine", "lr", lr);
  require_rate("cosine", "least", options.least);
  require_rate("cosine", "warmup_start", options.warmup_start);
  require_count("cosine", "warmup", options.warmup, 0);
  require_count("cosine", "steps", options.steps, options.warmup + 1);
  return [lr, options](int64_t step) {
    const int64_t t = std::min(step, options.steps);
    if (t < options.warmup) {
      const double rise = (1 - options.warmup_start) * static_cast<double>(t) / static_cast<double>(options.warmup);
      return lr * (options.warmup_start + rise);
    }
    return at_height(lr, options.least, part_of(t - options.warmup, options.steps - options.warmup));
  };
}

Schedule cosine_restarts(double lr, const RestartOptions& options) {
  require_rate("cosine_restarts", "lr", lr);
  require_rate("cosine_restarts", "least", options.least);
  require_count("cosine_restarts", "steps", options.steps);
  require_count("cosine_restarts", "factor", options.factor);
  return [lr, options](int64_t step) {
    int64_t length = options.steps;
    if (options.factor == 1) step %= length;
    while (step >= length) {
      step -= length;
      length *= options.factor;
    }
    return at_height(lr, options.least, part_of(step, length));
  };
}

Schedule one_cycle(double largest, const OneCycleOptions& options) {
  require_rate("one_cycle", "largest", largest);
  require_count("one_cycle", "steps", options.steps);
  if (!(options.rise >= 0 && options.rise <= 1)) {
    throw ValueError(concat_text("one_cycle: expected rise in [0, 1], got ", options.rise));
  }
  for (const double divisor : {options.first_divisor, options.final_divisor}) {
    if (!(divisor > 0)) throw ValueError(concat_text("one_cycle: expected divisors above 0, got ", divisor));
  }
  const double first = largest / options.first_divisor;
  const double final = first / options.final_divisor;
  const double rise = options.rise * static_cast<double>(options.steps) - 1;
  const double end = static_cast<double>(options.steps) - 1;
  std::vector<double> ends = {rise, end};
  std::vector<double> heights = {first, largest, final};
  if (options.three_phases) {
    ends = {rise, 2 * rise, end};
    heights = {first, largest, first, final};
  }
  return [=, linear = options.linear](int64_t step) {
    const double t = std::min(static_cast<double>(step), end);
    size_t phase = 0;
    while (phase + 1 < ends.size() && t > ends[phase]) ++phase;
    const double begin = phase == 0 ? 0 : ends[phase - 1];
    const double part = ends[phase] != begin ? (t - begin) / (ends[phase] - begin) : 1;
    const double from = heights[phase];
    const double to = heights[phase + 1];
    if (linear) return (to - from) * part + from;
    return to + (from - to) / 2.0 * (std::cos(std::numbers::pi * part) + 1);
  };
}

Schedule in_sequence(std::vector<Schedule> schedules, std::vector<int64_t> milestones) {
  if (schedules.empty()) throw ValueError("in_sequence: expected schedules, got none");
  if (milestones.size() + 1 != schedules.size()) {
    throw ValueError(concat_text("in_sequence: expected ", schedules.size() - 1, " milestones for ", schedules.size(),
                                 " schedules, got ", milestones.size()));
  }
  require_order("in_sequence", milestones);
  for (const Schedule& schedule : schedules) {
    if (!schedule) throw ValueError("in_sequence: expected schedules, got an empty function");
  }
  return [schedules = std::move(schedules), milestones = std::move(milestones)](int64_t step) {
    const int64_t number = passed(milestones, step);
    const int64_t begin = number == 0 ? 0 : milestones[static_cast<size_t>(number) - 1];
    return schedules[static_cast<size_t>(number)](step - begin);
  };
}

}  // namespace pydl::optim
