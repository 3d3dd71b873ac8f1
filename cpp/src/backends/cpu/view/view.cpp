// Structural ops: copy elements between layouts.
#include <cstring>

#include "backends/cpu/families.h"
#include "backends/cpu/tiles/tile_program.h"
#include "backends/cpu/view/copy_plan.h"
#include "op/attrs/view.h"
#include "runtime/threads.h"
#include "runtime/work_cost.h"

namespace pydl::cpu {

namespace {

class CopyKernel final : public Kernel {
 public:
  CopyKernel(const BufferSpec& to, const BufferSpec& from) : plan_(to, from) {}

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    plan_.run(outputs[0], inputs[0]);
  }

 private:
  CopyPlan plan_;
};

std::unique_ptr<Kernel> prepare_copy(const KernelCall& call) {
  return std::make_unique<CopyKernel>(call.outputs[0], call.inputs[0]);
}

class ConcatKernel final : public Kernel {
 public:
  explicit ConcatKernel(const KernelCall& call) {
    const auto axis = static_cast<int>(op::from_attrs<op::ConcatAttrs>(call.attrs).axis);
    const BufferSpec& y = call.outputs[0];
    int64_t offset = 0;
    for (const BufferSpec& x : call.inputs) {
      plans_.push_back({CopyPlan({y.dtype, x.shape, y.strides}, x), offset});
      offset += x.shape[axis] * y.strides[axis] * static_cast<int64_t>(item_size(y.dtype));
    }
  }

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    for (size_t i = 0; i < plans_.size(); ++i) {
      plans_[i].copy.run(static_cast<char*>(outputs[0]) + plans_[i].offset, inputs[i]);
    }
  }

 private:
  struct Part {
    CopyPlan copy;
    int64_t offset;  // in the output, in bytes
  };
  std::vector<Part> plans_;
};

std::unique_ptr<Kernel> prepare_concat(const KernelCall& call) { return std::make_unique<ConcatKernel>(call); }

class SliceBackwardKernel final : public Kernel {
 public:
  SliceBackwardKernel(const BufferSpec& y, const BufferSpec& g, const BufferSpec& part, int64_t offset)
      : bytes_(element_count(y.shape) * static_cast<int64_t>(item_size(y.dtype))), offset_(offset), copy_(part, g) {}

  void run(const KernelContext&, void* const* inputs, void* const* outputs) const override {
    auto* y = static_cast<char*>(outputs[0]);
    constexpr int64_t bytes_per_thread = runtime::worth_a_thread(runtime::cost::byte_copied);
    runtime::parallel_for(bytes_, bytes_per_thread, [&](int64_t begin, int64_t end) {
      std::memset(y + begin, 0, static_cast<size_t>(end - begin));
    });
    copy_.run(y + offset_, inputs[0]);
  }

 private:
  int64_t bytes_;
  int64_t offset_;
  CopyPlan copy_;
};

std::unique_ptr<Kernel> prepare_slice_backward(const KernelCall& call) {
  const BufferSpec& g = call.inputs[0];
  const BufferSpec& y = call.outputs[0];
  const auto attrs = op::from_attrs<op::SliceBackwardAttrs>(call.attrs);
  BufferSpec part = {y.dtype, g.shape, y.strides};
  int64_t offset = 0;
  for (int axis = 0; axis < y.shape.rank(); ++axis) {
    offset += attrs.starts[axis] * y.strides[axis];
    part.strides[axis] *= attrs.steps[axis];
  }
  return std::make_unique<SliceBackwardKernel>(y, g, part, offset * static_cast<int64_t>(item_size(y.dtype)));
}

// Assigns to a tensor of the same dtype.
class AssignKernel final : public Kernel {
 public:
  AssignKernel(const BufferSpec& to, const BufferSpec& from) : plan_(to, from) {}

  void run(const KernelContext&, void* const* inputs, void* const*) const override { plan_.run(inputs[0], inputs[1]); }

 private:
  CopyPlan plan_;
};

// Assigns to a tensor of another dtype.
class ConvertKernel final : public Kernel {
 public:
  ConvertKernel(const BufferSpec& to, const BufferSpec& from) : program_(nest_of(to, from), 1) {
    program_.emit_cast(from.dtype, to.dtype, 1, 0);
    program_.finish();
  }

  void run(const KernelContext&, void* const* inputs, void* const*) const override {
    void* operands[] = {inputs[1], inputs[0]};
    program_.run(operands);
  }

 private:
  static LoopNest nest_of(const BufferSpec& to, const BufferSpec& from) {
    const BufferSpec* operands[] = {&from, &to};
    return LoopNest::over(operands, 1);
  }

  TileProgram program_;
};

std::unique_ptr<Kernel> prepare_assign(const KernelCall& call) {
  const BufferSpec& to = call.inputs[0];
  const BufferSpec& from = call.inputs[1];
  if (element_count(to.shape) == 0) return nullptr;
  if (to.dtype == from.dtype) return std::make_unique<AssignKernel>(to, from);
  return std::make_unique<ConvertKernel>(to, from);
}

}  // namespace

void register_view(KernelTable& table) {
  table.add(OpId::copy, Provider::cpu, prepare_copy);
  table.add(OpId::concat, Provider::cpu, prepare_concat);
  table.add(OpId::slice_backward, Provider::cpu, prepare_slice_backward);
  table.add(OpId::assign, Provider::cpu, prepare_assign);
}

}  // namespace pydl::cpu
