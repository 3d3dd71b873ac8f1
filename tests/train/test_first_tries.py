"""What users of Keras, PyTorch and Lightning type first works, or the error says what to type."""

from __future__ import annotations

import pydoc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.training import Trainer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("int64")


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 2))


class Regression(pydl.Model):
    """Its loss is computed by itself, so that the default of `compile` does not count."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 1)
        self.seen: list[str] = []

    def forward(self, x: Any) -> Any:
        return self.linear(x)

    def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        self.seen.append(y.dtype.name)
        return (y_pred - y).square().mean()


def test_help_shows_docstrings() -> None:
    for function in (pydl.training.Model.fit, pydl.Sequential.compile, pydl.save, nn.Module.to):
        assert pydoc.getdoc(function).strip(), function
    assert "Train the model" in pydoc.render_doc(pydl.training.Model.fit)


@pytest.mark.parametrize("values", [X.sum(1, keepdims=True), np.arange(40.0)[:, None]])
def test_targets_of_a_loss_of_ones_own_stay_as_they_are(values: Any) -> None:
    model = Regression()
    model.compile("adam")
    model.fit(X, values, validation_data=(X, values), verbose=0)
    model.train_on_batch(X, values)
    assert set(model.seen) == {"float32"}


def test_targets_of_a_step_of_ones_own_stay_as_they_are() -> None:
    seen = []

    class Own(pydl.Sequential):
        def train_step(self, data: Any) -> Any:
            x, y = data
            seen.append(y.dtype.name)
            loss = (self(x) - y).square().mean()
            assert self.optimizer is not None
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            return {"loss": loss}

    model = Own(nn.Linear(4, 1))
    model.compile("adam")
    model.fit(X, X.sum(1, keepdims=True), verbose=0)
    assert set(seen) == {"float32"}
    with pytest.raises(ValueError, match="takes class indices"):  # of the loss that compile got
        model.evaluate(X, X.sum(1, keepdims=True), verbose=0)


def test_compute_loss_without_weights() -> None:
    class Short(Regression):
        def compute_loss(self, x: Any, y: Any, y_pred: Any) -> Any:  # type: ignore[override]
            return (y_pred - y).square().mean()

    model, y = Short(), X.sum(1, keepdims=True)
    model.compile("adam")
    assert np.isfinite(model.fit(X, y, verbose=0).history["loss"][0])
    with pytest.raises(TypeError, match=r"write compute_loss\(self, x, y, y_pred, sample_weight\)"):
        model.fit(X, y, sample_weight=np.ones(40), verbose=0)


@pytest.mark.parametrize("name", ["training_step", "validation_step", "configure_optimizers"])
def test_methods_of_lightning_are_refused(name: str) -> None:
    kind = type("Lit", (nn.Linear,), {name: lambda self, *args: None})
    with pytest.raises(TypeError, match=rf"Lit\.{name} would never be called; write \w+"):
        Trainer(kind(4, 2))


def test_call_of_keras_is_forward() -> None:
    class Net(pydl.Model):
        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(NotImplementedError, match="what Keras names call is forward here"):
        Net()(X)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("load_weights", "load_state_dict"),
        ("save_weights", r"pydl\.save\(path, model\)"),
        ("count_params", "p.size"),
        ("add", r"append\(layer\)"),
        ("cuda", r"to\(device\)"),
    ],
)
def test_names_of_other_libraries(name: str, advice: str) -> None:
    with pytest.raises(AttributeError, match=f"Sequential has no attribute '{name}'; .*{advice}"):
        getattr(network(), name)


@pytest.mark.parametrize("name", ["fit", "evaluate", "predict", "summary"])
def test_verbs_of_modules_that_are_no_models(name: str) -> None:
    module = nn.FeatureExtractor(network(), ["0"])
    assert not hasattr(module, name)
    with pytest.raises(AttributeError, match=r"a pydl.Model has it; .*pydl\.training\.\w+\("):
        getattr(module, name)
    assert Trainer(module).predict(X)["0"].shape == (40, 2)  # as the message says


def test_save_with_the_arguments_of_torch(tmp_path: Path) -> None:
    for state in (network().state_dict(), network()):
        with pytest.raises(TypeError, match="save: expected the path first"):
            pydl.save(state, tmp_path / "weights.pt")  # type: ignore[arg-type]


def test_lists_of_targets() -> None:
    model = network()
    model.compile("adam", ["mse", "mse"])
    with pytest.raises(ValueError, match="y is a list of 2 arrays: for several targets give a tup"):
        model.fit(X, [X[:, :2], X[:, 2:]], verbose=0)


def test_what_is_no_callback() -> None:
    model = network()
    model.compile("adam")
    assert model.optimizer is not None
    schedule = pydl.optim.lr_scheduler.StepLR(model.optimizer, 2)
    wrong: Any = [schedule]
    with pytest.raises(TypeError, match="got StepLR; .*LearningRateScheduler"):
        model.fit(X, Y, callbacks=wrong, verbose=0)
    wrong = [lambda epoch, logs: None]
    with pytest.raises(TypeError, match="got function; .*LambdaCallback"):
        model.fit(X, Y, callbacks=wrong, verbose=0)
    with pytest.raises(TypeError, match="did you mean 'on_train_batch_end'"):
        pydl.training.LambdaCallback(on_batch_end=print)


def test_lbfgs_by_name() -> None:
    with pytest.raises(ValueError, match=r"got 'lbfgs'; LBFGS is for loops of your own"):
        network().compile("lbfgs")


def test_losses_of_several_outputs() -> None:
    for loss in (nn.TripletMarginLoss(), nn.ContrastiveLoss(), nn.functional.margin_ranking_loss):
        with pytest.raises(TypeError, match=r"call it in compute_loss"):
            network().compile("adam", loss)


def test_which_target_is_not_finite() -> None:
    class Two(pydl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 1), nn.Linear(4, 1)

        def forward(self, x: Any) -> Any:
            return {"a": self.a(x), "b": self.b(x)}

    model = Two()
    model.compile("adam", {"a": "mse", "b": "mse"})
    with pytest.warns(RuntimeWarning, match=r"the target y\['b'\] of this batch is not finite"):
        model.fit(X, {"a": X[:, 0], "b": np.full(40, np.nan)}, verbose=0)


def test_a_layer_replaced_after_the_optimizer_was_made() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2))
    optimizer = pydl.optim.SGD(model.parameters(), lr=0.1)
    model.compile(optimizer)
    model[1] = nn.Linear(8, 2)
    with pytest.warns(UserWarning, match=r"but not '1.weight', which is not trained; after repl"):
        model.fit(X, Y, verbose=0)


@pytest.mark.filterwarnings("error")
def test_optimizers_of_a_part_or_with_parameters_of_the_loss() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(pydl.ones(()))

        def forward(self, output: Any, target: Any) -> Any:
            return nn.functional.cross_entropy(output * self.scale, target)

    model, loss = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2)), Scaled()
    for parameters in ([*model[1].parameters()], [*model[1].parameters(), *loss.parameters()]):
        model.compile(pydl.optim.SGD(parameters, lr=0.1), loss)
        model.fit(X, Y, verbose=0)


@pytest.mark.parametrize("shape", [(40,), (40, 1)])
def test_bools_as_classes(shape: tuple[int, ...]) -> None:
    values = []
    for y in (Y, Y.astype(bool), pydl.tensor(Y.astype(bool))):
        pydl.manual_seed(0)
        model = network()
        model.compile("sgd", "cross_entropy", ["accuracy"])
        model.fit(X, y.reshape(shape), verbose=0)
        values.append(model.evaluate(X, y.reshape(shape), verbose=0))
    assert values[0] == values[1] == values[2]


def test_callbacks_that_a_function_of_the_steps_would_undo() -> None:
    model = network()
    model.compile("sgd", learning_rate=lambda step: 0.1)
    assert model.optimizer is not None
    schedule = pydl.optim.lr_scheduler.StepLR(model.optimizer, 1)
    for callback in (
        pydl.training.LearningRateScheduler(schedule),
        pydl.training.LearningRateScheduler(lambda epoch: 0.1),
        pydl.training.ReduceLROnPlateau("loss"),
    ):
        with pytest.raises(ValueError, match="this callback would change nothing; use one of th"):
            model.fit(X, Y, callbacks=callback, verbose=0)


def test_random_split_of_arrays() -> None:
    first, second = pydl.data.random_split((X, Y), [30, 10], seed=0)
    assert len(first) == 30 and len(second) == 10
    model = network()
    model.compile("sgd")
    assert "val_loss" in model.fit(first, validation_data=second, verbose=0).history


@pytest.mark.parametrize(
    ("call", "ours"),
    [
        (lambda: pydl.data.DataLoader((X, Y), num_workers=2), "prefetch"),
        (lambda: network().fit(X, Y, gradient_clip_val=1.0), "clip_norm"),
        (lambda: network().compile(lr=0.1), "learning_rate"),
        (lambda: pydl.training.ModelCheckpoint(filepath="a.safetensors"), "path"),
    ],
)
def test_arguments_of_other_libraries(call: Any, ours: str) -> None:
    with pytest.raises(TypeError, match=f"did you mean '{ours}'"):
        call()


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        ({"loss": "bce"}, "binary_cross_entropy"),
        ({"loss": "crossentropy"}, "cross_entropy"),
        ({"loss": "MSE"}, "mse"),
        ({"loss": "binary_crossentropy_with_logits"}, "binary_cross_entropy_with_logits"),
        ({"metrics": ["f1_score"]}, "f1"),
        ({"metrics": ["top_5_accuracy"]}, "top_k_accuracy"),
        ({"metrics": ["acuracy"]}, "accuracy"),
        ({"optimizer": "Adam"}, "adam"),
        ({"optimizer": "rms_prop"}, "rmsprop"),
    ],
)
def test_names_that_are_not_quite_right(arguments: Any, meant: str) -> None:
    with pytest.raises(ValueError, match=f"got '.*'; did you mean '{meant}'[?]$"):
        network().compile(**arguments)
    with pytest.raises(ValueError, match="got 'qqqqqqqqq'$"):
        network().compile(loss="qqqqqqqqq")
