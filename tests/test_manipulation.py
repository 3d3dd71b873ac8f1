"""Functions that rearrange, join and divide tensors, against NumPy."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import pydl
from pydl.testing import check_gradients

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Case:
    """A function of tensors, the same of arrays, and the shapes of its arguments."""

    call: Callable[..., Any]
    reference: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    is_view: bool = False


def case(call: Any, reference: Any, *shapes: tuple[int, ...], is_view: bool = False) -> Case:
    return Case(call, reference, shapes, is_view)


def unflatten(x: Array, axis: int, sizes: tuple[int, ...]) -> Array:
    axis %= x.ndim
    return x.reshape(x.shape[:axis] + sizes + x.shape[axis + 1 :])


def block_diag(*blocks: Array) -> Array:
    blocks = tuple(np.atleast_2d(b) for b in blocks)
    rows = [b.shape[0] for b in blocks]
    columns = [b.shape[1] for b in blocks]
    result = np.zeros((sum(rows), sum(columns)))
    for i, b in enumerate(blocks):
        row, column = sum(rows[:i]), sum(columns[:i])
        result[row : row + rows[i], column : column + columns[i]] = b
    return result


def diag_embed(x: Array, offset: int = 0, axis1: int = -2, axis2: int = -1) -> Array:
    size = x.shape[-1] + abs(offset)
    result = np.zeros((*x.shape[:-1], size, size))
    for i in range(x.shape[-1]):
        result[..., i + max(-offset, 0), i + max(offset, 0)] = x[..., i]
    return np.moveaxis(result, (-2, -1), (axis1, axis2))


def chunk(x: Array, chunks: int, axis: int) -> list[Array]:
    size = -(-x.shape[axis] // chunks)
    return np.split(x, range(size, x.shape[axis], size), axis) if size else [x] * chunks


def im2col(
    x: Array, kernel: tuple[int, int], dilation: int = 1, padding: int = 0, stride: int = 1
) -> Array:
    margin = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    x = np.pad(x, margin)
    reach = [dilation * (k - 1) + 1 for k in kernel]
    windows = sliding_window_view(x, reach, (2, 3))[:, :, ::stride, ::stride]
    windows = windows[..., ::dilation, ::dilation].transpose(0, 1, 4, 5, 2, 3)
    n, c, kh, kw, h, w = windows.shape
    return windows.reshape(n, c * kh * kw, h * w)


def col2im(x: Array, size: tuple[int, int], kernel: tuple[int, int], **options: int) -> Array:
    """The transpose of `im2col`, as a matrix."""
    channels = x.shape[1] // (kernel[0] * kernel[1])
    count = channels * size[0] * size[1]
    units = np.eye(count).reshape(count, channels, *size)
    matrix = im2col(units, kernel, **options).reshape(count, -1)
    return (x.reshape(len(x), -1) @ matrix.T).reshape(len(x), channels, *size)


F = pydl.nn.functional
M = (3, 4)
CASES: dict[str, Case] = {
    "hstack": case(lambda *x: pydl.hstack(x), lambda *x: np.hstack(x), (2, 3), (2, 1)),
    "hstack of vectors": case(lambda *x: pydl.hstack(x), lambda *x: np.hstack(x), (3,), (), (0,)),
    "vstack": case(lambda *x: pydl.vstack(x), lambda *x: np.vstack(x), (3,), (2, 3), (0, 3)),
    "dstack": case(lambda *x: pydl.dstack(x), lambda *x: np.dstack(x), (2, 3), (2, 3), (2, 3, 2)),
    "dstack of vectors": case(lambda *x: pydl.dstack(x), lambda *x: np.dstack(x), (3,), (3,)),
    "column_stack": case(
        lambda *x: pydl.column_stack(x), lambda *x: np.column_stack(x), (2,), (2, 3)
    ),
    "concatenate": case(lambda *x: pydl.concatenate(x, 1), lambda *x: np.concatenate(x, 1), M, M),
    "cat": case(lambda *x: pydl.cat(x), lambda *x: np.concatenate(x), M, M),
    "block_diag": case(pydl.block_diag, block_diag, (2, 3), (2,), (), (0, 2), (1, 0)),
    "broadcast_arrays": case(
        pydl.broadcast_arrays, np.broadcast_arrays, (3, 1), (4,), (), is_view=True
    ),
    "broadcast_tensors": case(pydl.broadcast_tensors, np.broadcast_arrays, (0, 1), (4,)),
    "meshgrid": case(pydl.meshgrid, np.meshgrid, (3,), (2,), (4,), is_view=True),
    "meshgrid ij": case(
        lambda *x: pydl.meshgrid(*x, indexing="ij"),
        lambda *x: np.meshgrid(*x, indexing="ij"),
        (3,), (2,), (0,),
    ),
    "meshgrid of one": case(pydl.meshgrid, np.meshgrid, (3,)),
    "meshgrid of a number": case(pydl.meshgrid, np.meshgrid, (3,), ()),
    "cartesian_prod": case(
        pydl.cartesian_prod, lambda *x: np.array(list(itertools.product(*x))), (3,), (2,), (2,)
    ),
    "combinations": case(
        lambda x: pydl.combinations(x, 3),
        lambda x: np.array(list(itertools.combinations(x, 3))),
        (5,),
    ),
    "combinations with replacement": case(
        lambda x: pydl.combinations(x, 2, with_replacement=True),
        lambda x: np.array(list(itertools.combinations_with_replacement(x, 2))),
        (4,),
    ),
    "array_split": case(
        lambda x: pydl.array_split(x, 3, 1), lambda x: np.array_split(x, 3, 1), (2, 8),
        is_view=True,
    ),
    "array_split into many": case(
        lambda x: pydl.array_split(x, 5), lambda x: np.array_split(x, 5), (3,)
    ),
    "tensor_split": case(
        lambda x: x.tensor_split([1, 3, 2, -1, 99], axis=1),
        lambda x: np.array_split(x, [1, 3, 2, -1, 99], 1),
        (2, 5), is_view=True,
    ),
    "split": case(lambda x: x.split(2, 1), lambda x: np.split(x, 2, 1), M, is_view=True),
    "hsplit": case(lambda x: pydl.hsplit(x, 2), lambda x: np.hsplit(x, 2), M),
    "hsplit of a vector": case(lambda x: pydl.hsplit(x, [1]), lambda x: np.hsplit(x, [1]), (3,)),
    "vsplit": case(lambda x: pydl.vsplit(x, [1, 2]), lambda x: np.vsplit(x, [1, 2]), M),
    "dsplit": case(lambda x: pydl.dsplit(x, 2), lambda x: np.dsplit(x, 2), (1, 2, 4)),
    "chunk": case(lambda x: x.chunk(3, 1), lambda x: chunk(x, 3, 1), (2, 7), is_view=True),
    "chunk into fewer": case(lambda x: pydl.chunk(x, 4), lambda x: chunk(x, 4, 0), (6,)),
    "chunk of nothing": case(lambda x: pydl.chunk(x, 2), lambda x: chunk(x, 2, 0), (0, 2)),
    "unbind": case(lambda x: x.unbind(1), lambda x: tuple(np.moveaxis(x, 1, 0)), M, is_view=True),
    "unstack": case(lambda x: pydl.unstack(x, axis=-1), lambda x: tuple(np.moveaxis(x, -1, 0)), M),
    "fliplr": case(pydl.fliplr, np.fliplr, M, is_view=True),
    "flipud": case(pydl.flipud, np.flipud, M, is_view=True),
    "flip": case(lambda x: x.flip(0, -1), lambda x: np.flip(x, (0, -1)), (2, 3, 4), is_view=True),
    "roll": case(lambda x: pydl.roll(x, 2), lambda x: np.roll(x, 2), M),
    "roll backwards": case(lambda x: x.roll(-5, 1), lambda x: np.roll(x, -5, 1), M),
    "roll axes": case(
        lambda x: pydl.roll(x, (1, -2), (0, 1)), lambda x: np.roll(x, (1, -2), (0, 1)), M
    ),
    "roll an axis twice": case(
        lambda x: pydl.roll(x, (1, 1, 3), (0, 0, 1)), lambda x: np.roll(x, (1, 1, 3), (0, 0, 1)), M
    ),
    "roll all alike": case(
        lambda x: pydl.roll(x, 1, (0, 1)), lambda x: np.roll(x, 1, (0, 1)), M
    ),
    "roll far": case(lambda x: pydl.roll(x, -(2**63), 0), lambda x: np.roll(x, -(2**63) % 3, 0), M),
    "roll no axes": case(lambda x: pydl.roll(x, 1, ()), lambda x: x, M),
    "roll by nothing": case(lambda x: pydl.roll(x, (), 0), lambda x: x, M),
    "roll of nothing": case(lambda x: pydl.roll(x, 3, 0), lambda x: np.roll(x, 3, 0), (0, 2)),
    "roll of a number": case(lambda x: pydl.roll(x, 3), lambda x: np.roll(x, 3), ()),
    **{
        f"rot90 {k} {axes}": case(
            lambda x, k=k, axes=axes: pydl.rot90(x, k, axes),
            lambda x, k=k, axes=axes: np.rot90(x, k, axes),
            (2, 3, 4), is_view=True,
        )
        for k in (-1, 0, 1, 2, 7)
        for axes in ((0, 1), (2, 1))
    },
    "tile": case(lambda x: pydl.tile(x, (2, 3)), lambda x: np.tile(x, (2, 3)), M),
    "tile more axes": case(lambda x: x.tile(2, 1, 3), lambda x: np.tile(x, (2, 1, 3)), M),
    "tile fewer axes": case(lambda x: pydl.tile(x, 2), lambda x: np.tile(x, 2), M),
    "tile none": case(lambda x: pydl.tile(x, (0, 2)), lambda x: np.tile(x, (0, 2)), M),
    "tile 6 axes": case(
        lambda x: pydl.tile(x, (2,) * 6), lambda x: np.tile(x, (2,) * 6), (1, 2, 1, 2, 1, 2)
    ),
    "Tensor.repeat": case(lambda x: x.repeat(2, 1, 2), lambda x: np.tile(x, (2, 1, 2)), M),
    "repeat": case(lambda x: pydl.repeat(x, 2), lambda x: np.repeat(x, 2), M),
    "repeat along": case(lambda x: pydl.repeat(x, 3, -1), lambda x: np.repeat(x, 3, -1), M),
    "repeat 8 axes": case(
        lambda x: pydl.repeat(x, 2, 3), lambda x: np.repeat(x, 2, 3), (1, 2, 1, 2, 1, 1, 1, 2)
    ),
    "repeat by counts": case(
        lambda x: pydl.repeat(x, [2, 0, 3], axis=0), lambda x: np.repeat(x, [2, 0, 3], 0), M
    ),
    "repeat_interleave": case(
        lambda x: x.repeat_interleave([1, 2, 0, 1], 1), lambda x: np.repeat(x, [1, 2, 0, 1], 1), M
    ),
    "repeat by one count": case(lambda x: pydl.repeat(x, [2], 1), lambda x: np.repeat(x, 2, 1), M),
    "moveaxis": case(
        lambda x: x.moveaxis((0, -1), (2, 0)), lambda x: np.moveaxis(x, (0, -1), (2, 0)),
        (2, 3, 4, 5), is_view=True,
    ),
    "movedim": case(lambda x: pydl.movedim(x, 0, 1), lambda x: np.moveaxis(x, 0, 1), M),
    "swapaxes": case(
        lambda x: x.swapaxes(0, -1), lambda x: x.swapaxes(0, -1), (2, 3, 4), is_view=True
    ),
    "transpose of two": case(
        lambda x: x.transpose(1, -1), lambda x: x.swapaxes(1, -1), (2, 3, 4), is_view=True
    ),
    "transpose": case(lambda x: x.transpose(), lambda x: x.T, (2, 3, 4), is_view=True),
    "transpose to an order": case(
        lambda x: pydl.transpose(x, (0, 1)), lambda x: np.transpose(x, (0, 1)), M
    ),
    "transpose to axes": case(
        lambda x: x.transpose(2, 0, 1), lambda x: x.transpose(2, 0, 1), (2, 3, 4)
    ),
    "t": case(lambda x: x.t(), lambda x: x.T, M, is_view=True),
    "t of a vector": case(lambda x: x.t(), lambda x: x, (3,)),
    "unsqueeze": case(lambda x: x.unsqueeze(-1), lambda x: x[..., None], M, is_view=True),
    "unflatten": case(
        lambda x: x.unflatten(1, (2, -1, 3)), lambda x: unflatten(x, 1, (2, 2, 3)), (2, 12, 2),
        is_view=True,
    ),
    "ravel": case(lambda x: x.ravel(), np.ravel, M, is_view=True),
    "ravel of nothing": case(pydl.ravel, np.ravel, (2, 0)),
    "narrow": case(lambda x: x.narrow(1, -3, 2), lambda x: x[:, 1:3], M, is_view=True),
    "select": case(lambda x: x.select(-1, -2), lambda x: x[..., -2], M, is_view=True),
    "sliding_window_view": case(
        lambda x: pydl.sliding_window_view(x, (2, 3)), lambda x: sliding_window_view(x, (2, 3)),
        (4, 5), is_view=True,
    ),
    "sliding_window_view of an axis": case(
        lambda x: pydl.sliding_window_view(x, 2, axis=0),
        lambda x: sliding_window_view(x, 2, axis=0),
        (4, 3),
    ),
    "sliding_window_view twice": case(
        lambda x: pydl.sliding_window_view(x, (2, 2), axis=(1, 1)),
        lambda x: sliding_window_view(x, (2, 2), axis=(1, 1)),
        (2, 6),
    ),
    "Tensor.unfold": case(
        lambda x: x.unfold(0, 2, 1), lambda x: sliding_window_view(x, 2), (5,), is_view=True
    ),
    **{
        f"atleast_{n}d {shape}": case(
            getattr(pydl, f"atleast_{n}d"), getattr(np, f"atleast_{n}d"), shape, is_view=True
        )
        for n in (1, 2, 3)
        for shape in ((), (3,), (2, 3), (2, 1, 3), (1, 2, 1, 2))
    },
    "view_as": case(lambda x, y: x.view_as(y), lambda x, y: x.reshape(y.shape), M, (2, 6)),
    "reshape_as": case(lambda x, y: x.reshape_as(y), lambda x, y: x.reshape(y.shape), M, (12,)),
    "expand_as": case(
        lambda x, y: x.expand_as(y), lambda x, y: np.broadcast_to(x, y.shape), (4,), M
    ),
    **{
        f"{name} {k}": case(
            lambda x, k=k, name=name: getattr(pydl, name)(x, k),
            lambda x, k=k, name=name: getattr(np, name)(x, max(min(k, 9), -9)),
            (2, 3, 5),
        )
        for name in ("tril", "triu")
        for k in (-(2**63), -3, -1, 0, 2, 5, 2**63 - 1)
    },
    "diag of a vector": case(lambda x: pydl.diag(x, -1), lambda x: np.diag(x, -1), (3,)),
    "diag of a matrix": case(lambda x: x.diag(1), lambda x: np.diag(x, 1), M, is_view=True),
    "diagflat": case(lambda x: pydl.diagflat(x, 2), lambda x: np.diagflat(x, 2), (2, 2)),
    "diagflat of a number": case(pydl.diagflat, np.diagflat, ()),
    "diag_embed": case(pydl.diag_embed, diag_embed, (2, 3)),
    "diag_embed axes": case(
        lambda x: pydl.diag_embed(x, -2, 0, 2), lambda x: diag_embed(x, -2, 0, 2), (2, 3)
    ),
    "diag_embed of nothing": case(
        lambda x: pydl.diag_embed(x, 1), lambda x: diag_embed(x, 1), (2, 0)
    ),
    "unfold": case(lambda x: F.unfold(x, (2, 3)), lambda x: im2col(x, (2, 3)), (2, 3, 4, 5)),
    "unfold with all options": case(
        lambda x: F.unfold(x, (2, 3), dilation=2, padding=1, stride=2),
        lambda x: im2col(x, (2, 3), 2, 1, 2),
        (1, 2, 5, 6),
    ),
    "fold": case(
        lambda x: F.fold(x, (4, 5), (2, 3)), lambda x: col2im(x, (4, 5), (2, 3)), (2, 12, 9)
    ),
    "fold of windows that are far apart": case(
        lambda x: F.fold(x, (7, 8), (2, 3), padding=1, stride=3),
        lambda x: col2im(x, (7, 8), (2, 3), padding=1, stride=3),
        (2, 12, 9),
    ),
    "fold with all options": case(
        lambda x: F.fold(x, (5, 6), (2, 3), dilation=2, padding=1, stride=2),
        lambda x: col2im(x, (5, 6), (2, 3), dilation=2, padding=1, stride=2),
        (1, 12, 6),
    ),
    **{
        f"pad {mode} {width}": case(
            lambda x, mode=mode, width=width: pydl.pad(x, width, mode),
            lambda x, mode=mode, width=width: np.pad(x, width, mode),
            M,
        )
        for mode in ("constant", "edge", "reflect", "symmetric", "wrap")
        for width in (0, 1, (2, 1), ((1, 0), (0, 3)))
    },
    "pad with a value": case(
        lambda x: pydl.pad(x, 1, constant_values=7), lambda x: np.pad(x, 1, constant_values=7), M
    ),
    "pad a number": case(lambda x: pydl.pad(x, ()), lambda x: x, ()),
}  # fmt: skip


def arrays_of(this: Case, seed: int = 0) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(shape)) for shape in this.shapes]


def assert_equal(results: Any, expected: Any) -> None:
    if isinstance(results, (list, tuple)):
        assert len(results) == len(expected)
        for result, array in zip(results, expected, strict=True):
            assert_equal(result, array)
        return
    assert results.shape == np.asarray(expected).shape
    np.testing.assert_allclose(results.detach().numpy(), expected, rtol=1e-12, atol=1e-12)


def transposed(array: Array) -> Array:
    return np.ascontiguousarray(array.T).T if array.ndim else array


@pytest.mark.parametrize("name", CASES)
def test_results(name: str) -> None:
    this = CASES[name]
    arrays = arrays_of(this)
    expected = this.reference(*arrays)
    assert_equal(this.call(*map(pydl.tensor, arrays)), expected)
    if name != "view_as":
        assert_equal(this.call(*(pydl.asarray(transposed(a)) for a in arrays)), expected)
    assert_equal(pydl.compile(this.call)(*map(pydl.tensor, arrays)), expected)


@pytest.mark.parametrize("name", CASES)
def test_dtypes_are_kept(name: str) -> None:
    this = CASES[name]
    for dtype in ("int32", "bool", "bfloat16"):
        results = this.call(*(pydl.tensor(a * 4).astype(dtype) for a in arrays_of(this)))
        for result in results if isinstance(results, (list, tuple)) else [results]:
            assert result.dtype == dtype


@pytest.mark.parametrize("name", CASES)
def test_views_share_memory(name: str) -> None:
    this = CASES[name]
    tensors = [pydl.tensor(a) for a in arrays_of(this)]
    results = this.call(*tensors)
    for tensor in tensors:
        tensor.fill_(-9)
    for result in results if isinstance(results, (list, tuple)) else [results]:
        shares = result.size > 0 and bool((result == -9).all())
        assert shares or not this.is_view or result.size == 0
        # Nothing is a view that is not said to be one, but for trivial cases.
        if name.split()[0] in ("roll", "tile", "repeat", "hstack", "tril", "triu", "pad"):
            assert not shares


@pytest.mark.parametrize("name", CASES)
def test_derivatives(name: str) -> None:
    this = CASES[name]
    arrays = arrays_of(this)

    def joined(*tensors: pydl.Tensor) -> pydl.Tensor:
        results = this.call(*tensors)
        parts = results if isinstance(results, (list, tuple)) else [results]
        whole = pydl.concat([part.reshape(-1) for part in parts])
        return whole * whole

    if sum(a.size for a in arrays) > 0:
        for order in (1, 2):
            check_gradients(joined, arrays, order=order, rtol=1e-4, atol=1e-6)


# --- what has no row ------------------------------------------------------------------------------


def test_dtypes_are_promoted() -> None:
    parts = [pydl.tensor([1], dtype="int8"), pydl.tensor([2.5], dtype="float16")]
    for join in (pydl.hstack, pydl.vstack, pydl.dstack, pydl.column_stack, pydl.stack, pydl.cat):
        assert join(parts).dtype == "float16", join
    assert pydl.block_diag(*parts).dtype == "float16"
    assert [t.dtype for t in pydl.meshgrid(*parts)] == ["int8", "float16"]


@pytest.mark.parametrize("k", [-(2**63), -4, -1, 0, 1, 3, 2**63 - 1])
@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (0, 3), (3, 0), (1, 1)])
def test_indices_of_triangles(shape: tuple[int, int], k: int) -> None:
    n, m = shape
    near = max(min(k, 99), -99)
    for name in ("tril_indices", "triu_indices"):
        found = getattr(pydl, name)(n, k=k, m=m)
        expected = getattr(np, name)(n, near, m)
        assert isinstance(found, tuple)
        for index, array in zip(found, expected, strict=True):
            assert index.dtype == "int64"
            assert index.tolist() == array.tolist()
    x = pydl.arange(n * m).reshape(n, m)
    assert (
        x[pydl.triu_indices(n, k=k, m=m)].tolist()
        == x.numpy()[np.triu_indices(n, near, m)].tolist()
    )


def test_triangles_of_what_is_not_a_number() -> None:
    x = pydl.full((3, 3), float("nan"))
    assert int(pydl.isnan(pydl.tril(x, -1)).sum().item()) == 3
    assert int(pydl.isnan(pydl.triu(x)).sum().item()) == 6
    assert pydl.tril(pydl.tensor([[True, True], [True, True]])).tolist() == [
        [True, False],
        [True, True],
    ]


def test_broadcast_shapes() -> None:
    for shapes in [((3, 1), (4,)), ((2, 1, 3), (5, 1), ()), ((0, 1), (1, 4)), ((7,),), ()]:
        assert pydl.broadcast_shapes(*shapes) == np.broadcast_shapes(*shapes)
    assert pydl.broadcast_shapes(3, (2, 1)) == (2, 3)
    with pytest.raises(ValueError, match="broadcast_shapes: "):
        pydl.broadcast_shapes((2,), (3,))
    with pytest.raises(ValueError, match="negative"):
        pydl.broadcast_shapes((-1,))


def test_sequences_are_arguments_too() -> None:
    x, y = pydl.ones(2), pydl.ones(3)
    assert pydl.meshgrid([x, y])[0].shape == pydl.meshgrid(x, y)[0].shape == (3, 2)
    assert pydl.cartesian_prod([x, y]).shape == (6, 2)
    assert pydl.broadcast_arrays([x, x])[1].shape == (2,)
    assert pydl.block_diag([x, y]).shape == (2, 5)
    assert pydl.cartesian_prod(x).shape == (2,)


def test_combinations_are_those_of_itertools() -> None:
    for size in range(5):
        for count in range(5):
            x = list(range(size))
            chosen = pydl.combinations(pydl.tensor(x, dtype="int64"), count).tolist()
            assert chosen == [list(c) for c in itertools.combinations(x, count)]
            chosen = pydl.combinations(pydl.tensor(x, dtype="int64"), count, True).tolist()
            assert chosen == [list(c) for c in itertools.combinations_with_replacement(x, count)]


def test_counts_of_repetitions() -> None:
    x = pydl.arange(6).reshape(2, 3)
    assert pydl.repeat(x, pydl.tensor([1, 2], dtype="uint8"), axis=0).shape == (3, 3)
    assert pydl.repeat(x, np.array([0, 0, 0]), axis=1).shape == (2, 0)
    assert pydl.repeat(x, list(range(6))).tolist() == np.repeat(np.arange(6), range(6)).tolist()
    assert np.repeat(x, 2).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    by_number = pydl.compile(lambda x: pydl.repeat(x, [2, 1], axis=0))
    assert by_number(x).tolist() == [[0, 1, 2], [0, 1, 2], [3, 4, 5]]
    by_values = pydl.compile(lambda x, counts: pydl.repeat(x, counts, axis=0))
    with pytest.raises(pydl.TraceError, match=r"repeat: .*take"):
        by_values(x, pydl.tensor([2, 1]))


def test_a_view_of_a_diagonal_is_written() -> None:
    x = pydl.zeros((3, 4))
    x.T.diagonal()[:] = pydl.tensor([1.0, 2.0, 3.0])
    assert x.tolist() == [[1, 0, 0, 0], [0, 2, 0, 0], [0, 0, 3, 0]]
    x[:, ::-1].diagonal(offset=1)[:] = 7.0
    assert x.tolist() == [[1, 0, 7, 0], [0, 7, 0, 0], [7, 0, 3, 0]]


def test_margins_that_are_mirrored() -> None:
    x = np.random.default_rng(0).standard_normal((1, 2, 3, 4))
    for mode in ("symmetric", "edge", "wrap"):
        expected = np.pad(x, ((0, 0), (0, 0), (0, 2), (3, 1)), mode)
        assert_equal(F.pad(pydl.tensor(x), (3, 1, 0, 2), mode), expected)
    channels_last = pydl.tensor(x).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    assert_equal(
        F.pad(channels_last, (1, 0), "symmetric"), np.pad(x, ((0, 0),) * 3 + ((1, 0),), "symmetric")
    )


def test_agrees_with_torch() -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((2, 3, 6, 7))
    ours, theirs = pydl.tensor(x), torch.from_numpy(x)
    options = {"dilation": (2, 1), "padding": (1, 2), "stride": (1, 2)}
    columns = torch.nn.functional.unfold(theirs, (2, 3), **options)
    assert_equal(F.unfold(ours, (2, 3), **options), columns.numpy())
    image = torch.nn.functional.fold(columns, (6, 7), (2, 3), **options)
    assert_equal(
        F.fold(F.unfold(ours, (2, 3), **options), (6, 7), (2, 3), **options), image.numpy()
    )
    assert_equal(ours.unfold(2, 3, 2), theirs.unfold(2, 3, 2).numpy())
    assert_equal(ours.chunk(4, 3), [c.numpy() for c in theirs.chunk(4, 3)])
    assert_equal(ours.repeat(2, 1, 1, 3), theirs.repeat(2, 1, 1, 3).numpy())


X = pydl.zeros((3, 4))
WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "hstack of nothing": (lambda: pydl.hstack([]), ValueError, "hstack: "),
    "vstack": (lambda: pydl.vstack([X, pydl.zeros(3)]), ValueError, "vstack: "),
    "dstack of a tensor": (lambda: pydl.dstack(X), TypeError, "dstack: "),
    "block_diag": (lambda: pydl.block_diag(pydl.zeros((1, 1, 1))), ValueError, "block_diag: "),
    "meshgrid": (lambda: pydl.meshgrid(X), ValueError, "meshgrid: expected vectors"),
    "meshgrid indexing": (lambda: pydl.meshgrid(indexing="yx"), ValueError, "meshgrid: .*'xy'"),
    "meshgrid of 9": (lambda: pydl.meshgrid(*[pydl.ones(1)] * 9), ValueError, "meshgrid: "),
    "combinations": (lambda: pydl.combinations(X), ValueError, "combinations: "),
    "many combinations": (
        lambda: pydl.combinations(pydl.ones(100), 50), MemoryError, "combinations: "
    ),
    "array_split": (lambda: pydl.array_split(X, 0), ValueError, "array_split: .*positive"),
    "tensor_split": (lambda: X.tensor_split(2.5), TypeError, "tensor_split: "),
    "chunk": (lambda: X.chunk(0), ValueError, "chunk: "),
    "split": (lambda: X.split(2), ValueError, "split: .*2 equal parts"),
    "vsplit": (lambda: pydl.vsplit(pydl.ones(3), 1), ValueError, "vsplit: .*2 axes"),
    "hsplit": (lambda: pydl.hsplit(pydl.ones(3), 2), ValueError, "hsplit: .*equal"),
    "unbind": (lambda: X.unbind(2), IndexError, "unbind: axis 2"),
    "fliplr": (lambda: pydl.fliplr(pydl.ones(3)), ValueError, "fliplr: "),
    "roll": (lambda: pydl.roll(X, (1, 2, 3), (0, 1)), ValueError, "roll: "),
    "roll axis": (lambda: pydl.roll(X, 1, 2), IndexError, "roll: axis 2"),
    "rot90": (lambda: pydl.rot90(X, 1, (1, -1)), ValueError, "rot90: .*twice"),
    "tile": (lambda: pydl.tile(X, (-1, 1)), ValueError, "tile: .*negative"),
    "tile too large": (lambda: pydl.tile(X, (2**40, 2**40)), (ValueError, MemoryError), "tile: "),
    "Tensor.repeat": (lambda: X.repeat(2), ValueError, "repeat: .*repeat_interleave"),
    "repeat": (lambda: pydl.repeat(X, -1), ValueError, "repeat: .*negative"),
    "repeat by negatives": (lambda: pydl.repeat(X, [1, -1, 1], 0), ValueError, "repeat: .*neg"),
    "repeat by too few": (lambda: pydl.repeat(X, [1, 1], 0), ValueError, "repeat: .*3 elements"),
    "repeat by reals": (lambda: pydl.repeat(X, [1.0] * 3, 0), TypeError, "repeat: .*integers"),
    "repeat too much": (lambda: pydl.repeat(X, 2**62, 0), (ValueError, MemoryError), "repeat: "),
    "repeat by huge": (lambda: pydl.repeat(X, [2**62] * 3, 0), MemoryError, "repeat: "),
    "moveaxis": (lambda: X.moveaxis((0, 1), 0), ValueError, "moveaxis: "),
    "moveaxis twice": (lambda: X.moveaxis((0, 0), (0, 1)), ValueError, "moveaxis: .*twice"),
    "swapaxes": (lambda: X.swapaxes(0, 2), IndexError, "swapaxes: axis 2"),
    "t": (lambda: pydl.zeros((1, 1, 1)).t(), ValueError, "t: "),
    "unflatten": (lambda: X.unflatten(1, (3, -1)), ValueError, "unflatten: "),
    "unflatten negative": (lambda: X.unflatten(1, (-2, -2)), ValueError, "unflatten: "),
    "unflatten empty": (lambda: X.unflatten(1, (0, -1)), ValueError, "unflatten: "),
    "narrow": (lambda: X.narrow(0, 2, 2), IndexError, "narrow: "),
    "narrow far": (lambda: X.narrow(0, 2**62, 2**62), IndexError, "narrow: "),
    "select": (lambda: X.select(0, 3), IndexError, "select: index 3"),
    "sliding_window_view": (
        lambda: pydl.sliding_window_view(X, 2), ValueError, "sliding_window_view: "
    ),
    "sliding_window_view too large": (
        lambda: pydl.sliding_window_view(X, (4, 1)), ValueError, "sliding_window_view: "
    ),
    "tril": (lambda: pydl.tril(pydl.ones(3)), ValueError, "tril: .*2 axes"),
    "tril_indices": (lambda: pydl.tril_indices(-1), ValueError, "tril_indices: "),
    "triu_indices": (lambda: pydl.triu_indices(2**60), MemoryError, "triu_indices: "),
    "diag": (lambda: pydl.diag(pydl.zeros((1, 1, 1))), ValueError, "diag: "),
    "diag far away": (lambda: pydl.diag(pydl.ones(2), -(2**63)), MemoryError, "diag: "),
    "diag_embed": (lambda: pydl.diag_embed(X, 0, 1, 1), ValueError, "diag_embed: .*twice"),
    "unfold": (lambda: F.unfold(pydl.zeros((1, 1, 3, 3)), 4), ValueError, "unfold: .*not fit"),
    "unfold of a matrix": (lambda: F.unfold(X, 2), ValueError, "unfold: .*C, H, W"),
    "unfold without step": (
        lambda: F.unfold(pydl.zeros((1, 1, 3, 3)), 2, stride=0), ValueError, "unfold: "
    ),
    "fold": (lambda: F.fold(pydl.zeros((1, 4, 5)), 3, 2), ValueError, "fold: .*windows|fold: "),
    "pad": (lambda: pydl.pad(X, ((1, 1),) * 3), ValueError, "pad: .*each axis"),
    "pad negative": (lambda: pydl.pad(X, -1), ValueError, "pad: .*at least 0"),
    "pad far": (lambda: pydl.pad(X, 5, "symmetric"), ValueError, "pad: .*at most 3"),
    "pad by a name": (lambda: pydl.pad(X, "1"), TypeError, "pad: expected pad_width"),
    "as_strided": (lambda: X.as_strided((4, 4), (4, 1)), IndexError, "as_strided: "),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_calls(name: str) -> None:
    call, error, message = WRONG[name]
    with pytest.raises(error, match=f"^{message}"):
        call()


def test_nonzero_as_in_torch() -> None:
    x = pydl.tensor([[0, 5], [7, 0]])
    assert [i.tolist() for i in x.nonzero(as_tuple=True)] == [[0, 1], [1, 0]]
    with pytest.raises(ValueError, match="argwhere"):
        pydl.nonzero(x, as_tuple=False)
