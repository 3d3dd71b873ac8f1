"""Sums of products against NumPy's: notation, shapes, layouts, orders, derivatives, errors."""

from __future__ import annotations

import string
from typing import Any

import numpy as np
import pytest

import pydl
from pydl.testing import assert_close, check_gradients

Shape = tuple[int, ...]

CASES: list[tuple[str, list[Shape]]] = [
    # One operand.
    ("i", [(3,)]),
    ("ij->ji", [(2, 3)]),
    ("ba", [(2, 3)]),
    ("ij->", [(2, 3)]),
    ("ij->j", [(2, 3)]),
    ("ii", [(3, 3)]),
    ("ii->i", [(3, 3)]),
    ("iji->j", [(3, 2, 3)]),
    ("iij->ji", [(3, 3, 2)]),
    ("iii->i", [(3, 3, 3)]),
    ("ijij->ij", [(2, 3, 2, 3)]),
    ("...ii->...i", [(2, 4, 3, 3)]),
    ("...", [(2, 3)]),
    ("i...->...i", [(2, 3, 4)]),
    ("->", [()]),
    # Two.
    (",", [(), ()]),
    (",i", [(), (3,)]),
    ("i,i", [(3,), (3,)]),
    ("i,i->i", [(3,), (3,)]),
    ("i,j", [(3,), (2,)]),
    ("i,j->ji", [(3,), (2,)]),
    ("i,j->", [(3,), (2,)]),
    ("ij,j", [(2, 3), (3,)]),
    ("ij,jk", [(2, 3), (3, 4)]),
    ("ij,jk->ki", [(2, 3), (3, 4)]),
    ("ij,kj->ik", [(2, 3), (4, 3)]),
    ("ji,jk->ik", [(3, 2), (3, 4)]),
    ("ij,ij->", [(2, 3), (2, 3)]),
    ("ij,ji->", [(2, 3), (3, 2)]),
    ("ij,ij->j", [(2, 3), (2, 3)]),
    ("bij,bjk->bik", [(5, 2, 3), (5, 3, 4)]),
    ("ijb,jkb->kbi", [(2, 3, 5), (3, 4, 5)]),
    ("bi,bi->b", [(5, 3), (5, 3)]),
    ("bi,bj->bij", [(5, 3), (5, 2)]),
    ("ijkl,lkm->jmi", [(2, 3, 4, 5), (5, 4, 2)]),
    ("bhqd,bhkd->bhqk", [(2, 3, 4, 5), (2, 3, 6, 5)]),
    ("bqhd,bkhd->bhqk", [(2, 4, 3, 5), (2, 6, 3, 5)]),
    ("abcd,dcef->abef", [(2, 3, 4, 5), (5, 4, 2, 3)]),
    ("ijk,k->ij", [(2, 3, 4), (4,)]),
    ("ii,ij->j", [(3, 3), (3, 2)]),
    ("ij,kl->", [(2, 3), (4, 5)]),
    ("...ij,...jk->...ik", [(5, 2, 3), (3, 4)]),
    ("...ij,...jk->...ik", [(4, 1, 2, 3), (5, 3, 4)]),
    ("...i,i...->...", [(4, 3), (3, 4)]),
    ("i...,...", [(2, 3), (3,)]),
    (" i j , j k -> i k ", [(2, 3), (3, 4)]),
    ("Ab,bC", [(2, 3), (3, 4)]),
    # Sizes of 1 broadcast; sizes of 0 sum to 0.
    ("ij,jk->ik", [(2, 1), (3, 4)]),
    ("ij,jk->ik", [(2, 3), (1, 4)]),
    ("ij,ij->ij", [(2, 1), (1, 3)]),
    ("ij,jk->ik", [(2, 0), (0, 4)]),
    ("ij,jk->ik", [(0, 3), (3, 4)]),
    ("ij,jk->ik", [(1, 1), (1, 1)]),
    # More.
    ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 5)]),
    ("i,ij,j->", [(2,), (2, 3), (3,)]),
    ("i,i,i->i", [(3,), (3,), (3,)]),
    ("ab,bc,cd,de,ef->fa", [(2, 3), (3, 4), (4, 2), (2, 3), (3, 4)]),
    ("bi,ijk,bj,bk->b", [(4, 2), (2, 3, 2), (4, 3), (4, 2)]),
    ("...ij,jk,...kl->...il", [(2, 3, 4), (4, 5), (2, 5, 3)]),
]


