// Losses of classes, decisions and numbers.
#include "pydl/losses.h"

#include "bindings.h"
#include "casters.h"
#include "reductions.h"
#include "shape_arguments.h"

namespace pydl::python {

namespace {

using Loss = Tensor (*)(const Tensor&, const Tensor&, Reduction);

const std::string prediction_and_target =
    "prediction, target : Tensor\n    Of one shape; (N,) and (N, 1) are refused.\n";
const std::string class_errors =
    "ValueError\n    When the shapes do not fit.\nIndexError\n    For a class index outside the classes.\n";

void define_loss(py::module_& module, const char* name, const char* first, const std::string& doc, Loss function) {
  module.def(
      name,
      [name, function](const Tensor& prediction, const Tensor& target, const std::string& reduction) {
        const Reduction kind = reduction_of(name, reduction);
        return compute(prediction.size(), [&] { return function(prediction, target, kind); });
      },
      py::arg(first), py::arg("target"), py::arg("reduction") = "mean", doc.c_str());
}

void define_class_losses(py::module_& module) {
  module.def(
      "cross_entropy",
      [](const Tensor& logits, const Tensor& target, const OptionalTensor& weight, int64_t ignore_index,
         double label_smoothing, const std::string& reduction) {
        const nn::CrossEntropyOptions options = {.class_weights = weight.value_or(Tensor{}),
                                                 .ignore_index = ignore_index,
                                                 .label_smoothing = label_smoothing,
                                                 .reduction = reduction_of("cross_entropy", reduction)};
        return compute(logits.size(), [&] { return nn::cross_entropy(logits, target, options); });
      },
      py::arg("logits"), py::arg("target"), py::arg("weight") = py::none(), py::arg("ignore_index") = -100,
      py::arg("label_smoothing") = 0.0, py::arg("reduction") = "mean",
      doc_of_loss("Cross-entropy of softmax(logits) and a target: -weight[t] * log_softmax(logits)[t].",
                  "logits : Tensor, shape (N, K, ...) or (K,)\n"
                  "target : Tensor\n    Class indices, integers of shape (N, ...), or class probabilities, floating\n"
                  "    point of the shape of the logits.\nweight : Tensor, shape (K,), optional\n"
                  "    Weight of each class. The mean over class indices is weighted by it.\n"
                  "ignore_index : int\n    Targets with this value are ignored.\nlabel_smoothing : float in [0, 1]\n"
                  "    Fraction of the target that is spread over all classes.\n",
                  ">>> F.cross_entropy(pydl.zeros((1, 2)), pydl.tensor([1]))\ntensor(0.6931, dtype=float32)\n",
                  class_errors)
          .c_str());
  module.def(
      "nll_loss",
      [](const Tensor& log_probs, const Tensor& target, const OptionalTensor& weight, int64_t ignore_index,
         const std::string& reduction) {
        const nn::NllOptions options = {.class_weights = weight.value_or(Tensor{}),
                                        .ignore_index = ignore_index,
                                        .reduction = reduction_of("nll_loss", reduction)};
        return compute(log_probs.size(), [&] { return nn::nll_loss(log_probs, target, options); });
      },
      py::arg("log_probs"), py::arg("target"), py::arg("weight") = py::none(), py::arg("ignore_index") = -100,
      py::arg("reduction") = "mean",
      doc_of_loss("Negative log-likelihood of class indices: -weight[t] * log_probs[t].",
                  "log_probs : Tensor, shape (N, K, ...) or (K,)\n    Logarithms of probabilities, as of log_softmax.\n"
                  "target : Tensor of integers, shape (N, ...)\n    Class indices.\n"
                  "weight : Tensor, shape (K,), optional\n    Weight of each class. The mean is weighted by it.\n"
                  "ignore_index : int\n    Targets with this value are ignored.\n",
                  ">>> F.nll_loss(pydl.tensor([[-1.0, -2.0]]), pydl.tensor([1]))\ntensor(2., dtype=float32)\n",
                  class_errors)
          .c_str());
  module.def(
      "softmax_focal_loss",
      [](const Tensor& logits, const Tensor& target, const OptionalTensor& alpha, double gamma, int64_t ignore_index,
         const std::string& reduction) {
        const nn::FocalOptions options = {.alpha = alpha.value_or(Tensor{}),
                                          .gamma = gamma,
                                          .ignore_index = ignore_index,
                                          .reduction = reduction_of("softmax_focal_loss", reduction)};
        return compute(logits.size(), [&] { return nn::softmax_focal_loss(logits, target, options); });
      },
      py::arg("logits"), py::arg("target"), py::arg("alpha") = py::none(), py::arg("gamma") = 2.0,
      py::arg("ignore_index") = -100, py::arg("reduction") = "mean",
      doc_of_loss(
          "Focal loss (Lin et al., 2017) of p = softmax(logits): alpha[t] (1 - p[t])^gamma (-log p[t]).",
          "logits : Tensor, shape (N, K, ...) or (K,)\n"
          "target : Tensor\n    Class indices, integers of shape (N, ...), or class probabilities of the shape\n"
          "    of the logits, for which the terms of the classes are weighted and added.\n"
          "alpha : float or Tensor of shape (K,), optional\n    Scale of all classes, or of each.\n"
          "gamma : float\n    How much less samples count that are right already; 0 is the cross-entropy.\n"
          "ignore_index : int\n    Targets with this value are ignored.\n",
          ">>> F.softmax_focal_loss(pydl.zeros((1, 2)), pydl.tensor([1]))\ntensor(0.1733, dtype=float32)\n",
          class_errors)
          .c_str());
  module.def(
      "multi_margin_loss",
      [](const Tensor& scores, const Tensor& target, int64_t p, double margin, const OptionalTensor& weight,
         const std::string& reduction) {
        const nn::MultiMarginOptions options = {.p = p,
                                                .margin = margin,
                                                .class_weights = weight.value_or(Tensor{}),
                                                .reduction = reduction_of("multi_margin_loss", reduction)};
        return compute(scores.size(), [&] { return nn::multi_margin_loss(scores, target, options); });
      },
      py::arg("scores"), py::arg("target"), py::arg("p") = 1, py::arg("margin") = 1.0, py::arg("weight") = py::none(),
      py::arg("reduction") = "mean",
      doc_of_loss("Hinge loss of classes: sum over j != t of max(0, margin - x[t] + x[j])^p, times weight[t] / K.",
                  "scores : Tensor, shape (N, K) or (K,)\ntarget : Tensor of integers, shape (N,) or ()\n"
                  "    Class indices.\np : int\n    1 or 2.\nmargin : float\n"
                  "    By how much the score of the target shall exceed the others.\n"
                  "weight : Tensor, shape (K,), optional\n    Weight of each class.\n",
                  ">>> F.multi_margin_loss(pydl.tensor([[0.0, 0.5]]), pydl.tensor([1]))\n"
                  "tensor(0.2500, dtype=float32)\n",
                  class_errors)
          .c_str());
}

void define_multilabel_losses(py::module_& module) {
  module.def(
      "multilabel_margin_loss",
      [](const Tensor& scores, const Tensor& target, const std::string& reduction) {
        const Reduction kind = reduction_of("multilabel_margin_loss", reduction);
        return compute(8 * scores.size(), [&] { return nn::multilabel_margin_loss(scores, target, kind); });
      },
      py::arg("scores"), py::arg("target"), py::arg("reduction") = "mean",
      doc_of_loss("Hinge loss of several labels: sum of max(0, 1 - x[y] + x[j]) over labels y and other j, over K.",
                  "scores : Tensor, shape (N, K) or (K,)\ntarget : Tensor of integers, of the shape of the scores\n"
                  "    The labels of each sample, up to the first negative number.\n",
                  ">>> F.multilabel_margin_loss(pydl.tensor([0.1, 0.2, 0.4]), pydl.tensor([2, -1, -1]))\n"
                  "tensor(0.5000, dtype=float32)\n",
                  class_errors)
          .c_str());
  module.def(
      "multilabel_soft_margin_loss",
      [](const Tensor& logits, const Tensor& target, const OptionalTensor& weight, const std::string& reduction) {
        const Reduction kind = reduction_of("multilabel_soft_margin_loss", reduction);
        return compute(logits.size(), [&] {
          return nn::multilabel_soft_margin_loss(logits, target, weight.value_or(Tensor{}), kind);
        });
      },
      py::arg("logits"), py::arg("target"), py::arg("weight") = py::none(), py::arg("reduction") = "mean",
      doc_of_loss("Binary cross-entropy of sigmoid(logits), averaged over the labels: the last axis.",
                  "logits, target : Tensor, shape (..., K)\n    Targets are in [0, 1].\n"
                  "weight : Tensor, shape (K,), optional\n    Weight of each label.\n",
                  ">>> F.multilabel_soft_margin_loss(pydl.zeros((1, 2)), pydl.ones((1, 2)))\n"
                  "tensor(0.6931, dtype=float32)\n")
          .c_str());
}

void define_binary_losses(py::module_& module) {
  module.def(
      "binary_cross_entropy",
      [](const Tensor& probability, const Tensor& target, const OptionalTensor& weight, const std::string& reduction) {
        const Reduction kind = reduction_of("binary_cross_entropy", reduction);
        return compute(probability.size(),
                       [&] { return nn::binary_cross_entropy(probability, target, kind, weight.value_or(Tensor{})); });
      },
      py::arg("probability"), py::arg("target"), py::arg("weight") = py::none(), py::arg("reduction") = "mean",
      doc_of_loss("Binary cross-entropy: -weight * (t * log(p) + (1 - t) * log(1 - p)).",
                  "probability, target : Tensor\n    In [0, 1], of one shape. Logarithms are at least -100.\n"
                  "weight : Tensor, optional\n    Scale of the elements; it broadcasts to the target's shape.\n",
                  ">>> F.binary_cross_entropy(pydl.tensor([0.5]), pydl.tensor([1.0]))\n"
                  "tensor(0.6931, dtype=float32)\n")
          .c_str());
  module.def(
      "binary_cross_entropy_with_logits",
      [](const Tensor& logits, const Tensor& target, const OptionalTensor& weight, const std::string& reduction,
         const OptionalTensor& pos_weight) {
        const Reduction kind = reduction_of("binary_cross_entropy_with_logits", reduction);
        return compute(logits.size(), [&] {
          return nn::binary_cross_entropy_with_logits(logits, target, kind, weight.value_or(Tensor{}),
                                                      pos_weight.value_or(Tensor{}));
        });
      },
      py::arg("logits"), py::arg("target"), py::arg("weight") = py::none(), py::arg("reduction") = "mean",
      py::arg("pos_weight") = py::none(),
      doc_of_loss("Binary cross-entropy of p = sigmoid(logits), without overflow.",
                  "logits, target : Tensor\n    Of one shape; targets are in [0, 1].\n"
                  "weight : Tensor, optional\n    Scale of the elements; it broadcasts to the target's shape.\n"
                  "pos_weight : Tensor, optional\n    Scale of the term t * log(p); it broadcasts likewise.\n",
                  ">>> F.binary_cross_entropy_with_logits(pydl.zeros((1,)), pydl.ones((1,)))\n"
                  "tensor(0.6931, dtype=float32)\n")
          .c_str());
  module.def(
      "sigmoid_focal_loss",
      [](const Tensor& logits, const Tensor& target, double alpha, double gamma, const std::string& reduction) {
        const Reduction kind = reduction_of("sigmoid_focal_loss", reduction);
        return compute(logits.size(), [&] { return nn::sigmoid_focal_loss(logits, target, alpha, gamma, kind); });
      },
      py::arg("logits"), py::arg("target"), py::arg("alpha") = 0.25, py::arg("gamma") = 2.0,
      py::arg("reduction") = "mean",
      doc_of_loss(
          "Focal loss (Lin et al., 2017) of p = sigmoid(logits): alpha (1 - p)^gamma (-log p) for the target 1.",
          "logits, target : Tensor\n    Of one shape; targets are in [0, 1].\n"
          "alpha : float\n    Scale of positive targets; 1 - alpha is that of others. None if negative.\n"
          "gamma : float\n    How much less elements count that are right already.\n",
          ">>> F.sigmoid_focal_loss(pydl.zeros((1,)), pydl.ones((1,)))\ntensor(0.0433, dtype=float32)\n")
          .c_str());
  module.def(
      "dice_loss",
      [](const Tensor& probability, const Tensor& target, const std::optional<DimsArgument>& axis, double smooth,
         const std::string& reduction) {
        const Reduction kind = reduction_of("dice_loss", reduction);
        Axes axes;
        if (axis) axes = Axes(std::vector<int64_t>(axis->dims.begin(), axis->dims.end()));
        return compute(probability.size(), [&] { return nn::dice_loss(probability, target, axes, smooth, kind); });
      },
      py::arg("probability"), py::arg("target"), py::arg("axis") = py::none(), py::arg("smooth") = 1e-7,
      py::arg("reduction") = "mean",
      doc_of_loss(
          "Dice loss: 1 - (2 sum(p * t) + smooth) / (sum(p) + sum(t) + smooth).",
          "probability, target : Tensor\n    In [0, 1], of one shape.\n"
          "axis : int or tuple of int, optional\n    Axes of the sums; all by default. With those of an image,\n"
          "    there is a loss for each image and class.\nsmooth : float\n"
          "    What makes the loss of two empty masks 0.\n",
          ">>> F.dice_loss(pydl.tensor([1.0, 1.0]), pydl.tensor([1.0, 0.0]))\n"
          "tensor(0.3333, dtype=float32)\n")
          .c_str());
}

void define_margin_losses(py::module_& module) {
  const std::string parameters = "score, target : Tensor\n    Of one shape; targets are -1, or 0, and 1.\n";
  define_loss(module, "hinge_loss", "score",
              doc_of_loss("Hinge loss: max(0, 1 - target * score). A target of 0 counts as -1.", parameters,
                          ">>> F.hinge_loss(pydl.tensor([0.5]), pydl.tensor([1]))\ntensor(0.5000, dtype=float32)\n"),
              nn::hinge_loss);
  define_loss(
      module, "squared_hinge_loss", "score",
      doc_of_loss("Squared hinge loss: max(0, 1 - target * score)^2. A target of 0 counts as -1.", parameters,
                  ">>> F.squared_hinge_loss(pydl.tensor([0.5]), pydl.tensor([1]))\ntensor(0.2500, dtype=float32)\n"),
      nn::squared_hinge_loss);
  define_loss(
      module, "soft_margin_loss", "score",
      doc_of_loss("Logistic loss: log(1 + exp(-target * score)), without overflow.",
                  "score, target : Tensor\n    Of one shape; targets are -1 and 1.\n",
                  ">>> F.soft_margin_loss(pydl.tensor([0.0]), pydl.tensor([1]))\ntensor(0.6931, dtype=float32)\n"),
      nn::soft_margin_loss);
}

void define_regression_losses(py::module_& module) {
  const std::string example = "(pydl.tensor([1.0, 3.0]), pydl.tensor([1.0, 1.0]))\n";
  const auto define = [&](const char* name, const char* summary, const char* result, Loss function) {
    define_loss(module, name, "prediction",
                doc_of_loss(summary, prediction_and_target,
                            concat_text(">>> F.", name, example, "tensor(", result, ", dtype=float32)\n")),
                function);
  };
  define("mse_loss", "Squared error: (prediction - target)^2.", "2.", nn::mse_loss);
  define("l1_loss", "Absolute error: |prediction - target|.", "1.", nn::l1_loss);
  define("log_cosh_loss", "log(cosh(prediction - target)), without overflow.", "0.6625", nn::log_cosh_loss);
  define("msle_loss", "Squared logarithmic error: (log(1 + prediction) - log(1 + target))^2, negatives as 0.", "0.2402",
         nn::msle_loss);
  define("mape_loss", "Error in percent: 100 |prediction - target| / max(|target|, 1e-7).", "100.", nn::mape_loss);
  module.def(
      "smooth_l1_loss",
      [](const Tensor& prediction, const Tensor& target, const std::string& reduction, double beta) {
        const Reduction kind = reduction_of("smooth_l1_loss", reduction);
        return compute(prediction.size(), [&] { return nn::smooth_l1_loss(prediction, target, beta, kind); });
      },
      py::arg("prediction"), py::arg("target"), py::arg("reduction") = "mean", py::arg("beta") = 1.0,
      doc_of_loss("With d = prediction - target: d^2 / (2 beta) where |d| < beta, else |d| - beta / 2.",
                  prediction_and_target + "beta : float\n    At least 0; with 0, the absolute error.\n",
                  ">>> F.smooth_l1_loss(pydl.tensor([0.5]), pydl.tensor([0.0]))\ntensor(0.1250, dtype=float32)\n")
          .c_str());
  module.def(
      "huber_loss",
      [](const Tensor& prediction, const Tensor& target, const std::string& reduction, double delta) {
        const Reduction kind = reduction_of("huber_loss", reduction);
        return compute(prediction.size(), [&] { return nn::huber_loss(prediction, target, delta, kind); });
      },
      py::arg("prediction"), py::arg("target"), py::arg("reduction") = "mean", py::arg("delta") = 1.0,
      doc_of_loss("With d = prediction - target: d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2).",
                  prediction_and_target + "delta : float\n    Above 0.\n",
                  ">>> F.huber_loss(pydl.tensor([2.0]), pydl.tensor([0.0]))\ntensor(1.5000, dtype=float32)\n")
          .c_str());
}

void define_likelihoods(py::module_& module) {
  module.def(
      "kl_div",
      [](const Tensor& log_probs, const Tensor& target, const std::string& reduction, bool log_target) {
        const bool batch_mean = reduction == "batchmean";
        if (!batch_mean && reduction != "mean" && reduction != "sum" && reduction != "none") {
          throw ValueError(
              concat_text("kl_div: expected reduction 'mean', 'batchmean', 'sum' or 'none', got '", reduction, "'"));
        }
        const nn::KlDivOptions options = {.log_target = log_target,
                                          .batch_mean = batch_mean,
                                          .reduction = batch_mean ? Reduction::sum : reduction_of("kl_div", reduction)};
        return compute(log_probs.size(), [&] { return nn::kl_div(log_probs, target, options); });
      },
      py::arg("log_probs"), py::arg("target"), py::arg("reduction") = "mean", py::arg("log_target") = false,
      doc_of_loss("Kullback-Leibler divergence: target * (log(target) - log_probs), 0 where the target is 0.",
                  "log_probs, target : Tensor\n    Of one shape: logarithms of probabilities, and probabilities.\n"
                  "log_target : bool\n    Whether the target is given by its logarithms too.\n",
                  ">>> log_probs = pydl.log(pydl.tensor([[0.5, 0.5]]))\n"
                  ">>> F.kl_div(log_probs, pydl.tensor([[1.0, 0.0]]), reduction=\"batchmean\")\n"
                  "tensor(0.6931, dtype=float32)\n",
                  "ValueError\n    When the shapes do not fit.\n", "{'mean', 'batchmean', 'sum', 'none'}")
          .c_str());
  module.def(
      "poisson_nll_loss",
      [](const Tensor& prediction, const Tensor& target, bool log_input, bool full, double eps,
         const std::string& reduction) {
        const nn::PoissonNllOptions options = {.log_input = log_input,
                                               .full = full,
                                               .epsilon = eps,
                                               .reduction = reduction_of("poisson_nll_loss", reduction)};
        return compute(prediction.size(), [&] { return nn::poisson_nll_loss(prediction, target, options); });
      },
      py::arg("prediction"), py::arg("target"), py::arg("log_input") = true, py::arg("full") = false,
      py::arg("eps") = 1e-8, py::arg("reduction") = "mean",
      doc_of_loss(
          "Negative log-likelihood of counts: exp(x) - target * x, or rate - target * log(rate + eps).",
          prediction_and_target +
              "log_input : bool\n    Whether the prediction is the logarithm of the rate.\n"
              "full : bool\n    Whether Stirling's approximation of log(target!) is added for targets above 1.\n"
              "eps : float\n    Added to rates before their logarithm is taken.\n",
          ">>> F.poisson_nll_loss(pydl.tensor([0.0]), pydl.tensor([2.0]))\ntensor(1., dtype=float32)\n")
          .c_str());
  module.def(
      "gaussian_nll_loss",
      [](const Tensor& prediction, const Tensor& target, const Tensor& var, bool full, double eps,
         const std::string& reduction) {
        const nn::GaussianNllOptions options = {
            .full = full, .epsilon = eps, .reduction = reduction_of("gaussian_nll_loss", reduction)};
        return compute(prediction.size(), [&] { return nn::gaussian_nll_loss(prediction, target, var, options); });
      },
      py::arg("prediction"), py::arg("target"), py::arg("var"), py::arg("full") = false, py::arg("eps") = 1e-6,
      py::arg("reduction") = "mean",
      doc_of_loss("Negative log-likelihood of a normal distribution: (log(var) + (prediction - target)^2 / var) / 2.",
                  prediction_and_target +
                      "var : Tensor\n    Variances, in the shape of the prediction, the same without "
                      "the last axis, or with\n    a last axis of 1.\n"
                      "full : bool\n    Whether log(2 pi) / 2 is added.\n"
                      "eps : float\n    Smaller variances count as this.\n",
                  ">>> F.gaussian_nll_loss(pydl.ones((1,)), pydl.zeros((1,)), pydl.ones((1,)))\n"
                  "tensor(0.5000, dtype=float32)\n")
          .c_str());
}

}  // namespace

void define_losses(py::module_& module) {
  define_class_losses(module);
  define_multilabel_losses(module);
  define_binary_losses(module);
  define_margin_losses(module);
  define_regression_losses(module);
  define_likelihoods(module);
}

}  // namespace pydl::python
