// Steps of recurrent layers: the products stay in registers, and the nonlinearities of the gates follow immediately.
#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/partial_vector.h"
#include "backends/cpu/kernels/shuffle.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

// Rows of a register tile with four vectors per row; the other registers hold the operands.
#if defined(__AVX512F__)
constexpr int tile_rows = 6;
#elif defined(__AVX__)
constexpr int tile_rows = 3;
#else
constexpr int tile_rows = 2;
#endif
constexpr int vectors = static_cast<int>(panel_vectors);
// How many panel entries ahead to prefetch, because panels are larger than the L1 cache.
constexpr int64_t prefetch_distance = 8;

#define PYDL_INLINE inline __attribute__((always_inline))

// --- nonlinearities --------------------------------------------------------------------------------

#if defined(__AVX512F__)
// A division takes as long as ten products; an estimate and one Newton step are as exact except for the last bit.
PYDL_INLINE Vector<float> reciprocal(Vector<float> x) {
  const auto estimate = (Vector<float>)_mm512_maskz_rcp14_ps(0xffff, (__m512)x);
  return estimate * (2.0F - x * estimate);
}
#else
PYDL_INLINE Vector<float> reciprocal(Vector<float> x) { return 1.0F / x; }
#endif

PYDL_INLINE Vector<float> clamp(Vector<float> x, float low, float high) {
  const Vector<float> above = x < low ? broadcast(low) : x;
  return above > high ? broadcast(high) : above;
}

PYDL_INLINE Vector<float> sigmoid(Vector<float> x) {
  // The comparisons let NaN through.
  const m::ExponentParts<Vector<float>> parts = m::split_exponent(clamp(-x, -87.0F, 87.0F));
  return reciprocal((m::expm1_reduced(parts.r) + 1.0F) * m::power_of_two<Vector<float>>(parts.n) + 1.0F);
}

PYDL_INLINE Vector<float> tanh(Vector<float> x) {
  const m::Integer<Vector<float>> sign = m::bits_of(x) & static_cast<int32_t>(0x80000000);
  const Vector<float> size = m::from_bits<Vector<float>>(m::bits_of(x) & 0x7fffffff);
  const m::ExponentParts<Vector<float>> parts = m::split_exponent(clamp(2.0F * size, 0.0F, 40.0F));
  const Vector<float> scale = m::power_of_two<Vector<float>>(parts.n);
  const Vector<float> e = m::expm1_reduced(parts.r) * scale + (scale - 1.0F);
  const Vector<float> y = e * reciprocal(e + 2.0F);
  return m::from_bits<Vector<float>>(m::bits_of(y) | sign);
}

PYDL_INLINE Vector<double> sigmoid(Vector<double> x) {
  for (int64_t lane = 0; lane < vector_length<double>; ++lane) x[lane] = m::sigmoid(x[lane]);
  return x;
}
PYDL_INLINE Vector<double> tanh(Vector<double> x) {
  for (int64_t lane = 0; lane < vector_length<double>; ++lane) x[lane] = m::tanh(x[lane]);
  return x;
}

// --- packing ---------------------------------------------------------------------------------------

template <class T>
void pack_rows(const void* w, int64_t count_of_vectors, const int64_t* first, const int64_t* count, int64_t depth,
               void* packed) {
  constexpr int64_t side = vector_length<T>;
  for (int64_t v = 0; v < count_of_vectors; ++v) {
    const T* rows = static_cast<const T*>(w) + first[v] * depth;
    T* to = static_cast<T*>(packed) + v * side;
    for (int64_t k = 0; k < depth; k += side) {
      const int64_t width = depth - k < side ? depth - k : side;
      Vector<T> square[side];
#pragma GCC unroll 16
      for (int64_t lane = 0; lane < side; ++lane) {
        square[lane] = lane < count[v] ? load_part(rows + lane * depth + k, width, T(0)) : Vector<T>{};
      }
      transpose_square<T>(square);
      for (int64_t i = 0; i < width; ++i) store(to + (k + i) * count_of_vectors * side, square[i]);
    }
  }
}

template <class T>
void pack_columns(const void* w, int64_t stride, int64_t columns, int64_t depth, void* packed) {
  constexpr int64_t side = vector_length<T>;
  for (int64_t k = 0; k < depth; ++k) {
    const T* row = static_cast<const T*>(w) + k * stride;
    T* to = static_cast<T*>(packed) + k * vectors * side;
    for (int64_t v = 0; v < vectors; ++v) {
      const int64_t width = columns - v * side;
      store(to + v * side, width > 0 ? load_part(row + v * side, width, T(0)) : Vector<T>{});
    }
  }
}

