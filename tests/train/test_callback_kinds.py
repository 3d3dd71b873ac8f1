"""Each kind of callback by itself: against Keras's rules, resumed, copied, with wrong arguments."""

from __future__ import annotations

import copy
import csv
import inspect
import json
import math
import os
import pickle
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn, training
from pydl.training import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    EarlyStopping,
    JSONLinesLogger,
    LambdaCallback,
    LearningRateMonitor,
    LearningRateScheduler,
    MemoryMonitor,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TensorBoard,
    TerminateOnNaN,
    Timer,
    WeightAveraging,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 2)).astype(np.float32)
Y = X.sum(axis=1, keepdims=True)


def compiled(lr: float = 0.05, metrics: Any = ("mae",), **options: Any) -> Any:
    pydl.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.3), nn.Linear(4, 1))
    optimizer = pydl.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    model.compile(optimizer, "mse", list(metrics), **options)
    return model


def fit(*callbacks: Any, model: Any = None, **options: Any) -> Any:
    options = {"batch_size": 8, "epochs": 2, "verbose": 0} | options
    return (model or compiled()).fit(X, Y, callbacks=list(callbacks), **options)


# --- all of them ----------------------------------------------------------------------------------

KINDS = {
    name: kind
    for name in training.__all__
    if inspect.isclass(kind := getattr(training, name)) and issubclass(kind, Callback)
}
# What each needs to be made with its defaults.
ARGUMENTS: dict[str, Any] = {
    "BackupAndRestore": lambda model, folder: (folder / "backup",),
    "CSVLogger": lambda model, folder: (folder / "a.csv",),
    "JSONLinesLogger": lambda model, folder: (folder / "a.jsonl",),
    "LearningRateScheduler": lambda model, folder: (lambda epoch: 0.1 / (1 + epoch),),
    "ModelCheckpoint": lambda model, folder: (folder / "a.safetensors",),
    "TensorBoard": lambda model, folder: (folder / "logs",),
    "WeightAveraging": lambda model, folder: (nn.AveragedModel(model),),
}


def made(name: str, model: Any, folder: Path) -> Any:
    arguments = ARGUMENTS.get(name, lambda model, folder: ())(model, folder)
    return KINDS[name](*arguments)


@pytest.mark.parametrize("name", KINDS)
def test_every_callback_is_used_saved_and_copied(name: str, tmp_path: Path) -> None:
    model = compiled()
    callback = made(name, model, tmp_path)
    history = fit(callback, model=model, validation_data=(X, Y))
    assert history.epochs == [0, 1]
    pydl.save(tmp_path / "state", callback.state_dict())
    state = pydl.load(tmp_path / "state")
    again = made(name, model, tmp_path)
    again.load_state_dict(state)
    assert {k: v.tolist() for k, v in again.state_dict().items()} == {
        k: v.tolist() for k, v in callback.state_dict().items()
    }
    with pytest.raises(ValueError):
        again.load_state_dict({"other": pydl.tensor(1.0)})
    fit(again, model=model, validation_data=(X, Y))
    if name != "LearningRateScheduler":  # the lambda
        for other in (pickle.loads(pickle.dumps(callback)), copy.deepcopy(callback)):
            assert fit(other, validation_data=(X, Y)).epochs == [0, 1]
            assert {k: v.shape for k, v in other.state_dict().items()} == {
                k: v.shape for k, v in callback.state_dict().items()
            }


@pytest.mark.parametrize("name", KINDS)
def test_all_together_with_uneven_batches(name: str, tmp_path: Path) -> None:
    """Each beside all others, in both orders."""
    model = compiled()
    others = [made(each, model, tmp_path) for each in KINDS if each != name]
    one = made(name, model, tmp_path)
    assert fit(one, *others, model=model, batch_size=7, validation_split=0.3).epochs == [0, 1]
    assert fit(*others, one, model=model, batch_size=7, validation_split=0.3).epochs == [0, 1]


# --- EarlyStopping --------------------------------------------------------------------------------


