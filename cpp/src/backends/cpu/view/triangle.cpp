// Triangles of matrices: of each row, one part is copied and the other one is zero.
#include "op/attrs/triangle.h"

#include <algorithm>
#include <cstring>

#include "backends/cpu/adapter.h"
#include "backends/cpu/families.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

class TriangleKernel final : public Kernel {
 public:
  TriangleKernel(const BufferSpec& x, const op::TriangleAttrs& attrs)
      : lines_(element_count(x.shape) / x.shape.back()),
        rows_(x.shape[x.shape.rank() - 2]),
        columns_(x.shape.back()),
        item_(static_cast<int64_t>(item_size(x.dtype))),
        k_(attrs.k),
        lower_(attrs.lower) {}

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    const auto* x = static_cast<const char*>(inputs[0]);
    auto* y = static_cast<char*>(outputs[0]);
    const int64_t bytes = columns_ * item_;
    const int64_t grain = runtime::worth_a_thread(runtime::cost::byte_copied) / bytes;
    runtime::parallel_for(lines_, grain, [&](int64_t begin, int64_t end) {
      for (int64_t line = begin; line < end; ++line) {
        // The first column behind the lower triangle, or of the upper one.
        const int64_t border = std::clamp<int64_t>(line % rows_ + k_ + (lower_ ? 1 : 0), 0, columns_);
        const auto split = static_cast<size_t>(border * item_);
        const auto rest = static_cast<size_t>(bytes) - split;
        const char* from = x + line * bytes;
        char* to = y + line * bytes;
        if (lower_) {
          std::memcpy(to, from, split);
          std::memset(to + split, 0, rest);
        } else {
          std::memset(to, 0, split);
          std::memcpy(to + split, from + split, rest);
        }
      }
    });
  }

 private:
  int64_t lines_;
  int64_t rows_;
  int64_t columns_;
  int64_t item_;
  int64_t k_;
  bool lower_;
};

std::unique_ptr<Kernel> prepare_triangle(const KernelCall& call) {
  const BufferSpec& x = call.inputs[0];
  auto attrs = op::from_attrs<op::TriangleAttrs>(call.attrs);
  if (!is_contiguous(x.shape, x.strides) || element_count(x.shape) == 0) return nullptr;
  attrs.k = std::clamp(attrs.k, -x.shape[x.shape.rank() - 2], x.shape.back());
  return std::make_unique<TriangleKernel>(x, attrs);
}

}  // namespace

void register_triangle(KernelTable& table) { table.add(OpId::triangle, Provider::cpu, adapted<prepare_triangle>); }

}  // namespace pydl::cpu
