"""Memory shared with NumPy, through the buffer protocol, and through DLPack."""

from __future__ import annotations

import gc
import io
import weakref
import zlib
from typing import Any

import numpy as np
import pytest

import pydl

# NumPy's DLPack: what it takes is read-only before 2.1, and it knows no bool before 1.25.
NUMPY = np.lib.NumpyVersion(np.__version__)

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


class Owner(np.ndarray):
    """An array that can be watched by a weak reference."""


def watched(shape: tuple[int, ...] = (4,)) -> tuple[np.ndarray, weakref.ref[Any]]:
    array = np.zeros(shape).view(Owner)
    return array, weakref.ref(array)


# --- NumPy --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_are_shared_both_ways(dtype: str) -> None:
    array = np.zeros((2, 3), dtype)
    x = pydl.from_numpy(array)
    array[0, 1] = 1
    x[1, 2] = 1
    back = x.numpy()
    assert back.dtype == array.dtype
    assert back.ctypes.data == array.ctypes.data
    assert back.tolist() == array.tolist() == x.tolist()
    assert array.sum() == 2
    back[0, 0] = 1
    assert array[0, 0] == 1


@pytest.mark.parametrize(
    "select",
    [
        lambda a: a.T,
        lambda a: a[::2],
        lambda a: a[::-1, 1:],
        lambda a: a[:, ::-2],
        lambda a: np.broadcast_to(a[0], (3, *a[0].shape)),
        lambda a: a[1, 1, ...],
        lambda a: a[2:2],
        lambda a: np.asfortranarray(a),
    ],
)
def test_views_are_shared_with_their_strides(select: Any) -> None:
    array = select(np.arange(24, dtype="int32").reshape(4, 6))
    x = pydl.asarray(array)
    assert x.shape == array.shape
    assert x.numpy().strides == array.strides
    np.testing.assert_array_equal(x.numpy(), array)
    assert x.numpy().ctypes.data == array.ctypes.data
    np.testing.assert_array_equal((x + 1).numpy(), array + 1)


def test_views_of_tensors_as_arrays() -> None:
    x = pydl.arange(12).reshape(3, 4)
    for view in (x.T, x[::-1], x[:, ::2], x[1, 1:], x[2, 3]):
        array = view.numpy()
        assert array.tolist() == view.tolist()
    x[::-1].numpy()[0, 0] = 99
    assert x[2, 0].item() == 99


def test_arrays_that_cannot_be_shared_are_copied() -> None:
    packed = np.zeros(3, np.dtype([("pad", "i1"), ("value", "f4")], align=False))
    packed["value"] = [1, 2, 3]
    foreign = np.array([1, 2, 3], "float32").astype(">f4")
    for array in (packed["value"], foreign):
        for x in (pydl.asarray(array), pydl.from_numpy(array), pydl.tensor(array)):
            assert x.tolist() == [1.0, 2.0, 3.0]
            x[0] = 9
        assert array.tolist() == [1.0, 2.0, 3.0]
        with pytest.raises(ValueError, match="copy"):
            pydl.asarray(array, copy=False)


def test_fields_of_a_structure_are_strided_views() -> None:
    pairs = np.zeros(3, np.dtype([("a", "f4"), ("b", "f4")]))
    x = pydl.asarray(pairs["b"])
    x[1] = 5
    assert x.strides == (2,)
    assert pairs["b"].tolist() == [0.0, 5.0, 0.0]


def test_read_only_arrays_stay_read_only() -> None:
    array = np.arange(3.0)
    array.flags.writeable = False
    x = pydl.asarray(array)
    with pytest.raises(ValueError, match="read-only"):
        x[0] = 1
    assert not x.numpy().flags.writeable
    assert not x[1:].numpy().flags.writeable
    copied = pydl.tensor(array)
    copied[0] = 7
    assert array[0] == 0


def test_array_protocol() -> None:
    x = pydl.tensor([1.0, 2.0])
    assert np.shares_memory(np.asarray(x), x.numpy())
    assert not np.shares_memory(np.array(x), x.numpy())
    assert np.asarray(x, dtype="int8").tolist() == [1, 2]
    with pytest.raises(ValueError, match="copy"):
        x.__array__("float64", copy=False)
    with pytest.raises(RuntimeError, match="detach"):
        np.asarray(pydl.tensor([1.0], requires_grad=True))
    np.testing.assert_allclose(pydl.tensor([0.5, 1.0]), [0.5, 1.0])
    assert np.mean(x.numpy()) == 1.5


