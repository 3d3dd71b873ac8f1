"""Layers that find the sizes of their inputs at the first call."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import pydl
from pydl import nn

SHAPES = {1: (2, 4, 9), 2: (2, 4, 9, 8), 3: (2, 4, 5, 6, 4)}
CASES = {"Linear": ((3,), {"bias": False}, (2, 7, 5))}
for _n, _shape in SHAPES.items():
    CASES[f"Conv{_n}d"] = (6, 3), {"padding": 1, "groups": 2}, _shape
    CASES[f"ConvTranspose{_n}d"] = (6, 2), {"stride": 2, "groups": 2}, _shape
    CASES[f"BatchNorm{_n}d"] = (), {"momentum": 0.5}, _shape


def _x(shape):
    return pydl.asarray(np.random.default_rng(0).normal(size=shape).astype("float32"))


@pytest.mark.parametrize("name", CASES)
def test_the_first_call_makes_the_layer(name):
    arguments, options, shape = CASES[name]
    x = _x(shape)
    lazy = getattr(nn, f"Lazy{name}")(*arguments, **options)
    kind = getattr(nn, name)
    assert isinstance(lazy, kind)
    pydl.manual_seed(0)
    y = lazy(x)
    pydl.manual_seed(0)
    usual = kind(shape[-1] if name == "Linear" else shape[1], *arguments, **options)
    np.testing.assert_array_equal(y.detach().numpy(), usual(x).detach().numpy())
    assert type(lazy) is kind and repr(lazy) == repr(usual)
    assert list(lazy.state_dict()) == list(usual.state_dict())
    assert vars(lazy).keys() == vars(usual).keys()


@pytest.mark.parametrize(
    "asked",
    [
        lambda m: list(m.parameters()),
        lambda m: list(m.buffers()),
        lambda m: m.state_dict(),
        lambda m: m.load_state_dict({}, strict=False) and None,
        lambda m: m.to("float64"),
        lambda m: m.compile(pydl.optim.Adam(m.parameters()), "mse"),
        lambda m: m.summary(),
    ],
)
def test_parameters_are_not_there_before(asked):
    model = nn.Sequential(nn.Linear(2, 3), nn.LazyLinear(1))
    with pytest.raises(RuntimeError, match="LazyLinear has no parameters yet.* call the model"):
        asked(model)
    model(pydl.ones((1, 2)))
    if asked(model):
        assert len(list(model.parameters())) == 4


def test_a_model_is_trained_after_one_call():
    model = nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(1))
    assert "LazyConv2d(4, 3, stride=1" in repr(model)
    x = _x((8, 3, 5, 5))
    model.eval()(x)
    model.train()
    assert model[1].running_mean.numpy().any() == np.False_
    model.compile("adam", "mse")
    model.fit(x, np.ones((8, 1), "float32"), epochs=2, verbose=0)
    assert "Linear(in_features=36" in repr(model)


def test_modes_hooks_and_copies_before_the_first_call():
    layer = nn.LazyLinear(2)
    seen = []
    layer.register_forward_hook(lambda m, args, y: seen.append(y.shape))
    again = pickle.loads(pickle.dumps(nn.LazyLinear(2)))
    other = copy.deepcopy(layer)
    assert type(again) is type(other) is nn.LazyLinear
    layer.eval()(pydl.ones((1, 3)))
    assert seen == [(1, 2)] and not layer.training and type(layer) is nn.Linear
    assert type(other) is nn.LazyLinear
    assert other(pydl.ones((1, 5))).shape == (1, 2)


def test_compiled_functions_do_not_make_parameters():
    layer = nn.LazyLinear(2)
    with pytest.raises(RuntimeError, match="LazyLinear"):
        pydl.compile(lambda x: layer(x), state=[layer])(pydl.ones((1, 3)))
    with pytest.raises(ValueError, match="has no axis -2"):
        nn.LazyConv1d(1, 1)(pydl.ones((3,)))
