// Ordering of elements along an axis: many short lines side by side by a sorting network, long ones by a radix sort of
// keys with their positions; or, to find few of many elements, a scan that keeps the best ones.
#include "op/attrs/sort.h"

#include <algorithm>
#include <array>

#include "backends/cpu/families.h"
#include "backends/cpu/kernel_set.h"
#include "op/sort_key.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

// Waking a thread pays off for lines with this many elements in total.
constexpr int64_t elements_per_thread = runtime::worth_a_thread(runtime::cost::element_sorted);
// Scratch memory for this many lines at a time keeps many threads busy.
constexpr int64_t most_parts = 64;
// Shorter lines are sorted by comparisons.
constexpr int64_t shortest_radix = 96;
// Longer lines are sorted one by one.
constexpr int64_t longest_in_lanes = 4096;
// Up to this many of the best elements are kept by insertion, out of at least eight times as many.
constexpr int64_t most_kept = 32;

template <class Key>
struct Entry {
  Key key;
  uint32_t position;

  friend bool operator<(const Entry& a, const Entry& b) {
    return a.key < b.key || (a.key == b.key && a.position < b.position);
  }
};

// Sorts by the bytes of the keys, from the lowest. Equal keys keep their order. Returns the buffer that contains the
// result.
template <class Key>
Entry<Key>* radix_sort(Entry<Key>* from, Entry<Key>* to, int64_t count) {
  constexpr size_t bytes = sizeof(Key);
  std::array<std::array<uint32_t, 256>, bytes> counts = {};
  for (int64_t i = 0; i < count; ++i) {
    for (size_t byte = 0; byte < bytes; ++byte) ++counts[byte][from[i].key >> (8 * byte) & 255];
  }
  for (size_t byte = 0; byte < bytes; ++byte) {
    auto& starts = counts[byte];
    const auto shared = static_cast<size_t>(from[0].key >> (8 * byte) & 255);
    if (starts[shared] == static_cast<uint32_t>(count)) continue;  // all keys have the same byte
    uint32_t start = 0;
    for (uint32_t& bucket : starts) start += std::exchange(bucket, start);
    for (int64_t i = 0; i < count; ++i) to[starts[from[i].key >> (8 * byte) & 255]++] = from[i];
    std::swap(from, to);
  }
  return from;
}

// The lines of a call: one per element of the other axes.
struct Lines {
  int64_t count = 1;
  int64_t inner = 1;   // of the results: distance between the elements of a line
  int64_t length = 0;  // of a line of x
  int64_t kept = 0;    // of a line of the results
  int64_t stride = 0;  // of a line of x
  Dims shape;          // of the other axes
  Dims strides;

  Lines(const BufferSpec& x, const BufferSpec& result, int axis)
      : length(x.shape[axis]), kept(result.shape[axis]), stride(x.strides[axis]), shape(x.shape), strides(x.strides) {
    for (int i = axis + 1; i < x.shape.rank(); ++i) inner *= x.shape[i];
    shape.erase(axis);
    strides.erase(axis);
    count = element_count(shape);
  }

  // The offset of a line in x, and in the results.
  int64_t source(int64_t line) const {
    int64_t offset = 0;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      offset += line % shape[axis] * strides[axis];
      line /= shape[axis];
    }
    return offset;
  }
  int64_t target(int64_t line) const { return line / inner * inner * kept + line % inner; }
};

// Lines side by side, one per lane: rows of keys joined with positions where both fit into one integer, else a row of
// keys and one of positions for each element.
template <class Key>
class LaneRows {
 public:
  using Element = std::conditional_t<sizeof(Key) <= 2, int32_t, int64_t>;
  static constexpr bool has_pairs = sizeof(Key) == 8;
  static constexpr int64_t most_lanes = 16;

  // Positions must fit into the bits that keys leave.
  static bool takes(int64_t length) { return sizeof(Element) == 8 || length <= 1 << 16; }
  static int64_t lanes() {
    return sizeof(Element) == 4 ? kernels().sort.lanes_of_words : kernels().sort.lanes_of_longs;
  }
  static size_t bytes(int64_t length) {
    return static_cast<size_t>(length * lanes() * (has_pairs ? 2 : 1)) * sizeof(Element);
  }

  explicit LaneRows(void* memory) : rows_(static_cast<Element*>(memory)), row_(lanes() * (has_pairs ? 2 : 1)) {}

