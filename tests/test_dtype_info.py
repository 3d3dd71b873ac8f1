"""finfo, iinfo, isdtype, can_cast and result_type."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import pydl

INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]
REALS = ["float16", "float32", "float64"]
NAMES = ["bool", *INTEGERS, "float16", "bfloat16", "float32", "float64"]


@pytest.mark.parametrize("name", REALS)
def test_finfo_is_that_of_numpy(name: str) -> None:
    ours, numpys = pydl.finfo(name), np.finfo(name)
    for field in ("bits", "eps", "max", "min", "tiny", "smallest_normal", "resolution"):
        expected = float(getattr(numpys, field))
        np.testing.assert_allclose(
            getattr(ours, field), expected, rtol=1e-3 if field == "resolution" else 0
        )
    assert ours.dtype == name
    assert repr(ours).startswith(f"finfo(dtype={name}, bits=")


def test_finfo_of_bfloat16_and_of_a_tensor() -> None:
    found = pydl.finfo(pydl.ones(2, dtype="bfloat16"))
    assert (found.bits, found.eps, found.smallest_normal) == (16, 2.0**-7, 2.0**-126)
    assert pydl.tensor(found.max, dtype="bfloat16").item() == found.max
    assert pydl.tensor(1.0 + found.eps, dtype="bfloat16").item() > 1
    with pytest.raises(TypeError, match="finfo: expected a floating-point dtype, got int8"):
        pydl.finfo("int8")
    with pytest.raises(TypeError, match="finfo: expected a dtype or a tensor, got 'complex64'"):
        pydl.finfo("complex64")


@pytest.mark.parametrize("name", INTEGERS)
def test_iinfo_is_that_of_numpy(name: str) -> None:
    ours, numpys = pydl.iinfo(name), np.iinfo(name)
    assert (ours.bits, ours.min, ours.max) == (numpys.bits, numpys.min, numpys.max)
    assert ours.dtype == name
    assert repr(ours) == f"iinfo(dtype={name}, bits={ours.bits}, max={ours.max}, min={ours.min})"
    with pytest.raises(TypeError, match="iinfo: expected an integer dtype, got bool; use finfo"):
        pydl.iinfo(pydl.tensor(True))


def test_kinds() -> None:
    kinds = {
        "bool": ["bool"],
        "signed integer": ["int8", "int16", "int32", "int64"],
        "unsigned integer": ["uint8"],
        "integral": INTEGERS,
        "real floating": [*REALS, "bfloat16"],
        "complex floating": [],
        "numeric": [*INTEGERS, *REALS, "bfloat16"],
    }
    for name, (kind, members) in itertools.product(NAMES, kinds.items()):
        assert pydl.isdtype(name, kind) == (name in members), (name, kind)
        assert pydl.isdtype(getattr(pydl, name), ("float32", kind)) == (
            name in [*members, "float32"]
        )
        assert pydl.isdtype(name, pydl.int8) == (name == "int8")
    with pytest.raises(ValueError, match="isdtype: expected a dtype or .*'numeric'"):
        pydl.isdtype("int8", "number")


def test_casts_that_promotion_makes() -> None:
    for a, b in itertools.product([*INTEGERS, *REALS], repeat=2):
        if (a in INTEGERS) == (b in INTEGERS):
            assert pydl.can_cast(a, b) == np.can_cast(a, b), (a, b)
    assert pydl.can_cast("bool", "int8")
    assert not pydl.can_cast(pydl.ones(2), "int8")
    assert not pydl.can_cast("float16", "bfloat16")


@pytest.mark.parametrize("name", NAMES)
def test_results_have_the_dtype_that_is_told(name: str) -> None:
    x = pydl.ones(2, dtype=name)
    for other in NAMES:
        y = pydl.ones(2, dtype=other)
        assert (
            pydl.result_type(x, other) == pydl.result_type(name, y) == pydl.where(x > 0, x, y).dtype
        )
    for number in (True, 2, 2.5, np.float64(2), np.int8(1)):
        told = pydl.result_type(number, x)
        assert told == pydl.where(x > 0, x, number).dtype, number


def test_dtypes_of_numbers_alone() -> None:
    assert pydl.result_type(True) == "bool"
    assert pydl.result_type(True, 2) == "int64"
    assert pydl.result_type(1, 2.0) == "float32"
    assert pydl.result_type(np.zeros(2, "int16"), 3) == "int16"
    arguments: list[Any]
    for arguments, message in (
        ([], "at least one"),
        ([1j], "real number"),
        ([["a"]], "dtype or a tensor"),
    ):
        with pytest.raises((TypeError, ValueError), match=f"result_type: .*{message}"):
            pydl.result_type(*arguments)
