"""Adadelta."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydl._core import Tensor
from pydl.optim.optimizer import Optimizer


class Adadelta(Optimizer):
    """Steps in the unit of the parameter, as `torch.optim.Adadelta` (Zeiler, 2012).

    s = rho * s + (1 - rho) * g^2; d = g * sqrt(u + eps) / sqrt(s + eps);
    u = rho * u + (1 - rho) * d^2; p = p - lr * d.


    Parameters
    ----------
    parameters : iterable of Tensor, or of group mappings
        See `Optimizer`.
    lr : float, default 1.0
        Learning rate.
    rho : float, default 0.9
        Part of the running means that is kept.
    eps : float, default 1e-06
        Added to the running means: the size of the first steps.
    weight_decay : float, default 0.0
        This times the parameter is added to the gradient.
    maximize : bool, default False
        Step along the gradient instead of against it.
    clip_norm, clip_value : float, optional
        Bounds of the gradients; see `Optimizer`.

    Raises
    ------
    ValueError
        For negative numbers, and for rho outside [0, 1).

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.Parameter(pydl.tensor([1.0]))
    >>> optimizer = pydl.optim.Adadelta([weight])
    >>> (weight * weight).sum().backward()
    >>> optimizer.step()
    >>> round(weight.item(), 4)
    0.9968
    """

    _fused = "adadelta"
    _fractions = ("rho",)

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-06,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        options = {"rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(parameters, lr, options, clip_norm=clip_norm, clip_value=clip_value)
