"""Calls that must fail, beyond those of the rows: an exception that names the op, no crash."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

import pydl
from pydl import _core

HUGE = 2**62


def _index(*values: int) -> pydl.Tensor:
    return pydl.tensor(list(values))


def _ones(*shape: int) -> pydl.Tensor:
    return pydl.ones(shape)


Case = tuple[Callable[[], object], type[Exception], str]
CASES: list[Case] = [
    (lambda: _core.slice(_ones(3), (0,), (4,), (1,)), IndexError, "slice: 4 elements"),
    (lambda: _core.slice(_ones(3), (0,), (2,), (0,)), IndexError, "slice: .*steps of 0"),
    (lambda: _core.slice(_ones(3), (0,), (-1,), (1,)), IndexError, "slice: -1 elements"),
    (lambda: _core.slice(_ones(3), (1,), (5,), (HUGE,)), IndexError, "slice: 5 elements"),
    (lambda: _core.slice(_ones(3), (2,), (3,), (-HUGE * 2,)), IndexError, "slice: 3 elements"),
    (lambda: _core.slice(_ones(3, 3), (0,), (1,), (1,)), ValueError, "slice: expected starts"),
    (lambda: _core.slice_backward(_ones(3), (4,), (2,), (1,)), IndexError, "slice_backward: 3 el"),
    (lambda: _core.slice_backward(_ones(3), (4,), (1,), (-1,)), IndexError, "slice_backward"),
    (lambda: _core.slice_backward(_ones(3), (4,), (1,), (HUGE,)), IndexError, "slice_backward"),
    (lambda: _core.slice_backward(_ones(3), (4, 4), (1,), (1,)), ValueError, "slice_backward"),
    (lambda: _core.slice_backward(_ones(3), (-4,), (0,), (1,)), IndexError, "slice_backward"),
    (
        lambda: _core.gather_backward(_ones(3), _index(0, 5, 1), 0, 3),
        IndexError,
        "gather_backward: index 5",
    ),
    (lambda: _core.gather_backward(_ones(4), _index(0, 1), 0, 3), ValueError, "gather_backward"),
    (lambda: _core.gather_backward(_ones(2), _index(0, 1), 0, -3), ValueError, "gather_backward"),
    (
        lambda: _core.take_backward(_ones(3), _index(0, 5, 1), 0, 3),
        IndexError,
        "take_backward: index 5",
    ),
    (lambda: _core.take_backward(_ones(4), _index(0, 1), 0, 3), ValueError, "take_backward"),
    (lambda: _core.take_backward(_ones(2), _index(0, 1), 0, -1), ValueError, "take_backward"),
    (lambda: _core.take_backward(_ones(3), _ones(3), 0, 3), TypeError, "take_backward"),
    (
        lambda: _core.softmax_backward(_ones(2, 3), _ones(2, 4), 1),
        ValueError,
        r"softmax_backward: .*\(2, 4\)",
    ),
    (lambda: _core.softmax_backward(_ones(3), _ones(3), 5), IndexError, "softmax_backward: axis 5"),
    (lambda: _core.relu_backward(_ones(3), _ones(4)), ValueError, "relu_backward"),
    (lambda: pydl.expand(_ones(1), (-2,)), ValueError, "expand"),
    (lambda: pydl.expand(_ones(1), (2**40, 2**40)), ValueError, "expand"),
    (lambda: pydl.reshape(_ones(0), (2**40, 2**40, 0)), ValueError, "reshape"),
    (lambda: pydl.zeros((HUGE, 4)), MemoryError, "does not fit into memory"),
    (lambda: pydl.expand(_ones(1), (2**45,)).copy(), MemoryError, "memory"),
    (lambda: pydl.arange(2**60), MemoryError, "memory"),
    (lambda: pydl.arange(0, float("nan")), ValueError, "arange: .*finite"),
    (lambda: pydl.linspace(0, 1, -1), ValueError, "linspace"),
    (lambda: pydl.eye(-1), ValueError, "eye"),
    (lambda: pydl.permutation(-1), ValueError, "permutation"),
    (lambda: pydl.randint(0, 300, 3, dtype="uint8"), ValueError, "randint: uint8"),
    (lambda: pydl.randint(-1, 3, 3, dtype="uint8"), ValueError, "randint: uint8"),
    (lambda: pydl.split(_ones(5), 2, 0), ValueError, "split: an axis of size 5"),
    (lambda: pydl.split(_ones(4), [1, 2], 0), ValueError, "split: sizes add up to 3"),
    (lambda: pydl.stack([]), ValueError, "stack"),
    (lambda: pydl.stack([_ones(2), _ones(3)]), ValueError, r"stack: .*\(3,\)"),
    (lambda: pydl.concat([_ones(), _ones()]), IndexError, "concat: axis 0"),
    (lambda: pydl.squeeze(_ones(2, 1), 0), ValueError, "squeeze: axis 0"),
    (lambda: pydl.flip(_ones(2, 1), 5), IndexError, "flip: axis 5"),
    (lambda: pydl.take(_ones(0, 3), _index(0)), IndexError, "take: index 0"),
    (lambda: pydl.take(_ones(3), pydl.tensor([True])), TypeError, "take: .*bool"),
    (lambda: pydl.expand_dims(pydl.ones((1,) * 8), 0), ValueError, "at most 8 axes"),
    (lambda: pydl.reshape(_ones(1), (1,) * 9), ValueError, "reshape: .*8 axes.* list of 9 numbers"),
    (
        lambda: pydl.nn.functional.conv2d(_ones(1, 1, 2, 2), _ones(1, 1, 1, 1), stride=[1] * 9),
        ValueError,
        "conv2d: .*8 axes.* list of 9 numbers",
    ),
    (lambda: _core._apply_with_provider("none", "ref", [], {}), ValueError, "no op 'none'"),
    (
        lambda: _core._apply_with_provider("exp", "none", [_ones(1)], {}),
        ValueError,
        "no provider or implementation 'none'",
    ),
    (
        lambda: _core._apply_with_provider("exp", "ref", [], {}),
        TypeError,
        "exp: expected 1 input, got 0",
    ),
    (
        lambda: _core._apply_with_provider("linear", "cpu", [_ones(2, 2)], {}),
        TypeError,
        "linear: expected at least 2 inputs, got 1",
    ),
    (
        lambda: _core._apply_with_provider("softmax", "ref", [_ones(2)], {"axis": 0.5}),
        TypeError,
        "softmax: expected attribute 'axis' as an integer",
    ),
    (
        lambda: _core._apply_with_provider("softmax", "ref", [_ones(2)], {"axis": None}),
        TypeError,
        "softmax: expected attribute 'axis' as an integer",
    ),
    (
        lambda: _core._apply_with_provider("softmax", "cpu", [_ones(2)], {"axis": 1}),
        IndexError,
        "softmax: axis 1 is outside rank 1",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES)
def test_error(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


ATTRIBUTES = ["axis", "axes", "shape", "dtype", "value", "keepdims", "size", "p", "n", "count",
              "momentum", "starts", "steps", "sizes", "ignore_index", "reduction", "correction",
              "start", "step", "low", "high", "mean", "std", "kernel", "stride", "padding",
              "padding_low", "padding_high", "dilation", "groups", "adaptive", "divisor",
              "input", "mode", "align_corners", "antialias", "step0", "step1", "step2"]  # fmt: skip
VALUES: list[object] = [True, 1, -1, 99, 1.5, "float32", (), (1, 2), (-3, 7), None, object()]


@pytest.mark.parametrize("op", [op["name"] for op in _core.ops()])
def test_no_call_of_an_op_crashes(op: str) -> None:
    answers = 0
    for count in range(4):
        for shape in ((2, 3), ()):
            for dtype in ("float32", "int64"):
                inputs = [pydl.ones(shape, dtype=dtype) for _ in range(count)]
                for value in VALUES:
                    attrs = dict.fromkeys(ATTRIBUTES, value)
                    for provider in ("ref", "cpu"):
                        with contextlib.suppress(TypeError, ValueError, IndexError, RuntimeError):
                            _core._apply_with_provider(op, provider, inputs, attrs)
                        answers += 1
    assert answers == 4 * 2 * 2 * 2 * len(VALUES)


ARITHMETIC = ["subtract", "negative", "abs", "sign", "square", "relu"]


@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic_refuses_bools(name: str) -> None:
    flags = pydl.tensor([True, False])
    arguments = (flags, flags) if name == "subtract" else (flags,)
    with pytest.raises(TypeError, match=f"{name}: .*bool"):
        getattr(pydl, name)(*arguments)


@pytest.mark.parametrize("name", ["logical_and", "logical_or", "logical_xor"])
def test_logic_of_shapes_that_do_not_broadcast(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}: shapes \(2,\) and \(3,\)"):
        getattr(pydl, name)(pydl.tensor([True] * 2), pydl.tensor([True] * 3))


@pytest.mark.parametrize("argument", [None, "text", object()])
@pytest.mark.parametrize("name", ["exp", "add", "sum", "softmax", "concat", "matmul", "reshape"])
def test_odd_arguments(name: str, argument: object) -> None:
    function = getattr(pydl, name)
    with pytest.raises(TypeError):
        function(argument)
    with pytest.raises(TypeError):
        function(pydl.ones(2), argument, argument, argument)