  void put(int64_t i, int64_t lane, Key key) const {
    // The order of the kernels is that of signed integers.
    Element& to = rows_[i * row_ + lane];
    if constexpr (has_pairs) {
      to = static_cast<Element>(key ^ Key{1} << 63);
      (&to)[row_ / 2] = i;
    } else {
      using Joined = std::make_unsigned_t<Element>;
      const auto joined = static_cast<Joined>(static_cast<Joined>(key) << position_bits | static_cast<Joined>(i));
      to = static_cast<Element>(joined ^ Joined{1} << (2 * position_bits - 1));
    }
  }
  int64_t position(int64_t i, int64_t lane) const {
    const Element* from = rows_ + i * row_ + lane;
    if constexpr (has_pairs) return from[row_ / 2];
    return *from & ((Element{1} << position_bits) - 1);
  }
  void sort(int64_t count) const {
    const SortKernels& sort = kernels().sort;
    (has_pairs ? sort.pairs : sizeof(Element) == 4 ? sort.words : sort.longs)(rows_, count);
  }

 private:
  static constexpr int position_bits = 4 * sizeof(Element);

  Element* rows_;
  int64_t row_;  // elements per row, positions included
};

template <class T>
class SortKernel final : public Kernel {
 public:
  using Key = op::SortKey<T>;

