"""The programs in examples/ do what they promise."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def load_example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def perceptron():
    return load_example("perceptron")


def test_perceptron_stops_making_mistakes(perceptron, capsys):
    assert 1 < perceptron.main() < 100
    assert "accuracy: 1.000" in capsys.readouterr().out


def test_perceptron_moves_by_the_rule(perceptron):
    model = perceptron.Perceptron(2)
    x = perceptron.pydl.tensor([[2.0, -1.0]])
    # The step of 0 is 1, so a target of 0 is a mistake: the weight moves by -1 times the input.
    assert model.learn(x, perceptron.pydl.tensor([0.0])) == 1
    assert model.linear.weight.tolist() == [[-2.0, 1.0]]
    assert model.linear.bias.tolist() == [-1.0]
    assert model.learn(x, perceptron.pydl.tensor([0.0])) == 0
