"""The output of `fit` in terminals and log files, and the methods of histories."""

from __future__ import annotations

import re
import signal
import sys
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.training import Callback, History

X, Y = np.ones((12, 2), np.float32), np.ones((12, 1), np.float32)
KINDS = ["tqdm", "own"]


def fit(**options: Any) -> Any:
    model = nn.Sequential(nn.Linear(2, 1))
    model.compile("sgd", "mse", ["mae"])
    return model.fit(X, Y, batch_size=4, **options)


@pytest.fixture(params=KINDS)
def bar(request: Any, monkeypatch: Any) -> str:
    if request.param == "tqdm":
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    return str(request.param)


class Interrupt(Callback):
    def on_train_batch_end(self, batch: int) -> None:
        if batch == 1:
            signal.raise_signal(signal.SIGINT)


def test_a_bar_is_always_there(bar: str, capsys: Any) -> None:
    fit(epochs=2, validation_data=(X, Y), verbose=1)
    last = capsys.readouterr().out.replace("\n", "\r").split("\r")
    lines = [line for line in last if "3/3" in line]
    assert "epoch 1/2: 100%|" in lines[0] and "epoch 2/2: 100%|" in lines[-1]
    assert re.search(r"[\d.]+ ms/step, loss=.*, mae=.*, val_loss=.*, val_mae=", lines[-1])


def test_bars_show_the_time_left(bar: str, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("pydl.training.progress._SECONDS_BETWEEN_UPDATES", 0.0)
    fit(verbose=1)
    assert re.search(r" 1/3 \[00:00<00:00, .*ms/step, loss=", capsys.readouterr().out)


def test_our_bar_fits_in_the_terminal(capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("pydl.training.progress._SECONDS_BETWEEN_UPDATES", 0.0)
    fit(verbose="auto")
    drawn = capsys.readouterr().out.strip().split("\r")
    assert len(drawn) == 5 and max(map(len, drawn[:-1])) < 40
    # The last one stays, and is whole.
    assert "100%" in drawn[-1] and "loss=" in drawn[-1] and "mae=" in drawn[-1]


@pytest.mark.parametrize("seconds", [0, 59.6, 61, 3725])
def test_times(seconds: float) -> None:
    from pydl.training.progress import _duration_of_step, _minutes

    assert _minutes(seconds) == {0: "00:00", 59.6: "01:00", 61: "01:01", 3725: "1:02:05"}[seconds]
    assert [_duration_of_step(t) for t in (2.0, 0.0123, 1e-5)] == [
        *("2.00 s/step", "12.3 ms/step", "0.01 ms/step")
    ]


def test_an_interrupted_epoch_is_not_lost(capsys: Any) -> None:
    fit(epochs=2, callbacks=Interrupt(), verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"epoch 1/2: [\d.]+ s, ended after 2 of 3 steps, loss=.*, mae=.*", lines[0])
    assert lines[1:] == ["fit: interrupted in epoch 1; the model keeps its state"]


def test_an_interrupted_bar_keeps_its_values(bar: str, capsys: Any) -> None:
    fit(epochs=2, callbacks=Interrupt(), verbose=1)
    text = capsys.readouterr().out
    assert re.search(r"2/3 \[.*loss=.*\]\s*\n+fit: interrupted in epoch 1", text)


def test_an_error_leaves_a_line(capsys: Any) -> None:
    class Fail(Callback):
        def on_train_batch_end(self, batch: int) -> None:
            if batch == 1:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fit(callbacks=Fail(), verbose=2)
    assert re.fullmatch(r"epoch 1/1: .* s, ended after 2 of 3 steps\n", capsys.readouterr().out)


def test_history_as_a_frame() -> None:
    pandas = pytest.importorskip("pandas")

    class Add(Callback):
        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            if epoch > 3:
                logs["late"] = 1.0

    history = fit(epochs=5, initial_epoch=3, callbacks=Add(), verbose=0)
    frame = history.to_frame()
    assert list(frame.columns) == ["loss", "mae", "late"]
    assert list(frame.index) == [3, 4] and frame.index.name == "epoch"
    assert frame["loss"].tolist() == history.history["loss"]
    assert pandas.isna(frame["late"][3]) and frame["late"][4] == 1.0
    assert History().to_frame().empty


def test_history_without_pandas(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="History.to_frame needs pandas"):
        History().to_frame()


def test_evaluate_shows_the_same(bar: str, capsys: Any) -> None:
    model = nn.Sequential(nn.Linear(2, 1))
    model.compile("sgd", "mse")
    model.evaluate(X, Y, batch_size=4, verbose=1)
    text = capsys.readouterr().out
    assert "evaluate: 100%|" in text and "3/3" in text and "ms/step, loss=" in text
    assert pydl.is_grad_enabled()
