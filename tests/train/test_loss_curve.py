"""A tiny network must reproduce a stored loss curve."""

from __future__ import annotations

import numpy as np
import pytest

import pydl
from pydl import nn

# Printed by losses("float64") when the network was right by all other tests.
CURVE = [
    0.7886947201283431,
    0.5526636862927818,
    0.4100856564715782,
    0.38416752857396924,
    0.4157192763107658,
    0.324424696202562,
    0.40753351489170003,
    0.3922954100535848,
    0.3215145195932919,
    0.2523875916773876,
]


def data():
    """Points on a grid, and how many of their two coordinates are positive."""
    axis = np.linspace(-1, 1, 8)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    return points, (points > 0).sum(axis=1)


def losses(dtype, dropout=0.0):
    pydl.manual_seed(1234)
    model = nn.Sequential(
        nn.Linear(2, 32, dtype="float64"),
        nn.Tanh(),
        nn.Dropout(dropout),
        nn.Linear(32, 3, dtype="float64"),
    ).to(dtype)
    model.compile(pydl.optim.Adam(model.parameters(), lr=0.05), "cross_entropy")
    return model.fit(*data(), batch_size=8, epochs=10, verbose=0).history["loss"]


def test_stored_curve():
    assert losses("float64") == pytest.approx(CURVE, rel=1e-6)


def test_float32_stays_close():
    assert losses("float32") == pytest.approx(CURVE, rel=2e-2)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_does_not_depend_on_the_number_of_threads(dropout):
    before = pydl.get_num_threads()
    try:
        pydl.set_num_threads(1)
        one = losses("float32", dropout)
    finally:
        pydl.set_num_threads(before)
    assert losses("float32", dropout) == one


def test_pytorch_agrees_step_by_step():
    """The same weights, data and order: the losses of 20 steps in float64 are the same."""
    torch = pytest.importorskip("torch")
    x, y = data()
    pydl.manual_seed(7)
    model = nn.Sequential(
        nn.Linear(2, 16, dtype="float64"), nn.ReLU(), nn.Linear(16, 3, dtype="float64")
    )
    peer = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
    peer = peer.double()
    peer.load_state_dict({k: torch.tensor(v.numpy()) for k, v in model.state_dict().items()})
    ours = pydl.optim.Adam(model.parameters(), lr=0.02)
    theirs = torch.optim.Adam(peer.parameters(), lr=0.02)
    for _ in range(20):
        ours.zero_grad()
        loss = nn.functional.cross_entropy(model(pydl.tensor(x)), pydl.tensor(y))
        loss.backward()
        ours.step()
        theirs.zero_grad()
        expected = torch.nn.functional.cross_entropy(peer(torch.tensor(x)), torch.tensor(y))
        expected.backward()
        theirs.step()
        assert loss.item() == pytest.approx(expected.item(), rel=1e-9)
