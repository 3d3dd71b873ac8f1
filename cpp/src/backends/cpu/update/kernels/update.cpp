// Optimiser steps, each in one pass over a part of a parameter, and sums of rows for scattered gradients.
#include <limits>

#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/partial_vector.h"
#include "backends/cpu/update/constants.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

inline float root(float x) { return __builtin_sqrtf(x); }
inline double root(double x) { return __builtin_sqrt(x); }

// Runs a rule on all elements of a parameter: rule(p, gradient, states...), where the gradient has its sign and weight
// decay. The constants of a step are rounded to T. Branches that do not depend on elements are parameters of the rule,
// so that each has its own loop.
template <class T, int states, class Rule>
inline void for_elements(void* const* operands, int64_t count, const UpdateConstants& constants, const Rule& rule) {
  const T sign = static_cast<T>(constants.sign);
  const T decay = static_cast<T>(constants.decay);
  T* p = static_cast<T*>(operands[0]);
  T* a = static_cast<T*>(operands[1]);
  T* b = static_cast<T*>(operands[states >= 2 ? 2 : 1]);
  T* c = static_cast<T*>(operands[states >= 3 ? 3 : 1]);
  const T* g = static_cast<const T*>(operands[states + 1]);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const T gradient = sign * g[i] + decay * p[i];
    if constexpr (states == 0) rule(p[i], gradient);
    if constexpr (states == 1) rule(p[i], gradient, a[i]);
    if constexpr (states == 2) rule(p[i], gradient, a[i], b[i]);
    if constexpr (states == 3) rule(p[i], gradient, a[i], b[i], c[i]);
  }
}

template <class T>
void sgd(void* const* operands, int64_t count, const UpdateConstants& constants) {
  const T lr = static_cast<T>(constants.lr);
  const T shrink = static_cast<T>(constants.shrink);
  const T momentum = static_cast<T>(constants.momentum);
  const T fresh = static_cast<T>(constants.first_step ? 1.0 : 1.0 - constants.dampening);
  const T kept = constants.first_step ? T(0) : momentum;
  if (constants.momentum == 0) {
    for_elements<T, 0>(operands, count, constants, [=](T& p, T g) { p = p * shrink - lr * g; });
    return;
  }
  const T ahead = constants.nesterov ? momentum : T(1);
  const T direct = constants.nesterov ? T(1) : T(0);
  for_elements<T, 1>(operands, count, constants, [=](T& p, T g, T& v) {
    // At the first step the state holds no valid values.
    v = (kept != T(0) ? kept * v : T(0)) + fresh * g;
    p = p * shrink - lr * (direct * g + ahead * v);
  });
}

template <class T>
void rmsprop(void* const* operands, int64_t count, const UpdateConstants& constants) {
  const T lr = static_cast<T>(constants.lr);
  const T momentum = static_cast<T>(constants.momentum);
  const T alpha = static_cast<T>(constants.alpha);
  const T fresh = static_cast<T>(1.0 - constants.alpha);
  const T epsilon = static_cast<T>(constants.epsilon);
  if (constants.momentum == 0) {
    for_elements<T, 1>(operands, count, constants, [=](T& p, T g, T& square) {
      square = alpha * square + fresh * g * g;
      p -= lr * g / (root(square) + epsilon);
    });
    return;
  }
  for_elements<T, 2>(operands, count, constants, [=](T& p, T g, T& square, T& v) {
    square = alpha * square + fresh * g * g;
    v = momentum * v + g / (root(square) + epsilon);
    p -= lr * v;
  });
}