class Values(Callback):
    """Gives epochs the values of a list."""

    def __init__(self, values: Any, name: str = "val_loss") -> None:
        self.values, self.name = values, name

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        logs[self.name] = self.values[epoch]


def keras_stops(values: Any, patience: int, delta: float, baseline: Any, start: int) -> Any:
    """The rules of Keras, written down once more: the epochs of the end and of the best."""
    best, wait, best_epoch = math.inf, 0, None
    for epoch, value in enumerate(values):
        if epoch < start:
            continue
        wait += 1
        if value < best - delta:
            best, best_epoch = value, epoch
            if baseline is None or value < baseline - delta:
                wait = 0
        elif wait >= patience:
            return epoch, best_epoch
    return None, best_epoch


@pytest.mark.parametrize("patience", [0, 1, 3])
@pytest.mark.parametrize("baseline", [None, 0.5])
@pytest.mark.parametrize("start", [0, 4])
def test_early_stopping_follows_keras(patience: int, baseline: Any, start: int) -> None:
    for seed in range(6):
        values = np.random.default_rng(seed).uniform(0.2, 1, size=12).tolist()
        stop = EarlyStopping(
            patience=patience, min_delta=0.05, baseline=baseline, start_from_epoch=start
        )
        history = fit(Values(values), stop, epochs=12)
        expected = keras_stops(values, patience, 0.05, baseline, start)
        assert (stop.stopped_epoch, stop.best_epoch) == expected
        assert len(history.epochs) == (12 if expected[0] is None else expected[0] + 1)


def test_early_stopping_tells(capsys: Any) -> None:
    stop = EarlyStopping(patience=1, verbose=1, restore_best_weights=True)
    fit(Values([1.0, 0.5, 0.7]), stop, epochs=3)
    assert capsys.readouterr().out.splitlines() == [
        "EarlyStopping: ended after epoch 3",
        "EarlyStopping: restored the weights of epoch 2",
    ]
    with pytest.raises(ValueError, match="expected baseline as a number, got 'a'"):
        EarlyStopping(baseline="a")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="start_from_epoch to be an integer of at least 0, got -1"):
        EarlyStopping(start_from_epoch=-1)


def test_early_stopping_takes_states_of_earlier_versions() -> None:
    stop = EarlyStopping()
    stop.load_state_dict({"best": pydl.tensor(0.5), "waited": pydl.tensor(2)})
    assert stop.best_epoch is None and int(stop.state_dict()["waited"]) == 2


# --- ReduceLROnPlateau ----------------------------------------------------------------------------


def keras_rates(values: Any, patience: int, cooldown: int, delta: float, least: float) -> Any:
    """The rules of Keras, written down once more: the rate of each epoch."""
    best, wait, waiting, rate, rates = math.inf, 0, 0, 0.4, []
    for value in values:
        rates.append(rate)
        if waiting > 0:
            waiting, wait = waiting - 1, 0
        if value < best - delta:
            best, wait = value, 0
        elif waiting <= 0:
            wait += 1
            if wait >= patience and rate > least:
                rate, waiting, wait = max(rate * 0.5, least), cooldown, 0
    return rates


@pytest.mark.parametrize("patience", [0, 1, 2, 3])
@pytest.mark.parametrize("cooldown", [0, 1, 2, 4])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_plateaus_follow_keras(patience: int, cooldown: int, mode: Any) -> None:
    sign = 1 if mode == "min" else -1
    for seed in range(4):
        values = np.random.default_rng(seed).uniform(0.2, 1, size=16).tolist()
        options: Any = {
            "factor": 0.5, "patience": patience, "cooldown": cooldown, "min_delta": 0.03,
            "min_lr": 0.02, "mode": mode,
        }  # fmt: skip
        expected = keras_rates(values, patience, cooldown, 0.03, 0.02)
        own = Values([sign * value for value in values])
        reduce = ReduceLROnPlateau(**options)
        history = fit(own, reduce, model=compiled(0.4), epochs=16, on_nan="ignore")
        assert history.history["learning_rate"] == pytest.approx(expected)
        # Stopped after 7 epochs, and resumed.
        model, first, second = compiled(0.4), ReduceLROnPlateau(**options), None
        before = fit(own, first, model=model, epochs=7, on_nan="ignore").history["learning_rate"]
        second = ReduceLROnPlateau(**options)
        second.load_state_dict(first.state_dict())
        after = fit(own, second, model=model, epochs=16, initial_epoch=7, on_nan="ignore")
        assert before + after.history["learning_rate"] == pytest.approx(expected)


