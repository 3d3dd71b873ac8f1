"""Derivatives of all layers and losses at edges: ties, constant rows, zeros, saturation.

Where the value is finite, first and second derivatives are never NaN, and first ones are finite.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiled.comparison import to_numpy
from nn.layer_cases import LAYERS, names_without_a_case

import pydl
from pydl import nn, optim
from pydl.nn import functional as F
from pydl.training import losses

FILLS = [0.0, 1.0, 0.1, 17.0, -20.0, 100.0, -100.0, 1e4, -1e4]


def test_every_layer_has_a_case() -> None:
    assert not names_without_a_case()


def _all_gradients(name: str, fill: float, dtype: str) -> tuple[list[Any], list[Any], list[Any]]:
    """Values, first and second derivatives for parameters and operands."""
    case = LAYERS[name]
    pydl.manual_seed(0)
    layer = case.make().to(dtype)
    arrays = [operand.make(lambda shape: np.full(shape, fill)) for operand in case.operands]
    tensors = [
        pydl.tensor(a, dtype=dtype) if a.dtype.kind == "f" else pydl.tensor(a) for a in arrays
    ]
    tensors = [t.requires_grad_() if t.dtype.is_floating else t for t in tensors]
    results = case.run(layer, *tensors)
    leaves = [t for t in (*tensors, *layer.parameters()) if t.requires_grad]
    total = sum((y.sum() for y in results), pydl.tensor(0.0, dtype=dtype))
    if not total.requires_grad:
        return results, [], []
    first = pydl.grad(total, leaves, create_graph=case.orders > 1, allow_unused=True)
    used = [g.sum() for g in first if g is not None and g.requires_grad]
    second = (
        pydl.grad(sum(used[1:], used[0]), leaves, allow_unused=True)
        if used and case.orders > 1
        else ()
    )
    return results, [g for g in first if g is not None], [g for g in second if g is not None]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LAYERS)
def test_constant_operands(name: str, dtype: str) -> None:
    for fill in FILLS:
        results, first, second = _all_gradients(name, fill, dtype)
        if not all(np.isfinite(to_numpy(y)).all() for y in results):
            continue
        for gradient in first:
            assert np.isfinite(to_numpy(gradient)).all(), f"{name} of {fill}: first derivative"
        for gradient in second:
            assert not np.isnan(to_numpy(gradient)).any(), f"{name} of {fill}: second derivative"


# --- binary cross-entropy at probabilities of exactly 0 and 1 -------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize(
    "logit", [17.0, -17.0, 40.0, -40.0, 100.0, -100.0, 800.0, -800.0, 1e4, -1e4]
)
def test_cross_entropy_of_a_saturated_sigmoid(logit: float, dtype: str) -> None:
    for target in (0.0, 1.0, 0.5):
        x = pydl.tensor([logit], dtype=dtype, requires_grad=True)
        loss = F.binary_cross_entropy(x.sigmoid(), pydl.tensor([target], dtype=dtype))
        assert np.isfinite(to_numpy(loss)).all()
        (first,) = pydl.grad(loss, x, create_graph=True)
        if dtype == "float16" and abs(logit) < 20:
            continue  # the slope of a logarithm of 6e-8, its least number, is beyond its range
        assert np.isfinite(to_numpy(first)).all()
        assert not np.isnan(to_numpy(pydl.grad(first.sum(), x)[0])).any()
        if target == float(logit > 0):
            assert abs(first.item()) < 1e-2


def test_cross_entropy_of_exact_probabilities() -> None:
    """The values of PyTorch: a loss of at most 100, and slopes of at most 1e12."""
    p = pydl.tensor([0.0, 0.0, 1.0, 1.0, 0.25], requires_grad=True)
    target = pydl.tensor([0.0, 1.0, 0.0, 1.0, 1.0])
    loss = F.binary_cross_entropy(p, target, reduction="none")
    np.testing.assert_allclose(loss.detach().numpy(), [0, 100, 100, 0, np.log(4)], rtol=1e-6)
    loss.sum().backward()
    assert p.grad is not None
    np.testing.assert_allclose(p.grad.numpy()[[1, 2, 4]], [-1e12, 1e12, -4], rtol=1e-6)
    np.testing.assert_allclose(p.grad.numpy()[[0, 3]], [1, -1], rtol=1e-6)
    outside = F.binary_cross_entropy(
        pydl.tensor([-0.1, 1.1]), pydl.tensor([0.0, 1.0]), reduction="none"
    )
    assert np.isnan(outside.numpy()).all()


@pytest.mark.parametrize("size", [17.0, 100.0, 1e4])
@pytest.mark.parametrize("name", sorted(losses._BY_NAME))
def test_named_losses_of_saturated_outputs(name: str, size: float) -> None:
    """Whatever is the right answer: what is sure and right, and what is sure and wrong."""
    loss = losses.get(name)
    for label in range(2):
        x = pydl.tensor([[size, -size], [-size, size]], requires_grad=True)
        output = x
        if loss.output == "probabilities":
            output = x.sigmoid() if loss.binary else pydl.softmax(x, 1)
        if name == "poisson":  # rates are positive
            output = F.softplus(x)
        classes = loss.ignore_index is not None
        target = pydl.tensor([label, label]) if classes else pydl.full((2, 2), float(label))
        value = loss.function(output, target)
        assert np.isfinite(to_numpy(value)).all()
        (first,) = pydl.grad(value, x, create_graph=True)
        assert np.isfinite(to_numpy(first)).all()
        if first.requires_grad:
            assert np.isfinite(to_numpy(pydl.grad(first.sum(), x)[0])).all()


@pytest.mark.parametrize("jit", [True, False], ids=["compiled", "eager"])
def test_the_classic_program_trains(jit: bool) -> None:
    """Linear layers, a sigmoid, binary cross-entropy by name, Adam: far beyond saturation."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(256, 8)).astype(np.float32) * 20
    y = (x[:, :1] + x[:, 1:2] > 0).astype(np.float32)
    pydl.manual_seed(0)
    model = pydl.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())
    model.compile(
        optim.Adam(model.parameters(), lr=0.05), "binary_crossentropy", ["accuracy"], jit=jit
    )
    history = model.fit(x, y, epochs=12, batch_size=32, verbose=0)
    values = history.history["loss"]
    assert np.isfinite(values).all()
    assert values[-1] < 0.1
    assert all(np.isfinite(p.numpy()).all() for p in (q.detach() for q in model.parameters()))


