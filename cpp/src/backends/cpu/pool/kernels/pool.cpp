// Pooling over rows of windows, vectorised over channels.
#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/partial_vector.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

// Calls `function(offset)` for each element of the window.
template <class Function>
inline void for_each_element(const WindowShape& w, const Function& function) {
  for (int64_t i = 0; i < w.count[0]; ++i) {
    for (int64_t j = 0; j < w.count[1]; ++j) {
      for (int64_t k = 0; k < w.count[2]; ++k) function(i * w.stride[0] + j * w.stride[1] + k * w.stride[2]);
    }
  }
}

// The window of most pooling layers, without loops.
struct TwoByTwo {
  int64_t row_step;
  int64_t column_step;
};

template <class Function>
inline void for_each_element(const TwoByTwo& w, const Function& function) {
  function(int64_t{0});
  function(w.column_step);
  function(w.row_step);
  function(w.row_step + w.column_step);
}

// Calls `pool(window)` with the most specialised form of the window.
template <class Pool>
inline void with_window(const WindowShape& w, const Pool& pool) {
  if (w.count[0] == 1 && w.count[1] == 2 && w.count[2] == 2) {
    pool(TwoByTwo{w.stride[1], w.stride[2]});
  } else {
    pool(w);
  }
}

// Whether x replaces the best element before it. NaN wins, and of several candidates the first.
template <class V>
inline auto exceeds(V x, V best) {
  return (x > best) | ((x != x) & (best == best));
}

template <class V>
inline V larger(V best, V x) {
  return exceeds(x, best) ? x : best;
}

// As many integers as there are elements in a Vector<T>, of the same size.
template <class T>
struct OffsetOf {
  using type = int32_t;
};
template <>
struct OffsetOf<double> {
  using type = int64_t;
};
template <class T>
using Offsets = Vector<typename OffsetOf<T>::type>;

// Stores the first `count` of the sums of offsets and `first`.
template <class T>
inline void store_indices(int64_t* to, const Offsets<T>& offsets, int64_t first, int64_t count) {
  constexpr int64_t width = vector_length<int64_t>;
  typedef typename OffsetOf<T>::type Part __attribute__((vector_size(width * sizeof(T))));
#pragma GCC unroll 2
  for (int64_t lane = 0; lane < vector_length<T>; lane += width) {
    if (lane >= count) return;
    Part part;
    __builtin_memcpy(&part, reinterpret_cast<const char*>(&offsets) + lane * static_cast<int64_t>(sizeof(T)),
                     sizeof(part));
    store_part(to + lane, __builtin_convertvector(part, Vector<int64_t>) + first, count - lane);
  }
}

// A load that follows a store to the same line has to wait for it, so nothing is loaded where nothing is added.
template <class T, bool overwrites>
inline void add_or_overwrite(T* to, Vector<T> value, int64_t count) {
  store_part(to, overwrites ? value : load_part(to, count, T(0)) + value, count);
}

template <class T>
void max_of_windows(const void* x, const WindowShape& shape, const WindowRow& row, int64_t channels, void* y) {
  const T lowest = -static_cast<T>(__builtin_inf());
  with_window(shape, [&](const auto& window) {
    const T* from = static_cast<const T*>(x);
    T* to = static_cast<T*>(y);
    for (int64_t p = 0; p < row.positions; ++p, from += row.x_step, to += row.y_step) {
      if (channels == 1) {
        T best = lowest;
        for_each_element(window, [&](int64_t offset) { best = larger(best, from[offset]); });
        *to = best;
        continue;
      }
      for (int64_t c = 0; c < channels; c += vector_length<T>) {
        Vector<T> best = broadcast(lowest);
        for_each_element(
            window, [&](int64_t offset) { best = larger(best, load_part(from + offset + c, channels - c, lowest)); });
        store_part(to + c, best, channels - c);
      }
    }
  });
}

template <class T, class Window>
inline void max_of_channel_with_index(const T* from, const Window& window, int64_t first, T* to, int64_t* index) {
  T best = -static_cast<T>(__builtin_inf());
  int64_t found = 0;
  for_each_element(window, [&](int64_t offset) {
    const bool wins = exceeds(from[offset], best);
    found = wins ? offset : found;
    best = wins ? from[offset] : best;
  });
  *to = best;
  *index = first + found;
}

// Of a vector of channels, the first `count` of which exist. Positions have `channels` elements.
template <class T, class Window>
inline void max_of_channels_with_indices(const T* from, const Window& window, int64_t channels, int64_t count,
                                         int64_t first, T* to, int64_t* indices) {
  using Offset = typename OffsetOf<T>::type;
  const T lowest = -static_cast<T>(__builtin_inf());
  Vector<T> best = broadcast(lowest);
  Offsets<T> found = {};
  for_each_element(window, [&](int64_t offset) {
    const Vector<T> value = load_part(from + offset * channels, count, lowest);
    const auto wins = exceeds(value, best);
    found = wins ? broadcast(static_cast<Offset>(offset)) : found;
    best = wins ? value : best;
  });
  store_part(to, best, count);
  store_indices<T>(indices, found, first, count);
}