def test_plateaus_check_their_options(capsys: Any) -> None:
    for options, message in (
        ({"factor": 1.0}, r"factor in \[0, 1\), got 1.0"),
        ({"patience": -1}, "patience to be an integer"),
        ({"cooldown": 0.5}, "cooldown to be an integer"),
        ({"min_delta": -1}, "min_delta of at least 0"),
        ({"min_lr": "a"}, "min_lr of at least 0"),
        ({"mode": "larger"}, "'min' or 'max', got 'larger'"),
    ):
        with pytest.raises(ValueError, match=message):
            ReduceLROnPlateau(**options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="ReduceLROnPlateau: .* got 'val_loss'; values with val_"):
        fit(ReduceLROnPlateau())
    fit(Values([1.0, 2.0]), ReduceLROnPlateau(patience=1, factor=0.5, verbose=1))
    assert capsys.readouterr().out == (
        "ReduceLROnPlateau: epoch 2: the learning rate is now 0.025\n"
    )


# --- ModelCheckpoint ------------------------------------------------------------------------------


def test_checkpoints_of_steps_and_some_epochs(tmp_path: Path) -> None:
    save = ModelCheckpoint(tmp_path / "{epoch}-{batch}-{mae:.1f}.safetensors", save_freq=3)
    fit(save, epochs=2)  # of 4 steps each
    assert sorted(p.name.rsplit("-", 1)[0] for p in tmp_path.iterdir()) == ["1-3", "2-2"]
    assert int(save.state_dict()["steps"]) == 8
    every = ModelCheckpoint(tmp_path / "epoch-{epoch}.safetensors", every_n_epochs=2)
    fit(every, epochs=5)
    names = sorted(p.name for p in tmp_path.glob("epoch-*"))
    assert names == ["epoch-2.safetensors", "epoch-4.safetensors"]


def test_the_best_of_steps(tmp_path: Path) -> None:
    best = ModelCheckpoint(
        tmp_path / "best.safetensors", "mae", save_best_only=True, mode="max", save_freq=1
    )
    seen = []
    watch = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["mae"]))
    fit(best, watch, epochs=1)
    assert float(best.state_dict()["best"]) == max(seen)


def test_best_and_last(tmp_path: Path, capsys: Any) -> None:
    save = ModelCheckpoint(
        tmp_path / "ünï" / "best.safetensors", save_best_only=True, save_last=True, verbose=1
    )
    model = compiled()
    fit(Values([0.5, 0.7]), save, model=model)
    folder = tmp_path / "ünï"
    assert sorted(p.name for p in folder.iterdir()) == ["best.safetensors", "last.safetensors"]
    last, best = (pydl.load(folder / f"{n}.safetensors")["0.weight"] for n in ("last", "best"))
    np.testing.assert_array_equal(last.numpy(), model[0].weight.detach().numpy())
    assert (last != best).any().item()
    assert capsys.readouterr().out == (
        f"ModelCheckpoint: saved {folder / 'best.safetensors'}, val_loss=0.5\n"
    )


