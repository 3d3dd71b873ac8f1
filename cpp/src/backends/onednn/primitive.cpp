#include "backends/onednn/primitive.h"

#include <string_view>

namespace pydl::backends::onednn {

const dnnl::engine& cpu_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

std::optional<dnnl::memory::data_type> data_type(DType dtype) {
  switch (dtype) {
    case DType::float32: return dnnl::memory::data_type::f32;
    case DType::bfloat16: return dnnl::memory::data_type::bf16;
    case DType::float16: return dnnl::memory::data_type::f16;
    default: return std::nullopt;
  }
}

dnnl::memory::desc describe(dnnl::memory::data_type type, const Dims& shape, const Dims& strides) {
  return {dnnl::memory::dims(shape.begin(), shape.end()), type, dnnl::memory::dims(strides.begin(), strides.end())};
}

dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

bool is_optimised(const dnnl::primitive_desc_base& description) {
  return !std::string_view(description.impl_info_str()).starts_with("ref");
}

void BoundPrimitive::add_argument(int argument, const dnnl::memory::desc& description) {
  memories_.emplace_back(description, cpu_engine(), nullptr);
  arguments_.push_back({argument, memories_.back().get()});
}

void BoundPrimitive::execute(std::span<void* const> pointers) {
  // A stream keeps no work on a processor; one for each thread needs no lock.
  thread_local const dnnl::stream stream(cpu_engine());
  auto argument = arguments_.begin();
  for (void* pointer : pointers) {
    if (argument == arguments_.end()) break;
    dnnl::error::wrap_c_api(dnnl_memory_set_data_handle((argument++)->memory, pointer), "setting an operand");
  }
  const int count = static_cast<int>(arguments_.size());
  dnnl::error::wrap_c_api(dnnl_primitive_execute(primitive_.get(), stream.get(), count, arguments_.data()),
                          "executing a primitive");
}

}  // namespace pydl::backends::onednn
