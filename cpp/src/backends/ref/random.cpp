// Random numbers: element i depends only on seed, offset and i (runtime/philox.h).
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/attrs/random.h"
#include "runtime/philox.h"
#include "runtime/variate_math.h"

namespace pydl::backends::ref {

namespace {

using runtime::unit_double;
using runtime::unit_float;

struct Stream {
  uint64_t seed;
  uint64_t offset;

  std::array<uint32_t, 4> block(int64_t i) const { return runtime::philox(seed, offset + static_cast<uint64_t>(i)); }
  float float_at(int64_t i) const { return unit_float(block(i / 4)[static_cast<size_t>(i % 4)]); }
  double double_at(int64_t i) const {
    const auto words = block(i / 2);
    return i % 2 == 0 ? unit_double(words[0], words[1]) : unit_double(words[2], words[3]);
  }
};

Stream stream_of(const RefCall& call, size_t input) {
  const int64_t stride = call.inputs[input].strides[0];
  return {static_cast<uint64_t>(load<int64_t>(call.input_data[input], 0)),
          static_cast<uint64_t>(load<int64_t>(call.input_data[input], stride))};
}

// The type in which numbers of a dtype are drawn.
template <class T>
using Drawn = std::conditional_t<std::is_same_v<T, double>, double, float>;

// Calls `function` with a value of the type, if the dtype is floating-point.
template <class Function>
void visit_floating(DType dtype, const Function& function) {
  visit_dtype(dtype, [&](auto zero) {
    if constexpr (is_floating(DTypeOf<decltype(zero)>::value)) function(zero);
  });
}

// The neighbour towards minus infinity.
float below(float x) { return std::nextafter(x, -std::numeric_limits<float>::infinity()); }
double below(double x) { return std::nextafter(x, -std::numeric_limits<double>::infinity()); }
template <class Half>
Half below(Half x) {
  constexpr uint16_t sign = 0x8000;
  if ((x.bits & ~sign) == 0) return {sign | 1};
  return {static_cast<uint16_t>((x.bits & sign) != 0 ? x.bits + 1 : x.bits - 1)};
}

// Rounding may reach `high`, which is not part of the interval.
template <class T>
void store_below(void* data, int64_t i, Drawn<T> value, Drawn<T> high) {
  store<T>(data, i, value);
  T& element = static_cast<T*>(data)[i];
  if (load<T>(data, i) >= static_cast<double>(high)) element = below(element);
}

void run_uniform(const RefCall& call) {
  const auto attrs = op::from_attrs<op::UniformAttrs>(call.attrs);
  const BufferSpec& y = call.outputs[0];
  const Stream stream = stream_of(call, 0);
  visit_floating(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto low = static_cast<Drawn<T>>(attrs.low);
    const auto high = static_cast<Drawn<T>>(attrs.high);
    for (int64_t i = 0; i < element_count(y.shape); ++i) {
      if (!(low < high)) {
        store<T>(call.output_data[0], i, low);
      } else if constexpr (std::is_same_v<T, double>) {
        store_below<T>(call.output_data[0], i, low + (high - low) * stream.double_at(i), high);
      } else {
        store_below<T>(call.output_data[0], i, low + (high - low) * stream.float_at(i), high);
      }
    }
  });
}

// Two independent normal numbers from two uniform ones (Box and Muller, 1958).
std::pair<double, double> box_muller(double u1, double u2) {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - u1));
  const double angle = 2.0 * std::numbers::pi * u2;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

template <class T>
double normal_at(const Stream& stream, int64_t i) {
  if constexpr (std::is_same_v<T, double>) {
    const auto words = stream.block(i / 2);
    const auto pair = box_muller(unit_double(words[0], words[1]), unit_double(words[2], words[3]));
    return i % 2 == 0 ? pair.first : pair.second;
  } else {
    const auto words = stream.block(i / 4);
    const size_t first = i % 4 < 2 ? 0 : 2;
    const auto pair = box_muller(unit_float(words[first]), unit_float(words[first + 1]));
    return i % 2 == 0 ? pair.first : pair.second;
  }
}

void run_normal(const RefCall& call) {
  const auto attrs = op::from_attrs<op::NormalAttrs>(call.attrs);
  const BufferSpec& y = call.outputs[0];
  const Stream stream = stream_of(call, 0);
  visit_floating(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = 0; i < element_count(y.shape); ++i) {
      store<T>(call.output_data[0], i, attrs.mean + attrs.std * normal_at<T>(stream, i));
    }
  });
}

