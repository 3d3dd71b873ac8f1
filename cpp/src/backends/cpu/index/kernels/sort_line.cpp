// Sorts one line by dividing it at a pivot (Hoare, 1962), with instructions that move the lanes on one side of the
// pivot together, until there are parts of a few blocks, each of which fits into the registers. Networks of comparisons
// sort the blocks and merge them pairwise (Batcher, 1968): that takes less time than further divisions, which a
// processor cannot predict.
#include "backends/cpu/index/kernels/lane_keys.h"
#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/shuffle.h"
#include "backends/cpu/kernels/vector_math.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

#if defined(__AVX512F__)

namespace {

// Of two elements and the smaller one, the bits of the larger one: more ports of a processor compute this than a
// maximum, and the minimum is needed anyway.
constexpr int exclusive_or = 0x96;

template <class T>
struct Wide;

template <>
struct Wide<int32_t> {
  using Mask = __mmask16;
  using V = Vector<int32_t>;

  static V min(V a, V b) { return a < b ? a : b; }
  static V other(V a, V b, V least) {
    return (V)_mm512_ternarylogic_epi32((__m512i)a, (__m512i)b, (__m512i)least, exclusive_or);
  }
  static V min_or_max(V a, V b, Mask is_max) {
    return (V)_mm512_mask_ternarylogic_epi32((__m512i)min(a, b), is_max, (__m512i)a, (__m512i)b, exclusive_or);
  }
  static Mask less(V a, V b) { return _mm512_cmplt_epi32_mask((__m512i)a, (__m512i)b); }
  // Into a register: to memory, this is slow on some processors.
  static V compress(V v, Mask mask) { return (V)_mm512_maskz_compress_epi32(mask, (__m512i)v); }
  static V load_masked(const int32_t* from, Mask mask, V others) {
    return (V)_mm512_mask_loadu_epi32((__m512i)others, mask, from);
  }
  static void store_masked(int32_t* to, Mask mask, V v) { _mm512_mask_storeu_epi32(to, mask, (__m512i)v); }
};

template <>
struct Wide<int64_t> {
  using Mask = __mmask8;
  using V = Vector<int64_t>;

  static V min(V a, V b) { return a < b ? a : b; }
  static V other(V a, V b, V least) {
    return (V)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)least, exclusive_or);
  }
  static V min_or_max(V a, V b, Mask is_max) {
    return (V)_mm512_mask_ternarylogic_epi64((__m512i)min(a, b), is_max, (__m512i)a, (__m512i)b, exclusive_or);
  }
  static Mask less(V a, V b) { return _mm512_cmplt_epi64_mask((__m512i)a, (__m512i)b); }
  static V compress(V v, Mask mask) { return (V)_mm512_maskz_compress_epi64(mask, (__m512i)v); }
  static V load_masked(const int64_t* from, Mask mask, V others) {
    return (V)_mm512_mask_loadu_epi64((__m512i)others, mask, from);
  }
  static void store_masked(int64_t* to, Mask mask, V v) { _mm512_mask_storeu_epi64(to, mask, (__m512i)v); }
};

// The first lanes: all of them, where there are more elements, and none after the end.
template <class T>
typename Wide<T>::Mask first_lanes(int64_t count) {
  constexpr int64_t length = vector_length<T>;
  const int64_t lanes = count < 0 ? 0 : count > length ? length : count;
  return static_cast<typename Wide<T>::Mask>((1U << lanes) - 1);
}

// Lanes whose number has this bit.
template <class T>
constexpr typename Wide<T>::Mask lanes_with(int bit) {
  unsigned mask = 0;
  for (int lane = 0; lane < vector_length<T>; ++lane) mask |= (lane & bit) != 0 ? 1U << lane : 0U;
  return static_cast<typename Wide<T>::Mask>(mask);
}

template <class T, int flips, int... lane>
inline Vector<T> flip_lanes(Vector<T> v, std::integer_sequence<int, lane...>) {
  return choose_lanes<T, (lane ^ flips)...>(v, v);
}
template <class T, int first, int... lane>
inline Vector<T> zip_lanes(Vector<T> a, Vector<T> b, std::integer_sequence<int, lane...>) {
  constexpr int length = sizeof...(lane);
  return choose_lanes<T, ((lane & 1) * length + first + lane / 2)...>(a, b);
}

// Sorts rows * lanes elements in registers. They are numbered along the lanes: number lane * rows + row.
template <class T, int rows>
class Block {
 public:
  static constexpr int lanes = static_cast<int>(vector_length<T>);
  static constexpr int64_t size = rows * lanes;

  Vector<T> row[rows];

