"""Cross-entropy around the numbers of rows and classes at which it is computed otherwise."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special as special
from ops.table import Array

import pydl
from pydl import _core, nn

IGNORED = -7
REDUCTIONS = ("none", "sum", "mean")
TOLERANCE = {"float32": 4e-6, "float64": 1e-13}


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng()


def reference(x: Array, target: Array, g: Array, reduction: str) -> tuple[Array, Array]:
    """Loss and gradient in float64, classes last."""
    counted = target != IGNORED
    x = np.where(counted[..., None], x, 0).astype(np.float64)
    hot = np.eye(x.shape[-1])[np.where(counted, target, 0)]
    losses = -(special.log_softmax(x, axis=-1) * hot).sum(-1) * counted
    weights = counted / (counted.sum() if reduction == "mean" else 1) * g
    gradient = (special.softmax(x, axis=-1) - hot) * weights[..., None]
    if reduction == "none":
        return losses, gradient
    return np.asarray(losses.sum() / (counted.sum() if reduction == "mean" else 1)), gradient


def check(x: Array, target: Array, reduction: str, rng: np.random.Generator) -> None:
    """Of rows of logits, classes last; forward and backward."""
    g = rng.standard_normal(target.shape if reduction == "none" else ())
    loss, gradient = reference(x, target, g, reduction)
    tensor = pydl.tensor(x, requires_grad=True)
    found = _core.softmax_cross_entropy(tensor, pydl.tensor(target), -1, IGNORED, reduction)
    found.backward(pydl.tensor(g, dtype=str(x.dtype)))
    bound = TOLERANCE[str(x.dtype)]
    message = f"{x.shape} {x.dtype} {reduction}"
    np.testing.assert_allclose(np.asarray(found.detach()), loss, bound, bound, err_msg=message)
    np.testing.assert_allclose(np.asarray(tensor.grad), gradient, bound, bound, err_msg=message)


def logits_and_targets(
    rng: np.random.Generator, rows: int, classes: int, dtype: str, ignored: float = 0.2
) -> tuple[Array, Array]:
    x = (rng.standard_normal((rows, classes)) * 4).astype(dtype)
    target = rng.integers(0, classes, rows)
    target[rng.random(rows) < ignored] = IGNORED
    target[rng.integers(rows)] = classes - 1
    return x, target


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("rows", [1, 2, 31, 32, 33, 64, 65, 200])
def test_rows_and_classes(rows: int, reduction: str, dtype: str, rng: np.random.Generator) -> None:
    for classes in range(1, 35):
        check(*logits_and_targets(rng, rows, classes, dtype), reduction, rng)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("classes", [2, 10, 32, 33])
def test_rows_for_several_threads(
    classes: int, reduction: str, dtype: str, rng: np.random.Generator
) -> None:
    check(*logits_and_targets(rng, 20_011, classes, dtype, ignored=0), reduction, rng)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("classes", [3, 10, 32, 40])
def test_rows_that_are_ignored_may_hold_anything(
    classes: int, reduction: str, rng: np.random.Generator
) -> None:
    """They change neither the loss nor the gradients of others, and have none of their own."""
    for rows in (2, 33, 100):
        x, target = logits_and_targets(rng, rows, classes, "float32", ignored=0.5)
        target[:2] = IGNORED, 0
        spoilt = np.flatnonzero(target == IGNORED)
        values = rng.choice(np.array([np.inf, -np.inf, np.nan, 3e38], "f"), (len(spoilt), classes))
        x[spoilt] = values
        check(x, target, reduction, rng)


@pytest.mark.parametrize("classes", [2, 10, 32, 33])
def test_logits_that_exclude_classes(classes: int, rng: np.random.Generator) -> None:
    """Negative infinity is a probability of zero; very large logits do not overflow."""
    x, target = logits_and_targets(rng, 70, classes, "float32", ignored=0)
    target[:] = rng.integers(0, classes - 1, len(target))
    x[::3, -1] = -np.inf
    x[1::3] = x[1::3] * 1e4
    x[2::3] += np.float32(1e30)
    tensor = pydl.tensor(x, requires_grad=True)
    losses = nn.functional.cross_entropy(tensor, pydl.tensor(target), reduction="none")
    losses.sum().backward()
    wide = x.astype(np.float64)
    wanted = -np.take_along_axis(special.log_softmax(wide, 1), target[:, None], 1)[:, 0]
    np.testing.assert_allclose(np.asarray(losses.detach()), wanted, rtol=1e-5, atol=1e-5)
    gradient = special.softmax(wide, axis=1) - np.eye(classes)[target]
    np.testing.assert_allclose(np.asarray(tensor.grad), gradient, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("classes", [5, 32, 33])
def test_rows_with_nan_concern_no_others(classes: int, rng: np.random.Generator) -> None:
    x, target = logits_and_targets(rng, 67, classes, "float32", ignored=0)
    x[40, classes // 2] = np.nan
    tensor = pydl.tensor(x, requires_grad=True)
    losses = nn.functional.cross_entropy(tensor, pydl.tensor(target), reduction="none")
    losses.sum().backward()
    for found in (losses.detach(), tensor.grad):
        rows = np.isnan(np.asarray(found)).reshape(67, -1).any(axis=1)
        assert np.flatnonzero(rows).tolist() == [40]


@pytest.mark.parametrize("classes", [4, 32])
def test_all_rows_ignored(classes: int) -> None:
    target = pydl.tensor(np.full(40, IGNORED))
    for reduction in ("none", "sum"):
        x = pydl.ones((40, classes)).requires_grad_()
        loss = _core.softmax_cross_entropy(x, target, -1, IGNORED, reduction)
        loss.sum().backward()
        assert not np.asarray(loss.detach()).any()
        assert not np.asarray(x.grad).any()


@pytest.mark.parametrize("shape", [(3, 5, 6), (2, 3, 40, 10), (1, 7), (7, 1, 32)], ids=str)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_several_axes(shape: tuple[int, ...], reduction: str, rng: np.random.Generator) -> None:
    x = rng.standard_normal(shape).astype("f")
    target = rng.integers(0, shape[-1], shape[:-1])
    target.reshape(-1)[0] = IGNORED if target.size > 1 else 0
    check(x, target, reduction, rng)


@pytest.mark.parametrize("layout", ["transposed", "gapped"])
def test_logits_that_are_views(layout: str, rng: np.random.Generator) -> None:
    x, target = logits_and_targets(rng, 45, 10, "float32")
    if layout == "transposed":
        view = pydl.tensor(x.T.copy()).T
    else:
        view = pydl.tensor(np.concatenate([x * np.nan, x, x], axis=1))[:, 10:20]
    found = _core.softmax_cross_entropy(view, pydl.tensor(target), -1, IGNORED, "none")
    wanted, _ = reference(x, target, np.ones(45), "none")
    np.testing.assert_allclose(np.asarray(found), wanted, 4e-6, 4e-6)


@pytest.mark.parametrize("classes", [9, 32, 33])
def test_targets_that_are_no_class(classes: int) -> None:
    target = np.zeros(50, np.int64)
    target[37] = classes
    with pytest.raises(IndexError, match=f"class index {classes} is outside"):
        nn.functional.cross_entropy(pydl.zeros((50, classes)), pydl.tensor(target))
