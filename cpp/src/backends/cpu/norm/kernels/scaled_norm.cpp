// Normalisation of rows with weights and biases. A row is read from memory once and then stays in the L1 or L2 cache.
#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/stream.h"
#include "backends/cpu/norm/kernels/rows.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

// Calls step(offset, lane count) for each vector of `count` elements.
template <class T, class Step>
inline void each_vector(int64_t count, const Step& step) {
  constexpr int64_t length = vector_length<T>;
  int64_t i = 0;
  for (; i + 2 * length <= count; i += 2 * length) {
    step(i, length);
    step(i + length, length);
  }
  for (; i < count; i += length) step(i, count - i < length ? count - i : length);
}

// Stores a vector, past the caches if the elements are stored in the type of the computation.
template <class S, bool streams>
inline void put(S* to, Vector<Compute<S>> vector, int64_t count) {
  if constexpr (streams && sizeof(S) == sizeof(Compute<S>)) {
    stream<Compute<S>>(to, vector);
  } else {
    store_lanes(to, vector, count);
  }
}

template <class S>
inline double sum_of_squares(const S* x, int64_t count, Compute<S> mean) {
  using T = Compute<S>;
  Vector<T> square[chains] = {};
  double squares = 0;
  walk_run<T>(
      count,
      [&](int64_t i, int64_t width, int64_t chain) {
        const Vector<T> d = load_lanes(x + i, width, mean) - mean;
        square[chain] += d * d;
      },
      [&] { squares += drain<T>(square); });
  return squares;
}

template <class S, bool streams>
void forward(const void* elements, void* result, const ScaledRow& row, const void* weights, const void* biases) {
  using T = Compute<S>;
  const S* x = static_cast<const S*>(elements);
  S* y = static_cast<S*>(result);
  const T* weight = static_cast<const T*>(weights);
  const T* bias = static_cast<const T*>(biases);
  const int64_t count = row.runs * row.inner;
  const T mean = row.center ? mean_of(x, count) : T(0);
  const double squares = sum_of_squares(x, count, mean);
  const T scale = static_cast<T>(1.0 / __builtin_sqrt(squares / static_cast<double>(count) + row.epsilon));
  if (row.inner > 1) {
    for (int64_t run = 0; run < row.runs; ++run, x += row.inner, y += row.inner) {
      const T own = weight[run];
      const T shift = bias == nullptr ? T(0) : bias[run];
      each_vector<T>(row.inner, [&](int64_t i, int64_t width) {
        put<S, streams>(y + i, (load_lanes(x + i, width, T(0)) - mean) * scale * own + shift, width);
      });
    }
  } else if (bias == nullptr) {
    each_vector<T>(count, [&](int64_t i, int64_t width) {
      const Vector<T> unit = (load_lanes(x + i, width, T(0)) - mean) * scale;
      put<S, streams>(y + i, unit * load_part(weight + i, width, T(0)), width);
    });
  } else {
    each_vector<T>(count, [&](int64_t i, int64_t width) {
      const Vector<T> unit = (load_lanes(x + i, width, T(0)) - mean) * scale;
      put<S, streams>(y + i, unit * load_part(weight + i, width, T(0)) + load_part(bias + i, width, T(0)), width);
    });
  }
}

// What the gradient of a row depends on: the sums of (x - mean)^2, of g weight and of g weight (x - mean).
struct RowSums {
  double squares = 0;
  double gradient = 0;
  double along = 0;
};

// Each element has a weight of its own.
template <class S>
inline RowSums sum_elements(const S* g, const S* x, const Compute<S>* weight, int64_t count, Compute<S> mean) {
  using T = Compute<S>;
  Vector<T> square[chains] = {};
  Vector<T> gradient[chains] = {};
  Vector<T> along[chains] = {};
  RowSums sums;
  walk_run<T>(
      count,
      [&](int64_t i, int64_t width, int64_t chain) {
        const Vector<T> d = load_lanes(x + i, width, mean) - mean;
        const Vector<T> slope = load_lanes(g + i, width, T(0)) * load_part(weight + i, width, T(0));
        square[chain] += d * d;
        gradient[chain] += slope;
        along[chain] += slope * d;
      },
      [&] {
        sums.squares += drain<T>(square);
        sums.gradient += drain<T>(gradient);
        sums.along += drain<T>(along);
      });
  return sums;
}

