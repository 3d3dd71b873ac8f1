// Resampling: each output element is the weighted sum of its taps along all axes.
#include "backends/ref/elements.h"
#include "backends/ref/ref_kernel.h"
#include "op/resample_taps.h"

namespace pydl::backends::ref {

namespace {

using op::ResampleGeometry;
using op::Taps;

// Strides along 3 spatial axes; missing axes come first.
std::array<int64_t, 3> spatial_strides(const BufferSpec& spec) {
  const int spatial = spec.shape.rank() - 2;
  std::array<int64_t, 3> strides = {0, 0, 0};
  for (int i = 0; i < spatial; ++i) strides[static_cast<size_t>(3 - spatial + i)] = spec.strides[2 + i];
  return strides;
}

template <class Function>
void for_each_tap(const Taps& taps, int64_t position, const Function& function) {
  const auto end = static_cast<size_t>(taps.begin[static_cast<size_t>(position) + 1]);
  for (auto k = static_cast<size_t>(taps.begin[static_cast<size_t>(position)]); k < end; ++k) {
    function(taps.index[k], taps.weight[k]);
  }
}

// Calls `function(i, j, k)` for each output position.
template <class Function>
void for_each_resampled(const ResampleGeometry& geometry, const Function& function) {
  for (int64_t i = 0; i < geometry.output[0]; ++i) {
    for (int64_t j = 0; j < geometry.output[1]; ++j) {
      for (int64_t k = 0; k < geometry.output[2]; ++k) function(i, j, k);
    }
  }
}

template <class T>
void resample_plane(const ResampleGeometry& geometry, const void* x, int64_t x_start,
                    const std::array<int64_t, 3>& from, void* y, int64_t y_start, const std::array<int64_t, 3>& to) {
  for_each_resampled(geometry, [&](int64_t i, int64_t j, int64_t k) {
    double sum = 0;
    for_each_tap(geometry.taps[0], i, [&](int64_t a, double weight_a) {
      for_each_tap(geometry.taps[1], j, [&](int64_t b, double weight_b) {
        for_each_tap(geometry.taps[2], k, [&](int64_t c, double weight_c) {
          const auto element = load<T>(x, x_start + a * from[0] + b * from[1] + c * from[2]);
          sum += weight_a * weight_b * weight_c * static_cast<double>(element);
        });
      });
    });
    store<T>(y, y_start + i * to[0] + j * to[1] + k * to[2], sum);
  });
}

void run_resample(const RefCall& call) {
  const BufferSpec& x = call.inputs[0];
  const BufferSpec& y = call.outputs[0];
  const ResampleGeometry geometry = op::resample_geometry({call.op, call.attrs, call.inputs, call.outputs});
  visit_dtype(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t n = 0; n < y.shape[0]; ++n) {
      for (int64_t c = 0; c < y.shape[1]; ++c) {
        resample_plane<T>(geometry, call.input_data[0], n * x.strides[0] + c * x.strides[1], spatial_strides(x),
                          call.output_data[0], n * y.strides[0] + c * y.strides[1], spatial_strides(y));
      }
    }
  });
}

}  // namespace

void register_resample(KernelTable& table) {
  table.add(OpId::resample, Provider::ref, prepare<run_resample, is_floating>);
  table.add(OpId::resample_backward, Provider::ref, prepare<run_resample, is_floating>);
}

}  // namespace pydl::backends::ref