def _arrays(shapes: list[Shape], dtype: str = "float64") -> list[Any]:
    rng = np.random.default_rng(0)
    if dtype.startswith("int"):
        return [rng.integers(-5, 6, shape).astype(dtype) for shape in shapes]
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize(("subscripts", "shapes"), CASES, ids=[f"{c[0]}{c[1]}" for c in CASES])
def test_agrees_with_numpy(subscripts: str, shapes: list[Shape]) -> None:
    for dtype, tolerance in (("float64", 1e-12), ("float32", 1e-5), ("int32", 0)):
        arrays = _arrays(shapes, dtype)
        expected = np.einsum(subscripts, *arrays)
        tensors = [pydl.tensor(a) for a in arrays]
        found = pydl.einsum(subscripts, *tensors)
        assert str(found.dtype) == dtype
        assert found.shape == expected.shape
        assert_close(found, expected, tolerance, tolerance)
        compiled = pydl.compile(lambda *t: pydl.einsum(subscripts, *t))
        assert_close(compiled(*tensors), expected, tolerance, tolerance)
        # Columns first in memory, and with gaps.
        moved = [pydl.asarray(np.asarray(a.T, order="C").T) for a in arrays]
        assert_close(pydl.einsum(subscripts, *moved), expected, tolerance, tolerance)
        gaps = [
            pydl.tensor(np.repeat(a, 2, -1))[..., ::2] if a.ndim else pydl.tensor(a) for a in arrays
        ]
        assert_close(pydl.einsum(subscripts, *gaps), expected, tolerance, tolerance)


@pytest.mark.parametrize(("subscripts", "shapes"), CASES, ids=[f"{c[0]}{c[1]}" for c in CASES])
def test_derivatives(subscripts: str, shapes: list[Shape]) -> None:
    for order in (1, 2):
        check_gradients(
            lambda *t: pydl.einsum(subscripts, *t), _arrays(shapes), order=order, rtol=1e-4
        )


def test_random_subscripts() -> None:
    rng = np.random.default_rng(1)
    sizes = dict(zip("abcdef", (2, 3, 1, 4, 2, 3), strict=True))
    for _ in range(200):
        groups = [
            "".join(rng.choice(list(sizes), rng.integers(0, 4))) for _ in range(rng.integers(1, 5))
        ]
        used = sorted(set("".join(groups)))
        output = "".join(rng.permutation(used)[: rng.integers(0, len(used) + 1)])
        arrays = [rng.standard_normal([sizes[c] for c in group]) for group in groups]
        subscripts = ",".join(groups) + "->" + output
        expected = np.einsum(subscripts, *arrays)
        assert_close(pydl.einsum(subscripts, *arrays), expected, 1e-10, 1e-10)


def test_agrees_with_torch() -> None:
    torch = pytest.importorskip("torch")
    for subscripts, shapes in CASES:
        if subscripts in ("->", ",", ",i") or "Ab" in subscripts:
            continue
        arrays = _arrays(shapes)
        expected = torch.einsum(subscripts, *map(torch.from_numpy, arrays)).numpy()
        assert_close(pydl.einsum(subscripts, *arrays), expected, 1e-10, 1e-10)


def test_many_operands() -> None:
    """Eight are searched for the best order, and more are combined one by one."""
    rng = np.random.default_rng(2)
    for count in (7, 8, 9, 12):
        letters = string.ascii_lowercase[: count + 1]
        arrays = [rng.standard_normal((3, 3)) for _ in range(count)]
        subscripts = (
            ",".join(letters[i : i + 2] for i in range(count)) + f"->{letters[0]}{letters[-1]}"
        )
        expected = np.linalg.multi_dot(arrays)
        assert_close(pydl.einsum(subscripts, *arrays), expected, 1e-10, 1e-10)


