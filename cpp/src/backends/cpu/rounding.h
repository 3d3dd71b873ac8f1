// Division and alignment that round up.
#pragma once

#include <cstdint>

namespace pydl::cpu {

constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// The smallest multiple of `unit` that is at least `value`.
constexpr int64_t round_up(int64_t value, int64_t unit) { return ceil_div(value, unit) * unit; }

}  // namespace pydl::cpu
