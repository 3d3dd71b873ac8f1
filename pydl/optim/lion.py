"""Lion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydl._core import Tensor
from pydl.optim.optimizer import Optimizer


class Lion(Optimizer):
    """Steps by the sign of a running mean of gradients (Chen et al., 2023).

    p = p - lr * (sign(b1 * m + (1 - b1) * g) + weight_decay * p); m = b2 * m + (1 - b2) * g.
    Learning rates are 3 to 10 times smaller than those of Adam, and weight decay as much larger.


    Parameters
    ----------
    parameters : iterable of Tensor, or of group mappings
        See `Optimizer`.
    lr : float, default 0.0001
        Learning rate.
    betas : tuple of float, default (0.9, 0.99)
        Parts of the running means that are kept, (b1, b2).
    weight_decay : float, default 0.0
        Parameters are multiplied by 1 - lr * weight_decay before each step.
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
    >>> optimizer = pydl.optim.Lion([weight], lr=0.1)
    >>> (weight * weight).sum().backward()
    >>> optimizer.step()
    >>> round(weight.item(), 4)
    0.9
    """

    _fused = "lion"

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 0.0001,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        options = {"betas": betas, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(parameters, lr, options, clip_norm=clip_norm, clip_value=clip_value)
