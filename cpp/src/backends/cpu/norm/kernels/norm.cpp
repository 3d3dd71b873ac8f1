// Normalisation by channel and by row. Only a few elements are summed in their own type before the sums continue in
// double.
#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/norm/kernels/rows.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

template <class T>
inline void add_lanes(double* sums, Vector<T> vector, int64_t count) {
  T lanes[vector_length<T>];
  store(lanes, vector);
  if (count == vector_length<T>) {
    for (int64_t lane = 0; lane < vector_length<T>; ++lane) sums[lane] += static_cast<double>(lanes[lane]);
  } else {
    for (int64_t lane = 0; lane < count; ++lane) sums[lane] += static_cast<double>(lanes[lane]);
  }
}

// The constants of a gate, either for the vector of channels at i or for the single channel of a run.
template <class T>
struct Gate {
  Vector<T> scale;
  Vector<T> shift;
  Vector<T> most;

  // Returns g where the gate is open for d = x - mean, and 0 elsewhere.
  Vector<T> pass(Vector<T> g, Vector<T> d) const {
    const Vector<T> value = d * scale + shift;
    const Vector<T> kept = value <= T(0) ? Vector<T>{} : g;
    return value >= most ? Vector<T>{} : kept;
  }
};

template <class T, bool run>
inline Gate<T> gate_at(const NormGate* gate, int64_t i, int64_t width) {
  if (gate == nullptr) return {Vector<T>{}, Vector<T>{}, Vector<T>{}};
  const T* scale = static_cast<const T*>(gate->scale);
  const T* shift = static_cast<const T*>(gate->shift);
  const Vector<T> most = broadcast(static_cast<T>(gate->most));
  if (run) return {broadcast(*scale), broadcast(*shift), most};
  return {load_part(scale + i, width, T(0)), load_part(shift + i, width, T(0)), most};
}

// Adds the terms of elements d = x - shift to both sums.
template <class T, bool gradient>
inline void accumulate(Vector<T> g, Vector<T> d, Vector<T>& first, Vector<T>& second) {
  if constexpr (gradient) {
    first += g;
    second += g * d;
  } else {
    first += d;
    second += d * d;
  }
}

// --- by channel ------------------------------------------------------------------------------------

// Rows that are summed in registers.
constexpr int64_t rows_at_once = 16;

// Sums the vector of columns that starts at column i, over a few rows.
template <class S, bool gradient, bool gated>
inline void sum_block(const S* g, const S* x, int64_t rows, int64_t stride, const Compute<S>* shift,
                      const Gate<Compute<S>>& gate, int64_t width, double* first_sums, double* second_sums) {
  using T = Compute<S>;
  const Vector<T> center = load_part(shift, width, T(0));
  Vector<T> first{};
  Vector<T> second{};
  for (int64_t row = 0; row < rows; ++row) {
    const Vector<T> d = load_lanes(x + row * stride, width, T(0)) - center;
    Vector<T> slope = gradient ? load_lanes(g + row * stride, width, T(0)) : d;
    if (gated) slope = gate.pass(slope, d);
    accumulate<T, gradient>(slope, d, first, second);
  }
  add_lanes<T>(first_sums, first, width);
  add_lanes<T>(second_sums, second, width);
}

template <class S, bool gradient, bool gated>
void sum_all_columns(const void* gradients, const void* elements, int64_t rows, int64_t channels, const void* shifts,
                     const NormGate* gate, double* sums) {
  using T = Compute<S>;
  const T* shift = static_cast<const T*>(shifts);
  for (int64_t row = 0; row < rows; row += rows_at_once) {
    const S* x = static_cast<const S*>(elements) + row * channels;
    const S* g = gradient ? static_cast<const S*>(gradients) + row * channels : x;
    const int64_t height = rows - row < rows_at_once ? rows - row : rows_at_once;
    const auto add = [&](int64_t i, int64_t width) {
      sum_block<S, gradient, gated>(g + i, x + i, height, channels, shift + i, gate_at<T, false>(gate, i, width), width,
                                    sums + i, sums + channels + i);
    };
    int64_t i = 0;
    for (; i + vector_length<T> <= channels; i += vector_length<T>) add(i, vector_length<T>);
    if (i < channels) add(i, channels - i);
  }
}

