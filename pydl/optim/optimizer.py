"""Optimizer: the base of all optimisers, which share learning rate, step count and state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydl import _core
from pydl._core import Tensor, tensor
from pydl.optim.checks import as_list, require_at_least_zero, require_fraction

if TYPE_CHECKING:
    import numpy.typing as npt

    from pydl.optim.group_views import GroupView


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

    _lr: Tensor  # of the state, which the optimizer makes of its groups

    def __init__(
        self, parameters: tuple[Tensor, ...], given: dict[str, Any], options: dict[str, Any]
    ) -> None:
        self.parameters, self.options = parameters, options
        self._given = given  # the options by the names of the constructor

    @property
    def lr(self) -> float:
        return float(self._lr.item())

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr.fill_(_checked_lr(value))


class _Batch:
    """Parameters of one group that have taken the same number of steps: they share one update.

    Updates overwrite the tensors of the state in place.
    """

    __slots__ = ("_step", "group", "number", "parameters", "slots")

    def __init__(
        self,
        number: int,
        group: ParameterGroup,
        parameters: tuple[Tensor, ...],
        step: Tensor,
        slots: tuple[tuple[Tensor, ...], ...],
    ) -> None:
        self.number, self.group, self.parameters = number, group, parameters
        self._step, self.slots = step, slots

    @property
    def step(self) -> Tensor:
        return self._step

    @step.setter
    def step(self, value: Tensor) -> None:
        if value is not self._step:  # as it is after `step += 1`
            self._step.copy_(value)


def _checked_lr(value: float) -> float:
    if callable(value) or hasattr(value, "get_last_lr"):
        raise TypeError(
            f"lr: expected a number, got {type(value).__name__}; a function of the step goes to "
            "compile(learning_rate=...), a schedule of pydl.optim.lr_scheduler is made with the "
            "optimizer"
        )
    if not 0.0 <= value < float("inf"):
        raise ValueError(f"lr: expected a learning rate of at least 0, got {value}")
    return float(value)


class Optimizer:
    """Base of optimisers: subclasses name their state and their update.

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
    clip_norm : float, optional
        At each step, gradients are first scaled in place as by `clip_grad_norm_`: the joint norm of
        those of all parameters is then at most this (Keras: `global_clipnorm`).
    clip_value : float, optional
        Gradients are first limited as by `clip_grad_value_` instead (Keras: `clipvalue`).

    Notes
    -----
    Tensors that are kept for parameters of 16 bits are float32.

    C++ keeps parameters, learning rates, step counts and moments, and makes the steps of pydl's own
    optimisers. A subclass with an update of its own names what is kept for each parameter in
    `_slot_names`, and defines ``_update(batch, gradients)``. It advances ``batch.step`` and
    overwrites ``batch.parameters`` and, per name, the tensors in ``batch.slots`` in place.

    Raises
    ------
    TypeError
        For something that is not a tensor, and for unknown options of a group.
    ValueError
        Without parameters, for a parameter given twice, for a negative learning rate, and for a
        bound of gradients that is negative, or two of them.
    """

    needs_closure: bool = False
    """Whether `step` needs a function that computes loss and gradients."""

    _fused: str | None = None  # the update in C++
    _slot_names: tuple[str, ...] = ()  # in addition to those of the fused update
    # Options that must be at least 0, and those that must be in [0, 1).
    _at_least_zero: tuple[str, ...] = ("eps", "momentum", "weight_decay")
    _fractions: tuple[str, ...] = ("betas",)
    _clipping: tuple[float | None, float | None] = (None, None)
    _initial_rates: tuple[float, ...] | None = None  # of the groups, before the first schedule

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float,
        options: dict[str, Any],
        *,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        entries = _as_groups(parameters, self._name)
        self.groups = tuple(self._make_group(entry, options) for entry in entries)
        self._parameters = [p for group in self.groups for p in group.parameters]
        self._clipping = (clip_norm, clip_value)
        self._state = self._make_state([_checked_lr(entry.get("lr", lr)) for entry in entries])

    def _make_state(self, rates: list[float]) -> _core.optim._OptimizerState:
        slots = [self._slots_of(group.options) for group in self.groups]
        state = _core.optim._OptimizerState(self._name, self._fused, self.groups, rates, slots)
        for i, group in enumerate(self.groups):
            group._lr = state.lr(i)
        if self._clipping != (None, None):
            state.set_clipping(*self._clipping)
        return state

    def __deepcopy__(self, memo: dict[int, Any]) -> Optimizer:
        from copy import deepcopy

        made = object.__new__(type(self))
        memo[id(self)] = made
        rest = {name: value for name, value in vars(self).items() if name != "_state"}
        vars(made).update(deepcopy(rest, memo))
        vars(made)["_state"] = made._make_state([group.lr for group in self.groups])
        made._state.copy_from(self._state)
        return made

    def __getstate__(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        rest = {name: value for name, value in vars(self).items() if name != "_state"}
        return rest, self.state_dict()

    def __setstate__(self, state: tuple[dict[str, Any], dict[str, Tensor]]) -> None:
        vars(self).update(state[0])
        vars(self)["_state"] = self._make_state([group.lr for group in self.groups])
        self.load_state_dict(state[1])

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _make_group(self, entry: Mapping[str, Any], options: dict[str, Any]) -> ParameterGroup:
        own = {name: value for name, value in entry.items() if name not in ("params", "lr")}
        unknown = [name for name in own if name not in options]
        if unknown:
            expected = ", ".join(["params", "lr", *options])
            raise TypeError(f"{self._name}: a group may have {expected}; got {unknown[0]!r}")
        merged = {**options, **own}
        self._check(merged)
        return ParameterGroup(tuple(entry["params"]), merged, self._to_core(dict(merged)))

    def __setattr__(self, name: str, value: Any) -> None:
        if "_state" not in vars(self):  # it is being made
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

    def _set_option(self, name: str, value: Any, only: ParameterGroup | None = None) -> None:
        """Change an option of all groups or of one, or of none when it does not fit the others."""
        if _core._is_tracing():
            raise _core.TraceError(
                f"{self._name}.{name}: options are set outside of compiled functions"
            )
        changed = [
            (i, group, {**group._given, name: value})
            for i, group in enumerate(self.groups)
            if only is None or group is only
        ]
        for _, _, options in changed:
            self._check(options)
        for i, group, options in changed:
            group._given = options
            group.options.update(self._to_core(dict(options)))
            # Tensors that go on to be needed are kept, and new ones begin with zeros.
            self._state.set_slots(i, self._slots_of(group.options))
        if name in vars(self):
            vars(self)[name] = value

    def _check(self, options: Mapping[str, Any]) -> None:
        """Raise `ValueError` for options out of range."""
        if self._fused is None:
            return
        require_at_least_zero(self._name, options, *self._at_least_zero)
        for name in self._fractions:
            value = options.get(name, 0.0)
            for part in value if isinstance(value, (tuple, list)) else (value,):
                require_fraction(self._name, name, part)

    def _to_core(self, options: dict[str, Any]) -> dict[str, Any]:
        """Options by the names of the fused update."""
        if self._fused is None:
            return options
        result = {_CORE_NAMES.get(name, name): value for name, value in options.items()}
        if "betas" in result:
            result["beta1"], result["beta2"] = result.pop("betas")
        return result

    def _slots_of(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of the tensors kept for each parameter of a group."""
        if self._fused is None:
            return self._slot_names
        names = _core.optim._slot_names(self._fused, dict(options))
        return (*names, *(name for name in self._slot_names if name not in names))

    def _update(self, batch: _Batch, gradients: list[Tensor]) -> None:
        """Update the parameters of a batch in place, all of which have a gradient."""
        if self._fused is None:
            raise NotImplementedError(f"{self._name} does not define _update()")
        self._state.update(batch.number, gradients)

    @property
    def lr(self) -> float:
        """Learning rate of the first group; assigning sets it for all groups."""
        return self.groups[0].lr

    @lr.setter
    def lr(self, value: float) -> None:
        for group in self.groups:
            group.lr = value

    @property
    def clip_norm(self) -> float | None:
        """Largest joint norm of the gradients; assign to change it, None for no bound."""
        return self._clipping[0]

    @clip_norm.setter
    def clip_norm(self, value: float | None) -> None:
        self._set_clipping(value, self._clipping[1])

    @property
    def clip_value(self) -> float | None:
        """Largest size of an element of the gradients; assign to change it, None for no bound."""
        return self._clipping[1]

    @clip_value.setter
    def clip_value(self, value: float | None) -> None:
        self._set_clipping(self._clipping[0], value)

    def _set_clipping(self, norm: float | None, value: float | None) -> None:
        if _core._is_tracing():
            raise _core.TraceError(
                f"{self._name}: gradients' bounds are set outside of compiled functions"
            )
        self._state.set_clipping(norm, value)
        vars(self)["_clipping"] = (norm, value)

    @property
    def param_groups(self) -> list[GroupView]:
        """Groups as in PyTorch, mappings with "params", "lr" and the options, which may be set.

        Examples
        --------
        >>> import pydl
        >>> optimizer = pydl.optim.SGD([pydl.nn.Parameter(pydl.ones(1))], lr=0.5)
        >>> for group in optimizer.param_groups:
        ...     group["lr"] = 0.25
        >>> optimizer.lr
        0.25
        """
        from pydl.optim.group_views import GroupView

        return [GroupView(self, number) for number in range(len(self.groups))]

    @property
    def parameters(self) -> list[Tensor]:
        """All parameters, group after group."""
        return list(self._parameters)

    @property
    def steps(self) -> int:
        """How many updates were made."""
        return self._state.steps()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients of all parameters, or set their elements to zero."""
        if set_to_none:
            self._state.zero_grad()
            return
        for parameter in self._parameters:
            if parameter.grad is not None:
                parameter.grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update all parameters that have a gradient, in place.

        Parameters
        ----------
        closure : callable, optional
            Called first: it computes the loss and its gradients.

        Returns
        -------
        object
            What the closure returns.
        """
        loss = None if closure is None else closure()
        if type(self)._update is Optimizer._update and self._fused is not None:
            self._state.step()
            return loss
        self._state.clip_gradients()
        # Batches that are split off meanwhile have no gradients.
        for number in range(self._state.batch_count()):
            gradients = self._state.prepare(number)
            if gradients:
                self._update(self._batch(number), gradients)
        return loss

    def _batch(self, number: int) -> _Batch:
        group, members, step, slots = self._state.batch(number)
        parameters = tuple(self._parameters[i] for i in members)
        return _Batch(number, self.groups[group], parameters, step, tuple(map(tuple, slots)))

    def _state_tensors(self) -> Iterator[tuple[str, Tensor]]:
        """All tensors that are kept, by names for people."""
        for i, group in enumerate(self.groups):
            yield f"groups[{i}].lr", group._lr
        for i in range(self._state.batch_count()):
            batch = self._batch(i)
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
        return dict(self._state.tensors())

    def load_state_dict(self, state: Mapping[str, Tensor | npt.NDArray[Any]]) -> None:
        """Take over what `state_dict` returned, for the same parameters in the same order.

        Raises
        ------
        ValueError
            For entries that are missing, left over, or of another shape.
        """
        tensors = {n: v if isinstance(v, Tensor) else tensor(v) for n, v in state.items()}
        self._state.load(tensors, f"{self._name}.load_state_dict")

    def __repr__(self) -> str:
        options = {"lr": self.lr, **self.groups[0]._given}
        for name, bound in zip(("clip_norm", "clip_value"), self._clipping, strict=True):
            if bound is not None:
                options[name] = bound
        return f"{self._name}({', '.join(f'{k}={v}' for k, v in options.items())})"


