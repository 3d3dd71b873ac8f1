"""Losses as modules. `reduction` is "mean", "sum", or "none": one value per sample or element."""

from __future__ import annotations

from typing import Literal

from pydl import _core
from pydl._core import Tensor
from pydl.nn.module import Buffer, Module

Reduction = Literal["mean", "sum", "none"]


def _checked(name: str, reduction: Reduction) -> Reduction:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{name}: expected reduction 'mean', 'sum' or 'none', got {reduction!r}")
    return reduction


class _Loss(Module):
    def __init__(self, reduction: Reduction = "mean") -> None:
        super().__init__()
        self.reduction: Reduction = _checked(type(self).__name__, reduction)


class CrossEntropyLoss(_Loss):
    """Cross-entropy between softmax(logits) and a target, as `torch.nn.CrossEntropyLoss`.

    Called with logits (N, K, ...) and either class indices, integers (N, ...), or class
    probabilities of the shape of the logits.

    Parameters
    ----------
    weight : Tensor, optional
        Scale of each class, shape (K,).
    ignore_index : int, default -100
        Targets of this value do not count.
    reduction : {"mean", "sum", "none"}, default "mean"
        With `weight`, the mean is weighted too.
    label_smoothing : float, default 0.0
        Part of the target, in [0, 1], that is spread over all classes.

    Raises
    ------
    ValueError
        For another reduction; when called, for targets that do not fit the logits.

    Examples
    --------
    >>> import pydl
    >>> loss = pydl.nn.CrossEntropyLoss()
    >>> round(loss(pydl.zeros((1, 2)), pydl.tensor([1])).item(), 4)
    0.6931
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction)
        self.weight = None if weight is None else Buffer(weight)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return _core.nn.cross_entropy(
            logits, target, self.weight, self.ignore_index, self.label_smoothing, self.reduction
        )


class MSELoss(_Loss):
    """Mean squared error, (prediction - target)^2 of two tensors of one shape.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.MSELoss()(pydl.tensor([1.0, 2.0]), pydl.tensor([1.0, 4.0])).item()
    2.0
    """

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        return _core.nn.mse_loss(prediction, target, reduction=self.reduction)


class L1Loss(_Loss):
    """Mean absolute error, |prediction - target| of two tensors of one shape.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.L1Loss()(pydl.tensor([1.0, 2.0]), pydl.tensor([1.0, 4.0])).item()
    1.0
    """

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        return _core.nn.l1_loss(prediction, target, reduction=self.reduction)


class BCELoss(_Loss):
    """Binary cross-entropy of probabilities and targets in [0, 1] of one shape.

    Logarithms are at least -100, as in PyTorch, so the loss is finite for probabilities of exactly
    0 and 1; its gradient there is at most 1e12. `BCEWithLogitsLoss` keeps a useful gradient where a
    sigmoid is that sure and wrong.

    Examples
    --------
    >>> import pydl
    >>> round(pydl.nn.BCELoss()(pydl.tensor([0.5]), pydl.tensor([1.0])).item(), 4)
    0.6931
    """

    def forward(self, probability: Tensor, target: Tensor) -> Tensor:
        return _core.nn.binary_cross_entropy(probability, target, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy of sigmoid(logits) and targets in [0, 1] of one shape, without overflow.

    Examples
    --------
    >>> import pydl
    >>> round(pydl.nn.BCEWithLogitsLoss()(pydl.zeros((1,)), pydl.ones((1,))).item(), 4)
    0.6931
    """

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return _core.nn.binary_cross_entropy_with_logits(logits, target, reduction=self.reduction)
