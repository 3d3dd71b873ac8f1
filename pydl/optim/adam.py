"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydl._core import Tensor
from pydl.optim.checks import require_at_least_zero, require_fraction
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
    _decoupled = False

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr, {"betas": betas, "eps": eps, "weight_decay": weight_decay})

    def _check(self, options: Mapping[str, Any]) -> None:
        require_at_least_zero(self._name, options, "eps", "weight_decay")
        for beta in options["betas"]:
            require_fraction(self._name, "betas", beta)

    def _to_core(self, options: dict[str, Any]) -> dict[str, Any]:
        beta1, beta2 = options["betas"]
        return {
            "beta1": beta1,
            "beta2": beta2,
            "epsilon": options["eps"],
            "weight_decay": options["weight_decay"],
            "decoupled": self._decoupled,
        }


class AdamW(Adam):
    """Adam with weight decay decoupled from the gradient (Loshchilov and Hutter, 2019).

    p = p - lr * weight_decay * p before Adam's step, as `torch.optim.AdamW`. Parameters and errors
    are those of `Adam`, but weight_decay is 0.01 unless given.

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.Parameter(pydl.tensor([1.0]))
    >>> pydl.optim.AdamW([weight]).lr
    0.001
    """

    _decoupled = True

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 0.001,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(parameters, lr, betas=betas, eps=eps, weight_decay=weight_decay)
