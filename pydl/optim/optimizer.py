"""Optimizer: the base of all optimisers, which share learning rate, step count and state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydl import _core
from pydl._core import Tensor, full, tensor, zeros, zeros_like

if TYPE_CHECKING:
    import numpy.typing as npt


class ParameterGroup:
    """Parameters with one learning rate and one set of options.

    Attributes
    ----------
    parameters : tuple of Tensor
    lr : float
        Learning rate; assign to change it.
    options : dict
        Keyword arguments of the fused update.
    """

    __slots__ = ("_given", "_lr", "options", "parameters")

    def __init__(
        self,
        parameters: tuple[Tensor, ...],
        lr: float,
        given: dict[str, Any],
        options: dict[str, Any],
    ) -> None:
        self.parameters, self.options = parameters, options
        self._given = given  # the options by the names of the constructor
        self._lr = full((), lr, dtype="float64")

    @property
    def lr(self) -> float:
        return float(self._lr.item())

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr.fill_(_checked_lr(value))


class _Batch:
    """Parameters of one group that have taken the same number of steps: they share one update."""

    __slots__ = ("group", "parameters", "slots", "step")

    def __init__(
        self,
        group: ParameterGroup,
        parameters: list[Tensor],
        step: Tensor,
        slots: list[list[Tensor]],
    ) -> None:
        self.group, self.parameters, self.step, self.slots = group, parameters, step, slots

    def split(self, chosen: list[bool]) -> _Batch:
        """Keep the chosen parameters and return the others."""

        def part(items: list[Tensor], wanted: bool) -> list[Tensor]:
            return [item for item, flag in zip(items, chosen, strict=True) if flag is wanted]

        others = _Batch(
            self.group,
            part(self.parameters, False),
            self.step.copy(),
            [part(slot, False) for slot in self.slots],
        )
        self.parameters = part(self.parameters, True)
        self.slots = [part(slot, True) for slot in self.slots]
        return others


def _checked_lr(value: float) -> float:
    if not 0.0 <= value < float("inf"):
        raise ValueError(f"lr: expected a learning rate of at least 0, got {value}")
    return float(value)


class Optimizer:
    """Base of optimisers: subclasses name their state and call one fused update.

    Parameters without a gradient, and frozen ones, are skipped and keep their state. Options of the
    constructor are attributes: ``optimizer.momentum = 0.5`` holds for all groups from the next step
    on, as `lr` does. pydl's optimisers refuse to set attributes that they do not have.

    Parameters
    ----------
    parameters : iterable of Tensor, or of mappings
        Tensors that require gradients. Groups are mappings with "params", and optionally "lr" and
        any of the optimiser's other options.
    lr : float
        Learning rate.
    options : dict
        What subclasses hand to their update.

    Raises
    ------
    TypeError
        For something that is not a tensor, and for unknown options of a group.
    ValueError
        Without parameters, for a parameter given twice, and for a negative learning rate.
    """

    _slot_names: tuple[str, ...] = ()

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float,
        options: dict[str, Any],
    ) -> None:
        self.groups = tuple(
            self._make_group(entry, lr, options) for entry in _as_groups(parameters, self._name)
        )
        self._parameters = [p for group in self.groups for p in group.parameters]
        if len({id(p) for p in self._parameters}) != len(self._parameters):
            raise ValueError(f"{self._name}: a parameter was given twice")
        # Counts how often state tensors were replaced or regrouped: compiled steps check it.
        self._structure = 0
        self._batches = [
            _Batch(group, list(group.parameters), zeros((), dtype="int64"), [])
            for group in self.groups
        ]

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _make_group(
        self, entry: Mapping[str, Any], lr: float, options: dict[str, Any]
    ) -> ParameterGroup:
        own = {name: value for name, value in entry.items() if name not in ("params", "lr")}
        unknown = [name for name in own if name not in options]
        if unknown:
            expected = ", ".join(["params", "lr", *options])
            raise TypeError(f"{self._name}: a group may have {expected}; got {unknown[0]!r}")
        merged = {**options, **own}
        self._check(merged)
        return ParameterGroup(
            tuple(entry["params"]),
            _checked_lr(entry.get("lr", lr)),
            merged,
            self._to_core(dict(merged)),
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if "_batches" not in vars(self):  # it is being made
            object.__setattr__(self, name, value)
        elif name in self.groups[0]._given:
            self._set_option(name, value)
        else:
            _check_attribute(self, name)
            object.__setattr__(self, name, value)

    if not TYPE_CHECKING:  # type checkers should still report unknown attributes

        def __getattr__(self, name: str) -> Any:
            groups = vars(self).get("groups")
            if groups and name in groups[0]._given:
                return groups[0]._given[name]
            raise AttributeError(_unknown_attribute(self, name), name=name, obj=self)

    def _set_option(self, name: str, value: Any) -> None:
        """Change an option of all groups, or of none when it does not fit the others."""
        if _core._is_tracing():
            raise _core.TraceError(
                f"{self._name}.{name}: options are set outside of compiled functions"
            )
        given = [{**group._given, name: value} for group in self.groups]
        for options in given:
            self._check(options)
        kept = [self._slots_of(batch.group.options) for batch in self._batches]
        for group, options in zip(self.groups, given, strict=True):
            group._given = options
            group.options.update(self._to_core(dict(options)))
        for batch, names in zip(self._batches, kept, strict=True):
            self._rearrange_slots(batch, names)
        if name in vars(self):
            vars(self)[name] = value

    def _rearrange_slots(self, batch: _Batch, before: tuple[str, ...]) -> None:
        """Keep the tensors that are still needed, add zeros for new ones, drop the others."""
        names = self._slots_of(batch.group.options)
        if names == before or not batch.slots:
            return
        known = dict(zip(before, batch.slots, strict=True))
        batch.slots = [
            known.get(name) or [zeros_like(p) for p in batch.parameters] for name in names
        ]
        self._structure += 1

    def _check(self, options: Mapping[str, Any]) -> None:
        """Raise `ValueError` for options out of range."""

    def _to_core(self, options: dict[str, Any]) -> dict[str, Any]:
        """Options by the names of the fused update."""
        return options

    def _slots_of(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of the tensors kept for each parameter of a group."""
        return self._slot_names

    def _update(self, batch: _Batch, gradients: list[Tensor]) -> None:
        raise NotImplementedError(f"{self._name} does not define _update()")

    @property
    def lr(self) -> float:
        """Learning rate of the first group; assigning sets it for all groups."""
        return self.groups[0].lr

    @lr.setter
    def lr(self, value: float) -> None:
        for group in self.groups:
            group.lr = value

    @property
    def parameters(self) -> list[Tensor]:
        """All parameters, group after group."""
        return list(self._parameters)

    @property
    def steps(self) -> int:
        """How many updates were made."""
        return max(int(batch.step.item()) for batch in self._batches)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or set their elements to zero."""
        for parameter in self._parameters:
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.zero_()

    def step(self) -> None:
        """Update all parameters that have a gradient, in place."""
        for batch in tuple(self._batches):
            gradients = [p.grad if p.requires_grad else None for p in batch.parameters]
            present = [g for g in gradients if g is not None]
            if len(present) != len(gradients):
                if not present:
                    continue
                self._split(batch, [g is not None for g in gradients])
            if not batch.slots and self._slots_of(batch.group.options):
                self._make_slots(batch)
            self._update(batch, present)

    def _split(self, batch: _Batch, chosen: list[bool]) -> None:
        """Keep the chosen parameters of a batch in it and move the others into a new one."""
        with _core._PauseTracing():
            others = batch.split(chosen)
        self._batches.append(others)
        self._structure += 1
        _core._declare_state(others.step, "step")

    def _make_slots(self, batch: _Batch) -> None:
        """Make the tensors that are kept for each parameter: at once, even in a traced step."""
        names = self._slots_of(batch.group.options)
        with _core._PauseTracing():
            batch.slots = [[zeros_like(p) for p in batch.parameters] for _ in names]
        self._structure += 1
        for name, slot in zip(names, batch.slots, strict=True):
            for i, moment in enumerate(slot):
                _core._declare_state(moment, f"{name}[{i}]")

    def _state_tensors(self) -> Iterator[tuple[str, Tensor]]:
        """All tensors that are kept, by names for people."""
        for i, group in enumerate(self.groups):
            yield f"groups[{i}].lr", group._lr
        for i, batch in enumerate(self._batches):
            yield f"step[{i}]", batch.step
            for name, slot in zip(self._slots_of(batch.group.options), batch.slots, strict=False):
                for j, moment in enumerate(slot):
                    yield f"{name}[{i}][{j}]", moment

    # --- state ------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Tensor]:
        """Learning rates, step counts and moments, as tensors by name; they share memory.

        Names are "lr.<group>", "<parameter>.step" and "<parameter>.<moment>", parameters numbered
        in the order in which they were given. Other options are not part of it.

        Examples
        --------
        >>> import pydl
        >>> weight = pydl.nn.Parameter(pydl.ones((2,)))
        >>> optimizer = pydl.optim.SGD([weight], lr=0.1, momentum=0.9)
        >>> (weight * weight).sum().backward()
        >>> optimizer.step()
        >>> list(optimizer.state_dict())
        ['lr.0', '0.step', '0.velocity']
        """
        state = {f"lr.{i}": group._lr for i, group in enumerate(self.groups)}
        number = {id(p): i for i, p in enumerate(self._parameters)}
        entries: dict[int, dict[str, Tensor]] = {}
        for batch in self._batches:
            names = self._slots_of(batch.group.options) if batch.slots else ()
            for i, parameter in enumerate(batch.parameters):
                entry = {"step": batch.step}
                entry.update((name, slot[i]) for name, slot in zip(names, batch.slots, strict=True))
                entries[number[id(parameter)]] = entry
        for i in sorted(entries):
            state.update((f"{i}.{name}", value) for name, value in entries[i].items())
        return state

    def load_state_dict(self, state: Mapping[str, Tensor | npt.NDArray[Any]]) -> None:
        """Take over what `state_dict` returned, for the same parameters in the same order.

        Raises
        ------
        ValueError
            For entries that are missing, left over, or of another shape.
        """
        rest = {name: tensor(value) for name, value in state.items()}

        def take(name: str, shape: tuple[int, ...], dtype: Any) -> Tensor:
            if name not in rest:
                raise ValueError(f"{self._name}.load_state_dict: {name} is missing")
            value = rest.pop(name)
            if value.shape != shape:
                raise ValueError(
                    f"{self._name}.load_state_dict: {name}: expected shape {shape}, "
                    f"got {value.shape}"
                )
            return value.astype(dtype)

        rates = [take(f"lr.{i}", (), "float64") for i in range(len(self.groups))]
        batches: dict[tuple[int, int], _Batch] = {}
        number = 0
        for group in self.groups:
            names = self._slots_of(group.options)
            for parameter in group.parameters:
                step = take(f"{number}.step", (), "int64")
                moments = [
                    take(f"{number}.{name}", parameter.shape, parameter.dtype)
                    for name in (names if step.item() else ())
                ]
                batch = batches.setdefault(
                    (id(group), int(step.item())), _Batch(group, [], step, [[] for _ in moments])
                )
                batch.parameters.append(parameter)
                for slot, moment in zip(batch.slots, moments, strict=True):
                    slot.append(moment)
                number += 1
        if rest:
            raise ValueError(
                f"{self._name}.load_state_dict: {next(iter(rest))} is not part of this optimiser"
            )
        for group, rate in zip(self.groups, rates, strict=True):
            group.lr = float(rate.item())
        self._batches = list(batches.values())
        self._structure += 1

    def __repr__(self) -> str:
        options = {"lr": self.lr, **self.groups[0]._given}
        return f"{self._name}({', '.join(f'{k}={v}' for k, v in options.items())})"


# What other libraries call it.
_OTHER_NAMES = {"learning_rate": "lr", "param_groups": "groups", "params": "parameters"}


def _check_attribute(optimizer: Optimizer, name: str) -> None:
    """Raise `AttributeError` for an assignment that would do nothing."""
    cls = type(optimizer)
    if name == "groups":
        raise AttributeError(
            f"{cls.__name__}.groups: groups are fixed when the optimizer is made; assign to their "
            "lr, or make a new optimizer"
        )
    if name.startswith("_") or name in vars(optimizer) or hasattr(cls, name):
        return
    if cls.__module__.startswith("pydl.optim.") or name in _OTHER_NAMES:
        raise AttributeError(_unknown_attribute(optimizer, name))


def _unknown_attribute(optimizer: Optimizer, name: str) -> str:
    message = f"{type(optimizer).__name__} has no attribute {name!r}"
    if name.startswith("_") or "groups" not in vars(optimizer):
        return message
    from difflib import get_close_matches

    known = ["lr", *optimizer.groups[0]._given]
    similar = _OTHER_NAMES.get(name) or next(iter(get_close_matches(name, known, n=1)), None)
    if similar:
        return f"{message}; did you mean {similar!r}?"
    return f"{message}; its options are {', '.join(known)}"


def _as_groups(
    parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]], owner: str
) -> list[Mapping[str, Any]]:
    entries: list[Any] = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    if not entries:
        raise ValueError(f"{owner}: expected parameters, got none")
    groups = entries if isinstance(entries[0], Mapping) else [{"params": entries}]
    result: list[Mapping[str, Any]] = []
    for group in groups:
        if not isinstance(group, Mapping) or "params" not in group:
            raise TypeError(f"{owner}: expected groups with 'params', got {type(group).__name__}")
        given = group["params"]
        members = [given] if isinstance(given, Tensor) else list(given)
        for member in members:
            if not isinstance(member, Tensor):
                raise TypeError(
                    f"{owner}: expected tensors as parameters, got {type(member).__name__}"
                )
            if not member.is_leaf:
                raise ValueError(f"{owner}: a parameter of shape {member.shape} is not a leaf")
        result.append({**group, "params": members})
    return result
