"""Clipped gradients in compiled steps, against eager ones and PyTorch's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from compiled.comparison import CHOICE_IDS, CHOICES, assert_same, to_numpy
from compiled.training import OPTIMIZERS, Pair, Step, batches, loss_of, mlp

import pydl
from pydl import nn, optim

DTYPES = ["float16", "bfloat16", "float32", "float64"]
# Magnitude of the gradients, and the bound.
SIZES = [(1.0, 0.5), (1.0, 1e4), (1.0, 0.0), (1.0, math.inf), (1e-30, 1e-31), (3e25, 1.0)]
SPECIAL = {"inf": [math.inf], "-inf": [-math.inf], "nan": [math.nan], "both": [math.inf, math.nan]}


def _gradients(dtype: str, size: float, special: list[float]) -> list[pydl.Tensor]:
    rng = np.random.default_rng(3)
    arrays = [size * rng.standard_normal(shape) for shape in ((), (40, 7), (1000,))]
    for k, value in enumerate(special):
        arrays[1][k, k] = value
    return [pydl.tensor(a, dtype=dtype) for a in arrays]


def _clipped(
    gradients: list[pydl.Tensor], bound: float, compiled: bool
) -> tuple[pydl.Tensor, list[pydl.Tensor]]:
    """The norm and the gradients afterwards of parameters that get these gradients."""
    parameters = [nn.Parameter(pydl.zeros(g.shape, dtype=g.dtype)) for g in gradients]

    def step(*given: pydl.Tensor) -> pydl.Tensor:
        for p, g in zip(parameters, given, strict=True):
            (p * g).sum().backward()
        return optim.clip_grad_norm_(parameters, bound)

    run: Any = pydl.compile(step, state=parameters) if compiled else step
    norm = run(*gradients)
    return norm, [p.grad for p in parameters if p.grad is not None]


def _by_torch(gradients: list[pydl.Tensor], bound: float) -> tuple[float, list[Any]]:
    torch = pytest.importorskip("torch")
    parameters = []
    for gradient in gradients:
        # In float64, because PyTorch's squares may leave the range of the dtype.
        values = torch.from_numpy(np.atleast_1d(to_numpy(gradient).astype("float64")))
        parameters.append(torch.nn.Parameter(torch.zeros_like(values)))
        parameters[-1].grad = values
    norm = torch.nn.utils.clip_grad_norm_(parameters, bound)
    return float(norm), [p.grad.numpy() for p in parameters]


def _check(gradients: list[pydl.Tensor], bound: float) -> None:
    dtype = str(gradients[0].dtype)
    eager_norm, eager = _clipped(gradients, bound, compiled=False)
    norm, found = _clipped(gradients, bound, compiled=True)
    assert norm.shape == () and norm.dtype == eager_norm.dtype == "float64"
    assert not norm.requires_grad and isinstance(float(norm), float)
    np.testing.assert_allclose(float(norm), float(eager_norm), rtol=1e-6)
    assert_same(found, eager)
    expected_norm, expected = _by_torch(gradients, bound)
    np.testing.assert_allclose(float(norm), expected_norm, rtol=1e-6)
    if math.isinf(bound):  # PyTorch multiplies by inf / inf there
        return
    rtol = {"float16": 1e-3, "bfloat16": 8e-3}.get(dtype, 2e-6)  # it divides by norm + 1e-6
    atol = 6e-8 if dtype == "float16" else 1e-6 * bound
    for a, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.atleast_1d(to_numpy(a)), e, rtol=rtol, atol=atol)


@pytest.mark.parametrize(("size", "bound"), SIZES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_of_every_size(dtype: str, size: float, bound: float) -> None:
    if dtype == "float16" and size != 1.0:
        size = 1e-6 if size < 1 else 2e4
    gradients = _gradients(dtype, size, [])
    if size == 1e-30:  # PyTorch's 1e-6 beside the norm is more than the norm
        norm, found = _clipped(gradients, bound, compiled=True)
        eager_norm, eager = _clipped(gradients, bound, compiled=False)
        assert float(norm) == pytest.approx(float(eager_norm), rel=1e-6)
        assert float(norm) == pytest.approx(
            math.sqrt(sum((to_numpy(g).astype("float64") ** 2).sum() for g in gradients)), rel=1e-6
        )
        for a, e in zip(found, eager, strict=True):
            np.testing.assert_allclose(to_numpy(a), to_numpy(e), rtol=1e-6)
        return
    _check(gradients, bound)


@pytest.mark.parametrize("special", SPECIAL)
@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_that_are_not_finite(dtype: str, special: str) -> None:
    _check(_gradients(dtype, 1.0, SPECIAL[special]), 1.0)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("bound", [1e6, math.inf])
@pytest.mark.parametrize("dtype", DTYPES)
def test_gradients_within_the_bound_keep_their_bits(
    dtype: str, bound: float, compiled: bool
) -> None:
    gradients = _gradients(dtype, 1.0, [-0.0, 1e-40])
    _, found = _clipped(gradients, bound, compiled)
    for a, e in zip(found, gradients, strict=True):
        # Zero joins what `backward` adds up, so that the signs of zeros are left to it.
        assert np.array_equal(to_numpy(a), to_numpy(e))


def _make_step(model: Any, optimizer: Any) -> Step:
    def step(x: pydl.Tensor, y: pydl.Tensor) -> Any:
        loss = loss_of(model, x, y)
        optimizer.zero_grad()
        loss.backward()
        norm = optim.clip_grad_norm_(model.parameters(), 0.3)
        optimizer.step()
        return loss.detach(), norm

    return step


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_trainings(name: str) -> None:
    pair = Pair(make_optimizer=lambda m: OPTIMIZERS[name](m.parameters()), make=_make_step)
    pair.run(batches())
    assert pair.compiled.traces == 1


@pytest.mark.parametrize("without", CHOICES, ids=CHOICE_IDS)
def test_trainings_with_each_pass_off(without: tuple[str, ...]) -> None:
    Pair(lambda: mlp(dropout=0.3), make=_make_step, without=without).run(batches())


def test_gradients_that_were_there_before() -> None:
    """Gradients that add up over calls are arguments of the program, and are clipped too."""
    results = []
    for compiled in (False, True):
        w = nn.Parameter(pydl.ones((3,)))

        def step(x: pydl.Tensor, w: Any = w) -> pydl.Tensor:
            (w * x).sum().backward()
            return optim.clip_grad_norm_(w, 5.0)

        run: Any = pydl.compile(step, state=w) if compiled else step
        norms = [run(pydl.tensor([3.0, 4.0, 0.0])) for _ in range(3)]
        results.append((norms, w.grad))
    assert_same(results[1], results[0])
    assert [float(n) for n in results[1][0]] == [5.0, 10.0, 10.0]


def test_a_step_that_clips_and_does_not_compute_gradients() -> None:
    """Without gradients the norm is 0, in a compiled function too."""
    w = nn.Parameter(pydl.ones((3,)))
    norm = pydl.compile(lambda x: (optim.clip_grad_norm_(w, 1.0), x)[0], state=w)(pydl.ones(()))
    assert float(norm) == 0.0 and w.grad is None


def test_error_if_nonfinite_is_for_eager_steps() -> None:
    w = nn.Parameter(pydl.ones((3,)))

    def step(x: pydl.Tensor) -> pydl.Tensor:
        (w * x).sum().backward()
        return optim.clip_grad_norm_(w, 1.0, error_if_nonfinite=True)

    with pytest.raises(pydl.TraceError, match="clip_grad_norm_: error_if_nonfinite .*return the"):
        pydl.compile(step, state=w)(pydl.ones((3,)))
    assert float(step(pydl.ones((3,)))) == pytest.approx(math.sqrt(3))