template <class T>
void rmsprop_centered(void* const* operands, int64_t count, const UpdateConstants& constants) {
  const T lr = static_cast<T>(constants.lr);
  const T momentum = static_cast<T>(constants.momentum);
  const T alpha = static_cast<T>(constants.alpha);
  const T fresh = static_cast<T>(1.0 - constants.alpha);
  const T epsilon = static_cast<T>(constants.epsilon);
  const auto divided = [=](T g, T& square, T& mean) {
    square = alpha * square + fresh * g * g;
    mean = alpha * mean + fresh * g;
    const T variance = square - mean * mean;
    return g / (root(variance < T(0) ? T(0) : variance) + epsilon);  // rounding may have made it negative
  };
  if (constants.momentum == 0) {
    for_elements<T, 2>(operands, count, constants,
                       [=](T& p, T g, T& square, T& mean) { p -= lr * divided(g, square, mean); });
    return;
  }
  for_elements<T, 3>(operands, count, constants, [=](T& p, T g, T& square, T& v, T& mean) {
    v = momentum * v + divided(g, square, mean);
    p -= lr * v;
  });
}

template <class T>
void adagrad(void* const* operands, int64_t count, const UpdateConstants& constants) {
  const T step_size = static_cast<T>(constants.step_size);
  const T epsilon = static_cast<T>(constants.epsilon);
  const T initial = static_cast<T>(constants.first_step ? constants.initial : 0.0);
  for_elements<T, 1>(operands, count, constants, [=](T& p, T g, T& total) {
    total += initial + g * g;
    p -= step_size * g / (root(total) + epsilon);
  });
}

template <class T>
void adadelta(void* const* operands, int64_t count, const UpdateConstants& constants) {
  const T lr = static_cast<T>(constants.lr);
  const T rho = static_cast<T>(constants.alpha);
  const T fresh = static_cast<T>(1.0 - constants.alpha);
  const T epsilon = static_cast<T>(constants.epsilon);
  for_elements<T, 2>(operands, count, constants, [=](T& p, T g, T& square, T& change) {
    square = rho * square + fresh * g * g;
    const T delta = root(change + epsilon) / root(square + epsilon) * g;
    change = rho * change + fresh * delta * delta;
    p -= lr * delta;
  });
}

template <class T>
void adamax(void* const* operands, int64_t count, const UpdateConstants& constants) {
  const T beta1 = static_cast<T>(constants.beta1);
  const T beta2 = static_cast<T>(constants.beta2);
  const T fresh1 = static_cast<T>(1.0 - constants.beta1);
  const T epsilon = static_cast<T>(constants.epsilon);
  const T step_size = static_cast<T>(constants.step_size);
  for_elements<T, 2>(operands, count, constants, [=](T& p, T g, T& mean, T& norm) {
    mean = beta1 * mean + fresh1 * g;
    const T kept = beta2 * norm;
    const T size = (g < T(0) ? -g : g) + epsilon;
    norm = size < kept ? kept : size;  // a gradient that is not a number stays one
    p -= step_size * mean / norm;
  });
}

template <class T>
void nadam(void* const* operands, int64_t count, const UpdateConstants& constants) {
  const T shrink = static_cast<T>(constants.shrink);
  const T beta1 = static_cast<T>(constants.beta1);
  const T beta2 = static_cast<T>(constants.beta2);
  const T fresh1 = static_cast<T>(1.0 - constants.beta1);
  const T fresh2 = static_cast<T>(1.0 - constants.beta2);
  const T epsilon = static_cast<T>(constants.epsilon);
  const T correction = static_cast<T>(1.0 / constants.root_correction);
  const T of_gradient = static_cast<T>(constants.gradient_size);
  const T of_mean = static_cast<T>(constants.step_size);
  for_elements<T, 2>(operands, count, constants, [=](T& p, T g, T& mean, T& square) {
    mean = beta1 * mean + fresh1 * g;
    square = beta2 * square + fresh2 * g * g;
    p = p * shrink - (of_gradient * g + of_mean * mean) / (root(square) * correction + epsilon);
  });
}