# Names of options in C++, where they differ.
_CORE_NAMES = {"eps": "epsilon", "decoupled_weight_decay": "decoupled"}

# What other libraries call it.
_OTHER_NAMES = {
    "learning_rate": "lr",
    "params": "parameters",
    "clipvalue": "clip_value",
    "global_clipnorm": "clip_norm",
}


def _check_attribute(optimizer: Optimizer, name: str) -> None:
    """Raise `AttributeError` for an assignment that would do nothing."""
    cls = type(optimizer)
    if name in ("groups", "param_groups"):
        raise AttributeError(
            f"{cls.__name__}.{name}: groups are fixed when the optimizer is made; assign to their "
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
    if name == "add_param_group":
        return f"{message}; give all groups when the optimizer is made"
    from difflib import get_close_matches

    known = ["lr", *optimizer.groups[0]._given]
    similar = _OTHER_NAMES.get(name) or next(iter(get_close_matches(name, known, n=1)), None)
    if similar:
        return f"{message}; did you mean {similar!r}?"
    return f"{message}; its options are {', '.join(known)}"


def _unnamed(member: Any) -> Any:
    """Return the tensor of a pair as in `Module.named_parameters`."""
    is_named = isinstance(member, tuple) and len(member) == 2 and isinstance(member[0], str)
    return member[1] if is_named else member


def _as_groups(
    parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]], owner: str
) -> list[Mapping[str, Any]]:
    entries = as_list(parameters, owner)
    if not entries:
        raise ValueError(f"{owner}: expected parameters, got none")
    groups = entries if isinstance(entries[0], Mapping) else [{"params": entries}]
    result: list[Mapping[str, Any]] = []
    for group in groups:
        if not isinstance(group, Mapping) or "params" not in group:
            raise TypeError(f"{owner}: expected groups with 'params', got {type(group).__name__}")
        given = group["params"]
        members = list(map(_unnamed, as_list(given, owner)))
        for member in members:
            if not isinstance(member, Tensor):
                raise TypeError(
                    f"{owner}: expected tensors as parameters, got {type(member).__name__}"
                )
            if not member.is_leaf:
                raise ValueError(f"{owner}: a parameter of shape {member.shape} is not a leaf")
        result.append({**group, "params": members})
    return result
