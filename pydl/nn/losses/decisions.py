"""Losses of decisions: each element of the target is yes or no, or a probability."""

from __future__ import annotations

from pydl import _core
from pydl._core import Tensor
from pydl.nn.losses.base import Reduction, _Loss, as_buffer


class BCELoss(_Loss):
    """Binary cross-entropy of probabilities: -weight (t log(p) + (1 - t) log(1 - p)).

    Probabilities and targets are in [0, 1] and of one shape. Logarithms are at least -100, as in
    PyTorch, so the loss is finite for probabilities of exactly 0 and 1; its gradient there is at
    most 1e12. `BCEWithLogitsLoss` keeps a useful gradient where a sigmoid is that sure and wrong.

    Parameters
    ----------
    weight : Tensor, optional
        Scale of the elements; it broadcasts to the shape of the target.
    reduction : {"mean", "sum", "none"}, default "mean"

    Raises
    ------
    ValueError
        For another reduction; when called, for shapes that differ.

    Examples
    --------
    >>> import pydl
    >>> round(pydl.nn.BCELoss()(pydl.tensor([0.5]), pydl.tensor([1.0])).item(), 4)
    0.6931
    """

    def __init__(self, weight: Tensor | None = None, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        self.weight = as_buffer(weight)

    def forward(self, probability: Tensor, target: Tensor) -> Tensor:
        return _core.nn.binary_cross_entropy(probability, target, self.weight, self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy of sigmoid(logits) and targets in [0, 1] of one shape, without overflow.

    Parameters
    ----------
    weight : Tensor, optional
        Scale of the elements; it broadcasts to the shape of the target.
    pos_weight : Tensor, optional
        Scale of the term t log(p), which positive targets contribute; it broadcasts likewise.
    reduction : {"mean", "sum", "none"}, default "mean"

    Raises
    ------
    ValueError
        For another reduction; when called, for shapes that differ.

    Examples
    --------
    >>> import pydl
    >>> round(pydl.nn.BCEWithLogitsLoss()(pydl.zeros((1,)), pydl.ones((1,))).item(), 4)
    0.6931
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        pos_weight: Tensor | None = None,
        *,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction)
        self.weight = as_buffer(weight)
        self.pos_weight = as_buffer(pos_weight)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return _core.nn.binary_cross_entropy_with_logits(
            logits, target, self.weight, self.reduction, self.pos_weight
        )


class SigmoidFocalLoss(_Loss):
    """Focal loss of decisions (Lin et al., 2017), for few positives among many easy negatives.

    alpha (1 - p)^gamma (-log p) where the target is 1, (1 - alpha) p^gamma (-log(1 - p)) where it
    is 0, with p = sigmoid(logits); as torchvision's `sigmoid_focal_loss`, whose result is not
    reduced by default. Logits and targets are of one shape.

    Parameters
    ----------
    alpha : float, default 0.25
        In [0, 1]; a negative number leaves the scales out.
    gamma : float, default 2.0
        How much less elements count that are right already.
    reduction : {"mean", "sum", "none"}, default "mean"

    Raises
    ------
    ValueError
        For another reduction; when called, for shapes that differ.

    Examples
    --------
    >>> import pydl
    >>> round(pydl.nn.SigmoidFocalLoss()(pydl.zeros((1,)), pydl.ones((1,))).item(), 4)
    0.0433
    """

    def __init__(
        self, alpha: float = 0.25, gamma: float = 2.0, *, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction)
        self.alpha = alpha
        self.gamma = gamma

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return _core.nn.sigmoid_focal_loss(logits, target, self.alpha, self.gamma, self.reduction)


class DiceLoss(_Loss):
    """Dice loss of probabilities: 1 - (2 sum(p t) + smooth) / (sum(p) + sum(t) + smooth).

    Probabilities and targets are in [0, 1] and of one shape. For small objects in images, which
    hardly change a mean over all places.

    Parameters
    ----------
    axis : int or tuple of int, optional
        Axes of the sums; all by default, as in Keras. With (2, 3), each image and class has a loss.
    smooth : float, default 1e-7
        What makes the loss of two empty masks 0.
    reduction : {"mean", "sum", "none"}, default "mean"

    Raises
    ------
    ValueError
        For another reduction; when called, for shapes that differ.

    Examples
    --------
    >>> import pydl
    >>> round(pydl.nn.DiceLoss()(pydl.tensor([1.0, 1.0]), pydl.tensor([1.0, 0.0])).item(), 4)
    0.3333
    """

    def __init__(
        self,
        axis: int | tuple[int, ...] | None = None,
        smooth: float = 1e-7,
        *,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction)
        self.axis = axis
        self.smooth = smooth

    def forward(self, probability: Tensor, target: Tensor) -> Tensor:
        return _core.nn.dice_loss(probability, target, self.axis, self.smooth, self.reduction)


class HingeLoss(_Loss):
    """Hinge loss: max(0, 1 - target * score).

    Scores and targets are of one shape. Targets are -1, or 0, and 1, as in Keras.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"

    Raises
    ------
    ValueError
        For another reduction; when called, for shapes that differ.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.HingeLoss()(pydl.tensor([0.5]), pydl.tensor([1])).item()
    0.5
    """

    def forward(self, score: Tensor, target: Tensor) -> Tensor:
        return _core.nn.hinge_loss(score, target, self.reduction)


class SquaredHingeLoss(_Loss):
    """Squared hinge loss: max(0, 1 - target * score)^2.

    Scores and targets are of one shape. Targets are -1, or 0, and 1, as in Keras.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"

    Raises
    ------
    ValueError
        For another reduction; when called, for shapes that differ.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.SquaredHingeLoss()(pydl.tensor([0.5]), pydl.tensor([1])).item()
    0.25
    """

    def forward(self, score: Tensor, target: Tensor) -> Tensor:
        return _core.nn.squared_hinge_loss(score, target, self.reduction)


class SoftMarginLoss(_Loss):
    """Logistic loss: log(1 + exp(-target * score)), without overflow.

    Scores and targets are of one shape; targets are -1 and 1.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"

    Raises
    ------
    ValueError
        For another reduction; when called, for shapes that differ.

    Examples
    --------
    >>> import pydl
    >>> round(pydl.nn.SoftMarginLoss()(pydl.zeros((1,)), pydl.tensor([1])).item(), 4)
    0.6931
    """

    def forward(self, score: Tensor, target: Tensor) -> Tensor:
        return _core.nn.soft_margin_loss(score, target, self.reduction)
