"""Single operations, eager: each one tiny, in cache and large, beside NumPy and PyTorch.

A file of this folder has the rows of one family. What a row computes is written once as an
expression, from which every framework makes its function; where the frameworks differ, each one has
its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from bench.case import Case
from bench.operations.row import Row


def rows() -> Iterator[tuple[str, Row]]:
    """Every row, with the name of its family."""
    for path in sorted(Path(__file__).parent.glob("rows_*.py")):
        family = path.stem.removeprefix("rows_")
        for row in import_module(f"bench.operations.{path.stem}").ROWS:
            yield family, row


def cases() -> Iterator[Case]:
    """Every row at each of its sizes."""
    for family, row in rows():
        yield from row.cases(family)