def test_order_that_keeps_products_small() -> None:
    """From left to right, the first product would have 10**10 elements."""
    ones = [pydl.ones(100_000) for _ in range(2)]
    assert pydl.einsum("i,j,i,j->", ones[0], ones[1], *ones).item() == 1e10


def test_lists_of_axes() -> None:
    a, b = _arrays([(2, 3), (3, 4)])
    assert_close(pydl.einsum(a, [0, 1], b, [1, 2]), a @ b, 1e-12)
    assert_close(pydl.einsum(a, [0, 1], b, [1, 2], [2, 0]), (a @ b).T, 1e-12)
    assert_close(pydl.einsum(a, [5, 51]), a)
    assert_close(pydl.einsum(a, [1, 0]), a.T)
    assert_close(pydl.einsum(a, [0, 26]), np.einsum(a, [0, 26]))
    assert_close(pydl.einsum(a, [..., 0], [0, ...]), a.T)
    assert_close(pydl.einsum("ij,jk", [a, b]), a @ b, 1e-12)


def test_promotion_and_small_floats() -> None:
    a, b = pydl.ones((2, 3), dtype="float32"), pydl.ones((3, 2), dtype="int64")
    assert pydl.einsum("ij,jk", a, b).dtype == "float32"
    assert pydl.einsum("ij,jk", a, b.astype("float64")).dtype == "float64"
    half = pydl.ones((2, 3), dtype="bfloat16")
    assert pydl.einsum("ij,kj", half, half).dtype == "bfloat16"
    # Many small terms: sums are kept in float32.
    many = pydl.ones((1, 4000), dtype="float16")
    assert pydl.einsum("ij,kj->", many, many).item() == 4000


def test_views_cost_no_copy() -> None:
    x = pydl.zeros((4, 4))
    diagonal = pydl.einsum("ii->i", x)
    turned = pydl.einsum("ij->ji", x)
    x[2, 2] = 5.0
    x[0, 3] = 7.0
    assert diagonal.tolist() == [0.0, 0.0, 5.0, 0.0]
    assert turned[3, 0].item() == 7.0


@pytest.mark.parametrize(
    ("subscripts", "shapes", "message"),
    [
        ("ij,jk", [(2, 3)], "'ij,jk' is for 2 operands, got 1"),
        ("i", [(3,), (3,)], "'i' is for 1 operand, got 2"),
        ("ij", [(3,)], r"'ij' does not fit operand 0 of shape \(3,\)"),
        ("i", [(2, 3)], r"'i' does not fit operand 0 of shape \(2, 3\)"),
        ("i...j", [(3,)], r"'i\.\.\.j' does not fit operand 0"),
        ("ij,jk", [(2, 3), (4, 5)], "axis 'j' has size 3 in operand 0 and 4 in operand 1"),
        ("ii", [(2, 3)], r"axis 'i' has sizes 2 and 3 in operand 0 of shape \(2, 3\)"),
        ("ii", [(1, 3)], "axis 'i' has sizes 1 and 3"),
        ("...i,...i", [(2, 3), (4, 3)], "axis -1 of the ellipsis has size 2 in operand 0 and 4"),
        ("ij->ik", [(2, 3)], "'k' of the output is in no operand"),
        ("ij->ii", [(2, 3)], "'i' occurs twice in the output"),
        ("...i->i", [(2, 3)], "lacks the ellipsis"),
        ("i......", [(2,)], "more than one ellipsis"),
        ("i.j", [(2, 3)], "got '.' in 'i.j'"),
        ("i1", [(2, 3)], "got '1'"),
        ("i->j->k", [(2,)], "got '-'"),
        ("i->i,i", [(2,)], "got ','"),
        ("abcde,fghij", [(1,) * 5] * 2, "more than 8"),
        ("abcde,fghij->ab", [(2,) * 5] * 2, None),
    ],
)
def test_errors(subscripts: str, shapes: list[Shape], message: str | None) -> None:
    operands = [pydl.ones(shape) for shape in shapes]
    if message is None:
        assert (
            pydl.einsum(subscripts, *operands).shape
            == np.einsum(subscripts, *_arrays(shapes)).shape
        )
        return
    with pytest.raises(ValueError, match=f"^einsum: .*{message}"):
        pydl.einsum(subscripts, *operands)