  void sort() {
    sort_columns<0, rows>();
    merge_columns<2>();
  }

  // Sorts elements that first rise and then fall.
  void merge() {
    order_lanes<lanes / 2>();
    order_rows<rows / 2>();
  }

  void load_from(const T* from) {
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) row[i] = load(from + i * lanes);
  }
  void store_to(T* to) const {
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) store(to + i * lanes, row[i]);
  }
  // There are `count` elements; the others are larger than all.
  void load_first(const T* from, int64_t count) {
    if (count >= size) return load_from(from);
    const Vector<T> last = broadcast(LaneKeys<T, false>::highest);
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) row[i] = W::load_masked(from + i * lanes, first_lanes<T>(count - i * lanes), last);
  }
  void store_first(T* to, int64_t count) const {
    if (count >= size) return store_to(to);
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) W::store_masked(to + i * lanes, first_lanes<T>(count - i * lanes), row[i]);
  }

  // Rotates the bits of the numbers of elements until these are numbered along the rows, as in memory.
  template <int times = 1>
  void number_by_rows() {
    if constexpr (times < rows) {
      Vector<T> zipped[rows];
#pragma GCC unroll 16
      for (int i = 0; i < rows / 2; ++i) {
        zipped[2 * i] = zip_lanes<T, 0>(row[i], row[i + rows / 2], Lanes<T>());
        zipped[2 * i + 1] = zip_lanes<T, lanes / 2>(row[i], row[i + rows / 2], Lanes<T>());
      }
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) row[i] = zipped[i];
      number_by_rows<2 * times>();
    }
  }

 private:
  using W = Wide<T>;

  void order(int low, int high) {
    const Vector<T> least = W::min(row[low], row[high]);
    row[high] = W::other(row[low], row[high], least);
    row[low] = least;
  }

  template <int first, int count>
  void sort_columns() {
    if constexpr (count > 1) {
      sort_columns<first, count / 2>();
      sort_columns<first + count / 2, count / 2>();
      merge_odd_and_even<first, count, 1>();
    }
  }
  template <int first, int count, int step>
  void merge_odd_and_even() {
    if constexpr (2 * step < count) {
      merge_odd_and_even<first, count, 2 * step>();
      merge_odd_and_even<first + step, count, 2 * step>();
#pragma GCC unroll 16
      for (int i = step; i + step < count; i += 2 * step) order(first + i, first + i + step);
    } else {
      order(first, first + step);
    }
  }

  // Merges sorted runs of width / 2 columns. The second run is taken backwards, so that what is left to do are two runs
  // that rise and fall, one with all smaller elements.
  template <int width>
  void merge_columns() {
    if constexpr (width <= lanes) {
#pragma GCC unroll 16
      for (int i = 0; i < rows / 2; ++i) {
        const Vector<T> a = row[i];
        const Vector<T> b = row[rows - 1 - i];
        const Vector<T> opposite_of_a = flip_lanes<T, width - 1>(b, Lanes<T>());
        const Vector<T> opposite_of_b = flip_lanes<T, width - 1>(a, Lanes<T>());
        row[i] = W::min_or_max(a, opposite_of_a, lanes_with<T>(width / 2));
        row[rows - 1 - i] = W::min_or_max(b, opposite_of_b, lanes_with<T>(width / 2));
      }
      order_lanes<width / 4>();
      order_rows<rows / 2>();
      merge_columns<2 * width>();
    }
  }
  template <int step>
  void order_lanes() {
    if constexpr (step > 0) {
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        row[i] = W::min_or_max(row[i], flip_lanes<T, step>(row[i], Lanes<T>()), lanes_with<T>(step));
      }
      order_lanes<step / 2>();
    }
  }
  template <int step>
  void order_rows() {
    if constexpr (step > 0) {
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        if ((i & step) == 0) order(i, i + step);
      }
      order_rows<step / 2>();
    }
  }
};

template <class T, int rows>
void sort_block(T* keys, int64_t count) {
  Block<T, rows> block;
  block.load_first(keys, count);
  block.sort();
  block.number_by_rows();
  block.store_first(keys, count);
}

// Sorts some blocks and merges them pairwise, in the room, where the elements of a block remain numbered along the
// lanes. Blocks beyond the end are larger than all others and stay where they are, as in kernels/sort.cpp.
template <class T, int rows>
class BlockMerge {
 public:
  BlockMerge(T* keys, T* room, int64_t count)
      : keys_(keys), room_(room), count_(count), blocks_((count + size - 1) / size) {}

  void sort_all() const {
    int64_t all = 2;
    while (all < blocks_) all *= 2;
    sort_halves(0, all);
    merge(0, all / 2, true);
    merge(all / 2, all / 2, true);
  }

