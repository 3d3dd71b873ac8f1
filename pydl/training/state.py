"""The whole state of a trainer as tensors by name: all that the next step depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pydl._core import Tensor, asarray, get_rng_state, set_rng_state
from pydl.nn.module import Module
from pydl.optim import Optimizer
from pydl.optim.lr_scheduler import LRScheduler
from pydl.training.run import Run, State, below, prefixed
from pydl.training.schedule_state import load_schedule, schedule_state

if TYPE_CHECKING:
    from pydl.training.trainer import Trainer

# Of a run: what the next `fit` takes, because there is nothing before that could.
_OF_RUN = ("epoch", "steps", "has_stepped", "loader", "callbacks", "averages", "accumulation")


def state_of(trainer: Trainer) -> State:
    """Return the state, whose tensors share memory with what they are the state of."""
    state: State = {}
    for name, part in _parts(trainer):
        state |= prefixed(name, part.state_dict())
    run = trainer._training
    if trainer._resumed:  # nothing was trained since it was loaded
        state |= trainer._resumed
    elif run is not None:
        state |= run.state_dict()
    state["random"] = get_rng_state()
    return state


def load_state(trainer: Trainer, state: Mapping[str, Any]) -> None:
    """Take a state: parts of a run are kept for the next `fit`.

    Raises
    ------
    ValueError
        For the state of another training; nothing is changed then.
    """
    state = {name: asarray(value) for name, value in state.items()}
    parts = dict(_parts(trainer))
    if "random" not in state:
        raise ValueError(
            "Trainer.load_state_dict: expected what state_dict returned, got no state of the "
            "generator of random numbers, 'random'"
        )
    _require_known(parts, state)
    done: list[tuple[Any, State]] = []
    try:
        for name, part in parts.items():
            before = {key: value.detach().copy() for key, value in part.state_dict().items()}
            done.append((part, before))
            part.load_state_dict(below(state, name))
    except ValueError as error:
        for part, before in done:
            part.load_state_dict(before)
        raise ValueError(f"Trainer.load_state_dict: {name}: {error}") from None
    trainer._resumed = {
        name: value.detach().copy()
        for name, value in state.items()
        if name.split(".")[0] in _OF_RUN
    }
    set_rng_state(state["random"])
    trainer._resumed["random"] = get_rng_state()


def resume(trainer: Trainer, run: Run) -> None:
    """Let a run go on from the state that the trainer has taken, if there is one.

    Raises
    ------
    ValueError
        For the state of a training with other data.
    """
    state, trainer._resumed = trainer._resumed, {}
    if "epoch" not in state:
        return
    run.load_state_dict(state)
    # Again, and last, because restoring the others may draw from it.
    set_rng_state(state["random"])


def optimizers(trainer: Trainer) -> Iterator[tuple[str, Optimizer]]:
    """Iterate over the optimiser of the trainer, and those that are attributes of the model."""
    if trainer.optimizer is not None:
        yield "optimizer", trainer.optimizer
    for name, value in _attributes(trainer):
        if isinstance(value, Optimizer) and value is not trainer.optimizer:
            yield f"optimizers.{name}", value


def _parts(trainer: Trainer) -> Iterator[tuple[str, Any]]:
    """Iterate over all that has a state, by the beginning of its names."""
    yield "model", trainer.model
    yield from optimizers(trainer)
    for name, value in _attributes(trainer):
        if isinstance(value, LRScheduler):
            yield f"schedules.{name}", _Schedule(value)
    for part in trainer._objective.parts:
        loss = None if part.loss is None else part.loss.function
        if isinstance(loss, Module) and any(p.requires_grad for p in loss.parameters()):
            yield f"loss.{part.name}" if part.name else "loss", loss


def _attributes(trainer: Trainer) -> Iterator[tuple[str, Any]]:
    """Iterate over attributes of the trainer, the model and its submodules, by path."""
    for name, value in vars(trainer).items():
        if not name.startswith("_") and name != "optimizer":
            yield name, value
    for path, module in trainer.model.named_modules():
        for name, value in vars(module).items():
            yield f"{path}.{name}" if path else name, value


class _Schedule(NamedTuple):
    """A schedule with a state of tensors."""

    schedule: LRScheduler

    def state_dict(self) -> State:
        return schedule_state(self.schedule)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        load_schedule(self.schedule, state)


def _require_known(parts: Mapping[str, Any], state: Mapping[str, Tensor]) -> None:
    left = [
        name
        for name in state
        if name != "random"
        and name.split(".")[0] not in _OF_RUN
        and not any(name.startswith(f"{part}.") for part in parts)
    ]
    if left:
        raise ValueError(
            f"Trainer.load_state_dict: expected the state of {', '.join(parts)}, got "
            f"{left[0]!r} too; make model, optimizers and loss as those of the state were"
        )
