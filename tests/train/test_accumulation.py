"""Accumulated batches are one large batch, whatever of them counts."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.training import Model
from pydl.training.losses import _BY_NAME

RNG = np.random.default_rng(4)
N, K = 22, 3
X = RNG.normal(size=(N, 4))
CLASSES = RNG.integers(0, K, N)
# Batches of 4 have 3, 0, 4, 1, 4 and 2 labels that count.
IGNORED = CLASSES.copy()
IGNORED[[1, 4, 5, 6, 7, 13, 14, 15]] = -100
NUMBERS = RNG.uniform(0.1, 0.9, (N, K))
BITS = RNG.integers(0, 2, (N, K)).astype(float)
WEIGHTS = RNG.uniform(size=N) * (RNG.uniform(size=N) < 0.6)
WEIGHTS[4:8] = 0
CLASS_WEIGHT = pydl.tensor([0.5, 3.0, 1.0], dtype="float64")


class Outputs(nn.Module):
    """Gives what a loss takes: logits, probabilities of classes or decisions, or logarithms."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.linear, self.kind = nn.Linear(4, K), kind

    def forward(self, x: Any) -> Any:
        y = self.linear(x)
        if self.kind == "softmax":
            return pydl.softmax(y, axis=1)
        if self.kind == "sigmoid":
            return pydl.sigmoid(y)
        return pydl.log_softmax(y, axis=1) if self.kind == "log" else y


def train(loss: Any, kind: str, targets: Any, size: int, accumulate: int, **options: Any) -> Any:
    pydl.manual_seed(1)
    model = Outputs(kind).to("float64")
    trainer = pydl.training.Trainer(
        model, pydl.optim.SGD(model.parameters(), lr=0.1, momentum=0.5), loss
    )
    data: Any = {"batch_size": size, "accumulate": accumulate, "shuffle": False, "verbose": 0}
    history = trainer.fit(X, targets, epochs=2, **data, **options)
    return [p.detach().numpy().copy() for p in model.parameters()], history.history["loss"]


def assert_one_batch(loss: Any, kind: str, targets: Any, **options: Any) -> None:
    for size, accumulate in ((4, 3), (5, 100), (1, 8)):
        found, _ = train(loss, kind, targets, size, accumulate, **options)
        expected, _ = train(loss, kind, targets, size * accumulate, 1, **options)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


CLASS_LOSSES: dict[str, tuple[Any, str]] = {
    "cross_entropy": (nn.CrossEntropyLoss(), "logits"),
    "cross_entropy weighted": (nn.CrossEntropyLoss(CLASS_WEIGHT), "logits"),
    "cross_entropy smoothed": (nn.CrossEntropyLoss(label_smoothing=0.1), "logits"),
    "cross_entropy both": (nn.CrossEntropyLoss(CLASS_WEIGHT, label_smoothing=0.1), "logits"),
    "cross_entropy sum": (nn.CrossEntropyLoss(reduction="sum"), "logits"),
    "cross_entropy none": (nn.CrossEntropyLoss(reduction="none"), "logits"),
    "nll": (nn.NLLLoss(), "log"),
    "nll weighted": (nn.NLLLoss(CLASS_WEIGHT), "log"),
    "focal": (nn.SoftmaxFocalLoss(), "logits"),
    "focal weighted": (nn.SoftmaxFocalLoss(CLASS_WEIGHT), "logits"),
    "sparse_categorical_crossentropy": ("sparse_categorical_crossentropy", "softmax"),
    "categorical_focal_crossentropy": ("categorical_focal_crossentropy", "softmax"),
}


@pytest.mark.parametrize("name", CLASS_LOSSES)
@pytest.mark.parametrize("weighted", [False, True])
def test_labels_that_do_not_count(name: str, weighted: bool) -> None:
    options = {"sample_weight": WEIGHTS} if weighted else {}
    assert_one_batch(*CLASS_LOSSES[name], IGNORED, on_nan="ignore", **options)


def test_another_ignored_label() -> None:
    assert_one_batch(nn.CrossEntropyLoss(ignore_index=1), "logits", CLASSES, on_nan="ignore")


