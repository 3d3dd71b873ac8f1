"""Losses by name, and what they expect of a model's output."""

from __future__ import annotations

import copy
import functools
import inspect
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from pydl import _core
from pydl._core import Tensor
from pydl.nn import functional
from pydl.nn.losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    DiceLoss,
    HingeLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    LogCoshLoss,
    MAPELoss,
    MSELoss,
    MSLELoss,
    NLLLoss,
    PoissonNLLLoss,
    SigmoidFocalLoss,
    SmoothL1Loss,
    SoftmaxFocalLoss,
    SquaredHingeLoss,
)
from pydl.nn.losses.base import Reduction
from pydl.nn.module import Module
from pydl.training.alignment import Alignment
from pydl.training.other_names import meant

LossFunction = Callable[[Any, Any], Tensor]

# Below this, probabilities count as this, so that their logarithm is finite (as in Keras).
_SMALLEST_PROBABILITY = 1e-7


class Loss(NamedTuple):
    """A loss function with what is known of it.

    `output` is what the last layer must return: "logits", "probabilities", or "any"; `binary` says
    that each output element is a separate decision, `regression` that outputs are like targets.
    Losses of classes have the label that does not count, and perhaps weights of classes. `each`
    returns the losses of samples, or of their elements, for weights of samples. Functions of the
    user's have an alignment of targets.
    """

    function: LossFunction
    output: str = "any"
    binary: bool = False
    regression: bool = False
    ignore_index: int | None = None
    class_weight: Tensor | None = None
    reduction: str = "mean"
    threshold: float | None = None
    each: LossFunction | None = None
    alignment: Alignment | None = None

    @property
    def known(self) -> bool:
        """Whether this is one of pydl's losses, which take one output and one target."""
        return self.binary or self.regression or self.ignore_index is not None

    def is_plain(self, targets: Tensor) -> bool:
        """Whether all of these targets count, and are decisions for those who count decisions.

        Steps on such targets need not look at them one by one.
        """
        values = targets.detach()
        if values.size == 0 or values.dtype.name == "bfloat16":
            return False
        array = values.numpy()
        low, high = array.min(), array.max()
        if not (low >= 0 and high < math.inf) or self.ignore_index in (low, high):
            return False
        if not values.dtype.is_floating:
            inside = self.ignore_index is not None and low < self.ignore_index < high
            return bool(self.ignore_index is not None or high <= 1) and not inside
        return bool(self.binary and high <= 1)

    def counted(self, target: Any, plain: bool = False) -> Tensor | None:
        """Return by what the mean over a batch is divided; None where that is its size."""
        if self.ignore_index is None or self.reduction != "mean" or not isinstance(target, Tensor):
            return None
        if target.dtype.is_floating or (plain and self.class_weight is None):
            return None
        kept = target.to("int64") != self.ignore_index
        if self.class_weight is None:
            return kept.sum()
        labels = _core.where(kept, target.to("int64"), 0)
        weights = _core.take(self.class_weight, labels.flatten()).reshape(labels.shape)
        return _core.where(kept, weights, 0.0).sum()

    def value(self, output: Any, target: Any, weight: Any = None) -> Tensor:
        """Return the mean over what counts; `weight` has one for each sample, or each element.

        Weighted losses are added and divided by the number of samples, as in Keras, so that weights
        of 1 change nothing.
        """
        target = self.aligned(output, target)
        loss = (self.each or self.function)(output, target) if weight is not None else None
        if loss is None:
            loss = self.function(output, target)
        if not isinstance(loss, Tensor):
            raise TypeError(
                f"the loss function must return a tensor, got {type(loss).__name__}; compute it "
                "with tensors, without item(), float() or NumPy"
            )
        if weight is None:
            return loss.mean() if loss.ndim else loss
        weighted = loss * _weights_of(loss, weight)
        if self.reduction == "sum":
            return weighted.sum()
        counted = self.counted(target)
        return weighted.mean() if counted is None else weighted.sum() / counted

    def aligned(self, output: Any, target: Any) -> Any:
        """Return the target in the shape that the output requires, where only an axis of 1 differs.

        As in Keras, (N,) and (N, 1) are the same to pydl's losses: for class indices, and for what
        is like the output. They are to a function of the user's where it would otherwise combine
        each sample with each.

        Raises
        ------
        TypeError
            For outputs and targets that are several tensors, where the loss takes one.
        """
        if not self.known:
            if self.alignment is None:
                return target
            return self.alignment(self.function, output, target)
        for role, value in (("output of the model", output), ("target", target)):
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"the loss takes one tensor as {role}, got {type(value).__name__}; let the "
                    "model return one, or write a loss function of your own"
                )
        if self.ignore_index is not None:
            if output.ndim > 1 and output.shape[1] == 1:
                raise ValueError(
                    f"the loss chooses among classes along axis 1, of which outputs of shape "
                    f"{output.shape} have one, so that it is 0 whatever the model gives; for two "
                    "classes, use 'binary_cross_entropy_with_logits', or a last layer of 2 outputs"
                )
            column = (output.shape[0], 1, *output.shape[2:])
            is_column = output.ndim > 1 and target.shape == column != output.shape
            return target.squeeze(1) if is_column and not target.dtype.is_floating else target
        if output.shape in ((*target.shape, 1), target.shape[:-1]) and target.size == output.size:
            return target.reshape(output.shape)
        return target


