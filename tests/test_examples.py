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


def test_austen_characters_learn_a_text_that_repeats_itself(monkeypatch, capsys):
    pattern = "pride and sense and "
    novels = {"Emma": pattern * 500, "Persuasion": pattern * 200}
    monkeypatch.setattr(pydl.datasets, "load_austen", lambda: dict(novels))
    bits = load_example("austen_characters").main(epochs=20, hidden=64)
    assert 0 < bits < 0.5  # of log2(9) = 3.2 for characters by chance
    printed = capsys.readouterr().out
    assert "9 different" in printed
    assert "and sense and pride and sense" in printed.split("temperature 0.5")[1]


def test_austen_characters_are_cut_into_streams():
    example = load_example("austen_characters")
    parts = list(example.parts(np.arange(22), streams=2, length=5))
    assert [x.T.tolist() for x, _ in parts] == [
        [[0, 1, 2, 3, 4], [11, 12, 13, 14, 15]],
        [[5, 6, 7, 8, 9], [16, 17, 18, 19, 20]],
    ]
    assert all((y == x + 1).all() for x, y in parts)


def _made_up_weather(seed):
    """Temperatures that swing with a period of 96 hours: persistence fails, the past tells all."""
    hours = np.arange(1200)
    values = np.random.default_rng(seed).normal(size=(hours.size, 9)).astype(np.float32)
    values[:, 0] = 10 + 8 * np.sin(2 * np.pi * hours / 96) + 0.1 * values[:, 0]
    values[[5, 600], 7] = np.nan
    times = np.datetime64("2013-01-01", "h") + hours
    return pydl.datasets.Weather(times, values)


def test_weather_forecast_beats_persistence(monkeypatch, capsys):
    weather = {"EWR": _made_up_weather(0), "JFK": _made_up_weather(1)}
    monkeypatch.setattr(pydl.datasets, "load_weather", lambda: weather)
    errors = load_example("weather_forecast").main(epochs=8, runs=1)
    assert list(errors) == ["persistence", "GRU", "bidirectional LSTM", "convolutions"]
    persistence = errors.pop("persistence")
    # The mean of |sin(a + pi / 2) - sin(a)| is 2 sqrt(2) / pi.
    np.testing.assert_allclose(persistence, 8 * 2 * np.sqrt(2) / np.pi, rtol=0.1)
    for row in errors.values():
        assert len(row) == 2
        assert max(row) < 0.7 * min(persistence)
    assert "EWR     JFK" in capsys.readouterr().out


def test_weather_windows_reach_a_day_ahead():
    example = load_example("weather_forecast")
    series = example.channels(_made_up_weather(0))
    samples = example.windows(series)
    x, y = samples[10]
    row = int(samples.starts[10])
    assert x.shape == (48, 8)
    np.testing.assert_allclose(x.numpy()[:, 0], series[row : row + 48, 0])
    assert y.item() == series[row + 47 + 24, 0]


def test_review_sentiment_compares_three_ways(monkeypatch, capsys):
    rng = np.random.default_rng(0)
    words = np.array(["a", "film", "of", "the", "year", "story", "that", "acting"])
    ratings = rng.choice([-2.0, 2.0], 400)
    texts = [
        " ".join([*rng.choice(words, 6), "superb" if rating > 0 else "dull", *rng.choice(words, 3)])
        for rating in ratings
    ]
    monkeypatch.setattr(pydl.datasets, "load_movie_reviews", lambda: (texts, ratings))
    accuracies = load_example("review_sentiment").main(epochs=10, runs=1)
    majority = accuracies.pop("majority")
    assert 0.5 <= majority < 0.6
    assert list(accuracies) == ["bag of words, linear", "LSTM, both directions", "convolutions"]
    assert min(accuracies.values()) > 0.9
    assert "288 sentences to learn, 32 to stop by, 80 to test" in capsys.readouterr().out


def test_review_sentiment_divides_once():
    labels = np.arange(100) % 2
    parts = load_example("review_sentiment").divided(labels)
    assert [len(part) for part in parts] == [72, 8, 20]
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(100))
