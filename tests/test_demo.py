"""`pydl demo`: a few epochs of it."""

from __future__ import annotations

import io
import re
import sys

import numpy as np
import pytest

import pydl
from pydl import demo
from pydl.cli import main

pytest.importorskip("mlxtend")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """What two epochs print, and the folder that they write to."""
    folder = tmp_path_factory.mktemp("demo")
    text, before = io.StringIO(), sys.stdout
    sys.stdout = text
    try:
        status = main(["demo", "--epochs", "2", "--output", str(folder / "new")])
    finally:
        sys.stdout = before
    assert status == 0
    return text.getvalue(), folder / "new"


def test_prints_epochs_and_accuracy(outcome):
    text, _ = outcome
    assert "4,000 training and 1,000 test images" in text
    assert re.search(r"^epoch 2/2: .*loss=\d.*accuracy=0\.\d", text, re.M)
    accuracy = float(re.search(r"^test accuracy: (0\.\d{4})$", text, re.M)[1])
    assert 0.8 < accuracy < 1.0
    assert "loaded again, it predicts the same" in text


def test_writes_model_and_pictures(outcome):
    _, folder = outcome
    assert "4.weight" in pydl.load(folder / "digits.safetensors")
    pytest.importorskip("matplotlib")
    for name in ("history.png", "confusion.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_shows_images(outcome):
    text, _ = outcome
    assert sum("█" in line or "#" in line for line in text.splitlines()) >= 10


def test_picture_has_two_rows_of_pixels_in_a_line():
    image = np.zeros((4, 3), np.float32)
    image[2:, 1] = 1.0
    assert demo._picture(image) in (["   ", " █ "], ["   ", " # "])


def test_without_matplotlib_it_goes_on(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    demo.run("digits", 1, 0, tmp_path)
    assert "pip install 'pydl-core[demo]'" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["digits.safetensors"]
