"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydl._core import Tensor
from pydl.optim.optimizer import Optimizer


class SGD(Optimizer):
    """Stochastic gradient descent with momentum, as `torch.optim.SGD`.

    v = momentum * v + (1 - dampening) * g (the first time v = g); p = p - lr * v.

    Parameters
    ----------
    parameters : iterable of Tensor, or of group mappings
        See `Optimizer`.
    lr : float, default 0.01
        Learning rate.
    momentum : float, default 0.0
        Part of the previous step that is kept; 0 keeps no state.
    dampening : float, default 0.0
        Part of the gradient that is left out of the momentum.
    weight_decay : float, default 0.0
        This times the parameter is added to the gradient.
    nesterov : bool, default False
        Look ahead by the momentum (Sutskever et al., 2013).
    decoupled_weight_decay : bool, default False
        Multiply parameters by 1 - lr * weight_decay before the step instead, as AdamW does.
    maximize : bool, default False
        Step along the gradient instead of against it.
    clip_norm, clip_value : float, optional
        Bounds of the gradients; see `Optimizer`.

    Raises
    ------
    ValueError
        For negative numbers, and for nesterov without momentum or with dampening.

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.Parameter(pydl.tensor([1.0]))
    >>> optimizer = pydl.optim.SGD([weight], lr=0.25)
    >>> (weight * weight).sum().backward()
    >>> optimizer.step()
    >>> weight.tolist()
    [0.5]
    """

    _fused = "sgd"

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 0.01,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        decoupled_weight_decay: bool = False,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        options = {
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        super().__init__(parameters, lr, options, clip_norm=clip_norm, clip_value=clip_value)

    def _check(self, options: Mapping[str, Any]) -> None:
        super()._check(options)
        if options["nesterov"] and (options["momentum"] == 0 or options["dampening"] != 0):
            raise ValueError("SGD: nesterov needs momentum, and dampening 0")
