"""Short programs as users of Keras and of Lightning write them, from the documentation alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.optim import lr_scheduler
from pydl.training import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TensorBoard,
    TerminateOnNaN,
    Trainer,
    WeightAveraging,
)

QUIET: Any = {"verbose": 0}


@pytest.fixture(autouse=True)
def _seed() -> None:
    pydl.manual_seed(0)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def x(rng: np.random.Generator) -> Any:
    return rng.normal(size=(200, 4)).astype("float32")


@pytest.fixture
def y(x: Any) -> Any:
    return (x[:, 0] > x[:, 1]).astype("int64")


def classifier(*sizes: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, *(sizes or (2,))))


class Heads(pydl.Model):
    """A class and a number from one body."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(4, 16)
        self.heads = nn.ModuleDict({"kind": nn.Linear(16, 3), "price": nn.Linear(16, 1)})

    def forward(self, x: Any) -> Any:
        h = self.body(x).relu()
        return {name: head(h) for name, head in self.heads.items()}


def test_two_inputs_two_outputs(rng: Any) -> None:
    class Net(pydl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 8), nn.Linear(2, 8)
            self.price, self.kind = nn.Linear(16, 1), nn.Linear(16, 4)

        def forward(self, left: Any, right: Any) -> Any:
            h = pydl.cat([self.a(left).relu(), self.b(right).relu()], dim=1)
            return {"price": self.price(h), "kind": self.kind(h)}

    inputs = {"left": rng.normal(size=(100, 3)), "right": rng.normal(size=(100, 2))}
    targets = {"price": inputs["left"].sum(1), "kind": rng.integers(0, 4, 100)}
    model = Net()
    model.compile(
        pydl.optim.Adam(model.parameters(), lr=1e-2),
        loss={"price": "mse", "kind": "cross_entropy"},
        loss_weights={"price": 0.5, "kind": 2.0},
        metrics={"price": ["mae", "r2"], "kind": ["accuracy"]},
    )
    history = model.fit(inputs, targets, epochs=3, validation_split=0.25, **QUIET).history
    assert history["val_loss"][-1] < history["val_loss"][0]
    values, outputs = model.evaluate(inputs, targets, **QUIET), model.predict(inputs)
    error = outputs["price"].numpy()[:, 0] - targets["price"]
    assert values["price_r2"] == pytest.approx(1 - np.mean(error**2) / targets["price"].var())
    assert values["price_mae"] == pytest.approx(np.abs(error).mean(), rel=1e-5)
    right = outputs["kind"].numpy().argmax(1) == targets["kind"]
    assert values["kind_accuracy"] == pytest.approx(right.mean())
    assert values["loss"] == pytest.approx(
        0.5 * values["price_loss"] + 2 * values["kind_loss"], rel=1e-5
    )


def test_epoch_metrics(x: Any, y: Any) -> None:
    model = classifier(1)
    metrics = ["accuracy", "precision", "recall", "f1", "auc"]
    model.compile(pydl.optim.SGD, "binary_cross_entropy_with_logits", metrics)
    values = model.evaluate(x, y, batch_size=7, **QUIET)
    scores = model.predict(x).numpy()[:, 0]
    found, hits = scores > 0, ((scores > 0) & (y == 1)).sum()
    precision, recall = hits / found.sum(), hits / y.sum()
    assert values["precision"] == pytest.approx(precision)
    assert values["recall"] == pytest.approx(recall)
    assert values["f1"] == pytest.approx(2 * precision * recall / (precision + recall))
    pairs = (scores[y == 1][:, None] > scores[y == 0]).mean()
    assert values["auc"] == pytest.approx(pairs)
    matrix = pydl.metrics.ConfusionMatrix(threshold=0.0)
    matrix.update(model.predict(x), y)
    assert matrix.compute().sum().item() == 200 and matrix.compute()[1, 1].item() == hits


