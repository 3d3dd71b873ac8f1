"""Bounds on gradients, set between `backward` and the step of an optimiser."""

from __future__ import annotations

from collections.abc import Iterable

from pydl import _core
from pydl._core import Tensor
from pydl.optim.checks import as_list


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scale gradients in place so that their joint norm is at most `max_norm`.

    The norm is computed in float32 or wider, whatever the dtype of the gradients. Gradients whose
    norm is within the bound keep their bits. Where the norm is not finite, gradients are scaled all
    the same, as by `torch.nn.utils.clip_grad_norm_`: an infinite norm makes 0 of finite gradients,
    and one that is not a number makes all of them that.

    In a compiled step, it stands between `loss.backward()` and `optimizer.step()`, as elsewhere.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Those without a gradient are skipped.
    max_norm : float
        Upper bound of the norm over all gradients together.
    norm_type : float, default 2.0
        Order of the norm, above 0: 2 for the Euclidean one, ``float("inf")`` for the largest size.
    error_if_nonfinite : bool, default False
        Raise instead of scaling by a norm that is infinite or not a number. Compiled functions
        cannot: they return the norm, and their caller looks at it.

    Returns
    -------
    Tensor
        The norm before scaling, float64 of rank 0, without history; 0 without gradients.

    Raises
    ------
    ValueError
        For a `max_norm` that is negative or not a number, and a `norm_type` that is not above 0.
    TypeError
        For parameters that are not tensors.
    RuntimeError
        For a norm that is not finite, with `error_if_nonfinite`; no gradient is changed then.
    TraceError
        For `error_if_nonfinite` in a compiled function.

    Examples
    --------
    >>> import pydl
    >>> w = pydl.nn.Parameter(pydl.zeros((2,)))
    >>> w.grad = pydl.tensor([3.0, 4.0])
    >>> float(pydl.optim.clip_grad_norm_([w], 1.0))
    5.0
    >>> [round(g, 4) for g in w.grad.tolist()]
    [0.6, 0.8]
    """
    return _core.optim.clip_grad_norm_(
        _as_tensors("clip_grad_norm_", parameters), max_norm, error_if_nonfinite, float(norm_type)
    )


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Limit each element of gradients to [-clip_value, clip_value], in place.

    Elements that are not a number stay. Like `clip_grad_norm_`, it may stand in a compiled step.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Those without a gradient are skipped.
    clip_value : float
        Largest size of an element.

    Raises
    ------
    ValueError
        For a `clip_value` that is negative or not a number.
    TypeError
        For parameters that are not tensors.

    Examples
    --------
    >>> import pydl
    >>> w = pydl.nn.Parameter(pydl.zeros((2,)))
    >>> w.grad = pydl.tensor([3.0, -0.5])
    >>> pydl.optim.clip_grad_value_([w], 1.0)
    >>> w.grad.tolist()
    [1.0, -0.5]
    """
    if not clip_value >= 0:
        raise ValueError(f"clip_grad_value_: expected clip_value of at least 0, got {clip_value}")
    _core.optim.clip_grad_value_(_as_tensors("clip_grad_value_", parameters), clip_value)


def _as_tensors(caller: str, parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    members = as_list(parameters, caller)
    for member in members:
        if not isinstance(member, Tensor):
            raise TypeError(
                f"{caller}: expected tensors as parameters, got {type(member).__name__}"
            )
    return members
