"""Models of several inputs and outputs: losses, weights, metrics and data by name or in order."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn

RNG = np.random.default_rng(7)
A = RNG.normal(size=(22, 3)).astype("float32")
B = RNG.normal(size=(22, 2)).astype("float32")
AGE = (A.sum(axis=1, keepdims=True) + B[:, :1]).astype("float32")
KIND = (A[:, 0] > B[:, 1]).astype("int64") + (A[:, 1] > 0)
LOSSES = {"age": "mse", "kind": "cross_entropy"}


class Heads(nn.Module):
    """Two inputs, two outputs by name."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(5, 8)
        self.age = nn.Linear(8, 1)
        self.kind = nn.Linear(8, 3)

    def forward(self, a: Any, b: Any) -> Any:
        h = pydl.tanh(self.body(pydl.concat([a, b], axis=1)))
        return {"age": self.age(h), "kind": self.kind(h)}


class InOrder(Heads):
    def forward(self, a: Any, b: Any) -> Any:
        return tuple(super().forward(a, b).values())


class OfDict(Heads):
    def forward(self, inputs: Any) -> Any:  # type: ignore[override]
        return super().forward(inputs["a"], inputs["b"])


def trainer(kind: type[nn.Module] = Heads, jit: bool = True, **options: Any) -> Any:
    pydl.manual_seed(3)
    model = kind()
    named = issubclass(kind, Heads) and kind is not InOrder
    options = {"loss": LOSSES if named else list(LOSSES.values()), **options}
    optimizer = pydl.optim.SGD(model.parameters(), lr=0.1)
    return pydl.training.Trainer(model, optimizer, jit=jit, **options)


def by_hand(weights: tuple[float, float], batch_size: int, epochs: int) -> Any:
    """Train with a custom loop; returns the parameters and the losses of the last epoch."""
    pydl.manual_seed(3)
    model = Heads()
    optimizer = pydl.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(epochs):
        sums = np.zeros(2)
        for start in range(0, 22, batch_size):
            part = slice(start, start + batch_size)
            output = model(A[part], B[part])
            age = nn.functional.mse_loss(output["age"], pydl.tensor(AGE[part]))
            kind = nn.functional.cross_entropy(output["kind"], pydl.tensor(KIND[part]))
            optimizer.zero_grad()
            (age * weights[0] + kind * weights[1]).backward()
            optimizer.step()
            sums += [age.item() * len(A[part]), kind.item() * len(A[part])]
    return model.state_dict(), sums / 22


def assert_same(found: Any, expected: Any, rtol: float = 1e-5) -> None:
    for name, value in expected.items():
        np.testing.assert_allclose(found[name].numpy(), value.numpy(), rtol=rtol, atol=1e-6)


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("form", ["dicts", "tuple", "in order", "one dict"])
def test_losses_by_name_and_in_order(form: str, jit: bool) -> None:
    weights = {"age": 0.5, "kind": 2.0}
    kind = {"in order": InOrder, "one dict": OfDict}.get(form, Heads)
    x: Any = (A, B) if form in ("tuple", "in order") else {"a": A, "b": B}
    y: Any = (AGE, KIND) if form == "in order" else {"kind": KIND, "age": AGE}
    given = list(weights.values()) if form == "in order" else weights
    this = trainer(kind, jit, loss_weights=given)
    history = this.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0).history
    expected, losses = by_hand((0.5, 2.0), 8, 3)
    assert_same(this.model.state_dict(), expected)
    names = ["output_0_loss", "output_1_loss"] if form == "in order" else ["age_loss", "kind_loss"]
    assert list(history) == ["loss", *names]
    assert [history[name][-1] for name in names] == pytest.approx(losses.tolist(), rel=1e-5)
    assert history["loss"][-1] == pytest.approx(0.5 * losses[0] + 2 * losses[1], rel=1e-5)


def test_metrics_and_validation_by_output() -> None:
    this = trainer(metrics={"kind": ["accuracy", "mae"][:1], "age": ["mae", "r2"]})
    data = ({"a": A, "b": B}, {"age": AGE, "kind": KIND})
    history = this.fit(*data, validation_data=data, epochs=2, verbose=0).history
    names = ["loss", "age_loss", "kind_loss", "age_mae", "age_r2", "kind_accuracy"]
    assert list(history) == names + [f"val_{name}" for name in names]
    found = this.evaluate(*data, batch_size=5, verbose=0)
    output = this.predict({"a": A, "b": B}, batch_size=5)
    assert set(output) == {"age", "kind"} and output["age"].shape == (22, 1)
    assert found["age_mae"] == pytest.approx(np.abs(output["age"].numpy() - AGE).mean(), rel=1e-5)
    assert found["kind_accuracy"] == (output["kind"].numpy().argmax(axis=1) == KIND).mean()
    assert found["loss"] == pytest.approx(found["age_loss"] + found["kind_loss"])


def test_loaders_datasets_and_generators_give_the_same() -> None:
    class Samples:
        def __len__(self) -> int:
            return 22

        def __getitem__(self, i: int) -> Any:
            return {"a": A[i], "b": B[i]}, {"age": AGE[i], "kind": KIND[i]}

    class Stream:
        def __iter__(self) -> Any:
            for start in range(0, 22, 8):
                part = slice(start, start + 8)
                yield {"a": A[part], "b": B[part]}, {"age": AGE[part], "kind": KIND[part]}

    expected = trainer()
    arrays = {"a": A, "b": B}, {"age": AGE, "kind": KIND}
    expected.fit(*arrays, batch_size=8, epochs=2, shuffle=False, verbose=0)
    for data in (pydl.data.DataLoader(Samples(), 8), Stream()):
        this = trainer()
        history = this.fit(data, epochs=2, verbose=0)
        assert len(history.epochs) == 2
        assert_same(this.model.state_dict(), expected.model.state_dict())
        assert this.evaluate(data, verbose=0) == pytest.approx(
            expected.evaluate(*arrays, batch_size=8, verbose=0), rel=1e-5
        )


