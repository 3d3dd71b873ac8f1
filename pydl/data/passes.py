"""Passes over a loader's data: where they began and how far they are, so that they can resume."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pydl._core import Generator, Tensor, _default_generator, tensor

if TYPE_CHECKING:
    import numpy.typing as npt

T = TypeVar("T")
State = dict[str, Tensor]
_SAMPLER = "sampler."


class Pass:
    """One pass.

    Attributes
    ----------
    epoch : int
        Its number.
    start : Tensor
        State of the generator before the order was drawn.
    sampler : dict of str to Tensor
        State of the sampler before its pass; empty where it has none.
    generator : Generator
        What the order is drawn from.
    position : int
        How many batches were given out.
    finished : bool
        Whether all of them were.
    """

    def __init__(self, epoch: int, start: Tensor, sampler: State, generator: Generator) -> None:
        self.epoch, self.start, self.sampler, self.generator = epoch, start, sampler, generator
        self.position, self.finished = 0, False

    def counted(self, batches: Iterable[T]) -> Iterator[T]:
        """Give batches out, and count them."""
        for batch in batches:
            self.position += 1
            yield batch
        self.finished = True


class Passes:
    """The pass that was begun last, and the state that continues it.

    Parameters
    ----------
    generator : Generator or None
        Source of the orders; the default one for None.
    sampler : object
        A sampler of samples or batches; it may have `state_dict` and `load_state_dict`.
    """

    def __init__(self, generator: Generator | None, sampler: Any) -> None:
        self._own, self._sampler = generator, sampler
        self._current: Pass | None = None
        self._resumed: Pass | None = None

    def begin(self, epoch: int) -> Pass:
        """Begin the pass `epoch`, or continue the one that was loaded."""
        if self._resumed is not None:
            self._current, self._resumed = self._resumed, None
        else:
            generator = self._own or _default_generator()
            self._current = Pass(epoch, generator.state(), self._sampler_state(), generator)
        return self._current

    def state_dict(self, epoch: int) -> State:
        """Return the state that begins with the pass `epoch`, or continues the current one."""
        this = self._resumed or self._current
        within = this if this is not None and not this.finished else None
        generator = self._own or _default_generator()
        state = {
            "epoch": tensor(epoch if within is None else within.epoch, dtype="int64"),
            "position": tensor(0 if within is None else within.position, dtype="int64"),
            "start": generator.state() if within is None else within.start.copy(),
        }
        if self._own is not None:
            state["generator"] = self._own.state()
        sampler = self._sampler_state() if within is None else within.sampler
        return state | {_SAMPLER + name: value for name, value in sampler.items()}

    def load_state_dict(self, state: Mapping[str, Tensor | npt.NDArray[Any]], most: int) -> int:
        """Take a state; returns the number of the next pass, which has at most `most` batches."""
        own = {name: value for name, value in state.items() if not name.startswith(_SAMPLER)}
        expected = {"epoch", "position", "start"} | ({"generator"} if self._own else set())
        if own.keys() != expected:
            raise ValueError(
                "DataLoader.load_state_dict: expected a state of a loader with the same kind of "
                f"generator, {', '.join(sorted(expected))}; got {', '.join(sorted(own))}"
            )
        epoch, position = int(np.asarray(own["epoch"])), int(np.asarray(own["position"]))
        if epoch < 0 or not 0 <= position <= most:
            raise ValueError(
                f"DataLoader.load_state_dict: expected a position in [0, {most}], the batches of a "
                f"pass, got {position} in pass {epoch}"
            )
        sampler = {
            name[len(_SAMPLER) :]: tensor(np.asarray(value))
            for name, value in state.items()
            if name.startswith(_SAMPLER)
        }
        self._load_sampler(sampler)
        if self._own is not None:
            self._own.set_state(_numbers(own["generator"]))
        start, generator = _numbers(own["start"]), Generator(0)
        generator.set_state(start)
        self._current, self._resumed = None, None
        if position > 0:
            self._resumed = Pass(epoch, start, sampler, generator)
            self._resumed.position = position
        return epoch

    def _sampler_state(self) -> State:
        give = getattr(self._sampler, "state_dict", None)
        return {} if give is None else dict(give())

    def _load_sampler(self, state: State) -> None:
        take = getattr(self._sampler, "load_state_dict", None)
        if take is not None:
            take(state)
        elif state:
            raise ValueError(
                "DataLoader.load_state_dict: the state has one of a sampler or batch_sampler; this "
                "loader's has no load_state_dict"
            )


def _numbers(state: Tensor | npt.NDArray[Any]) -> Tensor:
    """Return the state of a generator, as a copy."""
    values = np.asarray(state)
    if values.dtype != np.int64 or values.shape != (2,):
        raise ValueError(
            "DataLoader.load_state_dict: expected states of generators as int64 (2,), got "
            f"{values.dtype} {values.shape}"
        )
    return tensor(values)
