// Distances between vectors, the losses that measure them, and the bilinear map.
#include "bindings.h"
#include "casters.h"
#include "pydl/nn.h"
#include "reductions.h"
#include "shape_arguments.h"

namespace pydl::python {

namespace {

void define_vector_functions(py::module_& module) {
  module.def(
      "normalize",
      [](const Tensor& x, double p, int64_t axis, double eps) {
        return compute(x.size(), [&] { return nn::normalize_vectors(x, p, axis, eps); });
      },
      py::arg("x"), py::arg("p") = 2.0, py::arg("axis") = 1, py::arg("eps") = 1e-12,
      doc_with_example("Vectors along an axis divided by their norm: x / max(norm(x), eps).\n\n"
                       "Parameters\n----------\nx : Tensor\np : float\n    Order of the norm.\naxis : int\n"
                       "    Along which the vectors lie.\neps : float\n    The least divisor.",
                       ">>> pydl.nn.functional.normalize(pydl.tensor([[3.0, 4.0]]))\n"
                       "tensor([[0.6000, 0.8000]], dtype=float32)\n")
          .c_str());
  module.def(
      "cosine_similarity",
      [](const Tensor& x1, const Tensor& x2, int64_t axis, double eps) {
        return compute(x1.size() + x2.size(), [&] { return nn::cosine_similarity(x1, x2, axis, eps); });
      },
      py::arg("x1"), py::arg("x2"), py::arg("axis") = 1, py::arg("eps") = 1e-8,
      doc_with_example("The cosine of the angle between vectors: x1 . x2 / (max(norm(x1), eps) max(norm(x2), eps)).\n\n"
                       "Parameters\n----------\nx1, x2 : Tensor\n    Their shapes must broadcast.\naxis : int\n"
                       "    Along which the vectors lie, in the shape that both have after broadcasting.\n"
                       "eps : float\n    The least norm.",
                       ">>> x = pydl.tensor([[1.0, 0.0]])\n"
                       ">>> pydl.nn.functional.cosine_similarity(x, pydl.tensor([[1.0, 1.0]]))\n"
                       "tensor([0.7071], dtype=float32)\n")
          .c_str());
  module.def(
      "pairwise_distance",
      [](const Tensor& x1, const Tensor& x2, double p, double eps, bool keepdims) {
        return compute(x1.size() + x2.size(), [&] { return nn::pairwise_distance(x1, x2, p, eps, keepdims); });
      },
      py::arg("x1"), py::arg("x2"), py::arg("p") = 2.0, py::arg("eps") = 1e-6, py::arg("keepdims") = false,
      doc_with_example("The distance of vectors along the last axis: norm(x1 - x2 + eps).\n\n"
                       "Parameters\n----------\nx1, x2 : Tensor\n    Their shapes must broadcast.\n"
                       "p : float\n    Order of the norm.\neps : float\n    Added to each difference, as in PyTorch.\n"
                       "keepdims : bool\n    Whether the last axis is kept with size 1.",
                       ">>> x = pydl.tensor([[3.0, 4.0]])\n"
                       ">>> pydl.nn.functional.pairwise_distance(x, pydl.zeros((1, 2)))\n"
                       "tensor([5.0000], dtype=float32)\n")
          .c_str());
  module.def(
      "bilinear",
      [](const Tensor& x1, const Tensor& x2, const Tensor& weight, const OptionalTensor& bias) {
        return compute(x1.size() * 64, [&] { return nn::bilinear(x1, x2, weight, bias.value_or(Tensor{})); });
      },
      py::arg("x1"), py::arg("x2"), py::arg("weight"), py::arg("bias") = py::none(),
      doc_with_example("The bilinear map y[o] = x1 . weight[o] . x2 + bias[o].\n\n"
                       "Parameters\n----------\nx1 : Tensor, shape (..., I)\nx2 : Tensor, shape (..., J)\n"
                       "weight : Tensor, shape (O, I, J)\nbias : Tensor, shape (O,), optional\n\n"
                       "Returns\n-------\nTensor\n    Shape (..., O).\n\n"
                       "Raises\n------\nValueError\n    When the shapes do not fit.",
                       ">>> x = pydl.ones((5, 2))\n"
                       ">>> pydl.nn.functional.bilinear(x, pydl.ones((5, 3)), pydl.ones((4, 2, 3))).shape\n(5, 4)\n")
          .c_str());
}

void define_pair_losses(py::module_& module) {
  module.def(
      "hinge_embedding_loss",
      [](const Tensor& distance, const Tensor& target, double margin, const std::string& reduction) {
        const Reduction kind = reduction_of("hinge_embedding_loss", reduction);
        return compute(distance.size(), [&] { return nn::hinge_embedding_loss(distance, target, margin, kind); });
      },
      py::arg("distance"), py::arg("target"), py::arg("margin") = 1.0, py::arg("reduction") = "mean",
      doc_of_loss("x where the target is 1, max(0, margin - x) where it is -1.",
                  "distance, target : Tensor\n    Of one shape; targets are -1 and 1.\nmargin : float\n"
                  "    The distance beyond which pairs with the target -1 do not count.\n",
                  ">>> F.hinge_embedding_loss(pydl.tensor([0.25]), pydl.tensor([-1]))\n"
                  "tensor(0.7500, dtype=float32)\n")
          .c_str());
  module.def(
      "margin_ranking_loss",
      [](const Tensor& x1, const Tensor& x2, const Tensor& target, double margin, const std::string& reduction) {
        const Reduction kind = reduction_of("margin_ranking_loss", reduction);
        return compute(x1.size(), [&] { return nn::margin_ranking_loss(x1, x2, target, margin, kind); });
      },
      py::arg("x1"), py::arg("x2"), py::arg("target"), py::arg("margin") = 0.0, py::arg("reduction") = "mean",
      doc_of_loss("max(0, -target * (x1 - x2) + margin).",
                  "x1, x2, target : Tensor\n    Of one shape; where the target is 1, x1 shall be the larger one, where "
                  "it\n    is -1, x2.\nmargin : float\n    By how much it shall be larger.\n",
                  ">>> F.margin_ranking_loss(pydl.ones((1,)), pydl.zeros((1,)), pydl.tensor([-1]))\n"
                  "tensor(1., dtype=float32)\n")
          .c_str());
  module.def(
      "cosine_embedding_loss",
      [](const Tensor& x1, const Tensor& x2, const Tensor& target, double margin, const std::string& reduction) {
        const Reduction kind = reduction_of("cosine_embedding_loss", reduction);
        return compute(x1.size(), [&] { return nn::cosine_embedding_loss(x1, x2, target, margin, kind); });
      },
      py::arg("x1"), py::arg("x2"), py::arg("target"), py::arg("margin") = 0.0, py::arg("reduction") = "mean",
      doc_of_loss("1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1.",
                  "x1, x2 : Tensor, shape (N, D) or (D,)\ntarget : Tensor, shape (N,) or ()\n    -1 and 1.\n"
                  "margin : float\n    The cosine below which pairs with the target -1 do not count.\n",
                  ">>> x = pydl.tensor([[1.0, 2.0]])\n"
                  ">>> F.cosine_embedding_loss(x, x, pydl.tensor([-1]))\ntensor(1., dtype=float32)\n")
          .c_str());
  module.def(
      "triplet_margin_loss",
      [](const Tensor& anchor, const Tensor& positive, const Tensor& negative, double margin, double p, double eps,
         bool swap, const std::string& reduction) {
        const nn::TripletMarginOptions options = {.margin = margin,
                                                  .p = p,
                                                  .epsilon = eps,
                                                  .swap = swap,
                                                  .reduction = reduction_of("triplet_margin_loss", reduction)};
        return compute(anchor.size(), [&] { return nn::triplet_margin_loss(anchor, positive, negative, options); });
      },
      py::arg("anchor"), py::arg("positive"), py::arg("negative"), py::arg("margin") = 1.0, py::arg("p") = 2.0,
      py::arg("eps") = 1e-6, py::arg("swap") = false, py::arg("reduction") = "mean",
      doc_of_loss("max(0, d(anchor, positive) - d(anchor, negative) + margin), d being pairwise_distance.",
                  "anchor, positive, negative : Tensor, shape (..., D)\nmargin : float\n"
                  "    By how much the negative shall be farther away.\np : float\n    Order of the norm.\n"
                  "eps : float\n    Added to each difference.\nswap : bool\n"
                  "    Whether d(positive, negative) replaces d(anchor, negative) where it is smaller.\n",
                  ">>> x = pydl.zeros((1, 2))\n>>> F.triplet_margin_loss(x, x, x)\ntensor(1., dtype=float32)\n")
          .c_str());
  module.def(
      "contrastive_loss",
      [](const Tensor& x1, const Tensor& x2, const Tensor& target, double margin, const std::string& reduction) {
        const Reduction kind = reduction_of("contrastive_loss", reduction);
        return compute(x1.size(), [&] { return nn::contrastive_loss(x1, x2, target, margin, kind); });
      },
      py::arg("x1"), py::arg("x2"), py::arg("target"), py::arg("margin") = 1.0, py::arg("reduction") = "mean",
      doc_of_loss("target * d^2 + (1 - target) * max(0, margin - d)^2, d being norm(x1 - x2) (Hadsell et al., 2006).",
                  "x1, x2 : Tensor, shape (..., D)\ntarget : Tensor, shape (...)\n"
                  "    1 for pairs that belong together, 0 for others.\nmargin : float\n"
                  "    The distance beyond which other pairs do not count.\n",
                  ">>> x1, x2 = pydl.tensor([[0.0, 0.5]]), pydl.zeros((1, 2))\n"
                  ">>> F.contrastive_loss(x1, x2, pydl.tensor([1]))\ntensor(0.2500, dtype=float32)\n")
          .c_str());
}

}  // namespace

void define_distances(py::module_& module) {
  define_vector_functions(module);
  define_pair_losses(module);
}

}  // namespace pydl::python
