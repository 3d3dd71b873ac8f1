"""Averages of weights: exponential ones and means, compiled, saved, and their batch norm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn


def network(dtype: str = "float32") -> Any:
    pydl.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4, dtype=dtype), nn.BatchNorm1d(4, dtype=dtype), nn.ReLU())


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("use_buffers", [False, True])
@pytest.mark.parametrize("decay", [None, 0.0, 0.9])
def test_averages(decay: float | None, use_buffers: bool, dtype: str) -> None:
    model = network(dtype)
    averaged = nn.AveragedModel(model, decay, use_buffers=use_buffers)
    seen: list[dict[str, np.ndarray]] = []
    rng = np.random.default_rng(0)
    for _ in range(5):
        for tensor in (*model.parameters(), model[1].running_mean):
            tensor.detach().copy_(pydl.tensor(rng.normal(size=tensor.shape)).astype(tensor.dtype))
        model[1].num_batches_tracked.copy_(model[1].num_batches_tracked + 2)
        averaged.update(model)
        seen.append({n: t.astype("float64").numpy() for n, t in model.state_dict().items()})
    expected = seen[0]
    for i, state in enumerate(seen[1:], 2):
        kept = 1 - 1 / i if decay is None else decay
        expected = {n: kept * expected[n] + (1 - kept) * state[n] for n in state}
    averages = dict(averaged.module.named_parameters())
    tolerance = {"float32": 1e-5, "float64": 1e-12, "bfloat16": 0.03}[dtype]
    for name, value in averaged.module.state_dict().items():
        is_averaged = name in averages or (use_buffers and value.dtype.is_floating)
        wanted = expected[name] if is_averaged else seen[-1][name]
        np.testing.assert_allclose(
            value.astype("float64").numpy(), wanted, rtol=tolerance, atol=tolerance, err_msg=name
        )
    assert averaged.n_averaged.item() == 5
    assert not any(p.requires_grad for p in averaged.parameters())


def test_first_update_copies_bits() -> None:
    model = network()
    averaged = nn.AveragedModel(model, 0.99)
    nn.init.normal_(model[0].weight)
    averaged.update(model)
    assert averaged.module[0].weight.tolist() == model[0].weight.tolist()


@pytest.mark.parametrize("decay", [None, 0.9])
def test_compiled_updates_are_eager_ones(decay: float | None) -> None:
    def train(compiled: bool) -> Any:
        model = network()
        averaged = nn.AveragedModel(model, decay)
        optimizer = pydl.optim.Adam(model.parameters(), lr=0.1)
        x = pydl.normal((8, 3))

        def step(x: pydl.Tensor) -> None:
            optimizer.zero_grad()
            model(x).square().mean().backward()
            optimizer.step()
            averaged.update(model)

        function = pydl.compile(step, state=[model, averaged, optimizer]) if compiled else step
        for _ in range(6):
            function(x)
        return {name: value.tolist() for name, value in averaged.state_dict().items()}

    assert train(True) == train(False)


def test_state_is_saved_and_restored(tmp_path: Any) -> None:
    model = network()
    averaged = nn.AveragedModel(model)
    for value in (1.0, 2.0):
        nn.init.constant_(model[0].weight, value)
        averaged.update(model)
    pydl.save(tmp_path / "average.safetensors", averaged)
    other = nn.AveragedModel(network())
    other.load_state_dict(pydl.load(tmp_path / "average.safetensors"))
    nn.init.constant_(model[0].weight, 6.0)
    for each in (averaged, other):
        each.update(model)
        np.testing.assert_allclose(each.module[0].weight.numpy(), 3.0)


def test_update_bn() -> None:
    layer = nn.BatchNorm1d(2, momentum=0.3)
    frozen = nn.BatchNorm1d(2)
    frozen.trainable = False
    model = nn.Sequential(layer, frozen)
    model.eval()
    batches = [np.random.default_rng(i).normal(size=(8, 2)).astype("float32") for i in range(3)]
    nn.update_bn([(pydl.tensor(x), None) for x in batches], model)
    np.testing.assert_allclose(
        layer.running_mean.numpy(), np.mean([x.mean(0) for x in batches], 0), atol=1e-6
    )
    np.testing.assert_allclose(
        layer.running_var.numpy(), np.mean([x.var(0, ddof=1) for x in batches], 0), rtol=1e-5
    )
    assert layer.num_batches_tracked.item() == 3 and layer.momentum == 0.3
    assert frozen.running_mean.tolist() == [0.0, 0.0]
    assert not model.training and not layer.training


def test_wrong_arguments() -> None:
    with pytest.raises(TypeError, match="AveragedModel: expected a module, got int"):
        nn.AveragedModel(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"expected decay in \[0, 1\), got 1"):
        nn.AveragedModel(network(), 1.0)
    with pytest.raises(ValueError, match=r"AveragedModel.update: expected the parameters"):
        nn.AveragedModel(network()).update(nn.Linear(2, 2))


@pytest.mark.parametrize("every", ["step", "epoch"])
def test_fit_averages(every: Any) -> None:
    model = network()
    model.compile("adam", "mse")
    averaged = nn.AveragedModel(model, 0.9)
    callback = pydl.training.WeightAveraging(averaged, every, start_epoch=1)
    x = np.zeros((16, 3), "float32")
    model.fit(x, np.ones((16, 4)), batch_size=4, epochs=3, callbacks=[callback], verbose=0)
    assert averaged.n_averaged.item() == (8 if every == "step" else 2)
    other = pydl.training.WeightAveraging(nn.AveragedModel(network(), 0.9))
    other.load_state_dict(callback.state_dict())
    assert other.averaged.n_averaged.item() == averaged.n_averaged.item()