def test_checkpoints_check_their_options(tmp_path: Path) -> None:
    for options, message in (
        ({"save_freq": 0}, "save_freq, unless 'epoch', to be an integer of at least 1, got 0"),
        ({"save_freq": "batch"}, "save_freq, unless 'epoch'"),
        ({"every_n_epochs": 0}, "every_n_epochs to be an integer of at least 1"),
        ({"save_freq": 2, "every_n_epochs": 2}, "save_freq or every_n_epochs, got both"),
    ):
        with pytest.raises(ValueError, match=message):
            ModelCheckpoint(tmp_path / "a", **options)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected path to be text, got 3"):
        ModelCheckpoint(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="last.safetensors' is where save_last writes"):
        fit(ModelCheckpoint(tmp_path / "last.safetensors", save_last=True))
    within = ModelCheckpoint(tmp_path / "{val_loss}.safetensors", save_freq=2)
    with pytest.raises(ValueError, match="one of epoch, batch, loss, mae in braces.*'val_loss'"):
        fit(within, validation_data=(X, Y))
    with pytest.raises(ValueError, match="one of epoch, loss, mae in braces, got 'batch'"):
        fit(ModelCheckpoint(tmp_path / "{batch}.safetensors"))
    within = ModelCheckpoint(tmp_path / "a", "val_loss", save_freq=2, save_best_only=True)
    with pytest.raises(ValueError, match="monitor to be one of loss, mae; got 'val_loss'"):
        fit(within, validation_data=(X, Y))
    assert list(tmp_path.iterdir()) == []


# --- loggers --------------------------------------------------------------------------------------


def rows(path: Path, separator: str = ",") -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=separator))


def test_csv_has_what_the_history_has(tmp_path: Path) -> None:
    path = tmp_path / "new" / "lög.csv"
    history = fit(CSVLogger(path, separator=";"), validation_data=(X, Y))
    found = rows(path, ";")
    assert list(found[0]) == ["epoch", "loss", "mae", "val_loss", "val_mae"]
    for name, values in history.history.items():
        assert [float(row[name]) for row in found] == values
    assert path.read_bytes().count(b"\n") == 3 and b"\r" not in path.read_bytes()


def test_csv_appends_with_the_same_columns(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    fit(CSVLogger(path), validation_data=(X, Y))
    path.write_bytes(path.read_bytes() + b"2,0.")  # killed within a line
    fit(CSVLogger(path, append=True), epochs=4, initial_epoch=2)  # without validation
    found = rows(path)
    assert [row["epoch"] for row in found] == ["0", "1", "2", "2", "3"]
    assert [row["val_loss"] for row in found[3:]] == ["NA", "NA"]
    before = path.read_bytes()
    with pytest.raises(ValueError, match="columns of .*log.csv', epoch, loss.*; got mse too; choo"):
        fit(CSVLogger(path, append=True), model=compiled(metrics=["mse"]))
    assert path.read_bytes() == before
    fit(CSVLogger(path))
    assert len(rows(path)) == 2
    fit(CSVLogger(tmp_path / "none.csv", append=True))
    assert len(rows(tmp_path / "none.csv")) == 2


def test_columns_that_come_later(tmp_path: Path) -> None:
    class Late(Callback):
        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            if epoch:
                logs["a,\"b'"] = 1.0

    with pytest.raises(ValueError, match="CSVLogger: .* got a,\"b' too"):
        fit(Late(), CSVLogger(tmp_path / "log.csv"))
    fit(LambdaCallback(on_epoch_end=lambda e, logs: logs.update({'ä,"': 1.0})),
        CSVLogger(tmp_path / "log.csv"))  # fmt: skip
    assert rows(tmp_path / "log.csv")[1]['ä,"'] == "1.0"
    fit(Late(), JSONLinesLogger(tmp_path / "log.jsonl"))
    assert "a,\"b'" in json.loads((tmp_path / "log.jsonl").read_text().splitlines()[1])


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    history = fit(Values([math.nan, math.inf], "größe"), JSONLinesLogger(path))
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [line["loss"] for line in lines] == history.history["loss"]
    assert [line["größe"] for line in lines] == [None, None]
    assert "größe" in path.read_text("utf-8")
    fit(JSONLinesLogger(path, append=True), initial_epoch=1)
    assert [json.loads(line)["epoch"] for line in path.read_text("utf-8").splitlines()] == [0, 1, 1]
    fit(JSONLinesLogger(path))
    assert len(path.read_text("utf-8").splitlines()) == 2


@pytest.mark.parametrize("kind", [CSVLogger, JSONLinesLogger])
def test_logs_of_a_resumed_training(kind: Any, tmp_path: Path) -> None:
    """Lines after the state, of a training that was killed, are replaced."""
    path = tmp_path / "log"
    whole = kind(tmp_path / "whole")
    values = Values([float(i) for i in range(6)])
    model = compiled(0.0)
    fit(values, whole, model=model, epochs=6)
    logger = kind(path)
    fit(values, logger, model=model, epochs=2)
    state = logger.state_dict()
    more = kind(path, append=True)
    fit(values, more, model=model, epochs=4, initial_epoch=2)
    resumed = kind(path)
    resumed.load_state_dict(state)
    fit(values, resumed, model=model, epochs=6, initial_epoch=2)
    text, expected = (p.read_text().splitlines() for p in (path, tmp_path / "whole"))
    assert len(text) == len(expected)
    # A new training begins anew.
    fit(values, resumed, model=model, epochs=1)
    assert len(path.read_text().splitlines()) == len(expected) - 5


@pytest.mark.parametrize("kind", [CSVLogger, JSONLinesLogger])
def test_logs_where_no_file_can_be(kind: Any, tmp_path: Path) -> None:
    steps = LambdaCallback(on_train_batch_begin=lambda batch: pytest.fail("a step was made"))
    with pytest.raises(IsADirectoryError, match=f"{kind.__name__}: .*got a folder"):
        fit(kind(tmp_path), steps)
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="file"):
        fit(kind(tmp_path / "file" / "log"), steps)
    with pytest.raises(TypeError, match="expected path to be text"):
        kind(3)
    if os.geteuid() != 0:
        (tmp_path / "file").chmod(stat.S_IRUSR)
        with pytest.raises(PermissionError, match="cannot be written"):
            fit(kind(tmp_path / "file"), steps)
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize("separator", ["", ",,", "\n", '"', 3])
def test_separators(separator: Any) -> None:
    with pytest.raises(ValueError, match="separator as one character"):
        CSVLogger("a.csv", separator=separator)


