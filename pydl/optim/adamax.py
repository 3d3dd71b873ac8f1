"""Adamax."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydl._core import Tensor
from pydl.optim.optimizer import Optimizer


class Adamax(Optimizer):
    """Adam with the infinity norm, as `torch.optim.Adamax` (Kingma and Ba, 2015).

    m = b1 * m + (1 - b1) * g; u = max(b2 * u, abs(g) + eps); p = p - lr / (1 - b1^t) * m / u.


    Parameters
    ----------
    parameters : iterable of Tensor, or of group mappings
        See `Optimizer`.
    lr : float, default 0.002
        Learning rate.
    betas : tuple of float, default (0.9, 0.999)
        Parts of the running means that are kept, (b1, b2).
    eps : float, default 1e-08
        Added to the size of the gradient.
    weight_decay : float, default 0.0
        This times the parameter is added to the gradient.
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
    >>> optimizer = pydl.optim.Adamax([weight], lr=0.1)
    >>> (weight * weight).sum().backward()
    >>> optimizer.step()
    >>> round(weight.item(), 4)
    0.9
    """

    _fused = "adamax"

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 0.002,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        options = {"betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(parameters, lr, options, clip_norm=clip_norm, clip_value=clip_value)
