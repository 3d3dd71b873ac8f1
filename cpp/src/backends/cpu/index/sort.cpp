// Ordering of elements along an axis: many short lines side by side by a sorting network, long ones by a radix sort of
// keys with their positions; or, to find few of many elements, a scan that keeps the best ones, whose last one may be
// known from values in order.
#include "op/attrs/sort.h"

#include <algorithm>
#include <bit>

#include "backends/cpu/families.h"
#include "backends/cpu/index/radix_sort.h"
#include "backends/cpu/index/sort_keys.h"
#include "backends/cpu/index/sort_lines.h"
#include "backends/cpu/kernel_set.h"
#include "op/sort_key.h"
#include "runtime/threads.h"

namespace pydl::cpu {

namespace {

// Up to this many of the best elements are kept by insertion, out of at least eight times as many.
constexpr int64_t most_inserted = 32;

template <class Key>
struct Entry {
  Key key;
  uint32_t position;

  friend bool operator<(const Entry& a, const Entry& b) {
    return a.key < b.key || (a.key == b.key && a.position < b.position);
  }
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

// The smallest and the largest key of a line.
template <class Key>
struct KeyRange {
  Key least = std::numeric_limits<Key>::max();
  Key most = 0;

  void include(Key key) {
    least = std::min(least, key);
    most = std::max(most, key);
  }
  int bits() const { return static_cast<int>(std::bit_width(static_cast<Key>(most - least))); }
};

template <class T>
class SortKernel final : public Kernel {
 public:
  using Key = op::SortKey<T>;
  using Rows = LaneRows<Key>;

