"""Model: compile, fit, evaluate, predict, summary, save and load; callbacks and history."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.training import Callback, EarlyStopping, ModelCheckpoint


def blobs(count=120, classes=3, seed=0):
    """Well separated clusters in the plane."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    angle = 2 * np.pi * labels / classes
    points = 3 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return (points + generator.normal(scale=0.4, size=(count, 2))).astype(np.float32), labels


def classifier(*last, outputs=3):
    pydl.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, outputs), *last)


def compiled(metrics=("accuracy",), lr=0.02):
    model = classifier()
    model.compile(pydl.optim.Adam(model.parameters(), lr=lr), "cross_entropy", list(metrics))
    return model


class TestFit:
    def test_learns_and_records_history(self):
        x, y = blobs()
        model = compiled()
        history = model.fit(x, y, epochs=15, validation_data=blobs(seed=1), verbose=0)
        assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
        assert history.epochs == list(range(15)) and not history.interrupted
        assert all(len(values) == 15 for values in history.history.values())
        assert history.history["loss"][-1] < 0.2 * history.history["loss"][0]
        assert history.history["val_accuracy"][-1] > 0.98
        assert not model.training

    def test_last_smaller_batch_counts_and_weighs_by_its_size(self):
        x, y = blobs(10)
        model = compiled(lr=0.0)
        history = model.fit(x, y, batch_size=4, verbose=0, shuffle=False)
        assert model.optimizer.steps == 3
        whole = model.evaluate(x, y, batch_size=10, verbose=0)
        assert history.history["loss"][0] == pytest.approx(whole["loss"], rel=1e-5)
        assert history.history["accuracy"][0] == pytest.approx(whole["accuracy"])

    def test_validation_split_takes_the_end(self):
        x, y = blobs(20)
        model = compiled(lr=0.0)
        history = model.fit(x, y, batch_size=20, validation_split=0.25, verbose=0)
        expected = model.evaluate(x[15:], y[15:], verbose=0)["loss"]
        assert history.history["val_loss"][0] == pytest.approx(expected, rel=1e-5)
        assert model.optimizer.steps == 1
        with pytest.raises(ValueError, match="got both"):
            model.fit(x, y, validation_split=0.5, validation_data=(x, y))
        with pytest.raises(ValueError, match="leaves one part of 20 samples empty"):
            model.fit(x, y, validation_split=0.99)

    def test_initial_epoch_continues(self):
        x, y = blobs(12)
        history = compiled().fit(x, y, epochs=5, initial_epoch=3, verbose=0)
        assert history.epochs == [3, 4]

    def test_shuffling_is_by_the_seed(self):
        x, y = blobs()

        def losses(shuffle):
            model = compiled()
            pydl.manual_seed(5)
            return model.fit(x, y, epochs=2, shuffle=shuffle, verbose=0).history["loss"]

        assert losses(True) == losses(True)
        assert losses(True) != losses(False)

    @pytest.mark.parametrize("kind", ["tensors", "lists", "dataset", "loader", "float64"])
    def test_kinds_of_data(self, kind):
        x, y = blobs(24)
        data = {
            "tensors": lambda: (pydl.tensor(x), pydl.tensor(y)),
            "lists": lambda: (x.tolist(), y.tolist()),
            "dataset": lambda: (pydl.data.TensorDataset(x, y),),
            "loader": lambda: (pydl.data.DataLoader((x, y), 32),),
            "float64": lambda: (x.astype(np.float64), y),
        }[kind]()
        expected = compiled().fit(x, y, shuffle=False, verbose=0).history["loss"]
        found = compiled().fit(*data, shuffle=False, verbose=0).history["loss"]
        assert found == pytest.approx(expected, rel=1e-5)

    def test_several_inputs(self):
        class Sum(pydl.Model):
            def __init__(self):
                super().__init__()
                self.layer = nn.Linear(2, 3)

            def forward(self, a, b):
                return self.layer(a + b)

        x, y = blobs(24)
        model = Sum()
        model.compile("sgd")
        model.fit((x, x), y, verbose=0)
        assert model.predict((x, x)).shape == (24, 3)

    def test_missing_pieces_are_named(self):
        x, y = blobs(12)
        with pytest.raises(RuntimeError, match=r"Sequential.fit: call compile"):
            classifier().fit(x, y)
        with pytest.raises(ValueError, match="expected inputs and targets"):
            compiled().fit(x)
        with pytest.raises(ValueError, match="lengths"):
            compiled().fit(x, y[:-1])
        with pytest.raises(ValueError, match="got both"):
            compiled().fit(pydl.data.TensorDataset(x, y), y)

    def test_wrong_shape_names_the_layer(self):
        with pytest.raises(ValueError, match=r"^in Sequential.0 \(Linear.*: linear: "):
            compiled().fit(np.zeros((4, 5), np.float32), np.zeros(4, int), verbose=0)

    def test_frozen_layers_stay(self):
        x, y = blobs(24)
        model = compiled()
        model[0].requires_grad_(False)
        before = [p.detach().numpy().copy() for p in model.parameters()]
        model.fit(x, y, verbose=0)
        same = [
            (a == p.detach().numpy()).all() for a, p in zip(before, model.parameters(), strict=True)
        ]
        assert same == [True, True, False, False]


