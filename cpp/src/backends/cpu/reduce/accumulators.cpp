#include "backends/cpu/reduce/accumulators.h"

#include <cmath>

namespace pydl::cpu {

namespace {

template <class T, class Accumulator>
void store_results(const Accumulator* acc, int64_t count, double divisor, void* out) {
  auto* y = static_cast<T*>(out);
  for (int64_t i = 0; i < count; ++i) {
    if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
      y[i] = T::from_float(static_cast<float>(acc[i] / divisor));
    } else if constexpr (std::is_same_v<Accumulator, double>) {
      y[i] = static_cast<T>(acc[i] / divisor);
    } else {
      y[i] = static_cast<T>(acc[i]);
    }
  }
}

}  // namespace

ReduceLane reduce_lane(DType dtype) {
  switch (dtype) {
    case DType::float32: return reduce_float;
    case DType::float64: return reduce_double;
    case DType::int32: return reduce_int32;
    case DType::int64: return reduce_int64;
    default: return reduce_uint8;
  }
}

template <class Accumulator>
void finish_results(const Finish& finish, Accumulator* acc, int64_t count, void* out) {
  if (finish.is_root) {
    for (int64_t i = 0; i < count; ++i) acc[i] = static_cast<Accumulator>(std::sqrt(static_cast<double>(acc[i])));
  }
  visit_dtype(finish.dtype, [&](auto zero) { store_results<decltype(zero)>(acc, count, finish.divisor, out); });
}

template void finish_results(const Finish&, double*, int64_t, void*);
template void finish_results(const Finish&, int64_t*, int64_t, void*);

}  // namespace pydl::cpu