def test_top_k(x: Any, rng: Any) -> None:
    model, kinds = classifier(7), rng.integers(0, 7, 200)
    model.compile("adam", "cross_entropy", [pydl.metrics.TopKAccuracy(3), "f1_macro"])
    order = np.argsort(-model.predict(x).numpy(), axis=1)[:, :3]
    value = model.evaluate(x, kinds, **QUIET)["top_k_accuracy"]
    assert value == pytest.approx((order == kinds[:, None]).any(1).mean())


def test_warm_up_and_one_cycle(x: Any, y: Any) -> None:
    for make in (
        lambda o: lr_scheduler.CosineWithWarmup(o, total_steps=35, warmup_steps=5),
        lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.1, epochs=5, steps_per_epoch=7),
    ):
        model, rates = classifier(), []
        optimizer = pydl.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        model.compile(optimizer, "cross_entropy")
        each = LambdaCallback(on_train_batch_begin=lambda batch: rates.append(optimizer.lr))  # noqa: B023
        schedule = LearningRateScheduler(make(optimizer), every="step")
        history = model.fit(x, y, epochs=5, callbacks=[schedule, each], **QUIET).history
        assert len(rates) == 35 and 0.099 < max(rates) <= 0.1 and rates[-1] < 0.01
        assert rates[0] < 0.05 and history["loss"][-1] < history["loss"][0]


def test_reduce_on_plateau(x: Any, y: Any) -> None:
    model = classifier()
    model.compile("adam", "cross_entropy")
    reduce = ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=1.0)
    history = model.fit(x, y, epochs=4, validation_split=0.2, callbacks=[reduce], **QUIET)
    assert history.history["learning_rate"] == pytest.approx([1e-3, 1e-3, 5e-4, 2.5e-4])


def test_weights_of_classes(x: Any, y: Any) -> None:
    losses = []
    weights = np.where(y == 1, 3.0, 1.0)
    for options in ({"class_weight": {1: 3.0}}, {"sample_weight": weights}):
        pydl.manual_seed(0)
        model = classifier()
        model.compile("sgd", "cross_entropy")
        losses.append(model.fit(x, y, epochs=2, **options, **QUIET).history["loss"])
    assert losses[0] == pytest.approx(losses[1])
    model = classifier(1)
    model.compile("sgd", nn.BCEWithLogitsLoss(pos_weight=pydl.tensor([3.0])))
    z = model.predict(x).numpy()[:, 0].astype("float64")
    expected = (weights * np.where(y == 1, np.logaddexp(0, -z), np.logaddexp(0, z))).mean()
    assert model.evaluate(x, y, **QUIET)["loss"] == pytest.approx(expected, rel=1e-5)


def test_clipping(x: Any, y: Any) -> None:
    for in_fit in (True, False):
        model = classifier()
        clip: Any = {} if in_fit else {"clip_norm": 1e-3}
        model.compile(pydl.optim.SGD(model.parameters(), lr=1.0, **clip), "cross_entropy")
        before = [p.detach().numpy().copy() for p in model.parameters()]
        options = {"clip_norm": 1e-3} if in_fit else {}
        model.fit(x, y, batch_size=200, **options, **QUIET)
        change = [p.detach().numpy() - b for p, b in zip(model.parameters(), before, strict=True)]
        assert np.sqrt(sum((c**2).sum() for c in change)) == pytest.approx(1e-3, rel=1e-3)


def test_flat_targets(x: Any) -> None:
    for loss in ("mse", nn.MSELoss(), nn.HuberLoss(delta=0.5), "log_cosh"):
        model = nn.Sequential(nn.Linear(4, 1))
        model.compile(pydl.optim.Adam(model.parameters(), lr=0.1), loss, ["r2"])
        assert model.fit(x, x.sum(1), epochs=30, **QUIET).history["r2"][-1] > 0.99