# --- the others -----------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:fit. the loss is")
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_terminate_on_nan(value: float) -> None:
    y = Y.copy()
    y[17] = value
    steps: list[int] = []
    count = LambdaCallback(on_train_batch_end=lambda batch: steps.append(batch))
    with pytest.warns(RuntimeWarning, match=r"TerminateOnNaN: the loss is \w+ in epoch 1, step 3"):
        history = compiled().fit(
            X, y, batch_size=8, epochs=5, shuffle=False, verbose=0,
            callbacks=[TerminateOnNaN(), count],
        )  # fmt: skip
    assert steps == [0, 1, 2] and history.epochs == [0]
    fit(TerminateOnNaN(), epochs=2)


def test_batches_in_which_nothing_counts_are_no_reason_to_end() -> None:
    model = nn.Sequential(nn.Linear(2, 3))
    model.compile("sgd", nn.CrossEntropyLoss(ignore_index=-100))
    y = np.arange(30) % 3
    y[:8] = -100
    options: Any = {"batch_size": 8, "epochs": 2, "shuffle": False, "verbose": 0}
    assert model.fit(X, y, callbacks=TerminateOnNaN(), **options).epochs == [0, 1]


def test_lambda_callbacks() -> None:
    seen: list[Any] = []
    callback = LambdaCallback(
        on_train_begin=lambda: seen.append("begin"),
        on_epoch_end=lambda epoch, logs: seen.append((epoch, sorted(logs))),
        on_train_end=lambda logs: seen.append(sorted(logs)),
        on_epoch_begin=None,
    )
    fit(callback, epochs=1)
    assert seen == ["begin", (0, ["loss", "mae"]), ["loss", "mae"]]
    with pytest.raises(TypeError, match="LambdaCallback: expected names of on_.*'end'"):
        LambdaCallback(end=print)
    with pytest.raises(TypeError, match="expected on_train_end to be a function, got int"):
        LambdaCallback(on_train_end=3)  # type: ignore[arg-type]


