"""The steps of a model, compiled where they can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from pydl._core import TraceError
from pydl._warnings import warn
from pydl.compiler import CompiledFunction, compile
from pydl.training.layout import Layout

# A step that is traced more often than this because numbers change is faster without compilation.
_MOST_CHANGES = 16


class StepOptions(NamedTuple):
    """What decides on the program of a step besides the batch.

    `keywords` says that a dict of inputs becomes keyword arguments; `plain`, that targets need not
    be looked at one by one; `first`, that gradients of batches before are dropped.
    """

    layout: Layout
    keywords: bool
    plain: bool
    first: bool = True


class Steps:
    """What `fit`, `evaluate` and `predict` do with a batch: by default as compiled functions.

    A step that cannot be traced runs eagerly from then on, after one warning; so does one that has
    to be traced again and again, because what it reads of Python's variables changes.

    Parameters
    ----------
    functions : dict of str to callable
        Steps (batch) -> results by the name of the verb that they serve.
    state : sequence
        What they read and change besides the batch, for `pydl.compile`.
    optimizer : Optimizer or None
        Which of the state is the model's optimiser: another one needs other steps.
    jit : bool
        Whether to compile.
    """

    def __init__(
        self,
        functions: dict[str, Callable[..., Any]],
        state: Sequence[Any],
        optimizer: Any,
        jit: bool,
    ) -> None:
        self.state, self.optimizer = list(state), optimizer
        self._eager = functions
        self._functions: dict[str, Callable[..., Any]] = dict(functions)
        if jit:
            self._functions = {
                verb: compile(function, state=self.state) for verb, function in functions.items()
            }

    def run(self, verb: str, batch: Any, *options: Any) -> Any:
        """Run the step of a verb on a batch; each value of the options has its own programs."""
        function = self._functions[verb]
        if function.__class__ is CompiledFunction and function._changes > _MOST_CHANGES:
            self._stop_compiling(
                verb,
                f"the step was traced {function._changes} times because of changes, at last since "
                f"{function._last_change}; keep numbers that change often in tensors of the model",
            )
            function = self._functions[verb]
        try:
            return function(batch, *options)
        except TraceError as error:
            if self._functions[verb] is self._eager[verb]:
                raise
            self._stop_compiling(verb, f"the step cannot be traced: {error}")
            return self._eager[verb](batch, *options)

    def run_known(self, verb: str, batch: Any, *options: Any) -> tuple[Any] | None:
        """Run the program of a step for such a batch, if there is one, and return (result,)."""
        function = self._functions[verb]
        return (
            function._run_known(batch, *options) if isinstance(function, CompiledFunction) else None
        )

    def _stop_compiling(self, verb: str, reason: str) -> None:
        warn(
            f"{verb} runs without compilation, because {reason}. "
            "compile(..., jit=False) avoids this warning",
        )
        self._functions[verb] = self._eager[verb]
