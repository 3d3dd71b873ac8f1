"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydl._core import Tensor
from pydl.optim.optimizer import Optimizer


class Adam(Optimizer):
    """Steps by running means of gradient and squared gradient (Kingma and Ba, 2015).

    m = b1 * m + (1 - b1) * g; v = b2 * v + (1 - b2) * g^2;
    p = p - lr * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps), as `torch.optim.Adam`.

    Parameters
    ----------
    parameters : iterable of Tensor, or of group mappings
        See `Optimizer`.
    lr : float, default 0.001
        Learning rate.
    betas : tuple of float, default (0.9, 0.999)
        Parts of the running means that are kept, (b1, b2).
    eps : float, default 1e-8
        Added to the divisor.
    weight_decay : float, default 0.0
        This times the parameter is added to the gradient.
    amsgrad : bool, default False
        Divide by the largest second moment so far (Reddi et al., 2018).
    decoupled_weight_decay : bool, default False
        Multiply parameters by 1 - lr * weight_decay before the step instead: AdamW.
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
    >>> optimizer = pydl.optim.Adam([weight], lr=0.1)
    >>> (weight * weight).sum().backward()
    >>> optimizer.step()
    >>> round(weight.item(), 4)
    0.9
    """

    _fused = "adam"
    _slot_names = ("first_moment", "second_moment")

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        decoupled_weight_decay: bool = False,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        options = {
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(parameters, lr, options, clip_norm=clip_norm, clip_value=clip_value)


class AdamW(Adam):
    """Adam with weight decay decoupled from the gradient (Loshchilov and Hutter, 2019).

    p = p - lr * weight_decay * p before Adam's step, as `torch.optim.AdamW`.

    Parameters
    ----------
    parameters : iterable of Tensor, or of group mappings
        See `Optimizer`.
    lr : float, default 0.001
        Learning rate.
    betas : tuple of float, default (0.9, 0.999)
        Parts of the running means that are kept, (b1, b2).
    eps : float, default 1e-8
        Added to the divisor.
    weight_decay : float, default 0.01
        Parameters are multiplied by 1 - lr * weight_decay before the step.
    amsgrad : bool, default False
        Divide by the largest second moment so far (Reddi et al., 2018).
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
    >>> pydl.optim.AdamW([weight]).lr
    0.001
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        super().__init__(
            parameters,
            lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            decoupled_weight_decay=True,
            maximize=maximize,
            clip_norm=clip_norm,
            clip_value=clip_value,
        )