template <class T>
void radam(void* const* operands, int64_t count, const UpdateConstants& constants) {
  const T shrink = static_cast<T>(constants.shrink);
  const T beta1 = static_cast<T>(constants.beta1);
  const T beta2 = static_cast<T>(constants.beta2);
  const T fresh1 = static_cast<T>(1.0 - constants.beta1);
  const T fresh2 = static_cast<T>(1.0 - constants.beta2);
  const T epsilon = static_cast<T>(constants.epsilon);
  const T step_size = static_cast<T>(constants.step_size);
  if (constants.rectified) {
    for_elements<T, 2>(operands, count, constants, [=](T& p, T g, T& mean, T& square) {
      mean = beta1 * mean + fresh1 * g;
      square = beta2 * square + fresh2 * g * g;
      p = p * shrink - step_size * mean / (root(square) + epsilon);
    });
    return;
  }
  for_elements<T, 2>(operands, count, constants, [=](T& p, T g, T& mean, T& square) {
    mean = beta1 * mean + fresh1 * g;
    square = beta2 * square + fresh2 * g * g;
    p = p * shrink - step_size * mean;
  });
}

// The sign of x; x itself where that is 0 or not a number.
template <class T>
inline T sign_of(T x) {
  return x > T(0) ? T(1) : (x < T(0) ? T(-1) : x);
}

template <class T>
void rprop(void* const* operands, int64_t count, const UpdateConstants& constants) {
  const T lr = static_cast<T>(constants.lr);
  const T shorter = static_cast<T>(constants.eta_minus);
  const T longer = static_cast<T>(constants.eta_plus);
  const T least = static_cast<T>(constants.step_min);
  const T most = static_cast<T>(constants.step_max);
  const T initial = constants.first_step ? lr : T(0);  // the state begins with zeros
  for_elements<T, 2>(operands, count, constants, [=](T& p, T g, T& previous, T& size) {
    const T product = g * previous;
    const T scaled = (size + initial) * (product > T(0) ? longer : (product < T(0) ? shorter : T(1)));
    size = scaled < least ? least : (scaled > most ? most : scaled);
    const T direction = product < T(0) ? T(0) : g;  // a step that went too far is followed by none
    previous = direction;
    p -= sign_of(direction) * size;
  });
}

template <class T>
void lion(void* const* operands, int64_t count, const UpdateConstants& constants) {
  const T lr = static_cast<T>(constants.lr);
  const T shrink = static_cast<T>(constants.shrink);
  const T beta1 = static_cast<T>(constants.beta1);
  const T beta2 = static_cast<T>(constants.beta2);
  const T fresh1 = static_cast<T>(1.0 - constants.beta1);
  const T fresh2 = static_cast<T>(1.0 - constants.beta2);
  for_elements<T, 1>(operands, count, constants, [=](T& p, T g, T& mean) {
    p = p * shrink - lr * sign_of(beta1 * mean + fresh1 * g);
    mean = beta2 * mean + fresh2 * g;
  });
}

template <class T>
struct LambConstants {
  T correction1, correction2, epsilon, weight_decay;
};

template <class T>
inline LambConstants<T> lamb_constants(const UpdateConstants& constants) {
  return {static_cast<T>(constants.step_size), static_cast<T>(1.0 / constants.root_correction),
          static_cast<T>(constants.epsilon), static_cast<T>(constants.weight_decay)};
}

// The step before its length is set.
template <class T>
inline T lamb_direction(T p, T mean, T square, const LambConstants<T>& c) {
  return c.correction1 * mean / (root(square) * c.correction2 + c.epsilon) + c.weight_decay * p;
}

