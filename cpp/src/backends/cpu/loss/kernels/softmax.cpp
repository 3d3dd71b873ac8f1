// Softmax, log-softmax and their gradients, along rows of contiguous elements or down the columns of a matrix.
#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/partial_vector.h"
#include "backends/cpu/kernels/shuffle.h"
#include "backends/cpu/kernels/vector_math.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

template <class T>
constexpr T minus_infinity = -static_cast<T>(__builtin_inf());

inline Vector<float> exp(Vector<float> x) { return m::exp(x); }
inline Vector<float> exp_of_negative(Vector<float> x) { return m::exp_of_negative(x); }
inline Vector<double> exp(Vector<double> x) {
  for (int64_t lane = 0; lane < vector_length<double>; ++lane) x[lane] = __builtin_exp(x[lane]);
  return x;
}
inline Vector<double> exp_of_negative(Vector<double> x) { return exp(x); }
inline float log_of(float x) { return m::log(x); }
inline double log_of(double x) { return __builtin_log(x); }

template <class T>
inline Vector<T> larger(Vector<T> a, Vector<T> b) {
  return a > b ? a : b;
}

// The lanes of a row are joined at the end; those of columns stay separate.
template <class T>
struct AlongRow {
  struct Larger {
    static inline Vector<T> join(Vector<T> a, Vector<T> b) { return larger<T>(a, b); }
  };
  struct Sum {
    static inline Vector<T> join(Vector<T> a, Vector<T> b) { return a + b; }
  };
  static inline Vector<T> max(Vector<T> v) { return broadcast(join_lanes<Larger, T>(v)); }
  static inline Vector<T> sum(Vector<T> v) { return broadcast(join_lanes<Sum, T>(v)); }
  static inline Vector<T> log(Vector<T> v) { return broadcast(static_cast<T>(log_of(v[0]))); }
};
template <class T>
struct AlongColumns {
  static inline Vector<T> max(Vector<T> v) { return v; }
  static inline Vector<T> sum(Vector<T> v) { return v; }
  static inline Vector<T> log(Vector<T> v) {
    for (int64_t lane = 0; lane < vector_length<T>; ++lane) v[lane] = static_cast<T>(log_of(v[lane]));
    return v;
  }
};

// The vectors of one softmax: `steps` of them, `stride` apart. All are whole except the last, which has `last` lanes in
// memory. For columns, all vectors have as many lanes as the last.
template <class T>
struct Walk {
  int64_t steps;
  int64_t stride;
  int64_t width;
  int64_t last;

  template <class Visit>
  inline void each(const Visit& visit) const {
    for (int64_t i = 0; i + 1 < steps; ++i) visit(i * stride, width);
    visit((steps - 1) * stride, last);
  }
};

template <class Along, class T>
inline void softmax(const T* x, const T*, T* y, const Walk<T>& walk) {
  Vector<T> top = broadcast(minus_infinity<T>);
  walk.each([&](int64_t i, int64_t n) { top = larger<T>(top, load_part(x + i, n, minus_infinity<T>)); });
  top = Along::max(top);
  Vector<T> total{};
  walk.each([&](int64_t i, int64_t n) {
    const Vector<T> e = exp_of_negative(load_part(x + i, n, minus_infinity<T>) - top);
    total += e;
    store_part(y + i, e, n);
  });
  const Vector<T> scale = T(1) / Along::sum(total);
  walk.each([&](int64_t i, int64_t n) { store_part(y + i, load_part(y + i, n, T(0)) * scale, n); });
}

template <class Along, class T>
inline void log_softmax(const T* x, const T*, T* y, const Walk<T>& walk) {
  Vector<T> top = broadcast(minus_infinity<T>);
  walk.each([&](int64_t i, int64_t n) { top = larger<T>(top, load_part(x + i, n, minus_infinity<T>)); });
  top = Along::max(top);
  Vector<T> total{};
  walk.each([&](int64_t i, int64_t n) { total += exp_of_negative(load_part(x + i, n, minus_infinity<T>) - top); });
  const Vector<T> log_total = Along::log(Along::sum(total));
  walk.each([&](int64_t i, int64_t n) { store_part(y + i, load_part(x + i, n, T(0)) - top - log_total, n); });
}

template <class Along, class T>
inline void softmax_gradient(const T* g, const T* y, T* out, const Walk<T>& walk) {
  Vector<T> total{};
  walk.each([&](int64_t i, int64_t n) { total += load_part(g + i, n, T(0)) * load_part(y + i, n, T(0)); });
  total = Along::sum(total);
  walk.each([&](int64_t i, int64_t n) {
    store_part(out + i, load_part(y + i, n, T(0)) * (load_part(g + i, n, T(0)) - total), n);
  });
}

template <class Along, class T>
inline void log_softmax_gradient(const T* g, const T* y, T* out, const Walk<T>& walk) {
  Vector<T> total{};
  walk.each([&](int64_t i, int64_t n) { total += load_part(g + i, n, T(0)); });
  total = Along::sum(total);
  walk.each([&](int64_t i, int64_t n) {
    store_part(out + i, load_part(g + i, n, T(0)) - exp(load_part(y + i, n, T(0))) * total, n);
  });
}

template <class T>
using Function = void (*)(const T*, const T*, T*, const Walk<T>&);

template <class T, Function<T> function>
void along_row(const void* a, const void* b, void* y, int64_t count) {
  constexpr int64_t length = vector_length<T>;
  const int64_t steps = (count + length - 1) / length;
  const Walk<T> walk = {steps, length, length, count - (steps - 1) * length};
  function(static_cast<const T*>(a), static_cast<const T*>(b), static_cast<T*>(y), walk);
}

template <class T, Function<T> function>
void along_columns(const void* a, const void* b, void* y, int64_t rows, int64_t columns, int64_t row_stride) {
  for (int64_t j = 0; j < columns; j += vector_length<T>) {
    const int64_t width = columns - j < vector_length<T> ? columns - j : vector_length<T>;
    const T* second = b == nullptr ? nullptr : static_cast<const T*>(b) + j;
    function(static_cast<const T*>(a) + j, second, static_cast<T*>(y) + j, {rows, row_stride, width, width});
  }
}

template <class T>
void fill_type(KernelSet& set, int type) {
  set.softmax[softmax_forward][type] = {along_row<T, softmax<AlongRow<T>, T>>,
                                        along_columns<T, softmax<AlongColumns<T>, T>>};
  set.softmax[log_softmax_forward][type] = {along_row<T, log_softmax<AlongRow<T>, T>>,
                                            along_columns<T, log_softmax<AlongColumns<T>, T>>};
  set.softmax[softmax_back][type] = {along_row<T, softmax_gradient<AlongRow<T>, T>>,
                                     along_columns<T, softmax_gradient<AlongColumns<T>, T>>};
  set.softmax[log_softmax_back][type] = {along_row<T, log_softmax_gradient<AlongRow<T>, T>>,
                                         along_columns<T, log_softmax_gradient<AlongColumns<T>, T>>};
}

}  // namespace

void fill_softmax(KernelSet& set) {
  fill_type<float>(set, 0);
  fill_type<double>(set, 1);
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
