// Losses that are ops, and initialisers.
#include "pydl/nn.h"

#include "bindings.h"
#include "casters.h"
#include "pydl/layers.h"
#include "reductions.h"

namespace pydl::python {

namespace {

void define_cross_entropy_ops(py::module_& module) {
  module.def(
      "softmax_cross_entropy",
      [](const Tensor& logits, const Tensor& target, int64_t axis, int64_t ignore_index, const std::string& reduction) {
        return compute(logits.size(), [&] {
          return softmax_cross_entropy(logits, target, axis, ignore_index,
                                       reduction_of("softmax_cross_entropy", reduction));
        });
      },
      py::arg("logits"), py::arg("target"), py::arg("axis") = -1, py::arg("ignore_index") = -100,
      py::arg("reduction") = "mean",
      "Negative log-softmax of logits at the target class; 0 if the target is `ignore_index`.\n\n"
      "Examples\n--------\n>>> import pydl\n"
      ">>> pydl._core.softmax_cross_entropy(pydl.zeros((1, 2)), pydl.tensor([0]))\n"
      "tensor(0.6931, dtype=float32)\n");
  module.def(
      "softmax_cross_entropy_backward",
      [](const Tensor& g, const Tensor& logits, const Tensor& target, int64_t axis, int64_t ignore_index,
         const std::string& reduction) {
        return softmax_cross_entropy_backward(g, logits, target, axis, ignore_index,
                                              reduction_of("softmax_cross_entropy", reduction));
      },
      py::arg("g"), py::arg("logits"), py::arg("target"), py::arg("axis") = -1, py::arg("ignore_index") = -100,
      py::arg("reduction") = "mean", "Gradient of softmax_cross_entropy for the logits: softmax minus one-hot.");
}

void define_ctc_ops(py::module_& module) {
  module.def(
      "ctc_loss",
      [](const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths, const Tensor& target_lengths,
         int64_t blank, bool zero_infinity) {
        return compute(64 * log_probs.size(), [&] {
          return ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, zero_infinity);
        });
      },
      py::arg("log_probs"), py::arg("targets"), py::arg("input_lengths"), py::arg("target_lengths"),
      py::arg("blank") = 0, py::arg("zero_infinity") = false,
      "Negative log-likelihood of label sequences, summed over alignments: a loss for each sequence (N,).\n\n"
      "Examples\n--------\n>>> import pydl\n>>> log_probs = pydl.zeros((2, 1, 2)) - 0.6931\n"
      ">>> pydl._core.ctc_loss(log_probs, [[1]], [2], [1])\ntensor([0.2876], dtype=float32)\n");
  module.def(
      "ctc_loss_backward",
      [](const Tensor& g, const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
         const Tensor& target_lengths, int64_t blank, bool zero_infinity) {
        return compute(64 * log_probs.size(), [&] {
          return ctc_loss_backward(g, log_probs, targets, input_lengths, target_lengths, blank, zero_infinity);
        });
      },
      py::arg("g"), py::arg("log_probs"), py::arg("targets"), py::arg("input_lengths"), py::arg("target_lengths"),
      py::arg("blank") = 0, py::arg("zero_infinity") = false,
      "Gradient of ctc_loss for the log-probabilities: minus the expected number of visits of each class.");
}

void define_ctc_loss(py::module_& module) {
  module.def(
      "ctc_loss",
      [](const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths, const Tensor& target_lengths,
         int64_t blank, const std::string& reduction, bool zero_infinity) {
        const nn::CtcOptions options = {
            .blank = blank, .reduction = reduction_of("ctc_loss", reduction), .zero_infinity = zero_infinity};
        return compute(64 * log_probs.size(),
                       [&] { return nn::ctc_loss(log_probs, targets, input_lengths, target_lengths, options); });
      },
      py::arg("log_probs"), py::arg("targets"), py::arg("input_lengths"), py::arg("target_lengths"),
      py::arg("blank") = 0, py::arg("reduction") = "mean", py::arg("zero_infinity") = false,
      "Connectionist temporal classification (Graves et al., 2006): -log p(target), summed over alignments.\n\n"
      "Parameters\n----------\nlog_probs : Tensor, shape (T, N, C) or (T, C)\n    Log-softmax of the outputs.\n"
      "targets : Tensor of integers, shape (N, S), or (sum of target lengths,)\n    Classes other than the blank;\n"
      "    elements after the end of a row's target are ignored. One-dimensional targets are concatenated.\n"
      "input_lengths, target_lengths : Tensor of integers, shape (N,)\n    Steps and targets of each sequence.\n"
      "blank : int\n    The class that stands for no label.\nreduction : {'mean', 'sum', 'none'}\n"
      "    The mean is taken over losses divided by the lengths of their targets.\nzero_infinity : bool\n"
      "    Whether a target that is too long for its number of steps has loss and gradient 0 instead of\n"
      "    an infinite loss and a NaN gradient.\n\n"
      "Raises\n------\nValueError\n    For shapes and lengths that do not fit.\nIndexError\n    For a target "
      "that is not a class, or is the blank.\nError\n    For second derivatives, which are not available.");
}

using Initializer = Tensor (*)(const Dims&, double, DType, Generator&);

void define_initializer(py::module_& module, const char* name, const char* doc, double gain, Initializer function) {
  module.def(
      name,
      [function](const DimsArgument& shape, double scale, std::optional<DType> dtype, Generator* generator) {
        Generator& source = generator != nullptr ? *generator : default_generator();
        return compute(element_count(shape.dims),
                       [&] { return function(shape.dims, scale, dtype.value_or(DType::float32), source); });
      },
      py::arg("shape"), py::arg("gain") = gain, py::arg("dtype") = DType::float32, py::arg("generator") = py::none(),
      doc);
}

// The default initial values of layers.
void define_defaults(py::module_& module) {
  module.def(
      "default_weight",
      [](const DimsArgument& shape, std::optional<DType> dtype, Generator* generator) {
        Generator& source = generator != nullptr ? *generator : default_generator();
        return compute(element_count(shape.dims),
                       [&] { return nn::default_weight(shape.dims, dtype.value_or(DType::float32), source); });
      },
      py::arg("shape"), py::arg("dtype") = DType::float32, py::arg("generator") = py::none(),
      "Uniform in +-1 / sqrt(inputs), the default of weights as in PyTorch.");
  module.def(
      "default_bias",
      [](const DimsArgument& shape, int64_t fan_in, std::optional<DType> dtype, Generator* generator) {
        Generator& source = generator != nullptr ? *generator : default_generator();
        return compute(element_count(shape.dims),
                       [&] { return nn::default_bias(shape.dims, fan_in, dtype.value_or(DType::float32), source); });
      },
      py::arg("shape"), py::arg("fan_in"), py::arg("dtype") = DType::float32, py::arg("generator") = py::none(),
      "Uniform in +-1 / sqrt(fan_in), the default of biases as in PyTorch.");
}

}  // namespace

void define_nn(py::module_& parent) {
  py::module_ module = parent.def_submodule("nn", "Losses and initialisers.");
  define_cross_entropy_ops(parent);
  define_ctc_ops(parent);
  define_ctc_loss(module);
  define_losses(module);
  define_distances(module);
  define_initializer(module, "xavier_uniform", "Uniform in +-gain * sqrt(6 / (in + out)) (Glorot and Bengio, 2010).",
                     1.0, nn::xavier_uniform);
  define_initializer(module, "xavier_normal", "Normal with std gain * sqrt(2 / (in + out)) (Glorot and Bengio, 2010).",
                     1.0, nn::xavier_normal);
  define_initializer(module, "kaiming_uniform", "Uniform in +-gain * sqrt(3 / in) (He et al., 2015).",
                     1.4142135623730951, nn::kaiming_uniform);
  define_initializer(module, "kaiming_normal", "Normal with std gain / sqrt(in) (He et al., 2015).", 1.4142135623730951,
                     nn::kaiming_normal);
  define_initializer(module, "orthogonal", "Orthonormal rows or columns, times gain (Saxe et al., 2013).", 1.0,
                     nn::orthogonal);
  define_defaults(module);
}

}  // namespace pydl::python
