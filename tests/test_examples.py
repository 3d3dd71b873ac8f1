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
    assert "12 photos for training, 12 for test" in capsys.readouterr().out
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


@pytest.fixture
def digits():
    try:
        return pydl.datasets.load_digits()
    except OSError:
        pytest.skip("the digits are not installed")


def test_layers_learn_one_after_the_other(digits, capsys):
    example = load_example("layer_by_layer")
    before, after = example.main(labelled=500, epochs=4, tuning=12)
    assert before < 0.4
    assert after > before + 0.3
    printed = capsys.readouterr().out
    assert printed.count("layer ") == len(example.SIZES) - 1
    assert "accuracy from 500 labels" in printed


def test_a_stack_holds_the_layers_that_were_trained():
    example = load_example("layer_by_layer")
    example.SIZES = (6, 4, 3)
    pydl.manual_seed(0)
    images = np.random.default_rng(0).random((32, 6)).astype(np.float32)
    layers = example.pretrained(images, epochs=1)
    kept = [layer[0].weight.detach().numpy().copy() for layer in layers]
    assert [weight.shape for weight in kept] == [(4, 6), (3, 4)]
    example.accuracy_after(layers, (images, np.arange(32) % 10), (images, np.arange(32) % 10), 1)
    for before, layer in zip(kept, layers, strict=True):  # fine-tuned, not copied
        assert not np.array_equal(before, layer[0].weight.detach().numpy())


def test_a_generator_finds_the_clusters(capsys):
    clusters, good = load_example("adversarial").main(epochs=30)
    assert clusters >= 6
    assert good > 0.4
    assert f"{clusters} of 8 clusters" in capsys.readouterr().out


def test_clusters_are_counted():
    example = load_example("adversarial")
    assert example.found(example.ring(800)) == (8, 1.0)
    one = np.repeat(example.centres()[:1], 100, axis=0)
    assert example.found(one) == (1, 1.0)
    assert example.found(np.zeros((10, 2), np.float32)) == (0, 0.0)


def test_films_have_two_inputs_and_two_answers(digits, capsys):
    accuracies = load_example("digit_films").main(epochs=3, limit=1500)
    assert accuracies["digit"] > 0.5
    assert accuracies["drift"] > 0.8
    assert "accuracy: 0." in capsys.readouterr().out


def test_films_drift_as_they_say():
    example = load_example("digit_films")
    image = np.zeros((3, 28, 28), np.float32)
    image[:, 5, 14] = 1.0
    inputs, targets = example.films(image, np.array([1, 2, 3]), seed=0)
    assert inputs["film"].shape == (3, example.FRAMES, 1, 28, 28)
    for film, light, drift in zip(inputs["film"], inputs["light"], targets["drift"], strict=True):
        place = np.argmax(film[-1, 0, 5])
        assert place == 14 + example.SHIFTS[drift] * (example.FRAMES - 1)
        assert film[-1, 0, 5, place] == light[0]


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
    assert "288 sentences for training, 32 for validation, 80 for test" in capsys.readouterr().out


def test_review_sentiment_divides_once():
    labels = np.arange(100) % 2
    parts = load_example("review_sentiment").divided(labels)
    assert [len(part) for part in parts] == [72, 8, 20]
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(100))


def test_speaker_recognition_tells_speakers_apart(capsys):
    try:
        pydl.datasets.load_japanese_vowels(fetch=False)
    except OSError:
        pytest.skip("JapaneseVowels is not installed")
    example = load_example("speaker_recognition")
    for layer in example.LAYERS:
        (accuracy,) = example.main(layer, epochs=10, seeds=1)
        assert 0.9 < accuracy <= 1.0
    assert "lstm, seed 0: test accuracy 0.9" in capsys.readouterr().out


@pytest.fixture
def sequences(monkeypatch):
    """The module that two examples import, which lies beside them."""
    monkeypatch.syspath_prepend(EXAMPLES)
    import sequence_to_sequence

    return sequence_to_sequence


def test_encoder_decoder_does_not_see_padding(sequences):
    pydl.manual_seed(0)
    model = sequences.EncoderDecoder(9, 8, embedding=6, hidden=10, encoder_layers=2).eval()
    short, long = ([5, 6], [4, 7, 5]), ([4, 5, 6, 7, 8], [6, 4, 5, 7, 4, 5])
    with pydl.no_grad():
        alone = model(*sequences.pair_collate([short], multiple=1)[:4])
        together = model(*sequences.pair_collate([long, short], multiple=4)[:4])
    assert alone.shape == (1, 4, 8)
    assert together.shape == (2, 8, 8)
    np.testing.assert_allclose(together[1, :4].numpy(), alone[0].numpy(), rtol=1e-5, atol=1e-6)


