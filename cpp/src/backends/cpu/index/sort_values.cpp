// Sorting without positions: short lines side by side by a sorting network, long ones one by one, by dividing them
// where the processor has instructions for it, else by a radix sort, of keys that become elements again. Where several
// elements have one key (zeros, and NaN), they are taken from the line in order.
#include <algorithm>
#include <type_traits>

#include "backends/cpu/families.h"
#include "backends/cpu/index/sort_keys.h"
#include "backends/cpu/index/sort_lines.h"
#include "backends/cpu/kernel_set.h"
#include "op/attrs/sort.h"
#include "op/sort_key.h"
#include "runtime/threads.h"

namespace pydl::cpu {

namespace {

template <class Key>
LaneElement<Key> lane_element(Key key) {
  using Element = LaneElement<Key>;
  if constexpr (sizeof(Key) < sizeof(Element)) return static_cast<Element>(key);
  return static_cast<Element>(key ^ Key{1} << (8 * sizeof(Key) - 1));
}
template <class Key>
Key key_of_element(LaneElement<Key> element) {
  if constexpr (sizeof(Key) < sizeof(element)) return static_cast<Key>(element);
  return static_cast<Key>(element) ^ Key { 1 } << (8 * sizeof(Key) - 1);
}

template <class T>
class SortValuesKernel final : public Kernel {
 public:
  using Key = op::SortKey<T>;
  using Element = LaneElement<Key>;

  SortValuesKernel(const Lines& lines, bool descending)
      : lines_(lines),
        mask_(descending ? static_cast<Key>(~Key{0}) : Key{0}),
        sort_contiguous_line_(line_sorter(lines)),
        lines_at_once_(sort_contiguous_line_ == nullptr && are_side_by_side(lines) ? lanes() : 1),
        parts_(std::min((lines.count + lines_at_once_ - 1) / lines_at_once_, most_parts)),
        part_bytes_((bytes_of_part() + 63) / 64 * 64) {
    scratchpad_bytes = static_cast<size_t>(parts_) * part_bytes_;
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const auto* x = static_cast<const T*>(inputs[0]);
    auto* y = static_cast<T*>(outputs[0]);
    const int64_t share = (lines_.count + parts_ - 1) / parts_;
    const int64_t lines_per_part = (share + lines_at_once_ - 1) / lines_at_once_ * lines_at_once_;
    const int64_t grain = elements_per_thread / (lines_per_part * lines_.length);
    runtime::parallel_for(parts_, grain, [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        void* scratch = static_cast<char*>(context.scratchpad) + static_cast<size_t>(part) * part_bytes_;
        const int64_t last = std::min((part + 1) * lines_per_part, lines_.count);
        for (int64_t line = part * lines_per_part; line < last; line += lines_at_once_) {
          if (lines_at_once_ == 1) {
            sort_line(x + lines_.source(line), y + lines_.target(line), static_cast<Key*>(scratch));
          } else {
            sort_lanes(x, y, line, std::min(lines_at_once_, last - line), static_cast<Element*>(scratch));
          }
        }
      }
    });
  }

 private:
  static constexpr int64_t most_lanes = 16;
  // Shorter lines are sorted faster side by side.
  static constexpr int64_t shortest_divided = 32;
  static constexpr bool has_mover = has_lane_keys<T>;

  static int64_t lanes() {
    return sizeof(Element) == 4 ? kernels().sort.lanes_of_words : kernels().sort.lanes_of_longs;
  }
  static SortLine line_sorter(const Lines& lines) {
    if (lines.stride != 1 || lines.inner != 1) return nullptr;
    if (are_side_by_side(lines) && lines.length < shortest_divided) return nullptr;
    return sort_line_of<T>();
  }
  static bool are_side_by_side(const Lines& lines) {
    return lines.length <= longest_in_lanes && 2 * lines.count >= lanes();
  }
  size_t bytes_of_part() const {
    const auto length = static_cast<size_t>(lines_.length);
    if (sort_contiguous_line_ != nullptr) return length * sizeof(Element) + room_beyond_line;
    return lines_at_once_ == 1 ? 2 * length * sizeof(Key) : length * static_cast<size_t>(lanes()) * sizeof(Element);
  }

  Key key(T value) const { return static_cast<Key>(op::sort_key(value) ^ mask_); }

  void sort_line(const T* source, T* target, Key* keys) const {
    if (sort_contiguous_line_ != nullptr) {
      const bool has_shared =
          sort_contiguous_line_(source, lines_.length, mask_ != 0, target, keys, sort_by_digits<Element>);
      if (has_shared) restore_shared(source, target, [=, this](int64_t i) { return key(target[i]); });
      return;
    }
    for (int64_t i = 0; i < lines_.length; ++i) keys[i] = key(source[i * lines_.stride]);
    const Key* sorted = sort_keys(keys, keys + lines_.length, lines_.length);
    for (int64_t i = 0; i < lines_.length; ++i) write(sorted[i], target[i * lines_.inner]);
    restore_shared(source, target, [sorted](int64_t i) { return sorted[i]; });
  }