template <class S, bool gradient>
void sum_columns(const void* gradients, const void* elements, int64_t rows, int64_t channels, const void* shifts,
                 const NormGate* gate, double* sums) {
  if (gradient && gate != nullptr) {
    sum_all_columns<S, gradient, gradient>(gradients, elements, rows, channels, shifts, gate, sums);
  } else {
    sum_all_columns<S, gradient, false>(gradients, elements, rows, channels, shifts, nullptr, sums);
  }
}

template <class S, bool gradient>
void sum_run(const void* gradients, const void* elements, int64_t count, const void* shift, const NormGate* gate,
             double* sums) {
  using T = Compute<S>;
  const bool gated = gradient && gate != nullptr;
  const Gate<T> own = gate_at<T, true>(gate, 0, 0);
  const S* x = static_cast<const S*>(elements);
  const S* g = static_cast<const S*>(gradients);
  const T center = *static_cast<const T*>(shift);
  Vector<T> first[chains] = {};
  Vector<T> second[chains] = {};
  walk_run<T>(
      count,
      [&](int64_t i, int64_t width, int64_t chain) {
        const Vector<T> d = load_lanes(x + i, width, center) - center;
        Vector<T> slope = gradient ? load_lanes(g + i, width, T(0)) : d;
        if (gated) slope = own.pass(slope, d);
        accumulate<T, gradient>(slope, d, first[chain], second[chain]);
      },
      [&] {
        sums[0] += drain<T>(first);
        sums[1] += drain<T>(second);
      });
}

// Loads the constants of a vector of channels, or broadcasts that of the single channel of a run.
template <class T, bool run>
inline Vector<T> constant(const void* values, int64_t i, int64_t width) {
  const T* from = static_cast<const T*>(values);
  return run ? broadcast(*from) : load_part(from + i, width, T(0));
}

template <class S, bool run>
void forward(const void* elements, void* result, int64_t rows, int64_t channels, const NormConstants& constants,
             double least_value, double most_value) {
  using T = Compute<S>;
  const Vector<T> least = broadcast(static_cast<T>(least_value));
  const Vector<T> most = broadcast(static_cast<T>(most_value));
  const auto step = [&](const S* x, S* y, int64_t i, int64_t width) {
    const Vector<T> centred = load_lanes(x + i, width, T(0)) - constant<T, run>(constants.mean, i, width);
    const Vector<T> value =
        centred * constant<T, run>(constants.scale, i, width) + constant<T, run>(constants.shift, i, width);
    const Vector<T> raised = value < least ? least : value;
    store_lanes(y + i, raised > most ? most : raised, width);
  };
  for (int64_t row = 0; row < rows; ++row) {
    const S* x = static_cast<const S*>(elements) + row * channels;
    S* y = static_cast<S*>(result) + row * channels;
    int64_t i = 0;
    for (; i + vector_length<T> <= channels; i += vector_length<T>) step(x, y, i, vector_length<T>);
    if (i < channels) step(x, y, i, channels - i);
  }
}

template <class S, bool run>
void backward(const void* gradients, const void* elements, void* result, int64_t rows, int64_t channels,
              const NormConstants& constants, const NormGate* gate) {
  using T = Compute<S>;
  const auto step = [&](const S* g, const S* x, S* y, int64_t i, int64_t width) {
    const Vector<T> centred = load_lanes(x + i, width, T(0)) - constant<T, run>(constants.mean, i, width);
    Vector<T> slope = load_lanes(g + i, width, T(0));
    if (gate != nullptr) slope = gate_at<T, run>(gate, i, width).pass(slope, centred);
    const Vector<T> value = slope * constant<T, run>(constants.scale, i, width) +
                            centred * constant<T, run>(constants.slope, i, width) +
                            constant<T, run>(constants.shift, i, width);
    store_lanes(y + i, value, width);
  };
  for (int64_t row = 0; row < rows; ++row) {
    const S* g = static_cast<const S*>(gradients) + row * channels;
    const S* x = static_cast<const S*>(elements) + row * channels;
    S* y = static_cast<S*>(result) + row * channels;
    int64_t i = 0;
    for (; i + vector_length<T> <= channels; i += vector_length<T>) step(g, x, y, i, vector_length<T>);
    if (i < channels) step(g, x, y, i, channels - i);
  }
}