class TestCompile:
    @pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam", "adamw", pydl.optim.RMSprop])
    def test_optimizers(self, optimizer):
        x, y = blobs(24)
        model = classifier()
        model.compile(optimizer)
        history = model.fit(x, y, epochs=3, batch_size=8, verbose=0)
        assert history.history["loss"][-1] < history.history["loss"][0]

    def test_unknown_names_list_the_known(self):
        model = classifier()
        with pytest.raises(ValueError, match="optimizer of .*adam, .*; got 'qqq'"):
            model.compile("qqq")
        with pytest.raises(ValueError, match="loss of cross_entropy, .*got 'hing'"):
            model.compile("adam", "hing")
        with pytest.raises(ValueError, match="metric of accuracy, .*got 'f2'"):
            model.compile("adam", "mse", ["f2"])
        with pytest.raises(TypeError, match=r"write MSELoss\(\)"):
            model.compile("adam", nn.MSELoss)
        with pytest.raises(TypeError, match="expected an optimizer.* got int"):
            model.compile(3)

    def test_optimizer_of_another_model_is_refused(self):
        with pytest.raises(ValueError, match="has none of the model's parameters"):
            classifier().compile(pydl.optim.SGD(classifier().parameters()))

    def test_named_optimizer_follows_conversion_and_new_layers(self):
        x, y = blobs(24)
        model = classifier()
        model.compile("adam")
        model.to("float64").append(nn.Linear(3, 3, dtype="float64"))
        before = model[3].weight.detach().numpy().copy()
        model.fit(x, y, verbose=0)
        assert (model[3].weight.detach().numpy() != before).any()

    def test_loss_must_fit_the_last_layer(self):
        with pytest.raises(ValueError, match="takes logits, but the last layer, Softmax"):
            classifier(nn.Softmax()).compile("adam", "cross_entropy")
        with pytest.raises(ValueError, match="use loss='cross_entropy'"):
            classifier().compile("adam", "sparse_categorical_crossentropy")
        with pytest.raises(ValueError, match="end the model with Sigmoid"):
            classifier(outputs=1).compile("adam", "binary_crossentropy")

    def test_keras_losses_of_probabilities_equal_ours_of_logits(self):
        x, y = blobs(24)
        ours, keras = classifier(), classifier(nn.Softmax())
        ours.compile("sgd", "cross_entropy")
        keras.compile("sgd", "sparse_categorical_crossentropy")
        expected = ours.fit(x, y, epochs=3, shuffle=False, verbose=0).history["loss"]
        found = keras.fit(x, y, epochs=3, shuffle=False, verbose=0).history["loss"]
        assert found == pytest.approx(expected, rel=1e-4)

    def test_custom_loss_may_return_one_value_per_sample(self):
        x, y = blobs(24)
        model = classifier()
        model.compile("sgd", lambda out, target: nn.functional.cross_entropy(
            out, target, reduction="none"))  # fmt: skip
        found = model.evaluate(x, y, verbose=0)["loss"]
        model.compile("sgd", nn.CrossEntropyLoss())
        assert found == pytest.approx(model.evaluate(x, y, verbose=0)["loss"], rel=1e-5)


class TestMetrics:
    def test_accuracy_of_classes_and_one_hot(self):
        x, y = blobs()
        model = compiled()
        model.fit(x, y, epochs=2, verbose=0)
        expected = (model.predict(x).numpy().argmax(axis=1) == y).mean()
        assert expected > 0.3
        assert model.evaluate(x, y, verbose=0)["accuracy"] == pytest.approx(expected)
        one_hot = np.eye(3)[y]
        assert model.evaluate(x, one_hot, verbose=0)["accuracy"] == pytest.approx(expected)

    @pytest.mark.parametrize(
        ("loss", "last"),
        [("binary_cross_entropy_with_logits", []), ("binary_crossentropy", [nn.Sigmoid()])],
    )
    def test_binary_accuracy(self, loss, last):
        x, labels = blobs(classes=2)
        y = labels[:, None].astype(np.float32)
        model = classifier(*last, outputs=1)
        model.compile(pydl.optim.Adam(model.parameters(), lr=0.02), loss, ["accuracy"])
        start = model.evaluate(x, y, verbose=0)["accuracy"]
        threshold = 0.5 if last else 0.0
        assert start == pytest.approx(((model.predict(x).numpy() > threshold) == y).mean())
        model.fit(x, y, epochs=20, verbose=0)
        assert model.evaluate(x, y, verbose=0)["accuracy"] > 0.98

    def test_functions_are_reported_by_name(self):
        def largest(output, target):
            return output.max()

        x, y = blobs(24)
        assert set(compiled([largest]).evaluate(x, y, verbose=0)) == {"loss", "largest"}
        with pytest.raises(ValueError, match="a metric named 'accuracy' already"):
            compiled(["accuracy", "acc"])


