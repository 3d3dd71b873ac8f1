// Factors of optimiser updates that depend on the number of the step, counted from 1, and not on elements.
#pragma once

#include <cmath>

#include "pydl/optimizer_options.h"

namespace pydl::op {

/// What NAdam multiplies the gradient and the first moment with, besides the learning rate.
struct NadamFactors {
  double gradient;
  double moment;
};

inline NadamFactors nadam_factors(const optim::NadamOptions& nadam, double step) {
  const auto momentum = [&](double number) {
    return nadam.beta1 * (1 - 0.5 * std::pow(0.96, number * nadam.momentum_decay));
  };
  // The product of all momenta so far. It is computed anew, so that it is not a state; it is at most beta1^step, and
  // does not matter once 1 minus it is 1.
  double product = std::pow(nadam.beta1, step) < 1e-17 ? 0 : 1;
  for (double number = 1; number <= step && product > 1e-17; ++number) product *= momentum(number);
  const double current = momentum(step);
  const double next = momentum(step + 1);
  return {(1 - current) / (1 - product), next / (1 - product * next)};
}

/// By which RAdam multiplies a step that is divided by the second moment; 0 while the second moment says too little, so
/// that steps are not divided by it.
inline double radam_rectification(const optim::RadamOptions& radam, double step) {
  const double power = std::pow(radam.beta2, step);
  const double longest = 2 / (1 - radam.beta2) - 1;
  const double length = longest - 2 * step * power / (1 - power);
  if (!(length > 5)) return 0;
  return std::sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length));
}

}  // namespace pydl::op
