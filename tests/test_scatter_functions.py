"""Functions that read and write at indexed positions, and over segments, against NumPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import pydl
from pydl.testing import assert_close, check_gradients

Array = np.ndarray[Any, np.dtype[Any]]


def index_copy(x: Array, index: Array, source: Array, axis: int) -> Array:
    y = x.copy()
    for i, target in enumerate(np.atleast_1d(index)):
        np.moveaxis(y, axis, 0)[target] = np.moveaxis(source, axis, 0)[i]
    return y


def index_fill(x: Array, index: Array, value: Array, axis: int) -> Array:
    y = x.copy()
    np.moveaxis(y, axis, 0)[index] = value
    return y


def put(x: Array, index: Array, values: Array, accumulate: bool = False) -> Array:
    y = x.copy()
    flat = y.reshape(-1)
    for i, value in zip(index.ravel(), np.broadcast_to(values, index.shape).ravel(), strict=True):
        flat[i] = value + (flat[i] if accumulate else 0)
    return y


def masked_scatter(x: Array, mask: Array, source: Array) -> Array:
    y = np.array(np.broadcast_arrays(x, mask)[0])
    mask = np.broadcast_to(mask, y.shape)
    y[mask] = source.ravel()[: mask.sum()]
    return y


def segments(reduce: Callable[[Array], Array], empty: float) -> Callable[..., Array]:
    def reference(x: Array, ids: Array, count: int) -> Array:
        y = np.full((count, *x.shape[1:]), float(empty))
        for i in np.unique(ids):
            y[i] = reduce(x[ids == i])
        return y

    return reference


@dataclass(frozen=True)
class Case:
    """A function of tensors, the same of arrays, their arguments, and which are smooth."""

    call: Callable[..., pydl.Tensor]
    reference: Callable[..., Array]
    arguments: tuple[Any, ...]
    smooth: tuple[int, ...] = (0,)


def case(
    call: Callable[..., pydl.Tensor],
    reference: Callable[..., Array],
    *arguments: Any,
    smooth: tuple[int, ...] = (0,),
) -> Case:
    return Case(call, reference, arguments, smooth)


def real(*shape: int) -> Array:
    return np.asarray(np.random.default_rng(sum(shape)).standard_normal(shape))


def ints(*values: int) -> Array:
    return np.array(values, dtype="int64")


MASK = np.array([[True, False, True, False], [False] * 4, [True] * 4])
IDS = ints(3, 0, 3, 1, 0, 3, 0)
CASES: dict[str, Case] = {
    "take_along_axis": case(
        lambda x, i: pydl.take_along_axis(x, i, 1),
        lambda x, i: np.take_along_axis(x, i, 1),
        real(2, 5), np.array([[0, -1, 3], [4, 4, 4]]),
    ),
    "take_along_axis broadcasts": case(
        lambda x, i: pydl.take_along_axis(x, i, 0),
        lambda x, i: np.take_along_axis(np.broadcast_to(x, (3, 4)), np.broadcast_to(i, (2, 4)), 0),
        real(3, 1), np.array([[0, 1, 2, 0], [2, 1, 0, 2]]),
    ),
    "take_along_dim": case(
        pydl.take_along_dim, lambda x, i: x.ravel()[i.ravel()], real(2, 5), ints(9, 0, -3)
    ),
    "index_select": case(
        lambda x, i: x.index_select(1, i), lambda x, i: x[:, i], real(2, 5), ints(3, 3, -1)
    ),
    "gather": case(
        lambda x, i: x.gather(0, i), lambda x, i: np.take_along_axis(x, i, 0),
        real(3, 2), np.array([[0, 1], [2, 2], [1, 0], [0, 0]]),
    ),
    "index_copy": case(
        lambda x, i, s: pydl.index_copy(x, i, s, 1), lambda x, i, s: index_copy(x, i, s, 1),
        real(3, 4), ints(2, 0, -2), real(3, 3), smooth=(0, 2),
    ),
    "index_copy of one": case(
        lambda x, i, s: x.index_copy(0, i, s), lambda x, i, s: index_copy(x, i, s, 0),
        real(3, 4), np.array(1), real(1, 4), smooth=(0, 2),
    ),
    "index_copy of nothing": case(
        pydl.index_copy, lambda x, i, s: x, real(3, 4), ints(), real(0, 4), smooth=(0, 2)
    ),
    "index_fill": case(
        lambda x, i, v: pydl.index_fill(x, i, v, 1), lambda x, i, v: index_fill(x, i, v, 1),
        real(3, 4), ints(2, -1, 2), np.array(1.5), smooth=(0, 2),
    ),
    "index_fill of nothing": case(
        lambda x, i: x.index_fill(0, i, 7), lambda x, i: x, real(3, 4), ints()
    ),
    "put": case(pydl.put, put, real(3, 4), ints(11, 0, -5, 0), real(4), smooth=(0, 2)),
    "put one": case(
        pydl.put, put, real(3, 4), np.array([[11, 0], [3, 3]]), real(), smooth=(0, 2)
    ),
    "put accumulates": case(
        lambda *x: pydl.put(*x, accumulate=True), lambda *x: put(*x, accumulate=True),
        real(3, 4), ints(11, 0, -5, 0), real(4), smooth=(0, 2),
    ),
    "masked_scatter": case(
        pydl.masked_scatter, masked_scatter, real(3, 4), MASK, real(7), smooth=(0, 2)
    ),
    "masked_scatter broadcasts": case(
        lambda x, m, s: x.masked_scatter(m, s), masked_scatter,
        real(4), MASK[:, :1], real(3, 4), smooth=(0, 2),
    ),
    "masked_scatter of nothing": case(
        pydl.masked_scatter, masked_scatter, real(3, 4), MASK & False, real(0), smooth=(0, 2)
    ),
    "scatter a number": case(
        lambda x, i: x.scatter(1, i, 2.5),
        lambda x, i: np.where(np.arange(4) == i, 2.5, x),
        real(3, 4), np.array([[1], [3], [0]]),
    ),
    "index_add": case(
        lambda x, i, s: x.index_add(0, i, s),
        lambda x, i, s: x + (np.arange(3)[:, None] == i) @ s,
        real(3, 4), ints(2, 2), real(2, 4), smooth=(0, 2),
    ),
    "segment_sum": case(
        lambda x, i: pydl.segment_sum(x, i, 5),
        lambda x, i: segments(lambda a: a.sum(0), 0)(x, i, 5),
        real(7, 2), IDS,
    ),
    "segment_mean": case(
        lambda x, i: pydl.segment_mean(x, i, 5),
        lambda x, i: segments(lambda a: a.mean(0), 0)(x, i, 5),
        real(7, 2, 2), IDS,
    ),
    "segment_prod": case(
        lambda x, i: pydl.segment_prod(x, i, 5),
        lambda x, i: segments(lambda a: a.prod(0), 1)(x, i, 5),
        real(7, 2), IDS,
    ),
    "segment_max": case(
        lambda x, i: pydl.segment_max(x, i, 5),
        lambda x, i: segments(lambda a: a.max(0), 0)(x, i, 5),
        real(7), IDS,
    ),
    "segment_min": case(
        lambda x, i: pydl.segment_min(x, i, 4),
        lambda x, i: segments(lambda a: a.min(0), 0)(x, i, 4),
        real(7, 3), IDS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_results(name: str) -> None:
    this = CASES[name]
    expected = this.reference(*this.arguments)
    tensors = [pydl.tensor(a) for a in this.arguments]
    for result in (this.call(*tensors), pydl.compile(this.call)(*tensors)):
        assert result.shape == expected.shape
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_derivatives(name: str) -> None:
    this = CASES[name]
    variables = [this.arguments[i] for i in this.smooth]

    def squared(*leaves: pydl.Tensor) -> pydl.Tensor:
        tensors = [pydl.tensor(a) for a in this.arguments]
        for i, leaf in zip(this.smooth, leaves, strict=True):
            tensors[i] = leaf
        result = this.call(*tensors)
        return result * result

    for order in (1, 2):
        check_gradients(squared, variables, order=order, rtol=1e-4)


# --- reductions where formulas break --------------------------------------------------------------


def gradients_of(
    reduce: str, x: list[float], index: list[int], source: list[float], include_self: bool = True
) -> tuple[list[float], list[float]]:
    leaves = [pydl.tensor(v, dtype="float64", requires_grad=True) for v in (x, source)]
    result = pydl.scatter_reduce(
        leaves[0], pydl.tensor(index), leaves[1], reduce, include_self=include_self
    )
    result.sum().backward()
    assert leaves[0].grad is not None
    assert leaves[1].grad is not None
    return leaves[0].grad.tolist(), leaves[1].grad.tolist()


def test_ties_share_the_gradient() -> None:
    third = pytest.approx(1 / 3)
    assert gradients_of("amax", [2, 5], [0, 0, 0, 1], [2, 1, 2, 3]) == (
        [third, 1.0],
        [third, 0.0, third, 0.0],
    )
    # What does not count has no share, even where it is equal.
    assert gradients_of("amin", [1, 5], [0, 0], [1, 1], include_self=False) == (
        [0.0, 1.0],
        [0.5, 0.5],
    )


@pytest.mark.parametrize("reduce", ["sum", "prod", "mean", "amin", "amax"])
def test_gradients_agree_with_torch(reduce: str) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    for trial in range(20):
        # Many ties and zeros. PyTorch counts what include_self=False leaves out as a tie, too.
        x, source = (rng.integers(-1, 2, n).astype(float) for n in (4, 7))
        index, include_self = rng.integers(0, 4, 7), reduce in ("amin", "amax") or trial % 2 == 0
        weights = rng.standard_normal(4)
        theirs = [torch.tensor(v, requires_grad=True) for v in (x, source)]
        y = torch.scatter_reduce(
            theirs[0], 0, torch.tensor(index), theirs[1], reduce, include_self=include_self
        )
        (y * torch.tensor(weights)).sum().backward()
        ours = [pydl.tensor(v, requires_grad=True) for v in (x, source)]
        y = pydl.scatter_reduce(
            ours[0], pydl.tensor(index), ours[1], reduce, include_self=include_self
        )
        (y * pydl.tensor(weights)).sum().backward()
        for a, b in zip(ours, theirs, strict=True):
            assert a.grad is not None
            np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), atol=1e-12)


def test_what_is_not_a_number_wins() -> None:
    nan, inf = float("nan"), float("inf")
    for reduce in ("amax", "amin"):
        x = pydl.tensor([0.0, nan, 3.0, inf])
        y = pydl.scatter_reduce(x, [0, 1, 2], pydl.tensor([nan, 1.0, -inf]), reduce)
        assert np.isnan(y.numpy()[:2]).all()
        assert y[2].item() == (3.0 if reduce == "amax" else -inf)
        assert gradients_of(reduce, [0.0], [0, 0], [nan, 1.0]) == ([0.0], [1.0, 0.0])
        alone = pydl.scatter_reduce(x, [0, 0], pydl.tensor([-inf, inf]), reduce, include_self=False)
        assert alone[0].item() == (inf if reduce == "amax" else -inf)


@pytest.mark.parametrize("zeros", range(4))
@pytest.mark.parametrize("include_self", [True, False])
def test_products_with_zeros(zeros: int, include_self: bool) -> None:
    values = np.array([2.0, -1.5, 0.5, 3.0])
    values[:zeros] = 0
    index = pydl.tensor([1, 1, 1])

    def product(x: pydl.Tensor, source: pydl.Tensor) -> pydl.Tensor:
        return pydl.scatter_reduce(x, index, source, "prod", include_self=include_self)

    for order in (1, 2):
        check_gradients(product, [values[[3, 0]], values[1:]], order=order, rtol=1e-4)
        check_gradients(product, [values[[0, 3]], values[:3]], order=order, rtol=1e-4)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "bool", "float16", "bfloat16"])
def test_reductions_of_other_dtypes(dtype: str) -> None:
    x = pydl.tensor([1, 0, 3]).astype(dtype)
    index, source = pydl.tensor([0, 0, 2]), pydl.tensor([2, 4, 1]).astype(dtype)
    expected: dict[str, list[Any]] = {
        "sum": [7, 0, 4], "prod": [8, 0, 3], "amax": [4, 0, 3], "amin": [1, 0, 1],
    }  # fmt: skip
    for reduce, values in expected.items():
        result = pydl.scatter_reduce(x, index, source, reduce)
        assert result.dtype == dtype
        if dtype == "bool":
            values = [True, False, True]
        assert result.tolist() == values, reduce
    if dtype != "bool":
        assert pydl.scatter_reduce(x, index, source, "mean").astype("int64").tolist() == [2, 0, 2]


def test_integers_wrap_around() -> None:
    x, one = pydl.tensor([100], dtype="int8"), pydl.tensor([3], dtype="int8")
    assert pydl.scatter_reduce(x, [0], one, "prod").tolist() == [44]
    low = pydl.tensor([-(2**63)])
    assert pydl.scatter_reduce(low, [0], low, "amin", include_self=False).tolist() == [-(2**63)]
    assert pydl.scatter_reduce(low, [0], low, "amax", include_self=False).tolist() == [-(2**63)]


def test_segments_are_counted() -> None:
    x = pydl.ones((4, 2))
    assert pydl.segment_sum(x, [0, 2, 2, 1]).tolist() == [[1, 1], [1, 1], [2, 2]]
    assert pydl.segment_sum(x[:0], pydl.zeros((0,), "int64")).shape == (0, 2)
    assert pydl.segment_mean(pydl.tensor([1, 2]), [0, 0]).dtype == "float32"
    assert pydl.segment_max(pydl.tensor([-5, -7]), [1, 1], 3).tolist() == [0, -5, 0]
    counted = pydl.compile(lambda x, ids: pydl.segment_sum(x, ids))
    with pytest.raises(pydl.TraceError, match="segment_sum|number of segments"):
        counted(x, pydl.tensor([0, 0, 0, 0]))
    bounded = pydl.compile(lambda x, ids: pydl.segment_sum(x, ids, 2))
    for ids in ([0, 0, 0, -1], [0, 0, 2, 0]):
        with pytest.raises(IndexError):
            pydl.segment_sum(x, ids, 2)
        with pytest.raises(IndexError):
            bounded(x, pydl.tensor(ids))


@pytest.mark.parametrize("dtype", ["int64", "float32", "bool", "bfloat16"])
def test_one_hot(dtype: str) -> None:
    rng = np.random.default_rng(0)
    for shape in ((), (5,), (2, 3), (0,)):
        classes = rng.integers(0, 7, shape)
        result = pydl.one_hot(pydl.tensor(classes), 7, dtype=dtype)
        assert result.dtype == dtype
        assert result.astype("int64").tolist() == np.eye(7, dtype=int)[classes].tolist()
    assert pydl.nn.functional.one_hot(pydl.tensor([2, 0]), -1).tolist() == [[0, 0, 1], [1, 0, 0]]
    assert pydl.one_hot(pydl.tensor([1], dtype="uint8")).tolist() == [[0, 1]]


def test_one_hot_refuses_classes() -> None:
    known = pydl.compile(lambda x: pydl.one_hot(x, 3))
    assert known(pydl.tensor([2])).tolist() == [[0, 0, 1]]
    for classes in ([-1], [3]):
        with pytest.raises(IndexError, match="one_hot: expected classes from 0 to 2"):
            pydl.one_hot(pydl.tensor(classes), 3)
        with pytest.raises(IndexError):
            known(pydl.tensor(classes))
    with pytest.raises(IndexError, match="one_hot: expected classes from 0 on, got -2"):
        pydl.one_hot(pydl.tensor([-2]))
    with pytest.raises(pydl.TraceError, match="give their number"):
        pydl.compile(lambda x: pydl.one_hot(x))(pydl.tensor([1]))


# --- in place -------------------------------------------------------------------------------------

IN_PLACE: dict[str, tuple[Callable[[pydl.Tensor], Any], Callable[[pydl.Tensor], pydl.Tensor]]] = {
    "masked_fill_": (
        lambda x: x.masked_fill_(x > 0, 7),
        lambda x: pydl.masked_fill(x, x > 0, 7),
    ),
    "masked_fill_ broadcasts": (
        lambda x: x.masked_fill_(x[:, :1] > 0, 7.5),
        lambda x: pydl.masked_fill(x, x[:, :1] > 0, 7.5),
    ),
    "masked_fill_ of fewer axes": (
        lambda x: x.masked_fill_(x[0] > 0, pydl.tensor(2.0)),
        lambda x: pydl.masked_fill(x, x[0] > 0, pydl.tensor(2.0)),
    ),
    "masked_scatter_": (
        lambda x: x.masked_scatter_(x > 0, pydl.arange(12, dtype="float32")),
        lambda x: x.masked_scatter(x > 0, pydl.arange(12, dtype="float32")),
    ),
    "index_fill_": (
        lambda x: x.index_fill_(1, pydl.tensor([2, 0]), 7),
        lambda x: x.index_fill(1, pydl.tensor([2, 0]), 7),
    ),
    "index_copy_": (
        lambda x: x.index_copy_(-1, pydl.tensor([2, 0]), pydl.ones((3, 2))),
        lambda x: x.index_copy(-1, pydl.tensor([2, 0]), pydl.ones((3, 2))),
    ),
    "index_add_": (
        lambda x: x.index_add_(0, pydl.tensor([2, 2]), x[:2]),
        lambda x: x.index_add(0, pydl.tensor([2, 2]), x[:2]),
    ),
    "scatter_": (
        lambda x: x.scatter_(1, pydl.tensor([[0], [1], [3]]), 5),
        lambda x: x.scatter(1, pydl.tensor([[0], [1], [3]]), 5),
    ),
    "scatter_add_": (
        lambda x: x.scatter_add_(0, pydl.zeros((3, 4), "int64"), x),
        lambda x: x.scatter_add(0, pydl.zeros((3, 4), "int64"), x),
    ),
    "scatter_reduce_": (
        lambda x: x.scatter_reduce_(0, pydl.zeros((3, 4), "int64"), x, "amax"),
        lambda x: x.scatter_reduce(0, pydl.zeros((3, 4), "int64"), x, "amax"),
    ),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(name: str) -> None:
    overwrite, function = IN_PLACE[name]
    values = np.random.default_rng(0).standard_normal((3, 4)).astype("float32")
    for make in (pydl.tensor, lambda a: pydl.tensor(a.T.copy()).T):
        x = make(values)
        expected = function(make(values)).tolist()
        assert overwrite(x) is x
        assert x.tolist() == expected
        # Views show what was written.
        base = pydl.zeros((2, 3, 4))
        base[1] = make(values)
        overwrite(base[1])
        assert base[1].tolist() == expected
        assert not base[0].any().item()


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_is_refused_for_what_is_recorded(name: str) -> None:
    overwrite, _ = IN_PLACE[name]
    leaf = pydl.ones((3, 4), dtype="float32").requires_grad_()
    for x in (leaf, leaf * 2):
        with pytest.raises(RuntimeError, match=r"no_grad|recorded"):
            overwrite(x)
    assert leaf.tolist() == [[1.0] * 4] * 3
    with pydl.no_grad():
        overwrite(leaf)


X = pydl.zeros((3, 4))
WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "take_along_axis": (
        lambda: pydl.take_along_axis(X, pydl.tensor([0])), ValueError, "take_along_axis: "
    ),
    "take_along_axis by reals": (
        lambda: pydl.take_along_axis(X, X), TypeError, "take_along_axis: .*integers"
    ),
    "take_along_axis outside": (
        lambda: pydl.take_along_axis(X, pydl.tensor([[4]])), IndexError, "take_along_axis: .*4"
    ),
    "index_select": (
        lambda: X.index_select(0, pydl.tensor([[0]])), ValueError, "index_select: .*one axis"
    ),
    "index_copy": (
        lambda: pydl.index_copy(X, pydl.tensor([0]), X), ValueError, "index_copy: .*source"
    ),
    "index_copy of another dtype": (
        lambda: pydl.index_copy(X, pydl.tensor([0]), pydl.ones((1, 4), "int32")),
        TypeError, "index_copy: .*float32",
    ),
    "index_copy_": (
        lambda: X.index_copy_(0, pydl.tensor([0]), X), ValueError, "index_copy_: .*source"
    ),
    "index_copy outside": (
        lambda: pydl.index_copy(X, pydl.tensor([3]), X[:1]), IndexError, "index_copy: index 3"
    ),
    "index_fill": (
        lambda: pydl.index_fill(X, pydl.tensor([0]), X), ValueError, "index_fill: .*rank 0"
    ),
    "index_fill_": (lambda: X.index_fill_(0, pydl.tensor([9]), 1), IndexError, "index_fill_: "),
    "put": (lambda: pydl.put(X, pydl.tensor([0, 1]), pydl.ones(3)), ValueError, "put: .*one value"),
    "put outside": (lambda: pydl.put(X, pydl.tensor([12]), 1), IndexError, "put: index 12"),
    "put by reals": (lambda: pydl.put(X, 0.5, 1), TypeError, "put: .*integers"),
    "masked_scatter": (
        lambda: pydl.masked_scatter(X, X == 0, pydl.ones(11)), IndexError, "masked_scatter: "
    ),
    "masked_scatter by numbers": (
        lambda: pydl.masked_scatter(X, X, X), TypeError, "masked_scatter: .*bool"
    ),
    "masked_scatter of another dtype": (
        lambda: pydl.masked_scatter(X, X == 0, pydl.arange(12)), TypeError, "masked_scatter: "
    ),
    "masked_fill_": (lambda: X.masked_fill_(X, 0), TypeError, "masked_fill_: .*bool"),
    "masked_fill_ with several": (
        lambda: X.masked_fill_(X == 0, X), ValueError, "masked_fill_: .*number"
    ),
    "scatter_": (lambda: X.scatter_(2, pydl.zeros((3, 4), "int64"), 1), IndexError, "scatter_: "),
    "scatter_reduce": (
        lambda: X.scatter_reduce(0, pydl.zeros((3, 4), "int64"), X, "max"),
        ValueError, "scatter_reduce: expected reduce",
    ),
    "one_hot": (lambda: pydl.one_hot(X), TypeError, "one_hot: .*integers"),
    "one_hot of negative": (lambda: pydl.one_hot(pydl.tensor([0]), -2), ValueError, "one_hot: "),
    "segment_sum": (lambda: pydl.segment_sum(X, pydl.tensor([0])), ValueError, "segment_sum: "),
    "segment_sum by reals": (
        lambda: pydl.segment_sum(X, pydl.zeros(3)), TypeError, "segment_sum: .*integers"
    ),
    "segment_max outside": (
        lambda: pydl.segment_max(X, pydl.tensor([0, 1, 2]), 2), IndexError, "segment_max: .*got 2"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_calls(name: str) -> None:
    call, error, message = WRONG[name]
    with pytest.raises(error, match=f"^{message}"):
        call()
    assert not X.any().item()


# --- masks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["bool", "int8", "int16", "float16", "float32", "float64"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_masks_of_many_elements(dtype: str, share: float) -> None:
    rng = np.random.default_rng(1)
    for shape, axes in [((70_001,), 1), ((300, 501), 2), ((5003, 3), 1), ((77, 2, 600), 2)]:
        array = (rng.standard_normal(shape) * 9).astype(dtype)
        mask = rng.random(shape[:axes]) < share
        x = pydl.tensor(array)
        assert (x[pydl.tensor(mask)].numpy() == array[mask]).all()
        x[mask] = 1
        array[mask] = 1
        assert (x.numpy() == array).all()


def test_masks_beside_other_keys() -> None:
    array = np.arange(60.0).reshape(5, 4, 3)
    x = pydl.tensor(array)
    mask = np.array([True, False, True, True, False])
    two = array[..., 0] > 20
    keys: list[Any] = [
        (mask, 1), (mask, slice(None), 1), (mask, None), (None, mask), (mask, ..., slice(0, 2)),
        (two, slice(None, None, -1)), (two, 2), (None, two, None), (..., two, 0),
        (mask, slice(1, 3), 2),
    ]  # fmt: skip
    for key in keys:
        expected = array[key]
        assert x[key].shape == expected.shape, key
        assert x[key].tolist() == expected.tolist(), key
        written, right = x.copy(), array.copy()
        written[key] = -1.0
        right[key] = -1.0
        assert written.tolist() == right.tolist(), key


def test_masks_with_bytes_other_than_one() -> None:
    mask = pydl.from_numpy(np.array([0, 2, 1, 255, 0, 0, 0, 128, 4, 0], "uint8").view(bool))
    x = pydl.arange(10)
    assert x[mask].tolist() == [1, 2, 3, 7, 8]
    x[mask] = 0
    assert x.tolist() == [0, 0, 0, 0, 4, 5, 6, 0, 0, 9]


def test_a_tensor_is_its_own_mask() -> None:
    x = pydl.tensor([True, False, True])
    x[x] = False
    assert x.tolist() == [False] * 3
    y = pydl.tensor([3.0, 1.0, 2.0])
    y[y > y[2]] = y[0] * 0 + y[1]
    assert y.tolist() == [1.0, 1.0, 2.0]
    z = pydl.tensor([3.0, 1.0, 2.0])
    z[z > 1] = z[1]
    assert z.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_last_assignment_remains_for_any_number_of_threads(threads: int) -> None:
    before = pydl.get_num_threads()
    pydl.set_num_threads(threads)
    try:
        rng = np.random.default_rng(2)
        for shape in [(3000,), (300, 40), (50, 5000), (300, 6, 7)]:
            array = rng.standard_normal(shape).astype("float32")
            count = 2_000_000 // array[0].size
            index = rng.integers(-shape[0], shape[0], count)
            source = rng.standard_normal((count, *shape[1:])).astype("float32")
            for reverse in (False, True):
                x = pydl.tensor(array)
                # Two indices, so that the op for several is used; and negative strides.
                target = x.expand_dims(1) if not reverse else pydl.flip(x, 0).expand_dims(1)
                target[pydl.tensor(index), pydl.zeros(count, "int64")] = pydl.tensor(source)
                expected = array[::-1].copy() if reverse else array.copy()
                last = {i % shape[0]: n for n, i in enumerate(index.tolist())}
                for position, n in last.items():
                    expected[position] = source[n]
                found = (pydl.flip(x, 0) if reverse else x).numpy()
                assert (found == expected).all()
    finally:
        pydl.set_num_threads(before)


AXIS_SECOND = ("gather", "scatter", "scatter_add", "index_add", "index_copy", "scatter_reduce")


@pytest.mark.parametrize("name", [*AXIS_SECOND, "index_fill", "take_along_dim"])
def test_the_axis_may_be_second_as_in_pytorch(name: str) -> None:
    rng = np.random.default_rng()
    x, source = pydl.tensor(rng.random((3, 4))), pydl.tensor(rng.random((3, 4)))
    one_axis = name.startswith("index_")
    index = pydl.tensor(rng.permutation(4) if one_axis else rng.integers(0, 3, (3, 4)))
    others = {
        "gather": (),
        "take_along_dim": (),
        "index_fill": (2.5,),
        "scatter_reduce": (source, "sum"),
    }.get(name, (source,))
    axis = 1 if one_axis else 0
    function = getattr(pydl, name)
    expected = function(x, index, *others, axis=axis)
    assert function(x, axis, index, *others).tolist() == expected.tolist()
    with pytest.raises(IndexError, match=name.removesuffix("_dim")):
        function(x, 2, index, *others)


def test_a_missing_index_is_not_taken_for_an_axis() -> None:
    with pytest.raises(ValueError, match="gather: "):
        pydl.gather(pydl.ones((2, 2)), 1, 0)
    with pytest.raises(TypeError, match="given twice"):
        pydl.gather(pydl.ones((2, 2)), 1, pydl.tensor([[0, 0]]), axis=1)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_gather_with_a_smaller_index(axis: int) -> None:
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((4, 3, 5))
    for shape in [(2, 3, 5), (4, 1, 2), (1, 1, 1), (0, 2, 3), (4, 3, 5), (2, 2, 2)]:
        index = np.random.default_rng(1).integers(0, x.shape[axis], shape)
        expected = torch.gather(torch.tensor(x), axis, torch.tensor(index)).numpy()
        assert_close(pydl.gather(pydl.tensor(x), pydl.tensor(index), axis), expected)
        assert_close(pydl.tensor(x).gather(axis, pydl.tensor(index)), expected)
    index = np.random.default_rng(1).integers(0, x.shape[axis], (2, 2, 2))
    check_gradients(lambda a: pydl.gather(a, pydl.tensor(index), axis), [x], order=2)
    compiled = pydl.compile(lambda a, i: pydl.gather(a, i, axis))
    expected = torch.gather(torch.tensor(x), axis, torch.tensor(index)).numpy()
    assert_close(compiled(pydl.tensor(x), pydl.tensor(index)), expected)


def test_gather_with_a_larger_index_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"gather: index of shape \(2, 4\) must agree .* or be smaller"
    ):
        pydl.gather(pydl.ones((5, 3)), pydl.zeros((2, 4), dtype="int64"), 0)
    with pytest.raises(ValueError, match="gather: index of shape"):
        pydl.gather(pydl.ones((5, 3)), pydl.zeros(2, dtype="int64"), 0)


@pytest.mark.parametrize("accumulate", [False, True])
def test_put_in_place(accumulate: bool) -> None:
    x = np.arange(6.0).reshape(2, 3)
    for index, values in [([4, -6, 1], [7.0, 8.0, 9.0]), ([[0], [3]], 5.0), ([], [])]:
        given = pydl.tensor(x, dtype="float32")
        positions = pydl.tensor(np.array(index, dtype=np.int64))
        expected = pydl.put(given, positions, values, accumulate)
        view = given[:, :]
        assert given.put_(positions, values, accumulate) is given
        assert_close(given, expected)
        assert_close(view, expected)
    strided = pydl.zeros((3, 2)).T
    strided.put_(pydl.tensor([1]), 2.0)
    assert strided.tolist() == [[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]]
    with pytest.raises(ValueError, match="put"):
        pydl.ones(3).put_(pydl.tensor([0, 1]), [1.0, 2.0, 3.0])
    with pytest.raises(IndexError, match="put|scatter"):
        pydl.ones(3).put_(pydl.tensor([3]), 1.0)


def test_where_of_a_condition_alone() -> None:
    for x in (
        np.array([[0, 5, 0], [7, 0, -1]]),
        np.array([0.0, np.nan, -0.0]),
        np.zeros((0, 2)),
    ):
        found = pydl.where(pydl.tensor(x))
        expected = np.nonzero(x)
        assert isinstance(found, tuple)
        for one, other in zip(found, expected, strict=True):
            assert_close(one, other)
    with pytest.raises(ValueError, match="where: expected a tensor of at least one axis"):
        pydl.where(pydl.tensor(3))
    with pytest.raises(TypeError, match="where: the argument .b. is missing"):
        pydl.where(pydl.tensor([True]), 1.0)
    for function in (
        pydl.compile(lambda x: pydl.where(x > 0)),
        pydl.vmap(lambda x: pydl.where(x > 0)),
    ):
        with pytest.raises(pydl.TraceError, match=r"where: .*use where\(condition, a, b\)"):
            function(pydl.ones((2, 3)))


def test_size_of_repeated_elements() -> None:
    torch = pytest.importorskip("torch")
    x = np.arange(6.0).reshape(2, 3)
    for counts, axis, size in [([1, 0, 2], 1, 3), ([2], 0, 4), (2, None, 12), ([1] * 6, None, 6)]:
        found = pydl.repeat_interleave(pydl.tensor(x), counts, axis, output_size=size)
        expected = torch.repeat_interleave(
            torch.tensor(x), torch.tensor(counts), axis, output_size=size
        )
        assert_close(found, expected.numpy())
        assert_close(
            pydl.tensor(x).repeat_interleave(counts, axis, output_size=size), expected.numpy()
        )
        with pytest.raises(ValueError, match=f"but output_size is {size + 1}"):
            pydl.repeat_interleave(pydl.tensor(x), counts, axis, output_size=size + 1)