def test_losses(x: Any, y: Any) -> None:
    one_hot = np.eye(2)[y]
    for last, loss, target in (
        ([nn.LogSoftmax()], "nll", y),
        ([nn.LogSoftmax()], nn.KLDivLoss(reduction="batchmean"), one_hot * 0.8 + 0.1),
        ([nn.Softmax()], "kl_divergence", one_hot * 0.8 + 0.1),
        ([], "cosine_similarity", one_hot),
        ([nn.Tanh()], "hinge", one_hot * 2 - 1),
    ):
        model = nn.Sequential(*classifier(), *last)
        model.compile("adam", loss, learning_rate=0.01)
        values = model.fit(x, target, epochs=5, **QUIET).history["loss"]
        assert values[-1] < values[0], loss


def test_triplets(rng: Any) -> None:
    class Triplet(pydl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.loss = classifier(3), nn.TripletMarginLoss()

        def forward(self, a: Any, p: Any, n: Any) -> Any:
            return self.encoder(a), self.encoder(p), self.encoder(n)

        def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            return self.loss(*y_pred)

    a, model = rng.normal(size=(64, 4)), Triplet()
    model.compile("adam", learning_rate=0.01)
    loss = model.fit((a, a + 0.1, -a), epochs=10, **QUIET).history["loss"]
    assert loss[-1] < 0.5 * loss[0]


def test_mean_and_variance(x: Any) -> None:
    class Gaussian(pydl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.mean, self.log_variance = nn.Linear(4, 1), nn.Linear(4, 1)

        def forward(self, x: Any) -> Any:
            return self.mean(x), self.log_variance(x).exp()

        def compute_loss(self, x: Any, y: Any, y_pred: Any) -> Any:  # type: ignore[override]
            return nn.functional.gaussian_nll_loss(y_pred[0], y, y_pred[1])

    model = Gaussian()
    model.compile("adam", learning_rate=0.03)
    target = x.sum(1, keepdims=True)
    history = model.fit(x, target, epochs=20, validation_data=(x, target), **QUIET).history
    assert history["val_loss"][-1] < 0 < history["val_loss"][0]


def test_loggers(x: Any, y: Any, tmp_path: Path) -> None:
    model, seen = classifier(), []
    model.compile("adam", "cross_entropy", ["accuracy"])
    callbacks = [
        CSVLogger(tmp_path / "log.csv"),
        TensorBoard(tmp_path / "logs"),
        TerminateOnNaN(),
        LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["loss"])),
    ]
    history = model.fit(x, y, epochs=3, callbacks=callbacks, **QUIET).history
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0].startswith("epoch,") and len(lines) == 4
    assert len(seen) == 21 and seen[-1] == history["loss"][-1]
    assert list((tmp_path / "logs" / "train").iterdir())
    with pytest.warns(RuntimeWarning, match="the loss is nan"):
        stopped = model.fit(x * np.nan, y, epochs=3, callbacks=[TerminateOnNaN()], **QUIET)
    assert len(stopped.epochs) <= 1


def test_generator(rng: Any) -> None:
    def batches() -> Any:
        while True:
            x = rng.normal(size=(16, 4))
            yield x, (x[:, 0] > 0).astype(int)

    model = classifier()
    model.compile("adam", "cross_entropy", ["accuracy"], learning_rate=0.01)
    history = model.fit(
        batches(),
        steps_per_epoch=40,
        epochs=2,
        validation_data=batches(),
        validation_steps=10,
        **QUIET,
    )
    assert history.history["val_accuracy"][-1] > 0.85
    assert model.evaluate(batches(), steps=10, **QUIET)["accuracy"] > 0.85


def test_weighted_sampling(x: Any, rng: Any) -> None:
    class Balanced:
        """Batches in which each class is as frequent as the other."""

        def __init__(self, y: Any) -> None:
            weights = 1 / np.bincount(y)[y]
            self.y, self.p = y, weights / weights.sum()

        def __len__(self) -> int:
            return len(self.y) // 20

        def __iter__(self) -> Any:
            return (rng.choice(len(self.y), 20, p=self.p) for _ in range(len(self)))

    y = (x[:, 0] > 1.2).astype(int)  # few are positive
    loader = pydl.data.DataLoader((x, y), batch_sampler=Balanced(y))
    drawn = np.mean([labels.numpy().mean() for _ in range(10) for _, labels in loader])
    assert y.mean() < 0.2 and 0.45 < drawn < 0.55
    model = classifier()
    model.compile("adam", "cross_entropy", ["recall_macro"], learning_rate=0.01)
    assert model.fit(loader, epochs=10, **QUIET).history["recall_macro"][-1] > 0.9