 private:
  using W = Wide<T>;
  using B = Block<T, rows>;
  static constexpr int64_t lanes = vector_length<T>;
  static constexpr int64_t size = B::size;

  T* at(int64_t block) const { return room_ + block * size; }

  void sort(int64_t first, int64_t blocks) const {
    if (first >= blocks_) return;
    if (blocks == 1) {
      B block;
      block.load_first(keys_ + first * size, count_ - first * size);
      block.sort();
      block.store_to(at(first));
      return;
    }
    sort_halves(first, blocks);
    merge(first, blocks / 2, false);
    merge(first + blocks / 2, blocks / 2, false);
  }

  // Afterwards, no element of the first half is larger than one of the second, and both rise and fall.
  void sort_halves(int64_t first, int64_t blocks) const {
    sort(first, blocks / 2);
    sort(first + blocks / 2, blocks / 2);
    for (int64_t i = 0; i < blocks / 2; ++i) {
      if (first + blocks - 1 - i < blocks_) order_opposite(at(first + i), at(first + blocks - 1 - i));
    }
  }

  static void order_opposite(T* low, T* high) {
#pragma GCC unroll 4
    for (int i = 0; i < rows; ++i) {
      const Vector<T> a = load(low + i * lanes);
      const Vector<T> b = flip_lanes<T, lanes - 1>(load(high + (rows - 1 - i) * lanes), Lanes<T>());
      const Vector<T> least = W::min(a, b);
      store(low + i * lanes, least);
      store(high + (rows - 1 - i) * lanes, flip_lanes<T, lanes - 1>(W::other(a, b, least), Lanes<T>()));
    }
  }
  static void order(T* low, T* high) {
#pragma GCC unroll 4
    for (int i = 0; i < rows; ++i) {
      const Vector<T> a = load(low + i * lanes);
      const Vector<T> b = load(high + i * lanes);
      const Vector<T> least = W::min(a, b);
      store(low + i * lanes, least);
      store(high + i * lanes, W::other(a, b, least));
    }
  }

  // The last merge writes the result.
  void merge(int64_t first, int64_t blocks, bool is_last) const {
    if (first >= blocks_) return;
    if (blocks == 1) {
      B block;
      block.load_from(at(first));
      block.merge();
      if (!is_last) return block.store_to(at(first));
      block.number_by_rows();
      block.store_first(keys_ + first * size, count_ - first * size);
      return;
    }
    const int64_t half = blocks / 2;
    for (int64_t i = first; i < first + half && i + half < blocks_; ++i) order(at(i), at(i + half));
    merge(first, half, is_last);
    merge(first + half, half, is_last);
  }

  T* keys_;
  T* room_;
  int64_t count_;
  int64_t blocks_;
};

template <class T>
class LineOrder {
 public:
  LineOrder(T* room, SortKeys otherwise) : room_(room), otherwise_(otherwise) {}

  // `depth` bounds how often parts are divided, so that no line takes quadratic time.
  void sort(T* keys, int64_t count, int depth) const {
    while (count > most_merged) {
      if (depth-- == 0) {
        otherwise_(keys, room_, count);
        return;
      }
      const T pivot = count < 2048 ? middle_of_samples<4>(keys, count) : middle_of_samples<8>(keys, count);
      int64_t low = divide<false>(keys, count, pivot);
      if (low > 0) {
        sort(keys, low, depth);
      } else if (pivot != highest) {
        low = divide<true>(keys, count, pivot);  // the first part has only elements that are equal
      }
      if (pivot == highest) return;  // the second part has only elements that are equal
      keys += low;
      count -= low;
    }
    if (count <= Block<T, 16>::size) return sort_in_registers(keys, count);
    if (count <= 3 * Block<T, 8>::size) return BlockMerge<T, 8>(keys, room_, count).sort_all();
    BlockMerge<T, 16>(keys, room_, count).sort_all();
  }

 private:
  using W = Wide<T>;
  static constexpr int64_t lanes = vector_length<T>;
  static constexpr int64_t most_merged = 4 * Block<T, 16>::size;
  static constexpr T highest = LaneKeys<T, false>::highest;

  static void sort_in_registers(T* keys, int64_t count) {
    if (count <= 1) return;
    if (count <= 2 * lanes) return sort_block<T, 2>(keys, count);
    if (count <= 4 * lanes) return sort_block<T, 4>(keys, count);
    if (count <= 8 * lanes) return sort_block<T, 8>(keys, count);
    sort_block<T, 16>(keys, count);
  }