class TestPredict:
    def test_keeps_order_and_mode(self):
        x, _ = blobs(50)
        model = nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.9))
        result = model.predict(x, batch_size=16)
        expected = x @ model[0].weight.detach().numpy().T + model[0].bias.detach().numpy()
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-4, atol=1e-5)
        assert model.training and not result.requires_grad

    def test_no_samples(self):
        with pytest.raises(ValueError, match="at least one sample"):
            classifier().predict(np.zeros((0, 2), np.float32))


class TestCallbacks:
    def test_order_of_calls(self):
        calls = []

        class Record(Callback):
            def on_train_begin(self):
                calls.append("begin")

            def on_epoch_begin(self, epoch):
                calls.append(f"epoch {epoch}")

            def on_train_batch_end(self, step):
                calls.append(step)

            def on_epoch_end(self, epoch, logs):
                assert self.model.optimizer is not None and set(logs) == {"loss", "accuracy"}
                calls.append("end of epoch")

            def on_train_end(self):
                calls.append("end")

        x, y = blobs(8)
        compiled().fit(x, y, batch_size=4, epochs=2, callbacks=[Record()], verbose=0)
        epochs = [["epoch 0", 0, 1, "end of epoch"], ["epoch 1", 0, 1, "end of epoch"]]
        assert calls == ["begin", *epochs[0], *epochs[1], "end"]
        with pytest.raises(TypeError, match="expected callbacks, got str"):
            compiled().fit(x, y, callbacks=["x"])

    def test_early_stopping_restores_the_best(self):
        class Spoil(Callback):
            def on_epoch_end(self, epoch, logs):
                if epoch == 2:
                    self.best = self.model[0].weight.detach().numpy().copy()
                    self.model.optimizer.lr = 0.0
                    nn.init.zeros_(self.model[0].weight)

        x, y = blobs()
        spoil = Spoil()
        stop = EarlyStopping("val_loss", patience=2, restore_best_weights=True)
        model = compiled()
        history = model.fit(
            x, y, epochs=30, validation_data=(x, y), callbacks=[stop, spoil], verbose=0
        )
        assert history.epochs == [0, 1, 2, 3, 4]
        np.testing.assert_array_equal(model[0].weight.detach().numpy(), spoil.best)

    def test_monitor_must_exist(self):
        x, y = blobs(8)
        with pytest.raises(ValueError, match="monitor to be one of loss, accuracy; got 'val_loss'"):
            compiled().fit(x, y, callbacks=[EarlyStopping()], verbose=0)

    def test_checkpoints(self, tmp_path):
        x, y = blobs(24)
        model = compiled()
        every = ModelCheckpoint(tmp_path / "epoch-{epoch}.safetensors")
        best = ModelCheckpoint(
            tmp_path / "best.safetensors", "accuracy", save_best_only=True, mode="min"
        )
        model.fit(x, y, epochs=3, callbacks=[every, best], verbose=0)
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == ["best.safetensors", *(f"epoch-{i}.safetensors" for i in (1, 2, 3))]
        last = pydl.load(tmp_path / "epoch-3.safetensors")
        np.testing.assert_array_equal(last["0.weight"].numpy(), model[0].weight.detach().numpy())


class TestOutput:
    def test_lines_in_log_files(self, capsys):
        x, y = blobs(12)
        compiled().fit(x, y, epochs=2, validation_split=0.25)
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == 2
        assert lines[1].startswith("epoch 2/2: 0.") and "val_accuracy=" in lines[1]

    def test_bar_in_terminals(self, capsys, monkeypatch):
        pytest.importorskip("tqdm")
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        x, y = blobs(12)
        compiled().fit(x, y, batch_size=4)
        text = capsys.readouterr().out
        assert "epoch 1/1: 100%" in text and "3/3" in text and "accuracy=" in text

    def test_a_bar_of_our_own_where_tqdm_is_missing(self, capsys, monkeypatch):
        monkeypatch.setitem(sys.modules, "tqdm", None)
        x, y = blobs(12)
        compiled().evaluate(x, y, batch_size=4, verbose=1)
        text = capsys.readouterr().out
        assert text.startswith("\revaluate:   0%|") and text.endswith("]\n")
        assert "evaluate: 100%|####################| 3/3 [00:00<00:00, " in text
        assert "ms/step, loss=" in text and "accuracy=" in text

    def test_silence_and_bad_values(self, capsys):
        x, y = blobs(12)
        compiled().fit(x, y, verbose=0)
        assert capsys.readouterr().out == ""
        with pytest.raises(ValueError, match="expected 'auto', 0, 1 or 2, got 'loud'"):
            compiled().fit(x, y, verbose="loud")


