"""Rprop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydl._core import Tensor
from pydl.optim.optimizer import Optimizer


class Rprop(Optimizer):
    """Resilient propagation, as `torch.optim.Rprop` (Riedmiller and Braun, 1993).

    Each element has a step size of its own, first `lr`, which grows while its gradient keeps its
    sign and shrinks when that changes. This is for gradients of whole data sets rather than of
    batches.


    Parameters
    ----------
    parameters : iterable of Tensor, or of group mappings
        See `Optimizer`.
    lr : float, default 0.01
        Learning rate.
    etas : tuple of float, default (0.5, 1.2)
        Factors by which step sizes shrink and grow.
    step_sizes : tuple of float, default (1e-06, 50.0)
        The least and the largest step size.
    maximize : bool, default False
        Step along the gradient instead of against it.
    clip_norm, clip_value : float, optional
        Bounds of the gradients; see `Optimizer`.

    Raises
    ------
    ValueError
        For etas that are not (below 1, above 1), and step sizes that are not in order.

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.Parameter(pydl.tensor([1.0]))
    >>> optimizer = pydl.optim.Rprop([weight], lr=0.1)
    >>> (weight * weight).sum().backward()
    >>> optimizer.step()
    >>> round(weight.item(), 4)
    0.9
    """

    _fused = "rprop"

    def _check(self, options: Mapping[str, Any]) -> None:
        (minus, plus), (least, most) = options["etas"], options["step_sizes"]
        if not 0.0 < minus < 1.0 < plus:
            raise ValueError(f"Rprop: expected etas (below 1, above 1), got {(minus, plus)}")
        if not 0.0 <= least <= most:
            raise ValueError(f"Rprop: expected step_sizes in order, got {(least, most)}")

    def _to_core(self, options: dict[str, Any]) -> dict[str, Any]:
        (minus, plus), (least, most) = options["etas"], options["step_sizes"]
        sizes = {"eta_minus": minus, "eta_plus": plus, "step_min": least, "step_max": most}
        return {**sizes, "maximize": options["maximize"]}

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 0.01,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-06, 50.0),
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        options = {"etas": etas, "step_sizes": step_sizes, "maximize": maximize}
        super().__init__(parameters, lr, options, clip_norm=clip_norm, clip_value=clip_value)
