"""Gradients against finite differences, element by element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pydl import _core
from pydl._core import Tensor
from pydl.grad_mode import enable_grad, no_grad

if TYPE_CHECKING:
    import numpy.typing as npt

    _Array = npt.NDArray[np.float64]

__all__ = ["gradcheck", "gradgradcheck"]


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Compare the derivatives of a function with central finite differences.

    Parameters
    ----------
    func : callable
        From the inputs to a tensor or a sequence of tensors; floating-point ones count.
    inputs : Tensor or sequence
        Arguments of `func`. What is differentiated for is float64 and requires a gradient.
    eps : float, default 1e-6
        Half the distance of the two points of a difference.
    atol, rtol : float
        Tolerances, absolute and relative to the finite difference.
    raise_exception : bool, default True
        Whether a difference raises; otherwise False is returned for it.

    Returns
    -------
    bool
        Whether they agree.

    Raises
    ------
    ValueError
        Where no input requires a gradient, or one that does is not float64.
    RuntimeError
        Where they disagree; it says for which output and input, and by how much.

    Examples
    --------
    >>> import pydl
    >>> x = pydl.tensor([0.5, 2.0], dtype="float64", requires_grad=True)
    >>> pydl.autograd.gradcheck(lambda x: x.exp() * x, x)
    True
    """
    return _check("gradcheck", func, inputs, eps, atol, rtol, raise_exception)


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    grad_outputs: Sequence[Tensor] | Tensor | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
) -> bool:
    """Compare second derivatives of a function with finite differences of its gradients.

    Parameters
    ----------
    func, inputs, eps, atol, rtol, raise_exception
        As for `gradcheck`.
    grad_outputs : Tensor or sequence of Tensor, optional
        Weights of the outputs; by default fixed random numbers.

    Returns
    -------
    bool
        Whether they agree.

    Examples
    --------
    >>> import pydl
    >>> x = pydl.tensor([0.5, 2.0], dtype="float64", requires_grad=True)
    >>> pydl.autograd.gradgradcheck(lambda x: x.exp() * x, x)
    True
    """
    args = _as_args(inputs)
    positions = _positions("gradgradcheck", args)
    outputs = _outputs(func, args)
    if grad_outputs is None:
        rng = np.random.default_rng(0)
        weights = [_core.tensor(rng.standard_normal(y.shape)).astype(y.dtype) for y in outputs]
    else:
        weights = [grad_outputs] if isinstance(grad_outputs, Tensor) else list(grad_outputs)
    weights = [weight.detach().requires_grad_() for weight in weights]

    def gradients(*values: Any) -> tuple[Tensor, ...]:
        own, given = list(values[: len(args)]), list(values[len(args) :])
        with enable_grad():
            found = _core._grad(
                _outputs(func, own), [own[i] for i in positions], given, True, True, True
            )
        return tuple(
            _core.zeros_like(own[i]) if g is None else g
            for i, g in zip(positions, found, strict=True)
        )

    both = [*args, *weights]
    return _check("gradgradcheck", gradients, both, eps, atol, rtol, raise_exception)


def _check(
    name: str,
    func: Callable[..., Any],
    inputs: Any,
    eps: float,
    atol: float,
    rtol: float,
    raise_exception: bool,
) -> bool:
    args = _as_args(inputs)
    positions = _positions(name, args)
    # Fresh leaves: an input that is itself a result would propagate gradients further back.
    own = [x.detach().copy().requires_grad_() if i in positions else x for i, x in enumerate(args)]
    with enable_grad():
        outputs = _outputs(func, own)
    for number, output in enumerate(outputs):
        analytic = _jacobian(output, [own[i] for i in positions])
        for position, found in zip(positions, analytic, strict=True):
            expected = _differences(func, own, position, number, eps)
            wrong = np.abs(found - expected) > atol + rtol * np.abs(expected)
            if not (wrong | np.isnan(found)).any():
                continue
            if not raise_exception:
                return False
            worst = float(np.nanmax(np.abs(found - expected)))
            raise RuntimeError(
                f"{name}: the derivative of output {number} for input {position} is off by up to "
                f"{worst:.3g}\nby finite differences:\n{expected}\nby backward:\n{found}"
            )
    return True


def _as_args(inputs: Any) -> list[Any]:
    return [inputs] if isinstance(inputs, Tensor) else list(inputs)


def _positions(name: str, args: list[Any]) -> list[int]:
    positions = [i for i, x in enumerate(args) if isinstance(x, Tensor) and x.requires_grad]
    if not positions:
        raise ValueError(f"{name}: expected an input that requires a gradient, got none")
    for i in positions:
        if args[i].dtype != "float64":
            raise ValueError(f"{name}: expected input {i} of float64, got {args[i].dtype}")
    return positions


def _outputs(func: Callable[..., Any], args: list[Any]) -> list[Tensor]:
    result = func(*args)
    outputs = [result] if isinstance(result, Tensor) else list(result)
    return [y for y in outputs if isinstance(y, Tensor) and y.dtype.is_floating]


def _jacobian(output: Tensor, leaves: list[Tensor]) -> list[_Array]:
    """Return one matrix per leaf: a row for each element of the output."""
    rows: list[list[_Array]] = [[] for _ in leaves]
    for i in range(output.size):
        weight = np.zeros(output.size)
        weight[i] = 1
        seed = _core.tensor(weight.reshape(output.shape)).astype(output.dtype)
        found: list[Tensor | None] = [None] * len(leaves)
        if output.requires_grad:
            found = _core._grad([output], leaves, [seed], True, False, True)
        for row, leaf, gradient in zip(rows, leaves, found, strict=True):
            values = np.zeros(leaf.size) if gradient is None else gradient.detach().numpy().ravel()
            row.append(np.array(values, np.float64))
    return [
        np.array(row).reshape(output.size, leaf.size)
        for row, leaf in zip(rows, leaves, strict=True)
    ]


def _differences(
    func: Callable[..., Any], args: list[Any], position: int, number: int, eps: float
) -> _Array:
    point = np.array(args[position].detach().numpy(), np.float64)
    columns = []
    for j in range(point.size):
        ends = []
        for sign in (1, -1):
            moved = point.copy()
            moved.flat[j] += sign * eps
            changed = list(args)
            changed[position] = _core.tensor(moved).requires_grad_()
            with no_grad():
                output = _outputs(func, changed)[number].detach().astype("float64")
            ends.append(np.array(output.numpy(), np.float64).ravel())
        columns.append((ends[0] - ends[1]) / (2 * eps))
    size = _outputs(func, args)[number].size
    matrix: _Array = np.array(columns).reshape(point.size, size).T
    return matrix
