// The table of elementwise ops as loops over contiguous elements, one loop per op and `Lane`.
#include "op/elementwise_table.h"

#include <type_traits>

#include "backends/cpu/kernels/activation_math.h"
#include "backends/cpu/kernels/fill.h"
#include "backends/cpu/kernels/special_math.h"
#include "backends/cpu/kernels/vector_math.h"

namespace pydl::cpu::PYDL_ISA_NAMESPACE {

namespace {

// The integer functions that formulas use; overflow wraps around.
namespace m {

template <class T>
inline T floor_divide(T a, T b) {
  if (b == 0) return 0;
  if (b == -1) return -a;
  const T quotient = a / b;
  return quotient * b != a && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

template <class T>
inline T remainder(T a, T b) {
  if (b == 0 || b == -1) return 0;
  const T rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

template <class T>
inline T pow(T a, T b) {
  if (b < 0) return a == 1 ? 1 : (a == -1 ? (b % 2 == 0 ? 1 : -1) : 0);
  T result = 1;
  for (; b > 0; b /= 2, a *= a) {
    if (b % 2 == 1) result *= a;
  }
  return result;
}

// A shift by at least the width of the type moves all bits out. Bits are shifted as unsigned numbers. Small integers
// are cut to the width of their dtype when their results are stored.
template <class T>
inline T left_shift(T a, T b) {
  constexpr T width = 8 * sizeof(T);
  using Bits = std::conditional_t<sizeof(T) == sizeof(uint32_t), uint32_t, uint64_t>;
  return b >= 0 && b < width ? static_cast<T>(static_cast<Bits>(a) << b) : T(0);
}

template <class T>
inline T right_shift(T a, T b) {
  constexpr T width = 8 * sizeof(T);
  return a >> (b >= 0 && b < width ? b : width - 1);
}

template <class T>
inline T fmod(T a, T b) {
  return b == 0 || b == -1 ? T(0) : a % b;
}
template <class T>
inline bool signbit(T x) {
  return x < 0;
}
inline float fmod(float a, float b) { return __builtin_fmodf(a, b); }
inline double fmod(double a, double b) { return __builtin_fmod(a, b); }

template <class T>
inline T float_remainder(T a, T b) {
  const T rest = m::fmod(a, b);
  if (rest == 0) return __builtin_copysign(T(0), b);
  return (rest < 0) != (b < 0) ? rest + b : rest;
}
inline float remainder(float a, float b) { return float_remainder(a, b); }
inline double remainder(double a, double b) { return float_remainder(a, b); }

// Uses the exact remainder, because a / b may round up to the next integer.
template <class T>
inline T float_floor_divide(T a, T b) {
  if (b == 0) return a / b;
  const T rest = m::fmod(a, b);
  const T whole = m::round((a - rest) / b);
  if (rest != 0 && (rest < 0) != (b < 0)) return whole - 1;
  return whole == 0 ? m::copysign(T(0), a / b) : whole;
}
inline float floor_divide(float a, float b) { return float_floor_divide(a, b); }
inline double floor_divide(double a, double b) { return float_floor_divide(a, b); }

// The multiplication in derivatives, see ops.h. The operators are bitwise, so that loops vectorise.
template <class T>
inline T gradient_times(T gradient, T slope) {
  const bool nothing = (gradient == T(0)) | ((slope == T(0)) & (gradient == gradient));
  return nothing ? T(0) : gradient * slope;
}

// The loss of a difference d. What is not a number is not small.
template <class T>
inline T huber(T d, T c) {
  const T size = d < T(0) ? -d : d;
  return size <= c ? d * d * T(0.5) : c * (size - c * T(0.5));
}

}  // namespace m

// One struct per row of the table, named like its op and containing its formula. Tests return bool.
#define PYDL_UNARY(name, result, ...)          \
  struct name {                                \
    template <class T>                         \
    static inline result apply(T x) {          \
      return static_cast<result>(__VA_ARGS__); \
    }                                          \
  };
#define PYDL_BINARY(name, result, ...)         \
  struct name {                                \
    template <class T>                         \
    static inline result apply(T a, T b) {     \
      return static_cast<result>(__VA_ARGS__); \
    }                                          \
  };
#define PYDL_FORMULA_UNARY(name, ...) PYDL_UNARY(name, T, __VA_ARGS__)
#define PYDL_FORMULA_UNARY_FLOAT(name, ...) PYDL_UNARY(name, T, __VA_ARGS__)
#define PYDL_FORMULA_UNARY_INTEGER(name, ...) PYDL_UNARY(name, T, __VA_ARGS__)
#define PYDL_FORMULA_UNARY_TEST(name, ...) PYDL_UNARY(name, bool, __VA_ARGS__)
#define PYDL_FORMULA_BINARY(name, ...) PYDL_BINARY(name, T, __VA_ARGS__)
#define PYDL_FORMULA_BINARY_FLOAT(name, ...) PYDL_BINARY(name, T, __VA_ARGS__)
#define PYDL_FORMULA_BINARY_INTEGER(name, ...) PYDL_BINARY(name, T, __VA_ARGS__)
#define PYDL_TERNARY(name, ...)            \
  struct name {                            \
    template <class T>                     \
    static inline T apply(T a, T b, T c) { \
      return static_cast<T>(__VA_ARGS__);  \
    }                                      \
  };
#define PYDL_FORMULA_TERNARY_FLOAT(name, ...) PYDL_TERNARY(name, __VA_ARGS__)
#define PYDL_FORMULA_COMPARE(name, ...) PYDL_BINARY(name, bool, __VA_ARGS__)
#define PYDL_FORMULA_LOGICAL(name, ...) PYDL_BINARY(name, bool, __VA_ARGS__)

namespace formula {
#define PYDL_ROW(kind, name, doc, ...) PYDL_FORMULA_##kind(name, __VA_ARGS__)
PYDL_ELEMENTWISE_TABLE(PYDL_ROW)
#undef PYDL_ROW
}  // namespace formula

// `ivdep`: an output may coincide with an input, element by element, but overlaps it in no other way.
template <class Formula, class T>
void unary_loop(void* out, const void* const* in, int64_t count) {
  using Result = decltype(Formula::apply(T{}));
  const T* x = static_cast<const T*>(in[0]);
  Result* y = static_cast<Result*>(out);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) y[i] = Formula::apply(x[i]);
}

template <class Formula, class T>
void binary_loop(void* out, const void* const* in, int64_t count) {
  using Result = decltype(Formula::apply(T{}, T{}));
  const T* a = static_cast<const T*>(in[0]);
  const T* b = static_cast<const T*>(in[1]);
  Result* y = static_cast<Result*>(out);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) y[i] = Formula::apply(a[i], b[i]);
}

// The same with operand `number` as one number.
template <class Formula, class T, int number>
void number_loop(void* out, const void* const* in, int64_t count) {
  const T one = *static_cast<const T*>(in[number]);
  const T* x = static_cast<const T*>(in[1 - number]);
  T* y = static_cast<T*>(out);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) y[i] = number == 0 ? Formula::apply(one, x[i]) : Formula::apply(x[i], one);
}

template <class Formula>
void fill_numbers(KernelSet& set, ArithmeticRow row) {
  set.with_number[row][lane_float][0] = number_loop<Formula, float, 0>;
  set.with_number[row][lane_float][1] = number_loop<Formula, float, 1>;
  set.with_number[row][lane_double][0] = number_loop<Formula, double, 0>;
  set.with_number[row][lane_double][1] = number_loop<Formula, double, 1>;
}

template <class Formula, class T>
void ternary_loop(void* out, const void* const* in, int64_t count) {
  const T* a = static_cast<const T*>(in[0]);
  const T* b = static_cast<const T*>(in[1]);
  const T* c = static_cast<const T*>(in[2]);
  T* y = static_cast<T*>(out);
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) y[i] = Formula::apply(a[i], b[i], c[i]);
}

