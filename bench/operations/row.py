"""A row of the tables of operations, and the work that is made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.case import Array, Case, Contender, Values

Shape = tuple[int, ...]
Maker = Callable[[np.random.Generator, Shape], Array]

FRAMEWORKS = ("pydl", "torch", "numpy")
# Rows and columns: 16 elements, 128 kB of float32, and 16 MB.
SIZES = {"tiny": (4, 4), "cached": (128, 256), "large": (4096, 1024)}


@dataclass(frozen=True)
class Input:
    """An argument: how its numbers are drawn, and its shape where it is not (rows, columns)."""

    kind: str
    shape: Callable[[int, int], Shape] = lambda rows, columns: (rows, columns)


KINDS: dict[str, Maker] = {
    "normal": lambda rng, shape: rng.standard_normal(shape, np.float32),
    "positive": lambda rng, shape: rng.random(shape, np.float32) + np.float32(0.1),
    "unit": lambda rng, shape: rng.random(shape, np.float32) * np.float32(0.98) + np.float32(0.01),
    "integers": lambda rng, shape: rng.integers(-1000, 1000, shape),
    "few": lambda rng, shape: rng.integers(0, 10, shape),  # many equal numbers
    "int32": lambda rng, shape: rng.integers(-1000, 1000, shape, np.int32),
    "bools": lambda rng, shape: rng.random(shape) < 0.5,
    "double": lambda rng, shape: rng.standard_normal(shape),
    "half": lambda rng, shape: rng.standard_normal(shape, np.float32).astype(np.float16),
    "sorted": lambda rng, shape: np.sort(rng.standard_normal(shape, np.float32), -1),
    # Indices into as many rows, or columns, as there are.
    "indices": lambda rng, shape: rng.integers(0, shape[0], shape),
    "columns": lambda rng, shape: rng.integers(0, shape[-1], shape),
    "classes": lambda rng, shape: rng.integers(0, 4, shape),
    "matrix": lambda rng, shape: (
        rng.standard_normal(shape, np.float32)
        + np.float32(shape[-1]) * np.eye(*shape[-2:], dtype=np.float32)
    ),
    "definite": lambda rng, shape: _definite(rng, shape),
}


def _definite(rng: np.random.Generator, shape: Shape) -> Array:
    half = rng.standard_normal(shape, np.float32)
    size = shape[-1]
    return half @ half.swapaxes(-1, -2) / np.float32(size) + np.eye(size, dtype=np.float32)


normal, positive, unit = Input("normal"), Input("positive"), Input("unit")
integers, int32 = Input("integers"), Input("int32")
bools, double, half = Input("bools"), Input("double"), Input("half")
row_vector = Input("normal", lambda rows, columns: (columns,))
column_vector = Input("normal", lambda rows, columns: (rows, 1))


def line(kind: str) -> Input:
    """All elements in one line."""
    return Input(kind, lambda rows, columns: (rows * columns,))


def per_row(kind: str) -> Input:
    """One number for each row."""
    return Input(kind, lambda rows, columns: (rows,))


@dataclass(frozen=True)
class Operation:
    """What is computed: an expression of ``x, y, z, w``, for each framework.

    In an expression, ``m`` is the framework's module and ``f`` its module of functions for
    networks. With `gradient`, the step also goes back from a given gradient of the result, and
    gives the gradient of ``x``.
    """

    expressions: Mapping[str, str]
    inputs: tuple[tuple[str, Shape], ...]
    gradient: bool = False
    drawn: bool = False  # the result is random: only its shape is compared

    def data(self) -> list[Array]:
        rng = np.random.default_rng(0)
        return [KINDS[kind](rng, shape) for kind, shape in self.inputs]


@dataclass(frozen=True)
class Row:
    """An operation at several sizes.

    Parameters
    ----------
    expression : str
        What every framework computes; `torch` and `numpy` have their own where they differ, and an
        empty one where they do not have it.
    inputs : tuple of Input
        ``x, y, z, w``.
    sizes : dict
        Rows and columns by the name of the size.
    gradient : bool
        Whether the row is measured once more with its derivative.
    covers : tuple of str
        The ops of the registry that the row runs, where their names are not in its expression.
    reason : str
        Why some of its cases are slower than in PyTorch, which the report tells beside them.
    """

    expression: str
    inputs: tuple[Input, ...] = (normal,)
    torch: str | None = None
    numpy: str | None = None
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=lambda: SIZES)
    gradient: bool = False
    drawn: bool = False
    tolerance: float = 1e-4
    covers: tuple[str, ...] = ()
    name: str | None = None
    reason: str = ""

    def cases(self, family: str) -> Iterator[Case]:
        """Each size, forward, and then with the derivative."""
        texts = {"pydl": self.expression, "torch": self.torch, "numpy": self.numpy}
        texts = {key: self.expression if text is None else text for key, text in texts.items()}
        label = self.name or self.expression.replace("m.", "").replace("f.", "")
        for backward in (False, True) if self.gradient else (False,):
            contenders = FRAMEWORKS[:2] if backward else FRAMEWORKS
            for size, (rows, columns) in self.sizes.items():
                inputs = tuple((each.kind, each.shape(rows, columns)) for each in self.inputs)
                yield Case(
                    f"{label}{', with gradient' if backward else ''}, {size}",
                    Operation(texts, inputs, backward, self.drawn),
                    tuple(name for name in contenders if texts[name]),
                    tolerance=self.tolerance,
                    family=family,
                    size=size,
                    reason=self.reason,
                )


def contender(
    work: Operation,
    tensors: Sequence[Any],
    names: Mapping[str, Any],
    framework: str,
    tensor: Callable[[Array], Any],
    read: Callable[[Any], Values],
) -> Contender:
    """The contender of a framework with the modules `names`.

    `tensor` makes a tensor of an array, and `read` an array of a tensor.
    """
    arguments = ", ".join("xyzw"[: len(tensors)])
    function: Callable[..., Any] = eval(  # the expressions are those of this folder
        f"lambda {arguments}: {work.expressions[framework]}", dict(names)
    )
    values = read if not work.drawn else lambda result: np.array(result.shape, np.float64)
    if not work.gradient:
        return Contender(lambda: function(*tensors), values)
    first = tensors[0]
    first.requires_grad = True
    shape = tuple(function(*tensors).shape)
    gradient = tensor(np.random.default_rng(1).standard_normal(shape, np.float32))

    def step() -> Any:
        first.grad = None
        function(*tensors).backward(gradient)
        return first.grad

    return Contender(step, values)