template <class T>
void max_of_windows_with_indices(const void* x, const WindowShape& shape, const WindowRow& row, int64_t channels,
                                 int64_t first, void* y, int64_t* indices) {
  const bool is_empty = shape.count[0] * shape.count[1] * shape.count[2] == 0;
  with_window(shape, [&](const auto& window) {
    const T* from = static_cast<const T*>(x);
    T* to = static_cast<T*>(y);
    int64_t* index = indices;
    for (int64_t p = 0; p < row.positions; ++p) {
      const int64_t begin = is_empty ? -1 : first + p * row.x_step;
      if (channels == 1) {
        max_of_channel_with_index(from, window, begin, to, index);
      } else {
        for (int64_t c = 0; c < channels; c += vector_length<T>) {
          max_of_channels_with_indices(from + c, window, channels, channels - c, begin, to + c, index + c);
        }
      }
      from += row.x_step * channels;
      to += row.y_step;
      index += row.y_step;
    }
  });
}

template <class T, bool overwrites, class Window>
inline void max_backward_of_channel(const T* from, T gradient, const Window& window, T* to) {
  int64_t position = -1;
  T best = -static_cast<T>(__builtin_inf());
  for_each_element(window, [&](int64_t offset) {
    const T next = larger(best, from[offset]);
    if (position < 0 || next != best) position = best == best ? offset : position;
    best = next;
  });
  if constexpr (overwrites) for_each_element(window, [&](int64_t offset) { to[offset] = T(0); });
  if (position >= 0) to[position] += gradient;
}

template <class T, bool overwrites>
void max_backward_of_windows(const void* x, const void* g, const WindowShape& shape, const WindowRow& row,
                             int64_t channels, void* dx) {
  const T lowest = -static_cast<T>(__builtin_inf());
  with_window(shape, [&](const auto& window) {
    const T* from = static_cast<const T*>(x);
    const T* gradient = static_cast<const T*>(g);
    T* to = static_cast<T*>(dx);
    for (int64_t p = 0; p < row.positions; ++p, from += row.x_step, to += row.x_step, gradient += row.y_step) {
      if (channels == 1) {
        max_backward_of_channel<T, overwrites>(from, *gradient, window, to);
        continue;
      }
      for (int64_t c = 0; c < channels; c += vector_length<T>) {
        const int64_t count = channels - c;
        Vector<T> best = broadcast(lowest);
        for_each_element(window,
                         [&](int64_t offset) { best = larger(best, load_part(from + offset + c, count, lowest)); });
        // The part of the gradient that still has to go to the first element that equals the maximum.
        Vector<T> rest = load_part(gradient + c, count, T(0));
        for_each_element(window, [&](int64_t offset) {
          const Vector<T> value = load_part(from + offset + c, count, lowest);
          const auto is_best = (value == best) | (value != value);
          const Vector<T> share = is_best ? rest : Vector<T>{};
          rest = is_best ? Vector<T>{} : rest;
          add_or_overwrite<T, overwrites>(to + offset + c, share, count);
        });
      }
    }
  });
}

template <class T>
void sum_of_windows(const void* x, const WindowShape& shape, const WindowRow& row, int64_t channels, double scale,
                    void* y) {
  const T factor = static_cast<T>(scale);
  with_window(shape, [&](const auto& window) {
    const T* from = static_cast<const T*>(x);
    T* to = static_cast<T*>(y);
    for (int64_t p = 0; p < row.positions; ++p, from += row.x_step, to += row.y_step) {
      if (channels == 1) {
        T sum = 0;
        for_each_element(window, [&](int64_t offset) { sum += from[offset]; });
        *to = sum * factor;
        continue;
      }
      for (int64_t c = 0; c < channels; c += vector_length<T>) {
        Vector<T> sum = {};
        for_each_element(window, [&](int64_t offset) { sum += load_part(from + offset + c, channels - c, T(0)); });
        store_part(to + c, sum * factor, channels - c);
      }
    }
  });
}

template <class T, bool overwrites>
void spread_over_windows(const void* g, const WindowShape& shape, const WindowRow& row, int64_t channels, double scale,
                         void* dx) {
  const T factor = static_cast<T>(scale);
  with_window(shape, [&](const auto& window) {
    const T* gradient = static_cast<const T*>(g);
    T* to = static_cast<T*>(dx);
    for (int64_t p = 0; p < row.positions; ++p, gradient += row.y_step, to += row.x_step) {
      if (channels == 1) {
        for_each_element(window,
                         [&](int64_t offset) { to[offset] = (overwrites ? T(0) : to[offset]) + *gradient * factor; });
        continue;
      }
      for (int64_t c = 0; c < channels; c += vector_length<T>) {
        const int64_t count = channels - c;
        const Vector<T> share = load_part(gradient + c, count, T(0)) * factor;
        for_each_element(window,
                         [&](int64_t offset) { add_or_overwrite<T, overwrites>(to + offset + c, share, count); });
      }
    }
  });
}

template <class T>
constexpr PoolKernels pool_kernels() {
  return {max_of_windows<T>,
          max_of_windows_with_indices<T>,
          {max_backward_of_windows<T, false>, max_backward_of_windows<T, true>},
          sum_of_windows<T>,
          {spread_over_windows<T, false>, spread_over_windows<T, true>}};
}

}  // namespace

void fill_pool(KernelSet& set) {
  set.pool[0] = pool_kernels<float>();
  set.pool[1] = pool_kernels<double>();
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