REDUCTIONS = ["sum", "mean", "prod", "max", "min", "any", "all", "var", "std", "argmax", "argmin"]


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_of_numpy(name: str) -> None:
    function = getattr(np, name)
    array = np.array([[1.5, -2.0, 0.0], [4.0, 0.5, 3.0]])
    x = pydl.tensor(array)
    keywords: list[dict[str, Any]] = [{}, {"axis": 1}, {"axis": 0, "keepdims": True}]
    if name not in ("argmax", "argmin"):
        keywords.append({"axis": (0, 1)})
    if name in ("var", "std"):
        keywords.append({"ddof": 1})
    if name in ("sum", "mean", "prod", "var", "std"):
        keywords.append({"dtype": "float32"})
    for options in keywords:
        found, expected = function(x, **options), function(array, **options)
        assert isinstance(found, pydl.Tensor)
        assert found.dtype == np.asarray(expected).dtype
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6, err_msg=str(options))


def test_reductions_of_numpy_are_recorded() -> None:
    x = pydl.tensor([1.0, 2.0], requires_grad=True)
    np.sum(x).backward()  # type: ignore[call-overload]
    assert x.grad is not None
    assert x.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_take_no_output(name: str) -> None:
    x = pydl.tensor([1.0, 2.0])
    with pytest.raises(TypeError, match=f"{name}: expected out=None.*got a ndarray"):
        getattr(x, name)(out=np.zeros(()))
    assert getattr(x, name)(out=None).shape == ()


def test_variance_takes_one_correction() -> None:
    with pytest.raises(TypeError, match="var: expected one of correction, ddof and unbiased"):
        pydl.ones(3).var(correction=1, ddof=1)


# --- lifetime -----------------------------------------------------------------------------------


def test_a_tensor_keeps_the_array_alive() -> None:
    array, reference = watched()
    x = pydl.from_numpy(array)
    array[1] = 3
    del array
    view = x[1:]
    del x
    gc.collect()
    assert view.tolist() == [3.0, 0.0, 0.0]
    assert reference() is not None
    del view
    gc.collect()
    assert reference() is None


def test_an_array_keeps_the_tensor_alive() -> None:
    before = pydl.live_tensor_count()
    array = pydl.full((1000,), 7.0).numpy()
    tail = array[990:]
    del array
    gc.collect()
    pydl.full((1000,), 1.0)  # would reuse the memory, were it free
    assert tail.tolist() == [7.0] * 10
    assert pydl.live_tensor_count() == before + 1
    del tail
    assert pydl.live_tensor_count() == before


def test_saved_tensors_keep_the_array_alive() -> None:
    array, reference = watched()
    w = pydl.ones(4, dtype="float64").requires_grad_()
    y = (w * pydl.from_numpy(array)).sum()
    del array
    gc.collect()
    assert reference() is not None
    y.backward()
    gc.collect()
    assert reference() is None
    assert w.grad is not None
    assert w.grad.tolist() == [0.0] * 4


# --- buffer protocol ----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_memoryview(dtype: str) -> None:
    x = pydl.tensor(np.array([[0, 1, 1], [1, 0, 0]], dtype))
    view = memoryview(x)
    assert (view.shape, view.itemsize, view.nbytes) == (x.shape, x.dtype.itemsize, x.nbytes)
    assert view.strides == tuple(s * x.dtype.itemsize for s in x.strides)
    assert not view.readonly
    if dtype != "float16":  # which Python 3.11 cannot unpack
        assert view.tolist() == x.tolist()
    x[0, 0] = 1
    assert np.frombuffer(view, dtype)[0] == 1
    assert np.asarray(view).tolist() == x.tolist()


def test_memoryview_of_views_and_lifetime() -> None:
    before = pydl.live_tensor_count()
    x = pydl.arange(6).reshape(2, 3)
    transposed = memoryview(x.T)
    assert transposed.tolist() == [[0, 3], [1, 4], [2, 5]]
    assert not transposed.c_contiguous
    assert memoryview(x[1, 2]).tolist() == 5
    with pytest.raises(BufferError, match="contiguous"):
        zlib.crc32(x.T)
    assert zlib.crc32(x) == zlib.crc32(x.numpy())
    del x
    gc.collect()
    assert transposed[2, 1] == 5
    transposed.release()
    gc.collect()
    assert pydl.live_tensor_count() == before


def test_refused_buffers() -> None:
    array = np.arange(3.0)
    array.flags.writeable = False
    x = pydl.from_numpy(array)
    assert memoryview(x).readonly
    with pytest.raises((BufferError, TypeError), match=r"read-only|read-write"):
        io.BytesIO(bytes(24)).readinto(x)
    assert x.tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(BufferError, match="detach"):
        memoryview(pydl.zeros(2).requires_grad_())
    with pytest.raises(BufferError, match="bfloat16"):
        memoryview(pydl.zeros(2, dtype="bfloat16"))


