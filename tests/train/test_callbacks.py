"""Callbacks: what would fail at the end of an epoch fails before the first step."""

from __future__ import annotations

import inspect
import os
import stat

import numpy as np
import pytest

import pydl
from pydl import nn, training
from pydl.training import Callback, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau

X, Y = np.ones((8, 2), np.float32), np.ones((8, 1), np.float32)


class Steps(Callback):
    """Fails when a step is made, and leaves the names of values alone."""

    __module__ = "pydl.tests"

    def on_train_batch_end(self, step):
        raise AssertionError("a step was made")


def fit(*callbacks, metrics=("mae",), **options):
    model = nn.Sequential(nn.Linear(2, 1))
    model.compile("sgd", "mse", list(metrics))
    return model.fit(X, Y, callbacks=list(callbacks), verbose=0, **options)


CALLBACKS = [
    cls
    for cls in (getattr(training, name) for name in training.__all__)
    if inspect.isclass(cls) and issubclass(cls, Callback) and cls is not Callback
]

# Callback: what makes one that watches a value.
MONITORS = {
    EarlyStopping: lambda name, folder, mode="min": EarlyStopping(name, mode=mode),
    ModelCheckpoint: lambda name, folder, mode="min": ModelCheckpoint(
        folder / "a.safetensors", name, save_best_only=True, mode=mode
    ),
    ReduceLROnPlateau: lambda name, folder, mode="min": ReduceLROnPlateau(name, mode=mode),
}


# They compare no values; test_callback_kinds.py, test_schedules.py and others are about them.
WITHOUT_MONITOR = {
    *("BackupAndRestore", "CSVLogger", "JSONLinesLogger", "LambdaCallback", "LearningRateMonitor"),
    *("LearningRateScheduler", "MemoryMonitor", "TensorBoard", "TerminateOnNaN", "Timer"),
    "WeightAveraging",
}
CALLBACKS = [cls for cls in CALLBACKS if cls.__name__ not in WITHOUT_MONITOR]


def test_every_callback_is_walked():
    assert set(MONITORS) == set(CALLBACKS)


@pytest.mark.parametrize("cls", CALLBACKS)
@pytest.mark.parametrize("name", ["val_loss", "val_mae", "accuracy", "Loss", "epoch"])
def test_a_value_that_does_not_exist_is_named_before_the_first_step(cls, name, tmp_path):
    callback = MONITORS[cls](name, tmp_path)
    with pytest.raises(ValueError, match=f"{cls.__name__}: .*loss, mae; got '{name}"):
        fit(callback, Steps())
    assert list(tmp_path.iterdir()) == []
    if name.startswith("val_"):
        with pytest.raises(ValueError, match="need validation_data or validation_split"):
            fit(callback, Steps())
        assert fit(MONITORS[cls](name, tmp_path), validation_split=0.5).epochs == [0]


@pytest.mark.parametrize("cls", CALLBACKS)
def test_values_that_another_callback_adds_may_be_watched(cls, tmp_path):
    class Add(Callback):
        def on_epoch_end(self, epoch, logs):
            logs["lr"] = self.model.optimizer.lr

    assert fit(Add(), MONITORS[cls]("lr", tmp_path)).epochs == [0]
    checkpoint = ModelCheckpoint(tmp_path / "{lr:.2f}-{other}.safetensors")
    with pytest.raises(ValueError, match="expected one of epoch, loss, mae, lr in braces.*'other'"):
        fit(Add(), checkpoint)
    with pytest.raises(ValueError, match="got 'lr'"):
        fit(MONITORS[cls]("lr", tmp_path), Add(), Steps())


@pytest.mark.parametrize("cls", CALLBACKS)
def test_the_direction_is_known_or_asked_for(cls, tmp_path):
    names = [*training.metrics.NAMES, "loss"]
    for name in [*names, *(f"val_{name}" for name in names), "top5_accuracy", "val_F1"]:
        errors = ("loss", "error", "mse", "mae", "rmse", "mape", "msle", "entropy", "perplexity")
        sign = -1.0 if name.endswith(errors) else 1.0
        assert MONITORS[cls](name, tmp_path, "auto")._best._sign == sign
    with pytest.raises(ValueError, match="mode: whether 'lr' shall be large or small"):
        MONITORS[cls]("lr", tmp_path, "auto")


