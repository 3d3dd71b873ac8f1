"""Embedding and EmbeddingBag: against PyTorch, gradients, compiled, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn, optim
from pydl.nn import functional as F
from pydl.testing import check_gradients

RNG = np.random.default_rng(0)
WEIGHT = RNG.standard_normal((7, 3))
INDICES = np.array([[1, 2, 2], [4, 0, 6]])


def _close(actual: Any, expected: Any) -> None:
    np.testing.assert_allclose(actual.detach().numpy(), expected.detach().numpy(), 1e-6, 1e-7)


@pytest.mark.parametrize("padding_idx", [None, 2, -1])
def test_embedding_as_in_torch(padding_idx: int | None) -> None:
    torch = pytest.importorskip("torch")
    layer = nn.Embedding(7, 3, padding_idx)
    twin = torch.nn.Embedding(7, 3, padding_idx)
    assert layer.padding_idx == twin.padding_idx
    assert (layer.weight.detach().numpy() == 0).all(1).sum() == (padding_idx is not None)
    layer.load_state_dict({name: x.numpy() for name, x in twin.state_dict().items()})
    y, expected = layer(pydl.tensor(INDICES)), twin(torch.tensor(INDICES))
    _close(y, expected)
    g = RNG.standard_normal(y.shape).astype("float32")
    y.backward(pydl.tensor(g))
    expected.backward(torch.tensor(g))
    assert layer.weight.grad is not None
    _close(layer.weight.grad, twin.weight.grad)


def test_weights_given() -> None:
    layer = nn.Embedding(7, 3, weight=WEIGHT)
    np.testing.assert_array_equal(layer.weight.detach().numpy(), WEIGHT.astype("float32"))
    assert layer.weight.requires_grad
    vectors = pydl.tensor(WEIGHT)
    frozen = nn.Embedding.from_pretrained(vectors, padding_idx=1)
    assert not frozen.weight.requires_grad
    assert frozen.weight.dtype == "float64"
    assert frozen.padding_idx == 1
    vectors[0] = 0.0
    np.testing.assert_array_equal(frozen(pydl.tensor([0])).numpy(), WEIGHT[:1])
    bag = nn.EmbeddingBag.from_pretrained(WEIGHT, freeze=False, mode="sum")
    assert bag.mode == "sum"
    assert bag.weight.requires_grad


MODES = ["sum", "mean", "max"]
# Indices, offsets, and whether the last offset is an end.
BAGS: dict[str, tuple[Any, Any, bool]] = {
    "matrix": (INDICES, None, False),
    "joined": ([1, 2, 2, 4, 0], [0, 3, 3], False),
    "last offset": ([1, 2, 2, 4, 2], [0, 3, 5], True),
    "empty": ([], [0, 0], False),
    "only padding": ([2, 2, 1], [0, 2], False),
}


@pytest.mark.parametrize("padding_idx", [None, 2])
@pytest.mark.parametrize("case", BAGS)
@pytest.mark.parametrize("mode", MODES)
def test_bags_as_in_torch(mode: Any, case: str, padding_idx: int | None) -> None:
    torch = pytest.importorskip("torch")
    indices, offsets, last = BAGS[case]
    options = {"mode": mode, "include_last_offset": last, "padding_idx": padding_idx}
    layer = nn.EmbeddingBag(7, 3, dtype="float64", weight=WEIGHT, **options)
    twin = torch.nn.EmbeddingBag(7, 3, dtype=torch.float64, **options)
    twin.load_state_dict({"weight": torch.tensor(WEIGHT)})
    arrays = [np.array(x, dtype=np.int64) for x in (indices, offsets) if x is not None]
    y = layer(*map(pydl.tensor, arrays))
    expected = twin(*map(torch.tensor, arrays))
    _close(y, expected)
    g = RNG.standard_normal(y.shape)
    y.backward(pydl.tensor(g))
    expected.backward(torch.tensor(g))
    assert layer.weight.grad is not None
    _close(layer.weight.grad, twin.weight.grad)
    compiled = pydl.compile(layer, state=layer)
    _close(compiled(*map(pydl.tensor, arrays)), y)


@pytest.mark.parametrize("padding_idx", [None, 2])
@pytest.mark.parametrize("case", ["matrix", "joined"])
def test_weighted_bags_as_in_torch(case: str, padding_idx: int | None) -> None:
    torch = pytest.importorskip("torch")
    indices, offsets, _ = BAGS[case]
    factors = RNG.standard_normal(np.shape(indices))
    w, s = (pydl.tensor(x, requires_grad=True) for x in (WEIGHT, factors))
    tw, ts = (torch.tensor(x, requires_grad=True) for x in (WEIGHT, factors))
    y = F.embedding_bag(
        pydl.tensor(indices), w, offsets, "sum", per_sample_weights=s, padding_idx=padding_idx
    )
    expected = torch.nn.functional.embedding_bag(
        torch.tensor(indices),
        tw,
        None if offsets is None else torch.tensor(offsets),
        mode="sum",
        per_sample_weights=ts,
        padding_idx=padding_idx,
    )
    _close(y, expected)
    y.square().sum().backward()
    expected.square().sum().backward()
    assert w.grad is not None
    assert s.grad is not None
    _close(w.grad, tw.grad)
    _close(s.grad, ts.grad)


@pytest.mark.parametrize("padding_idx", [None, 2])
def test_derivatives(padding_idx: int | None) -> None:
    for order in (1, 2):
        check_gradients(
            lambda w: F.embedding(pydl.tensor(INDICES), w, None).square(), [WEIGHT], order=order
        )
    # With a padding row, the gradient is not the derivative there: only the others move.
    leaf = pydl.tensor(WEIGHT, requires_grad=True)
    y = F.embedding(pydl.tensor(INDICES), leaf, padding_idx)
    (g,) = pydl.grad([(y * y * y).sum()], [leaf], create_graph=True)
    (second,) = pydl.grad([g.sum()], [leaf])
    uses = np.bincount(INDICES.reshape(-1), minlength=7)[:, None] * np.ones(3)
    if padding_idx is not None:
        uses[padding_idx] = 0
    np.testing.assert_allclose(g.detach().numpy(), 3 * uses * WEIGHT**2)
    np.testing.assert_allclose(second.numpy(), 6 * uses * WEIGHT)


def test_padding_row_stays_in_compiled_training() -> None:
    layer = nn.Embedding(7, 3, padding_idx=2)
    optimizer = optim.SGD(layer.parameters(), lr=0.1)

    @pydl.compile(state=[layer, optimizer])
    def step(indices: pydl.Tensor) -> pydl.Tensor:
        optimizer.zero_grad()
        loss = (layer(indices) - 1.0).square().sum()
        loss.backward()
        optimizer.step()
        return loss.detach()

    before = layer.weight.detach().numpy().copy()
    for _ in range(3):
        step(pydl.tensor(INDICES))
    after = layer.weight.detach().numpy()
    moved = (before != after).any(1)
    assert moved.tolist() == [True, True, False, False, True, False, True]


ERRORS: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: nn.Embedding(0, 3), ValueError, "Embedding: expected num_embeddings"),
    (lambda: nn.Embedding(3, 3, 3), ValueError, "Embedding: expected a padding_idx within 3"),
    (lambda: nn.Embedding(3, 3, weight=WEIGHT), ValueError, r"weight of shape \(3, 3\), got"),
    (lambda: nn.Embedding.from_pretrained([1.0]), ValueError, "Embedding.from_pretrained"),
    (lambda: nn.Embedding(3, 2)(pydl.tensor([3])), IndexError, "index 3 is outside"),
    (lambda: nn.Embedding(3, 2)(pydl.ones(2)), TypeError, "embedding: expected indices of int"),
    (lambda: nn.EmbeddingBag(3, 2, mode="min"), ValueError, "EmbeddingBag: expected mode"),  # type: ignore[arg-type]
    (lambda: nn.EmbeddingBag(3, 2)(pydl.tensor([1])), ValueError, "and no offsets"),
    (
        lambda: nn.EmbeddingBag(3, 2)(pydl.tensor([[1]]), pydl.tensor([0])),
        ValueError,
        "embedding_bag: expected indices",
    ),
    (
        lambda: nn.EmbeddingBag(3, 2)(pydl.tensor([[1]]), None, pydl.ones((1, 1))),
        ValueError,
        "per_sample_weights with mode sum",
    ),
    (
        lambda: nn.Sequential(nn.Embedding(3, 2))(pydl.tensor([5])),
        IndexError,
        r"in Sequential.0 \(Embedding\(3, 2\)\)",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), ERRORS)
def test_errors(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