// --- products --------------------------------------------------------------------------------------

// sums[r][target] += a[r][k] * w[k], where each entry of w has one vector per target.
template <class T, int rows, int... target>
PYDL_INLINE void accumulate(Vector<T> (&sums)[rows][vectors], const T* const (&a)[rows], int64_t depth, const T* w) {
  constexpr int targets[] = {target...};
  constexpr int width = sizeof...(target);
  for (int64_t k = 0; k < depth; ++k, w += width * vector_length<T>) {
    Vector<T> right[width];
#pragma GCC unroll 4
    for (int v = 0; v < width; ++v) {
      right[v] = load(w + v * vector_length<T>);
      __builtin_prefetch(w + (prefetch_distance * width + v) * vector_length<T>);
    }
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < width; ++v) sums[r][targets[v]] += a[r][k] * right[v];
    }
  }
}

// Calls `tile` with the number of rows as a template argument, for tiles of about equal height.
template <class Tile>
PYDL_INLINE void for_each_tile(int64_t count, const Tile& tile) {
  const int64_t tiles = (count + tile_rows - 1) / tile_rows;
  for (int64_t i = 0; i < tiles; ++i) {
    const int64_t begin = count * i / tiles;
    switch (count * (i + 1) / tiles - begin) {
      case 1: tile.template operator()<1>(begin); break;
      case 2: tile.template operator()<2>(begin); break;
#if defined(__AVX__)
      case 3: tile.template operator()<3>(begin); break;
#endif
#if defined(__AVX512F__)
      case 4: tile.template operator()<4>(begin); break;
      case 5: tile.template operator()<5>(begin); break;
      case 6: tile.template operator()<6>(begin); break;
#endif
      default: break;
    }
  }
}

template <class T, int rows>
void multiply_tile(const void* const* a_rows, void* const* c_rows, int64_t depth, const T* packed, int64_t columns,
                   bool adds) {
  constexpr int64_t length = vector_length<T>;
  const T* a[rows];
  Vector<T> sums[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
    a[r] = static_cast<const T*>(a_rows[r]);
    const T* c = static_cast<const T*>(c_rows[r]);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      const int64_t width = columns - v * length;
      sums[r][v] = adds && width > 0 ? load_part(c + v * length, width, T(0)) : Vector<T>{};
    }
  }
  accumulate<T, rows, 0, 1, 2, 3>(sums, a, depth, packed);
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
    T* c = static_cast<T*>(c_rows[r]);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      const int64_t width = columns - v * length;
      if (width > 0) store_part(c + v * length, sums[r][v], width);
    }
  }
}

template <class T>
void multiply(const void* const* a, void* const* c, int64_t count, int64_t depth, const void* packed, int64_t columns,
              bool adds) {
  for_each_tile(count, [&]<int rows>(int64_t begin) {
    multiply_tile<T, rows>(a + begin, c + begin, depth, static_cast<const T*>(packed), columns, adds);
  });
}

// --- whole steps -----------------------------------------------------------------------------------

// Accesses the part of a row that belongs to the units of one panel.
template <class T>
struct PanelRow {
  const RecurrentRow& row;
  const RecurrentPanel& panel;

  PYDL_INLINE Vector<T> load_units(const void* from) const {
    return load_part(static_cast<const T*>(from) + panel.unit, panel.units, T(0));
  }
  PYDL_INLINE void store_units(void* to, Vector<T> v) const {
    store_part(static_cast<T*>(to) + panel.unit, v, panel.units);
  }
  PYDL_INLINE void keep(int64_t block, Vector<T> v) const {
    store_part(static_cast<T*>(row.kept) + block * panel.hidden + panel.unit, v, panel.units);
  }
};

template <class T>
PYDL_INLINE void lstm_gates(const PanelRow<T>& at, const Vector<T> (&sums)[vectors]) {
  const Vector<T> i = sigmoid(sums[0]);
  const Vector<T> f = sigmoid(sums[1]);
  const Vector<T> g = tanh(sums[2]);
  const Vector<T> o = sigmoid(sums[3]);
  const Vector<T> c = f * at.load_units(at.row.c_before) + i * g;
  at.store_units(at.row.c, c);
  at.store_units(at.row.h, o * tanh(c));
  if (at.row.kept == nullptr) return;
  at.keep(0, i);
  at.keep(1, f);
  at.keep(2, g);
  at.keep(3, o);
}

