"""The table of values that change between calls of a compiled function.

Each row makes a function that reads one such value, and says how the value changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pydl

Step = Callable[[pydl.Tensor], pydl.Tensor]
Row = tuple[Step, Callable[[], Any]]
CHANGES: dict[str, Callable[[], Row]] = {}


def row(make: Callable[[], Row]) -> Callable[[], Row]:
    CHANGES[make.__name__] = make
    return make
