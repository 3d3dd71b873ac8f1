"""What somebody froze stays frozen in fit: modes, parameters, running moments."""

from __future__ import annotations

import numpy as np
import pytest
from nn.every_layer import EXAMPLES

import pydl
from pydl import nn

X = np.random.default_rng(0).normal(3.0, 2.0, (16, 4)).astype(np.float32)
Y = X[:, :2]


class Net(pydl.Model):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.BatchNorm1d(4)
        )
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.backbone(x))


def fit(model, jit=True, **options):
    if model.optimizer is None:
        model.compile("sgd", "mse", jit=jit)
    model.fit(X, Y, epochs=2, batch_size=8, verbose=0, **options)
    return model


def moved(model, module):
    """Whether the running moments of a batch norm move in fit."""
    before = module.running_mean.numpy().copy()
    fit(model)
    return not np.array_equal(before, module.running_mean.numpy())


FREEZES = {
    "eval of a part": lambda model: model.backbone.eval(),
    "eval of each batch norm": lambda model: [
        m.eval() for m in model.modules() if isinstance(m, nn.BatchNorm1d)
    ],
    "training = False": lambda model: [
        setattr(m, "training", False) for m in model.backbone.modules()
    ],
    "trainable": lambda model: setattr(model.backbone, "trainable", False),
}


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("before", ["new", "fitted", "eval", "predict", "train"])
@pytest.mark.parametrize("freeze", FREEZES)
def test_batch_norm_does_not_move(freeze, before, jit):
    model = Net()
    {
        "new": lambda: None,
        "fitted": lambda: fit(model, jit),
        "eval": model.eval,
        "predict": lambda: model.predict(X),
        "train": model.train,
    }[before]()
    FREEZES[freeze](model)
    norms = [model.backbone[1], model.backbone[3]]
    means = [norm.running_mean.numpy().copy() for norm in norms]
    for options in ({}, {"validation_data": (X, Y)}):  # and it stays so
        fit(model, jit, **options)
        model.eval()
        model.evaluate(X, Y, verbose=0)
        for norm, mean in zip(norms, means, strict=True):
            np.testing.assert_array_equal(norm.running_mean.numpy(), mean)


def test_what_is_let_go_moves_again():
    model = Net()
    model.backbone.eval()
    assert not moved(model, model.backbone[1])
    model.backbone.train()
    assert moved(model, model.backbone[1])
    model.backbone.eval()
    model.train()
    assert moved(model, model.backbone[1])
    model.backbone.trainable = False
    assert not moved(model, model.backbone[1])
    model.backbone.trainable = True
    assert moved(model, model.backbone[1])


def test_a_part_of_a_frozen_part_may_train():
    model = Net()
    model.backbone.eval()
    model.backbone[3].train()
    assert not moved(model, model.backbone[1])
    assert moved(model, model.backbone[3])
    model.backbone.eval()
    assert not moved(model, model.backbone[3])


def test_the_mode_of_the_whole_model_does_not_matter():
    for prepare in (nn.Module.eval, nn.Module.train):
        model = Net()
        prepare(model)
        assert moved(model, model.backbone[1])
        assert not any(module.training for module in model.modules())


def test_a_model_that_was_fitted_trains_as_part_of_another():
    inner = nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2))
    fit(inner)
    inner.predict(X)
    assert moved(nn.Sequential(inner), inner[1])


def test_callbacks_may_freeze():
    class Freeze(pydl.training.Callback):
        def on_epoch_end(self, epoch, logs):
            self.model.backbone.eval()
            self.mean = self.model.backbone[1].running_mean.numpy().copy()
            self.first = getattr(self, "first", self.mean)

    freeze = Freeze()
    fit(Net(), callbacks=[freeze])
    np.testing.assert_array_equal(freeze.first, freeze.mean)


def test_a_model_with_a_train_of_its_own_decides():
    class Own(Net):
        def train(self, mode=True):
            super().train(mode)
            self.backbone[1].eval()
            return self

    model = Own()
    assert not moved(model, model.backbone[1])
    assert moved(model, model.backbone[3])


def test_frozen_dropout_drops_nothing_and_trainable_leaves_it():
    seen = []

    class Look(nn.Module):
        def forward(self, x):
            seen.append(float((x == 0).any()))
            return x

    model = nn.Sequential(nn.Dropout(0.5), Look(), nn.Linear(4, 2))
    model[0].eval()
    fit(model, jit=False)
    assert not any(seen)
    model[0].train()
    model[0].trainable = False
    seen.clear()
    fit(model, jit=False)
    assert all(seen)


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_every_frozen_layer_keeps_its_state_in_fit(name):
    make, inputs = EXAMPLES[name]
    model = _Wrapped(make())
    model.layer.trainable = False
    model.compile(pydl.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1), _first_mean)
    before = {key: value.numpy().copy() for key, value in model.state_dict().items()}
    batches = (*inputs, np.zeros(len(inputs[0]), np.float32))
    model.fit(_OneBatch(batches), epochs=2, verbose=0)
    for key, value in model.state_dict().items():
        same = np.array_equal(value.numpy(), before[key])
        assert same == (key != "scale"), key


class _Wrapped(pydl.Model):
    def __init__(self, layer):
        super().__init__()
        self.layer = layer
        self.scale = nn.Parameter(pydl.ones((1,)))

    def forward(self, *inputs):
        output = self.layer(*inputs)
        while isinstance(output, (tuple, list)):
            output = output[0]
        return (output.astype("float32") * 0.0 + 1.0) * self.scale


def _first_mean(output, target):
    return output.mean()


class _OneBatch(pydl.data.DataLoader):
    """One batch as it is: inputs of a layer may have different lengths."""

    def __init__(self, arrays):
        super().__init__(np.zeros((1, 1)))
        self.tensors = tuple(map(pydl.asarray, arrays))

    def __iter__(self):
        yield self.tensors
