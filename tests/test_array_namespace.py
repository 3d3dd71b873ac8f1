"""pydl as a namespace of the array API standard: how other libraries find it, and devices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pydl


def test_a_tensor_knows_its_namespace() -> None:
    x = pydl.ones(2)
    assert x.__array_namespace__() is pydl
    assert x.__array_namespace__(api_version="2023.12") is pydl
    assert x.__array_namespace__(api_version=pydl.__array_api_version__) is pydl
    with pytest.raises(ValueError, match="__array_namespace__: .*2024.12, not 1999.1"):
        x.__array_namespace__(api_version="1999.1")


def test_what_the_namespace_has() -> None:
    info = pydl.__array_namespace_info__()
    assert info.devices() == [info.default_device()] == [pydl.ones(1).device]
    assert info.capabilities() == {
        "boolean indexing": True,
        "data-dependent shapes": True,
        "max dimensions": 8,
    }
    defaults = info.default_dtypes(device="cpu")
    assert defaults["real floating"] == pydl.tensor(1.0).dtype
    assert defaults["integral"] == defaults["indexing"] == pydl.arange(2).dtype
    assert info.dtypes(kind="bool") == {"bool": pydl.bool}
    assert set(info.dtypes(kind=("unsigned integer", "bool"))) == {"uint8", "bool"}
    assert info.dtypes(kind="complex floating") == {}
    assert all(getattr(pydl, name) == dtype for name, dtype in info.dtypes().items())
    with pytest.raises(ValueError, match="'cpu', not on 'cuda'"):
        info.dtypes(device="cuda")


def test_constants() -> None:
    assert (pydl.pi, pydl.e, pydl.inf) == (np.pi, np.e, np.inf)
    assert pydl.nan != pydl.nan
    assert pydl.ones(3)[pydl.newaxis].shape == (1, 3)


CREATE: dict[str, Callable[..., pydl.Tensor]] = {
    "arange": lambda **k: pydl.arange(3, **k),
    "asarray": lambda **k: pydl.asarray([1], **k),
    "astype": lambda **k: pydl.astype(pydl.ones(2), "int8", **k),
    "empty": lambda **k: pydl.empty(2, **k),
    "empty_like": lambda **k: pydl.empty_like(pydl.ones(2), **k),
    "eye": lambda **k: pydl.eye(2, **k),
    "from_dlpack": lambda **k: pydl.from_dlpack(np.ones(2), **k),
    "full": lambda **k: pydl.full((2,), 1, **k),
    "full_like": lambda **k: pydl.full_like(pydl.ones(2), 1, **k),
    "linspace": lambda **k: pydl.linspace(0, 1, 2, **k),
    "ones": lambda **k: pydl.ones((2,), **k),
    "ones_like": lambda **k: pydl.ones_like(pydl.ones(2), **k),
    "tensor": lambda **k: pydl.tensor([1], **k),
    "to_device": lambda **k: pydl.ones(2).to_device(**{"device": "cpu", **k}),
    "zeros": lambda **k: pydl.zeros(2, 3, **k),
    "zeros_like": lambda **k: pydl.zeros_like(pydl.ones(2), **k),
}


@pytest.mark.parametrize("name", CREATE)
def test_devices(name: str) -> None:
    assert CREATE[name](device="cpu").device == "cpu"
    assert CREATE[name]().device == "cpu"
    with pytest.raises(ValueError, match=f"{name}: .*'cpu', got 'cuda:0'"):
        CREATE[name](device="cuda:0")


def test_a_device_has_no_stream() -> None:
    x = pydl.ones(2)
    assert x.to_device("cpu") is x
    with pytest.raises(ValueError, match="to_device: .*no streams"):
        x.to_device("cpu", stream=1)


def test_like() -> None:
    x = pydl.ones((2, 3), dtype="int16")
    for like, value in (
        (pydl.zeros_like, 0),
        (pydl.ones_like, 1),
        (lambda x, dtype=None: pydl.full_like(x, 7, dtype), 7),
    ):
        assert like(x).dtype == "int16"
        assert like(x).tolist() == [[value] * 3] * 2
        assert like(x, dtype="float64").dtype == "float64"
    assert pydl.empty_like(x, "bool").dtype == "bool"
    with pytest.raises(OverflowError):
        pydl.full_like(x, 2**20)


@pytest.mark.parametrize("num", [0, 1, 2, 7])
def test_linspace_without_its_end(num: int) -> None:
    expected = np.linspace(-1, 3, num, endpoint=False)
    found = pydl.linspace(-1, 3, num, dtype="float64", endpoint=False)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-15, atol=1e-15)


def test_copies() -> None:
    x = pydl.ones((2, 3))
    assert x.astype("float32") is not x
    x.astype("float32").fill_(0)
    x.reshape(6)
    pydl.reshape(x, 6, copy=True).fill_(0)
    array = np.ones(3)
    pydl.from_dlpack(array, copy=True).fill_(0)
    assert x.tolist() == [[1.0] * 3] * 2
    assert array.tolist() == [1.0] * 3
    pydl.astype(x, "float32", copy=False)[0] = 2
    pydl.reshape(x, 6, copy=False)[5] = 3
    assert x.tolist() == [[2.0] * 3, [1.0, 1.0, 3.0]]
    with pytest.raises(ValueError, match="copy"):
        pydl.reshape(x.T, 6, copy=False)
    assert x.itemsize == 4
