"""Batches as flat tuples of columns, and the layout that says what each column is."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from pydl._core import Tensor

if TYPE_CHECKING:
    from pydl.nn.module import Module


class Group(NamedTuple):
    """Several parts: of a tuple (no names), or of a dict."""

    names: tuple[Any, ...] | None
    parts: tuple[Any, ...]


# The number of a column, or a group of them.
Spec = int | Group


class Layout(NamedTuple):
    """Which columns are inputs, targets and weights of samples.

    Compiled steps take the columns as arguments and the layout as an option: a flat tuple of
    tensors is what they are called with fastest.
    """

    inputs: Spec
    target: Spec | None = None
    weight: Spec | None = None

    def build(self, columns: Sequence[Any]) -> tuple[Any, Any, Any]:
        """Return inputs, target and weights; None for what is absent."""
        x = build(self.inputs, columns)
        y = None if self.target is None else build(self.target, columns)
        return x, y, None if self.weight is None else build(self.weight, columns)

    def names(self) -> list[str]:
        """Return the names of all columns in messages."""
        found = dict(_leaves(self.inputs, "x"))
        for spec, name in ((self.target, "y"), (self.weight, "sample_weight")):
            if spec is not None:
                found.update(_leaves(spec, name))
        return [found[i] for i in range(len(found))]

    def input_columns(self) -> list[int]:
        """Return the numbers of the columns that are inputs."""
        return [i for i, _ in _leaves(self.inputs, "x")]

    def target_columns(self) -> list[int]:
        """Return the numbers of the columns that are targets."""
        return [] if self.target is None else [i for i, _ in _leaves(self.target, "y")]

    def size_column(self) -> int:
        """Return the number of a column whose length is that of the batch."""
        return (self.target_columns() or self.input_columns())[-1]

    def size_of(self, columns: Sequence[Any]) -> int:
        """Return how many samples a batch has."""
        return int(columns[self.size_column()].shape[0])


def build(spec: Spec, columns: Sequence[Any]) -> Any:
    """Return a column, or a tuple or dict of columns."""
    if not isinstance(spec, Group):
        return columns[spec]
    parts = tuple(build(part, columns) for part in spec.parts)
    return parts if spec.names is None else dict(zip(spec.names, parts, strict=True))


def flatten(value: Any, columns: list[Any]) -> Spec:
    """Append the leaves of nested tuples and dicts to the columns; returns where they are."""
    if isinstance(value, Mapping):
        parts = tuple(flatten(part, columns) for part in value.values())
        return Group(tuple(value), parts)
    if isinstance(value, tuple):
        return Group(None, tuple(flatten(part, columns) for part in value))
    columns.append(value)
    return len(columns) - 1


def layout_of(x: Any, y: Any = None, weight: Any = None) -> tuple[tuple[Any, ...], Layout]:
    """Return the columns of inputs, target and weights, and their layout."""
    columns: list[Any] = []
    inputs = flatten(x, columns)
    target = None if y is None else flatten(y, columns)
    weights = None if weight is None else flatten(weight, columns)
    return tuple(columns), Layout(inputs, target, weights)


@lru_cache(maxsize=64)
def flat_layout(count: int) -> Layout:
    """Return the layout of a flat tuple: inputs, and, if there is more than one, the target."""
    if count < 3:
        return Layout(0, 1 if count == 2 else None)
    return Layout(Group(None, tuple(range(count - 1))), count - 1)


@lru_cache(maxsize=64)
def inputs_layout(count: int) -> Layout:
    """Return the layout of a flat tuple of inputs without a target."""
    return Layout(Group(None, tuple(range(count))) if count > 1 else 0)


def unpack(batch: Any) -> tuple[tuple[Any, ...], Layout]:
    """Return the columns of a batch as loaders give it, and their layout.

    A flat tuple has inputs and, last, the target. Where its first item is itself a tuple or a dict,
    it is (x, y) or (x, y, sample_weight), as in Keras.

    Raises
    ------
    ValueError
        For a tuple whose first item is nested, of another length.
    """
    if not isinstance(batch, (tuple, list)):
        return layout_of(batch)
    batch = tuple(batch)
    for item in batch:  # this comes with every step
        if item.__class__ is not Tensor and isinstance(item, (tuple, Mapping)):
            break
    else:
        return batch, flat_layout(len(batch))
    if isinstance(batch[0], (tuple, Mapping)):
        if len(batch) > 3:
            raise ValueError(
                "expected samples (x, y) or (x, y, sample_weight), because their first part is a "
                f"{type(batch[0]).__name__}; got {len(batch)} parts"
            )
        return layout_of(*batch)
    x = batch[0] if len(batch) == 2 else batch[:-1]
    return layout_of(x, batch[-1])


def mapped(function: Callable[[Any], Any], value: Any) -> Any:
    """Return nested tuples, lists and dicts with their leaves changed."""
    if isinstance(value, Mapping):
        return {name: mapped(function, part) for name, part in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(mapped(function, part) for part in value)
    return function(value)


def _leaves(spec: Spec, name: str) -> Iterator[tuple[int, str]]:
    if not isinstance(spec, Group):
        yield spec, name
        return
    keys = range(len(spec.parts)) if spec.names is None else spec.names
    for key, part in zip(keys, spec.parts, strict=True):
        yield from _leaves(part, f"{name}[{key!r}]")


def takes_keywords(model: Module, inputs: Spec) -> bool:
    """Whether inputs are a dict that becomes the keyword arguments of `forward`.

    Raises
    ------
    TypeError
        As for `are_arguments`.
    """
    if not isinstance(inputs, Group) or inputs.names is None:
        return False
    return are_arguments(model, inputs.names)


def are_arguments(model: Module, names: Sequence[Any]) -> bool:
    """Whether the keys of a dict of inputs are arguments of `forward`.

    Otherwise `forward` takes the dict itself: where it has one argument, of another name.

    Raises
    ------
    TypeError
        For several arguments whose names are not those of the dict.
    """
    parameters = inspect.signature(model.forward).parameters.values()
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    if all(name in named or (takes_any and isinstance(name, str)) for name in names):
        return True
    known, listed = [p.name for p in parameters], ", ".join(map(str, names))
    if type(model).__module__.startswith("pydl.nn."):
        raise TypeError(
            f"{type(model).__name__}: expected one tensor, or a tuple of them, as inputs, got a "
            f"dict with {listed}; a class of your own may name its inputs: def forward(self, a, b)"
        )
    required = [p for p in parameters if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
    if len(required) == 1:
        return False
    raise TypeError(
        f"{type(model).__name__}: the inputs are a dict with {listed}, but forward takes "
        f"{', '.join(known) or 'nothing'}; name them alike, or write a forward of one argument, "
        "which gets the dict"
    )


def call(model: Module, x: Any, keywords: bool) -> Any:
    """Call a model on its inputs: one, a tuple of them, or a dict."""
    if keywords:
        return model(**x)
    return model(*x) if isinstance(x, tuple) else model(x)


def example_of(columns: Sequence[Any]) -> tuple[tuple[tuple[int, ...], Any], ...] | None:
    """Return the shape of one sample and the dtype of each column, if all are tensors."""
    if not all(isinstance(column, Tensor) for column in columns):
        return None
    return tuple((column.shape[1:], column.dtype) for column in columns)