  SortKernel(OpId op, const Lines& lines, bool descending)
      : lines_(lines),
        has_values_(op != OpId::argsort),
        descending_(descending),
        method_(choose(lines)),
        lines_at_once_(method_ == Method::lanes ? Rows::lanes() : 1),
        parts_(std::min((lines.count + lines_at_once_ - 1) / lines_at_once_, most_parts)),
        part_bytes_((bytes_of_part() + 63) / 64 * 64) {
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
  enum class Method { insert, select, threshold, lanes, line };
  struct Results {
    T* values;
    int64_t* indices;
  };
  using Kept = Entry<Key>;

  static Method choose(const Lines& lines) {
    if (lines.kept <= most_inserted && lines.kept * 8 <= lines.length) return Method::insert;
    const bool side_by_side =
        lines.length <= longest_in_lanes && Rows::takes(lines.length) && 2 * lines.count >= Rows::lanes();
    // Sorting values alone tells the last one that is kept.
    if (lines.stride == 1 && sort_line_of<T>() != nullptr && lines.kept * 2 <= lines.length &&
        lines.kept * 32 >= lines.length) {
      return Method::threshold;
    }
    // Many short lines are sorted nearly as fast.
    if (lines.kept * (side_by_side ? 16 : 4) <= lines.length) return Method::select;
    return side_by_side ? Method::lanes : Method::line;
  }

  size_t bytes_of_part() const {
    const auto length = static_cast<size_t>(lines_.length);
    switch (method_) {
      case Method::insert: return most_inserted * sizeof(Kept);
      case Method::select: return static_cast<size_t>(room_to_select()) * sizeof(Kept);
      case Method::threshold: return Thresholds::bytes(lines_);
      case Method::lanes: return Rows::bytes(lines_.length);
      case Method::line: break;
    }
    return 2 * length * (sizeof(Key) == 8 ? sizeof(Kept) : sizeof(uint64_t));
  }

  void order_lines(const T* x, int64_t line, int64_t count, const Results& results, void* scratch) const {
    if (method_ == Method::lanes) return sort_lanes(x, line, count, results, Rows(scratch));
    const T* source = x + lines_.source(line);
    const int64_t target = lines_.target(line);
    if (method_ == Method::line) return sort_line(source, target, results, scratch);
    if (method_ == Method::threshold) {
      if constexpr (has_lane_keys<T>) find_by_threshold(source, target, results, Thresholds(lines_, scratch));
      return;
    }
    auto* kept = static_cast<Kept*>(scratch);
    method_ == Method::insert ? insert(source, kept) : select(source, kept);
    write(source, target, results, [&](int64_t i) { return kept[i]; });
  }

  void sort_lanes(const T* x, int64_t line, int64_t count, const Results& results, const Rows& rows) const {
    const T* sources[Rows::most_lanes];
    int64_t targets[Rows::most_lanes];
    for (int64_t lane = 0; lane < count; ++lane) {
      sources[lane] = x + lines_.source(line + lane);
      targets[lane] = lines_.target(line + lane);
    }
    in_blocks(lines_.length, lines_at_once_, lines_.stride == 1,
              [&](int64_t i, int64_t lane) { rows.put(i, lane, lane < count ? key(sources[lane], i) : Key{0}); });
    rows.sort(lines_.length);
    in_blocks(lines_.kept, count, lines_.inner == 1, [&](int64_t i, int64_t lane) {
      const int64_t to = targets[lane] + i * lines_.inner;
      const int64_t position = rows.position(i, lane);
      results.indices[to] = position;
      if (has_values_) results.values[to] = sources[lane][position * lines_.stride];
    });
  }

  // Keys in the order of the results.
  Key directed(Key ascending) const { return descending_ ? static_cast<Key>(~ascending) : ascending; }
  Key key(const T* source, int64_t i) const { return directed(op::sort_key(source[i * lines_.stride])); }
  T value_of(Key key) const { return op::value_of_key<T>(directed(key)); }

  void sort_line(const T* source, int64_t target, const Results& results, void* scratch) const {
    const int64_t count = lines_.length;
    KeyRange<Key> range;
    for (int64_t i = 0; i < count; ++i) range.include(key(source, i));
    const int position_bits = static_cast<int>(std::bit_width(static_cast<uint64_t>(count - 1)));
    const Key least = range.least;
    if (range.bits() + position_bits <= 64) {
      // Both fit into one word.
      auto* words = static_cast<uint64_t*>(scratch);
      for (int64_t i = 0; i < count; ++i) {
        const auto distance = static_cast<uint64_t>(static_cast<Key>(key(source, i) - least));
        words[i] = distance << position_bits | static_cast<uint64_t>(i);
      }
      const auto distance_of = [position_bits](uint64_t word) { return word >> position_bits; };
      const uint64_t* sorted = words;
      if (count < shortest_radix) {
        std::sort(words, words + count);
      } else {
        sorted = radix_sort(words, words + count, count, range.bits(), distance_of);
      }
      const uint64_t positions = (uint64_t{1} << position_bits) - 1;
      write(source, target, results, [&](int64_t i) {
        return Kept{static_cast<Key>(distance_of(sorted[i]) + least), static_cast<uint32_t>(sorted[i] & positions)};
      });
      return;
    }
    if constexpr (sizeof(Key) == 8) {
      auto* entries = static_cast<Kept*>(scratch);
      for (int64_t i = 0; i < count; ++i) entries[i] = {key(source, i), static_cast<uint32_t>(i)};
      const Kept* sorted = entries;
      if (count < shortest_radix) {
        std::sort(entries, entries + count);
      } else {
        sorted = radix_sort(entries, entries + count, count, range.bits(),
                            [least](const Kept& entry) { return entry.key - least; });
      }
      write(source, target, results, [sorted](int64_t i) { return sorted[i]; });
    }
  }

  // Offers those elements whose keys are less than the bound, which changes, in their order; and others before there is
  // a bound.
  template <class Offer>
  void scan(const T* source, const Key& bound, const bool& has_bound, const Offer& offer) const {
    constexpr int64_t block = 32;
    Key keys[block];
    const auto scan_block = [&](const T* from, int64_t stride, int64_t first, int64_t size) {
      for (int64_t i = 0; i < size; ++i) keys[i] = directed(op::sort_key(from[(first + i) * stride]));
      int any = has_bound ? 0 : 1;
      for (int64_t i = 0; i < size; ++i) any |= keys[i] < bound ? 1 : 0;
      if (any == 0) return;
      for (int64_t i = 0; i < size; ++i) {
        if (!has_bound || keys[i] < bound) offer(keys[i], static_cast<uint32_t>(first + i));
      }
    };
    int64_t first = 0;
    if (lines_.stride == 1) {  // a loop of its own, which is compiled to vector instructions
      for (; first + block <= lines_.length; first += block) scan_block(source, 1, first, block);
    }
    for (; first < lines_.length; first += block) {
      scan_block(source, lines_.stride, first, std::min(block, lines_.length - first));
    }
  }

  // Keeps the smallest keys in order.
  void insert(const T* source, Kept* kept) const {
    const int64_t count = lines_.kept;
    int64_t filled = 0;
    bool has_bound = false;
    Key bound = 0;
    scan(source, bound, has_bound, [&](Key candidate, uint32_t position) {
      int64_t slot = filled < count ? filled++ : count - 1;
      for (; slot > 0 && kept[slot - 1].key > candidate; --slot) kept[slot] = kept[slot - 1];
      kept[slot] = {candidate, position};
      has_bound = filled == count;
      bound = kept[filled - 1].key;
    });
  }

  int64_t room_to_select() const { return std::min(3 * lines_.kept, lines_.length); }

  // Collects small keys, and drops all but the smallest whenever there is no more room.
  void select(const T* source, Kept* kept) const {
    const int64_t count = lines_.kept;
    const int64_t room = room_to_select();
    int64_t filled = 0;
    bool has_bound = false;
    Key bound = 0;
    const auto drop = [&] {
      std::nth_element(kept, kept + count - 1, kept + filled);
      filled = count;
      has_bound = true;
      bound = kept[count - 1].key;
    };
    scan(source, bound, has_bound, [&](Key candidate, uint32_t position) {
      if (filled == room) drop();
      if (!has_bound || candidate < bound) kept[filled++] = {candidate, position};
    });
    drop();
    std::sort(kept, kept + count);
  }

  // The scratch memory of one line: its sorted values, room to sort values or words, and what is kept.
  struct Thresholds {
    T* values;
    void* room;
    void* kept;

    static constexpr size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }
    static size_t bytes_of_values(const Lines& lines) { return aligned(static_cast<size_t>(lines.length) * sizeof(T)); }
    static size_t bytes_of_room(const Lines& lines) {
      const auto items = static_cast<size_t>(std::max(lines.length, 2 * lines.kept));
      return aligned(items * sizeof(T) + room_beyond_line);
    }
    static size_t bytes(const Lines& lines) {
      return bytes_of_values(lines) + bytes_of_room(lines) + static_cast<size_t>(lines.kept) * sizeof(Kept);
    }
    Thresholds(const Lines& lines, void* scratch)
        : values(static_cast<T*>(scratch)),
          room(static_cast<char*>(scratch) + bytes_of_values(lines)),
          kept(static_cast<char*>(room) + bytes_of_room(lines)) {}
  };

