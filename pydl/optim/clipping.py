"""Bounds on gradients, set between `backward` and the step of an optimiser."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pydl import _core
from pydl._core import Tensor
from pydl.grad_mode import no_grad


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, *, error_if_nonfinite: bool = False
) -> float:
    """Scale gradients in place so that their joint Euclidean norm is at most `max_norm`.

    The norm is computed in float32 or wider, whatever the dtype of the gradients. Where it is not
    finite, gradients are scaled all the same, as by `torch.nn.utils.clip_grad_norm_`: an infinite
    norm makes 0 of finite gradients, and one that is not a number makes all of them that.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Those without a gradient are skipped.
    max_norm : float
        Upper bound of the norm over all gradients together.
    error_if_nonfinite : bool, default False
        Raise instead of scaling by a norm that is infinite or not a number.

    Returns
    -------
    float
        The norm before scaling; 0 without gradients.

    Raises
    ------
    ValueError
        For a `max_norm` that is negative or not a number.
    TypeError
        For parameters that are no tensors.
    RuntimeError
        For a norm that is not finite, with `error_if_nonfinite`; no gradient is changed then.

    Examples
    --------
    >>> import pydl
    >>> w = pydl.nn.Parameter(pydl.zeros((2,)))
    >>> w.grad = pydl.tensor([3.0, 4.0])
    >>> pydl.optim.clip_grad_norm_([w], 1.0)
    5.0
    >>> [round(g, 4) for g in w.grad.tolist()]
    [0.6, 0.8]
    """
    if not max_norm >= 0:
        raise ValueError(f"clip_grad_norm_: expected max_norm of at least 0, got {max_norm}")
    gradients = [p.grad for p in _as_tensors(parameters) if p.grad is not None]
    with no_grad():
        norm = math.sqrt(sum(_sum_of_squares(gradient) for gradient in gradients))
        if error_if_nonfinite and not math.isfinite(norm):
            raise RuntimeError(
                f"clip_grad_norm_: the norm of the gradients is {norm}; look for what made a "
                "gradient infinite or not a number, or leave error_if_nonfinite out to go on"
            )
        if not norm <= max_norm:
            for gradient in gradients:
                _scale(gradient, max_norm / norm)
    return norm


def _as_tensors(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    members = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    for member in members:
        if not isinstance(member, Tensor):
            raise TypeError(
                f"clip_grad_norm_: expected tensors as parameters, got {type(member).__name__}"
            )
    return members


def _sum_of_squares(gradient: Tensor) -> float:
    """In float32 where that is enough; squares of large and of small numbers take float64."""
    for dtype in ("float32", "float64"):
        wide = gradient if gradient.dtype == "float64" else gradient.astype(dtype)
        total = float(_core.sum(_core.square(wide)).item())
        if math.isfinite(total) and total > 1e-30:
            break
    return total


def _scale(gradient: Tensor, factor: float) -> None:
    if gradient.dtype in ("float16", "bfloat16"):
        # A factor of 16 bits could be 0.
        gradient.copy_((gradient.astype("float32") * factor).astype(gradient.dtype))
    else:
        gradient *= factor