// Functions whose vectorised formula holds for usual arguments only. Others are rare; in a block that has any, they go
// through the function of doubles.
constexpr int64_t usual_at_once = 512;

// The reduction of angles in `split_angle` is exact up to this bound.
struct UsualAngle {
  static inline bool holds(float x) { return m::magnitude(x) <= 0x1p20F; }
};
// The gamma function is reflected elsewhere.
struct UsualGamma {
  static inline bool holds(float x) { return x > 0.0F; }
};

template <class Formula, class Usual>
void usual_loop(void* out, const void* const* in, int64_t count) {
  const float* x = static_cast<const float*>(in[0]);
  float* y = static_cast<float*>(out);
  for (int64_t begin = 0; begin < count; begin += usual_at_once) {
    const int64_t end = count - begin < usual_at_once ? count : begin + usual_at_once;
    int32_t outside = 0;
    for (int64_t i = begin; i < end; ++i) outside |= Usual::holds(x[i]) ? 0 : 1;
    if (outside == 0) {
#pragma GCC ivdep
      for (int64_t i = begin; i < end; ++i) y[i] = Formula::apply(x[i]);
      continue;
    }
    for (int64_t i = begin; i < end; ++i) {
      const bool usual = Usual::holds(x[i]);
      y[i] = usual ? Formula::apply(x[i]) : static_cast<float>(Formula::apply(static_cast<double>(x[i])));
    }
  }
}

