// Counts of integers and of numbers in intervals, in one pass.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "op/attrs/histogram.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

constexpr int64_t elements_per_piece = runtime::worth_a_thread(runtime::cost::element_in_passes);
constexpr int64_t most_pieces = 64;
// Equal elements often follow each other, and a counter waits for its last increment: neighbours count in tables of
// their own while these are small.
constexpr int64_t most_tables = 4;
constexpr int64_t longest_of_many_tables = 1024;
constexpr int64_t longest_of_many_pieces = 65536;

// The tables in which pieces of the elements are counted.
struct Tables {
  Tables(int64_t elements, int64_t counters)
      : total(elements),
        size(counters),
        tables(counters <= longest_of_many_tables ? most_tables : 1),
        pieces(counters <= longest_of_many_pieces ? std::clamp<int64_t>(elements / elements_per_piece, 1, most_pieces)
                                                  : 1) {}

  size_t bytes() const { return static_cast<size_t>(pieces * tables * size) * sizeof(int64_t); }

  /// Counts the places of the elements in the tables of their pieces. Each piece uses a copy of `place`, which is told
  /// when it ends.
  template <class Place>
  void count(int64_t* memory, const Place& place) const {
    const int64_t length = (total + pieces - 1) / pieces;
    runtime::parallel_for(pieces, 1, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) {
        int64_t* mine = memory + piece * tables * size;
        std::fill_n(mine, tables * size, 0);
        count_piece(mine, std::min(piece * length, total), std::min((piece + 1) * length, total), piece, place);
      }
    });
  }

  /// Adds up a counter over all tables.
  int64_t sum(const int64_t* memory, int64_t counter) const {
    int64_t result = 0;
    for (int64_t i = 0; i < pieces * tables; ++i) result += memory[i * size + counter];
    return result;
  }

  int64_t total;
  int64_t size;
  int64_t tables;
  int64_t pieces;

 private:
  template <class Place>
  void count_piece(int64_t* mine, int64_t begin, int64_t end, int64_t piece, const Place& given) const {
    Place place = given;  // in registers, as nothing else can see it
    const int64_t apart = tables > 1 ? size : 0;
    int64_t i = begin;
    for (; i + 4 <= end; i += 4) {
      const int64_t places[4] = {place(i), place(i + 1), place(i + 2), place(i + 3)};
      for (int64_t k = 0; k < 4; ++k) ++mine[k * apart + places[k]];
    }
    for (; i < end; ++i) ++mine[place(i)];
    place.finish(piece);
  }
};

// --- integers ------------------------------------------------------------------------------------------------------

// What is outside is counted behind all others.
struct PlaceOfInteger {
  const int64_t* x;
  int64_t size;
  int64_t* ends;  // of all pieces
  int64_t least = INT64_MAX;
  int64_t most = INT64_MIN;

  int64_t operator()(int64_t i) {
    const int64_t value = x[i];
    least = std::min(least, value);
    most = std::max(most, value);
    return static_cast<uint64_t>(value) < static_cast<uint64_t>(size) ? value : size;
  }
  void finish(int64_t piece) const {
    ends[2 * piece] = least;
    ends[2 * piece + 1] = most;
  }
};

class CountIntegersKernel final : public Kernel {
 public:
  CountIntegersKernel(int64_t total, int64_t size) : size_(size), tables_(total, size + 1) {
    scratchpad_bytes = tables_.bytes() + static_cast<size_t>(2 * tables_.pieces) * sizeof(int64_t);
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    auto* counts = static_cast<int64_t*>(outputs[0]);
    auto* ends = static_cast<int64_t*>(outputs[1]);
    auto* of_pieces = static_cast<int64_t*>(context.scratchpad);
    int64_t* memory = of_pieces + 2 * tables_.pieces;
    tables_.count(memory, PlaceOfInteger{static_cast<const int64_t*>(inputs[0]), size_, of_pieces});
    for (int64_t i = 0; i < size_; ++i) counts[i] = tables_.sum(memory, i);
    ends[0] = of_pieces[0];
    ends[1] = of_pieces[1];
    for (int64_t piece = 1; piece < tables_.pieces; ++piece) {
      ends[0] = std::min(ends[0], of_pieces[2 * piece]);
      ends[1] = std::max(ends[1], of_pieces[2 * piece + 1]);
    }
  }

 private:
  int64_t size_;
  Tables tables_;
};

std::unique_ptr<Kernel> prepare_count_integers(const KernelCall& call) {
  const BufferSpec& x = call.inputs[0];
  if (!is_contiguous(x.shape, x.strides) || element_count(x.shape) == 0) return nullptr;
  return std::make_unique<CountIntegersKernel>(element_count(x.shape), call.outputs[0].shape[0]);
}

// --- bins ----------------------------------------------------------------------------------------------------------

// Numbers are compared by their bits, because denormal ones may compare equal to zero.
template <class T>
using Key = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;

