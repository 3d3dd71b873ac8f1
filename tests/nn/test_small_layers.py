"""Layers that reshape, add noise, or hold parameters: values, against PyTorch, errors, copies."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest

import pydl
from pydl import nn


def _x(*shape):
    return pydl.asarray(np.random.default_rng(0).normal(size=shape).astype("float32"))


def test_shapes():
    x = _x(3, 4, 6)
    assert nn.Reshape(2, -1)(x).shape == nn.Reshape((2, 12))(x).shape == (3, 2, 12)
    assert nn.Reshape(-1)(pydl.zeros((0, 4, 6))).shape == (0, 24)
    assert nn.Reshape()(pydl.zeros((5, 1))).shape == (5,)
    np.testing.assert_array_equal(nn.Permute((2, 0, 1))(x).numpy(), x.numpy().transpose(2, 0, 1))
    assert nn.Unflatten(-1, (2, 3))(x).shape == (3, 4, 2, 3)
    with pytest.raises(ValueError, match="at most one -1"):
        nn.Reshape(-1, -1)
    with pytest.raises(TypeError, match=r"Permute: expected integers as axes, got 1\.5"):
        nn.Permute(0, 1.5)
    with pytest.raises(ValueError):
        nn.Reshape(5)(x)


def test_lambda():
    layer = nn.Sequential(nn.Lambda(lambda x: x * 2), nn.Lambda(pydl.square))
    assert layer(pydl.tensor([1.0])).tolist() == [4.0]
    assert copy.deepcopy(layer)(pydl.tensor([1.0])).tolist() == [4.0]
    assert pickle.loads(pickle.dumps(layer[1]))(pydl.tensor([3.0])).tolist() == [9.0]
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(layer)
    with pytest.raises(TypeError, match="Linear is a module"):
        nn.Lambda(nn.Linear(1, 1))
    with pytest.raises(TypeError, match="expected a function, got int"):
        nn.Lambda(3)


def test_time_distributed_is_the_layer_on_each_step():
    inner = nn.Conv2d(2, 3, 3)
    x = _x(2, 4, 2, 5, 5)
    y = nn.TimeDistributed(inner)(x)
    for step in range(4):
        np.testing.assert_allclose(
            y[:, step].detach().numpy(), inner(x[:, step]).detach().numpy(), rtol=1e-5, atol=1e-6
        )
    pairs = nn.TimeDistributed(nn.MaxPool2d(2, return_indices=True))(x)
    assert [part.shape for part in pairs] == [(2, 4, 2, 2, 2)] * 2
    with pytest.raises(ValueError, match="expected input"):
        nn.TimeDistributed(inner)(_x(3))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_alpha_dropout_has_the_values_of_pytorch(p):
    torch = pytest.importorskip("torch")
    kept = set()
    for result in (
        nn.AlphaDropout(p)(pydl.full((4000,), 0.5)).numpy(),
        torch.nn.AlphaDropout(p)(torch.full((4000,), 0.5)).numpy(),
    ):
        values, counts = np.unique(result.round(4), return_counts=True)
        assert len(values) == 2
        kept.add(tuple(values.tolist()))
        dropped = counts[np.argmin(np.abs(values - values.min()))]
        assert abs(dropped / 4000 - p) < 5 * math.sqrt(p * (1 - p) / 4000)
    assert len(kept) == 1


def test_moments_of_noise():
    x = pydl.full((100_000,), 2.0)
    noisy = nn.GaussianNoise(0.5)(x).numpy()
    assert abs(noisy.mean() - 2) < 0.01 and abs(noisy.std() - 0.5) < 0.01
    scaled = nn.GaussianDropout(0.2)(x).numpy()
    assert abs(scaled.mean() - 2) < 0.02 and abs(scaled.std() - 1.0) < 0.02
    normal = nn.AlphaDropout(0.3)(pydl.random.normal((100_000,))).numpy()
    assert abs(normal.mean()) < 0.02 and abs(normal.std() - 1) < 0.02
    assert not nn.AlphaDropout(1.0)(x).numpy().any()
    for layer in (nn.GaussianNoise(0.0), nn.GaussianDropout(0.0), nn.AlphaDropout(0.0)):
        np.testing.assert_array_equal(layer(x).numpy(), x.numpy())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("name", ["GaussianDropout", "AlphaDropout"])
def test_noise_keeps_dtypes(name, dtype):
    layer = getattr(nn, name)(0.5)
    assert layer(pydl.ones((3, 0, 2), dtype)).shape == (3, 0, 2)
    assert layer(pydl.ones((3,), dtype)).dtype == dtype
    assert nn.GaussianNoise(1.0)(pydl.ones((3,), dtype)).dtype == dtype


def test_wrong_noise():
    with pytest.raises(ValueError, match="GaussianNoise: expected a stddev"):
        nn.GaussianNoise(-1.0)
    with pytest.raises(ValueError, match="GaussianDropout"):
        nn.GaussianDropout(1.0)
    with pytest.raises(ValueError, match="AlphaDropout: expected a probability"):
        nn.AlphaDropout(2.0)


class Mixture(nn.Module):
    def __init__(self):
        super().__init__()
        self.scales = nn.ParameterList(pydl.ones((3,)) * i for i in range(3))
        self.named = nn.ParameterDict({"a": pydl.zeros((3,))})

    def forward(self, x):
        for scale in self.scales:
            x = x + scale
        return x * self.named["a"] + self.named.a


def test_parameters_in_containers_are_found():
    model = Mixture()
    names = ["scales.0", "scales.1", "scales.2", "named.a"]
    assert [name for name, _ in model.named_parameters()] == names
    assert list(model.state_dict()) == names
    model.scales.append(pydl.ones((3,)))
    model.scales[-1] = nn.Parameter(pydl.ones((2,)))
    assert model.scales[3].shape == (2,)
    model.named["b"] = pydl.ones((1,))
    assert "b" in model.named and len(list(model.parameters())) == 6
    del model.named["b"]
    model.to("float64")
    assert {p.dtype.name for p in model.parameters()} == {"float64"}
    assert model.scales[0].dtype == "float64"
    other = pickle.loads(pickle.dumps(copy.deepcopy(model)))
    assert list(other.state_dict()) == list(model.state_dict())
    model.trainable = False
    model.scales.append(pydl.ones((3,)))
    assert not model.scales[4].requires_grad
    with pytest.raises(IndexError, match="index 7 is outside its 5 parameters"):
        model.scales[7]
    with pytest.raises(TypeError, match="expected a Parameter or a Tensor for 5, got float"):
        model.scales.append(1.0)
    with pytest.raises(ValueError, match="'a.b' is not a name"):
        model.named["a.b"] = pydl.ones(())
    with pytest.raises(KeyError, match="there is no 'c'; it has a"):
        model.named["c"]
    assert "0: float64 (3,)" in repr(model)


def test_parameters_in_containers_learn_in_compiled_steps():
    model = Mixture()
    optimizer = pydl.optim.SGD(model.parameters(), lr=0.1)

    def step(x):
        optimizer.zero_grad()
        loss = (model(x) - 1).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    step = pydl.compile(step, state=[model, optimizer])
    losses = [float(step(_x(4, 3))) for _ in range(20)]
    assert losses[-1] < losses[0]


def test_features_by_name():
    inner = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    model = nn.Sequential(inner, nn.Linear(3, 2))
    x = _x(5, 4)
    features = nn.FeatureExtractor(model, ["0.1", ""])
    for run in (features, pydl.compile(features, state=[features])):
        found = run(x)
        assert list(found) == ["0.1", ""]
        np.testing.assert_allclose(found["0.1"].detach().numpy(), inner(x).detach().numpy())
        np.testing.assert_allclose(found[""].detach().numpy(), model(x).detach().numpy())
    assert not inner[1]._hooks
    assert next(n for n, _ in features.named_parameters()) == "model.0.0.weight"
    with pytest.raises(ValueError, match=r"has no layer '0\.2'; did you mean 0"):
        nn.FeatureExtractor(model, ["0.2"])
    unused = nn.ModuleDict({"a": nn.Linear(4, 4), "b": nn.Linear(4, 4)})
    unused.forward = lambda x: unused["a"](x)
    with pytest.raises(RuntimeError, match="did not call b"):
        nn.FeatureExtractor(unused, ["a", "b"])(x)
