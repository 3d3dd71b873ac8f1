"""Whatever a function is given: it works, or raises an exception that says why."""

from __future__ import annotations

import random
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import _core

EXPECTED = (
    TypeError,
    ValueError,
    IndexError,
    MemoryError,
    OverflowError,
    BufferError,
    RuntimeError,
)
# They change the process, or files, and not their results.
WITH_EFFECTS = {
    *("set_grad_enabled", "set_num_threads", "manual_seed", "reset_peak_memory"),
    "set_printoptions",
}
CALLS = 80


def _functions() -> dict[str, Callable[..., Any]]:
    functions = {}
    for owner in (_core, _core.nn, _core.optim, _core.random, pydl.Tensor):
        for name in dir(owner):
            function = getattr(owner, name)
            private = name.startswith("_") and owner is not pydl.Tensor
            if callable(function) and not private and name not in WITH_EFFECTS:
                functions[f"{owner.__name__}.{name}"] = function
    for name in ("__class__", "__getattribute__", "__setattr__", "__delattr__", "__reduce_ex__"):
        del functions[f"Tensor.{name}"]
    return functions


FUNCTIONS = _functions()


def _tensors() -> list[pydl.Tensor]:
    read_only = np.arange(4.0)
    read_only.flags.writeable = False
    return [
        pydl.tensor(1.5),
        pydl.tensor([1.0, -2.0]),
        pydl.tensor([1.0, 2.0, 3.0], requires_grad=True),
        pydl.tensor([1.0, 2.0, 3.0], requires_grad=True) * 2,
        pydl.arange(6).reshape(2, 3),
        pydl.zeros((2, 3)).T,
        pydl.zeros((2, 3), dtype="bfloat16"),
        pydl.zeros((0, 3)),
        pydl.zeros((1,) * 8),
        pydl.tensor([True, False]),
        pydl.tensor([1, 0], dtype="uint8"),
        pydl.tensor(-7),
        pydl.flip(pydl.arange(5)),
        pydl.expand(pydl.ones((1, 3)), (4, 3)),
        pydl.from_numpy(read_only),
    ]


def _odd_objects() -> list[Any]:
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    deep: list[Any] = [pydl.ones(1)]
    deep.append(deep)
    numbers = [0, 1, -1, 2, 7, 300, -(2**63), 2**62, 2**63, 2**70, 0.5, -0.0, 1e308, 5e-324]
    arrays = [
        np.zeros(()),
        np.zeros((2, 0, 3)),
        np.arange(6).reshape(2, 3)[::-1, ::2],
        np.arange(4, dtype=">f4"),
        np.zeros(17, "uint8")[1:].view("float32"),
        np.zeros(2, [("a", "f4"), ("b", "i4")]),
        np.broadcast_to(np.float32(1), (3, 4)),
        np.zeros((1,) * 9),
        np.array([None, 1]),
        np.array(["a"]),
        np.array([1j]),
        np.zeros(3, "uint16"),
        np.array(["2020"], "datetime64[D]"),
    ]
    scalars = [np.float64(2), np.int64(3), np.bool_(True), np.float16(1), np.complex64(1)]
    shapes = [(), (0,), (1,), (-1,), (2, 3), (3, 2), (0, -1), (-1, -1), (2**62, 4), (1,) * 9]
    lists = [[], [[]], [1, 2], [1.5], [[1, 2], [3]], [[1], [2.0]], [None], ["a"], cyclic, deep]
    keys = [slice(None), slice(None, None, -1), slice(None, None, 0), slice("a"), ..., (0, None)]
    dtypes = [pydl.float32, pydl.bfloat16, pydl.int64, "bool", "nope", np.uint16, float, complex]
    others = [None, True, "", "mean", b"abc", {}, {1}, object(), 1j, range(3), int, NotImplemented]
    nan, infinity = float("nan"), float("inf")
    generator = pydl.Generator(1)
    return [
        *numbers, nan, infinity, *arrays, *scalars, *shapes, *lists, *keys, *dtypes, *others,
        generator,
    ]  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.filterwarnings("ignore")
def test_odd_arguments_do_no_harm(name: str) -> None:
    function, chance = FUNCTIONS[name], random.Random(name)
    tensors, objects = _tensors(), _odd_objects()
    for _ in range(CALLS):
        arguments: list[Any] = [
            chance.choice(tensors if chance.random() < 0.4 else objects)
            for _ in range(chance.choice([0, 1, 1, 2, 2, 2, 3, 3, 4]))
        ]
        if arguments and (name.startswith("Tensor.") or chance.random() < 0.5):
            arguments[0] = chance.choice(tensors)
        try:
            result = function(*arguments)
        except EXPECTED as error:
            assert str(error) or isinstance(error, MemoryError)
            # Messages of pybind11 do not say which argument is wrong.
            assert "PYBIND11" not in str(error)
        else:
            assert not isinstance(result, pydl.Tensor) or repr(result)
    assert pydl.is_grad_enabled()
    assert (pydl.ones(3) + 1).tolist() == [2.0, 2.0, 2.0]


