"""Guards: the Python values that a program was made for, checked again in every call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

# What is compared; pyext/guard.h has the same numbers.
ENTRY, SIZE, CELL, ATTRIBUTE, ITEMS, EQUAL, ELEMENTS, STRUCTURE = range(8)


class Guard(NamedTuple):
    """Says that something was `value` when the function was traced.

    Numbers and strings are compared by value, other objects by identity. `name` is what messages
    call it; without one, it is an attribute of a declared module or optimiser.
    """

    kind: int
    holder: Any
    key: Any
    value: Any
    is_absent: bool = False
    name: str | None = None

    @property
    def place(self) -> tuple[int, int, Any]:
        """What the guard checks, for comparison with other guards."""
        key = self.key if isinstance(self.key, (str, int)) else id(self.key)
        return self.kind, id(self.holder), key


def entry(mapping: dict[Any, Any], key: Any, name: str | None = None) -> Guard:
    """Guard of one entry of a dict, or of its absence."""
    if key in mapping:
        return Guard(ENTRY, mapping, key, mapping[key], name=name)
    return Guard(ENTRY, mapping, key, None, True, name)


def entries(
    mapping: dict[Any, Any], skipped: frozenset[str] = frozenset(), name: str | None = None
) -> Iterator[Guard]:
    """Guards of all entries of a dict, and of their number."""
    yield Guard(SIZE, mapping, None, len(mapping), name=name)
    for key, value in mapping.items():
        if key not in skipped:
            label = None if name is None else f"{name}, at {key!r},"
            yield Guard(ENTRY, mapping, key, value, name=label)