def test_errors_of_types() -> None:
    with pytest.raises(TypeError, match="einsum: bool has no arithmetic"):
        pydl.einsum("i", pydl.tensor([True]))
    with pytest.raises(TypeError, match="einsum: expected subscripts as text"):
        pydl.einsum(pydl.ones(2), pydl.ones(2))
    with pytest.raises(ValueError, match="einsum: expected axes from 0 to 51"):
        pydl.einsum(pydl.ones(2), [52])
    with pytest.raises(ValueError, match="einsum: '' is for 1 operand, got 0"):
        pydl.einsum("")


# --- the other products ---------------------------------------------------------------------------

PRODUCTS: list[tuple[str, list[Shape], dict[str, Any]]] = [
    ("dot", [(3,), (3,)], {}),
    ("dot", [(), (2, 3)], {}),
    ("dot", [(2, 3), (3,)], {}),
    ("dot", [(2, 3), (3, 4)], {}),
    ("dot", [(2, 5, 3), (4, 3, 2)], {}),
    ("vdot", [(2, 3), (3, 2)], {}),
    ("inner", [(3,), (3,)], {}),
    ("inner", [(2, 3), (4, 3)], {}),
    ("inner", [(2, 3), ()], {}),
    ("outer", [(3,), (2,)], {}),
    ("outer", [(2, 2), (3,)], {}),
    ("kron", [(2,), (3,)], {}),
    ("kron", [(2, 3), (3, 2)], {}),
    ("kron", [(2, 1, 2), (3, 2)], {}),
    ("kron", [(), (2, 2)], {}),
    ("kron", [(0, 2), (2, 2)], {}),
    ("kron", [(2, 2), (3, 0)], {}),
    ("kron", [(), ()], {}),
    ("kron", [(3,), (2, 4)], {}),
    ("kron", [(2, 3, 2), (1, 2, 3)], {}),
    ("cross", [(3,), (3,)], {}),
    ("cross", [(4, 3), (3,)], {}),
    ("cross", [(2, 1, 3), (4, 3)], {}),
    ("cross", [(3, 2), (3, 2)], {"axis": 0}),
    ("tensordot", [(2, 3, 4), (3, 4, 5)], {}),
    ("tensordot", [(2, 3), (4, 5)], {"axes": 0}),
    ("tensordot", [(2, 3), (3, 4)], {"axes": 1}),
    ("tensordot", [(2, 3, 4), (4, 5, 3)], {"axes": ([1, 2], [2, 0])}),
    ("tensordot", [(2, 3, 4), (5, 3)], {"axes": (1, -1)}),
]


@pytest.mark.parametrize(
    ("name", "shapes", "keywords"), PRODUCTS, ids=[f"{p[0]}{p[1]}{p[2]}" for p in PRODUCTS]
)
def test_products(name: str, shapes: list[Shape], keywords: dict[str, Any]) -> None:
    arrays = _arrays(shapes)
    expected = getattr(np, name)(*arrays, **keywords)
    function = getattr(pydl, name)
    found = function(*map(pydl.tensor, arrays), **keywords)
    assert found.shape == np.shape(expected)
    assert_close(found, expected, 1e-12)
    for order in (1, 2):
        check_gradients(lambda *t: function(*t, **keywords), arrays, order=order, rtol=1e-4)
    integers = _arrays(shapes, "int64")
    assert_close(
        function(*map(pydl.tensor, integers), **keywords), getattr(np, name)(*integers, **keywords)
    )


def test_vecdot() -> None:
    a, b = _arrays([(2, 3, 4), (3, 4)])
    assert_close(pydl.vecdot(a, b), (a * b).sum(-1), 1e-12)
    assert_close(pydl.vecdot(a, a, axis=1), (a * a).sum(1), 1e-12)
    assert_close(pydl.vecdot(a[:, :1], b), (a[:, :1] * b).sum(-1), 1e-12)
    with pytest.raises(ValueError, match="vecdot: axis -1 has different sizes"):
        pydl.vecdot(pydl.ones((2, 3)), pydl.ones((2, 1)))