  SortKernel(OpId op, const Lines& lines, bool descending)
      : lines_(lines),
        has_values_(op != OpId::argsort),
        descending_(descending),
        method_(choose(lines)),
        lines_at_once_(method_ == Method::lanes ? LaneRows<Key>::lanes() : 1),
        parts_(std::min((lines.count + lines_at_once_ - 1) / lines_at_once_, most_parts)),
        part_bytes_(bytes_of_part()) {
    scratchpad_bytes = static_cast<size_t>(parts_) * part_bytes_;
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const auto* x = static_cast<const T*>(inputs[0]);
    const Results results = {has_values_ ? static_cast<T*>(outputs[0]) : nullptr,
                             static_cast<int64_t*>(outputs[has_values_ ? 1 : 0])};
    const int64_t share = (lines_.count + parts_ - 1) / parts_;
    const int64_t lines_per_part = (share + lines_at_once_ - 1) / lines_at_once_ * lines_at_once_;
    const int64_t grain = elements_per_thread / (lines_per_part * lines_.length);
    runtime::parallel_for(parts_, grain, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        void* scratch = static_cast<char*>(context.scratchpad) + static_cast<size_t>(part) * part_bytes_;
        const int64_t last = std::min((part + 1) * lines_per_part, lines_.count);
        for (int64_t line = part * lines_per_part; line < last; line += lines_at_once_) {
          order_lines(x, line, std::min(lines_at_once_, last - line), results, scratch);
        }
      }
    });
  }

 private:
  enum class Method { scan, lanes, line };
  struct Results {
    T* values;
    int64_t* indices;
  };

  static Method choose(const Lines& lines) {
    if (lines.kept <= most_kept && lines.kept * 8 <= lines.length) return Method::scan;
    const bool side_by_side = lines.length <= longest_in_lanes && LaneRows<Key>::takes(lines.length) &&
                              2 * lines.count >= LaneRows<Key>::lanes();
    return side_by_side ? Method::lanes : Method::line;
  }

  size_t bytes_of_part() const {
    if (method_ == Method::lanes) return LaneRows<Key>::bytes(lines_.length);
    return static_cast<size_t>(method_ == Method::scan ? most_kept : 2 * lines_.length) * sizeof(Entry<Key>);
  }

  void order_lines(const T* x, int64_t line, int64_t count, const Results& results, void* scratch) const {
    if (method_ == Method::lanes) return sort_lanes(x, line, count, results, LaneRows<Key>(scratch));
    const T* source = x + lines_.source(line);
    auto* entries = static_cast<Entry<Key>*>(scratch);
    write(method_ == Method::scan ? scan(source, entries) : sort(source, entries), source, lines_.target(line),
          results);
  }

  void sort_lanes(const T* x, int64_t line, int64_t count, const Results& results, const LaneRows<Key>& rows) const {
    const T* sources[LaneRows<Key>::most_lanes];
    int64_t targets[LaneRows<Key>::most_lanes];
    for (int64_t lane = 0; lane < count; ++lane) {
      sources[lane] = x + lines_.source(line + lane);
      targets[lane] = lines_.target(line + lane);
    }
    in_blocks(lines_.length, lines_at_once_, lines_.stride == 1,
              [&](int64_t i, int64_t lane) { rows.put(i, lane, lane < count ? key(sources[lane], i) : Key{0}); });
    rows.sort(lines_.length);
    in_blocks(lines_.kept, count, lines_.inner == 1, [&](int64_t i, int64_t lane) {
      const int64_t position = rows.position(i, lane);
      const int64_t to = targets[lane] + i * lines_.inner;
      results.indices[to] = position;
      if (has_values_) results.values[to] = sources[lane][position * lines_.stride];
    });
  }

  // Visits elements in the order in which they are in memory, as far as rows in the L1 cache allow it.
  template <class Visit>
  static void in_blocks(int64_t length, int64_t lanes, bool lines_are_contiguous, const Visit& visit) {
    constexpr int64_t block = 64;
    for (int64_t first = 0; first < length; first += block) {
      const int64_t last = std::min(first + block, length);
      if (lines_are_contiguous) {
        for (int64_t lane = 0; lane < lanes; ++lane) {
          for (int64_t i = first; i < last; ++i) visit(i, lane);
        }
      } else {
        for (int64_t i = first; i < last; ++i) {
          for (int64_t lane = 0; lane < lanes; ++lane) visit(i, lane);
        }
      }
    }
  }

  Key key(const T* source, int64_t i) const {
    const Key ascending = op::sort_key(source[i * lines_.stride]);
    return descending_ ? static_cast<Key>(~ascending) : ascending;
  }

  const Entry<Key>* sort(const T* source, Entry<Key>* entries) const {
    const int64_t count = lines_.length;
    for (int64_t i = 0; i < count; ++i) entries[i] = {key(source, i), static_cast<uint32_t>(i)};
    if (count >= shortest_radix) return radix_sort(entries, entries + count, count);
    std::sort(entries, entries + count);
    return entries;
  }

  // Keeps the smallest keys in order. Blocks without a key below the last one kept are skipped.
  const Entry<Key>* scan(const T* source, Entry<Key>* kept) const {
    constexpr int64_t block = 32;
    const int64_t count = lines_.kept;
    int64_t filled = 0;
    Key bound = std::numeric_limits<Key>::max();
    const auto offer = [&](Key candidate, int64_t position) {
      if (filled == count && candidate >= bound) return;
      int64_t slot = filled < count ? filled++ : count - 1;
      for (; slot > 0 && kept[slot - 1].key > candidate; --slot) kept[slot] = kept[slot - 1];
      kept[slot] = {candidate, static_cast<uint32_t>(position)};
      if (filled == count) bound = kept[count - 1].key;
    };
    Key keys[block];
    for (int64_t first = 0; first < lines_.length; first += block) {
      const int64_t size = std::min(block, lines_.length - first);
      for (int64_t i = 0; i < size; ++i) keys[i] = key(source, first + i);
      bool any = filled < count;
      for (int64_t i = 0; i < size; ++i) any |= keys[i] < bound;
      if (!any) continue;
      for (int64_t i = 0; i < size; ++i) offer(keys[i], first + i);
    }
    return kept;
  }

  void write(const Entry<Key>* sorted, const T* source, int64_t target, const Results& results) const {
    for (int64_t i = 0; i < lines_.kept; ++i) {
      const int64_t position = sorted[i].position;
      results.indices[target + i * lines_.inner] = position;
      if (has_values_) results.values[target + i * lines_.inner] = value_of(sorted[i], source);
    }
  }

  // From the key, where it has a single value: elements in the order of their positions would be cache misses.
  T value_of(const Entry<Key>& entry, const T* source) const {
    const auto ascending = static_cast<Key>(descending_ ? ~entry.key : entry.key);
    if (op::is_shared_key<T>(ascending)) return source[entry.position * lines_.stride];
    return op::value_of_key<T>(ascending);
  }

  Lines lines_;
  bool has_values_;
  bool descending_;
  Method method_;
  int64_t lines_at_once_;
  int64_t parts_;
  size_t part_bytes_;
};

std::unique_ptr<Kernel> prepare_sort(const KernelCall& call) {
  const BufferSpec& x = call.inputs[0];
  const op::SortAttrs order = op::order_of(call.op, call.attrs);
  const Lines lines(x, call.outputs[0], static_cast<int>(order.axis));
  if (lines.count * lines.length * lines.kept == 0 || lines.length > std::numeric_limits<uint32_t>::max()) {
    return nullptr;
  }
  std::unique_ptr<Kernel> kernel;
  visit_dtype(x.dtype, [&](auto zero) {
    kernel = std::make_unique<SortKernel<decltype(zero)>>(call.op, lines, order.descending);
  });
  return kernel;
}

}  // namespace

void register_sort(KernelTable& table) {
  for (const OpId op : {OpId::sort_with_indices, OpId::argsort, OpId::topk}) table.add(op, Provider::cpu, prepare_sort);
}

}  // namespace pydl::cpu
