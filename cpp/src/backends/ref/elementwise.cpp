// Elementwise ops, computed by the formulas of the table in double or int64_t.
#include "op/elementwise_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "backends/ref/special_functions.h"

namespace pydl::backends::ref {

// The functions called by the formulas.
namespace m {

using std::acos;
using std::acosh;
using std::asin;
using std::asinh;
using std::atan;
using std::atan2;
using std::atanh;
using std::ceil;
using std::copysign;
using std::cos;
using std::cosh;
using std::erf;
using std::erfc;
using std::exp;
using std::exp2;
using std::expm1;
using std::floor;
using std::hypot;
using std::log;
using std::log10;
using std::log1p;
using std::log2;
using std::sin;
using std::sinh;
using std::sqrt;
using std::tan;
using std::tanh;
using std::trunc;

using special::digamma;
using special::erfinv;
using special::lgamma;
using special::polygamma;

double round(double x) { return std::nearbyint(x); }  // ties to even in the default rounding mode
double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }
double gelu(double x) { return x * 0.5 * (1.0 + std::erf(x * 0.70710678118654752440)); }
// Far out the slopes are constant.
double silu_slope(double x) {
  const double near = x != x ? x : std::clamp(x, -800.0, 800.0);
  return sigmoid(near) * (near * (1.0 - sigmoid(near)) + 1.0);
}
double gelu_slope(double x) {
  const double near = x != x ? x : std::clamp(x, -40.0, 40.0);
  const double density = std::exp(near * near * -0.5) * 0.39894228040143267794;
  return 0.5 * (1.0 + std::erf(near * 0.70710678118654752440)) + near * density;
}
double gelu_tanh_slope(double x) {
  const double near = x != x ? x : std::clamp(x, -20.0, 20.0);
  const double s = sigmoid(1.59576912160573071176 * (near + 0.044715 * near * near * near));
  return s + near * s * (1.0 - s) * 1.59576912160573071176 * (3 * 0.044715 * near * near + 1.0);
}
double pow(double a, double b) { return std::pow(a, b); }
double fmod(double a, double b) { return std::fmod(a, b); }
bool signbit(double x) { return std::signbit(x); }
bool signbit(int64_t x) { return x < 0; }
// Near 1/2 the quotient is near 1, and `2 * x - 1` is exact.
double logit(double x) { return x > 0.25 && x < 0.75 ? std::log1p((2 * x - 1) / (1 - x)) : std::log(x / (1 - x)); }
double sinc(double x) {
  if (x == 0) return 1;
  const double whole = std::nearbyint(x);
  const double sine = std::sin(3.14159265358979323846 * (x - whole));
  return (std::fmod(whole, 2) == 0 ? sine : -sine) / (3.14159265358979323846 * x);
}
double logaddexp(double a, double b) {
  if (a == b) return a + std::log(2.0);
  return (a > b ? a : b) + std::log1p(std::exp(-std::fabs(a - b)));
}
double xlogy(double a, double b) { return a == 0 && b == b ? 0.0 : a * std::log(b); }

// The multiplication in derivatives, see ops.h. The operators are bitwise, so that loops vectorise.
template <class T>
T gradient_times(T gradient, T slope) {
  const bool nothing = (gradient == T(0)) | ((slope == T(0)) & (gradient == gradient));
  return nothing ? T(0) : gradient * slope;
}

// The loss of a difference d. What is not a number is not small.
template <class T>
T huber(T d, T c) {
  const T size = d < T(0) ? -d : d;
  return size <= c ? d * d * T(0.5) : c * (size - c * T(0.5));
}

double remainder(double a, double b) {
  const double rest = std::fmod(a, b);
  if (rest == 0) return std::copysign(0.0, b);
  return (rest < 0) == (b < 0) ? rest : rest + b;
}

// Uses the exact remainder, because a / b may round up to the next integer.
double floor_divide(double a, double b) {
  if (b == 0) return a / b;
  const double rest = std::fmod(a, b);
  const double whole = std::nearbyint((a - rest) / b);
  if (rest != 0 && (rest < 0) != (b < 0)) return whole - 1;
  return whole == 0 ? std::copysign(0.0, a / b) : whole;
}

// Unsigned, so that overflow wraps around.
int64_t multiply(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

int64_t floor_divide(int64_t a, int64_t b) {
  if (b == 0) return 0;
  if (b == -1) return multiply(a, -1);
  const int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

int64_t remainder(int64_t a, int64_t b) {
  if (b == 0 || b == -1) return 0;
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

int64_t fmod(int64_t a, int64_t b) { return b == 0 || b == -1 ? 0 : a % b; }

// A shift by at least the width of the type moves all bits out.
int64_t left_shift(int64_t a, int64_t b) {
  return b >= 0 && b < 64 ? static_cast<int64_t>(static_cast<uint64_t>(a) << b) : 0;
}
int64_t right_shift(int64_t a, int64_t b) { return a >> (b >= 0 && b < 64 ? b : 63); }

int64_t pow(int64_t a, int64_t b) {
  if (b < 0 && a == -1) return b % 2 == 0 ? 1 : -1;
  if (b < 0) return a == 1 ? 1 : 0;
  int64_t result = 1;
  for (; b > 0; b /= 2, a = multiply(a, a)) {
    if (b % 2 == 1) result = multiply(result, a);
  }
  return result;
}

}  // namespace m

namespace {

template <OpId id>
struct Formula;

#define PYDL_FORMULA(parameters, op, ...) \
  template <>                             \
  struct Formula<OpId::op> {              \
    template <class T>                    \
    static T apply parameters {           \
      return static_cast<T>(__VA_ARGS__); \
    }                                     \
  };
#define PYDL_FORMULA_UNARY(op, ...) PYDL_FORMULA((T x), op, __VA_ARGS__)
#define PYDL_FORMULA_UNARY_FLOAT(op, ...) PYDL_FORMULA((T x), op, __VA_ARGS__)
#define PYDL_FORMULA_UNARY_INTEGER(op, ...) PYDL_FORMULA((T x), op, __VA_ARGS__)
#define PYDL_FORMULA_UNARY_TEST(op, ...) PYDL_FORMULA((T x), op, __VA_ARGS__)
#define PYDL_FORMULA_BINARY(op, ...) PYDL_FORMULA((T a, T b), op, __VA_ARGS__)
#define PYDL_FORMULA_BINARY_FLOAT(op, ...) PYDL_FORMULA((T a, T b), op, __VA_ARGS__)
#define PYDL_FORMULA_BINARY_INTEGER(op, ...) PYDL_FORMULA((T a, T b), op, __VA_ARGS__)
#define PYDL_FORMULA_COMPARE(op, ...) PYDL_FORMULA((T a, T b), op, __VA_ARGS__)
#define PYDL_FORMULA_LOGICAL(op, ...) PYDL_FORMULA((T a, T b), op, __VA_ARGS__)
#define PYDL_FORMULA_TERNARY_FLOAT(op, ...) PYDL_FORMULA((T a, T b, T c), op, __VA_ARGS__)
#define PYDL_ROW(kind, op, doc, ...) PYDL_FORMULA_##kind(op, __VA_ARGS__)
PYDL_ELEMENTWISE_TABLE(PYDL_ROW)
#undef PYDL_ROW

template <class T>
using Unary = T (*)(T);
template <class T>
using Binary = T (*)(T, T);

// Calls `function(in, out)` with values of the types of inputs and output: the output is bool or has the type of the
// inputs.
template <class Function>
void visit_types(const RefCall& call, const Function& function) {
  visit_dtype(call.inputs[0].dtype, [&](auto in) {
    if (call.outputs[0].dtype == DType::boolean) {
      function(in, bool{});
    } else {
      function(in, in);
    }
  });
}

// Chooses the formula for the compute type of T. One that is never called may be null.
template <class T, template <class> class Function>
Function<Compute<T>> choose(Function<double> floating, Function<int64_t> integer) {
  if constexpr (is_floating(DTypeOf<T>::value)) {
    return floating;
  } else {
    return integer;
  }
}

void run_unary(const RefCall& call, Unary<double> floating, Unary<int64_t> integer) {
  const BufferSpec& x = call.inputs[0];
  const BufferSpec& y = call.outputs[0];
  visit_types(call, [&](auto in, auto out) {
    using In = decltype(in);
    using Out = decltype(out);
    const auto formula = choose<In, Unary>(floating, integer);
    for_each_position<2>(x.shape, {x.strides, y.strides}, [&](const auto& offsets) {
      store<Out>(call.output_data[0], offsets[1], formula(load<In>(call.input_data[0], offsets[0])));
    });
  });
}

void run_binary(const RefCall& call, Binary<double> floating, Binary<int64_t> integer) {
  const BufferSpec& a = call.inputs[0];
  const BufferSpec& b = call.inputs[1];
  const BufferSpec& y = call.outputs[0];
  visit_types(call, [&](auto in, auto out) {
    using In = decltype(in);
    using Out = decltype(out);
    const auto formula = choose<In, Binary>(floating, integer);
    for_each_position<3>(y.shape, {a.strides, b.strides, y.strides}, [&](const auto& offsets) {
      const auto left = load<In>(call.input_data[0], offsets[0]);
      const auto right = load<In>(call.input_data[1], offsets[1]);
      store<Out>(call.output_data[0], offsets[2], formula(left, right));
    });
  });
}

template <OpId id>
void run_unary_row(const RefCall& call) {
  run_unary(call, Formula<id>::template apply<double>, Formula<id>::template apply<int64_t>);
}

template <OpId id>
void run_unary_float_row(const RefCall& call) {
  run_unary(call, Formula<id>::template apply<double>, nullptr);
}

template <OpId id>
void run_unary_integer_row(const RefCall& call) {
  run_unary(call, nullptr, Formula<id>::template apply<int64_t>);
}

template <OpId id>
void run_binary_integer_row(const RefCall& call) {
  run_binary(call, nullptr, Formula<id>::template apply<int64_t>);
}

template <OpId id>
void run_binary_row(const RefCall& call) {
  run_binary(call, Formula<id>::template apply<double>, Formula<id>::template apply<int64_t>);
}

template <OpId id>
void run_binary_float_row(const RefCall& call) {
  run_binary(call, Formula<id>::template apply<double>, nullptr);
}

template <OpId id>
void run_ternary_row(const RefCall& call) {
  const BufferSpec& y = call.outputs[0];
  const std::array<Dims, 4> strides = {call.inputs[0].strides, call.inputs[1].strides, call.inputs[2].strides,
                                       y.strides};
  visit_dtype(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    for_each_position(y.shape, strides, [&](const auto& offsets) {
      const auto a = static_cast<double>(load<T>(call.input_data[0], offsets[0]));
      const auto b = static_cast<double>(load<T>(call.input_data[1], offsets[1]));
      const auto c = static_cast<double>(load<T>(call.input_data[2], offsets[2]));
      store<T>(call.output_data[0], offsets[3], Formula<id>::template apply<double>(a, b, c));
    });
  });
}

void run_where(const RefCall& call) {
  const BufferSpec& y = call.outputs[0];
  const auto size = static_cast<int64_t>(item_size(y.dtype));
  const std::array<Dims, 4> strides = {call.inputs[0].strides, call.inputs[1].strides, call.inputs[2].strides,
                                       y.strides};
  for_each_position(y.shape, strides, [&](const auto& offsets) {
    const int chosen = load<bool>(call.input_data[0], offsets[0]) ? 1 : 2;
    const char* from = static_cast<const char*>(call.input_data[chosen]) + offsets[chosen] * size;
    std::memcpy(static_cast<char*>(call.output_data[0]) + offsets[3] * size, from, static_cast<size_t>(size));
  });
}

void run_clip(const RefCall& call) {
  const BufferSpec& y = call.outputs[0];
  const std::array<Dims, 4> strides = {call.inputs[0].strides, call.inputs[1].strides, call.inputs[2].strides,
                                       y.strides};
  visit_dtype(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    for_each_position(y.shape, strides, [&](const auto& offsets) {
      const auto x = load<T>(call.input_data[0], offsets[0]);
      const auto low = load<T>(call.input_data[1], offsets[1]);
      const auto high = load<T>(call.input_data[2], offsets[2]);
      store<T>(call.output_data[0], offsets[3],
               Formula<OpId::minimum>::apply(Formula<OpId::maximum>::apply(x, low), high));
    });
  });
}

// One loop per type of the results and compute type: one per pair of types would be a hundred.
template <class Value>
void convert_from(Value (*load_value)(const void*, int64_t), const BufferSpec& to, void* to_data,
                  const BufferSpec& from, const void* from_data) {
  visit_dtype(to.dtype, [&](auto zero) {
    for_each_position<2>(to.shape, {to.strides, from.strides}, [&](const auto& offsets) {
      store<decltype(zero)>(to_data, offsets[0], load_value(from_data, offsets[1]));
    });
  });
}

void run_convert(const RefCall& call) {
  convert_elements(call.outputs[0], call.output_data[0], call.inputs[0], call.input_data[0]);
}

}  // namespace

void copy_elements(DType dtype, const Dims& shape, void* to, const Dims& to_strides, const void* from,
                   const Dims& from_strides) {
  const auto size = static_cast<int64_t>(item_size(dtype));
  for_each_position<2>(shape, {to_strides, from_strides}, [&](const auto& offsets) {
    std::memcpy(static_cast<char*>(to) + offsets[0] * size, static_cast<const char*>(from) + offsets[1] * size,
                static_cast<size_t>(size));
  });
}

void convert_elements(const BufferSpec& to, void* to_data, const BufferSpec& from, const void* from_data) {
  if (to.dtype == from.dtype) {
    copy_elements(to.dtype, to.shape, to_data, to.strides, from_data, from.strides);
    return;
  }
  visit_dtype(from.dtype, [&](auto zero) { convert_from(&load<decltype(zero)>, to, to_data, from, from_data); });
}

void register_elementwise(KernelTable& table) {
#define PYDL_PREPARE_UNARY(op) prepare<run_unary_row<OpId::op>>
#define PYDL_PREPARE_UNARY_FLOAT(op) prepare<run_unary_float_row<OpId::op>, is_floating>
#define PYDL_PREPARE_UNARY_TEST(op) prepare<run_unary_row<OpId::op>>
#define PYDL_PREPARE_BINARY(op) prepare<run_binary_row<OpId::op>>
#define PYDL_PREPARE_BINARY_FLOAT(op) prepare<run_binary_float_row<OpId::op>, is_floating>
#define PYDL_PREPARE_UNARY_INTEGER(op) prepare<run_unary_integer_row<OpId::op>, is_integer>
#define PYDL_PREPARE_BINARY_INTEGER(op) prepare<run_binary_integer_row<OpId::op>, is_integer>
#define PYDL_PREPARE_COMPARE(op) prepare<run_binary_row<OpId::op>>
#define PYDL_PREPARE_LOGICAL(op) prepare<run_binary_row<OpId::op>>
#define PYDL_PREPARE_TERNARY_FLOAT(op) prepare<run_ternary_row<OpId::op>, is_floating>
#define PYDL_ROW(kind, op, ...) table.add(OpId::op, Provider::ref, PYDL_PREPARE_##kind(op));
  PYDL_ELEMENTWISE_TABLE(PYDL_ROW)
#undef PYDL_ROW
  table.add(OpId::cast, Provider::ref, prepare<run_convert>);
  table.add(OpId::copy, Provider::ref, prepare<run_convert>);
  table.add(OpId::where, Provider::ref, prepare<run_where>);
  table.add(OpId::clip, Provider::ref, prepare<run_clip>);
}

}  // namespace pydl::backends::ref
