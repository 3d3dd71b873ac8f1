"""Losses of scores of classes."""

from __future__ import annotations

from pydl import _core
from pydl._core import Tensor
from pydl.nn.losses.base import Reduction, _Loss, as_buffer
from pydl.nn.module import Buffer


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
        self.weight = as_buffer(weight)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return _core.nn.cross_entropy(
            logits, target, self.weight, self.ignore_index, self.label_smoothing, self.reduction
        )


class NLLLoss(_Loss):
    """Negative log-likelihood of class indices: -weight[t] * log_probs[t], as `torch.nn.NLLLoss`.

    Called with logarithms of probabilities (N, K, ...), such as those of `LogSoftmax`, and class
    indices, integers (N, ...). `CrossEntropyLoss` takes the logits themselves, and is faster.

    Parameters
    ----------
    weight : Tensor, optional
        Scale of each class, shape (K,).
    ignore_index : int, default -100
        Targets of this value do not count.
    reduction : {"mean", "sum", "none"}, default "mean"
        With `weight`, the mean is weighted too.

    Raises
    ------
    ValueError
        For another reduction; when called, for targets that do not fit.
    IndexError
        When called, for a target that is not a class.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.NLLLoss()(pydl.tensor([[-1.0, -2.0]]), pydl.tensor([1])).item()
    2.0
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        *,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction)
        self.weight = as_buffer(weight)
        self.ignore_index = ignore_index

    def forward(self, log_probs: Tensor, target: Tensor) -> Tensor:
        return _core.nn.nll_loss(log_probs, target, self.weight, self.ignore_index, self.reduction)


class SoftmaxFocalLoss(_Loss):
    """Focal loss of several classes (Lin et al., 2017), for classes of which most samples are easy.

    alpha[t] (1 - p[t])^gamma (-log p[t]) with p = softmax(logits). Called with logits (N, K, ...)
    and class indices (N, ...), or class probabilities of the shape of the logits, for which the
    terms of all classes are weighted and added, as in Keras's `CategoricalFocalCrossentropy`.

    Parameters
    ----------
    alpha : float or Tensor of shape (K,), optional
        Scale of all classes, or of each. The mean is not weighted by it.
    gamma : float, default 2.0
        How much less samples count that are right already; with 0, it is the cross-entropy.
    ignore_index : int, default -100
        Targets of this value do not count.
    reduction : {"mean", "sum", "none"}, default "mean"
        The mean is over the targets that count.

    Raises
    ------
    ValueError
        For another reduction; when called, for targets that do not fit, and a negative gamma.

    Examples
    --------
    >>> import pydl
    >>> loss = pydl.nn.SoftmaxFocalLoss()
    >>> round(loss(pydl.zeros((1, 2)), pydl.tensor([1])).item(), 4)
    0.1733
    """

    def __init__(
        self,
        alpha: float | Tensor | None = None,
        gamma: float = 2.0,
        *,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction)
        self.alpha = None if alpha is None else Buffer(_core.asarray(alpha, dtype="float32"))
        if isinstance(alpha, Tensor):
            self.alpha = Buffer(alpha)
        self.gamma, self.ignore_index = gamma, ignore_index

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return _core.nn.softmax_focal_loss(
            logits, target, self.alpha, self.gamma, self.ignore_index, self.reduction
        )


class MultiMarginLoss(_Loss):
    """Hinge loss of classes: the sum over j != t of max(0, margin - x[t] + x[j])^p, over K.

    Called with scores (N, K) and class indices (N,), or (K,) and an index of rank 0; as
    `torch.nn.MultiMarginLoss`.

    Parameters
    ----------
    p : int, default 1
        1 or 2.
    margin : float, default 1.0
        By how much the score of the target shall exceed the others.
    weight : Tensor, optional
        Scale of the samples of each class, shape (K,).
    reduction : {"mean", "sum", "none"}, default "mean"

    Raises
    ------
    ValueError
        For another reduction; when called, for another p, and targets that do not fit.
    IndexError
        When called, for a target that is not a class.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.MultiMarginLoss()(pydl.tensor([[0.0, 0.5]]), pydl.tensor([1])).item()
    0.25
    """

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Tensor | None = None,
        *,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction)
        self.p, self.margin = p, margin
        self.weight = as_buffer(weight)

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        return _core.nn.multi_margin_loss(
            scores, target, self.p, self.margin, self.weight, self.reduction
        )


class MultiLabelMarginLoss(_Loss):
    """Hinge loss of several labels: the sum of max(0, 1 - x[y] + x[j]), over K.

    The sum is over the labels y of a sample and the classes j that are none. Called with scores
    (N, K), or (K,), and integers of the same shape: the labels of each sample, up to the first
    negative number; as `torch.nn.MultiLabelMarginLoss`. Memory and time grow with K^2.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"

    Raises
    ------
    ValueError
        For another reduction; when called, for targets that do not fit.

    Examples
    --------
    >>> import pydl
    >>> loss = pydl.nn.MultiLabelMarginLoss()
    >>> loss(pydl.tensor([0.0, 0.5, 1.0]), pydl.tensor([2, -1, -1])).item()
    0.1666666716337204
    """

    def forward(self, scores: Tensor, target: Tensor) -> Tensor:
        return _core.nn.multilabel_margin_loss(scores, target, self.reduction)


class MultiLabelSoftMarginLoss(_Loss):
    """Binary cross-entropy of sigmoid(logits), averaged over the labels of a sample.

    Called with logits and targets in [0, 1], both (..., K); as
    `torch.nn.MultiLabelSoftMarginLoss`.

    Parameters
    ----------
    weight : Tensor, optional
        Scale of each label, shape (K,).
    reduction : {"mean", "sum", "none"}, default "mean"

    Raises
    ------
    ValueError
        For another reduction; when called, for targets that do not fit.

    Examples
    --------
    >>> import pydl
    >>> loss = pydl.nn.MultiLabelSoftMarginLoss()
    >>> round(loss(pydl.zeros((1, 2)), pydl.ones((1, 2))).item(), 4)
    0.6931
    """

    def __init__(self, weight: Tensor | None = None, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        self.weight = as_buffer(weight)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return _core.nn.multilabel_soft_margin_loss(logits, target, self.weight, self.reduction)
