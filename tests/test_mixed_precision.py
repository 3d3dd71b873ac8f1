"""Products in 16 bits: what changes dtype, what does not, and that training works."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import pydl
from pydl import nn

HALF = (pydl.bfloat16, pydl.float16)


def _layers() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 5)
    )


@pytest.mark.parametrize("dtype", HALF)
def test_products_are_computed_in_16_bits(dtype: pydl.DType) -> None:
    x, weight = pydl.ones((2, 4)), pydl.ones((3, 4))
    image, kernel = pydl.ones((1, 2, 4, 4)), pydl.ones((3, 2, 3, 3))
    with pydl.autocast(dtype):
        assert pydl.linear(x, weight).dtype == dtype
        assert pydl.matmul(x, weight.mT).dtype == dtype
        assert nn.functional.conv2d(image, kernel).dtype == dtype
        assert nn.functional.conv_transpose2d(image, pydl.ones((2, 3, 2, 2))).dtype == dtype
        assert (x + 1).dtype == pydl.float32
        assert pydl.matmul(x.astype("float64"), weight.mT.astype("float64")).dtype == pydl.float64
    assert pydl.linear(x, weight).dtype == pydl.float32


def test_losses_are_computed_in_32_bits() -> None:
    logits = pydl.ones((4, 3), dtype="bfloat16")
    with pydl.autocast():
        assert nn.functional.cross_entropy(logits, pydl.tensor([0, 1, 2, 0])).dtype == pydl.float32
        assert nn.functional.mse_loss(logits, pydl.zeros((4, 3))).dtype == pydl.float32
        assert pydl.softmax(logits).dtype == pydl.float32
    assert pydl.softmax(logits).dtype == pydl.bfloat16


def test_accumulates_in_32_bits() -> None:
    # In bfloat16 itself, 256 + 1 is 256.
    with pydl.autocast():
        y = pydl.matmul(pydl.ones((1, 4096)), pydl.ones((4096, 1)))
    assert y.item() == 4096.0


def test_scopes_nest_and_concern_one_thread() -> None:
    x = pydl.ones((2, 2))
    seen: list[pydl.DType] = []
    with pydl.autocast():
        with pydl.autocast(enabled=False):
            assert (x @ x).dtype == pydl.float32
        assert (x @ x).dtype == pydl.bfloat16
        thread = threading.Thread(target=lambda: seen.append((x @ x).dtype))
        thread.start()
        thread.join()
    assert seen == [pydl.float32]
    with pytest.raises(ZeroDivisionError), pydl.autocast():
        raise ZeroDivisionError
    assert (x @ x).dtype == pydl.float32


def test_decorates_functions() -> None:
    @pydl.autocast("float16")
    def product(x: pydl.Tensor) -> pydl.Tensor:
        return x @ x

    assert product(pydl.ones((2, 2))).dtype == pydl.float16


def test_refuses_other_dtypes() -> None:
    with pytest.raises(ValueError, match="autocast: expected bfloat16 or float16, got float32"):
        pydl.autocast("float32")


@pytest.mark.parametrize("dtype", HALF)
def test_gradients_are_close_to_those_in_float32(dtype: pydl.DType) -> None:
    pydl.manual_seed(0)
    model = _layers()
    x, y = pydl.normal((6, 3, 8, 8)), pydl.tensor([0, 1, 2, 3, 4, 0])
    gradients = []
    for enabled in (False, True):
        model.zero_grad()
        with pydl.autocast(dtype, enabled):
            nn.functional.cross_entropy(model(x), y).backward()
        gradients.append([np.asarray(p.grad) for p in model.parameters()])
    for exact, rounded in zip(*gradients, strict=True):
        assert rounded.dtype == np.float32
        assert np.abs(exact - rounded).max() < 0.03 * np.abs(exact).max()
        assert not np.array_equal(exact, rounded)


def test_gradients_have_the_dtype_of_what_was_recorded() -> None:
    x = pydl.ones((2, 2)).requires_grad_()
    y = x @ x
    with pydl.autocast():
        y.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == pydl.float32


def test_checkpoint_recomputes_in_the_dtype_of_the_first_time() -> None:
    layer = nn.Linear(4, 4)
    x = pydl.normal((3, 4)).requires_grad_()
    with pydl.autocast():
        y = pydl.checkpoint(layer, x)
    y.sum().backward()
    with pydl.autocast():
        z = layer(x)
    expected = pydl.grad(z.sum(), x)[0]
    assert x.grad is not None
    assert np.array_equal(np.asarray(x.grad), np.asarray(expected))


def test_compiled_functions_have_a_program_for_each_dtype() -> None:
    @pydl.compile
    def product(x: pydl.Tensor) -> pydl.Tensor:
        return x @ x

    x = pydl.ones((2, 2))
    for _ in range(2):
        with pydl.autocast():
            assert product(x).dtype == pydl.bfloat16
        assert product(x).dtype == pydl.float32
    assert len(product.programs) == 2


@pytest.mark.parametrize("compiled", [False, True])
def test_training_learns(compiled: bool) -> None:
    pydl.manual_seed(0)
    model = _layers()
    optimizer = pydl.optim.Adam(model.parameters(), lr=3e-3)

    def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        with pydl.autocast():
            loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    run = pydl.compile(step, state=[model, optimizer]) if compiled else step
    x, y = pydl.normal((20, 3, 8, 8)), pydl.randint(0, 5, (20,))
    losses = [run(x, y).item() for _ in range(60)]
    assert losses[-1] < 0.1 * losses[0]
    assert all(p.dtype == pydl.float32 for p in model.parameters())