def test_frozen_backbone(rng: Any) -> None:
    x, y = rng.normal(size=(64, 3, 8, 8)).astype("float32"), rng.integers(0, 2, 64)
    backbone = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.GlobalAvgPool2d())
    backbone.trainable = False
    model = nn.Sequential(backbone, nn.Linear(8, 2))
    model.compile("adam", "cross_entropy")
    before = {name: value.numpy().copy() for name, value in backbone.state_dict().items()}
    model.fit(x, y, epochs=2, **QUIET)
    assert all((v.numpy() == before[k]).all() for k, v in backbone.state_dict().items())
    features = nn.FeatureExtractor(backbone, {"3": "pooled"})
    pooled = Trainer(features).predict(x)["pooled"]
    assert np.allclose(model[1](pooled).detach().numpy(), model.predict(x).numpy(), atol=1e-5)
    backbone.trainable = True
    model.compile(pydl.optim.Adam(model.parameters(), lr=1e-4), "cross_entropy")
    model.fit(x, y, **QUIET)
    changed = [k for k, v in backbone.state_dict().items() if (v.numpy() != before[k]).any()]
    assert "0.weight" in changed and "1.running_mean" in changed


def test_a_derivative_of_ones_own(x: Any, y: Any) -> None:
    class Binarize(pydl.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return (x > 0).to("float32")

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return gradient  # straight through

    layers = nn.Linear(4, 32), nn.Lambda(Binarize.apply), nn.Linear(32, 2)
    model = nn.Sequential(*layers)
    model.compile("adam", "cross_entropy", ["accuracy"], learning_rate=0.01)
    assert model.fit(x, y, epochs=10, **QUIET).history["accuracy"][-1] > 0.8


def test_small_layers(x: Any, y: Any) -> None:
    model = nn.Sequential(
        nn.GaussianNoise(0.1),
        nn.Lambda(lambda x: x * 2),
        nn.Reshape(2, 2),
        nn.Flatten(),
        nn.LazyLinear(16),
        nn.PReLU(),
        nn.LazyBatchNorm1d(),
        nn.LazyLinear(2),
    )
    model.compile("adam", "cross_entropy", ["accuracy"], learning_rate=0.02)
    assert model.fit(x, y, epochs=5, **QUIET).history["accuracy"][-1] > 0.9
    assert model[4].weight.shape == (16, 4)
    assert "LazyLinear" not in pydl.training.summarize(model, (4,))


def test_recurrent_layer_in_sequential(rng: Any) -> None:
    x = rng.normal(size=(100, 6, 3))
    model = nn.Sequential(
        nn.LSTM(3, 16, batch_first=True),
        nn.Lambda(lambda steps: steps[:, -1]),  # the output of the last step
        nn.Linear(16, 2),
    )
    model.compile("adam", "cross_entropy", ["accuracy"], learning_rate=0.02)
    y = (x[:, :, 0].sum(1) > 0).astype(int)
    assert model.fit(x, y, epochs=15, **QUIET).history["accuracy"][-1] > 0.85


def test_layer_by_layer(x: Any, y: Any) -> None:
    encoders, data = [], x
    for inner, outer in ((4, 8), (8, 6)):
        encoder = nn.Sequential(nn.Linear(inner, outer), nn.Tanh())
        network = nn.Sequential(encoder, nn.Linear(outer, inner))
        network.compile("adam", "mse", learning_rate=0.01)
        loss = network.fit(data, data, epochs=5, **QUIET).history["loss"]
        assert loss[-1] < loss[0]
        data = encoder.predict(data)
        encoders.append(encoder)
    model = nn.Sequential(*encoders, nn.Linear(6, 2))
    model.compile("adam", "cross_entropy", ["accuracy"], learning_rate=0.02)
    assert model.fit(x, y, epochs=10, **QUIET).history["accuracy"][-1] > 0.85


def test_a_loop_of_train_on_batch(x: Any, y: Any) -> None:
    model = classifier()
    model.compile("adam", "cross_entropy", ["accuracy"], learning_rate=0.02)
    for _ in range(10):
        for i in range(0, 200, 50):
            logs = model.train_on_batch(x[i : i + 50], y[i : i + 50])
    assert set(logs) == {"loss", "accuracy"} and logs["accuracy"] > 0.85
    assert model.test_on_batch(x, y) == pytest.approx(model.evaluate(x, y, batch_size=200, **QUIET))
    assert np.allclose(model.predict_on_batch(x).numpy(), model.predict(x).numpy())


def test_gan(rng: Any) -> None:
    class Gan(pydl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.g, self.d = (
                classifier(2),
                nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1)),
            )
            self.loss = nn.BCEWithLogitsLoss()

        def compile(self, g_optimizer: Any, d_optimizer: Any) -> None:  # type: ignore[override]
            super().compile(optimizer=None)
            self.g_optimizer, self.d_optimizer = g_optimizer, d_optimizer

        def train_step(self, data: Any) -> Any:
            n = data.shape[0]
            fake = self.g(pydl.randn(n, 4))
            d_loss = self.loss(self.d(data), pydl.ones((n, 1)))
            d_loss = d_loss + self.loss(self.d(fake.detach()), pydl.zeros((n, 1)))
            self.d_optimizer.zero_grad()
            d_loss.backward()
            self.d_optimizer.step()
            g_loss = self.loss(self.d(fake), pydl.ones((n, 1)))
            self.g_optimizer.zero_grad()
            g_loss.backward()
            self.g_optimizer.step()
            return {"d_loss": d_loss, "g_loss": g_loss}

    gan, real = Gan(), rng.normal(3.0, 0.5, size=(256, 2))
    adam = pydl.optim.Adam
    gan.compile(adam(gan.g.parameters(), lr=0.01), adam(gan.d.parameters(), lr=0.01))
    assert list(gan.fit(real, epochs=20, **QUIET).history) == ["d_loss", "g_loss"]
    assert gan.g(pydl.randn(256, 4)).mean().item() > 1.5  # began at about 0