def test_attention_weighs_the_tokens_of_the_source(sequences):
    pydl.manual_seed(0)
    model = sequences.EncoderDecoder(9, 8, embedding=6, hidden=4)
    memory = pydl.randn((2, 3, 4))
    with pydl.no_grad():
        seen, weights = model.attend(pydl.randn((2, 5, 4)), memory, pydl.tensor([3, 2]))
    np.testing.assert_allclose(weights.sum(axis=-1).numpy(), np.ones((2, 5)), rtol=1e-6)
    assert weights[1, :, 2].tolist() == [0.0] * 5
    expected = np.einsum("nts,nsh->nth", weights.numpy(), memory.numpy())
    np.testing.assert_allclose(seen.numpy(), expected, rtol=1e-5, atol=1e-6)


def test_batches_of_pairs_shift_the_target(sequences):
    source, lengths, previous, target_lengths, following = sequences.pair_collate(
        [([7, 8, 9], [5, 6]), ([7], [])], multiple=4
    )
    assert source.tolist() == [[7, 8, 9, 0], [7, 0, 0, 0]]
    assert lengths.tolist() == [3, 1]
    assert previous.tolist() == [[2, 5, 6, 0], [2, 0, 0, 0]]
    assert target_lengths.tolist() == [3, 1]
    assert following.tolist() == [[5, 6, 3, 0], [3, 0, 0, 0]]
    scores = pydl.zeros((2, 4, 9))
    for place, token in (((0, 0), 5), ((0, 1), 4), ((0, 2), 3), ((1, 0), 3), ((1, 1), 8)):
        scores[(*place, token)] = 9.0
    right, tokens = sequences.TokenAccuracy().totals(scores, following)
    assert right.item() / tokens.item() == 0.75


def _spellings(count):
    """Words of a language where every letter is a sound, but `sh` is one sound."""
    random = np.random.default_rng(0)
    sounds = {"a": "AA1", "e": "EH0", "s": "S", "h": "HH", "t": "T", "n": "N"}
    words = {"".join(random.choice(list(sounds), random.integers(2, 7))) for _ in range(count)}
    sounds["$"] = "SH"
    return {w: [tuple(sounds[x] for x in w.replace("sh", "$"))] for w in sorted(words)}


def test_spelling_to_phonemes_learns_a_simple_language(sequences, monkeypatch, capsys):
    example = load_example("spelling_to_phonemes")
    monkeypatch.setattr(pydl.datasets, "load_pronunciations", lambda: _spellings(2500))
    exact = example.main(epochs=8, hidden=48, batch_size=32, lr=1e-2, held_out=100)
    assert exact > 0.8
    assert f"exact match: {exact:.4f}" in capsys.readouterr().out


def test_pronunciations_count_with_and_without_stress(sequences):
    example = load_example("spelling_to_phonemes")
    known = {"read": [("R", "EH1", "D"), ("R", "IY1", "D")], "a": [("AH0",)]}
    words = ["read", "a", "a", "a"]
    spoken = [["R", "IY1", "D"], ["AH0"], ["AH1"], ["EY1"]]
    assert example.exact_match(words, spoken, known) == (0.5, 0.75)


def test_translation_learns_a_simple_language(sequences, monkeypatch, capsys):
    example = load_example("translation")
    monkeypatch.setattr(pydl.datasets, "load_bible_verses", _verses)
    score = example.main(epochs=8, hidden=48, subwords=300, batch_size=32, lr=1e-2, held_out=50)
    assert score > 0.5
    assert "50 for test" in capsys.readouterr().out


def _verses():
    """English of a few words, whose adjectives follow the noun in Spanish."""
    nouns = {"house": "casa", "king": "rey", "river": "rio", "stone": "piedra", "tree": "arbol"}
    adjectives = {"great": "grande", "green": "verde", "strong": "fuerte", "sad": "triste"}
    verbs = {"is": "es", "was": "era", "saw": "vio"}
    parts = [(f"{a} {n}", f"{nouns[n]} {adjectives[a]}") for a in adjectives for n in nouns]
    return [
        (f"The {x} {verb} a {y}.", f"El {u} {verbs[verb]} un {v}.")
        for x, u in parts
        for y, v in parts
        for verb in verbs
    ]


def test_bleu_counts_common_ngrams(sequences):
    bleu = load_example("translation").bleu
    assert bleu([list("abcde")], [list("abcde")]) == pytest.approx(1.0)
    assert bleu([list("abcde")], [list("vwxyz")]) == 0.0
    # Of the candidate's n-grams 5 of 6, 3 of 5, 2 of 4 and 1 of 3 are the reference's.
    expected = (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25
    assert bleu([list("abcdxf")], [list("abcdef")]) == pytest.approx(expected)
    short = bleu([list("abcd")], [list("abcdef")])
    assert short == pytest.approx(np.exp(1 - 6 / 4))
