"""Run: how far one `fit` is, and what belongs to it alone: data, callbacks, values so far."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from pydl._core import Tensor, tensor
from pydl._warnings import warn

if TYPE_CHECKING:
    from pydl.data import DataLoader
    from pydl.training.accumulation import AccumulatingStep
    from pydl.training.callbacks.base import Callback
    from pydl.training.metrics import Averages
    from pydl.training.metrics.averages import Means

State = dict[str, Tensor]


class Run:
    """How far one `fit` is.

    Its state is what the rest of the training depends on besides what the trainer owns: the epoch,
    the loader's place in its data, the states of the callbacks, and within an epoch the values so
    far and the gradients that wait for others.

    Attributes
    ----------
    epoch : int
        The number of the epoch that is made, or comes next.
    steps : int
        How many batches of the epoch were trained on, or refused.
    averages : Averages, Means or None
        Loss and metrics so far, within an epoch.
    has_stepped : bool
        Whether all steps of the epoch are made, so that its validation is next.
    accumulation : AccumulatingStep or None
        What adds the gradients of several batches.
    look : callable or None
        Is shown the names of values after the first step, where they were not known before.
    begins_step : bool
        Whether a batch was taken, but not yet trained on.
    is_running : bool
        Whether an epoch has begun, and the training has not ended: it is too late to load a state.
    """

    def __init__(self, loader: DataLoader | None, callbacks: Sequence[Callback]) -> None:
        # A trainer keeps its last run, but not the data that were made for it.
        self._loader = None if loader is None else weakref.ref(loader)
        self._place: State = {}  # where a loader ended within an epoch
        self.callbacks = list(callbacks)
        self.epoch = self.steps = 0
        self.averages: Averages | Means | None = None
        self.has_stepped = self.begins_step = self.is_running = False
        self.accumulation: AccumulatingStep | None = None
        self.look: Callable[[Sequence[str]], None] | None = None
        self._restored_averages: State = {}

    @property
    def loader(self) -> DataLoader | None:
        """What gives the batches; None of a generator, and where it exists no more."""
        return None if self._loader is None else self._loader()

    def begin_epoch(self, epoch: int) -> None:
        """Take note of an epoch that begins, or goes on."""
        self.epoch, self.is_running = epoch, True

    def begin_steps(self, averages: Averages | Means) -> int:
        """Return how many steps of the epoch were made before, whose values are taken over."""
        self.averages = averages
        if self._restored_averages:
            averages.load_state_dict(self._restored_averages)
        self._restored_averages = {}
        return self.steps

    def end_epoch(self) -> None:
        """Take note of an epoch whose steps and validation are made."""
        self.epoch, self.steps, self.averages, self.has_stepped = self.epoch + 1, 0, None, False

    def end(self) -> None:
        """Take note of the end; what is kept for the state alone does not hold data."""
        self.is_running, self.look = False, None
        if self.loader is not None and self.averages is not None:
            self._place = self.loader.state_dict()
        if self.accumulation is not None and not self.accumulation.is_within_group():
            self.accumulation = None

    # --- state ------------------------------------------------------------------------------------

    def state_dict(self) -> State:
        """Return the state, as tensors by name.

        Raises
        ------
        RuntimeError
            Between a batch and its step.
        """
        if self.begins_step:
            raise RuntimeError(
                "Trainer.state_dict: the loader has given a batch that is not trained on yet; call "
                "it in on_train_batch_end"
            )
        state = {"epoch": tensor(self.epoch, dtype="int64")}
        place = self._place if self.loader is None else self.loader.state_dict()
        state |= prefixed("loader", place)
        for name, callback in self._named_callbacks().items():
            state |= prefixed(name, callback.state_dict())
        if self.averages is not None:
            state |= prefixed("averages", self.averages.state_dict())
            state["steps"] = tensor(self.steps, dtype="int64")
            state["has_stepped"] = tensor(int(self.has_stepped), dtype="int64")
            if self.accumulation is not None:
                state |= prefixed("accumulation", self.accumulation.state_dict())
        return state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state: the next epoch is that of the state, or the rest of it.

        Callbacks are found by the names of their classes, in their order. Others begin anew.

        Raises
        ------
        ValueError
            For the state of other data.

        Warns
        -----
        UserWarning
            For callbacks whose state is missing or does not fit, and for states that are left over.
        """
        place = below(state, "loader")
        if place and self.loader is not None:
            self.loader.load_state_dict(place)
        self._load_callbacks(state)
        self._restored_averages = below(state, "averages")
        self.steps = int(state.get("steps", 0))
        self.has_stepped = bool(state.get("has_stepped", False))
        waiting = below(state, "accumulation")
        if self.accumulation is not None:
            self.accumulation.load_state_dict(waiting)
        elif waiting:
            raise ValueError(
                "the state is one within a group of accumulated batches; give accumulate as then"
            )
        self.epoch = int(state["epoch"])

    def _named_callbacks(self) -> dict[str, Callback]:
        """Return the callbacks by class, and number among those of that class."""
        found: dict[str, Callback] = {}
        for callback in self.callbacks:
            kind = f"callbacks.{type(callback).__name__}"
            number = sum(name.startswith(f"{kind}.") for name in found)
            found[f"{kind}.{number}"] = callback
        return found

    def _load_callbacks(self, state: Mapping[str, Tensor]) -> None:
        given = self._named_callbacks()
        saved = {".".join(name.split(".")[:3]) for name in state if name.startswith("callbacks.")}
        problems = [
            f"{_shown(name)} has a state, but is not given" for name in sorted(saved - given.keys())
        ]
        for name, callback in given.items():
            if name not in saved:
                if callback.state_dict():
                    problems.append(f"{_shown(name)} has no state there, and begins anew")
                continue
            try:
                callback.load_state_dict(below(state, name))
            except ValueError as error:
                problems.append(
                    f"{_shown(name)} begins anew, because its state is another's: {error}"
                )
        if problems:
            warn(
                "fit: the state to go on from is one of a training with other callbacks: "
                + "; ".join(problems)
            )


def prefixed(prefix: str, state: Mapping[str, Tensor]) -> State:
    """Return a state with longer names."""
    return {f"{prefix}.{name}": value for name, value in state.items()}


def below(state: Mapping[str, Tensor], prefix: str) -> State:
    """Return the part of a state that `prefixed` gave such names."""
    start = len(prefix) + 1
    return {k[start:]: value for k, value in state.items() if k.startswith(f"{prefix}.")}


def _shown(name: str) -> str:
    """Return the name of a callback for messages, with its number where it is not the first."""
    kind, _, number = name.removeprefix("callbacks.").partition(".")
    return kind if number == "0" else f"{kind} (number {int(number) + 1})"
