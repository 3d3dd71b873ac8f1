// The neighbours of floating-point numbers, by their bits.
#include <cstring>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/attrs/special.h"

namespace pydl::backends::ref {

namespace {

// In all formats the sign is the first bit, and numbers of one sign are ordered like their other bits.
struct BitFormat {
  uint64_t sign;
  uint64_t infinity;
};

BitFormat format_of(DType dtype) {
  switch (dtype) {
    case DType::float16: return {0x8000, 0x7c00};
    case DType::bfloat16: return {0x8000, 0x7f80};
    case DType::float32: return {0x80000000, 0x7f800000};
    default: return {0x8000000000000000, 0x7ff0000000000000};
  }
}

uint64_t bits_after(BitFormat format, uint64_t a, uint64_t b) {
  const uint64_t size_a = a & ~format.sign;
  const uint64_t size_b = b & ~format.sign;
  if (size_a > format.infinity) return a;
  if (size_b > format.infinity) return b;
  if (a == b || (size_a == 0 && size_b == 0)) return b;
  if (size_a == 0) return (b & format.sign) + 1;
  const bool same_sign = (a & format.sign) == (b & format.sign);
  return same_sign && size_b > size_a ? a + 1 : a - 1;
}

void run_nextafter(const RefCall& call) {
  const BufferSpec& y = call.outputs[0];
  const size_t size = item_size(y.dtype);
  const BitFormat format = format_of(y.dtype);
  const auto bits_at = [size](const void* data, int64_t offset) {
    uint64_t bits = 0;  // the first bytes are the lowest
    std::memcpy(&bits, static_cast<const char*>(data) + offset * static_cast<int64_t>(size), size);
    return bits;
  };
  const std::array<Dims, 3> strides = {call.inputs[0].strides, call.inputs[1].strides, y.strides};
  for_each_position(y.shape, strides, [&](const auto& offsets) {
    const uint64_t bits =
        bits_after(format, bits_at(call.input_data[0], offsets[0]), bits_at(call.input_data[1], offsets[1]));
    std::memcpy(static_cast<char*>(call.output_data[0]) + offsets[2] * static_cast<int64_t>(size), &bits, size);
  });
}

void run_replace(const RefCall& call) {
  const auto [nan, positive, negative] = op::from_attrs<op::ReplaceNonfiniteAttrs>(call.attrs);
  const DType dtype = call.inputs[0].dtype;
  int64_t next = 0;
  for_each_position<1>(call.inputs[0].shape, {call.inputs[0].strides}, [&](const auto& at) {
    double value = load_of<double>(dtype)(call.input_data[0], at[0]);
    if (std::isnan(value)) {
      value = nan;
    } else if (std::isinf(value)) {
      value = value > 0 ? positive : negative;
    }
    store_of<double>(dtype)(call.output_data[0], next++, value);
  });
}

}  // namespace

void register_special(KernelTable& table) {
  table.add(OpId::nextafter, Provider::ref, prepare<run_nextafter>);
  table.add(OpId::replace_nonfinite, Provider::ref, prepare<run_replace, is_floating>);
}

}  // namespace pydl::backends::ref