  void sort_lanes(const T* x, T* y, int64_t line, int64_t count, Element* rows) const {
    const int64_t width = lines_at_once_;
    const T* sources[most_lanes];
    T* targets[most_lanes];
    for (int64_t lane = 0; lane < count; ++lane) {
      sources[lane] = x + lines_.source(line + lane);
      targets[lane] = y + lines_.target(line + lane);
    }
    if constexpr (has_mover) {
      if (lines_.stride == 1 && lines_.inner == 1) return sort_contiguous(sources, targets, count, rows);
    }
    in_blocks(lines_.length, width, lines_.stride == 1, [&](int64_t i, int64_t lane) {
      rows[i * width + lane] = lane < count ? lane_element(key(sources[lane][i * lines_.stride])) : Element{0};
    });
    (sizeof(Element) == 4 ? kernels().sort.words : kernels().sort.longs)(rows, lines_.length);
    in_blocks(lines_.length, count, lines_.inner == 1, [&](int64_t i, int64_t lane) {
      write(key_of_element<Key>(rows[i * width + lane]), targets[lane][i * lines_.inner]);
    });
    for (int64_t lane = 0; lane < count; ++lane) {
      restore_shared(sources[lane], targets[lane],
                     [=](int64_t i) { return key_of_element<Key>(rows[i * width + lane]); });
    }
  }

  void sort_contiguous(const T* const* sources, T* const* targets, int64_t count, Element* rows) const {
    const SortKernels& sort = kernels().sort;
    const KeyMover& mover = mover_of(sort);
    const bool opposite = mask_ != 0;
    const void* from[most_lanes];
    void* to[most_lanes];
    std::copy_n(sources, count, from);
    std::copy_n(targets, count, to);
    const bool has_shared = mover.load(from, count, lines_.length, opposite, rows);
    (sizeof(Element) == 4 ? sort.words : sort.longs)(rows, lines_.length);
    mover.store(rows, count, lines_.length, opposite, to);
    if (!has_shared) return;
    const int64_t width = lines_at_once_;
    for (int64_t lane = 0; lane < count; ++lane) {
      restore_shared(sources[lane], targets[lane],
                     [=](int64_t i) { return key_of_element<Key>(rows[i * width + lane]); });
    }
  }

  static const KeyMover& mover_of(const SortKernels& sort) {
    if constexpr (std::is_floating_point_v<T>) return sizeof(T) == 4 ? sort.of_floats : sort.of_doubles;
    return sizeof(T) == 4 ? sort.of_words : sort.of_longs;
  }

  void write(Key sorted, T& to) const { to = op::value_of_key<T>(static_cast<Key>(sorted ^ mask_)); }

  // Zeros have signs, and what is not a number has other bits, which keys do not tell.
  template <class SortedAt>
  void restore_shared(const T* source, T* target, const SortedAt& sorted_at) const {
    if constexpr (is_floating(DTypeOf<T>::value)) {
      restore(key(T{}), source, target, sorted_at);
      restore(static_cast<Key>(std::numeric_limits<Key>::max() ^ mask_), source, target, sorted_at);
    }
  }
  template <class SortedAt>
  void restore(Key shared, const T* source, T* target, const SortedAt& sorted_at) const {
    int64_t first = 0;
    for (int64_t size = lines_.length; size > 0;) {  // the first one that is not less
      const int64_t half = size / 2;
      const bool is_less = sorted_at(first + half) < shared;
      first = is_less ? first + half + 1 : first;
      size = is_less ? size - half - 1 : half;
    }
    for (int64_t i = 0; first < lines_.length && sorted_at(first) == shared; ++i) {
      const T value = source[i * lines_.stride];
      if (key(value) == shared) target[first++ * lines_.inner] = value;
    }
  }

  Lines lines_;
  Key mask_;                       // turns the order round
  SortLine sort_contiguous_line_;  // null: keys are sorted here
  int64_t lines_at_once_;
  int64_t parts_;
  size_t part_bytes_;
};

std::unique_ptr<Kernel> prepare_sort_values(const KernelCall& call) {
  const BufferSpec& x = call.inputs[0];
  const auto attrs = op::from_attrs<op::SortAttrs>(call.attrs);
  const Lines lines(x, call.outputs[0], static_cast<int>(attrs.axis));
  if (lines.count * lines.length == 0 || lines.length > std::numeric_limits<uint32_t>::max()) return nullptr;
  std::unique_ptr<Kernel> kernel;
  visit_dtype(x.dtype,
              [&](auto zero) { kernel = std::make_unique<SortValuesKernel<decltype(zero)>>(lines, attrs.descending); });
  return kernel;
}

}  // namespace

void register_sort_values(KernelTable& table) { table.add(OpId::sort_values, Provider::cpu, prepare_sort_values); }

}  // namespace pydl::cpu