def _kind(name: str) -> tuple[str, Any]:
    """Return what a loss takes as outputs, and targets for it."""
    loss = _BY_NAME[name]
    if loss.ignore_index is not None:
        kind = "softmax" if loss.output == "probabilities" else "log" if name == "nll" else "logits"
        return kind, CLASSES
    if loss.binary:
        return "sigmoid" if loss.output == "probabilities" else "logits", BITS
    if name == "kl_divergence":
        return "softmax", NUMBERS / NUMBERS.sum(axis=1, keepdims=True)
    return "sigmoid", BITS if name == "dice" else NUMBERS


# The Dice coefficient is one of a whole batch, of which no sums over samples are the same.
@pytest.mark.parametrize("name", [name for name in _BY_NAME if name != "dice"])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_loss_by_name(name: str, weighted: bool) -> None:
    kind, targets = _kind(name)
    assert_one_batch(name, kind, targets, **({"sample_weight": WEIGHTS} if weighted else {}))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    "make",
    [
        lambda r: nn.MSELoss(reduction=r),
        lambda r: nn.BCEWithLogitsLoss(pydl.tensor([1.0, 2.0, 0.5], dtype="float64"), reduction=r),
        lambda r: nn.KLDivLoss(reduction="batchmean" if r == "mean" else r),
        lambda r: nn.DiceLoss(axis=1, reduction=r),
    ],
    ids=["mse", "bce", "kl", "dice"],
)
def test_reductions(make: Any, reduction: str) -> None:
    loss = make(reduction)
    kind = {nn.BCEWithLogitsLoss: "logits", nn.KLDivLoss: "log"}.get(type(loss), "sigmoid")
    assert_one_batch(loss, kind, BITS)


@pytest.mark.parametrize("kind", ["plain", "ignored", "mixed", "penalised", "frozen"])
@pytest.mark.parametrize("jit", [True, False])
def test_several_outputs_that_count_differently(kind: str, jit: bool) -> None:
    class Two(Model):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Linear(4, 5)
            self.a, self.b, self.c = nn.Linear(5, K), nn.Linear(5, K), nn.Linear(5, 1)
            if kind == "frozen":
                self.body.weight.requires_grad = False

        def forward(self, x: Any) -> Any:
            h = pydl.tanh(self.body(x))
            return {"a": self.a(h), "b": self.b(h), "c": self.c(h)}

    other = IGNORED.copy()
    other[:9] = -100
    targets: Any = {"a": IGNORED, "b": other}
    losses: Any = {"a": "cross_entropy", "b": nn.CrossEntropyLoss(CLASS_WEIGHT)}
    if kind == "plain":
        targets = {"a": CLASSES, "b": CLASSES[::-1].copy()}
    if kind in ("mixed", "frozen"):
        targets["c"], losses["c"] = X.sum(axis=1), nn.MSELoss(reduction="sum")

    def run(size: int, accumulate: int) -> Any:
        pydl.manual_seed(1)
        model = Two().to("float64")
        if kind == "penalised":
            nn.add_penalty(model.body, l2=0.1)
        model.compile(
            pydl.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1),
            losses,
            loss_weights={"a": 2.0},
            jit=jit,
        )
        options: Any = {"accumulate": accumulate, "shuffle": False, "verbose": 0, "epochs": 2}
        model.fit(X, targets, batch_size=size, on_nan="ignore", **options)
        return [p.detach().numpy().copy() for p in model.parameters()]

    for size, accumulate in ((4, 3), (5, 100)):
        for a, b in zip(run(size, accumulate), run(size * accumulate, 1), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_streams_of_uneven_batches() -> None:
    """Where numbers of samples are not known beforehand."""

    def batches(sizes: Any) -> Any:
        starts = np.cumsum([0, *sizes])
        return [(X[a:b], IGNORED[a:b]) for a, b in pairwise(starts)]

    def run(sizes: Any, accumulate: int) -> Any:
        pydl.manual_seed(1)
        model = nn.Sequential(nn.Linear(4, K)).to("float64")
        model.compile(pydl.optim.SGD(model.parameters(), lr=0.1), "cross_entropy")
        model.fit(iter(batches(sizes)), accumulate=accumulate, on_nan="ignore", verbose=0)
        return model[0].weight.detach().numpy()

    np.testing.assert_allclose(run([3, 7, 2, 8], 2), run([10, 10], 1), rtol=1e-9)
    np.testing.assert_allclose(run([3, 7, 2], 2), run([10, 2], 1), rtol=1e-9)