// Quotients up to this one are exact when they are cut, and so are their products with a float.
constexpr float largest_usual_quotient = 0x1p28F;

// The remainder of a division of floats that is cut, rounded down or not at all.
struct WideDivision {
  double a;
  double b;
  double quotient;  // cut
  double rest;      // with the sign of a
  bool differs;     // a rest that does not have the sign of b
  WideDivision(float dividend, float divisor) : a(dividend), b(divisor) {
    quotient = __builtin_trunc(a / b);
    rest = a - quotient * b;
    differs = (rest != 0.0) & ((rest < 0.0) != (b < 0.0));
  }
};
struct CutRemainder {
  using Slow = formula::fmod;
  static inline float apply(float a, float b) {
    return m::with_sign_of(static_cast<float>(WideDivision(a, b).rest), a);
  }
};
struct FlooredRemainder {
  using Slow = formula::remainder;
  static inline float apply(float a, float b) {
    const WideDivision division(a, b);
    return m::with_sign_of(static_cast<float>(division.differs ? division.rest + division.b : division.rest), b);
  }
};
struct FlooredQuotient {
  using Slow = formula::floor_divide;
  static inline float apply(float a, float b) {
    const WideDivision division(a, b);
    const double floored = division.differs ? division.quotient - 1.0 : division.quotient;
    const float sign = m::from_bits<float>(m::bits_of(a) ^ m::bits_of(b));
    return floored == 0.0 ? m::with_sign_of(0.0F, sign) : static_cast<float>(floored);
  }
};

// Divisions of usual numbers in double, and others one at a time.
template <class Formula>
void division_loop(void* out, const void* const* in, int64_t count) {
  const float* a = static_cast<const float*>(in[0]);
  const float* b = static_cast<const float*>(in[1]);
  float* y = static_cast<float*>(out);
  const auto is_usual = [](float x, float by) {
    const float size = m::magnitude(by);
    return (m::magnitude(x) < size * largest_usual_quotient) & (size > 0.0F) & (size < m::infinity);
  };
  for (int64_t begin = 0; begin < count; begin += usual_at_once) {
    const int64_t end = count - begin < usual_at_once ? count : begin + usual_at_once;
    int32_t outside = 0;
    for (int64_t i = begin; i < end; ++i) outside |= is_usual(a[i], b[i]) ? 0 : 1;
    if (outside == 0) {
#pragma GCC ivdep
      for (int64_t i = begin; i < end; ++i) y[i] = Formula::apply(a[i], b[i]);
      continue;
    }
    for (int64_t i = begin; i < end; ++i) {
      y[i] = is_usual(a[i], b[i]) ? Formula::apply(a[i], b[i]) : Formula::Slow::apply(a[i], b[i]);
    }
  }
}

