"""What users of PyTorch and NumPy type on tensors, and arrays of dtypes that pydl does not have."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn

# --- methods --------------------------------------------------------------------------------------

CASTS = {"bool": "bool", "byte": "uint8", "short": "int16", "int": "int32", "long": "int64",
         "half": "float16", "bfloat16": "bfloat16", "float": "float32",
         "double": "float64"}  # fmt: skip


@pytest.mark.parametrize("name", CASTS)
def test_casts(name: str) -> None:
    x = pydl.tensor([0.0, 1.7, 2.5])
    assert getattr(x, name)().dtype == CASTS[name]
    assert getattr(x, name)().tolist() == x.astype(CASTS[name]).tolist()
    assert x.type_as(pydl.zeros(1, dtype=CASTS[name])).dtype == CASTS[name]


def test_to_takes_the_dtype_of_another_tensor() -> None:
    assert pydl.ones(2).to(pydl.zeros(3, dtype="int8")).dtype == "int8"
    assert pydl.float32 != pydl.ones(2)


def test_casts_are_differentiable() -> None:
    x = pydl.tensor([1.0, 2.0], requires_grad=True)
    (x.double().half().float() * x.clone()).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 4.0]


def test_facts() -> None:
    x = pydl.zeros((2, 3), dtype="float16")
    assert (x.itemsize, x.element_size(), x.numel(), x.dim()) == (2, 2, 6, 2)
    assert x.is_floating_point()
    assert not x.long().is_floating_point()
    assert x.cpu() is not None
    assert x.cpu().data_ptr() == x.data_ptr()
    assert x.data_ptr() == x.numpy().__array_interface__["data"][0]
    assert x[1:].data_ptr() == x.data_ptr() + 6
    assert x.clone().data_ptr() != x.data_ptr()
    assert (pydl.numel(x), pydl.numel(3.5)) == (6, 1)
    assert pydl.is_tensor(x)
    assert pydl.is_tensor(nn.Parameter(x))
    assert not pydl.is_tensor(x.numpy())


def test_new_tensors_have_the_dtype_and_no_history() -> None:
    x = pydl.tensor([1.0], dtype="float64", requires_grad=True)
    made = [x.new_zeros((2, 3)), x.new_ones((2, 3)), x.new_full((2, 3), 7), x.new_empty((2, 3))]
    assert [m.dtype for m in made] == ["float64"] * 4
    assert [m.shape for m in made] == [(2, 3)] * 4
    assert [m.requires_grad for m in made] == [False] * 4
    assert made[2].tolist() == [[7.0] * 3] * 2
    assert x.new_zeros(2, dtype="int8").dtype == "int8"
    for make in (x.new_zeros, x.new_ones, x.new_empty):
        assert make(2, 3).shape == make([2, 3]).shape == (2, 3)
        assert make(2, 3, dtype="int8").dtype == make((2, 3), "int8").dtype == "int8"
        with pytest.raises(TypeError, match=r"new_\w+: expected a shape"):
            make()
    assert x.new_tensor([0.1]).tolist() == [0.1]
    assert not x.new_tensor(x).requires_grad
    with pytest.raises(OverflowError, match="new_full: .*300 does not fit into uint8"):
        x.byte().new_full(2, 300)


def test_overlapping_memory() -> None:
    x = pydl.zeros((4, 6))
    share = pydl.may_share_memory
    assert share(x, x)
    assert share(x, x[1])
    assert share(x.T, x[::-1, ::-2])
    assert not share(x[:2], x[2:])
    assert share(x[:, :2], x[:, 3:])  # the extents overlap
    assert not share(x, x.copy())
    assert not share(x, x[:0])
    assert share(pydl.expand(x[0, 0], (5,)), x)
    assert not share(pydl.flip(x[:2]), pydl.flip(x[2:]))


@pytest.mark.parametrize("digits", [None, 0, 1, 3, -1, -2, 400])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_round(digits: int | None, dtype: str) -> None:
    values = np.array([0.0, 0.5, 1.5, -2.5, 123.456, -0.0449, 1e30, np.inf, np.nan], dtype)
    found = round(pydl.tensor(values), digits) if digits is not None else round(pydl.tensor(values))
    assert found.dtype == dtype
    expected = values if digits == 400 else np.round(values, digits or 0)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
    x = pydl.tensor(values)
    for other in (pydl.round(x, digits or 0), x.round(decimals=digits or 0)):
        np.testing.assert_array_equal(other.numpy(), found.numpy())
    x = pydl.arange(3)
    assert round(x).tolist() == round(x, 2).tolist() == [0, 1, 2]
    with pytest.raises(TypeError, match="negative number of digits"):
        round(x, -1)


# --- tensors as Python objects --------------------------------------------------------------------


def test_membership() -> None:
    x = pydl.tensor([[1.0, 2.0], [3.0, float("nan")]])
    assert 2 in x
    assert 2.5 not in x
    assert float("nan") not in x
    assert [3.0, 2.0] in x  # compared elementwise, as in NumPy
    assert None not in x
    assert "a" not in x
    assert 1 not in pydl.zeros(0)
    assert pydl.tensor(1) in pydl.arange(3)
    assert 2**70 not in pydl.arange(3)
    with pytest.raises(ValueError, match="shape"):
        assert [1.0, 2.0, 3.0] in x


def test_numbers_of_python() -> None:
    x = pydl.tensor(2.5)
    assert complex(x) == 2.5
    assert f"{x:.3f}" == f"{pydl.tensor([[2.5]]):.3f}" == "2.500"
    assert f"{pydl.tensor(True)}" == "tensor(True, dtype=bool)"
    assert math.floor(pydl.tensor(2.5)) == 2
    assert hash(x) == hash(x)
    assert len({x, x, pydl.tensor(2.5)}) == 2
    assert {"tolist", "new_zeros", "grad"} <= set(dir(x))
    with pytest.raises(ValueError):
        complex(pydl.ones(2))


COMPLEX: list[Callable[[], object]] = [
    lambda: pydl.tensor(1j),
    lambda: pydl.tensor([1j]),
    lambda: pydl.tensor([[1.0, 2j]]),
    lambda: pydl.tensor(np.complex64(1)),
    lambda: pydl.asarray(np.ones(2, "complex64")),
    lambda: pydl.from_numpy(np.ones(2, complex)),
    lambda: pydl.tensor(1, dtype="complex64"),
    lambda: pydl.zeros(2, dtype=complex),
    lambda: pydl.zeros(2, dtype=np.complex128),
    lambda: pydl.ones(2).astype("complex128"),
    lambda: pydl.ones(2) * 1j,
    lambda: 1j * pydl.ones(2),
    lambda: pydl.ones(2) + np.complex64(1),
    lambda: pydl.ones(2) * np.ones(2, complex),
    lambda: np.ones(2, complex) * pydl.ones(2),
    lambda: pydl.ones(2) == 1j,
    lambda: pydl.add(pydl.ones(2), 1j),
    lambda: pydl.ones(2).__iadd__(1j),
    lambda: pydl.ones(2).__setitem__(0, 1j),
]


@pytest.mark.parametrize("call", COMPLEX)
def test_complex_numbers_are_refused(call: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match="complex numbers are not supported; keep real and imag"):
        call()


# --- arrays of dtypes that pydl does not have -----------------------------------------------------

UNSIGNED = {"uint16": "int32", "uint32": "int64", "uint64": "int64"}


@pytest.mark.parametrize("dtype", UNSIGNED)
def test_unsigned_arrays_become_signed_tensors(dtype: str) -> None:
    most = min(np.iinfo(dtype).max, 2**63 - 1)
    array = np.array([[0, 1], [7, most]], dtype)
    for given in (array, array.T, array[::-1], array.astype(array.dtype.newbyteorder()), array[:0]):
        for make in (pydl.tensor, pydl.asarray, pydl.Tensor):
            found = make(given)
            assert found.dtype == UNSIGNED[dtype]
            assert found.tolist() == given.tolist()
    assert pydl.tensor(array, dtype="float64").dtype == "float64"
    assert pydl.tensor(array.dtype.type(5)).dtype == UNSIGNED[dtype]
    assert pydl.tensor([array.dtype.type(5), array.dtype.type(6)]).tolist() == [5, 6]
    assert (pydl.tensor([1, 2]) + array[:1]).tolist() == [[1, 3]]
    assert (pydl.tensor([1.0, 2.0]) * array[:1]).dtype == "float32"
    images = np.full((1, 3), 60_000, "uint16")
    assert nn.Flatten()(images).dtype == "int32"


def test_unsigned_arrays_that_cannot_be_signed_or_shared() -> None:
    large = np.array([1, 2**63], "uint64")
    for make in (pydl.tensor, pydl.asarray, lambda a: pydl.ones(2) + a):
        with pytest.raises(OverflowError, match=r"uint64 .* int64.*array\.astype\('int64'\)"):
            make(large)
    with pytest.raises(TypeError, match=r"no uint16 whose memory.*pydl\.tensor\(array\).*int32"):
        pydl.from_numpy(np.zeros(2, "uint16"))
    with pytest.raises(ValueError, match="copy"):
        pydl.asarray(np.zeros(2, "uint32"), copy=False)
    array = np.zeros(2, "uint32")
    pydl.asarray(array)[0] = 5
    assert array.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([None, 1]), "dtype object .*Python objects.*astype"),
        (np.array(["1"]), "text.*astype"),
        (np.array([b"1"]), "text.*astype"),
        (np.zeros(2, "datetime64[s]"), "times.*astype"),
        (np.zeros(2, "timedelta64[s]"), "times.*astype"),
        (np.zeros(2, [("a", "f4")]), "pydl has bool, integers"),
        (np.zeros(2, complex), "complex"),
    ],
)
def test_arrays_without_numbers_say_what_to_do(array: Any, message: str) -> None:
    for make in (pydl.tensor, pydl.asarray, pydl.from_numpy, lambda a: pydl.ones(2) + a):
        with pytest.raises(TypeError, match=message):
            make(array)


# --- creation -------------------------------------------------------------------------------------


def test_tensors_like_others() -> None:
    x = pydl.tensor([[1, 2]], dtype="int16")
    assert pydl.full_like(x, 7).tolist() == [[7, 7]]
    assert pydl.full_like(x, 7).dtype == "int16"
    assert pydl.full_like(x, 7.5, dtype="float64").tolist() == [[7.5, 7.5]]
    assert pydl.empty_like(x).shape == (1, 2)
    assert pydl.empty_like(x, "bool").dtype == "bool"
    assert pydl.zeros_like(x, dtype="float32").dtype == "float32"
    assert pydl.ones_like(x, dtype="float32").tolist() == [[1.0, 1.0]]
    assert not pydl.full_like(pydl.ones(2).requires_grad_(), 3).requires_grad
    with pytest.raises(OverflowError, match="full_like: .*300 does not fit into uint8"):
        pydl.full_like(x.byte(), 300)
    compiled = pydl.compile(lambda x: pydl.full_like(x, 2) + pydl.zeros_like(x))
    assert compiled(pydl.ones(3)).tolist() == [2.0] * 3


@pytest.mark.parametrize("arguments", [(0, 1, 5), (2, -3, 4), (1, 1, 3), (0, 10, 1), (0, 1, 0)])
@pytest.mark.parametrize("endpoint", [True, False])
def test_spaced_numbers(arguments: tuple[int, int, int], endpoint: bool) -> None:
    found = pydl.linspace(*arguments, dtype="float64", endpoint=endpoint)
    np.testing.assert_allclose(
        found.numpy(), np.linspace(*arguments, endpoint=endpoint), atol=1e-15
    )
    for base in (10.0, 2.0):
        logs = pydl.logspace(*arguments, base=base, dtype="float64", endpoint=endpoint)
        expected = np.logspace(*arguments, base=base, endpoint=endpoint)
        np.testing.assert_allclose(logs.numpy(), expected, rtol=1e-14)
    assert pydl.logspace(0, 3, 4).tolist() == [1.0, 10.0, 100.0, 1000.0]
    with pytest.raises(ValueError, match="logspace: .*negative"):
        pydl.logspace(0, 1, -1)
    with pytest.raises(TypeError, match="logspace: expected a floating-point dtype"):
        pydl.logspace(0, 1, 2, dtype="int64")
    with pytest.raises(ValueError, match="linspace: .*negative"):
        pydl.linspace(0, 1, -1, endpoint=False)


def test_arrays_of_other_libraries_are_shared_or_copied() -> None:
    array = np.arange(3.0)
    shared = pydl.from_dlpack(array, device="cpu", copy=False)
    copied = pydl.from_dlpack(array, copy=True)
    array[0] = 9
    assert shared.tolist() == [9.0, 1.0, 2.0]
    assert copied.tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(ValueError, match="from_dlpack: .*'cpu', got 'cuda'"):
        pydl.from_dlpack(array, device="cuda")
    read_only = np.zeros(2, "uint16")
    read_only.flags.writeable = False
    with pytest.raises((TypeError, BufferError)):
        pydl.from_dlpack(read_only)