# --- DLPack -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_dlpack_with_numpy(dtype: str) -> None:
    if dtype == "bool" and NUMPY < "1.25.0":
        pytest.skip("this NumPy has no bool in DLPack")
    x = pydl.tensor(np.array([[0, 1], [1, 0]], dtype)).T
    array = np.from_dlpack(x)
    assert (array.dtype, array.tolist()) == (np.dtype(dtype), x.tolist())
    x[0, 0] = 1
    assert array[0, 0] == 1
    back = pydl.from_dlpack(array)
    assert (back.dtype, back.strides) == (dtype, x.strides)
    x[1, 1] = 1
    assert back[1, 1].item() == 1
    if NUMPY >= "2.1.0":
        back[0, 1] = 0
        assert x[0, 1].item() == 0
    assert x.__dlpack_device__() == (1, 0)


def test_dlpack_lifetime() -> None:
    before = pydl.live_tensor_count()
    array = np.from_dlpack(pydl.full((3,), 5.0))
    gc.collect()
    assert array.tolist() == [5.0] * 3
    x = pydl.from_dlpack(array)
    del array
    gc.collect()
    assert x.tolist() == [5.0] * 3
    unused = x.__dlpack__(max_version=(1, 0))
    del x, unused
    gc.collect()
    assert pydl.live_tensor_count() == before


@pytest.mark.parametrize("version", [None, (0, 8), (1, 0), (1, 1)])
def test_dlpack_capsules_are_used_once(version: tuple[int, int] | None) -> None:
    capsule = pydl.ones(2).__dlpack__(max_version=version)
    assert pydl.from_dlpack(capsule).tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="already been used"):
        pydl.from_dlpack(capsule)


def test_dlpack_refusals() -> None:
    x = pydl.ones(2)
    with pytest.raises(BufferError, match="detach"):
        np.from_dlpack(x.copy().requires_grad_())
    with pytest.raises(BufferError, match="CPU"):
        x.__dlpack__(dl_device=(2, 0))
    with pytest.raises(TypeError, match="complex|code"):
        pydl.from_dlpack(np.zeros(2, complex))
    with pytest.raises(TypeError, match="list"):
        pydl.from_dlpack([1, 2])
    with pytest.raises(ValueError, match="at most 8 axes"):
        pydl.from_dlpack(np.zeros((1,) * 9))


def test_dlpack_of_read_only_memory() -> None:
    array = np.zeros(2)
    array.flags.writeable = False
    frozen = pydl.from_dlpack(array)
    with pytest.raises(ValueError, match="read-only"):
        frozen[0] = 1
    if NUMPY >= "2.1.0":
        assert not np.from_dlpack(frozen).flags.writeable
    # Before version 1 the protocol could not say so.
    with pytest.raises(BufferError, match="read-only"):
        frozen.__dlpack__()
    copied = pydl.from_dlpack(frozen.__dlpack__(copy=True))
    copied[0] = 1
    assert array[0] == 0


class OldProducer:
    """A library from before version 1 of DLPack."""

    def __init__(self, tensor: pydl.Tensor) -> None:
        self.tensor = tensor

    def __dlpack__(self) -> object:
        return self.tensor.__dlpack__()


def test_dlpack_from_before_version_1() -> None:
    x = pydl.zeros(2)
    y = pydl.from_dlpack(OldProducer(x))
    y[1] = 4
    assert x.tolist() == [0.0, 4.0]


def test_refused_dlpack_leaves_nothing_behind() -> None:
    array, reference = watched((1,) * 9)
    with pytest.raises(ValueError, match="axes"):
        pydl.from_dlpack(array)
    del array
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("dtype", [*DTYPES, "bfloat16"])
def test_dlpack_with_torch(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    x = pydl.arange(6).reshape(2, 3).astype("float32").astype(dtype)[:, ::2]
    shared = torch.from_dlpack(x)
    assert str(shared.dtype) == f"torch.{dtype}"
    assert shared.tolist() == x.tolist()
    x[0, 0] = 1
    assert shared[0, 0].item() == 1
    back = pydl.from_dlpack(shared.T)
    assert (back.dtype, back.shape) == (dtype, (2, 2))
    shared[0, 1] = 0
    assert back.tolist() == x.T.tolist()


def test_torch_memory_lives_as_long_as_the_tensor() -> None:
    torch = pytest.importorskip("torch")
    x = pydl.from_dlpack(torch.full((1000,), 3.0))
    gc.collect()
    assert x.sum().item() == 3000.0