def test_variational_autoencoder(x: Any) -> None:
    class Vae(pydl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.decoder = classifier(4), nn.Linear(2, 4)

        def forward(self, x: Any) -> Any:
            mean, log_variance = pydl.split(self.encoder(x), [2, 2], axis=1)
            z = mean + pydl.randn_like(mean) * (0.5 * log_variance).exp()
            return self.decoder(z), mean, log_variance

        def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            decoded, mean, log_variance = y_pred
            kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(axis=1).mean()
            return (decoded - x).square().sum(axis=1).mean() + 0.1 * kl

    model = Vae()
    model.compile("adam", learning_rate=0.01)
    history = model.fit(x, epochs=15, validation_data=x, **QUIET).history
    assert history["val_loss"][-1] < 0.7 * history["val_loss"][0]


def test_siamese_network(x: Any, y: Any, rng: Any) -> None:
    class Siamese(pydl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.encoder, self.loss = classifier(2), nn.ContrastiveLoss()

        def forward(self, a: Any, b: Any) -> Any:
            return self.encoder(a), self.encoder(b)

        def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            return self.loss(*y_pred, y)

    model, other = Siamese(), rng.permutation(200)
    model.compile("adam", learning_rate=0.02)
    same = y == y[other]
    model.fit((x, x[other]), same.astype("float32"), epochs=15, **QUIET)
    a, b = (part.numpy() for part in model.predict((x, x[other])))
    distance = np.linalg.norm(a - b, axis=1)
    assert distance[same].mean() < 0.5 * distance[~same].mean()


def test_averages_of_weights(x: Any, y: Any) -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    model.compile("adam", "cross_entropy", ["accuracy"], learning_rate=0.02)
    ema, swa = nn.AveragedModel(model, decay=0.9), nn.AveragedModel(model)
    callbacks = [WeightAveraging(ema), WeightAveraging(swa, every="epoch", start_epoch=5)]
    model.fit(x, y, epochs=10, callbacks=callbacks, **QUIET)
    nn.update_bn(pydl.data.DataLoader((x, y), batch_size=50), swa)
    assert ema.n_averaged.item() == 70 and swa.n_averaged.item() == 5
    for averaged in (ema, swa):
        trainer = Trainer(averaged.module, "sgd", "cross_entropy", ["accuracy"])
        assert trainer.evaluate(x, y, **QUIET)["accuracy"] > 0.9
    model.load_state_dict(swa.module.state_dict())
    assert model.evaluate(x, y, **QUIET)["accuracy"] > 0.9


def test_lbfgs_and_adagrad(x: Any) -> None:
    model, target = nn.Linear(4, 1), pydl.tensor(x.sum(1, keepdims=True))
    optimizer = pydl.optim.LBFGS(model.parameters(), line_search_fn="strong_wolfe")

    def closure() -> Any:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(pydl.tensor(x)), target)
        loss.backward()
        return loss

    optimizer.step(closure)
    assert closure().item() < 1e-8
    other = nn.Sequential(nn.Linear(4, 1))
    other.compile("adagrad", "mse", ["r2"], learning_rate=0.5)
    assert other.fit(x, x.sum(1), epochs=10, **QUIET).history["r2"][-1] > 0.99


def test_accumulation_in_16_bits(x: Any, y: Any) -> None:
    weights = []
    for options in ({"batch_size": 40}, {"batch_size": 10, "accumulate": 4}):
        pydl.manual_seed(0)
        model = classifier()
        model.compile(pydl.optim.SGD(model.parameters(), lr=0.1), "cross_entropy")
        model.fit(x, y, epochs=2, shuffle=False, **options, **QUIET)
        weights.append(model[0].weight.detach().numpy())
    assert np.allclose(*weights, atol=1e-6)
    model.compile("adam", "cross_entropy", ["accuracy"], learning_rate=0.02)
    history = model.fit(x, y, epochs=10, accumulate=2, precision="bfloat16", **QUIET).history
    assert history["accuracy"][-1] > 0.85 and model[0].weight.dtype.name == "float32"


def test_missing_labels(x: Any, rng: Any) -> None:
    kinds, prices = rng.integers(0, 3, 200), x.sum(1)
    kinds[:80] = -100
    known = (rng.uniform(size=200) < 0.5).astype("float32")
    prices[known == 0] = 1e6  # must not matter
    model = Heads()
    model.compile(
        "adam",
        {"kind": "cross_entropy", "price": "mse"},
        {"kind": ["accuracy"]},
        weighted_metrics={"price": ["mae"]},
    )
    targets, weights = {"kind": kinds, "price": prices}, {"price": known}
    values = model.evaluate(x, targets, sample_weight=weights, batch_size=200, **QUIET)
    outputs = {name: value.numpy() for name, value in model.predict(x).items()}
    right = outputs["kind"].argmax(1)[80:] == kinds[80:]
    assert values["kind_accuracy"] == pytest.approx(right.mean())
    error = (outputs["price"][:, 0] - prices)[known == 1]
    assert values["price_mae"] == pytest.approx(np.abs(error).mean(), rel=1e-5)
    assert values["price_loss"] == pytest.approx((error**2).sum() / 200, rel=1e-5)
    history = model.fit(x, targets, sample_weight=weights, epochs=3, **QUIET).history
    assert history["price_loss"][-1] < history["price_loss"][0]


def test_best_and_last(x: Any, y: Any, tmp_path: Path) -> None:
    model = classifier()
    model.compile("adam", "cross_entropy", ["accuracy"])
    best = ModelCheckpoint(
        tmp_path / "best.safetensors", "val_accuracy", save_best_only=True, save_last=True
    )
    history = model.fit(x, y, epochs=4, validation_split=0.2, callbacks=[best], **QUIET).history
    for name, accuracy in (
        ("best", max(history["val_accuracy"])),
        ("last", history["val_accuracy"][-1]),
    ):
        model.load_state_dict(pydl.load(tmp_path / f"{name}.safetensors"))
        assert model.evaluate(x[160:], y[160:], **QUIET)["accuracy"] == pytest.approx(accuracy)


def test_killed_and_resumed(x: Any, y: Any, tmp_path: Path) -> None:
    class Killed(Callback):
        at: int | None = 2

        def on_epoch_begin(self, epoch: int) -> None:
            if epoch == self.at:
                raise RuntimeError("killed")

    def train(folder: Path) -> Any:
        pydl.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.Linear(8, 2))
        model.compile("adam", "cross_entropy")
        callbacks = [Killed(), BackupAndRestore(folder)]
        return model, model.fit(x, y, epochs=5, callbacks=callbacks, **QUIET)

    with pytest.raises(RuntimeError, match="killed"):
        train(tmp_path / "a")
    Killed.at = None
    resumed, history = train(tmp_path / "a")
    whole, _ = train(tmp_path / "b")
    assert history.epochs == [2, 3, 4]
    assert (resumed[0].weight == whole[0].weight).all().item()


