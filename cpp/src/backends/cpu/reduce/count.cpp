// Sums of bools over neighbouring elements: true ones are counted without being converted to integers.
#include <algorithm>

#include "backends/cpu/families.h"
#include "op/attrs/reduce.h"
#include "op/true_bytes.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

constexpr int64_t bytes_per_thread = runtime::worth_a_thread(runtime::cost::byte_copied);

class CountKernel final : public Kernel {
 public:
  // A single row is cut into pieces.
  CountKernel(int64_t rows, int64_t length)
      : rows_(rows),
        length_(length),
        pieces_(rows == 1 ? std::clamp<int64_t>(length / bytes_per_thread, 1, most_pieces) : 1) {
    scratchpad_bytes = static_cast<size_t>(pieces_) * sizeof(int64_t);
  }

  void run(const KernelContext& context, void* const* inputs, void* const* outputs) const override {
    const auto* x = static_cast<const uint8_t*>(inputs[0]);
    auto* counts = static_cast<int64_t*>(outputs[0]);
    if (pieces_ == 1) return count(x, rows_, length_, counts);
    auto* parts = static_cast<int64_t*>(context.scratchpad);
    count(x, pieces_, (length_ + pieces_ - 1) / pieces_, parts);
    counts[0] = 0;
    for (int64_t piece = 0; piece < pieces_; ++piece) counts[0] += parts[piece];
  }

 private:
  static constexpr int64_t most_pieces = 64;

  // Counts in neighbouring parts, of which the last one may be shorter.
  void count(const uint8_t* x, int64_t parts, int64_t size, int64_t* counts) const {
    const int64_t total = rows_ * length_;
    runtime::parallel_for(parts, bytes_per_thread / std::max<int64_t>(size, 1), [&](int64_t begin, int64_t end) {
      for (int64_t part = begin; part < end; ++part) {
        const int64_t first = std::min(part * size, total);
        counts[part] = op::count_true(x + first, std::min(size, total - first));
      }
    });
  }

  int64_t rows_;
  int64_t length_;
  int64_t pieces_;
};

std::unique_ptr<Kernel> prepare_count(const KernelCall& call) {
  const BufferSpec& x = call.inputs[0];
  if (x.dtype != DType::boolean || !is_contiguous(x.shape, x.strides)) return nullptr;
  const Dims axes = op::from_attrs<op::ReduceAttrs>(call.attrs).axes;
  const int kept = x.shape.rank() - axes.rank();
  if (axes.rank() > 0 && axes[0] != kept) return nullptr;  // they are not the last ones
  int64_t rows = 1;
  int64_t length = 1;
  for (int axis = 0; axis < x.shape.rank(); ++axis) (axis < kept ? rows : length) *= x.shape[axis];
  return std::make_unique<CountKernel>(rows, length);
}

}  // namespace

void register_count(KernelTable& table) {
  table.add(OpId::sum, {"count", Provider::cpu, prepare_count, [](const KernelCall&) { return 1.0; }});
}

}  // namespace pydl::cpu