def test_timer() -> None:
    timer = Timer()
    history = fit(timer, epochs=3).history
    assert timer.epoch_seconds == history["epoch_seconds"] and len(timer.epoch_seconds) == 3
    pairs = zip(history["step_seconds"], timer.epoch_seconds, strict=True)
    assert all(0 < 4 * s <= e for s, e in pairs)
    rates = [30 / (4 * s) for s in history["step_seconds"]]
    assert history["samples_per_second"] == pytest.approx(rates)
    assert timer.time_elapsed() >= sum(timer.epoch_seconds)
    assert timer.time_remaining() == math.inf
    resumed = Timer(duration=timedelta(hours=1))
    resumed.load_state_dict(timer.state_dict())
    fit(resumed, epochs=4, initial_epoch=3)
    assert resumed.epoch_seconds[:3] == timer.epoch_seconds and len(resumed.epoch_seconds) == 4
    assert resumed.time_elapsed() > timer.time_elapsed()
    assert resumed.time_remaining() == pytest.approx(3600 - resumed.time_elapsed())
    for duration in (0, -1.0, "a", float("nan"), timedelta(0)):
        with pytest.raises(ValueError, match="Timer: expected duration above 0 seconds"):
            Timer(duration)  # type: ignore[arg-type]


def test_the_limit_of_time_ends_within_an_epoch() -> None:
    steps: list[int] = []
    count = LambdaCallback(on_train_batch_end=lambda batch: steps.append(batch))
    assert fit(Timer(duration=1e-9), count, epochs=5).epochs == [0]
    assert steps == [0]


def test_memory() -> None:
    class Take(Callback):
        def on_train_batch_end(self, batch: int) -> None:
            pydl.zeros((1 << 20,))  # 4 MiB

    history = fit(Take(), MemoryMonitor(), epochs=2).history
    assert min(history["peak_tensors_mib"]) >= 4
    if "resident_mib" in history:
        assert 10 < history["resident_mib"][0] <= history["peak_resident_mib"][0] * 1.01


def test_rates_in_the_history() -> None:
    rates = [0.1, 0.05]
    scheduler = LearningRateScheduler(lambda epoch: rates[epoch])
    stop = EarlyStopping("learning_rate", mode="max", patience=9)
    assert fit(scheduler, stop).history["learning_rate"] == pytest.approx(rates)
    assert fit(LearningRateMonitor(), stop).history["learning_rate"] == pytest.approx([0.05] * 2)
    with pytest.raises(ValueError, match="got 'learning_rate'"):
        fit(stop, LearningRateMonitor())
    assert "learning_rate" not in fit().history


def test_functions_of_epoch_and_rate() -> None:
    halve = LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
    history = fit(halve, model=compiled(0.25), epochs=3, on_nan="ignore").history
    assert history["learning_rate"] == [0.25, 0.125, 0.0625]
    same = LearningRateScheduler(lambda epoch, factor=0.5: factor)
    assert fit(same).history["learning_rate"] == [0.5, 0.5]
    assert fit(LearningRateScheduler(float), on_nan="ignore").history["learning_rate"] == [0.0, 1.0]


def test_averaging_checks_its_options() -> None:
    with pytest.raises(ValueError, match="start_epoch to be an integer"):
        WeightAveraging(nn.AveragedModel(compiled()), start_epoch=-1)
    with pytest.raises(ValueError, match="every to be 'epoch' or 'step'"):
        WeightAveraging(nn.AveragedModel(compiled()), every="batch")  # type: ignore[arg-type]


def test_folders_of_backups_and_boards_are_checked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for kind in (BackupAndRestore, TensorBoard):
        with pytest.raises(FileExistsError, match=f"{kind.__name__}: this folder cannot be made"):
            fit(kind(tmp_path / "file"))
        with pytest.raises(TypeError, match=f"{kind.__name__}: expected .*dir to be text, got 3"):
            kind(3)  # type: ignore[arg-type]
