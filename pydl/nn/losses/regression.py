"""Losses of numbers, and of the parameters of distributions."""

from __future__ import annotations

from typing import Literal

from pydl import _core
from pydl._core import Tensor
from pydl.nn.losses.base import Reduction, _Loss, checked_reduction


class MSELoss(_Loss):
    """Mean squared error, (prediction - target)^2 of two tensors of one shape.

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
    >>> pydl.nn.MSELoss()(pydl.tensor([1.0, 2.0]), pydl.tensor([1.0, 4.0])).item()
    2.0
    """

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        return _core.nn.mse_loss(prediction, target, self.reduction)


class L1Loss(_Loss):
    """Mean absolute error, |prediction - target| of two tensors of one shape.

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
    >>> pydl.nn.L1Loss()(pydl.tensor([1.0, 2.0]), pydl.tensor([1.0, 4.0])).item()
    1.0
    """

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        return _core.nn.l1_loss(prediction, target, self.reduction)


class SmoothL1Loss(_Loss):
    """d^2 / (2 beta) where |d| < beta, else |d| - beta / 2, with d = prediction - target.

    Predictions and targets are of one shape.

    Parameters
    ----------
    beta : float, default 1.0
        Where the square ends; with 0, it is the absolute error.
    reduction : {"mean", "sum", "none"}, default "mean"

    Raises
    ------
    ValueError
        For another reduction; when called, for shapes that differ.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.SmoothL1Loss()(pydl.tensor([0.5]), pydl.tensor([0.0])).item()
    0.125
    """

    def __init__(self, beta: float = 1.0, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction)
        self.beta = beta

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        return _core.nn.smooth_l1_loss(prediction, target, self.reduction, self.beta)


class HuberLoss(_Loss):
    """d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2), with d = prediction - target.

    Predictions and targets are of one shape.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"
    delta : float, default 1.0
        Where the square ends.

    Raises
    ------
    ValueError
        For another reduction; when called, for shapes that differ.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.HuberLoss()(pydl.tensor([2.0]), pydl.tensor([0.0])).item()
    1.5
    """

    def __init__(self, reduction: Reduction = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction)
        self.delta = delta

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        return _core.nn.huber_loss(prediction, target, self.reduction, self.delta)


class LogCoshLoss(_Loss):
    """log(cosh(prediction - target)) of two tensors of one shape, without overflow.

    Like d^2 / 2 for small differences d, and |d| - log(2) for large ones.

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
    >>> round(pydl.nn.LogCoshLoss()(pydl.tensor([2.0]), pydl.tensor([0.0])).item(), 4)
    1.325
    """

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        return _core.nn.log_cosh_loss(prediction, target, self.reduction)


class MSLELoss(_Loss):
    """Mean squared logarithmic error, (log(1 + prediction) - log(1 + target))^2, of one shape.

    Negative numbers count as 0.

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
    >>> round(pydl.nn.MSLELoss()(pydl.tensor([3.0]), pydl.tensor([1.0])).item(), 4)
    0.4805
    """

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        return _core.nn.msle_loss(prediction, target, self.reduction)


class MAPELoss(_Loss):
    """Mean absolute error in percent, 100 |prediction - target| / max(|target|, 1e-7).

    Predictions and targets are of one shape.

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
    >>> pydl.nn.MAPELoss()(pydl.tensor([3.0]), pydl.tensor([2.0])).item()
    50.0
    """

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        return _core.nn.mape_loss(prediction, target, self.reduction)


class KLDivLoss(_Loss):
    """Kullback-Leibler divergence: target (log(target) - log_probs), as `torch.nn.KLDivLoss`.

    Called with logarithms of probabilities, and probabilities, of one shape. Where the target is 0,
    its term is 0.

    Parameters
    ----------
    log_target : bool, default False
        Whether the target is given by its logarithms too.
    reduction : {"mean", "batchmean", "sum", "none"}, default "mean"
        "batchmean" divides the sum by the number of samples, the size of axis 0, as the definition
        of the divergence does; "mean" divides by the number of elements.

    Raises
    ------
    ValueError
        For another reduction; when called, for shapes that differ.

    Examples
    --------
    >>> import pydl
    >>> log_probs = pydl.log(pydl.tensor([[0.5, 0.5]]))
    >>> loss = pydl.nn.KLDivLoss(reduction="batchmean")
    >>> round(loss(log_probs, pydl.tensor([[1.0, 0.0]])).item(), 4)
    0.6931
    """

    reduction: Literal["mean", "batchmean", "sum", "none"]  # type: ignore[assignment]

    def __init__(
        self,
        log_target: bool = False,
        *,
        reduction: Literal["mean", "batchmean", "sum", "none"] = "mean",
    ) -> None:
        checked_reduction(type(self).__name__, reduction, ("batchmean",))
        super().__init__()
        self.reduction, self.log_target = reduction, log_target

    def forward(self, log_probs: Tensor, target: Tensor) -> Tensor:
        return _core.nn.kl_div(log_probs, target, self.reduction, self.log_target)


class PoissonNLLLoss(_Loss):
    """Negative log-likelihood of counts: exp(x) - target x, or rate - target log(rate + eps).

    Predictions and targets are of one shape.

    Parameters
    ----------
    log_input : bool, default True
        Whether the prediction is the logarithm of the rate.
    full : bool, default False
        Whether Stirling's approximation of log(target!) is added for targets above 1.
    eps : float, default 1e-8
        Added to rates before their logarithm is taken.
    reduction : {"mean", "sum", "none"}, default "mean"

    Raises
    ------
    ValueError
        For another reduction; when called, for shapes that differ.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.PoissonNLLLoss()(pydl.tensor([0.0]), pydl.tensor([2.0])).item()
    1.0
    """

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        eps: float = 1e-8,
        *,
        reduction: Reduction = "mean",
    ) -> None:
        super().__init__(reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        return _core.nn.poisson_nll_loss(
            prediction, target, self.log_input, self.full, self.eps, self.reduction
        )


class GaussianNLLLoss(_Loss):
    """Negative log-likelihood of normal distributions: (log(var) + (x - target)^2 / var) / 2.

    Called with predictions and targets of one shape, and variances of this shape, the same without
    the last axis, or with a last axis of 1. Negative variances are not refused, but count as `eps`.

    Parameters
    ----------
    full : bool, default False
        Whether log(2 pi) / 2 is added.
    eps : float, default 1e-6
        Smaller variances count as this; they receive a gradient nevertheless.
    reduction : {"mean", "sum", "none"}, default "mean"

    Raises
    ------
    ValueError
        For another reduction; when called, for shapes that differ.

    Examples
    --------
    >>> import pydl
    >>> one = pydl.ones((1,))
    >>> pydl.nn.GaussianNLLLoss()(one, pydl.zeros((1,)), one).item()
    0.5
    """

    def __init__(
        self, full: bool = False, eps: float = 1e-6, *, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction)
        self.full = full
        self.eps = eps

    def forward(self, prediction: Tensor, target: Tensor, var: Tensor) -> Tensor:
        return _core.nn.gaussian_nll_loss(
            prediction, target, var, self.full, self.eps, self.reduction
        )
