// The references that benchmarks compare pydl with: the limits of the machine, and oneDNN without pydl.
#include "backends/cpu/peak.h"
#include "backends/onednn/bare_conv.h"
#include "bindings.h"
#include "casters.h"
#include "with_onednn.h"

namespace pydl::python {

namespace {

using onednn::BareConvolution;
using onednn::BareConvolutionShape;

#if PYDL_WITH_ONEDNN
// The operands are copied, so they need not outlive this object.
std::unique_ptr<BareConvolution> bare_convolution(const BareConvolutionShape& shape, const Tensor& x,
                                                  const Tensor& weight, const Tensor& gradient) {
  const auto data = [](const Tensor& operand) { return static_cast<const float*>(operand.raw_data()); };
  return onednn::make_bare_convolution(shape, data(x), data(weight), data(gradient));
}
#else
std::unique_ptr<BareConvolution> bare_convolution(const BareConvolutionShape&, const Tensor&, const Tensor&,
                                                  const Tensor&) {
  throw ValueError("bare convolution: this pydl is built without oneDNN");
}
#endif

struct PyBareConvolution {
  PyBareConvolution(const Tensor& x, const Tensor& weight, const Tensor& gradient, const DimsArgument& stride,
                    const DimsArgument& padding, int64_t groups, bool input_gradient)
      : shape{x.shape(), weight.shape(), gradient.shape(), stride.dims, padding.dims, groups, input_gradient} {
    const int spatial = x.rank() - 2;
    if (spatial < 1 || weight.rank() != x.rank() || gradient.rank() != x.rank() || shape.stride.rank() != spatial ||
        shape.padding.rank() != spatial || groups < 1 || weight.size(0) % groups != 0) {
      throw ValueError(
          "bare convolution: expected x, weight and gradient of one rank, a stride and a padding for each "
          "spatial axis, and groups that divide the channels");
    }
    for (const Tensor& operand : {x, weight, gradient}) {
      if (operand.dtype() == DType::float32 && is_contiguous(operand.shape(), operand.strides())) continue;
      throw ValueError("bare convolution: expected row-major tensors of float32");
    }
    convolution = bare_convolution(shape, x, weight, gradient);
  }

  py::tuple results() const {
    const Tensor y = Tensor::empty(shape.y, DType::float32);
    const Tensor weight = Tensor::empty(shape.weight, DType::float32);
    const Tensor x = Tensor::empty(shape.input_gradient ? shape.x : Dims{0}, DType::float32);
    const auto data = [](const Tensor& tensor) { return static_cast<float*>(tensor.raw_data()); };
    convolution->read(data(y), data(weight), data(x));
    return py::make_tuple(y, weight, shape.input_gradient ? py::cast(x) : py::none());
  }

  BareConvolutionShape shape;
  std::unique_ptr<BareConvolution> convolution;
};

void define_bare_convolution(py::module_& module) {
  py::class_<PyBareConvolution>(module, "_BareConvolution",
                                "A convolution by oneDNN's primitives alone, in the layouts that they choose.")
      .def(py::init<const Tensor&, const Tensor&, const Tensor&, const DimsArgument&, const DimsArgument&, int64_t,
                    bool>(),
           py::arg("x"), py::arg("weight"), py::arg("gradient"), py::arg("stride"), py::arg("padding"),
           py::arg("groups") = 1, py::arg("input_gradient") = true)
      .def(
          "run", [](PyBareConvolution& self) { self.convolution->run(); }, py::call_guard<py::gil_scoped_release>(),
          "Forward, gradient of the weight, and that of x.")
      .def("results", &PyBareConvolution::results,
           "The results of the last run: y, the gradient of the weight, and that of x or None.");
}

}  // namespace

void define_benchmarks(py::module_& module) {
  module.def("_measure_fma_peak", cpu::measure_fma_peak, py::call_guard<py::gil_scoped_release>());
  module.def("_measure_bandwidth", cpu::measure_bandwidth, py::call_guard<py::gil_scoped_release>());
  define_bare_convolution(module);
}

}  // namespace pydl::python
