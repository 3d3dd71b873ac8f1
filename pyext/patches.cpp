// Windows of images as columns, and their transpose: torch.nn.functional.unfold and fold.
#include "bindings.h"
#include "casters.h"
#include "pydl/manipulation.h"

namespace pydl::python {

namespace {

// One number stands for both axes.
Dims for_two_axes(const DimsArgument& numbers) {
  return numbers.dims.rank() == 1 ? Dims{numbers.dims[0], numbers.dims[0]} : numbers.dims;
}

nn::WindowOptions options_of(const DimsArgument& dilation, const DimsArgument& padding, const DimsArgument& stride) {
  return {.dilation = for_two_axes(dilation), .padding = for_two_axes(padding), .stride = for_two_axes(stride)};
}

}  // namespace

void define_patches(py::module_& parent) {
  py::module_ module = parent.attr("nn").cast<py::module_>();
  module.def(
      "unfold",
      [](const Tensor& x, const DimsArgument& kernel, const DimsArgument& dilation, const DimsArgument& padding,
         const DimsArgument& stride) {
        return compute(x.size() * 8,
                       [&] { return nn::unfold(x, for_two_axes(kernel), options_of(dilation, padding, stride)); });
      },
      py::arg("x"), py::arg("kernel_size"), py::arg("dilation") = 1, py::arg("padding") = 0, py::arg("stride") = 1,
      "The windows of an image as columns (im2col), as in PyTorch.\n\n"
      "Parameters\n----------\nx : Tensor, (N, C, H, W) or (C, H, W)\n"
      "kernel_size, dilation, padding, stride : int or pair of int\n    One number stands for both axes.\n\n"
      "Returns\n-------\nTensor\n    (N, C * kernel elements, windows); the windows are in row-major order.\n\n"
      "Raises\n------\nValueError\n    When the kernel does not fit the image.\n\n"
      "Examples\n--------\n>>> import pydl\n"
      ">>> pydl.nn.functional.unfold(pydl.zeros((1, 3, 8, 8)), 2, stride=2).shape\n(1, 12, 16)\n");
  module.def(
      "fold",
      [](const Tensor& x, const DimsArgument& size, const DimsArgument& kernel, const DimsArgument& dilation,
         const DimsArgument& padding, const DimsArgument& stride) {
        return compute(x.size(), [&] {
          return nn::fold(x, for_two_axes(size), for_two_axes(kernel), options_of(dilation, padding, stride));
        });
      },
      py::arg("x"), py::arg("output_size"), py::arg("kernel_size"), py::arg("dilation") = 1, py::arg("padding") = 0,
      py::arg("stride") = 1,
      "The sums of what windows contribute to each element of an image (col2im), as in PyTorch: the transpose of\n"
      "`unfold`.\n\n"
      "Parameters\n----------\nx : Tensor, (N, C * kernel elements, windows), or the same without N\n"
      "output_size : int or pair of int\n    The spatial sizes of the result.\n"
      "kernel_size, dilation, padding, stride : int or pair of int\n    One number stands for both axes.\n\n"
      "Returns\n-------\nTensor\n    (N, C, H, W)\n\n"
      "Raises\n------\nValueError\n    When the shape is not that of the windows of such an image.\n\n"
      "Examples\n--------\n>>> import pydl\n"
      ">>> pydl.nn.functional.fold(pydl.ones((1, 4, 4)), 3, 2)[0, 0].tolist()\n"
      "[[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]\n");
}

}  // namespace pydl::python