void run_dropout(const RefCall& call) {
  const BufferSpec& x = call.inputs[0];
  const Stream stream = stream_of(call, 1);
  const double p = op::from_attrs<op::DropoutAttrs>(call.attrs).p;
  visit_floating(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto scale = static_cast<Drawn<T>>(1.0 / (1.0 - p));
    int64_t i = 0;
    for_each_position<1>(x.shape, {x.strides}, [&](const auto& offsets) {
      const bool kept = stream.float_at(i) >= static_cast<float>(p);
      const auto value = static_cast<Drawn<T>>(load<T>(call.input_data[0], offsets[0]));
      store<T>(call.output_data[0], i++, kept ? value * scale : Drawn<T>{0});
    });
  });
}

double standard_of_unit(op::StandardDistribution distribution, double u) {
  switch (distribution) {
    case op::StandardDistribution::exponential: return runtime::exponential_of_unit(u);
    case op::StandardDistribution::laplace: return runtime::laplace_of_unit(u);
    case op::StandardDistribution::gumbel: return runtime::gumbel_of_unit(u);
    case op::StandardDistribution::cauchy: return runtime::cauchy_of_unit(u);
  }
  return 0;
}

void run_standard_variate(const RefCall& call) {
  const auto attrs = op::from_attrs<op::StandardVariateAttrs>(call.attrs);
  const BufferSpec& y = call.outputs[0];
  const Stream stream = stream_of(call, 0);
  visit_floating(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = 0; i < element_count(y.shape); ++i) {
      store<T>(call.output_data[0], i,
               static_cast<Drawn<T>>(standard_of_unit(attrs.distribution, stream.double_at(i))));
    }
  });
}

void run_random_integers(const RefCall& call) {
  const auto attrs = op::from_attrs<op::RandomIntegersAttrs>(call.attrs);
  const Stream stream = stream_of(call, 0);
  const auto width = static_cast<double>(static_cast<uint64_t>(attrs.high) - static_cast<uint64_t>(attrs.low));
  auto* y = static_cast<int64_t*>(call.output_data[0]);
  for (int64_t i = 0; i < element_count(call.outputs[0].shape); ++i) {
    y[i] = attrs.low + static_cast<int64_t>(stream.double_at(i) * width);
  }
}

void run_bernoulli(const RefCall& call) {
  const BufferSpec& p = call.inputs[0];
  const Stream stream = stream_of(call, 1);
  visit_floating(p.dtype, [&](auto zero) {
    using T = decltype(zero);
    int64_t i = 0;
    for_each_position<1>(p.shape, {p.strides}, [&](const auto& offsets) {
      const double probability = load<T>(call.input_data[0], offsets[0]);
      const double drawn = stream.double_at(i) < probability ? 1 : 0;
      const bool is_probability = probability >= 0 && probability <= 1;
      store<T>(call.output_data[0], i++, is_probability ? drawn : std::numeric_limits<double>::quiet_NaN());
    });
  });
}

// The high 64 bits of the product.
uint64_t multiply_high(uint64_t a, uint64_t b) {
  const uint64_t a_low = a & 0xffffffffU;
  const uint64_t a_high = a >> 32;
  const uint64_t b_low = b & 0xffffffffU;
  const uint64_t b_high = b >> 32;
  const uint64_t middle = a_high * b_low + (a_low * b_low >> 32);
  const uint64_t carry = a_low * b_high + (middle & 0xffffffffU);
  return a_high * b_high + (middle >> 32) + (carry >> 32);
}

// The Fisher-Yates shuffle.
void run_permutation(const RefCall& call) {
  const Stream stream = stream_of(call, 0);
  const int64_t n = op::from_attrs<op::PermutationAttrs>(call.attrs).n;
  auto* y = static_cast<int64_t*>(call.output_data[0]);
  for (int64_t i = 0; i < n; ++i) y[i] = i;
  for (int64_t s = 0; s < n - 1; ++s) {
    const int64_t i = n - 1 - s;
    const auto words = stream.block(s / 2);
    const size_t first = s % 2 == 0 ? 0 : 2;
    const uint64_t word = uint64_t{words[first]} << 32 | words[first + 1];
    std::swap(y[i], y[multiply_high(word, static_cast<uint64_t>(i) + 1)]);
  }
}

}  // namespace

void register_random(KernelTable& table) {
  table.add(OpId::uniform, Provider::ref, prepare<run_uniform>);
  table.add(OpId::normal, Provider::ref, prepare<run_normal>);
  table.add(OpId::standard_variate, Provider::ref, prepare<run_standard_variate>);
  table.add(OpId::random_integers, Provider::ref, prepare<run_random_integers>);
  table.add(OpId::bernoulli, Provider::ref, prepare<run_bernoulli>);
  table.add(OpId::dropout, Provider::ref, prepare<run_dropout>);
  table.add(OpId::permutation, Provider::ref, prepare<run_permutation>);
}

}  // namespace pydl::backends::ref
