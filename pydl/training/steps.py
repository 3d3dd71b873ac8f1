"""The steps of a model, compiled where they can be."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from pydl._core import TraceError
from pydl.compiler import compile


class Steps:
    """What `fit`, `evaluate` and `predict` do with a batch: by default as compiled functions.

    A step that cannot be traced runs eagerly from then on, after one warning.

    Parameters
    ----------
    functions : dict of str to callable
        Steps (batch) -> results by the name of the verb that they serve.
    state : sequence
        What they read and change beside the batch, for `pydl.compile`.
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
        """Run the step of a verb on a batch; each value of the options has programs of its own."""
        try:
            return self._functions[verb](batch, *options)
        except TraceError as error:
            if self._functions[verb] is self._eager[verb]:
                raise
            warnings.warn(
                f"{verb} runs without compilation, because the step cannot be traced: {error}. "
                "compile(..., jit=False) avoids this warning",
                stacklevel=4,
            )
            self._functions[verb] = self._eager[verb]
            return self._eager[verb](batch, *options)
