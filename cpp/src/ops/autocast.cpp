#include "pydl/autocast.h"

#include "pydl/ops.h"

namespace pydl {

namespace {

thread_local std::optional<DType> current;

bool is_half(DType dtype) { return dtype == DType::bfloat16 || dtype == DType::float16; }

}  // namespace

std::optional<DType> autocast_dtype() { return current; }

void set_autocast_dtype(std::optional<DType> dtype) {
  if (dtype && !is_half(*dtype)) {
    throw ValueError(concat_text("autocast: expected bfloat16 or float16, got ", *dtype));
  }
  current = dtype;
}

AutocastScope::AutocastScope(std::optional<DType> dtype) : previous_(current) { set_autocast_dtype(dtype); }
AutocastScope::~AutocastScope() { current = previous_; }

DType product_dtype(DType dtype) { return current && (dtype == DType::float32 || is_half(dtype)) ? *current : dtype; }

Tensor widened(const Tensor& x) { return current && is_half(x.dtype()) ? astype(x, DType::float32) : x; }

}  // namespace pydl
