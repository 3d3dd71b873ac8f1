#include "backends/cpu/adapter.h"

#include <algorithm>
#include <vector>

#include "backends/cpu/tiles/tile_program.h"
#include "backends/cpu/view/copy_plan.h"

namespace pydl::cpu {

namespace {

using exec::BufferSpec;
using exec::Kernel;
using exec::KernelCall;

bool is_half(DType dtype) { return dtype == DType::float16 || dtype == DType::bfloat16; }

BufferSpec adapted_spec(const BufferSpec& spec, Layout layout) {
  return {is_half(spec.dtype) ? DType::float32 : spec.dtype, spec.shape,
          layout == Layout::channels_last ? channels_last_strides(spec.shape) : contiguous_strides(spec.shape)};
}

bool needs_adapting(const BufferSpec& spec, Layout layout) {
  return is_half(spec.dtype) || (layout == Layout::channels_last ? !is_channels_last(spec.shape, spec.strides)
                                                                 : !is_contiguous(spec.shape, spec.strides));
}

TileProgram cast_program(const BufferSpec& from, const BufferSpec& to) {
  const BufferSpec* operands[] = {&from, &to};
  TileProgram program(LoopNest::over(operands, 1), 1);
  program.emit_cast(from.dtype, to.dtype, 1, 0);
  program.finish();
  return program;
}

class AdaptedKernel final : public Kernel {
 public:
  AdaptedKernel(const KernelCall& call, std::unique_ptr<Kernel> kernel, LayoutFunction layout)
      : kernel_(std::move(kernel)), input_count_(call.inputs.size()), result_count_(call.outputs.size()) {
    scratchpad_bytes = rounded(kernel_->scratchpad_bytes);
    implementation = kernel_->implementation;
    for (size_t i = 0; i < call.inputs.size(); ++i) {
      const BufferSpec& input = call.inputs[i];
      const Layout wanted = layout(call, static_cast<int>(i));
      if (!needs_adapting(input, wanted)) continue;
      const BufferSpec copy = adapted_spec(input, wanted);
      if (copy.dtype == input.dtype) {
        copies_.push_back({i, scratchpad_bytes, CopyPlan(copy, input)});
      } else {
        casts_.push_back({i, scratchpad_bytes, cast_program(input, copy)});
      }
      reserve(copy);
    }
    for (size_t i = 0; i < call.outputs.size(); ++i) {
      const BufferSpec& output = call.outputs[i];
      if (!needs_adapting(output, layout(call, -1)) || element_count(output.shape) == 0) continue;
      const BufferSpec result = adapted_spec(output, layout(call, -1));
      if (result.dtype == output.dtype) {
        result_copies_.push_back({i, scratchpad_bytes, CopyPlan(output, result)});
      } else {
        result_casts_.push_back({i, scratchpad_bytes, cast_program(result, output)});
      }
      reserve(result);
    }
  }

  void run(const exec::KernelContext& context, void* const* inputs, void* const* outputs) const override {
    auto* memory = static_cast<char*>(context.scratchpad);
    void* operands[max_operands];
    for (size_t i = 0; i < input_count_; ++i) operands[i] = inputs[i];
    for (const auto& copy : copies_) {
      copy.plan.run(memory + copy.offset, inputs[copy.operand]);
      operands[copy.operand] = memory + copy.offset;
    }
    for (const auto& cast : casts_) {
      void* ends[] = {inputs[cast.operand], memory + cast.offset};
      cast.plan.run(ends);
      operands[cast.operand] = ends[1];
    }
    void* results[max_operands];
    for (size_t i = 0; i < result_count_; ++i) results[i] = outputs[i];
    for (const auto& copy : result_copies_) results[copy.operand] = memory + copy.offset;
    for (const auto& cast : result_casts_) results[cast.operand] = memory + cast.offset;
    kernel_->run(context, operands, results);
    for (const auto& copy : result_copies_) copy.plan.run(outputs[copy.operand], results[copy.operand]);
    for (const auto& cast : result_casts_) {
      void* ends[] = {results[cast.operand], outputs[cast.operand]};
      cast.plan.run(ends);
    }
  }

 private:
  template <class Plan>
  struct Adaption {
    size_t operand;
    size_t offset;  // in the scratchpad
    Plan plan;
  };

  static size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }
  void reserve(const BufferSpec& spec) {
    scratchpad_bytes += rounded(static_cast<size_t>(element_count(spec.shape)) * item_size(spec.dtype));
  }

  std::unique_ptr<Kernel> kernel_;
  size_t input_count_;
  size_t result_count_;
  std::vector<Adaption<CopyPlan>> copies_;
  std::vector<Adaption<TileProgram>> casts_;
  std::vector<Adaption<CopyPlan>> result_copies_;
  std::vector<Adaption<TileProgram>> result_casts_;
};

}  // namespace

Layout layout_of(const BufferSpec& spec) {
  const bool only_channels_last =
      !is_contiguous(spec.shape, spec.strides) && is_channels_last(spec.shape, spec.strides);
  return only_channels_last ? Layout::channels_last : Layout::row_major;
}

Layout as_output(const KernelCall& call, int) { return layout_of(call.outputs[0]); }

std::unique_ptr<Kernel> prepare_adapted(const KernelCall& call, exec::PrepareFunction prepare, LayoutFunction layout) {
  bool adapts = false;
  std::vector<BufferSpec> inputs;
  std::vector<BufferSpec> outputs;
  for (const BufferSpec& input : call.inputs) {
    const Layout wanted = layout(call, static_cast<int>(inputs.size()));
    adapts = adapts || needs_adapting(input, wanted);
    inputs.push_back(adapted_spec(input, wanted));
    if (element_count(input.shape) == 0) return nullptr;
  }
  for (const BufferSpec& output : call.outputs) {
    adapts = adapts || needs_adapting(output, layout(call, -1));
    outputs.push_back(adapted_spec(output, layout(call, -1)));
  }
  if (!adapts || std::max(inputs.size(), outputs.size()) > max_operands) return nullptr;
  auto kernel = prepare({call.op, call.attrs, inputs, outputs});
  return kernel ? std::make_unique<AdaptedKernel>(call, std::move(kernel), layout) : nullptr;
}

}  // namespace pydl::cpu
