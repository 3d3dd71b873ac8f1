"""In-place operators: they write the result of the ordinary operator into the left operand."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiled.comparison import to_numpy

import pydl

FLOATS = ["float16", "bfloat16", "float32", "float64"]
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "iadd": operator.iadd,
    "isub": operator.isub,
    "imul": operator.imul,
    "itruediv": operator.itruediv,
    "ifloordiv": operator.ifloordiv,
    "imod": operator.imod,
    "ipow": operator.ipow,
}
BITS: dict[str, Callable[[Any, Any], Any]] = {
    "iand": operator.iand,
    "ior": operator.ior,
    "ixor": operator.ixor,
    "ilshift": operator.ilshift,
    "irshift": operator.irshift,
}
PLAIN: dict[str, Callable[[Any, Any], pydl.Tensor]] = {
    "iand": operator.and_,
    "ior": operator.or_,
    **{
        name: getattr(operator, name[1:])
        for name in (*ARITHMETIC, *BITS)
        if name not in ("iand", "ior")
    },
}
SHAPES = [
    ((3, 5), (3, 5)), ((3, 5), (5,)), ((3, 5), (3, 1)), ((3, 5), ()), ((0, 4), (4,)),
    ((), ()), ((130, 257), (130, 257)), ((130, 257), (130, 1)),
]  # fmt: skip


def _overwritten(name: str, x: pydl.Tensor, y: Any) -> None:
    wanted = to_numpy(PLAIN[name](x, y))
    address = x.data_ptr()
    found = {**ARITHMETIC, **BITS}[name](x, y)
    assert found is x
    assert x.data_ptr() == address
    np.testing.assert_array_equal(to_numpy(x), wanted)


def _numbers(shape: tuple[int, ...], dtype: str, seed: int) -> pydl.Tensor:
    rng = np.random.default_rng(seed)
    return pydl.tensor(rng.uniform(0.5, 4, shape)).astype(dtype)


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("dtype", [*FLOATS, "int32", "int64", "uint8"])
@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic(name: str, dtype: str, shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    if name == "itruediv" and dtype not in FLOATS:
        x = _numbers(shapes[0], dtype, 0)
        with pytest.raises(TypeError, match="in-place"):
            x /= _numbers(shapes[1], dtype, 1)
        return
    _overwritten(name, _numbers(shapes[0], dtype, 0), _numbers(shapes[1], dtype, 1))


@pytest.mark.parametrize("dtype", ["bool", "int16", "int64"])
@pytest.mark.parametrize("name", BITS)
def test_bits(name: str, dtype: str) -> None:
    if dtype == "bool" and "shift" in name:
        return
    _overwritten(name, _numbers((3, 5), dtype, 0), _numbers((3, 5), dtype, 1))


@pytest.mark.parametrize("name", ["iadd", "isub", "imul"])
def test_operands_that_share_memory(name: str) -> None:
    """All elements are read as they were before."""
    base = _numbers((6, 6), "float32", 0)
    _overwritten(name, base, base)
    _overwritten(name, base, base.T)
    _overwritten(name, base, base[2])
    _overwritten(name, base[1:], base[:-1])
    _overwritten(name, base[:, 1:4], base[:, :3])
    _overwritten(name, base.T, _numbers((6, 6), "float32", 1))
    _overwritten(name, base[::2, 1::2], 3)


def test_large_operands() -> None:
    """Sizes whose results are otherwise written past the caches."""
    x, y = _numbers((2100, 1024), "float32", 0), _numbers((2100, 1024), "float32", 1)
    _overwritten("iadd", x, y)
    _overwritten("imul", x, 0.5)


def test_another_dtype_and_shape() -> None:
    x = pydl.ones((2, 3))
    x += np.ones(3, np.float32)
    x += pydl.tensor([1, 2, 3])
    assert x.tolist() == [[3, 4, 5], [3, 4, 5]]
    with pytest.raises(TypeError, match="in-place"):
        x += pydl.ones((2, 3), dtype="float64")
    with pytest.raises(ValueError, match="in-place"):
        x += pydl.ones((4, 2, 3))
    assert x.tolist() == [[3, 4, 5], [3, 4, 5]]


def test_recorded_operands_are_not_overwritten() -> None:
    x = pydl.tensor([1.0, 1.0, 1.0], requires_grad=True)
    y = before = x * 2
    y *= 3
    assert y is not before
    assert before.tolist() == [2, 2, 2]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [6, 6, 6]
    with pytest.raises(RuntimeError):
        x += 1
    with pydl.no_grad():
        x += 1
    assert x.tolist() == [2, 2, 2]


def test_saved_operands_are_noticed() -> None:
    w = pydl.tensor([1.0, 1.0, 1.0], requires_grad=True)
    x = pydl.ones((3,))
    product = (w * x).sum()
    x += 1
    with pytest.raises(RuntimeError):
        product.backward()


def test_compiled() -> None:
    @pydl.compile
    def step(x: pydl.Tensor) -> pydl.Tensor:
        y = x + 0.0
        y += x
        y *= 2
        return y

    for _ in range(3):
        assert step(pydl.ones((4,))).tolist() == [4, 4, 4, 4]