def test_an_output_without_a_loss_is_measured_only() -> None:
    loss = {"age": "mse", "kind": None}
    this = trainer(loss=loss, metrics={"kind": lambda output, target: output.mean()})
    before = copy.deepcopy(this.model.kind)
    names = this.fit((A, B), {"age": AGE, "kind": KIND}, verbose=0).history
    assert list(names) == ["loss", "age_loss", "kind_<lambda>"]
    assert_same(this.model.kind.state_dict(), before.state_dict())


def test_labels_that_do_not_count_in_one_output() -> None:
    ignored = np.where(np.arange(22) < 9, -100, KIND)  # the first batch of 8 has none that counts
    this = trainer()
    found = this.evaluate((A, B), {"age": AGE, "kind": ignored}, batch_size=10, verbose=0)
    expected = this.evaluate((A[9:], B[9:]), {"age": AGE[9:], "kind": KIND[9:]}, verbose=0)
    assert found["kind_loss"] == pytest.approx(expected["kind_loss"], rel=1e-5)
    whole = this.evaluate((A, B), {"age": AGE, "kind": KIND}, verbose=0)
    assert found["age_loss"] == pytest.approx(whole["age_loss"], rel=1e-5)
    assert found["loss"] == pytest.approx(found["age_loss"] + found["kind_loss"], rel=1e-6)


def test_split_of_nested_arrays() -> None:
    this = trainer()
    history = this.fit(
        {"a": A, "b": B}, {"age": AGE, "kind": KIND}, validation_split=0.5, verbose=0
    )
    assert "val_kind_loss" in history.history


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss_weights": {"size": 1.0}}, "loss_weights has 'size', for which there is no loss"),
        ({"loss_weights": [1.0, 2.0]}, "expected loss_weights as a dict"),
        ({"loss_weights": {"age": "much"}}, "loss_weights of numbers, got 'much' for 'age'"),
        ({"metrics": ["mae"]}, "expected metrics as a dict with their names"),
        ({"metrics": {"size": ["mae"]}}, "metrics has 'size', for which there is no loss"),
        ({"loss": {"age": None}}, "all losses are None"),
        ({"loss": {}}, "expected at least one loss"),
        ({"loss": {"age": "mee"}}, "expected a loss of"),
        ({"loss": "mse", "loss_weights": [1.0]}, "loss_weights need several losses"),
        ({"loss": "mse", "metrics": {"age": "mae"}}, "metrics is a dict of outputs, but there is"),
        ({"loss": {"a": "mse", "a_b": "mse"}, "metrics": {"a": [Exception]}}, "got a class"),
    ],
)
def test_what_does_not_fit_is_said_by_compile(options: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^compile: .*{message}"):
        trainer(**options)


def test_data_that_do_not_fit_are_named() -> None:
    this, x = trainer(), (A, B)
    with pytest.raises(ValueError, match="a dict with 'kind' as targets, got a dict with 'age'"):
        this.fit(x, {"age": AGE}, verbose=0)
    with pytest.raises(ValueError, match="y has targets 'size', for which compile got no loss"):
        this.fit(x, {"age": AGE, "kind": KIND, "size": AGE}, verbose=0)
    with pytest.raises(ValueError, match="a dict with 'age' as targets, got one tensor"):
        this.fit(x, AGE, verbose=0)
    with pytest.raises(ValueError, match="got lengths 22 of x.0., 22 of x.1., 5 of y.'age'."):
        this.fit(x, {"age": AGE[:5], "kind": KIND}, verbose=0)
    with pytest.raises(TypeError, match="the inputs are a dict with a, c, but forward takes a, b"):
        this.fit({"a": A, "c": B}, {"age": AGE, "kind": KIND}, verbose=0)
    with pytest.raises(ValueError, match="expect a dict with 'age' as outputs of the model, got a"):
        trainer(InOrder, loss=LOSSES).fit(x, {"age": AGE, "kind": KIND}, verbose=0)
    with pytest.raises(ValueError, match="output 'kind': cross_entropy"):
        this.fit(x, {"age": AGE, "kind": np.zeros((22, 4), "float32")}, verbose=0)


def test_float_labels_of_one_output_are_indices() -> None:
    this = trainer()
    y = {"age": AGE, "kind": KIND.astype("float64")}
    assert this.evaluate((A, B), y, verbose=0) == this.evaluate(
        (A, B), {"age": AGE, "kind": KIND}, verbose=0
    )


def test_program_files_of_several_inputs_and_outputs(tmp_path: Any) -> None:
    class Net(Heads, pydl.training.Model):
        pass

    model = Net()
    model.compile(pydl.optim.SGD(model.parameters(), lr=0.1), LOSSES)
    model.fit({"a": A, "b": B}, {"age": AGE, "kind": KIND}, verbose=0)
    path = tmp_path / "heads.pydl"
    model.save(path)
    program = pydl.load(path)
    expected = model.predict({"a": A, "b": B})
    found = program(A, B)
    assert_same(found, expected)
    names = [info.name for info in program.inputs_of("train")]
    assert names == ["a", "b", "target_age", "target_kind"]
    logs = program.train(A, B, AGE, KIND)
    assert set(logs) == {"loss", "age_loss", "kind_loss"}
    assert float(logs["loss"]) == pytest.approx(
        model.evaluate({"a": A, "b": B}, {"age": AGE, "kind": KIND}, verbose=0)["loss"], rel=1e-5
    )
