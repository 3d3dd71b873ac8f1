"""Metrics of several values in `compile`: arrays in the history, not in the bar."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

import pydl
from pydl import nn
from pydl.metrics import ConfusionMatrix, IoU
from pydl.training import CSVLogger, EarlyStopping, JSONLinesLogger, ModelCheckpoint, TensorBoard

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4)).astype("float32")
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)


def model(*metrics: Any) -> Any:
    pydl.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 3))
    network.compile("sgd", "cross_entropy", [*metrics], learning_rate=0.1)
    return network


def test_history_and_evaluate(capsys: Any) -> None:
    network = model("accuracy", ConfusionMatrix(), IoU(average="none"))
    options: Any = {"epochs": 2, "batch_size": 16, "validation_data": (X, Y), "verbose": 1}
    history = network.fit(X, Y, **options)
    shown = capsys.readouterr().out
    assert "val_accuracy=" in shown and "confusion" not in shown
    expected = confusion_matrix(Y, network.predict(X).numpy().argmax(axis=1))
    found = network.evaluate(X, Y, batch_size=7, verbose=0)
    assert isinstance(found["confusion_matrix"], np.ndarray)
    np.testing.assert_array_equal(found["confusion_matrix"], expected)
    np.testing.assert_array_equal(history.history["val_confusion_matrix"][-1], expected)
    assert [matrix.sum() for matrix in history.history["confusion_matrix"]] == [50, 50]
    assert history.history["val_iou"][0].shape == (3,)
    on_batch = network.test_on_batch(X, Y)["confusion_matrix"]
    np.testing.assert_array_equal(on_batch, expected)
    # One epoch's array is not changed by the next.
    first, second = history.history["confusion_matrix"]
    assert first is not second and not np.shares_memory(first, second)
    assert "confusion" not in repr(history) and "accuracy=" in repr(history)


def test_frames_and_pictures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("pandas")
    history = model(ConfusionMatrix()).fit(X, Y, epochs=2, verbose=0)
    frame = history.to_frame()
    assert frame["confusion_matrix"][1].shape == (3, 3) and frame["loss"].dtype == "float64"
    figure = history.plot(tmp_path / "curves.png")
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss"]


def test_callbacks(tmp_path: Path) -> None:
    callbacks = [
        CSVLogger(tmp_path / "log.csv"),
        JSONLinesLogger(tmp_path / "log.jsonl"),
        TensorBoard(tmp_path / "board", update_freq="batch"),
        ModelCheckpoint(tmp_path / "{epoch}.safetensors"),
        EarlyStopping("loss"),
    ]
    history = model(ConfusionMatrix()).fit(X, Y, epochs=2, callbacks=callbacks, verbose=0)
    matrix = history.history["confusion_matrix"][1].tolist()
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert json.loads(lines[1])["confusion_matrix"] == matrix
    with open(tmp_path / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert json.loads(rows[1]["confusion_matrix"]) == matrix
    watch = EarlyStopping("confusion_matrix", mode="max")
    with pytest.raises(ValueError, match="expected monitor to be one of loss"):
        model(ConfusionMatrix()).fit(X, Y, callbacks=watch, verbose=0)
    CSVLogger(tmp_path / "log.csv", append=True)


def test_a_resumed_epoch_has_the_whole_matrix() -> None:
    class Save(pydl.training.Callback):
        def on_train_batch_end(self, batch: int) -> None:
            if batch == 1:
                self.state = self.trainer.state_dict()

    save, again = Save(), model(ConfusionMatrix())
    expected = model(ConfusionMatrix()).fit(X, Y, batch_size=16, callbacks=save, verbose=0).history
    again.trainer.load_state_dict(save.state)
    found = again.fit(X, Y, batch_size=16, verbose=0).history
    np.testing.assert_array_equal(found["confusion_matrix"], expected["confusion_matrix"])
