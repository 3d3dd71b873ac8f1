"""Small kernels that run at the same time: the results are those of one after the other."""

import numpy as np
import pytest

import pydl
from pydl import Tensor, nn


@pytest.fixture(params=[2, 5])
def threads(request: pytest.FixtureRequest) -> object:
    before = pydl.get_num_threads()
    pydl.set_num_threads(request.param)
    yield
    pydl.set_num_threads(before)


def _wide(x: Tensor, y: Tensor, seed: int) -> Tensor:
    """A random graph of products and elementwise chains, with much that is independent."""
    rng = np.random.default_rng(seed)
    values = [x, y]
    for _ in range(24):
        a, b = (values[int(i)] for i in rng.integers(max(0, len(values) - 6), len(values), 2))
        match int(rng.integers(0, 4)):
            case 0:
                values.append(a @ b * 0.1)
            case 1:
                values.append((a + b).tanh())
            case 2:
                values.append((a * b).exp().clip(0.0, 2.0) - 0.5)
            case _:
                values.append(a.T * 0.5 + b)
    return sum((value.sum() for value in values[2:]), start=x.sum()) + values[-1] @ values[-2]


@pytest.mark.parametrize("seed", range(8))
def test_random_graphs(threads: object, seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(60, 130))

    def function(x: Tensor, y: Tensor) -> Tensor:
        return _wide(x, y, seed)

    together = pydl.compile(function)
    in_order = pydl.compile(function, without=["concurrent"])
    for _ in range(5):
        x, y = (pydl.tensor(rng.uniform(-1, 1, (size, size))) for _ in range(2))
        expected = np.asarray(function(x, y))
        np.testing.assert_allclose(np.asarray(in_order(x, y)), expected, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(np.asarray(together(x, y)), expected, rtol=1e-9, atol=1e-9)


def _losses(without: list[str]) -> list[float]:
    rng = np.random.default_rng(3)
    x = pydl.tensor(rng.standard_normal((64, 96)).astype("f"))
    y = pydl.tensor(rng.integers(0, 10, 64))
    pydl.manual_seed(1)
    model = nn.Sequential(
        nn.Linear(96, 96), nn.Tanh(), nn.Linear(96, 80), nn.ReLU(), nn.Linear(80, 10)
    )
    optimizer = pydl.optim.Adam(model.parameters(), lr=1e-3)

    def step(x: Tensor, y: Tensor) -> Tensor:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    compiled = pydl.compile(step, state=[model, optimizer], without=without)
    return [compiled(x, y).item() for _ in range(30)]


def test_training_steps(threads: object) -> None:
    together = _losses([])
    np.testing.assert_allclose(together, _losses(["concurrent"]), rtol=1e-4)
    assert together[-1] < together[0]
