// Sorts many columns side by side, one per lane, by a network of comparisons (Batcher, 1968): what is compared does not
// depend on the values, so that every comparison serves all lanes. Short blocks are sorted in registers, and blocks are
// merged pairwise, smaller ones first, so that they stay in the L1 cache.
#include "backends/cpu/index/kernels/lane_keys.h"
#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/shuffle.h"
#include "backends/cpu/kernels/vector_math.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

// A row of keys.
template <class T>
struct KeyRow {
  using Element = T;
  static constexpr int64_t size = vector_length<T>;
  // As many rows as the registers hold, with room for comparisons.
  static constexpr int64_t in_registers = vector_bytes == 64 ? 16 : 8;

  Vector<T> key;

  static KeyRow load_from(const T* from) { return {load(from)}; }
  void store_to(T* to) const { store(to, key); }
  static KeyRow last() { return {broadcast(static_cast<T>(~(T{1} << (8 * sizeof(T) - 1))))}; }
  static void order(KeyRow& a, KeyRow& b) {
    const Vector<T> low = a.key < b.key ? a.key : b.key;
    b.key = a.key < b.key ? b.key : a.key;
    a.key = low;
  }
};

// A row of keys, followed by one of positions, which decide where keys are equal.
struct PairRow {
  using Element = int64_t;
  static constexpr int64_t size = 2 * vector_length<int64_t>;
  static constexpr int64_t in_registers = 8;

  Vector<int64_t> key;
  Vector<int64_t> position;

  static PairRow load_from(const int64_t* from) { return {load(from), load(from + size / 2)}; }
  void store_to(int64_t* to) const {
    store(to, key);
    store(to + size / 2, position);
  }
  static PairRow last() { return {KeyRow<int64_t>::last().key, KeyRow<int64_t>::last().key}; }
  static void order(PairRow& a, PairRow& b) {
    const auto swaps = (a.key > b.key) | ((a.key == b.key) & (a.position > b.position));
    const PairRow low = {swaps ? b.key : a.key, swaps ? b.position : a.position};
    b = {swaps ? a.key : b.key, swaps ? a.position : b.position};
    a = low;
  }
};

// `count` rows. Blocks have a power of two as their size; rows beyond the end are larger than all others and stay
// where they are, because the larger one always goes to the end.
template <class Row>
class Network {
 public:
  using Element = typename Row::Element;

  Network(Element* rows, int64_t count) : rows_(rows), count_(count) {}

  void sort_all() const {
    int64_t size = base;
    while (size < count_) size *= 2;
    sort(0, size);
  }

 private:
  static constexpr int64_t base = Row::in_registers;

  Element* at(int64_t row) const { return rows_ + row * Row::size; }

  void order(int64_t low, int64_t high) const {
    Row a = Row::load_from(at(low));
    Row b = Row::load_from(at(high));
    Row::order(a, b);
    a.store_to(at(low));
    b.store_to(at(high));
  }

  template <class Step>
  void in_registers(int64_t first, const Step& step) const {
    const int64_t present = count_ - first < base ? count_ - first : base;
    Row rows[base];
    if (present == base) {
#pragma GCC unroll 16
      for (int64_t i = 0; i < base; ++i) rows[i] = Row::load_from(at(first + i));
    } else {
      for (int64_t i = 0; i < base; ++i) rows[i] = i < present ? Row::load_from(at(first + i)) : Row::last();
    }
    step(rows);
    if (present == base) {
#pragma GCC unroll 16
      for (int64_t i = 0; i < base; ++i) rows[i].store_to(at(first + i));
    } else {
      for (int64_t i = 0; i < present; ++i) rows[i].store_to(at(first + i));
    }
  }

