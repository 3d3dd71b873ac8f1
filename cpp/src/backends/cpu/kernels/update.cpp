// Optimiser steps, one pass over a part of a parameter; and sums of rows for scattered gradients.
#include "backends/cpu/kernels/fill.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

inline float root(float x) { return __builtin_sqrtf(x); }
inline double root(double x) { return __builtin_sqrt(x); }

// The constants of a step, rounded to T. Which branch is taken does not depend on the element: each is a loop.
template <class T>
void sgd(void* const* operands, int64_t count, const UpdateConstants& constants) {
  const T lr = static_cast<T>(constants.lr);
  const T decay = static_cast<T>(constants.weight_decay);
  const T momentum = static_cast<T>(constants.momentum);
  const T fresh = static_cast<T>(constants.first_step ? 1.0 : 1.0 - constants.dampening);
  const T kept = constants.first_step ? T(0) : momentum;
  T* p = static_cast<T*>(operands[0]);
  if (constants.momentum == 0) {
    const T* g = static_cast<const T*>(operands[1]);
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) p[i] -= lr * (g[i] + decay * p[i]);
    return;
  }
  T* v = static_cast<T*>(operands[1]);
  const T* g = static_cast<const T*>(operands[2]);
  const T ahead = constants.nesterov ? momentum : T(1);
  const T direct = constants.nesterov ? T(1) : T(0);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const T gradient = g[i] + decay * p[i];
    // At the first step the state holds nothing that counts.
    const T velocity = (kept != T(0) ? kept * v[i] : T(0)) + fresh * gradient;
    v[i] = velocity;
    p[i] -= lr * (direct * gradient + ahead * velocity);
  }
}

template <class T>
void rmsprop(void* const* operands, int64_t count, const UpdateConstants& constants) {
  const T lr = static_cast<T>(constants.lr);
  const T decay = static_cast<T>(constants.weight_decay);
  const T momentum = static_cast<T>(constants.momentum);
  const T alpha = static_cast<T>(constants.alpha);
  const T fresh = static_cast<T>(1.0 - constants.alpha);
  const T epsilon = static_cast<T>(constants.epsilon);
  T* p = static_cast<T*>(operands[0]);
  T* squares = static_cast<T*>(operands[1]);
  if (constants.momentum == 0) {
    const T* g = static_cast<const T*>(operands[2]);
#pragma GCC ivdep
    for (int64_t i = 0; i < count; ++i) {
      const T gradient = g[i] + decay * p[i];
      const T square = alpha * squares[i] + fresh * gradient * gradient;
      squares[i] = square;
      p[i] -= lr * gradient / (root(square) + epsilon);
    }
    return;
  }
  T* v = static_cast<T*>(operands[2]);
  const T* g = static_cast<const T*>(operands[3]);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const T gradient = g[i] + decay * p[i];
    const T square = alpha * squares[i] + fresh * gradient * gradient;
    const T velocity = momentum * v[i] + gradient / (root(square) + epsilon);
    squares[i] = square;
    v[i] = velocity;
    p[i] -= lr * velocity;
  }
}

template <class T>
void adam(void* const* operands, int64_t count, const UpdateConstants& constants) {
  const T decay = static_cast<T>(constants.decoupled ? 0.0 : constants.weight_decay);
  const T shrink = static_cast<T>(constants.decoupled ? 1.0 - constants.lr * constants.weight_decay : 1.0);
  const T beta1 = static_cast<T>(constants.beta1);
  const T beta2 = static_cast<T>(constants.beta2);
  const T fresh1 = static_cast<T>(1.0 - constants.beta1);
  const T fresh2 = static_cast<T>(1.0 - constants.beta2);
  const T step_size = static_cast<T>(constants.step_size);
  const T correction = static_cast<T>(1.0 / constants.root_correction);
  const T epsilon = static_cast<T>(constants.epsilon);
  T* p = static_cast<T*>(operands[0]);
  T* first = static_cast<T*>(operands[1]);
  T* second = static_cast<T*>(operands[2]);
  const T* g = static_cast<const T*>(operands[3]);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const T gradient = g[i] + decay * p[i];
    const T mean = beta1 * first[i] + fresh1 * gradient;
    const T square = beta2 * second[i] + fresh2 * gradient * gradient;
    first[i] = mean;
    second[i] = square;
    p[i] = p[i] * shrink - step_size * mean / (root(square) * correction + epsilon);
  }
}

template <class T>
void add_rows(void* y, const void* x, int64_t count) {
  T* to = static_cast<T*>(y);
  const T* from = static_cast<const T*>(x);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) to[i] += from[i];
}

}  // namespace

void fill_update(KernelSet& set) {
  set.sgd[0] = sgd<float>;
  set.sgd[1] = sgd<double>;
  set.rmsprop[0] = rmsprop<float>;
  set.rmsprop[1] = rmsprop<double>;
  set.adam[0] = adam<float>;
  set.adam[1] = adam<double>;
  set.add_rows[0] = add_rows<float>;
  set.add_rows[1] = add_rows<double>;
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
