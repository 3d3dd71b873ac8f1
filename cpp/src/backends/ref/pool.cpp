// Pooling, one window at a time.
#include <limits>
#include <vector>

#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/pool_geometry.h"

namespace pydl::backends::ref {

namespace {

using op::PoolGeometry;
using Sizes = PoolGeometry::Sizes;

// Strides of (N, C) and 3 spatial axes.
std::array<int64_t, 5> strides_of(const BufferSpec& spec) {
  const int spatial = spec.shape.rank() - 2;
  std::array<int64_t, 5> strides = {spec.strides[0], spec.strides[1], 0, 0, 0};
  for (int i = 0; i < spatial; ++i) strides[static_cast<size_t>(5 - spatial + i)] = spec.strides[2 + i];
  return strides;
}

int64_t offset(const std::array<int64_t, 5>& strides, int64_t n, int64_t c, const Sizes& s) {
  return n * strides[0] + c * strides[1] + s[0] * strides[2] + s[1] * strides[3] + s[2] * strides[4];
}

// Calls `function(n, c, t)` for every window.
template <class Function>
void for_each_window(const PoolGeometry& g, const Function& function) {
  for (int64_t n = 0; n < g.batch; ++n) {
    for (int64_t c = 0; c < g.channels; ++c) {
      for_each_position(g.output, [&](const Sizes& t) { function(n, c, t); });
    }
  }
}

// Calls `function(s)` for every input position in the window of t.
template <class Function>
void for_each_in_window(const PoolGeometry& g, const Sizes& t, const Function& function) {
  const auto& a = g.windows[0][static_cast<size_t>(t[0])];
  const auto& b = g.windows[1][static_cast<size_t>(t[1])];
  const auto& c = g.windows[2][static_cast<size_t>(t[2])];
  for_each_position(Sizes{a.count, b.count, c.count}, [&](const Sizes& k) {
    function(Sizes{a.first + k[0] * a.step, b.first + k[1] * b.step, c.first + k[2] * c.step});
  });
}

struct Largest {
  double value = -std::numeric_limits<double>::infinity();
  Sizes position = {-1, -1, -1};  // unchanged if the window is empty
};

template <class T>
Largest largest(const PoolGeometry& g, const void* x, const BufferSpec& spec, int64_t n, int64_t c, const Sizes& t) {
  const auto strides = strides_of(spec);
  Largest result;
  for_each_in_window(g, t, [&](const Sizes& s) {
    const double value = load<T>(x, offset(strides, n, c, s));
    const bool wins = value > result.value || (value != value && result.value == result.value);
    if (wins || result.position[0] < 0) result = {value, s};
  });
  return result;
}

// The values, and their positions where there is a second result.
void run_max_pool(const RefCall& call) {
  const BufferSpec& x = call.inputs[0];
  const PoolGeometry g = op::pool_geometry(call.attrs, x.shape, call.outputs[0].shape);
  visit_dtype(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    for_each_window(g, [&](int64_t n, int64_t c, const Sizes& t) {
      const Largest found = largest<T>(g, call.input_data[0], x, n, c, t);
      store<T>(call.output_data[0], offset(strides_of(call.outputs[0]), n, c, t), static_cast<Compute<T>>(found.value));
      if (call.outputs.size() == 1) return;
      const Sizes& s = found.position;
      store<int64_t>(call.output_data[1], offset(strides_of(call.outputs[1]), n, c, t),
                     s[0] < 0 ? -1 : (s[0] * g.input[1] + s[1]) * g.input[2] + s[2]);
    });
  });
}

void clear(const RefCall& call) {
  visit_dtype(call.outputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    for_each_position(call.outputs[0].shape, std::array<Dims, 1>{call.outputs[0].strides},
                      [&](const auto& offsets) { store<T>(call.output_data[0], offsets[0], Compute<T>(0)); });
  });
}

template <class T>
void add(void* data, int64_t position, double value) {
  store<T>(data, position, static_cast<Compute<T>>(load<T>(data, position) + value));
}

void run_max_pool_backward(const RefCall& call) {
  const BufferSpec& x = call.inputs[1];
  const PoolGeometry g = op::pool_geometry(call.attrs, x.shape, call.inputs[0].shape);
  const auto from = strides_of(call.inputs[0]);
  const auto to = strides_of(call.outputs[0]);
  clear(call);
  visit_dtype(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    for_each_window(g, [&](int64_t n, int64_t c, const Sizes& t) {
      const Largest found = largest<T>(g, call.input_data[1], x, n, c, t);
      if (found.position[0] < 0) return;
      add<T>(call.output_data[0], offset(to, n, c, found.position),
             static_cast<double>(load<T>(call.input_data[0], offset(from, n, c, t))));
    });
  });
}

int64_t divisor_at(const std::array<std::vector<int64_t>, 3>& divisors, const Sizes& t) {
  return divisors[0][static_cast<size_t>(t[0])] * divisors[1][static_cast<size_t>(t[1])] *
         divisors[2][static_cast<size_t>(t[2])];
}

void run_avg_pool(const RefCall& call) {
  const PoolGeometry g = op::pool_geometry(call.attrs, call.inputs[0].shape, call.outputs[0].shape);
  const auto divisors = op::pool_divisors(call.attrs, g);
  const auto from = strides_of(call.inputs[0]);
  const auto to = strides_of(call.outputs[0]);
  visit_dtype(call.inputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    for_each_window(g, [&](int64_t n, int64_t c, const Sizes& t) {
      double sum = 0;
      for_each_in_window(g, t, [&](const Sizes& s) {
        sum += static_cast<double>(load<T>(call.input_data[0], offset(from, n, c, s)));
      });
      store<T>(call.output_data[0], offset(to, n, c, t), sum / static_cast<double>(divisor_at(divisors, t)));
    });
  });
}

void run_avg_pool_backward(const RefCall& call) {
  const PoolGeometry g = op::pool_geometry(call.attrs, call.outputs[0].shape, call.inputs[0].shape);
  const auto divisors = op::pool_divisors(call.attrs, g);
  const auto from = strides_of(call.inputs[0]);
  const auto to = strides_of(call.outputs[0]);
  clear(call);
  visit_dtype(call.inputs[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    for_each_window(g, [&](int64_t n, int64_t c, const Sizes& t) {
      const double share = static_cast<double>(load<T>(call.input_data[0], offset(from, n, c, t))) /
                           static_cast<double>(divisor_at(divisors, t));
      for_each_in_window(g, t, [&](const Sizes& s) { add<T>(call.output_data[0], offset(to, n, c, s), share); });
    });
  });
}

}  // namespace

void register_pool(KernelTable& table) {
  table.add(OpId::max_pool, Provider::ref, prepare<run_max_pool, is_floating>);
  table.add(OpId::max_pool_with_indices, Provider::ref, prepare<run_max_pool, is_floating>);
  table.add(OpId::max_pool_backward, Provider::ref, prepare<run_max_pool_backward, is_floating>);
  table.add(OpId::avg_pool, Provider::ref, prepare<run_avg_pool, is_floating>);
  table.add(OpId::avg_pool_backward, Provider::ref, prepare<run_avg_pool_backward, is_floating>);
}

}  // namespace pydl::backends::ref