def test_lists_that_hold_themselves() -> None:
    numbers: list[Any] = []
    numbers.append(numbers)
    tensors: list[Any] = [pydl.ones(2)]
    tensors.append(tensors)
    for data in (numbers, tensors):
        with pytest.raises(ValueError, match="at most 8 axes"):
            pydl.tensor(data)


def test_refused_data_is_released() -> None:
    for shape, dtype in (((2,), "complex64"), ((1,) * 9, "float32")):
        array = np.zeros(shape, dtype)
        alive = weakref.ref(array)
        with pytest.raises((TypeError, ValueError)):
            pydl.asarray(array)
        del array
        assert alive() is None


@pytest.mark.parametrize("count", [0, -1, 100_000])
def test_numbers_of_threads_that_no_machine_has(count: int) -> None:
    before = pydl.get_num_threads()
    with pytest.raises(ValueError, match="1 to 1024"):
        pydl.set_num_threads(count)
    assert pydl.get_num_threads() == before


def test_a_zero_byte_does_not_shorten_a_path(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="null"):
        _core.io.save_params(f"{tmp_path}/a\0b", {"x": pydl.ones(1)})
    with pytest.raises(ValueError, match="null"):
        _core.io.load_params(f"{tmp_path}/a\0b")
    assert list(tmp_path.iterdir()) == []


def test_paths_in_every_form(tmp_path: Path) -> None:
    path = tmp_path / "ü.safetensors"
    for form in (path, str(path), bytes(path)):
        _core.io.save_params(form, {"x": pydl.ones(1)})
        tensors, metadata = _core.io.load_params(form)
        assert (tensors["x"].tolist(), metadata) == ([1.0], {})
        path.unlink()


def test_in_place_operators_while_recording() -> None:
    weight = pydl.tensor([1.0, 1.0, 1.0], requires_grad=True)
    x = before = pydl.zeros(3)
    x += weight
    assert x is not before
    assert x.requires_grad
    assert before.tolist() == [0.0] * 3
    with pytest.raises(ValueError, match=r"\(1,\) into \(3,\)"):
        y = pydl.zeros(1)
        y += weight
    with pytest.raises(TypeError, match="int64 into float32"):
        z = pydl.zeros(3, dtype="int64")
        z += weight
    with pytest.raises(RuntimeError, match="no_grad"):
        weight += 1


def test_format() -> None:
    x = pydl.tensor(2.5)
    assert f"{x:.2f}" == "2.50"
    assert f"{pydl.tensor([3]):>4}" == "   3"
    assert f"{x}" == str(x) == "tensor(2.5000, dtype=float32)"
    with pytest.raises(ValueError, match="one element"):
        format(pydl.ones(2), ".2f")


def test_bytes_are_those_of_the_elements() -> None:
    for data in ([1, 2], [3], [1.5]):
        x = pydl.tensor(data)
        assert bytes(x) == x.numpy().tobytes()
    for x in (pydl.tensor([1]), pydl.tensor(1.0), pydl.tensor(True)):
        with pytest.raises(TypeError, match="index"):
            range(x)  # type: ignore[call-overload]


def test_dtypes_as_keys() -> None:
    assert {pydl.float32: 1}["float32"] == {"float32": 1}[pydl.float32] == 1
    assert len({getattr(pydl, name) for name in ("int8", "int16", "float64", "bool")}) == 4


@pytest.mark.parametrize(
    "call",
    [
        lambda w: pydl.full((2,), w),
        lambda w: pydl.full_like(pydl.ones(2), w),
        lambda w: pydl.ones(2).fill_(w),
        lambda w: pydl.arange(0, w),
        lambda w: pydl.addmm(pydl.ones((2, 2)), pydl.ones((2, 2)), pydl.ones((2, 2)), beta=w),
    ],
    ids=["full", "full_like", "fill_", "arange", "addmm"],
)
def test_numbers_are_not_tensors_whose_gradient_would_be_lost(call: Any) -> None:
    w = pydl.tensor(2.0, requires_grad=True)
    with pytest.raises(TypeError, match=r"requires a gradient, which would be lost; give its item"):
        call(w)
    for number in (w.item(), w.detach()):
        call(number)
    with pydl.no_grad():
        call(w)
