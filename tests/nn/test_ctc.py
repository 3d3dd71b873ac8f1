"""CTC loss: against PyTorch behind log-softmax, lengths, infinities, compiled, derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.nn import functional as F
from pydl.testing import check_gradients

RNG = np.random.default_rng(0)
STEPS, BATCH, CLASSES = 12, 3, 5
LOGITS = RNG.standard_normal((STEPS, BATCH, CLASSES)) * 3
TARGETS = np.array([[1, 2, 2, 4], [3, 1, 0, 0], [2, 2, 2, 0]])
INPUT_LENGTHS, TARGET_LENGTHS = np.array([12, 10, 7]), np.array([4, 2, 3])
JOINED = np.array([1, 2, 2, 4, 3, 1, 2, 2, 2])


@pytest.mark.parametrize("targets", [TARGETS, JOINED], ids=["matrix", "joined"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_as_in_torch(reduction: Any, dtype: str, targets: Any) -> None:
    torch = pytest.importorskip("torch")
    x = pydl.tensor(LOGITS, dtype=dtype, requires_grad=True)
    t = torch.tensor(LOGITS, dtype=getattr(torch, dtype), requires_grad=True)
    lists = (targets, INPUT_LENGTHS, TARGET_LENGTHS)
    loss = nn.CTCLoss(reduction=reduction)(F.log_softmax(x, -1), *map(pydl.tensor, lists))
    twin = torch.nn.CTCLoss(reduction=reduction)
    expected = twin(t.log_softmax(-1), *map(torch.tensor, lists))
    np.testing.assert_allclose(loss.detach().numpy(), expected.detach().numpy(), 1e-5)
    loss.sum().backward()
    expected.sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), 1e-4, 1e-5)


def test_another_blank_and_empty_targets() -> None:
    torch = pytest.importorskip("torch")
    targets, steps, lengths = np.array([[0, 1], [3, 3], [1, 1]]), [12, 3, 5], [2, 2, 0]
    log_probs = F.log_softmax(pydl.tensor(LOGITS), -1)
    ours = F.ctc_loss(log_probs, targets, steps, lengths, blank=4)
    theirs = torch.nn.functional.ctc_loss(
        torch.tensor(log_probs.numpy()), torch.tensor(targets), steps, lengths, blank=4
    )
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-10)


def test_one_sequence() -> None:
    log_probs = F.log_softmax(pydl.tensor(LOGITS), -1)
    batched = F.ctc_loss(log_probs, TARGETS, INPUT_LENGTHS, TARGET_LENGTHS, reduction="none")
    alone = F.ctc_loss(log_probs[:, 1], TARGETS[1], 10, 2, reduction="none")
    assert alone.shape == ()
    assert alone.item() == pytest.approx(batched[1].item(), rel=1e-12)
    assert F.ctc_loss(log_probs[:, 1], TARGETS[1], 10, 2).item() == pytest.approx(
        alone.item() / 2, rel=1e-12
    )


@pytest.mark.parametrize("zero_infinity", [False, True])
def test_target_that_is_too_long(zero_infinity: bool) -> None:
    log_probs = F.log_softmax(pydl.tensor(LOGITS), -1).detach().requires_grad_()
    losses = F.ctc_loss(
        log_probs,
        TARGETS,
        [4, 10, 7],  # the first needs 5 steps, as a blank parts its two equal labels
        TARGET_LENGTHS,
        reduction="none",
        zero_infinity=zero_infinity,
    )
    losses.sum().backward()
    assert log_probs.grad is not None
    first = log_probs.grad.numpy()[:4, 0]
    assert losses[0].item() == (0.0 if zero_infinity else np.inf)
    assert (first == 0).all() if zero_infinity else np.isnan(first).any()
    assert np.isfinite(log_probs.grad.numpy()[:, 1:]).all()
    assert (log_probs.grad.numpy()[4:, 0] == 0).all()


def test_unlikely_targets_do_not_underflow() -> None:
    logits = np.zeros((200, 1, 4))
    logits[:, :, 0] = 100.0
    targets = RNG.integers(1, 4, (1, 60))
    x = pydl.tensor(logits, requires_grad=True)
    loss = F.ctc_loss(F.log_softmax(x, -1), targets, [200], [60], reduction="sum")
    assert 5800 < loss.item() < 6000
    loss.backward()
    assert x.grad is not None
    # Each label is passed once, wherever: 60 steps too few with the blank.
    np.testing.assert_allclose(x.grad.numpy()[:, 0, 0].sum(), 60, rtol=1e-6)


@pytest.mark.parametrize("spread", [1.0, 30.0, 1000.0])
@pytest.mark.parametrize("shift", [0.0, 500.0])
def test_numbers_of_any_size(spread: float, shift: float) -> None:
    """Likelihoods far outside the range of float64, of logits that are not normalised too."""
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(1).standard_normal((150, 2, 6)) * spread + shift
    targets = np.random.default_rng(2).integers(1, 6, (2, 40))
    lists = (targets, np.array([150, 120]), np.array([40, 30]))
    log_probs = pydl.tensor(x, requires_grad=True)
    loss = F.ctc_loss(log_probs, *map(pydl.tensor, lists), reduction="none")
    twin = torch.tensor(x)
    expected = torch.nn.functional.ctc_loss(twin, *map(torch.tensor, lists), reduction="none")
    np.testing.assert_allclose(loss.detach().numpy(), expected.numpy(), 1e-10)
    loss.sum().backward()
    assert log_probs.grad is not None
    passes = -log_probs.grad.numpy()
    # At each step that counts, some class is passed.
    np.testing.assert_allclose(passes.sum(-1)[:, 0], 1, rtol=1e-9)
    np.testing.assert_allclose(passes.sum(-1)[:, 1], [1.0] * 120 + [0.0] * 30, rtol=1e-9)


def test_derivative_of_logits() -> None:
    def loss(x: pydl.Tensor) -> pydl.Tensor:
        return F.ctc_loss(F.log_softmax(x, -1), TARGETS, INPUT_LENGTHS, TARGET_LENGTHS)

    check_gradients(loss, [LOGITS])


def test_second_derivative_is_refused() -> None:
    x = pydl.tensor(LOGITS, requires_grad=True)
    loss = F.ctc_loss(F.log_softmax(x, -1), TARGETS, INPUT_LENGTHS, TARGET_LENGTHS)
    (g,) = pydl.grad([loss], [x], create_graph=True)
    with pytest.raises(RuntimeError, match="ctc_loss: .* second derivative, is not available"):
        g.square().sum().backward()


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_compiled(reduction: Any) -> None:
    def step(x: pydl.Tensor, *lists: pydl.Tensor) -> tuple[pydl.Tensor, pydl.Tensor]:
        leaf = x.detach().requires_grad_()
        loss = nn.CTCLoss(reduction=reduction)(F.log_softmax(leaf, -1), *lists)
        (g,) = pydl.grad([loss.sum()], [leaf])
        return loss.detach(), g

    compiled = pydl.compile(step)
    lists = [pydl.tensor(a) for a in (TARGETS, INPUT_LENGTHS, TARGET_LENGTHS)]
    for scale in (1.0, 0.5):
        x = pydl.tensor(LOGITS * scale)
        for actual, expected in zip(compiled(x, *lists), step(x, *lists), strict=True):
            np.testing.assert_allclose(actual.numpy(), expected.numpy(), 1e-12, 1e-13)
    assert compiled.traces == 1
    with pytest.raises(ValueError, match="input length 13"):
        compiled(x, lists[0], lists[1] + 1, lists[2])


def test_errors() -> None:
    with pytest.raises(ValueError, match="CTCLoss: expected reduction"):
        nn.CTCLoss(reduction="max")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one length each"):
        F.ctc_loss(pydl.zeros((4, 3)), [1], [4, 4], [1])