template <class T>
void lamb_moments(void* const* operands, int64_t count, const UpdateConstants& constants) {
  const T beta1 = static_cast<T>(constants.beta1);
  const T beta2 = static_cast<T>(constants.beta2);
  const T fresh1 = static_cast<T>(1.0 - constants.beta1);
  const T fresh2 = static_cast<T>(1.0 - constants.beta2);
  const T sign = static_cast<T>(constants.sign);
  const LambConstants<T> c = lamb_constants<T>(constants);
  const T* p = static_cast<const T*>(operands[0]);
  T* first = static_cast<T*>(operands[1]);
  T* second = static_cast<T*>(operands[2]);
  const T* g = static_cast<const T*>(operands[3]);
  double* sums = static_cast<double*>(operands[4]);
  // Several sums at a time, because additions wait for one another. Squares are added as double: those of float do not
  // overflow.
  constexpr int width = 8;
  double of_parameters[width] = {};
  double of_steps[width] = {};
  const auto element = [&](int64_t i, int lane) {
    const T gradient = sign * g[i];
    const T mean = beta1 * first[i] + fresh1 * gradient;
    const T square = beta2 * second[i] + fresh2 * gradient * gradient;
    first[i] = mean;
    second[i] = square;
    const double parameter = p[i];
    const double direction = lamb_direction(p[i], mean, square, c);
    of_parameters[lane] += parameter * parameter;
    of_steps[lane] += direction * direction;
  };
  int64_t i = 0;
  for (; i + width <= count; i += width) {
#pragma GCC ivdep
    for (int lane = 0; lane < width; ++lane) element(i + lane, lane);
  }
  for (int lane = 0; i < count; ++i, ++lane) element(i, lane);
  for (int lane = 0; lane < width; ++lane) {
    sums[0] += of_parameters[lane];
    sums[1] += of_steps[lane];
  }
}

template <class T>
void lamb_step(void* const* operands, int64_t count, const UpdateConstants& constants) {
  const T size = static_cast<T>(constants.lr * constants.trust);
  const LambConstants<T> c = lamb_constants<T>(constants);
  T* p = static_cast<T*>(operands[0]);
  const T* first = static_cast<const T*>(operands[1]);
  const T* second = static_cast<const T*>(operands[2]);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) p[i] -= size * lamb_direction(p[i], first[i], second[i], c);
}

// x / (sqrt(y) * scale + shift).
template <class T>
inline T scaled(T x, T y, T scale, T shift) {
  return x / (root(y) * scale + shift);
}

#if defined(__AVX512F__)
// Root and quotient occupy the division unit for 35 cycles per vector, which is longer than memory takes.
// Approximations to 14 bits with one Newton step each are as exact except for the last bit or two.
inline Vector<float> scaled(Vector<float> x, Vector<float> y, Vector<float> scale, Vector<float> shift) {
  constexpr float smallest = std::numeric_limits<float>::min();
  constexpr float largest = std::numeric_limits<float>::max();
  // The masked forms, because GCC 12 warns about the intrinsics without a mask.
  constexpr __mmask16 all = 0xFFFF;
  y = y < largest ? y : broadcast(largest);
  const Vector<float> positive = y > smallest ? y : broadcast(smallest);
  Vector<float> inverse_root = (Vector<float>)_mm512_maskz_rsqrt14_ps(all, (__m512)positive);
  inverse_root *= 1.5F - 0.5F * positive * inverse_root * inverse_root;
  const Vector<float> divisor = y * inverse_root * scale + shift;
  Vector<float> inverse = (Vector<float>)_mm512_maskz_rcp14_ps(all, (__m512)divisor);
  inverse *= 2.0F - divisor * inverse;
  return x * inverse;
}
#endif

template <class T>
struct AdamConstants {
  T sign, decay, shrink, beta1, beta2, fresh1, fresh2, step_size, correction, epsilon;
};

// Updates one element or one vector of elements.
template <class T, class Lanes>
inline void adam_element(Lanes& p, Lanes& mean, Lanes& square, Lanes g, const AdamConstants<T>& c) {
  const Lanes gradient = c.sign * g + c.decay * p;
  mean = c.beta1 * mean + c.fresh1 * gradient;
  square = c.beta2 * square + c.fresh2 * gradient * gradient;
  p = p * c.shrink - scaled(c.step_size * mean, square, Lanes{} + c.correction, Lanes{} + c.epsilon);
}