PATHS = {
    "{val_loss}.safetensors": "expected one of epoch, loss, mae in braces, got 'val_loss'",
    "{acc}.safetensors": "got 'acc'",
    "{}.safetensors": "got ''",
    "{0}.safetensors": "got '0'",
    "{epoch.safetensors": "path",
    "epoch}.safetensors": "path",
    "{loss:d}.safetensors": "path .*code 'd'",
    "{epoch:q}.safetensors": "path .*code 'q'",
    "{epoch!x}.safetensors": "path",
}


@pytest.mark.parametrize("path", PATHS)
def test_checkpoints_with_wrong_placeholders(path, tmp_path):
    with pytest.raises(ValueError, match=f"ModelCheckpoint: .*{PATHS[path]}"):
        fit(ModelCheckpoint(tmp_path / path), Steps())
    assert list(tmp_path.iterdir()) == []


def test_checkpoints_make_their_folders(tmp_path, monkeypatch):
    checkpoint = ModelCheckpoint(
        tmp_path / "a" / "run-{epoch}" / "{loss:.3f}-{val_mae}.safetensors"
    )
    fit(checkpoint, epochs=2, validation_data=(X, Y))
    assert [len(list((tmp_path / "a" / f"run-{i}").iterdir())) for i in (1, 2)] == [1, 1]
    monkeypatch.chdir(tmp_path)
    fit(ModelCheckpoint("here-{epoch:03d}.safetensors"))
    assert (tmp_path / "here-001.safetensors").is_file()
    fit(ModelCheckpoint("model.pydl"))
    assert pydl.load("model.pydl")(pydl.asarray(X)).shape == (8, 1)


def test_checkpoints_where_no_file_can_be(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OSError, match="file"):
        fit(ModelCheckpoint(tmp_path / "file" / "model.safetensors"), Steps())
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="got a folder"):
        fit(ModelCheckpoint(tmp_path / "folder"), Steps())
    if os.geteuid() != 0:  # root may write everywhere
        (tmp_path / "folder").chmod(stat.S_IRUSR | stat.S_IXUSR)
        with pytest.raises(PermissionError, match="no file can be written"):
            fit(ModelCheckpoint(tmp_path / "folder" / "model.safetensors"), Steps())


@pytest.mark.parametrize("options", [{"patience": -1}, {"patience": "3"}, {"patience": 1.5}])
def test_early_stopping_checks_its_options(options):
    with pytest.raises(ValueError, match="patience to be an integer of at least 0"):
        EarlyStopping("loss", **options)
    for value in (-0.1, "a", float("nan")):
        with pytest.raises(ValueError, match="min_delta of at least 0"):
            EarlyStopping("loss", min_delta=value)


class TestWhatIsNoCallback:
    def test_one_callback_needs_no_list(self):
        model = nn.Sequential(nn.Linear(2, 1))
        model.compile("sgd", "mse")
        stop = EarlyStopping("loss", min_delta=1e9)
        assert model.fit(X, Y, epochs=5, callbacks=stop, verbose=0).epochs == [0, 1]

    def test_classes_and_others(self):
        with pytest.raises(TypeError, match=r"the class EarlyStopping; write EarlyStopping\(\)"):
            fit(EarlyStopping)
        with pytest.raises(TypeError, match="expected callbacks, got function"):
            fit(lambda epoch: None)
        model = nn.Sequential(nn.Linear(2, 1))
        model.compile("sgd", "mse")
        with pytest.raises(TypeError, match="expected callbacks, got int"):
            model.fit(X, Y, callbacks=3)

    def test_methods_that_fit_never_calls(self):
        class Lightning(Callback):
            def on_train_epoch_end(self, trainer, module):
                raise AssertionError

        with pytest.raises(
            TypeError,
            match="fit: Lightning.on_train_epoch_end would never be called; write on_epoch_end",
        ):
            fit(Lightning(), Steps())