# --- losses where nothing counts, attention where nothing is seen, alignments that cannot be ------


def test_losses_of_ignored_targets() -> None:
    for keywords in ({}, {"label_smoothing": 0.1}, {"weight": pydl.tensor([1.0, 2.0, 3.0])}):
        for reduction in ("sum", "none"):
            x = pydl.tensor([[1.0, 2.0, 3.0], [-1e4, 1e4, 0.0]], requires_grad=True)
            loss = F.cross_entropy(x, pydl.tensor([-100, -100]), reduction=reduction, **keywords)
            loss.sum().backward()
            assert x.grad is not None
            assert loss.sum().item() == 0
            assert (x.grad.numpy() == 0).all()


def test_the_mean_over_nothing_leaves_gradients_alone() -> None:
    """It is NaN itself, as in PyTorch; the gradients of what does not count are 0."""
    x = pydl.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    loss = F.cross_entropy(x, pydl.tensor([-100]))
    assert np.isnan(loss.item())
    loss.backward()
    assert x.grad is not None
    assert (x.grad.numpy() == 0).all()


@pytest.mark.parametrize("mask", ["bool", "float"])
def test_attention_where_a_query_sees_no_key(mask: str) -> None:
    seen = np.array([[True, False], [False, False]])
    given = seen if mask == "bool" else np.where(seen, 0, -np.inf).astype(np.float32)
    q, k, v = (pydl.randn(1, 2, 4).requires_grad_() for _ in range(3))
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=pydl.tensor(given))
    assert np.isfinite(to_numpy(y)).all()
    first = pydl.grad(y.square().sum(), [q, k, v], create_graph=True)
    assert all(np.isfinite(to_numpy(g)).all() for g in first)
    second = pydl.grad(
        sum((g.sum() for g in first), pydl.tensor(0.0)), [q, k, v], allow_unused=True
    )
    assert all(np.isfinite(to_numpy(g)).all() for g in second if g is not None)


def test_alignments_that_cannot_be() -> None:
    for zero_infinity in (True, False):
        logits = pydl.zeros((2, 1, 3)).requires_grad_()
        loss = F.ctc_loss(
            pydl.log_softmax(logits), pydl.tensor([[1, 1]]), pydl.tensor([2]), pydl.tensor([2]),
            reduction="sum", zero_infinity=zero_infinity,
        )  # fmt: skip
        assert loss.item() == (0 if zero_infinity else np.inf)
        if zero_infinity:
            loss.backward()
            assert logits.grad is not None
            assert (logits.grad.numpy() == 0).all()