template <class T>
AdamConstants<T> adam_constants(const UpdateConstants& constants) {
  return {static_cast<T>(constants.sign),
          static_cast<T>(constants.decay),
          static_cast<T>(constants.shrink),
          static_cast<T>(constants.beta1),
          static_cast<T>(constants.beta2),
          static_cast<T>(1.0 - constants.beta1),
          static_cast<T>(1.0 - constants.beta2),
          static_cast<T>(constants.step_size),
          static_cast<T>(1.0 / constants.root_correction),
          static_cast<T>(constants.epsilon)};
}

template <class T>
void amsgrad(void* const* operands, int64_t count, const UpdateConstants& constants) {
  const AdamConstants<T> c = adam_constants<T>(constants);
  for_elements<T, 3>(operands, count, constants, [=](T& p, T g, T& mean, T& square, T& largest) {
    mean = c.beta1 * mean + c.fresh1 * g;
    square = c.beta2 * square + c.fresh2 * g * g;
    largest = square < largest ? largest : square;  // one that is not a number stays one
    p = p * c.shrink - c.step_size * mean / (root(largest) * c.correction + c.epsilon);
  });
}

template <class T>
void adam(void* const* operands, int64_t count, const UpdateConstants& constants) {
  const AdamConstants<T> c = adam_constants<T>(constants);
  T* p = static_cast<T*>(operands[0]);
  T* first = static_cast<T*>(operands[1]);
  T* second = static_cast<T*>(operands[2]);
  const T* g = static_cast<const T*>(operands[3]);
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) {
    for (int64_t i = 0; i < count; i += vector_length<T>) {
      const int64_t width = count - i < vector_length<T> ? count - i : vector_length<T>;
      Vector<T> parameter = load_part(p + i, width, T(0));
      Vector<T> mean = load_part(first + i, width, T(0));
      Vector<T> square = load_part(second + i, width, T(0));
      adam_element<T>(parameter, mean, square, load_part(g + i, width, T(0)), c);
      store_part(p + i, parameter, width);
      store_part(first + i, mean, width);
      store_part(second + i, square, width);
    }
    return;
  }
#endif
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) adam_element<T>(p[i], first[i], second[i], g[i], c);
}

template <class T>
void add_rows(void* y, const void* x, int64_t count) {
  T* to = static_cast<T*>(y);
  const T* from = static_cast<const T*>(x);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) to[i] += from[i];
}

template <UpdateKernel of_float, UpdateKernel of_double>
void fill_rule(KernelSet& set, UpdateRule rule) {
  set.update[rule][0] = of_float;
  set.update[rule][1] = of_double;
}

}  // namespace

void fill_update(KernelSet& set) {
  fill_rule<sgd<float>, sgd<double>>(set, rule_sgd);
  fill_rule<rmsprop<float>, rmsprop<double>>(set, rule_rmsprop);
  fill_rule<rmsprop_centered<float>, rmsprop_centered<double>>(set, rule_rmsprop_centered);
  fill_rule<adam<float>, adam<double>>(set, rule_adam);
  fill_rule<amsgrad<float>, amsgrad<double>>(set, rule_amsgrad);
  fill_rule<adagrad<float>, adagrad<double>>(set, rule_adagrad);
  fill_rule<adadelta<float>, adadelta<double>>(set, rule_adadelta);
  fill_rule<adamax<float>, adamax<double>>(set, rule_adamax);
  fill_rule<nadam<float>, nadam<double>>(set, rule_nadam);
  fill_rule<radam<float>, radam<double>>(set, rule_radam);
  fill_rule<rprop<float>, rprop<double>>(set, rule_rprop);
  fill_rule<lion<float>, lion<double>>(set, rule_lion);
  fill_rule<lamb_moments<float>, lamb_moments<double>>(set, rule_lamb_moments);
  fill_rule<lamb_step<float>, lamb_step<double>>(set, rule_lamb_step);
  set.add_rows[0] = add_rows<float>;
  set.add_rows[1] = add_rows<double>;
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
