"""Products whose second factor is not packed.

They have few rows and a large second factor, or few results of many terms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from ops.table import Array

import pydl

Product = Callable[[], pydl.Tensor]

# Per term, relative to the sum of the magnitudes of the terms.
EPSILON = {"float32": 2e-6, "float64": 1e-14}
# Rows, terms, columns: also columns that are not a multiple of a panel, which has two vectors, and
# terms that are not a multiple of a block.
FEW_ROWS = (
    (5, 700, 800),
    (14, 1030, 520),
    (33, 193, 3000),
    (64, 1000, 530),
    (29, 383, 1500),
    (130, 300, 700),
    (256, 193, 800),
)
FEW_RESULTS = (
    (192, 3100, 14),
    (128, 4100, 64),
    (64, 1537, 32),
    (14, 3300, 192),
    (100, 2000, 100),
    (256, 4097, 33),
    (7, 5000, 3),
    (96, 2500, 1),
    (33, 3000, 97),
    (512, 1300, 96),
    (1000, 1100, 130),
    (130, 1100, 1000),
    (510, 700, 512),
)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng()


@pytest.fixture
def threads() -> Iterator[None]:
    before = pydl.get_num_threads()
    yield
    pydl.set_num_threads(before)


def columns_contiguous(x: Array) -> pydl.Tensor:
    return pydl.tensor(x.T.copy()).mT


def part_of_wider_columns(x: Array) -> pydl.Tensor:
    around = np.full((x.shape[1], x.shape[0] + 9), np.nan, x.dtype)
    around[:, 4:-5] = x.T
    return pydl.tensor(around).mT[4:-5]


def part_of_wider_rows(x: Array) -> pydl.Tensor:
    around = np.full((x.shape[0], x.shape[1] + 7), np.nan, x.dtype)
    around[:, 3:-4] = x
    return pydl.tensor(around)[:, 3:-4]


LEFT = (pydl.tensor, columns_contiguous, part_of_wider_columns)
RIGHT = (pydl.tensor, part_of_wider_rows)


def check(a: Array, b: Array, multiply: Callable[[pydl.Tensor, pydl.Tensor], pydl.Tensor]) -> None:
    right = a.astype(np.longdouble) @ b.astype(np.longdouble)
    allowed = EPSILON[str(a.dtype)] * (np.abs(a) @ np.abs(b))
    for left in LEFT:
        for lay_out in RIGHT:
            found = [np.asarray(multiply(left(a), lay_out(b)))]
            usual = pydl.get_num_threads()
            for count in (1, 3):
                pydl.set_num_threads(count)
                found.append(np.asarray(multiply(left(a), lay_out(b))))
            pydl.set_num_threads(usual)
            assert (np.abs(found[0] - right) <= allowed).all(), (left.__name__, lay_out.__name__)
            assert all(np.array_equal(found[0], other) for other in found[1:])


@pytest.mark.parametrize("dtype", EPSILON)
@pytest.mark.parametrize("shape", (*FEW_ROWS, *FEW_RESULTS), ids=str)
def test_products(
    shape: tuple[int, int, int], dtype: str, rng: np.random.Generator, threads: None
) -> None:
    rows, terms, columns = shape
    a = rng.standard_normal((rows, terms)).astype(dtype)
    b = rng.standard_normal((terms, columns)).astype(dtype)
    check(a, b, pydl.matmul)


@pytest.mark.parametrize("shape", FEW_RESULTS[:3], ids=str)
def test_batches(shape: tuple[int, int, int], rng: np.random.Generator) -> None:
    rows, terms, columns = shape
    a = rng.standard_normal((3, terms, rows)).astype(np.float32)
    b = rng.standard_normal((3, terms, columns)).astype(np.float32)
    found = np.asarray(pydl.tensor(a).mT @ pydl.tensor(b))
    right = np.swapaxes(a, 1, 2).astype(np.float64) @ b.astype(np.float64)
    allowed = EPSILON["float32"] * (np.abs(np.swapaxes(a, 1, 2)) @ np.abs(b))
    assert (np.abs(found - right) <= allowed).all()


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_infinities_and_nan_reach_their_own_row_only(
    value: float, rng: np.random.Generator
) -> None:
    for rows, terms, columns in (FEW_ROWS[0], FEW_RESULTS[0], FEW_RESULTS[1]):
        a = rng.standard_normal((terms, rows)).astype(np.float32)
        b = rng.standard_normal((terms, columns)).astype(np.float32)
        a[terms // 2, 1] = value
        found = np.asarray(pydl.tensor(a).mT @ pydl.tensor(b))
        assert not np.isfinite(found[1]).any()
        assert np.isfinite(np.delete(found, 1, axis=0)).all()
