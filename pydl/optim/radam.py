"""RAdam."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydl._core import Tensor
from pydl.optim.optimizer import Optimizer


class RAdam(Optimizer):
    """Adam that rectifies its first steps, as `torch.optim.RAdam` (Liu et al., 2020).

    While few squared gradients are known, steps are those of momentum; later they are Adam's, times
    a factor that tends to 1.


    Parameters
    ----------
    parameters : iterable of Tensor, or of group mappings
        See `Optimizer`.
    lr : float, default 0.001
        Learning rate.
    betas : tuple of float, default (0.9, 0.999)
        Parts of the running means that are kept, (b1, b2).
    eps : float, default 1e-08
        Added to the divisor.
    weight_decay : float, default 0.0
        This times the parameter is added to the gradient.
    decoupled_weight_decay : bool, default False
        Multiply parameters by 1 - lr * weight_decay before the step instead, as AdamW does.
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
    >>> optimizer = pydl.optim.RAdam([weight], lr=0.1)
    >>> (weight * weight).sum().backward()
    >>> optimizer.step()
    >>> round(weight.item(), 4)
    0.8
    """

    _fused = "radam"

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-08,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        options = {
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(parameters, lr, options, clip_norm=clip_norm, clip_value=clip_value)
