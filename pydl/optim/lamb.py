"""LAMB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydl._core import Tensor
from pydl.optim.optimizer import Optimizer


class LAMB(Optimizer):
    """Adam with steps in proportion to the parameters, for large batches (You et al., 2020).

    With d = Adam's direction + weight_decay * p, each tensor moves by lr * norm(p) / norm(d) * d;
    by lr * d where one of the norms is 0.


    Parameters
    ----------
    parameters : iterable of Tensor, or of group mappings
        See `Optimizer`.
    lr : float, default 0.001
        Learning rate.
    betas : tuple of float, default (0.9, 0.999)
        Parts of the running means that are kept, (b1, b2).
    eps : float, default 1e-06
        Added to the divisor.
    weight_decay : float, default 0.0
        This times the parameter is added to the direction.
    maximize : bool, default False
        Step along the gradient instead of against it.
    clip_norm, clip_value : float, optional
        Bounds of the gradients; see `Optimizer`.

    Raises
    ------
    ValueError
        For negative numbers, and for betas outside [0, 1).

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.Parameter(pydl.tensor([1.0]))
    >>> optimizer = pydl.optim.LAMB([weight], lr=0.1)
    >>> (weight * weight).sum().backward()
    >>> optimizer.step()
    >>> round(weight.item(), 4)
    0.9
    """

    _fused = "lamb"

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-06,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        options = {"betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(parameters, lr, options, clip_norm=clip_norm, clip_value=clip_value)