template <class T>
Key<T> key_of(T value) {
  const auto bits = std::bit_cast<Key<T>>(value);
  constexpr int sign = 8 * sizeof(T) - 1;
  return bits ^ static_cast<Key<T>>(static_cast<std::make_unsigned_t<Key<T>>>(bits >> sign) >> 1);
}

// The edges of bins. An edge of 0 has the key of -0, the least of both.
template <class T>
struct Edges {
  const Key<T>* keys;
  int64_t count;
  Key<T> last;  // the greatest key of the last edge
  // Edges at nearly the same distances: of place t as (x - low) * scale says it, no edge below floor(t) is greater than
  // x, and all those above floor(t) + 1 are. The scale is 0 if the distances differ.
  double low = 0;
  double scale = 0;

  Edges(const T* edges, int64_t size, Key<T>* memory) : keys(memory), count(size), last(key_of(edges[size - 1])) {
    for (int64_t i = 0; i < size; ++i) memory[i] = key_of(edges[i] == 0 && key_of(edges[i]) == 0 ? T(-0.0) : edges[i]);
    if (last == -1) last = 0;
    const auto first = static_cast<double>(edges[0]);
    const double density = static_cast<double>(size - 1) / (static_cast<double>(edges[size - 1]) - first);
    if (!(density > 0) || std::isinf(density)) return;
    for (int64_t i = 0; i < size; ++i) {
      const double distance = (static_cast<double>(edges[i]) - first) * density - static_cast<double>(i);
      if (!(std::abs(distance) < 0.5)) return;
    }
    low = first;
    scale = density;
  }
};

// How many edges are not greater than an element; the last bin includes its end.
template <class T, bool even>
struct PlaceInBins {
  const T* x;
  Edges<T> edges;

  int64_t operator()(int64_t i) const {
    const Key<T> key = x[i] == x[i] ? key_of(x[i]) : std::numeric_limits<Key<T>>::max();
    const int64_t reached = even ? by_distance(x[i], key) : by_halving(key);
    return reached - (reached == edges.count && key <= edges.last ? 1 : 0);
  }
  void finish(int64_t) const {}

 private:
  int64_t by_distance(T value, Key<T> key) const {
    const double place = (static_cast<double>(value) - edges.low) * edges.scale;
    const auto highest = static_cast<double>(edges.count - 2);
    // Comparisons that are false for what is not a number, which belongs behind the last edge.
    const auto first = static_cast<int64_t>(place < highest ? (place > 0 ? place : 0.0) : highest);
    return first + (edges.keys[first] <= key ? 1 : 0) + (edges.keys[first + 1] <= key ? 1 : 0);
  }

  int64_t by_halving(Key<T> key) const {
    const Key<T>* first = edges.keys;
    int64_t count = edges.count;
    while (count > 1) {
      const int64_t half = count / 2;
      first += first[half - 1] <= key ? half : 0;
      count -= half;
    }
    return first - edges.keys + (*first <= key ? 1 : 0);
  }
};

template <class T>
class CountInBinsKernel final : public Kernel {
 public:
  CountInBinsKernel(int64_t total, int64_t edges) : edges_(edges), tables_(total, edges + 1) {
    scratchpad_bytes = tables_.bytes() + static_cast<size_t>(edges) * sizeof(T);
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    auto* counts = static_cast<int64_t*>(outputs[0]);
    const auto* x = static_cast<const T*>(inputs[0]);
    auto* memory = static_cast<int64_t*>(context.scratchpad);
    auto* keys = reinterpret_cast<Key<T>*>(memory + tables_.pieces * tables_.tables * tables_.size);
    const Edges<T> edges(static_cast<const T*>(inputs[1]), edges_, keys);
    if (edges.scale > 0) {
      tables_.count(memory, PlaceInBins<T, true>{x, edges});
    } else {
      tables_.count(memory, PlaceInBins<T, false>{x, edges});
    }
    for (int64_t i = 0; i + 1 < edges_; ++i) counts[i] = tables_.sum(memory, i + 1);
  }

 private:
  int64_t edges_;
  Tables tables_;
};

std::unique_ptr<Kernel> prepare_count_in_bins(const KernelCall& call) {
  for (const BufferSpec& input : call.inputs) {
    if (!is_contiguous(input.shape, input.strides)) return nullptr;
  }
  const int64_t total = element_count(call.inputs[0].shape);
  const int64_t edges = call.inputs[1].shape[0];
  if (total == 0) return nullptr;
  if (call.inputs[1].dtype == DType::float32) return std::make_unique<CountInBinsKernel<float>>(total, edges);
  if (call.inputs[1].dtype == DType::float64) return std::make_unique<CountInBinsKernel<double>>(total, edges);
  return nullptr;
}

}  // namespace

void register_histogram(KernelTable& table) {
  table.add(OpId::count_integers, Provider::cpu, adapted<prepare_count_integers>);
  table.add(OpId::count_in_bins, Provider::cpu, adapted<prepare_count_in_bins>);
}

}  // namespace pydl::cpu
