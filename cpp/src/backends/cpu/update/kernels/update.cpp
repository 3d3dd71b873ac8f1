// Optimiser steps, each in one pass over a part of a parameter, and sums of rows for scattered gradients.
#include <limits>

#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/partial_vector.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

inline float root(float x) { return __builtin_sqrtf(x); }
inline double root(double x) { return __builtin_sqrt(x); }

// The constants of a step are rounded to T. The branches do not depend on the element, so each branch has its own loop.
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
    // At the first step the state holds no valid values.
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
  T decay, shrink, beta1, beta2, fresh1, fresh2, step_size, correction, epsilon;
};

// Updates one element or one vector of elements.
template <class T, class Lanes>
inline void adam_element(Lanes& p, Lanes& mean, Lanes& square, Lanes g, const AdamConstants<T>& c) {
  const Lanes gradient = g + c.decay * p;
  mean = c.beta1 * mean + c.fresh1 * gradient;
  square = c.beta2 * square + c.fresh2 * gradient * gradient;
  p = p * c.shrink - scaled(c.step_size * mean, square, Lanes{} + c.correction, Lanes{} + c.epsilon);
}

template <class T>
void adam(void* const* operands, int64_t count, const UpdateConstants& constants) {
  const AdamConstants<T> c = {static_cast<T>(constants.decoupled ? 0.0 : constants.weight_decay),
                              static_cast<T>(constants.decoupled ? 1.0 - constants.lr * constants.weight_decay : 1.0),
                              static_cast<T>(constants.beta1),
                              static_cast<T>(constants.beta2),
                              static_cast<T>(1.0 - constants.beta1),
                              static_cast<T>(1.0 - constants.beta2),
                              static_cast<T>(constants.step_size),
                              static_cast<T>(1.0 / constants.root_correction),
                              static_cast<T>(constants.epsilon)};
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
