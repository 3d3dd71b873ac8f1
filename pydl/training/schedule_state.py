"""States of learning rate schedules as tensors: numbers by their places in the nested state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydl._core import Tensor, tensor
from pydl.optim.lr_scheduler import LRScheduler


def schedule_state(schedule: LRScheduler) -> dict[str, Tensor]:
    """Return the numbers of a schedule, as float64 tensors by name."""
    return dict(_flat("", schedule.state_dict()))


def load_schedule(schedule: LRScheduler, state: Mapping[str, Tensor]) -> None:
    """Take what `schedule_state` returned.

    Raises
    ------
    ValueError
        For a state of another schedule.
    """
    own = schedule.state_dict()
    expected = [name for name, _ in _flat("", own)]
    if set(expected) != set(state):
        raise ValueError(f"expected {', '.join(expected)}, got {', '.join(state) or 'nothing'}")
    schedule.load_state_dict(_filled("", own, state))


def _flat(prefix: str, value: Any) -> list[tuple[str, Tensor]]:
    """Return the numbers of a nested state by their place in it."""
    if isinstance(value, dict):
        return [item for key, part in value.items() for item in _flat(f"{prefix}{key}.", part)]
    if isinstance(value, list):
        return [item for i, part in enumerate(value) for item in _flat(f"{prefix}{i}.", part)]
    return [(prefix[:-1], tensor(float(value), dtype="float64"))]


def _filled(prefix: str, value: Any, state: Mapping[str, Tensor]) -> Any:
    """Return a state like `value` with the numbers of `_flat`."""
    if isinstance(value, dict):
        return {key: _filled(f"{prefix}{key}.", part, state) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled(f"{prefix}{i}.", part, state) for i, part in enumerate(value)]
    number = float(state[prefix[:-1]])
    return int(number) if isinstance(value, int) else number