  // From vectors in equal distances.
  template <int rows>
  static T middle_of_samples(const T* keys, int64_t count) {
    Block<T, rows> samples;
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) samples.row[i] = load(keys + (2 * i + 1) * (count - lanes) / (2 * rows));
    samples.sort();
    return samples.row[0][lanes / 2];
  }

  // Moves elements that are less than the pivot (or equal to it, as well) before the others, and returns how many there
  // are. They are written over elements that have been read; the others pass through the room.
  template <bool with_equal>
  int64_t divide(T* keys, int64_t count, T pivot) const {
    constexpr int64_t unrolled = 4;
    const Vector<T> pivots = broadcast(pivot);
    const auto is_low = [&](Vector<T> v) {
      return with_equal ? static_cast<typename W::Mask>(~W::less(pivots, v)) : W::less(v, pivots);
    };
    T* low = keys;
    T* high = room_;
    const auto put = [&](Vector<T> v) {
      const auto mask = is_low(v);
      store(low, W::compress(v, mask));
      store(high, W::compress(v, static_cast<typename W::Mask>(~mask)));
      const int count_of_low = __builtin_popcount(mask);
      low += count_of_low;
      high += lanes - count_of_low;
    };
    int64_t i = 0;
    for (; i + unrolled * lanes <= count; i += unrolled * lanes) {
      Vector<T> v[unrolled];
#pragma GCC unroll 4
      for (int64_t j = 0; j < unrolled; ++j) v[j] = load(keys + i + j * lanes);
#pragma GCC unroll 4
      for (int64_t j = 0; j < unrolled; ++j) put(v[j]);
    }
    for (; i + lanes <= count; i += lanes) put(load(keys + i));
    if (i < count) {  // what follows the line must not change
      const auto present = first_lanes<T>(count - i);
      const Vector<T> v = W::load_masked(keys + i, present, pivots);
      const auto lows = static_cast<typename W::Mask>(is_low(v) & present);
      const auto highs = static_cast<typename W::Mask>(~lows & present);
      W::store_masked(low, first_lanes<T>(__builtin_popcount(lows)), W::compress(v, lows));
      store(high, W::compress(v, highs));
      low += __builtin_popcount(lows);
      high += __builtin_popcount(highs);
    }
    copy_back(low, high - room_);
    return low - keys;
  }

  void copy_back(T* to, int64_t count) const {
    int64_t i = 0;
    for (; i + lanes <= count; i += lanes) store(to + i, load(room_ + i));
    W::store_masked(to + i, first_lanes<T>(count - i), load(room_ + i));
  }

  T* room_;
  SortKeys otherwise_;
};

template <class T, bool floating>
bool sort_line(const void* from, int64_t length, bool opposite, void* to, void* room, SortKeys otherwise) {
  using Keys = LaneKeys<T, floating>;
  constexpr int64_t lanes = vector_length<T>;
  const T flips = opposite ? T{-1} : T{0};
  const auto* source = static_cast<const T*>(from);
  auto* target = static_cast<T*>(to);
  const int64_t whole = length / lanes * lanes;
  const auto rest = first_lanes<T>(length - whole);
  const Vector<T> ones = broadcast(T{1});  // has a key of its own
  Vector<T> shared = {};
  for (int64_t i = 0; i < whole; i += lanes) store(target + i, Keys::of(load(source + i), flips, shared));
  Wide<T>::store_masked(target + whole, rest,
                        Keys::of(Wide<T>::load_masked(source + whole, rest, ones), flips, shared));
  const int most_divisions = 2 * (64 - __builtin_clzll(static_cast<unsigned long long>(length)));
  LineOrder<T>(static_cast<T*>(room), otherwise).sort(target, length, most_divisions);
  if (floating || opposite) {
    for (int64_t i = 0; i < whole; i += lanes) store(target + i, Keys::bits_of(load(target + i), flips));
    Wide<T>::store_masked(target + whole, rest, Keys::bits_of(Wide<T>::load_masked(target + whole, rest, ones), flips));
  }
  const Vector<T> none = {};
  return Wide<T>::less(shared, none) != 0;
}

}  // namespace

void fill_sort_line(KernelSet& set) {
  set.sort.line_of_floats = sort_line<int32_t, true>;
  set.sort.line_of_doubles = sort_line<int64_t, true>;
  set.sort.line_of_words = sort_line<int32_t, false>;
  set.sort.line_of_longs = sort_line<int64_t, false>;
}

#else

void fill_sort_line(KernelSet& set) {
  set.sort.line_of_floats = nullptr;
  set.sort.line_of_doubles = nullptr;
  set.sort.line_of_words = nullptr;
  set.sort.line_of_longs = nullptr;
}

#endif

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
