"""Tensors inside of tuples, lists and dicts: their names, and the structure as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from pydl._core import Tensor


def named_leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield the leaves of nested containers, by name, in the order that programs expect."""
    if isinstance(value, (tuple, list)):
        for i, item in enumerate(value):
            yield from named_leaves(item, f"{name}.{i}" if name else str(i))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from named_leaves(item, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def names_of_results(result: Any) -> list[str]:
    """Return names of the tensors of a result: keys of dicts, else "output" with numbers."""
    root = "output" if isinstance(result, Tensor) else ""
    named = [name for name, leaf in named_leaves(result, root) if isinstance(leaf, Tensor)]
    return [f"output{name}" if name[:1].isdigit() else name for name in named]


def to_json(result: Any) -> str:
    """Write the structure of a result: 0, 1, ... for its tensors, in order."""
    return json.dumps(_encode(result, iter(range(1 << 30))))


def from_json(text: str, tensors: Sequence[Tensor]) -> Any:
    """Put tensors into the structure that a text describes.

    Raises
    ------
    ValueError
        For a text that is not a structure of this many tensors.
    """
    if not text:
        return list(tensors)
    return _decode(json.loads(text), tensors)


def _encode(value: Any, numbers: Iterator[int]) -> Any:
    if isinstance(value, tuple):
        return {"tuple": [_encode(item, numbers) for item in value]}
    if isinstance(value, list):
        return {"list": [_encode(item, numbers) for item in value]}
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise ValueError(f"save_program: expected strings as keys of a result, got {key!r}")
        return {"dict": {key: _encode(item, numbers) for key, item in value.items()}}
    return None if value is None else next(numbers)


def _decode(value: Any, tensors: Sequence[Tensor]) -> Any:
    if value is None:
        return None
    if isinstance(value, int) and 0 <= value < len(tensors):
        return tensors[value]
    if isinstance(value, dict) and len(value) == 1:
        kind, items = next(iter(value.items()))
        if kind == "tuple" and isinstance(items, list):
            return tuple(_decode(item, tensors) for item in items)
        if kind == "list" and isinstance(items, list):
            return [_decode(item, tensors) for item in items]
        if kind == "dict" and isinstance(items, dict):
            return {key: _decode(item, tensors) for key, item in items.items()}
    raise ValueError(f"a program file: {value!r} is not a structure of {len(tensors)} results")