// Cubes are products, which double holds nearly exactly.
void power_loop(void* out, const void* const* in, int64_t count) {
  const float* a = static_cast<const float*>(in[0]);
  const float* b = static_cast<const float*>(in[1]);
  float* y = static_cast<float*>(out);
  for (int64_t begin = 0; begin < count; begin += usual_at_once) {
    const int64_t end = count - begin < usual_at_once ? count : begin + usual_at_once;
    int32_t others = 0;
    for (int64_t i = begin; i < end; ++i) others |= b[i] == 3.0F ? 0 : 1;
    if (others == 0) {
#pragma GCC ivdep
      for (int64_t i = begin; i < end; ++i) {
        const double x = a[i];
        y[i] = static_cast<float>(x * x * x);
      }
    } else {
#pragma GCC ivdep
      for (int64_t i = begin; i < end; ++i) y[i] = m::pow(a[i], b[i]);
    }
  }
}

// Numbers in their order have integers in theirs, where -0 and 0 are the same one. Denormal numbers are numbers here,
// even if the processor takes them for 0.
template <class T, class Bits>
void nextafter_loop(void* out, const void* const* in, int64_t count) {
  const T* a = static_cast<const T*>(in[0]);
  const T* b = static_cast<const T*>(in[1]);
  Bits* y = static_cast<Bits*>(out);
  constexpr Bits sign = static_cast<Bits>(uint64_t{1} << (8 * sizeof(T) - 1));
  constexpr Bits infinite = __builtin_bit_cast(Bits, static_cast<T>(__builtin_inf()));
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const auto from = __builtin_bit_cast(Bits, a[i]);
    const auto to = __builtin_bit_cast(Bits, b[i]);
    const Bits from_size = from & ~sign;
    const Bits to_size = to & ~sign;
    const Bits start = from < 0 ? -from_size : from_size;
    const Bits end = to < 0 ? -to_size : to_size;
    const Bits next = start + (end > start ? 1 : 0) - (end < start ? 1 : 0);
    const Bits size = next < 0 ? -next : next;
    // A zero that is stepped on has the sign of the number before it.
    const Bits stepped = size | (next == 0 ? from & sign : (next < 0 ? sign : 0));
    const bool has_nan = (from_size > infinite) | (to_size > infinite);
    const Bits nothing = infinite | (infinite >> 1);
    y[i] = has_nan ? nothing : (start == end ? to : stepped);
  }
}

template <class T>
void replace_loop(void* out, const void* in, int64_t count, const double* values) {
  const T* x = static_cast<const T*>(in);
  T* y = static_cast<T*>(out);
  const auto nan = static_cast<T>(values[0]);
  const auto positive = static_cast<T>(values[1]);
  const auto negative = static_cast<T>(values[2]);
  constexpr auto infinite = static_cast<T>(__builtin_inf());
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const T number = x[i] == infinite ? positive : (x[i] == -infinite ? negative : x[i]);
    y[i] = x[i] != x[i] ? nan : number;
  }
}

// The derivative of `digamma`, as derivatives of lgamma need it, is computed side by side.
void polygamma_loop(void* out, const void* const* in, int64_t count) {
  const float* n = static_cast<const float*>(in[0]);
  const float* x = static_cast<const float*>(in[1]);
  float* y = static_cast<float*>(out);
  for (int64_t begin = 0; begin < count; begin += usual_at_once) {
    const int64_t end = count - begin < usual_at_once ? count : begin + usual_at_once;
    int32_t outside = 0;
    for (int64_t i = begin; i < end; ++i) outside |= (n[i] == 1.0F) & (x[i] > 0.0F) & (x[i] < m::infinity) ? 0 : 1;
    if (outside == 0) {
#pragma GCC ivdep
      for (int64_t i = begin; i < end; ++i) y[i] = static_cast<float>(m::trigamma(static_cast<double>(x[i])));
      continue;
    }
    for (int64_t i = begin; i < end; ++i) y[i] = m::polygamma(n[i], x[i]);
  }
}