def test_pictures_of_models(tmp_path: Path) -> None:
    model = Heads()
    text = pydl.training.summarize(model, (4,))
    assert f"parameters: {sum(p.size for p in model.parameters())}" in text
    pydl.plot_model(model, (4,), tmp_path / "model.svg")
    assert "heads.price" in (tmp_path / "model.svg").read_text()


def test_cross_validation(x: Any, y: Any, rng: Any) -> None:
    scores = []
    for held_out in np.array_split(rng.permutation(200), 4):
        rest = np.setdiff1d(np.arange(200), held_out)
        model = classifier()
        model.compile("adam", "cross_entropy", ["accuracy"], learning_rate=0.02)
        model.fit(x[rest], y[rest], epochs=10, **QUIET)
        scores.append(model.evaluate(x[held_out], y[held_out], **QUIET)["accuracy"])
    assert np.mean(scores) > 0.85


def test_columns_of_a_frame(rng: Any) -> None:
    pandas = pytest.importorskip("pandas")

    class Table(pydl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.town, self.last = nn.Embedding(5, 3), nn.Linear(5, 2)

        def forward(self, numbers: Any, town: Any) -> Any:
            return self.last(pydl.concat([numbers, self.town(town)], axis=1))

    columns = {"age": rng.normal(size=100), "fare": rng.normal(size=100)}
    frame = pandas.DataFrame({**columns, "town": rng.integers(0, 5, 100)})
    frame["label"] = (frame["age"] + frame["town"] > 2).astype(int)
    model = Table()
    model.compile("adam", "cross_entropy", ["accuracy"], learning_rate=0.05)
    x = {"numbers": frame[["age", "fare"]], "town": frame["town"]}
    assert model.fit(x, frame["label"], epochs=20, **QUIET).history["accuracy"][-1] > 0.85


def test_any_module(x: Any, y: Any) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1, self.fc2 = nn.Linear(4, 8), nn.Linear(8, 2)

        def forward(self, x: Any) -> Any:
            return self.fc2(nn.functional.relu(self.fc1(x)))

    net = Net()
    trainer = Trainer(net, pydl.optim.Adam(net.parameters(), lr=0.02), metrics=["accuracy"])
    loader = pydl.data.DataLoader((x, y), batch_size=20, shuffle=True)
    history = trainer.fit(loader, epochs=10, validation_data=(x, y), **QUIET).history
    assert history["val_accuracy"][-1] > 0.85
    right = trainer.predict(x).numpy().argmax(1) == y
    assert right.mean() == pytest.approx(trainer.evaluate(x, y, **QUIET)["accuracy"])