def test_history_plot(tmp_path):
    pytest.importorskip("matplotlib")
    x, y = blobs(12)
    history = compiled().fit(x, y, epochs=3, validation_split=0.25, verbose=0)
    figure = history.plot(tmp_path / "history.png")
    assert (tmp_path / "history.png").read_bytes().startswith(b"\x89PNG")
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "accuracy"]
    assert [line.get_label() for line in figure.axes[0].lines] == ["loss", "val_loss"]
    assert "3 epochs" in repr(history)


def test_history_plot_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'pydl-core\[plot\]'"):
        pydl.training.History().plot()


class TestSummary:
    def test_counts_shapes_and_bytes(self, capsys):
        model = nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(6, 4), nn.ReLU()))
        model[1][0].requires_grad_(False)
        model.summary((2, 3))
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].split() == ["layer", "output", "parameters", "MFLOP", "notes"]
        assert lines[2].split() == ["0", "(Flatten)", "(N,", "6)", "-", "-"]
        assert lines[4].split() == ["1.0", "(Linear)", "(N,", "4)", "28", "4.8e-05", "frozen"]
        assert lines[-2] == "parameters: 28 (0 trainable), 112 bytes"
        # The products, and relu; results of Linear and ReLU, 4 floats each.
        assert lines[-1] == "forward pass of one sample: 5.2e-05 MFLOP, activations 32 bytes"
        assert model.training and "forward" not in vars(model)

    def test_without_a_known_shape(self, capsys):
        classifier().summary()
        assert "output" not in capsys.readouterr().out

    def test_shape_of_data_is_remembered(self, capsys):
        model = classifier()
        model.predict(np.zeros((5, 2), np.float32))
        model.summary()
        assert "(N, 16)" in capsys.readouterr().out


def test_summary_of_several_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    class Pair(pydl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Linear(4, 2), nn.Linear(3, 2)

        def forward(self, x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
            return self.left(x) + self.right(y)

    Pair().summary(((4,), (3,)))
    assert capsys.readouterr().out.count("(N, 2)") == 2
    with pytest.raises(TypeError, match=r"^summary: expected the shape of one sample.* got 'four'"):
        Pair().summary("four")  # type: ignore[arg-type]


def test_save_and_load(tmp_path):
    x, y = blobs(24)
    model = compiled()
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model.safetensors")
    other = classifier()
    other.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(other.predict(x).numpy(), model.predict(x).numpy())
    with pytest.raises(ValueError, match="0.weight: expected shape"):
        nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Linear(16, 3)).load(
            tmp_path / "model.safetensors"
        )
    with pytest.raises(OSError, match="missing"):
        other.load(tmp_path / "missing")


def test_optimizer_state_can_be_saved(tmp_path):
    x, y = blobs(24)
    model = compiled()
    model.fit(x, y, epochs=2, verbose=0, shuffle=False)
    pydl.save(tmp_path / "weights", model, {"epoch": "2"})
    pydl.save(tmp_path / "optimizer", model.optimizer)
    assert pydl.interop.load_metadata(tmp_path / "weights") == {"epoch": "2"}

    resumed = compiled()
    resumed.load(tmp_path / "weights")
    resumed.optimizer.load_state_dict(pydl.load(tmp_path / "optimizer"))
    for each in (model, resumed):
        each.fit(x, y, epochs=1, verbose=0, shuffle=False)
    np.testing.assert_array_equal(
        model[0].weight.detach().numpy(), resumed[0].weight.detach().numpy()
    )


@pytest.mark.parametrize("verb", ["evaluate", "predict", "save"])
def test_looking_at_a_model_leaves_the_modes_of_its_layers(verb, tmp_path):
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 2))
    model.compile("sgd")
    x, y = np.ones((6, 3), "float32"), np.zeros(6, int)
    model.fit(x, y, epochs=1, verbose=0)
    model.train()
    model[1].eval()  # frozen
    call = {
        "evaluate": lambda: model.evaluate(x, y, verbose=0),
        "predict": lambda: model.predict(x),
        "save": lambda: model.save(tmp_path / "model.pydl"),
    }
    call[verb]()
    assert [module.training for module in model.modules()] == [True, True, False, True, True]
