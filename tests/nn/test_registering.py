"""What users of PyTorch type to register, find, convert and arrange the parts of a module."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn


class Empty(nn.Module):
    def forward(self, x: Any) -> Any:
        return x


def test_what_is_registered_is_found() -> None:
    module = Empty()
    module.register_buffer("mean", pydl.zeros(3))
    module.register_buffer("scratch", np.ones(2), persistent=False)
    module.register_buffer("none", None)
    module.register_parameter("weight", nn.Parameter(pydl.ones(2)))
    module.register_parameter("bias", None)
    module.add_module("layer", nn.Linear(2, 1))
    module.register_module("0", nn.ReLU())
    names = {"mean", "weight", "layer.weight", "layer.bias"}
    assert set(module.state_dict()) == names
    assert [name for name, _ in module.named_buffers()] == ["mean", "scratch"]
    assert module.none is None and module.bias is None
    assert isinstance(module.get_submodule("0"), nn.ReLU)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda m: m.register_buffer("a.b", pydl.ones(1)), ValueError, "'a.b' is no name"),
        (lambda m: m.register_buffer("train", pydl.ones(1)), ValueError, "'train' is taken"),
        (lambda m: m.register_parameter("w", pydl.ones(1)), TypeError, "expected a Parameter"),
        (lambda m: m.add_module("w", nn.ReLU), TypeError, "expected a Module or None, got type"),
        (lambda m: m.get_submodule("no"), AttributeError, "get_submodule: there is no 'no'"),
        (lambda m: m.get_parameter("mean"), AttributeError, "no parameter 'mean'"),
        (lambda m: m.get_buffer("x.mean"), AttributeError, "no buffer 'x.mean'"),
    ],
)
def test_what_is_wrong_is_named(call: Any, kind: type[Exception], message: str) -> None:
    module = Empty()
    module.register_buffer("mean", pydl.zeros(3))
    with pytest.raises(kind, match=message):
        call(module)


def test_paths() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Sequential(nn.BatchNorm1d(2)))
    assert model.get_submodule("") is model
    assert model.get_submodule("1.0") is model[1][0]
    assert model.get_parameter("0.weight") is model[0].weight
    assert model.get_buffer("1.0.running_mean") is model[1][0].running_mean


@pytest.mark.parametrize(
    ("verb", "dtype"),
    [("double", "float64"), ("half", "float16"), ("bfloat16", "bfloat16"), ("float", "float32")],
)
def test_conversions(verb: str, dtype: str) -> None:
    layer = nn.Linear(2, 1, dtype="float32" if verb != "float" else "float64")
    assert getattr(layer, verb)() is layer
    assert layer.weight.dtype.name == dtype
    assert layer.cpu() is layer


def test_lists_of_modules_change() -> None:
    a, b, c, d = (nn.Linear(1, i) for i in range(1, 5))
    layers = nn.ModuleList([a, b])
    layers += [c]
    assert list(layers.insert(1, d)) == [a, d, b, c]
    assert layers.pop(0) is a
    assert list(layers) == [d, b, c]
    del layers[-1]
    assert [name for name, _ in layers.named_parameters()] == [
        "0.weight", "0.bias", "1.weight", "1.bias",
    ]  # fmt: skip
    del layers[0:2]
    assert len(layers) == 0
    for wrong in (lambda: layers.pop(), lambda: layers.__delitem__(3)):
        with pytest.raises(IndexError, match="ModuleList: index"):
            wrong()
    with pytest.raises(TypeError, match="ModuleList: layer 0: expected a Module"):
        layers.insert(0, 5)  # type: ignore[arg-type]


def test_sequential_models_change() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    x = pydl.ones((1, 3))
    run = pydl.compile(lambda x: model(x), state=[model])
    first = run(x).tolist()
    assert model.insert(1, nn.Sigmoid()) is model
    assert isinstance(model[1], nn.Sigmoid) and len(model) == 3
    assert run(x).tolist() == model(x).tolist() != first  # compiled functions notice
    model.pop(1)
    assert run(x).tolist() == first
    model.extend([nn.Linear(1, 4)])
    assert run(x).shape == (1, 4)
    named = nn.Sequential(body=nn.Linear(3, 2), head=nn.Linear(2, 1))
    named.insert(1, nn.ReLU())
    assert [name for name, _ in named.named_children()] == ["body", "1", "head"]
    del named[0]
    assert [name for name, _ in named.named_children()] == ["0", "head"]


def test_dicts_of_modules_change() -> None:
    heads = nn.ModuleDict({"a": nn.Linear(1, 1)})
    heads.update({"b": nn.Linear(1, 2), "a": nn.ReLU()})
    assert list(heads) == ["a", "b"] and isinstance(heads["a"], nn.ReLU)
    assert isinstance(heads.pop("a"), nn.ReLU)
    with pytest.raises(KeyError, match="there is no 'a'"):
        heads.pop("a")
    heads.clear()
    assert len(heads) == 0 and list(heads.parameters()) == []
