"""The programs in examples/ do what they promise."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import pydl

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


def test_fashion_mnist_cnn_learns(capsys):
    try:
        pydl.datasets.load_fashion_mnist(fetch=False)
    except OSError:
        pytest.skip("Fashion-MNIST is not installed")
    accuracy = load_example("fashion_mnist_cnn").main(epochs=3, limit=1500)
    assert 0.5 < accuracy <= 1.0
    assert "epoch 3/3" in capsys.readouterr().out


def _write_image(path, seed, size=(40, 30), mode="RGBA"):
    image = pytest.importorskip("PIL.Image")
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], len(mode)))
    image.fromarray(pixels.astype(np.uint8), mode).save(path)


def test_transfer_learning_compares_both_ways(tmp_path, capsys):
    example = load_example("transfer_learning")
    for number, folder in enumerate(example.KINDS.values()):
        for copy in range(4):
            _write_image(tmp_path / folder / f"{copy}.png", 10 * number + copy)
    frozen, tuned = example.main(None, tmp_path, size=32, epochs=1)
    assert 0 <= frozen <= 1
    assert 0 <= tuned <= 1
    assert "12 photos to learn, 12 to test" in capsys.readouterr().out
    with pytest.raises(FileNotFoundError, match="tuxpaint"):
        example.photos(tmp_path / "missing", 32)


def test_class_activation_maps_are_drawn(tmp_path):
    pytest.importorskip("matplotlib")
    example = load_example("class_activation_maps")
    _write_image(tmp_path / "noise.png", 0, mode="RGB")
    (label,) = example.main(None, [tmp_path / "noise.png"], output=tmp_path)
    assert 0 <= label < 1000
    for name in ("activation", "features"):
        assert (tmp_path / f"noise-{name}.png").read_bytes().startswith(b"\x89PNG")


def test_class_activation_map_weighs_the_features_of_a_class():
    example = load_example("class_activation_maps")
    pydl.manual_seed(0)
    model = example.mobilenet_v2().eval()
    last = pydl.zeros((1, 1280, 7, 7))
    last[0, 3, 2, 5] = 1.0  # one bright place in one feature
    with pydl.no_grad():
        model.classifier[1].weight[7, 3] = 1000.0
    label, probability, map_ = example.class_activation_map(model, last)
    assert label == 7
    assert probability > 0.5
    brightest = np.unravel_index(map_.argmax(), map_.shape)
    assert np.abs(np.array(brightest) - (2.5 * 32, 5.5 * 32)).max() < 16