inline float root(float x) { return __builtin_sqrtf(x); }
inline double root(double x) { return __builtin_sqrt(x); }

template <class T>
void scales(const void* variance, const void* weight, double epsilon, int64_t channels, void* scale) {
  const T* v = static_cast<const T*>(variance);
  const T* w = static_cast<const T*>(weight);
  T* y = static_cast<T*>(scale);
  const T added = static_cast<T>(epsilon);
  if (w == nullptr) {
#pragma GCC ivdep
    for (int64_t i = 0; i < channels; ++i) y[i] = T(1) / root(v[i] + added);
  } else {
#pragma GCC ivdep
    for (int64_t i = 0; i < channels; ++i) y[i] = w[i] / root(v[i] + added);
  }
}

// --- rows ------------------------------------------------------------------------------------------

template <class S>
void normalize_row(const void* elements, void* result, int64_t count, double epsilon, bool center) {
  using T = Compute<S>;
  const S* x = static_cast<const S*>(elements);
  S* y = static_cast<S*>(result);
  const T mean = center ? mean_of(x, count) : T(0);
  Vector<T> square[chains] = {};
  double squares = 0;
  walk_run<T>(
      count,
      [&](int64_t i, int64_t width, int64_t chain) {
        const Vector<T> d = load_lanes(x + i, width, mean) - mean;
        square[chain] += d * d;
      },
      [&] { squares += drain<T>(square); });
  const T scale = static_cast<T>(1.0 / __builtin_sqrt(squares / static_cast<double>(count) + epsilon));
  for (int64_t i = 0; i < count; i += vector_length<T>) {
    store_lanes(y + i, (load_lanes(x + i, count - i, T(0)) - mean) * scale, count - i);
  }
}

template <class S>
void normalize_row_backward(const void* gradients, const void* elements, void* result, int64_t count, double epsilon,
                            bool center) {
  using T = Compute<S>;
  const S* g = static_cast<const S*>(gradients);
  const S* x = static_cast<const S*>(elements);
  S* y = static_cast<S*>(result);
  const T mean = center ? mean_of(x, count) : T(0);
  Vector<T> square[chains] = {};
  Vector<T> gradient[chains] = {};
  Vector<T> along[chains] = {};
  double squares = 0;
  double gradient_sum = 0;
  double along_sum = 0;
  walk_run<T>(
      count,
      [&](int64_t i, int64_t width, int64_t chain) {
        const Vector<T> d = load_lanes(x + i, width, mean) - mean;
        const Vector<T> slope = load_lanes(g + i, width, T(0));
        square[chain] += d * d;
        gradient[chain] += slope;
        along[chain] += slope * d;
      },
      [&] {
        squares += drain<T>(square);
        gradient_sum += drain<T>(gradient);
        along_sum += drain<T>(along);
      });
  const double n = static_cast<double>(count);
  const double scale = 1.0 / __builtin_sqrt(squares / n + epsilon);
  const T of_gradient = static_cast<T>(scale);
  const T of_x = static_cast<T>(-scale * scale * scale * along_sum / n);
  const T gradient_mean = static_cast<T>(center ? gradient_sum / n : 0.0);
  for (int64_t i = 0; i < count; i += vector_length<T>) {
    const Vector<T> d = load_lanes(x + i, count - i, T(0)) - mean;
    const Vector<T> slope = load_lanes(g + i, count - i, T(0)) - gradient_mean;
    store_lanes(y + i, slope * of_gradient + d * of_x, count - i);
  }
}

template <class S>
void fill_type(NormKernels& norm) {
  norm.sum_columns[0] = sum_columns<S, false>;
  norm.sum_columns[1] = sum_columns<S, true>;
  norm.sum_run[0] = sum_run<S, false>;
  norm.sum_run[1] = sum_run<S, true>;
  norm.forward[0] = forward<S, false>;
  norm.forward[1] = forward<S, true>;
  norm.backward[0] = backward<S, false>;
  norm.backward[1] = backward<S, true>;
  norm.scales = scales<Compute<S>>;
  norm.row = normalize_row<S>;
  norm.row_backward = normalize_row_backward<S>;
}

}  // namespace

void fill_norm(KernelSet& set) {
  fill_type<float>(set.norm[0]);
  fill_type<double>(set.norm[1]);
  fill_type<Brain>(set.norm[2]);
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