  // Keeps what comes before the last value that is kept, and as many equal to it as are wanted.
  template <class Keep>
  void keep_up_to(const T* source, const T* sorted, const Keep& keep) const {
    const int64_t count = lines_.kept;
    const Key last = key(sorted, count - 1);
    if (key(sorted, count) != last) {
      constexpr int64_t block = 32;
      Key keys[block];
      int64_t filled = 0;
      for (int64_t first = 0; filled < count; first += block) {
        const int64_t size = std::min(block, lines_.length - first);
        if (size == block) {  // a loop of its own, which is compiled to vector instructions
          for (int64_t i = 0; i < block; ++i) keys[i] = directed(op::sort_key(source[first + i]));
        } else {
          for (int64_t i = 0; i < size; ++i) keys[i] = key(source, first + i);
        }
        for (int64_t i = 0; i < size && filled < count; ++i) {
          keep(filled, keys[i], static_cast<uint32_t>(first + i));
          filled += keys[i] <= last ? 1 : 0;
        }
      }
      return;
    }
    int64_t wanted = 1;
    while (wanted < count && key(sorted, count - 1 - wanted) == last) ++wanted;
    int64_t filled = 0;
    for (int64_t i = 0; filled < count; ++i) {
      const Key candidate = key(source, i);
      keep(filled, candidate, static_cast<uint32_t>(i));
      const int is_wanted = candidate == last && wanted > 0 ? 1 : 0;
      wanted -= is_wanted;
      filled += (candidate < last ? 1 : 0) | is_wanted;
    }
  }

