"""Options for how tensors are written."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import pydl


@pytest.fixture(autouse=True)
def standard() -> Iterator[None]:
    yield
    pydl.set_printoptions(profile="default")
    assert pydl.get_printoptions() == {
        "precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None,
    }  # fmt: skip


def test_precision() -> None:
    x = pydl.tensor([1 / 3, 2.0], dtype="float64")
    pydl.set_printoptions(precision=2)
    assert repr(x) == str(x) == f"{x}" == "tensor([0.33, 2.00], dtype=float64)"
    pydl.set_printoptions(precision=12)
    assert repr(x) == "tensor([0.333333333333, 2.000000000000], dtype=float64)"
    pydl.set_printoptions(precision=0)
    assert repr(pydl.tensor([0.75, 2.25])) == "tensor([1, 2], dtype=float32)"


def test_exponents() -> None:
    x = pydl.tensor([1.0, 250.0])
    with pydl.printoptions(sci_mode=True):
        assert repr(x) == "tensor([1.0000e+00, 2.5000e+02], dtype=float32)"
        assert repr(pydl.tensor([1, 2])) == "tensor([1, 2], dtype=int64)"
    y = pydl.tensor([1e-10, 1.0])
    with pydl.printoptions(sci_mode=False):
        assert repr(y) == "tensor([0.0000, 1.0000], dtype=float32)"
        assert repr(pydl.tensor([1e300], dtype="float64")).startswith(
            "tensor([1000000000000000052504"
        )
        assert repr(pydl.tensor([1e300, 0.5], dtype="float64")).endswith(".5000], dtype=float64)")
    assert "e-10" in repr(y)


def test_abbreviation() -> None:
    x = pydl.arange(12).reshape(2, 6)
    pydl.set_printoptions(threshold=5, edgeitems=1)
    assert repr(x) == "tensor([[ 0, ...,  5],\n        [ 6, ..., 11]], dtype=int64)"
    pydl.set_printoptions(edgeitems=0)
    assert repr(x) == "tensor([...], dtype=int64)"
    for everything in (np.inf, 2**63 - 1, 12):
        pydl.set_printoptions(threshold=everything)
        assert "..." not in repr(x)
    pydl.set_printoptions(profile="full")
    assert "..." not in repr(pydl.zeros(2000))
    pydl.set_printoptions(profile="short")
    assert repr(pydl.tensor([1 / 3])) == "tensor([0.33], dtype=float32)"
    pydl.set_printoptions(profile="short", precision=3)
    assert repr(pydl.tensor([1 / 3])) == "tensor([0.333], dtype=float32)"


def test_long_rows_go_on_in_the_next_line() -> None:
    x = pydl.arange(30)
    lines = repr(x).splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= 80
    assert lines[0].endswith(" 17,")
    assert lines[1].startswith("        18, ")
    pydl.set_printoptions(linewidth=30)
    assert repr(pydl.arange(8).reshape(2, 4) + 100) == (
        "tensor([[100, 101, 102, 103],\n        [104, 105, 106, 107]], dtype=int64)"
    )
    pydl.set_printoptions(linewidth=20)
    assert repr(pydl.arange(8).reshape(2, 4) + 100) == (
        "tensor([[100, 101,\n         102, 103],\n        [104, 105,\n         106, 107]], "
        "dtype=int64)"
    )
    pydl.set_printoptions(linewidth=0)
    assert repr(pydl.arange(2)) == "tensor([0,\n        1], dtype=int64)"
    pydl.set_printoptions(linewidth=10**9)
    assert len(repr(x).splitlines()) == 1


def test_scopes_end_where_they_began() -> None:
    pydl.set_printoptions(precision=3)
    with pydl.printoptions(precision=1, linewidth=20):
        with pydl.printoptions(edgeitems=7):
            assert pydl.get_printoptions()["precision"] == 1
            assert pydl.get_printoptions()["edgeitems"] == 7
        assert pydl.get_printoptions()["edgeitems"] == 3
    assert pydl.get_printoptions()["precision"] == 3
    assert pydl.get_printoptions()["linewidth"] == 80

    @pydl.printoptions(precision=1)
    def written() -> str:
        return str(pydl.tensor([0.25]))

    assert written() == written() == "tensor([0.2], dtype=float32)"
    with pytest.raises(ZeroDivisionError), pydl.printoptions(precision=1):
        raise ZeroDivisionError
    assert pydl.get_printoptions()["precision"] == 3


def test_refused_options() -> None:
    before = pydl.get_printoptions()
    with pytest.raises(ValueError, match="set_printoptions: expected a precision from 0 to 30"):
        pydl.set_printoptions(precision=-1)
    with pytest.raises(ValueError, match="precision"):
        pydl.set_printoptions(precision=31)
    for name in ("threshold", "edgeitems", "linewidth"):
        with pytest.raises(ValueError, match="set_printoptions: expected numbers >= 0"):
            pydl.set_printoptions(**{name: -1})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'default', 'short' or 'full', got 'long'"):
        pydl.set_printoptions(profile="long")
    with pytest.raises(ValueError, match="nan"):
        pydl.set_printoptions(threshold=float("nan"))
    with pytest.raises(ValueError, match="precision"), pydl.printoptions(precision=99):
        pass
    with pytest.raises(TypeError, match="precision"):
        pydl.set_printoptions("a")  # type: ignore[arg-type]
    assert pydl.get_printoptions() == before