template <class T>
PYDL_INLINE void gru_gates_after(const PanelRow<T>& at, const Vector<T> (&sums)[vectors]) {
  const Vector<T> r = sigmoid(sums[0]);
  const Vector<T> z = sigmoid(sums[1]);
  const Vector<T> n = tanh(sums[2] + r * sums[3]);
  at.store_units(at.row.h, n + z * (at.load_units(at.row.h_before) - n));
  if (at.row.kept == nullptr) return;
  at.keep(0, r);
  at.keep(1, z);
  at.keep(2, n);
  at.keep(3, sums[3]);
}

template <class T, int rows, bool lstm>
void step_tile(const RecurrentRow* row, const RecurrentPanel& panel) {
  constexpr int64_t length = vector_length<T>;
  const T* bias = static_cast<const T*>(panel.bias);
  const T* x_weights = static_cast<const T*>(panel.x_weights);
  const T* h_weights = static_cast<const T*>(panel.h_weights);
  const bool ready = row[0].sums != nullptr;
  const auto before = [&](const RecurrentRow& of) {
    return ready ? static_cast<const T*>(of.sums) + panel.unit * vectors : bias;
  };
  const T* x[rows];
  const T* h[rows];
  Vector<T> sums[rows][vectors];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
    x[r] = static_cast<const T*>(row[r].x);
    h[r] = static_cast<const T*>(row[r].h_before);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sums[r][v] = load(before(row[r]) + v * length);
  }
  if constexpr (lstm) {
    if (!ready) accumulate<T, rows, 0, 1, 2, 3>(sums, x, panel.inputs, x_weights);
    accumulate<T, rows, 0, 1, 2, 3>(sums, h, panel.hidden, h_weights);
  } else {
    accumulate<T, rows, 0, 1, 2>(sums, x, panel.inputs, x_weights);
    accumulate<T, rows, 0, 1, 3>(sums, h, panel.hidden, h_weights);
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
    const PanelRow<T> at = {row[r], panel};
    if constexpr (lstm) {
      lstm_gates<T>(at, sums[r]);
    } else {
      gru_gates_after<T>(at, sums[r]);
    }
  }
}

template <class T, bool lstm>
void step(const RecurrentRow* rows, int64_t count, const RecurrentPanel& panel) {
  for_each_tile(count, [&]<int height>(int64_t begin) { step_tile<T, height, lstm>(rows + begin, panel); });
}

// --- rows of sums ----------------------------------------------------------------------------------

// Calls `visit(j, width)` for each vector of a row of units.
template <class T, class Visit>
PYDL_INLINE void for_each_vector(int64_t units, const Visit& visit) {
  constexpr int64_t length = vector_length<T>;
  int64_t j = 0;
  for (; j + length <= units; j += length) visit(j, length);
  if (j < units) visit(j, units - j);
}

template <class T>
PYDL_INLINE Vector<T> get(const void* from, int64_t j, int64_t width) {
  return load_part(static_cast<const T*>(from) + j, width, T(0));
}
template <class T>
PYDL_INLINE void put(void* to, int64_t j, int64_t width, Vector<T> v) {
  store_part(static_cast<T*>(to) + j, v, width);
}

template <class T, bool is_relu>
void rnn(void* h, int64_t units) {
  for_each_vector<T>(units, [&](int64_t j, int64_t width) {
    const Vector<T> x = get<T>(h, j, width);
    if constexpr (is_relu) {
      put<T>(h, j, width, x < T(0) ? Vector<T>{} : x);
    } else {
      put<T>(h, j, width, tanh(x));
    }
  });
}

template <class T>
void gru_gates(const void* h_before, void* kept, int64_t units) {
  for_each_vector<T>(units, [&](int64_t j, int64_t width) {
    const Vector<T> r = sigmoid(get<T>(kept, j, width));
    put<T>(kept, j, width, r);
    put<T>(kept, units + j, width, sigmoid(get<T>(kept, units + j, width)));
    put<T>(kept, 3 * units + j, width, r * get<T>(h_before, j, width));
  });
}

template <class T>
void gru_output(const void* h_before, void* kept, void* h, int64_t units) {
  for_each_vector<T>(units, [&](int64_t j, int64_t width) {
    const Vector<T> z = get<T>(kept, units + j, width);
    const Vector<T> n = tanh(get<T>(kept, 2 * units + j, width));
    put<T>(kept, 2 * units + j, width, n);
    put<T>(h, j, width, n + z * (get<T>(h_before, j, width) - n));
  });
}

// --- gradients -------------------------------------------------------------------------------------

