"""L-BFGS with a line search."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydl import _core
from pydl._core import Tensor, concat, tensor
from pydl.grad_mode import enable_grad, no_grad
from pydl.optim.line_search import Point, strong_wolfe
from pydl.optim.optimizer import Optimizer

if TYPE_CHECKING:
    import numpy.typing as npt


class _Memory:
    """What L-BFGS knows of the function: the last steps and the changes of the gradient."""

    def __init__(self) -> None:
        self.steps: list[Tensor] = []
        self.changes: list[Tensor] = []
        self.scale = 1.0  # of the first guess of the inverse Hessian
        self.direction: Tensor | None = None
        self.gradient: Tensor | None = None  # at the last point
        self.size = 0.0  # of the last step, times the direction
        self.iterations = self.evaluations = 0


class LBFGS(Optimizer):
    """Limited-memory BFGS, as `torch.optim.LBFGS` (Liu and Nocedal, 1989).

    Each `step` makes several iterations, for which it calls a function that computes the loss. That
    suits smooth losses of whole data sets. Steps read values of tensors, so they are not compiled.

    Parameters
    ----------
    parameters : iterable of Tensor
        One group only.
    lr : float, default 1.0
        Length of steps, of which a line search begins.
    max_iter : int, default 20
        Iterations of a step.
    max_eval : int, optional
        Calls of the function in a step; by default 5/4 of `max_iter`.
    tolerance_grad : float, default 1e-7
        The step ends when no element of the gradient is larger.
    tolerance_change : float, default 1e-9
        The step ends when neither loss nor parameters change by more.
    history_size : int, default 100
        How many iterations are remembered.
    line_search_fn : {None, "strong_wolfe"}, optional
        Whether to search along each direction for a point that fulfils the strong Wolfe conditions.
    clip_norm, clip_value : float, optional
        Bounds of the gradients of each call; see `Optimizer`.

    Raises
    ------
    ValueError
        For several groups, and options out of range.

    Examples
    --------
    >>> import pydl
    >>> x = pydl.nn.Parameter(pydl.tensor([-1.0, 2.0], dtype="float64"))
    >>> optimizer = pydl.optim.LBFGS([x], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    ...     loss.backward()
    ...     return loss
    >>> for _ in range(4):
    ...     _ = optimizer.step(closure)
    >>> [round(value, 4) for value in x.tolist()]
    [1.0, 1.0]
    """

    needs_closure = True

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1.0,
        *,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: Literal["strong_wolfe"] | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        options = {
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        self._memory = _Memory()
        super().__init__(parameters, lr, options, clip_norm=clip_norm, clip_value=clip_value)
        if len(self.groups) != 1:
            raise ValueError(f"LBFGS: expected one group of parameters, got {len(self.groups)}")

    def _check(self, options: Mapping[str, Any]) -> None:
        for name in ("max_iter", "max_eval", "history_size"):
            if options[name] < 1:
                raise ValueError(f"LBFGS: expected {name} of at least 1, got {options[name]}")
        for name in ("tolerance_grad", "tolerance_change"):
            if not options[name] >= 0:
                raise ValueError(f"LBFGS: expected {name} of at least 0, got {options[name]}")
        if options["line_search_fn"] not in (None, "strong_wolfe"):
            raise ValueError(
                "LBFGS: expected line_search_fn to be None or 'strong_wolfe', got "
                f"{options['line_search_fn']!r}"
            )

    # --- parameters as one vector -----------------------------------------------------------------

    def _flat_gradient(self) -> Tensor:
        self._state.clip_gradients()
        parts = []
        for p in self._parameters:
            gradient = p.grad if p.grad is not None else _core.zeros(p.shape, dtype=p.dtype)
            parts.append(gradient.reshape((-1,)))
        return concat(parts)

    def _move(self, direction: Tensor, size: float) -> None:
        start = 0
        for p in self._parameters:
            end = start + p.size
            p.copy_(p + (direction[start:end] * size).reshape(p.shape).to(p.dtype))
            start = end

    def _evaluate(self, closure: Callable[[], Any]) -> float:
        with enable_grad():
            loss = float(closure())
        self._memory.evaluations += 1
        return loss

    # --- a step -----------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> float:
        """Make up to `max_iter` iterations.

        Parameters
        ----------
        closure : callable
            Function without arguments that clears the gradients, computes the loss, calls
            `backward` and returns the loss.

        Returns
        -------
        float
            The loss before the step.

        Raises
        ------
        TypeError
            Without a closure.
        TraceError
            In a compiled function.
        """
        if closure is None:
            raise TypeError(
                "LBFGS.step: expected a closure, a function that computes loss and gradients"
            )
        if _core._is_tracing():
            raise _core.TraceError(
                "LBFGS.step: it reads losses and gradients to decide what to do next, so it cannot "
                "be compiled; compile the closure instead"
            )
        with no_grad():
            return self._iterate(closure)

    def _iterate(self, closure: Callable[[], Any]) -> float:
        options, memory = self.groups[0].options, self._memory
        last = memory.evaluations + options["max_eval"]
        first_loss = loss = self._evaluate(closure)
        gradient = self._flat_gradient()
        if _largest(gradient) <= options["tolerance_grad"]:
            return first_loss
        for _ in range(options["max_iter"]):
            self._find_direction(gradient)
            assert memory.direction is not None
            slope = _dot(gradient, memory.direction)
            if slope > -options["tolerance_change"]:
                break
            before = loss
            first = memory.iterations == 1
            start = min(1.0, 1.0 / float(gradient.abs().sum())) * self.lr if first else self.lr
            loss, gradient, memory.size = self._walk(closure, loss, gradient, slope, start)
            moved = _largest(memory.direction * memory.size)
            unchanged = abs(loss - before) < options["tolerance_change"]
            if (
                memory.evaluations >= last
                or _largest(gradient) <= options["tolerance_grad"]
                or moved <= options["tolerance_change"]
                or unchanged
                or not math.isfinite(loss)
            ):
                break
        return first_loss

    def _find_direction(self, gradient: Tensor) -> None:
        memory = self._memory
        memory.iterations += 1
        if memory.direction is None or memory.gradient is None:
            memory.direction = -gradient
        else:
            change, step = gradient - memory.gradient, memory.direction * memory.size
            curvature = _dot(change, step)
            if curvature > 1e-10:  # otherwise the inverse Hessian would not stay positive definite
                size = self.groups[0].options["history_size"]
                memory.changes = [*memory.changes, change][-size:]
                memory.steps = [*memory.steps, step][-size:]
                memory.scale = curvature / _dot(change, change)
            memory.direction = self._times_inverse_hessian(-gradient)
        memory.gradient = gradient

    def _times_inverse_hessian(self, vector: Tensor) -> Tensor:
        """Multiply by the approximate inverse Hessian, in two loops over what is remembered."""
        pairs = list(zip(self._memory.steps, self._memory.changes, strict=True))
        factors = []
        for step, change in reversed(pairs):
            factor = _dot(step, vector) / _dot(change, step)
            factors.append(factor)
            vector = vector - change * factor
        vector = vector * self._memory.scale
        for (step, change), factor in zip(pairs, reversed(factors), strict=True):
            vector = vector + step * (factor - _dot(change, vector) / _dot(change, step))
        return vector

    def _walk(
        self,
        closure: Callable[[], Any],
        loss: float,
        gradient: Tensor,
        slope: float,
        size: float,
    ) -> tuple[float, Tensor, float]:
        """Go along the direction; returns the loss and gradient there, and how far it is."""
        options, memory = self.groups[0].options, self._memory
        direction = memory.direction
        assert direction is not None
        if options["line_search_fn"] is None:
            self._move(direction, size)
            loss = self._evaluate(closure)
            return loss, self._flat_gradient(), size
        start = [p.detach().copy() for p in self._parameters]

        def at(position: float) -> Point:
            self._set(start)
            self._move(direction, position)
            value = self._evaluate(closure)
            found = self._flat_gradient()
            return Point(position, value, _dot(found, direction), found)

        best = strong_wolfe(
            at,
            Point(0.0, loss, slope, gradient),
            size,
            tolerance=options["tolerance_change"] / max(_largest(direction), 1e-300),
        )
        self._set(start)
        self._move(direction, best.position)
        return best.value, best.gradient, best.position

    def _set(self, values: list[Tensor]) -> None:
        for parameter, value in zip(self._parameters, values, strict=True):
            parameter.copy_(value)

    # --- state ------------------------------------------------------------------------------------

    @property
    def steps(self) -> int:
        """How many iterations were made."""
        return self._memory.iterations

    def state_dict(self) -> dict[str, Tensor]:
        """Return the learning rate, counts, and the memory of steps and gradients, by name."""
        memory = self._memory
        result = {
            "lr.0": self.groups[0]._lr,
            "iterations": tensor(memory.iterations),
            "evaluations": tensor(memory.evaluations),
            "scale": tensor(memory.scale, dtype="float64"),
            "size": tensor(memory.size, dtype="float64"),
        }
        if memory.direction is not None and memory.gradient is not None:
            result["direction"], result["gradient"] = memory.direction, memory.gradient
        for i, (step, change) in enumerate(zip(memory.steps, memory.changes, strict=True)):
            result[f"step.{i}"], result[f"change.{i}"] = step, change
        return result

    def load_state_dict(self, state: Mapping[str, Tensor | npt.NDArray[Any]]) -> None:
        """Take over what `state_dict` returned, for the same parameters in the same order.

        Raises
        ------
        ValueError
            For entries that are missing.
        """
        tensors = {n: v if isinstance(v, Tensor) else tensor(v) for n, v in state.items()}
        for name in ("lr.0", "iterations", "evaluations", "scale", "size"):
            if name not in tensors:
                raise ValueError(f"LBFGS.load_state_dict: {name} is missing")
        memory = _Memory()
        for i in range(sum(name.startswith("step.") for name in tensors)):
            memory.steps.append(tensors[f"step.{i}"].copy())
            memory.changes.append(tensors[f"change.{i}"].copy())
        if "direction" in tensors:
            memory.direction = tensors["direction"].copy()
            memory.gradient = tensors["gradient"].copy()
        memory.scale, memory.size = float(tensors["scale"]), float(tensors["size"])
        memory.iterations = int(tensors["iterations"])
        memory.evaluations = int(tensors["evaluations"])
        self._memory = memory
        self.lr = float(tensors["lr.0"])


def _dot(a: Tensor, b: Tensor) -> float:
    return float((a * b).sum())


def _largest(x: Tensor) -> float:
    return float(x.abs().max()) if x.size else 0.0
