"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydl._core import Tensor
from pydl.optim.checks import require_at_least_zero, require_fraction
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

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 0.01,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        options = {"alpha": alpha, "eps": eps, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(parameters, lr, options)

    def _check(self, options: Mapping[str, Any]) -> None:
        require_at_least_zero("RMSprop", options, "eps", "momentum", "weight_decay")
        require_fraction("RMSprop", "alpha", options["alpha"])

    def _to_core(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"epsilon" if name == "eps" else name: value for name, value in options.items()}

    def _slots_of(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        return ("square_average", "velocity") if options["momentum"] else ("square_average",)