// The gradient of `selu` is that of `elu`, scaled. With `alpha` as a constant, GCC does not vectorise the loop.
[[gnu::noinline, gnu::noclone]] void scaled_elu_gradient(const float* a, const float* b, float* y, int64_t count,
                                                         float alpha, float scale) {
#pragma GCC ivdep
  for (int64_t i = 0; i < count; ++i) {
    const float gradient = b[i] > 0.0F ? a[i] : m::gradient_times(a[i], alpha * m::exp(b[i]));
    y[i] = scale * gradient;
  }
}

void selu_backward_loop(void* out, const void* const* in, int64_t count) {
  scaled_elu_gradient(static_cast<const float*>(in[0]), static_cast<const float*>(in[1]), static_cast<float*>(out),
                      count, 1.6732632423543772F, 1.0507009873554805F);
}

// Gradients times slopes. A zero rarely meets an infinity, so blocks are multiplied directly, and only blocks with a
// product that is not finite are computed again by the formula.
struct GivenSlope {
  template <class V>
  static inline V of(V b) {
    return b;
  }
};
struct SigmoidSlope {
  template <class V>
  static inline V of(V y) {
    return y * (1 - y);
  }
};
struct TanhSlope {
  template <class V>
  static inline V of(V y) {
    return 1 - y * y;
  }
};
constexpr int64_t products_at_once = 512;

template <class Slope, class T>
void slope_loop(void* out, const void* const* in, int64_t count) {
  const T* a = static_cast<const T*>(in[0]);
  const T* b = static_cast<const T*>(in[1]);
  T* y = static_cast<T*>(out);
  T products[products_at_once];  // needed because the output may be an operand
  for (int64_t begin = 0; begin < count; begin += products_at_once) {
    const int64_t end = count - begin < products_at_once ? count : begin + products_at_once;
    const bool apart = y != a && y != b;
    T* results = apart ? y + begin : products;
    Vector<T> check{};
    int64_t i = begin;
    for (; i + vector_length<T> <= end; i += vector_length<T>) {
      const Vector<T> product = load(a + i) * Slope::of(load(b + i));
      check += product - product;
      store(results + (i - begin), product);
    }
    bool finite = true;
    for (int64_t lane = 0; lane < vector_length<T>; ++lane) finite = finite && check[lane] == T(0);
    for (; i < end; ++i) {
      const T product = a[i] * Slope::of(b[i]);
      finite = finite && product - product == T(0);
      results[i - begin] = product;
    }
    if (!finite) {
      for (i = begin; i < end; ++i) y[i] = m::gradient_times(a[i], Slope::of(b[i]));
    } else if (!apart) {
      __builtin_memcpy(y + begin, products, static_cast<size_t>(end - begin) * sizeof(T));
    }
  }
}

template <class Slope>
void fill_slopes(TileKernel* row) {
  row[lane_float] = slope_loop<Slope, float>;
  row[lane_double] = slope_loop<Slope, double>;
}

#define PYDL_FILL_FLOAT(loop, name)             \
  row[lane_float] = loop<formula::name, float>; \
  row[lane_double] = loop<formula::name, double>;
#define PYDL_FILL_ALL(loop, name)                 \
  PYDL_FILL_FLOAT(loop, name)                     \
  row[lane_int32] = loop<formula::name, int32_t>; \
  row[lane_int64] = loop<formula::name, int64_t>;
#define PYDL_FILL_INTEGER(loop, name)             \
  row[lane_int32] = loop<formula::name, int32_t>; \
  row[lane_int64] = loop<formula::name, int64_t>;