  static void sort_base(Row* r) {
    sort_eight(r);
    if constexpr (base == 16) {
      sort_eight(r + 8);
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i) Row::order(r[i], r[15 - i]);
      merge_eight(r);
      merge_eight(r + 8);
    }
  }

  // 19 comparisons, the fewest for 8 rows.
  static void sort_eight(Row* r) {
    constexpr int pairs[19][2] = {{0, 2}, {1, 3}, {4, 6}, {5, 7}, {0, 4}, {1, 5}, {2, 6}, {3, 7}, {0, 1}, {2, 3},
                                  {4, 5}, {6, 7}, {2, 4}, {3, 5}, {1, 4}, {3, 6}, {1, 2}, {3, 4}, {5, 6}};
#pragma GCC unroll 19
    for (int i = 0; i < 19; ++i) Row::order(r[pairs[i][0]], r[pairs[i][1]]);
  }

  static void merge_base(Row* r) {
    if constexpr (base == 16) {
#pragma GCC unroll 8
      for (int i = 0; i < 8; ++i) Row::order(r[i], r[i + 8]);
      merge_eight(r + 8);
    }
    merge_eight(r);
  }

  // Sorts 8 rows that first rise and then fall, or the other way round.
  static void merge_eight(Row* r) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) Row::order(r[i], r[i + 4]);
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 4) {
      Row::order(r[i], r[i + 2]);
      Row::order(r[i + 1], r[i + 3]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) Row::order(r[i], r[i + 1]);
  }

  void sort(int64_t first, int64_t size) const {
    if (first >= count_) return;
    if (size == base) {
      in_registers(first, sort_base);
      return;
    }
    sort(first, size / 2);
    sort(first + size / 2, size / 2);
    // The first half with the second one backwards: afterwards no row of the first half is larger than one of the
    // second half, and both halves rise and fall.
    const int64_t last = first + size - 1;
    const int64_t absent = last < count_ ? 0 : last - count_ + 1;
    for (int64_t i = absent; i < size / 2; ++i) order(first + i, last - i);
    merge(first, size / 2);
    merge(first + size / 2, size / 2);
  }

  void merge(int64_t first, int64_t size) const {
    if (first >= count_) return;
    if (size == base) {
      in_registers(first, merge_base);
      return;
    }
    if (size >= 4 * base) {
      merge_by_quarters(first, size / 4);
      return;
    }
    const int64_t half = size / 2;
    for (int64_t i = first; i < first + half && i + half < count_; ++i) order(i, i + half);
    merge(first, half);
    merge(first + half, half);
  }

  // Two steps at a time, which read and write each row once.
  void merge_by_quarters(int64_t first, int64_t quarter) const {
    const int64_t all_present = count_ - first - 3 * quarter;
    const int64_t together = all_present < 0 ? 0 : all_present < quarter ? all_present : quarter;
    for (int64_t i = first; i < first + together; ++i) {
      Row rows[4];
#pragma GCC unroll 4
      for (int64_t j = 0; j < 4; ++j) rows[j] = Row::load_from(at(i + j * quarter));
      Row::order(rows[0], rows[2]);
      Row::order(rows[1], rows[3]);
      Row::order(rows[0], rows[1]);
      Row::order(rows[2], rows[3]);
#pragma GCC unroll 4
      for (int64_t j = 0; j < 4; ++j) rows[j].store_to(at(i + j * quarter));
    }
    for (int64_t i = first + together; i < first + quarter; ++i) {
      if (i + 2 * quarter < count_) order(i, i + 2 * quarter);
      if (i + 3 * quarter < count_) order(i + quarter, i + 3 * quarter);
      if (i + quarter < count_) order(i, i + quarter);
      if (i + 3 * quarter < count_) order(i + 2 * quarter, i + 3 * quarter);
    }
    for (int64_t j = 0; j < 4; ++j) merge(first + j * quarter, quarter);
  }

  Element* rows_;
  int64_t count_;
};

template <class Row>
void sort_rows(void* rows, int64_t count) {
  Network<Row>(static_cast<typename Row::Element*>(rows), count).sort_all();
}

// --- keys ---------------------------------------------------------------------------------------------------------

// The elements that a row of a square has.
template <class T>
Vector<T> load_elements(const T* from, int64_t count) {
  if (count >= vector_length<T>) return load(from);
  Vector<T> vector = {};
  __builtin_memcpy(&vector, from, static_cast<size_t>(count) * sizeof(T));
  return vector;
}

template <class T, bool floating>
bool load_keys(const void* const* lines, int64_t count, int64_t length, bool opposite, void* to) {
  constexpr int64_t side = vector_length<T>;
  const T flips = opposite ? T{-1} : T{0};
  auto* rows = static_cast<T*>(to);
  Vector<T> shared = {};
  for (int64_t first = 0; first < length; first += side) {
    const int64_t present = length - first < side ? length - first : side;
    Vector<T> square[side];
    for (int64_t lane = 0; lane < side; ++lane) {
      // Lanes without a line repeat the last one.
      const auto* line = static_cast<const T*>(lines[lane < count ? lane : count - 1]);
      square[lane] = load_elements(line + first, present);
    }
    transpose_square<T>(square);
    for (int64_t i = 0; i < present; ++i) {
      store(rows + (first + i) * side, LaneKeys<T, floating>::of(square[i], flips, shared));
    }
  }
  T any = 0;
  for (int64_t lane = 0; lane < side; ++lane) any |= shared[lane];
  return any != 0;
}

template <class T, bool floating>
void store_keys(const void* from, int64_t count, int64_t length, bool opposite, void* const* lines) {
  constexpr int64_t side = vector_length<T>;
  const T flips = opposite ? T{-1} : T{0};
  const auto* rows = static_cast<const T*>(from);
  for (int64_t first = 0; first < length; first += side) {
    const int64_t present = length - first < side ? length - first : side;
    Vector<T> square[side] = {};
    for (int64_t i = 0; i < present; ++i) {
      square[i] = LaneKeys<T, floating>::bits_of(load(rows + (first + i) * side), flips);
    }
    transpose_square<T>(square);
    for (int64_t lane = 0; lane < count; ++lane) {
      __builtin_memcpy(static_cast<T*>(lines[lane]) + first, &square[lane], static_cast<size_t>(present) * sizeof(T));
    }
  }
}

}  // namespace

void fill_sort(KernelSet& set) {
  set.sort.lanes_of_words = vector_length<int32_t>;
  set.sort.lanes_of_longs = vector_length<int64_t>;
  set.sort.words = sort_rows<KeyRow<int32_t>>;
  set.sort.longs = sort_rows<KeyRow<int64_t>>;
  set.sort.pairs = sort_rows<PairRow>;
  set.sort.of_floats = {load_keys<int32_t, true>, store_keys<int32_t, true>};
  set.sort.of_doubles = {load_keys<int64_t, true>, store_keys<int64_t, true>};
  set.sort.of_words = {load_keys<int32_t, false>, store_keys<int32_t, false>};
  set.sort.of_longs = {load_keys<int64_t, false>, store_keys<int64_t, false>};
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
