"""Which layer of a model feeds which: found by tracing a call of the model."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydl import _core
from pydl._core import Tensor
from pydl.compiler import compile
from pydl.grad_mode import no_grad
from pydl.nn.module import Module
from pydl.training.mode import set_mode

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Box:
    """An input, a call of a layer, an operation between layers, or an output."""

    kind: Literal["input", "layer", "operation", "output"]
    name: str
    label: str  # class of a layer
    shape: str
    group: int | None


@dataclass(frozen=True)
class Group:
    """A call of a module whose inner modules are shown."""

    name: str
    label: str
    parent: int | None


@dataclass
class ModelGraph:
    """Boxes in the order of the computation, and what goes from one to another."""

    boxes: list[Box] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    edges: list[tuple[int, int, str]] = field(default_factory=list)

    def sources(self, box: int) -> list[int]:
        """Return the boxes whose results go into one."""
        return [source for source, target, _ in self.edges if target == box]


@dataclass
class _Call:
    """A call of a module; `inputs` and `outputs` are positions among the recorded tensors."""

    path: str
    kind: str
    number: int  # of the calls of this module
    parent: int | None
    inputs: range
    outputs: range = range(0)
    has_inner: bool = False


class _Recorder:
    """What one traced run of a model did."""

    def __init__(self) -> None:
        self.calls: list[_Call] = []
        self.events: list[tuple[str, int]] = []  # calls that begin and end
        self.outputs = range(0)
        self.names_of_outputs: list[str] = []
        self._open: list[int] = []
        self._tensors: list[Tensor] = []

    def wrap(self, path: str, module: Module) -> Callable[..., Any]:
        """Return a `forward` that is recorded."""
        forward, kind = module.forward, type(module).__name__

        def run(*args: Any, **kwargs: Any) -> Any:
            inputs = _core._ArgumentTree.of((args, kwargs))[1]
            number = sum(call.path == path for call in self.calls) + 1
            parent = self._open[-1] if self._open else None
            index = len(self.calls)
            self.calls.append(_Call(path, kind, number, parent, self._keep(inputs)))
            if parent is not None:
                self.calls[parent].has_inner = True
            self._open.append(index)
            self.events.append(("begin", index))
            output = forward(*args, **kwargs)
            tree, outputs = _core._ArgumentTree.of(output)
            # What a module returns unchanged must have come from the module nevertheless.
            given = set(map(hash, inputs))
            outputs = [_core.copy(t) if hash(t) in given else t for t in outputs]
            self.calls[index].outputs = self._keep(outputs)
            self.events.append(("end", index))
            self._open.pop()
            return tree.build(outputs)

        return run

    def _keep(self, tensors: Sequence[Tensor]) -> range:
        first = len(self._tensors)
        self._tensors += tensors
        return range(first, len(self._tensors))

    def run(self, model: Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Tensor]:
        """Call the model; return all recorded tensors and keep none."""
        self.__init__()  # type: ignore[misc]  # a function may be traced twice
        output = model(*args, **kwargs)
        self.names_of_outputs = list(_names("output", output))
        self.outputs = self._keep(_core._ArgumentTree.of(output)[1])
        tensors, self._tensors = self._tensors, []
        return tensors


@dataclass
class _Operations:
    """The operations of a trace: what each reads, its name and its shape."""

    sources: dict[str, list[str]]
    names: dict[str, str]
    shapes: dict[str, Shape]

    @classmethod
    def read(cls, dot: str) -> _Operations:
        """Read what `_Program.to_dot` wrote."""
        names, shapes = {}, {}
        for key, label in re.findall(
            r'^  (\w+) \[(?:shape=\w+, )?label="(.*?)"\];', dot, re.M | re.S
        ):
            names[key], _, described = label.partition("\n")
            sizes = re.search(r"\((.*?)\)", described)
            shapes[key] = tuple(map(int, re.findall(r"\d+", sizes[1]))) if sizes else ()
        sources: dict[str, list[str]] = {key: [] for key in names}
        for source, target in re.findall(r"^  (\w+) -> (\w+)", dot, re.M):
            sources[target].append(source)
        return cls(sources, names, shapes)


def trace_model(
    model: Module, args: Sequence[Any], kwargs: Mapping[str, Any], depth: int | None = None
) -> ModelGraph:
    """Return the graph of a model's layers for some arguments, in evaluation mode.

    Parameters
    ----------
    model : Module
        Any module.
    args, kwargs : sequence and mapping
        What it is called with.
    depth : int, optional
        How deep nested modules are opened; by default all.

    Raises
    ------
    TraceError
        When the model cannot be traced, because it reads values of tensors.

    Examples
    --------
    >>> import pydl
    >>> from pydl import nn
    >>> graph = trace_model(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), [pydl.zeros((1, 2))], {})
    >>> [box.label or box.name for box in graph.boxes]
    ['input', 'Linear', 'ReLU', 'output']
    """
    recorder = _Recorder()
    tree, tensors = _core._ArgumentTree.of((tuple(args), dict(kwargs)))
    modules = list(model.named_modules())
    changed = [
        (vars(module), name)
        for _, module in modules
        for name in ("forward", "training", "_pinned_mode")
    ]

    def change() -> None:
        for path, module in modules:
            vars(module)["forward"] = recorder.wrap(path, module)
        set_mode(model, False)

    def run(*given: Tensor) -> list[Tensor]:
        inner, named = tree.build(list(given))
        return recorder.run(model, inner, named)

    with no_grad(), _core._RestoreScope(changed, change):
        function = compile(run, state=[model], without=_core._pass_names())
        function(*tensors)
    operations = _Operations.read(function.programs[0].to_dot())
    names = list(_names_of_inputs(model, args, kwargs))
    return _Builder(model, recorder, operations, depth, names, tensors).graph


class _Builder:
    """Puts boxes around the operations of a trace."""

    def __init__(
        self,
        model: Module,
        recorder: _Recorder,
        operations: _Operations,
        depth: int | None,
        names: list[str],
        inputs: Sequence[Tensor],
    ) -> None:
        self.graph = ModelGraph()
        self._operations, self._recorder, self._depth = operations, recorder, depth
        self._batch = inputs[0].shape[0] if inputs and inputs[0].ndim else None
        # The box that a result comes from; None for what no input went into.
        self._box_of: dict[str, int | None] = {}
        self._group_of: dict[int, int | None] = {}
        by_name = {name: key for key, name in operations.names.items() if key.startswith("v")}
        for i, (name, tensor) in enumerate(zip(names, inputs, strict=True)):
            box = self._add("input", name, "", self._text(tensor.shape), None)
            key = by_name.get(f"argument{i}")
            if key is not None:
                self._box_of[key] = box
        self._walk_calls()
        for name, position in zip(recorder.names_of_outputs, recorder.outputs, strict=True):
            key = self._result(position)
            self._resolve(key, None)
            box = self._add("output", name, "", self._text(operations.shapes[key]), None)
            self._connect(key, box)

    def _walk_calls(self) -> None:
        calls = self._recorder.calls
        hidden: set[int] = set()  # calls within a layer that is shown as one box
        for event, index in self._recorder.events:
            call = calls[index]
            if call.parent in hidden:
                hidden.add(index)
                continue
            outer = None if call.parent is None else self._group_of[call.parent]
            if not self._is_opened(call):
                hidden.add(index)
                if event == "end":
                    self._add_layer(call, outer)
            elif event == "begin":
                self._open_group(index, call, outer)
            else:
                for position in call.outputs:
                    self._resolve(self._result(position), self._group_of[index])

    def _is_opened(self, call: _Call) -> bool:
        level = call.path.count(".") + 1 if call.path else 0
        return call.has_inner and (self._depth is None or level < self._depth or not call.path)

    def _open_group(self, index: int, call: _Call, outer: int | None) -> None:
        for position in call.inputs:
            self._resolve(self._result(position), outer)
        if call.parent is None:
            self._group_of[index] = None
            return
        self._group_of[index] = len(self.graph.groups)
        self.graph.groups.append(Group(_name_of(call), call.kind, outer))

    def _add_layer(self, call: _Call, outer: int | None) -> None:
        keys = [self._result(position) for position in call.inputs]
        for key in keys:
            self._resolve(key, outer)
        results = [self._result(position) for position in call.outputs]
        shapes = ", ".join(self._text(self._operations.shapes[key]) for key in results)
        box = self._add("layer", _name_of(call), call.kind, shapes, outer)
        for key in dict.fromkeys(keys):
            self._connect(key, box)
        self._box_of.update(dict.fromkeys(results, box))

    def _result(self, position: int) -> str:
        """Return what computed a recorded tensor."""
        return self._operations.sources[f"o{position}"][0]

    def _resolve(self, key: str, group: int | None) -> None:
        """Make boxes for the operations that lie between a result and known boxes."""
        pending, found = [key], set()
        while pending:
            current = pending.pop()
            if current in self._box_of or current in found:
                continue
            found.add(current)
            pending += self._operations.sources[current]
        for each in sorted(found, key=_order):
            sources = dict.fromkeys(self._operations.sources[each])
            known = [source for source in sources if self._box_of[source] is not None]
            if not known:
                self._box_of[each] = None  # of parameters and constants only
                continue
            shape = self._text(self._operations.shapes[each])
            box = self._add("operation", self._operations.names[each], "", shape, group)
            self._box_of[each] = box
            for source in known:
                self._connect(source, box)

    def _connect(self, key: str, box: int) -> None:
        source = self._box_of[key]
        if source is not None:
            self.graph.edges.append((source, box, self._text(self._operations.shapes[key])))

    def _add(self, kind: Any, name: str, label: str, shape: str, group: int | None) -> int:
        self.graph.boxes.append(Box(kind, name, label, shape, group))
        return len(self.graph.boxes) - 1

    def _text(self, shape: Shape) -> str:
        sizes = [str(size) for size in shape]
        if shape and shape[0] == self._batch:
            sizes[0] = "N"
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def _order(key: str) -> tuple[bool, int]:
    """Return a key that puts inputs and parameters first, then operations in their order."""
    return key[0] == "n", int(key[1:])


def _name_of(call: _Call) -> str:
    name = call.path or call.kind
    return name if call.number == 1 else f"{name} (call {call.number})"


def _names(name: str, value: Any) -> Iterator[str]:
    """Name the tensors of nested values, in their order."""
    if isinstance(value, Tensor):
        yield name
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _names(f"{name}[{key!r}]", item)
    elif isinstance(value, (tuple, list)):
        for i, item in enumerate(value):
            yield from _names(f"{name}[{i}]", item)


def _names_of_inputs(
    model: Module, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Iterator[str]:
    positional = [
        p.name
        for p in inspect.signature(model.forward).parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    if len(args) == 1 and not kwargs and positional[:1] == ["x"]:
        positional[0] = "input"
    for i, value in enumerate(args):
        yield from _names(positional[i] if i < len(positional) else f"input {i}", value)
    for name, value in kwargs.items():
        yield from _names(name, value)