#define PYDL_FILL_UNARY(name) PYDL_FILL_ALL(unary_loop, name)
#define PYDL_FILL_UNARY_FLOAT(name) PYDL_FILL_FLOAT(unary_loop, name)
#define PYDL_FILL_UNARY_TEST(name) PYDL_FILL_ALL(unary_loop, name)
#define PYDL_FILL_BINARY(name) PYDL_FILL_ALL(binary_loop, name)
#define PYDL_FILL_BINARY_FLOAT(name) PYDL_FILL_FLOAT(binary_loop, name)
#define PYDL_FILL_TERNARY_FLOAT(name) PYDL_FILL_FLOAT(ternary_loop, name)
#define PYDL_FILL_UNARY_INTEGER(name) PYDL_FILL_INTEGER(unary_loop, name)
#define PYDL_FILL_BINARY_INTEGER(name) PYDL_FILL_INTEGER(binary_loop, name)
#define PYDL_FILL_COMPARE(name) PYDL_FILL_ALL(binary_loop, name)
#define PYDL_FILL_LOGICAL(name) row[0] = binary_loop<formula::name, uint8_t>;

}  // namespace

void fill_elementwise(KernelSet& set) {
#define PYDL_ROW(kind, name, ...)                                        \
  {                                                                      \
    TileKernel* row = set.elementwise[static_cast<int>(op::OpId::name)]; \
    PYDL_FILL_##kind(name)                                               \
  }
  PYDL_ELEMENTWISE_TABLE(PYDL_ROW)
#undef PYDL_ROW
  fill_numbers<formula::add>(set, arithmetic_add);
  fill_numbers<formula::subtract>(set, arithmetic_subtract);
  fill_numbers<formula::multiply>(set, arithmetic_multiply);
  fill_numbers<formula::divide>(set, arithmetic_divide);
  set.elementwise[static_cast<int>(op::OpId::polygamma)][lane_float] = polygamma_loop;
  set.elementwise[static_cast<int>(op::OpId::pow)][lane_float] = power_loop;
  set.elementwise[static_cast<int>(op::OpId::fmod)][lane_float] = division_loop<CutRemainder>;
  set.elementwise[static_cast<int>(op::OpId::remainder)][lane_float] = division_loop<FlooredRemainder>;
  set.elementwise[static_cast<int>(op::OpId::floor_divide)][lane_float] = division_loop<FlooredQuotient>;
  set.elementwise[static_cast<int>(op::OpId::selu_backward)][lane_float] = selu_backward_loop;
  set.not_bool = unary_loop<formula::logical_not, uint8_t>;
  set.nextafter[lane_float] = nextafter_loop<float, int32_t>;
  set.nextafter[lane_double] = nextafter_loop<double, int64_t>;
  set.replace[lane_float] = replace_loop<float>;
  set.replace[lane_double] = replace_loop<double>;
  fill_slopes<GivenSlope>(set.elementwise[static_cast<int>(op::OpId::gradient_times)]);
  fill_slopes<SigmoidSlope>(set.elementwise[static_cast<int>(op::OpId::sigmoid_backward)]);
  fill_slopes<TanhSlope>(set.elementwise[static_cast<int>(op::OpId::tanh_backward)]);
  set.elementwise[static_cast<int>(op::OpId::sin)][lane_float] = usual_loop<formula::sin, UsualAngle>;
  set.elementwise[static_cast<int>(op::OpId::cos)][lane_float] = usual_loop<formula::cos, UsualAngle>;
  set.elementwise[static_cast<int>(op::OpId::tan)][lane_float] = usual_loop<formula::tan, UsualAngle>;
  set.elementwise[static_cast<int>(op::OpId::lgamma)][lane_float] = usual_loop<formula::lgamma, UsualGamma>;
  set.elementwise[static_cast<int>(op::OpId::digamma)][lane_float] = usual_loop<formula::digamma, UsualGamma>;
}

}  // namespace pydl::cpu::PYDL_ISA_NAMESPACE
