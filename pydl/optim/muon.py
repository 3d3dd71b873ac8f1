"""Muon."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydl._core import Tensor
from pydl.optim.optimizer import Optimizer, ParameterGroup


class Muon(Optimizer):
    """Momentum made orthogonal, for the matrices of hidden layers (Jordan et al., 2024).

    As `torch.optim.Muon`, but computed in float32 or wider instead of bfloat16: v = momentum * v +
    (1 - momentum) * g; p = (1 - lr * weight_decay) * p - lr * size * orthogonal(v), where the
    singular values of orthogonal(v) are near 1 after `ns_steps` Newton-Schulz iterations.


    Parameters
    ----------
    parameters : iterable of Tensor, or of group mappings
        See `Optimizer`.
    lr : float, default 0.001
        Learning rate.
    weight_decay : float, default 0.1
        Parameters are multiplied by 1 - lr * weight_decay before each step.
    momentum : float, default 0.95
        Part of the running mean of gradients that is kept.
    nesterov : bool, default True
        Look ahead by the momentum.
    ns_coefficients : tuple of float, default (3.4445, -4.775, 2.0315)
        Of an iteration x = a x + (b x x' + c (x x')^2) x.
    eps : float, default 1e-07
        Least norm that the momentum is divided by.
    ns_steps : int, default 5
        Number of iterations.
    adjust_lr_fn : {"original", "match_rms_adamw"}, default "original"
        The size of a step for (A, B): sqrt(max(1, A / B)), or 0.2 * sqrt(max(A, B)), with which
        learning rates of AdamW fit.
    maximize : bool, default False
        Step along the gradient instead of against it.
    clip_norm, clip_value : float, optional
        Bounds of the gradients; see `Optimizer`.

    Raises
    ------
    ValueError
        For parameters that are not matrices, negative numbers, momentum outside [0, 1), and
        fewer than 1 or more than 100 iterations.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.Linear(4, 3)
    >>> optimizer = pydl.optim.Muon([layer.weight], lr=0.02)
    >>> layer(pydl.ones((2, 4))).square().sum().backward()
    >>> optimizer.step()
    >>> list(optimizer.state_dict())
    ['lr.0', '0.step', '0.velocity']
    """

    _fused = "muon"
    _fractions = ("momentum",)

    def _check(self, options: Mapping[str, Any]) -> None:
        super()._check(options)
        if options["adjust_lr_fn"] not in ("original", "match_rms_adamw"):
            raise ValueError(
                "Muon: expected adjust_lr_fn to be 'original' or 'match_rms_adamw', got "
                f"{options['adjust_lr_fn']!r}"
            )
        if not 1 <= options["ns_steps"] <= 100:
            raise ValueError(f"Muon: expected 1 to 100 ns_steps, got {options['ns_steps']}")
        if len(options["ns_coefficients"]) != 3:
            raise ValueError("Muon: expected three ns_coefficients")

    def _to_core(self, options: dict[str, Any]) -> dict[str, Any]:
        a, b, c = options.pop("ns_coefficients")
        match = options.pop("adjust_lr_fn") == "match_rms_adamw"
        own = {"a": a, "b": b, "c": c, "steps": options.pop("ns_steps"), "match_adamw": match}
        return {**super()._to_core(options), **own}

    def _make_group(self, entry: Mapping[str, Any], options: dict[str, Any]) -> ParameterGroup:
        for parameter in entry["params"]:
            if parameter.ndim != 2:
                raise ValueError(
                    f"Muon: expected matrices, got a parameter of shape {parameter.shape}; update "
                    "it with another optimizer, such as AdamW"
                )
        return super()._make_group(entry, options)

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 0.001,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-07,
        ns_steps: int = 5,
        adjust_lr_fn: Literal["original", "match_rms_adamw"] = "original",
        *,
        maximize: bool = False,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        options = {
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
            "maximize": maximize,
        }
        super().__init__(parameters, lr, options, clip_norm=clip_norm, clip_value=clip_value)
