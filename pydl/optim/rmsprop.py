"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydl._core import Tensor
from pydl.optim.optimizer import Optimizer


class RMSprop(Optimizer):
    """Gradient divided by a running root mean square of itself, as `torch.optim.RMSprop`.

    s = alpha * s + (1 - alpha) * g^2; p = p - lr * g / (sqrt(s) + eps) (Hinton, 2012).

    Parameters
    ----------
    parameters : iterable of Tensor, or of group mappings
        See `Optimizer`.
    lr : float, default 0.01
        Learning rate.
    alpha : float, default 0.99
        Part of the running mean that is kept.
    eps : float, default 1e-8
        Added to the divisor.
    momentum : float, default 0.0
        Part of the previous step that is kept.
    weight_decay : float, default 0.0
        This times the parameter is added to the gradient.
    centered : bool, default False
        Divide by the standard deviation of gradients instead of the root of their mean square.
    maximize : bool, default False
        Step along the gradient instead of against it.
    clip_norm, clip_value : float, optional
        Bounds of the gradients; see `Optimizer`.

    Raises
    ------
    ValueError
        For negative numbers, and for alpha outside [0, 1).

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.Parameter(pydl.tensor([1.0]))
    >>> optimizer = pydl.optim.RMSprop([weight], lr=0.01)
    >>> (weight * weight).sum().backward()
    >>> optimizer.step()
    >>> round(weight.item(), 4)
    0.9
    """

    _fused = "rmsprop"
    _fractions = ("alpha",)

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        options = {
            "alpha": alpha,
            "eps": eps,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "centered": centered,
            "maximize": maximize,
        }
        super().__init__(parameters, lr, options, clip_norm=clip_norm, clip_value=clip_value)
