"""Ctrl-C during fit: ends at a step boundary, leaves a usable model and the old handler."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.training import Callback

X = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
Y = np.arange(64) % 3


def compiled():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    model.compile("adam", "cross_entropy", ["accuracy"])
    return model


class Interrupt(Callback):
    """Presses Ctrl-C after some steps."""

    def __init__(self, after, times=1):
        self.after, self.times, self.steps = after, times, 0

    def on_train_batch_end(self, step):
        self.steps += 1
        if self.steps == self.after:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)


def test_ends_after_the_step(capsys):
    before = signal.getsignal(signal.SIGINT)
    model, callback = compiled(), Interrupt(after=10)
    history = model.fit(X, Y, batch_size=8, epochs=5, callbacks=[callback], verbose=0)
    assert history.interrupted and history.epochs == [0]
    assert callback.steps == 10 and model.optimizer.steps == 10
    assert capsys.readouterr().out == "fit: interrupted in epoch 2; the model keeps its state\n"
    assert signal.getsignal(signal.SIGINT) is before


def test_model_is_usable_afterwards():
    model = compiled()
    model.fit(X, Y, batch_size=8, callbacks=[Interrupt(after=3)], verbose=0)
    assert np.isfinite(model.predict(X).numpy()).all() and not model.training
    history = model.fit(X, Y, epochs=2, verbose=0)
    assert history.epochs == [0, 1] and not history.interrupted


def test_second_time_raises_at_once():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        compiled().fit(X, Y, callbacks=[Interrupt(after=1, times=2)], verbose=0)
    assert signal.getsignal(signal.SIGINT) is before


def test_during_validation_the_epoch_does_not_count():
    class Metric:
        __name__ = "metric"

        def __init__(self, model):
            self.model = model

        def __call__(self, output, target):
            if not self.model.training:
                signal.raise_signal(signal.SIGINT)
            return output.mean()

    model = compiled()
    model.compile("adam", "cross_entropy", [Metric(model)])
    history = model.fit(X, Y, validation_data=(X, Y), epochs=3, verbose=0)
    assert history.interrupted and history.epochs == []


def test_handler_is_restored_after_an_error():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="linear"):
        compiled().fit(X[:, :2], Y, verbose=0)
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_leave_the_handler_alone():
    before, results = signal.getsignal(signal.SIGINT), []
    seen = []

    class Look(Callback):
        def on_train_batch_end(self, step):
            seen.append(signal.getsignal(signal.SIGINT))

    def train():
        results.append(compiled().fit(X, Y, callbacks=[Look()], verbose=0))

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert results[0].epochs == [0] and set(seen) == {before}


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        history = compiled().fit(X, Y, callbacks=[Interrupt(after=1)], verbose=0)
        assert not history.interrupted
    finally:
        signal.signal(signal.SIGINT, before)


PROGRAM = """
import numpy as np
import pydl
from pydl import nn

model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
model.compile("adam")
print("ready", flush=True)
history = model.fit(np.zeros((640, 4), np.float32), np.zeros(640, int), epochs=10**6, verbose=0)
print("interrupted", history.interrupted, np.isfinite(model.predict(np.ones((2, 4))).numpy()).all())
"""


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for one process on Windows")
def test_a_real_signal_from_outside(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    ) as run:
        assert run.stdout.readline() == "ready\n"
        time.sleep(0.5)
        run.send_signal(signal.SIGINT)
        output, _ = run.communicate(timeout=60)
    assert run.returncode == 0
    assert output.splitlines()[-1] == "interrupted True True"
    assert pydl.is_grad_enabled()
