"""Losses by name in `compile` have the values of Keras's formulas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.training import losses

Array = np.ndarray[Any, np.dtype[Any]]


def _softmax(x: Array) -> Array:
    return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _entropy(p: Array, y: Array) -> Array:
    return -np.log(p[np.arange(len(y)), y])


def _binary_entropy(p: Array, t: Array) -> Array:
    return -(t * np.log(p) + (1 - t) * np.log(1 - p))


def _focal(p: Array, y: Array) -> Array:
    chosen = p[np.arange(len(y)), y]
    return -((1 - chosen) ** 2) * np.log(chosen)


def _binary_focal(p: Array, t: Array) -> Array:
    return (t * (1 - p) + (1 - t) * p) ** 2 * _binary_entropy(p, t)


def _logarithmic(x: Array, t: Array) -> Array:
    return (np.log1p(x) - np.log1p(t)) ** 2


def _cosine(x: Array, t: Array) -> Array:
    return -(x * t).sum(axis=1) / np.linalg.norm(x, axis=1) / np.linalg.norm(t, axis=1)


RNG = np.random.default_rng(3)
SCORES, LABELS = RNG.normal(size=(8, 4)), RNG.integers(0, 4, 8)
P, BITS = RNG.uniform(0.1, 0.9, (8, 3)), RNG.integers(0, 2, (8, 3)).astype(float)
POSITIVE, NUMBERS = RNG.uniform(0.5, 2, (8, 3)), RNG.uniform(0.5, 2, (8, 3))
DISTRIBUTIONS = _softmax(RNG.normal(size=(8, 4)))

# Name: output, target, what the mean is taken of.
Formula = Callable[[Array, Array], Any]
NAMES: dict[str, tuple[Array, Array, Formula]] = {
    "cross_entropy": (SCORES, LABELS, lambda x, y: _entropy(_softmax(x), y)),
    "categorical_crossentropy": (_softmax(SCORES), LABELS, _entropy),
    "sparse_categorical_crossentropy": (_softmax(SCORES), LABELS, _entropy),
    "focal_loss": (SCORES, LABELS, lambda x, y: _focal(_softmax(x), y)),
    "categorical_focal_crossentropy": (
        _softmax(SCORES), LABELS, lambda p, y: 0.25 * _focal(p, y)
    ),
    "nll": (np.log(_softmax(SCORES)), LABELS, lambda x, y: _entropy(np.exp(x), y)),
    "binary_cross_entropy": (P, BITS, _binary_entropy),
    "binary_crossentropy": (P, BITS, _binary_entropy),
    "binary_cross_entropy_with_logits": (
        SCORES[:, :3], BITS, lambda x, t: _binary_entropy(_sigmoid(x), t)
    ),
    "binary_focal_crossentropy": (P, BITS, _binary_focal),
    "sigmoid_focal_loss": (
        SCORES[:, :3], BITS,
        lambda x, t: _binary_focal(_sigmoid(x), t) * (0.25 * t + 0.75 * (1 - t)),
    ),
    **dict.fromkeys(("mse", "mean_squared_error"), (POSITIVE, NUMBERS, lambda x, t: (x - t) ** 2)),
    **dict.fromkeys(("mae", "mean_absolute_error"), (POSITIVE, NUMBERS, lambda x, t: abs(x - t))),
    **dict.fromkeys(("msle", "mean_squared_logarithmic_error"), (POSITIVE, NUMBERS, _logarithmic)),
    **dict.fromkeys(
        ("mape", "mean_absolute_percentage_error"),
        (POSITIVE, NUMBERS, lambda x, t: 100 * abs(x - t) / t),
    ),
    **dict.fromkeys(
        ("huber", "smooth_l1"),
        (3 * SCORES[:, :3], NUMBERS,
         lambda x, t: np.where(abs(x - t) < 1, (x - t) ** 2 / 2, abs(x - t) - 0.5)),
    ),
    "log_cosh": (POSITIVE, NUMBERS, lambda x, t: np.log(np.cosh(x - t))),
    "hinge": (SCORES[:, :3], BITS, lambda x, t: np.maximum(0, 1 - (2 * t - 1) * x)),
    "squared_hinge": (SCORES[:, :3], BITS, lambda x, t: np.maximum(0, 1 - (2 * t - 1) * x) ** 2),
    "dice": (P, BITS, lambda p, t: 1 - 2 * (p * t).sum() / (p.sum() + t.sum())),
    "kl_divergence": (
        _softmax(SCORES), DISTRIBUTIONS, lambda p, t: (t * np.log(t / p)).sum(axis=1)
    ),
    "poisson": (POSITIVE, NUMBERS, lambda x, t: x - t * np.log(x)),
    "cosine_similarity": (SCORES[:, :3], NUMBERS, _cosine),
}  # fmt: skip


def test_every_name_is_walked():
    assert set(NAMES) == set(losses._BY_NAME)


class Given(pydl.Model):
    """Gives its input back."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(pydl.ones((1,)))

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        return x * self.scale


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_the_loss_of_a_model_is_the_formula(name, jit):
    output, target, formula = NAMES[name]
    model = Given()
    model.compile(pydl.optim.SGD(model.parameters(), lr=1e-3), name, jit=jit)
    x = output.astype(np.float32)
    y = target if target.dtype.kind == "i" else target.astype(np.float32)
    found = model.evaluate(x, y, verbose=0)["loss"]
    assert found == pytest.approx(np.mean(formula(output, target)), rel=2e-5)
    assert np.isfinite(model.fit(x, y, verbose=0).history["loss"]).all()
    if "categorical" not in name and name != "cosine_similarity":  # these do not see scales
        assert model.scale.item() != 1


def test_modules_are_known_as_well():
    for module, is_known in losses._BY_MODULE.items():
        assert losses.get(module()).known and is_known.known
    column, line = np.ones((6, 1), np.float32), np.zeros(6, np.float32)
    for loss in (nn.HuberLoss(), nn.SigmoidFocalLoss(), nn.DiceLoss(), "log_cosh"):
        model = Given()
        model.compile("sgd", loss)
        assert np.isfinite(model.evaluate(column, line, verbose=0)["loss"])