def probability_cross_entropy(
    probabilities: Tensor, target: Tensor, *, reduction: Reduction = "mean"
) -> Tensor:
    """Cross-entropy of probabilities (N, K, ...) and class indices or probabilities."""
    # The softmax of log p is p, so the loss of logits serves.
    return functional.cross_entropy(_bounded_log(probabilities), target, reduction=reduction)


def probability_focal_loss(
    probabilities: Tensor, target: Tensor, *, reduction: Reduction = "mean"
) -> Tensor:
    """Focal loss of probabilities (N, K, ...) and class indices or probabilities, as in Keras."""
    logits = _bounded_log(probabilities)
    return functional.softmax_focal_loss(logits, target, alpha=0.25, reduction=reduction)


def binary_focal_loss(
    probability: Tensor, target: Tensor, *, reduction: Reduction = "mean"
) -> Tensor:
    """Focal loss of probabilities and targets of one shape, without alpha, as in Keras."""
    p = _core.clip(probability, _SMALLEST_PROBABILITY, 1.0 - _SMALLEST_PROBABILITY)
    logits = _core.log(p) - _core.log1p(-p)
    return functional.sigmoid_focal_loss(logits, target, alpha=-1.0, reduction=reduction)


def divergence(probabilities: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    """Kullback-Leibler divergence of probabilities along the last axis, averaged over samples."""
    terms = functional.kl_div(_bounded_log(probabilities), target, reduction="none").sum(axis=-1)
    return terms if reduction == "none" else terms.mean()


def poisson(rate: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    """Poisson loss of rates: rate - target log(rate), averaged over all elements."""
    return functional.poisson_nll_loss(
        rate, target, log_input=False, eps=_SMALLEST_PROBABILITY, reduction=reduction
    )


def negative_cosine(output: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    """Minus the cosine of the angle between vectors along the last axis, averaged."""
    cosines = functional.cosine_similarity(output, target, axis=-1)
    return -cosines if reduction == "none" else -cosines.mean()


def _weights_of(loss: Tensor, weight: Any) -> Tensor:
    """Return the weights of samples in a shape that broadcasts to that of their losses."""
    if loss.ndim == 0:
        raise ValueError(
            "the loss gives one value for the whole batch, which weights of samples cannot weigh; "
            "let it return one for each sample, of shape (N,)"
        )
    given: Tensor = _core.asarray(weight)
    shape = given.shape
    if len(shape) == loss.ndim + 1 and shape[-1] == 1:
        shape = shape[:-1]
    if shape != loss.shape[: len(shape)]:
        raise ValueError(
            "fit: expected sample_weight of the shape of the losses of samples, "
            f"{loss.shape}, or of its first axes, got {given.shape}"
        )
    return given.to(loss.dtype).reshape((*shape, *(1,) * (loss.ndim - len(shape))))


def _bounded_log(probabilities: Tensor) -> Tensor:
    return _core.log(_core.clip(probabilities, _SMALLEST_PROBABILITY, 1.0))


_IGNORED = -100

_CROSS_ENTROPY = Loss(functional.cross_entropy, "logits", ignore_index=_IGNORED, threshold=0.0)
_PROBABILITY = Loss(
    probability_cross_entropy, "probabilities", ignore_index=_IGNORED, threshold=0.5
)
_BINARY = Loss(functional.binary_cross_entropy, "probabilities", True, threshold=0.5)
_BINARY_LOGITS = Loss(functional.binary_cross_entropy_with_logits, "logits", True, threshold=0.0)
# Outputs that are made to equal targets of 0 and 1 are nearer to one of them beyond 0.5.
_MSE = Loss(functional.mse_loss, regression=True, threshold=0.5)
_MAE = Loss(functional.l1_loss, regression=True, threshold=0.5)

_FOCAL = Loss(functional.softmax_focal_loss, "logits", ignore_index=_IGNORED, threshold=0.0)
_BINARY_FOCAL = Loss(functional.sigmoid_focal_loss, "logits", True, threshold=0.0)
_NLL = Loss(functional.nll_loss, ignore_index=_IGNORED)
_SMOOTH_L1 = Loss(functional.smooth_l1_loss, regression=True, threshold=0.5)
_HUBER = Loss(functional.huber_loss, regression=True, threshold=0.5)
_LOG_COSH = Loss(functional.log_cosh_loss, regression=True, threshold=0.5)
_MSLE = Loss(functional.msle_loss, regression=True, threshold=0.5)
_MAPE = Loss(functional.mape_loss, regression=True, threshold=0.5)
_HINGE = Loss(functional.hinge_loss, regression=True, threshold=0.0)
_SQUARED_HINGE = Loss(functional.squared_hinge_loss, regression=True, threshold=0.0)
_DICE = Loss(functional.dice_loss, "probabilities", regression=True, threshold=0.5)
_DIVERGENCE = Loss(divergence, "probabilities", regression=True, threshold=0.5)

# Our names and those of Keras; in Keras the cross-entropies take probabilities.
_BY_NAME = {
    "cross_entropy": _CROSS_ENTROPY,
    "binary_cross_entropy_with_logits": _BINARY_LOGITS,
    "binary_cross_entropy": _BINARY,
    "mse": _MSE,
    "mae": _MAE,
    "categorical_crossentropy": _PROBABILITY,
    "sparse_categorical_crossentropy": _PROBABILITY,
    "binary_crossentropy": _BINARY,
    "mean_squared_error": _MSE,
    "mean_absolute_error": _MAE,
    "focal_loss": _FOCAL,
    "sigmoid_focal_loss": _BINARY_FOCAL,
    "categorical_focal_crossentropy": Loss(
        probability_focal_loss, "probabilities", ignore_index=_IGNORED, threshold=0.5
    ),
    "binary_focal_crossentropy": Loss(binary_focal_loss, "probabilities", True, threshold=0.5),
    "nll": _NLL,
    "smooth_l1": _SMOOTH_L1,
    "huber": _HUBER,
    "log_cosh": _LOG_COSH,
    "msle": _MSLE,
    "mean_squared_logarithmic_error": _MSLE,
    "mape": _MAPE,
    "mean_absolute_percentage_error": _MAPE,
    "hinge": _HINGE,
    "squared_hinge": _SQUARED_HINGE,
    "dice": _DICE,
    "kl_divergence": _DIVERGENCE,
    "poisson": Loss(poisson, regression=True, threshold=0.5),
    "cosine_similarity": Loss(negative_cosine, regression=True, threshold=0.5),
}

_BY_MODULE = {
    CrossEntropyLoss: _CROSS_ENTROPY,
    BCELoss: _BINARY,
    BCEWithLogitsLoss: _BINARY_LOGITS,
    MSELoss: _MSE,
    L1Loss: _MAE,
    SoftmaxFocalLoss: _FOCAL,
    SigmoidFocalLoss: _BINARY_FOCAL,
    NLLLoss: _NLL,
    SmoothL1Loss: _SMOOTH_L1,
    HuberLoss: _HUBER,
    LogCoshLoss: _LOG_COSH,
    MSLELoss: _MSLE,
    MAPELoss: _MAPE,
    HingeLoss: _HINGE,
    SquaredHingeLoss: _SQUARED_HINGE,
    DiceLoss: _DICE,
    KLDivLoss: Loss(functional.kl_div, regression=True),
    PoissonNLLLoss: Loss(functional.poisson_nll_loss, regression=True),
}

_FINAL_ACTIVATIONS = {"Softmax": "probabilities", "Sigmoid": "probabilities", "Linear": "logits"}


def get(loss: str | LossFunction) -> Loss:
    """Look up a loss by name, or take a function (output, target) -> Tensor.

    Raises
    ------
    ValueError
        For a name that is not known; the message lists those that are.
    TypeError
        For something that cannot be called, and for a class instead of its instance.
    """
    if isinstance(loss, str):
        if loss not in _BY_NAME:
            raise ValueError(
                f"compile: expected a loss of {', '.join(_BY_NAME)}; got {loss!r}"
                + meant(loss, _BY_NAME)
            )
        known = _BY_NAME[loss]
        return known._replace(each=_each_of(known.function))
    if isinstance(loss, type):
        raise TypeError(f"compile: expected a loss function, got a class; write {loss.__name__}()")
    if not callable(loss):
        raise TypeError(f"compile: expected a loss name or function, got {type(loss).__name__}")
    known = _described(loss)
    if known.known:
        return known._replace(each=_each_of(loss))
    _require_two_arguments(loss)
    name = getattr(loss, "__name__", type(loss).__name__)
    return known._replace(alignment=Alignment(f"the loss {name}"))


def _require_two_arguments(loss: Any) -> None:
    """Raise `TypeError` for a loss such as that of triplets, which takes several outputs."""
    function = loss.forward if isinstance(loss, Module) else loss
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some builtins have none
        return
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p.name for p in parameters if p.kind in kinds and p.default is p.empty]
    if len(required) > 2:
        name = getattr(loss, "__name__", type(loss).__name__)
        raise TypeError(
            f"compile: expected a loss of (output, target), got {name}, which takes "
            f"({', '.join(required)}); call it in compute_loss(self, x, y, y_pred, sample_weight) "
            "of the model, or in a function (outputs, target)"
        )


def _each_of(loss: Any) -> LossFunction:
    """Return a function of pydl's that gives the losses of samples."""
    if not isinstance(loss, Module):
        return functools.partial(loss, reduction="none")
    each = copy.copy(loss)  # shares its weights
    each.reduction = "none"
    return each


def _described(loss: LossFunction) -> Loss:
    """Return what is known of a function, or of a module: of pydl's own, and partials of them."""
    if type(loss) in _BY_MODULE:
        known = _BY_MODULE[type(loss)]._replace(function=loss)
        return _with_options(known, vars(loss))
    if isinstance(loss, functools.partial) and not loss.args:
        known = _described(loss.func)
        return _with_options(known, loss.keywords)._replace(function=loss)
    for known in _BY_NAME.values():
        if loss is known.function:
            return known
    return Loss(loss)


def _with_options(loss: Loss, options: Any) -> Loss:
    loss = loss._replace(reduction=options.get("reduction", loss.reduction))
    if loss.ignore_index is None:
        return loss
    return loss._replace(
        ignore_index=options.get("ignore_index", loss.ignore_index),
        class_weight=options.get("weight"),
    )


def with_last_layer(loss: Loss, layer: Module | None) -> Loss:
    """Return the loss with the threshold that the last layer suggests, where it has none."""
    if loss.threshold is None and type(layer).__name__ in ("Sigmoid", "Softmax"):
        return loss._replace(threshold=0.5)
    return loss


def check_last_layer(loss: Loss, name: object, layer: Module | None) -> None:
    """Raise `ValueError` for a loss of logits after a softmax, or one of probabilities without."""
    last = type(layer).__name__
    given = _FINAL_ACTIVATIONS.get(last, "any")
    if "any" in (given, loss.output) or given == loss.output:
        return
    final = "Sigmoid" if loss.binary else "Softmax"
    if loss.output == "logits":
        hint = f"remove {last}: the loss applies it itself"
    else:
        ours = "binary_cross_entropy_with_logits" if loss.binary else "cross_entropy"
        hint = f"end the model with {final}, or use loss={ours!r}, which takes logits"
    raise ValueError(
        f"compile: loss {name!r} takes {loss.output}, but the last layer, {last}, gives {given}; "
        f"{hint}"
    )