def test_products_of_matrices() -> None:
    a, b, c = (pydl.tensor(x) for x in _arrays([(2, 3), (3, 4), (2, 4)]))
    assert_close(pydl.mm(a, b), a @ b)
    assert_close(a.mm(b), a @ b)
    assert_close(pydl.mv(a, b[:, 0]), a @ b[:, 0])
    assert_close(pydl.bmm(pydl.stack([a, a]), pydl.stack([b, b])), pydl.stack([a @ b, a @ b]))
    assert_close(pydl.addmm(c, a, b), c + a @ b)
    assert_close(pydl.addmm(c[0], a, b, beta=0.5, alpha=2.0), 0.5 * c[0] + 2 * (a @ b))
    assert_close(pydl.addmm(c * float("nan"), a, b, beta=0), a @ b)
    assert_close(a.dot(b), a @ b)
    assert_close(a.outer(b).sum(), a.sum() * b.sum(), 1e-12)
    assert_close(a.inner(c[:, :3]), a @ c[:, :3].T)


def test_trace() -> None:
    x = _arrays([(2, 3, 5)])[0]
    for offset in (-4, -3, -2, 0, 1, 4, 5, 9):
        expected = np.trace(x, offset, 1, 2)
        assert_close(pydl.trace(x, offset), expected, 1e-12)
        assert_close(pydl.trace(pydl.asarray(np.ascontiguousarray(x.T).T), offset), expected, 1e-12)
    assert pydl.tensor([[1, 2], [3, 4]]).trace().item() == 5
    check_gradients(lambda t: pydl.trace(t, 1), [x])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pydl.dot(pydl.ones(2), pydl.ones(3)), "dot: axis 0 of shape .* different sizes"),
        (lambda: pydl.vdot(pydl.ones(2), pydl.ones(3)), "vdot: "),
        (lambda: pydl.inner(pydl.ones(2), pydl.ones(3)), "inner: "),
        (lambda: pydl.kron(pydl.ones((1,) * 5), pydl.ones(1)), "kron: expected tensors of at most"),
        (lambda: pydl.cross(pydl.ones(2), pydl.ones(2)), "cross: expected size 3"),
        (lambda: pydl.cross(pydl.ones((3, 3)), pydl.ones(3), axis=0), "cross: expected a negative"),
        (lambda: pydl.mm(pydl.ones(2), pydl.ones((2, 2))), "mm: expected a matrix of rank 2"),
        (lambda: pydl.mv(pydl.ones((2, 2)), pydl.ones((2, 2))), "mv: expected a vector of rank 1"),
        (lambda: pydl.bmm(pydl.ones((1, 2, 2)), pydl.ones((3, 2, 2))), "bmm: expected batches"),
        (
            lambda: pydl.addmm(pydl.ones((5, 2, 2)), pydl.ones((2, 2)), pydl.ones((2, 2))),
            "addmm: x of shape",
        ),
        (lambda: pydl.trace(pydl.ones(3)), "trace: expected matrices"),
        (lambda: pydl.tensordot(pydl.ones(2), pydl.ones(2)), "tensordot: cannot sum over 2 axes"),
        (
            lambda: pydl.tensordot(pydl.ones(2), pydl.ones(2), axes=([0], [0, 0])),
            "tensordot: expected as many axes",
        ),
        (
            lambda: pydl.tensordot(pydl.ones((2, 2)), pydl.ones((2, 2)), axes=([0, 0], [0, 1])),
            "tensordot: axis 0 is given twice",
        ),
        (lambda: pydl.tensordot(pydl.ones((1,) * 8), pydl.ones(1), axes=0), "tensordot: .* 9 axes"),
    ],
)
def test_errors_of_products(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


def test_wrong_axes_of_tensordot() -> None:
    for axes in ("ab", 1.5, (1, 2, 3), None):
        with pytest.raises(TypeError, match="tensordot: expected axes"):
            pydl.tensordot(pydl.ones((2, 2)), pydl.ones((2, 2)), axes=axes)
    with pytest.raises(IndexError, match="tensordot"):
        pydl.tensordot(pydl.ones((2, 2)), pydl.ones((2, 2)), axes=(2, 0))