// The elements of a run share a weight. The sums of g (x - mean) are kept in `along`, those of g are added to `dbias`.
template <class S>
inline RowSums sum_runs(const S* g, const S* x, const ScaledRow& row, const Compute<S>* weight, Compute<S> mean,
                        Compute<S>* dbias, double* along) {
  using T = Compute<S>;
  Vector<T> square[chains] = {};
  Vector<T> first[chains] = {};
  Vector<T> second[chains] = {};
  RowSums sums;
  for (int64_t run = 0; run < row.runs; ++run, x += row.inner, g += row.inner) {
    double gradient = 0;
    along[run] = 0;
    walk_run<T>(
        row.inner,
        [&](int64_t i, int64_t width, int64_t chain) {
          const Vector<T> d = load_lanes(x + i, width, mean) - mean;
          const Vector<T> slope = load_lanes(g + i, width, T(0));
          square[chain] += d * d;
          first[chain] += slope;
          second[chain] += slope * d;
        },
        [&] {
          sums.squares += drain<T>(square);
          gradient += drain<T>(first);
          along[run] += drain<T>(second);
        });
    dbias[run] += static_cast<T>(gradient);
    sums.gradient += gradient * static_cast<double>(weight[run]);
    sums.along += along[run] * static_cast<double>(weight[run]);
  }
  return sums;
}

template <class S, bool streams>
void backward(const void* gradients, const void* elements, void* result, const ScaledRow& row, const void* weights,
              void* weight_sums, void* bias_sums, double* along) {
  using T = Compute<S>;
  const S* g = static_cast<const S*>(gradients);
  const S* x = static_cast<const S*>(elements);
  S* y = static_cast<S*>(result);
  const T* weight = static_cast<const T*>(weights);
  T* dweight = static_cast<T*>(weight_sums);
  T* dbias = static_cast<T*>(bias_sums);
  const int64_t count = row.runs * row.inner;
  const T mean = row.center ? mean_of(x, count) : T(0);
  const RowSums sums =
      row.inner > 1 ? sum_runs(g, x, row, weight, mean, dbias, along) : sum_elements(g, x, weight, count, mean);
  const double n = static_cast<double>(count);
  const double exact_scale = 1.0 / __builtin_sqrt(sums.squares / n + row.epsilon);
  const T scale = static_cast<T>(exact_scale);
  const T of_x = static_cast<T>(-exact_scale * exact_scale * exact_scale * sums.along / n);
  const T gradient_mean = static_cast<T>(row.center ? sums.gradient / n : 0.0);
  if (row.inner > 1) {
    for (int64_t run = 0; run < row.runs; ++run, g += row.inner, x += row.inner, y += row.inner) {
      dweight[run] += static_cast<T>(along[run] * exact_scale);
      const T own = weight[run];
      each_vector<T>(row.inner, [&](int64_t i, int64_t width) {
        const Vector<T> d = load_lanes(x + i, width, T(0)) - mean;
        put<S, streams>(y + i, (load_lanes(g + i, width, T(0)) * own - gradient_mean) * scale + d * of_x, width);
      });
    }
    return;
  }
  each_vector<T>(count, [&](int64_t i, int64_t width) {
    const Vector<T> d = load_lanes(x + i, width, T(0)) - mean;
    const Vector<T> slope = load_lanes(g + i, width, T(0));
    store_part(dbias + i, load_part(dbias + i, width, T(0)) + slope, width);
    store_part(dweight + i, load_part(dweight + i, width, T(0)) + slope * (d * scale), width);
    put<S, streams>(y + i, (slope * load_part(weight + i, width, T(0)) - gradient_mean) * scale + d * of_x, width);
  });
}

template <class T>
void flush(void* sums, double* totals, int64_t count) {
  T* from = static_cast<T*>(sums);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    totals[i] += static_cast<double>(from[i]);
    from[i] = T(0);
  }
}

template <class S>
ScaledNormKernels kernels_of() {
  return {{forward<S, false>, forward<S, true>}, {backward<S, false>, backward<S, true>}, flush<Compute<S>>};
}

}  // namespace

void fill_scaled_norm(KernelSet& set) {
  set.scaled_norm[0] = kernels_of<float>();
  set.scaled_norm[1] = kernels_of<double>();
  set.scaled_norm[2] = kernels_of<Brain>();
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
