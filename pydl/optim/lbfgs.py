"""L-BFGS with a line search."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydl import _core
from pydl._core import Tensor, tensor
from pydl.optim.optimizer import Optimizer

if TYPE_CHECKING:
    import numpy.typing as npt


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
        self._memory = _core.optim._LbfgsMemory()
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
            Without a closure, and if it returns no number.
        TraceError
            In a compiled function.
        """
        if not callable(closure):
            raise TypeError(
                "LBFGS.step: expected a closure, a function that computes loss and gradients"
            )
        if _core._is_tracing():
            raise _core.TraceError(
                "LBFGS.step: it reads losses and gradients to decide what to do next, so it cannot "
                "be compiled; compile the closure instead"
            )
        group = self.groups[0]
        return self._memory.step(
            self._parameters, group._lr, group.options, *self._clipping, closure
        )

    # --- state ------------------------------------------------------------------------------------

    @property
    def steps(self) -> int:
        """How many iterations were made."""
        return self._memory.iterations

    def state_dict(self) -> dict[str, Tensor]:
        """Return the learning rate, counts, and the memory of steps and gradients, by name."""
        return dict(self._memory.tensors(self.groups[0]._lr))

    def load_state_dict(self, state: Mapping[str, Tensor | npt.NDArray[Any]]) -> None:
        """Take over what `state_dict` returned, for the same parameters in the same order.

        Raises
        ------
        ValueError
            For entries that are missing, left over, or of another shape.
        """
        tensors = {n: v if isinstance(v, Tensor) else tensor(v) for n, v in state.items()}
        memory = _core.optim._LbfgsMemory()
        self.lr = memory.load(tensors, self._parameters, "LBFGS.load_state_dict")
        self._memory = memory

    def __getstate__(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        rest, tensors = super().__getstate__()
        del rest["_memory"]  # the tensors are all of it
        return rest, tensors

    def __setstate__(self, state: tuple[dict[str, Any], dict[str, Tensor]]) -> None:
        vars(self)["_memory"] = _core.optim._LbfgsMemory()
        super().__setstate__(state)