// dh plus the gradient from the layer above, if there is one.
template <class T>
PYDL_INLINE Vector<T> whole_dh(const RecurrentGradientRow& row, int64_t j, int64_t width) {
  const Vector<T> dh = get<T>(row.dh, j, width);
  return row.dy == nullptr ? dh : dh + get<T>(row.dy, j, width);
}

template <class T>
void lstm_gate_gradients(const RecurrentGradientRow& row, int64_t units) {
  for_each_vector<T>(units, [&](int64_t j, int64_t width) {
    const Vector<T> i = get<T>(row.kept, j, width);
    const Vector<T> f = get<T>(row.kept, units + j, width);
    const Vector<T> g = get<T>(row.kept, 2 * units + j, width);
    const Vector<T> o = get<T>(row.kept, 3 * units + j, width);
    const Vector<T> dh = whole_dh<T>(row, j, width);
    const Vector<T> u = tanh(get<T>(row.c, j, width));
    const Vector<T> dc = get<T>(row.dc, j, width) + dh * o * (T(1) - u * u);
    put<T>(row.gate_gradients, j, width, dc * g * i * (T(1) - i));
    put<T>(row.gate_gradients, units + j, width, dc * get<T>(row.c_before, j, width) * f * (T(1) - f));
    put<T>(row.gate_gradients, 2 * units + j, width, dc * i * (T(1) - g * g));
    put<T>(row.gate_gradients, 3 * units + j, width, dh * u * o * (T(1) - o));
    put<T>(row.dc, j, width, dc * f);
  });
}

template <class T, bool reset_after>
void gru_gate_gradients(const RecurrentGradientRow& row, int64_t units) {
  for_each_vector<T>(units, [&](int64_t j, int64_t width) {
    const Vector<T> z = get<T>(row.kept, units + j, width);
    const Vector<T> n = get<T>(row.kept, 2 * units + j, width);
    const Vector<T> dh = whole_dh<T>(row, j, width);
    const Vector<T> dn = dh * (T(1) - z) * (T(1) - n * n);
    put<T>(row.gate_gradients, units + j, width, dh * (get<T>(row.h_before, j, width) - n) * z * (T(1) - z));
    put<T>(row.gate_gradients, 2 * units + j, width, dn);
    put<T>(row.dh, j, width, dh * z);
    if constexpr (reset_after) {
      const Vector<T> r = get<T>(row.kept, j, width);
      put<T>(row.gate_gradients, j, width, dn * get<T>(row.kept, 3 * units + j, width) * r * (T(1) - r));
      put<T>(row.gate_gradients, 3 * units + j, width, dn * r);
    }
  });
}

template <class T>
void gru_reset_gate_gradients(const RecurrentGradientRow& row, int64_t units) {
  for_each_vector<T>(units, [&](int64_t j, int64_t width) {
    const Vector<T> r = get<T>(row.kept, j, width);
    const Vector<T> dq = get<T>(row.dq, j, width);
    put<T>(row.gate_gradients, j, width, dq * get<T>(row.h_before, j, width) * r * (T(1) - r));
    put<T>(row.dh, j, width, get<T>(row.dh, j, width) + dq * r);
  });
}

template <class T, bool is_relu>
void rnn_gate_gradients(const RecurrentGradientRow& row, int64_t units) {
  for_each_vector<T>(units, [&](int64_t j, int64_t width) {
    const Vector<T> h = get<T>(row.h, j, width);
    const Vector<T> dh = whole_dh<T>(row, j, width);
    if constexpr (is_relu) {
      put<T>(row.gate_gradients, j, width, h <= T(0) ? Vector<T>{} : dh);
    } else {
      put<T>(row.gate_gradients, j, width, dh * (T(1) - h * h));
    }
  });
}

template <class T>
constexpr RecurrentKernels recurrent_kernels() {
  return {vector_length<T>,
          pack_rows<T>,
          pack_columns<T>,
          step<T, true>,
          step<T, false>,
          multiply<T>,
          {rnn<T, false>, rnn<T, true>},
          gru_gates<T>,
          gru_output<T>,
          lstm_gate_gradients<T>,
          {gru_gate_gradients<T, false>, gru_gate_gradients<T, true>},
          gru_reset_gate_gradients<T>,
          {rnn_gate_gradients<T, false>, rnn_gate_gradients<T, true>}};
}

}  // namespace

void fill_recurrent(KernelSet& set) {
  set.recurrent[0] = recurrent_kernels<float>();
  set.recurrent[1] = recurrent_kernels<double>();
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
