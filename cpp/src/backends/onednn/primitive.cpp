#include "backends/onednn/primitive.h"

#include <new>
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

std::string require_usable(const dnnl::primitive_desc_base& description) {
  const std::string_view name = description.impl_info_str();
  if (name.starts_with("ref")) throw dnnl::error(dnnl_unimplemented, "no optimised implementation");
  if (name.find("gemm") != std::string_view::npos && !name.starts_with("brg")) {
    throw dnnl::error(dnnl_unimplemented, "an implementation that moves the stack pointer");
  }
  return std::string(name);
}

namespace {

void rectify_floats(float* elements, int64_t count) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) elements[i] = elements[i] < 0 ? 0 : elements[i];
}

// Elements of 16 bits with the sign in the highest one: negative numbers are the codes from the sign bit alone to minus
// infinity.
void rectify_halves(uint16_t* elements, int64_t count, uint16_t minus_infinity) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    const uint16_t bits = elements[i];
    elements[i] = bits >= 0x8000U && bits <= minus_infinity ? uint16_t{0} : bits;
  }
}

}  // namespace

void rectify(dnnl::memory::data_type type, void* elements, int64_t count) {
  switch (type) {
    case dnnl::memory::data_type::f32: rectify_floats(static_cast<float*>(elements), count); break;
    case dnnl::memory::data_type::bf16: rectify_halves(static_cast<uint16_t*>(elements), count, 0xff80U); break;
    default: rectify_halves(static_cast<uint16_t*>(elements), count, 0xfc00U);
  }
}

int64_t part_count(int64_t multiply_adds) {
  constexpr int64_t worth_sharing = int64_t{1} << 20;
  constexpr int64_t most = 64;
  if (multiply_adds < worth_sharing) return 1;
  int64_t parts = 2;
  while (parts < most && multiply_adds / worth_sharing >= 4 * parts * parts) parts *= 2;
  return parts;
}

void BoundPrimitive::add_argument(int argument, const dnnl::memory::desc& description) {
  memories_.emplace_back(description, cpu_engine(), nullptr);
  arguments_.push_back({argument, memories_.back().get()});
}

void BoundPrimitive::execute(std::span<void* const> pointers) {
  auto argument = arguments_.begin();
  for (void* pointer : pointers) {
    if (argument == arguments_.end()) break;
    dnnl::error::wrap_c_api(dnnl_memory_set_data_handle((argument++)->memory, pointer), "setting an operand");
  }
  const int count = static_cast<int>(arguments_.size());
  const dnnl_status_t status = dnnl_primitive_execute(primitive_.get(), stream_.get(), count, arguments_.data());
  if (status == dnnl_out_of_memory) throw std::bad_alloc();
  dnnl::error::wrap_c_api(status, "executing a primitive");
}

}  // namespace pydl::backends::onednn
