"""Hooks of modules: functions that see, and may replace, what goes in and out, forward and back."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from pydl import _core
from pydl._core import RemovableHandle, Tensor

if TYPE_CHECKING:
    from pydl.nn.module import Module

BEFORE, AFTER, BEFORE_BACKWARD, AFTER_BACKWARD = range(4)

_numbers = itertools.count()


class ModuleHook(NamedTuple):
    """A hook of one module. `number` is its own, to find it again."""

    kind: int
    function: Callable[..., Any]
    with_kwargs: bool
    number: int


def add(
    module: Module,
    kind: int,
    function: Callable[..., Any],
    prepend: bool = False,
    with_kwargs: bool = False,
) -> RemovableHandle:
    """Register a hook; return what removes it.

    The tuple is replaced, not changed: compiled functions notice another object.
    """
    if not callable(function):
        raise TypeError(
            f"{type(module).__name__}: expected a function as hook, got {type(function).__name__}"
        )
    hook = ModuleHook(kind, function, with_kwargs, next(_numbers))
    hooks = module._hooks
    vars(module)["_hooks"] = (hook, *hooks) if prepend else (*hooks, hook)
    owner = weakref.ref(module)

    def remove() -> None:
        living = owner()
        if living is not None:
            rest = tuple(other for other in living._hooks if other.number != hook.number)
            vars(living)["_hooks"] = rest

    return RemovableHandle(remove)


def call(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call the `forward` of a module with its hooks."""
    hooks = module._hooks
    for hook in hooks:
        if hook.kind == BEFORE:
            args, kwargs = _run_before(module, hook, args, kwargs)
    backward = None
    if _core.is_grad_enabled() and any(h.kind in (BEFORE_BACKWARD, AFTER_BACKWARD) for h in hooks):
        backward = _Backward(module, hooks)
        args = backward.watch_inputs(args)
    output = module.forward(*args, **kwargs)
    for hook in hooks:
        if hook.kind == AFTER:
            given = (args, kwargs) if hook.with_kwargs else (args,)
            changed = hook.function(module, *given, output)
            output = output if changed is None else changed
    return output if backward is None else backward.watch_outputs(output)


def _run_before(
    module: Module, hook: ModuleHook, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if hook.with_kwargs:
        changed = hook.function(module, args, kwargs)
        if changed is None:
            return args, kwargs
        if isinstance(changed, tuple) and len(changed) == 2 and isinstance(changed[0], tuple):
            return changed
        raise TypeError(
            f"{type(module).__name__}: a forward_pre_hook with kwargs returns None or "
            f"(args, kwargs), got {type(changed).__name__}"
        )
    changed = hook.function(module, args)
    if changed is None:
        return args, kwargs
    return changed if isinstance(changed, tuple) else (changed,), kwargs


class _Backward:
    """The hooks of one call that see gradients.

    Inputs and outputs are handed through functions that change nothing, and whose derivatives call
    the hooks. It refers to the module weakly, because the module may hold an output, whose history
    holds this.
    """

    def __init__(self, module: Module, hooks: tuple[ModuleHook, ...]) -> None:
        self._module = weakref.ref(module)
        self._name = type(module).__name__
        self._before = [hook.function for hook in hooks if hook.kind == BEFORE_BACKWARD]
        self._after = [hook.function for hook in hooks if hook.kind == AFTER_BACKWARD]
        self._places: list[int] = []
        self._count = 0
        self._of_outputs: tuple[Tensor | None, ...] | None = None

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self._count = len(args)
        self._places = [
            i for i, arg in enumerate(args) if isinstance(arg, Tensor) and arg.requires_grad
        ]
        if not self._places or not self._after:
            return args
        inputs = [args[i] for i in self._places]
        name = f"the inputs of {self._name}"
        watched = _core._record_named_function(inputs, inputs, name, [], self._on_inputs)
        replaced = dict(zip(self._places, watched, strict=True))
        return tuple(replaced.get(i, arg) for i, arg in enumerate(args))

    def watch_outputs(self, output: Any) -> Any:
        tree, tensors = _core._ArgumentTree.of(output)
        places = [i for i, tensor in enumerate(tensors) if tensor.requires_grad]
        if not places:
            return output
        outputs, count = [tensors[i] for i in places], len(tensors)

        def on_outputs(gradients: list[Tensor | None], kept: list[Tensor]) -> list[Tensor | None]:
            every: list[Tensor | None] = [None] * count
            for i, gradient in zip(places, gradients, strict=True):
                every[i] = gradient
            changed = self._on_outputs(tuple(every))
            return [changed[i] for i in places]

        name = f"the outputs of {self._name}"
        watched = _core._record_named_function(outputs, outputs, name, [], on_outputs)
        for i, tensor in zip(places, watched, strict=True):
            tensors[i] = tensor
        return tree.build(tensors)

    def _on_outputs(self, gradients: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
        module = self._module()
        if module is None:
            return gradients
        for hook in self._before:
            gradients = self._changed(hook(module, gradients), gradients)
        if self._places:
            self._of_outputs = gradients
        else:
            nothing: tuple[Tensor | None, ...] = (None,) * self._count
            for hook in self._after:
                self._changed(hook(module, nothing, gradients), nothing)
        return gradients

    def _on_inputs(self, gradients: list[Tensor | None], kept: list[Tensor]) -> list[Tensor | None]:
        module, of_outputs = self._module(), self._of_outputs
        self._of_outputs = None
        if module is None or of_outputs is None:
            return gradients
        found = dict(zip(self._places, gradients, strict=True))
        every: tuple[Tensor | None, ...] = tuple(map(found.get, range(self._count)))
        for hook in self._after:
            every = self._changed(hook(module, every, of_outputs), every)
        return [every[i] for i in self._places]

    def _changed(
        self, returned: Any, gradients: tuple[Tensor | None, ...]
    ) -> tuple[Tensor | None, ...]:
        """Return the gradients that a hook wants, after a check."""
        if returned is None:
            return gradients
        wanted = returned if isinstance(returned, tuple) else (returned,)
        fits = len(wanted) == len(gradients) and all(
            new is None or (isinstance(new, Tensor) and (old is None or new.shape == old.shape))
            for new, old in zip(wanted, gradients, strict=False)
        )
        if fits:
            return wanted
        raise ValueError(
            f"{self._name}: a backward hook returned {_describe(wanted)}, expected "
            f"{_describe(gradients)}"
        )


def _describe(gradients: tuple[Any, ...]) -> str:
    parts = [f"shape {g.shape}" if isinstance(g, Tensor) else str(g) for g in gradients]
    return "(" + ", ".join(parts) + ")"
