#include "pydl/dtype.h"

#include <ostream>

#include "pydl/error.h"

namespace pydl {

namespace {

constexpr std::string_view names[dtype_count] = {"bool",  "uint8",   "int8",     "int16",   "int32",
                                                 "int64", "float16", "bfloat16", "float32", "float64"};

DType promote_integers(DType a, DType b) {
  if (a > b) std::swap(a, b);
  // uint8 is the only unsigned dtype. With int8 it needs 16 bits; with a wider dtype, that dtype is enough.
  if (a == DType::uint8 && b == DType::int8) return DType::int16;
  return b;
}

DType promote_floats(DType a, DType b) {
  if (a > b) std::swap(a, b);
  // Neither 16-bit format contains the other.
  if (a == DType::float16 && b == DType::bfloat16) return DType::float32;
  return b;
}

}  // namespace

std::string_view dtype_name(DType dtype) { return names[static_cast<int>(dtype)]; }

DType dtype_from_name(std::string_view name) {
  for (int i = 0; i < dtype_count; ++i) {
    if (names[i] == name) return static_cast<DType>(i);
  }
  throw TypeError(concat_text("unknown dtype '", name, "'; pydl has bool, uint8, int8, int16, int32, int64, float16, ",
                              "bfloat16, float32 and float64"));
}

DType promote(DType a, DType b) {
  if (a == b) return a;
  if (a == DType::boolean) return b;
  if (b == DType::boolean) return a;
  if (is_floating(a) && is_floating(b)) return promote_floats(a, b);
  if (is_floating(a)) return a;
  if (is_floating(b)) return b;
  return promote_integers(a, b);
}

std::ostream& operator<<(std::ostream& out, DType dtype) { return out << dtype_name(dtype); }

// Float16 by the exponent arithmetic of IEEE 754, rounding to nearest even; portable, for `ref` and single values.
Float16 Float16::from_float(float value) {
  const uint32_t word = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((word >> 16) & 0x8000U);
  const uint32_t magnitude = word & 0x7fffffffU;
  if (magnitude > 0x7f800000U) return {static_cast<uint16_t>(sign | 0x7e00U)};
  if (magnitude >= 0x477ff000U) return {static_cast<uint16_t>(sign | 0x7c00U)};  // rounds beyond 65504: infinity
  if (magnitude < 0x38800000U) {
    // Subnormal: adding 0.5 makes the floating-point unit round at bit 2^-24.
    const float rounded = std::bit_cast<float>(magnitude) + 0.5F;
    return {static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(rounded) - 0x3f000000U))};
  }
  const uint32_t rounded = magnitude + 0xfffU + ((magnitude >> 13) & 1U);
  return {static_cast<uint16_t>(sign | ((rounded - 0x38000000U) >> 13))};
}

float Float16::to_float() const {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000U) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fU;
  const uint32_t mantissa = bits & 0x3ffU;
  if (exponent == 0) {
    const float value = static_cast<float>(mantissa) * 0x1p-24F;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(value) | sign);
  }
  const uint32_t wide = exponent == 31 ? 0x7f800000U : (exponent + 112U) << 23;
  return std::bit_cast<float>(sign | wide | (mantissa << 13));
}

}  // namespace pydl