  void find_by_threshold(const T* source, int64_t target, const Results& results, const Thresholds& memory) const {
    const int64_t count = lines_.kept;
    sort_line_of<T>()(source, lines_.length, descending_, memory.values, memory.room, sort_by_digits<LaneElement<Key>>);
    if constexpr (sizeof(Key) == 4) {
      // Keys and positions as one signed word.
      constexpr uint64_t sign = uint64_t{1} << 63;
      auto* words = static_cast<int64_t*>(memory.kept);
      keep_up_to(source, memory.values, [words](int64_t i, Key key, uint32_t position) {
        words[i] = static_cast<int64_t>((static_cast<uint64_t>(key) << 32 | position) ^ sign);
      });
      kernels().sort.line_of_longs(words, count, false, words, memory.room, sort_by_digits<int64_t>);
      write(source, target, results, [words](int64_t i) {
        const uint64_t word = static_cast<uint64_t>(words[i]) ^ sign;
        return Kept{static_cast<Key>(word >> 32), static_cast<uint32_t>(word)};
      });
    } else {
      auto* kept = static_cast<Kept*>(memory.kept);
      keep_up_to(source, memory.values, [kept](int64_t i, Key key, uint32_t position) { kept[i] = {key, position}; });
      // Of the elements with one key, the next one takes the place after the first one's plus how many have done so.
      auto* keys = static_cast<Key*>(memory.room);
      auto* placed = reinterpret_cast<Placed*>(keys + count);
      for (int64_t i = 0; i < count; ++i) {
        keys[i] = key(memory.values, i);
        placed[i].before = 0;
      }
      for (int64_t i = 0; i < count; ++i) {
        const int64_t first = first_place(keys, count, kept[i].key);
        placed[first + placed[first].before++].position = kept[i].position;
      }
      write(source, target, results, [=](int64_t i) { return Kept{keys[i], placed[i].position}; });
    }
  }

  struct Placed {
    uint32_t before;  // of the elements with the key of this place
    uint32_t position;
  };

  // Without jumps, which a processor could not predict.
  static int64_t first_place(const Key* keys, int64_t count, Key wanted) {
    const Key* first = keys;
    while (count > 1) {
      const int64_t half = count / 2;
      first += -static_cast<int64_t>(first[half - 1] < wanted) & half;
      count -= half;
    }
    return first - keys;
  }

  template <class EntryAt>
  void write(const T* source, int64_t target, const Results& results, const EntryAt& entry_at) const {
    for (int64_t i = 0; i < lines_.kept; ++i) {
      const Kept entry = entry_at(i);
      const int64_t to = target + i * lines_.inner;
      results.indices[to] = entry.position;
      if (!has_values_) continue;
      // From the key, where it has a single value: elements in the order of their positions would be cache misses.
      const bool is_shared = op::is_shared_key<T>(directed(entry.key));
      results.values[to] = is_shared ? source[entry.position * lines_.stride] : value_of(entry.key);
    }
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
