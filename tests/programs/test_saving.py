"""What save_program and Model.save write, and what they refuse."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors

import pydl
from pydl import nn, optim

F = nn.functional


def _saved(path: Path, *args: Any, **options: Any) -> Any:
    pydl.save_program(path / "p.pydl", *args, **options)
    return pydl.load(path / "p.pydl")


def _random(*shape: int, dtype: str = "float32") -> pydl.Tensor:
    return pydl.tensor(np.random.default_rng(0).standard_normal(shape), dtype=dtype)


OPEN: dict[str, Callable[[pydl.Tensor], Any]] = {
    "divided by the batch": lambda x: x.sum(0) / x.shape[0],
    "times the batch": lambda x: x.sum(0) * (3 * x.shape[0] - 1),
    "one by one": lambda x: x * (1.0 / x.shape[0]),
    "numbers of the batch": lambda x: x + pydl.arange(x.shape[0], dtype="float32").reshape((-1, 1)),
    "square of the batch": lambda x: x @ x.T + pydl.eye(x.shape[0]),
    "unbiased": lambda x: x.std(0, correction=1),
    "two per example": lambda x: pydl.concat([x, x], 0).reshape((x.shape[0], 2, 3)),
    "gradient of a mean": lambda x: pydl.grad(lambda v: v.square().mean())(x),
    "gradient of a spread": lambda x: pydl.grad(lambda v: v.std(0, correction=1).sum())(x),
}


@pytest.mark.parametrize("name", OPEN)
def test_open_batches(name: str, tmp_path: Path) -> None:
    program = _saved(tmp_path, OPEN[name], pydl.zeros((4, 3)))
    compiled = pydl.compile(OPEN[name], cache_size=64)
    for n in [2, 3, 5, 7, 64, 100]:
        x = _random(n, 3)
        np.testing.assert_array_equal(program(x).numpy(), compiled(x).numpy())


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_numbers_of_few_bits_grow_with_the_batch(dtype: str, tmp_path: Path) -> None:
    function = pydl.compile(OPEN["gradient of a mean"], cache_size=64)
    program = _saved(tmp_path, function, pydl.zeros((2, 1000), dtype=dtype))
    for n in [1, 2, 7, 8, 13, 20, 39]:
        x = pydl.ones((n, 1000), dtype=dtype)
        expected = function(x).astype("float32").numpy()
        np.testing.assert_array_equal(program(x).astype("float32").numpy(), expected)


def test_what_needs_a_large_batch(tmp_path: Path) -> None:
    program = _saved(tmp_path, lambda x: x[10:].sum(0), pydl.zeros((16, 2)))
    assert program.inputs[0].shape == (None, 2) and program.outputs[0].shape == (2,)
    assert program(pydl.ones((12, 2))).tolist() == [2.0, 2.0]
    with pytest.raises(ValueError, match=r"cannot take a batch of 3: calls\[0\]: slice"):
        program(pydl.ones((3, 2)))


NOT_OPEN: dict[str, tuple[Callable[[pydl.Tensor], Any], str]] = {
    "half": (lambda x: x[: x.shape[0] // 2], "slice: sizes depends"),
    "pairs": (lambda x: x.reshape((-1, 2, 3)), "with one of 5, reshape"),
    "otherwise": (lambda x: x if x.shape[0] == 4 else x + 1, "does other things"),
    "root": (lambda x: x * x.shape[0] ** 0.5, "a number depends"),
    "array": (lambda x: x + np.ones((x.shape[0], 3)), "a constant of shape"),
    "few bits": (
        lambda x: (x.astype("bfloat16") * (1.0 / (1009 * x.shape[0]))).astype("float32"),
        "too few bits",
    ),
    "long": (lambda x: [x[i] for i in range(x.shape[0])], "does other things"),
}


@pytest.mark.parametrize("name", NOT_OPEN)
def test_what_cannot_be_open_says_why(name: str, tmp_path: Path) -> None:
    function, reason = NOT_OPEN[name]
    x = _random(4, 3)
    with pytest.raises(ValueError, match=f"{reason}.*open_batch=False"):
        _saved(tmp_path, function, x)
    program = _saved(tmp_path, function, x, open_batch=False)
    assert program.inputs[0].shape == (4, 3)
    for got, expected in zip(_leaves(program(x)), _leaves(function(x)), strict=True):
        np.testing.assert_array_equal(got.numpy(), expected.numpy())
    with pytest.raises(ValueError, match=r"input 'x': expected float32 of shape \(4, 3\)"):
        program(_random(5, 3))


def _leaves(result: Any) -> list[pydl.Tensor]:
    return result if isinstance(result, list) else [result]


def test_a_batch_of_one_as_example(tmp_path: Path) -> None:
    layer = nn.Linear(3, 2)
    program = _saved(tmp_path, layer, pydl.zeros((1, 3)))
    x = _random(6, 3)
    np.testing.assert_array_equal(program(x).numpy(), layer(x).detach().numpy())


def test_axes_of_the_batch(tmp_path: Path) -> None:
    def f(x: pydl.Tensor, scale: pydl.Tensor, one: pydl.Tensor) -> pydl.Tensor:
        return (x * scale).sum((0, 2)) + one.sum()

    example = (pydl.zeros((5, 3, 2)), pydl.zeros((5, 3, 1)), pydl.zeros((3,)))
    program = _saved(tmp_path, f, example, batch_axes={"x": 1, "scale": -2, "one": None})
    assert [i.shape for i in program.inputs] == [(5, None, 2), (5, None, 1), (3,)]
    with pytest.raises(ValueError, match="batch_axes names 'y', the inputs are x, scale, one"):
        _saved(tmp_path, f, example, batch_axes={"y": 1})
    with pytest.raises(ValueError, match=r"'x' of shape \(5, 3, 2\) has no axis 3"):
        _saved(tmp_path, f, example, batch_axes={"x": 3})
    with pytest.raises(ValueError, match="'scale' .* has a batch of 3, inputs before it have 5"):
        _saved(tmp_path, f, example, batch_axes={"x": 0, "scale": 1})


def test_a_batch_size_when_loading(tmp_path: Path) -> None:
    pydl.save_program(tmp_path / "p.pydl", lambda x: x + 1, pydl.zeros((2, 3)))
    program = pydl.load(tmp_path / "p.pydl", batch_size=4)
    assert program(pydl.zeros((4, 3))).shape == (4, 3)
    with pytest.raises(ValueError, match="'x' has a batch of 5; the program was loaded for .* 4"):
        program(pydl.zeros((5, 3)))
    with pytest.raises(ValueError, match="at least 0"):
        pydl.load(tmp_path / "p.pydl", batch_size=-1)
    pydl.save(tmp_path / "tensors.safetensors", {"a": pydl.zeros((1,))})
    with pytest.raises(ValueError, match="no program"):
        pydl.load(tmp_path / "tensors.safetensors", batch_size=1)


RESULTS: dict[str, Callable[[pydl.Tensor], Any]] = {
    "tuple": lambda x: (x, x + 1),
    "list": lambda x: [x],
    "dict": lambda x: {"ä": x, "b": {"c": x * 2}},
    "nested": lambda x: {"a": (x, None, [x + 1, (x, x)]), "b": None, "c": (), "d": {}},
    "none": lambda x: None,
    "the same twice": lambda x: (x, x),
    "arguments": lambda x: x,
    "numbers": lambda x: {"output": x.sum(), "1": x},
}


def _as_lists(value: Any) -> Any:
    if isinstance(value, pydl.Tensor):
        return value.tolist()
    if isinstance(value, (tuple, list)):
        return type(value)(_as_lists(item) for item in value)
    if isinstance(value, dict):
        return {key: _as_lists(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize("name", RESULTS)
def test_results_keep_their_structure(name: str, tmp_path: Path) -> None:
    program = _saved(tmp_path, RESULTS[name], pydl.zeros((2, 3)))
    x = _random(3, 3)
    assert _as_lists(program(x)) == _as_lists(RESULTS[name](x))
    names = [info.name for info in program.outputs]
    assert len(set(names)) == len(names)


def test_results_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected strings as keys of a result, got 1"):
        _saved(tmp_path, lambda x: {1: x}, pydl.zeros((2, 3)))
    with pytest.raises(pydl.TraceError, match="returns tensors"):
        _saved(tmp_path, lambda x: (x, "text"), pydl.zeros((2, 3)))


def test_inputs_by_position_and_by_name(tmp_path: Path) -> None:
    def f(x: pydl.Tensor, options: dict[str, Any], factor: float = 2.0) -> pydl.Tensor:
        return x * options["scale"] * factor + options["parts"][0]

    example = {
        "x": pydl.zeros((2, 3)),
        "options": {"scale": np.zeros((2, 3), np.float32), "parts": [pydl.zeros((2, 1))]},
        "factor": 3.0,
    }
    program = _saved(tmp_path, f, example)
    assert [info.name for info in program.inputs] == ["x", "options.scale", "options.parts.0"]
    assert program.inputs_of("f") == program.inputs and program.outputs_of("f") == program.outputs
    x, one = pydl.ones((1, 3)), pydl.ones((1, 1))
    expected = [[4.0, 4.0, 4.0]]
    assert program(x, x, one).tolist() == expected
    # Numbers of another precision are converted.
    named = {"options.scale": np.ones((1, 3)), "options.parts.0": one}
    assert program(x.astype("float16"), **named).tolist() == expected
    for wrong in [(x,), (x, x, one, one)]:
        with pytest.raises(TypeError, match=r"f: expected x, options.scale, options.parts.0, got"):
            program(*wrong)
    with pytest.raises(TypeError, match="and y"):
        program(x, x, y=one)
    with pytest.raises(TypeError, match="and x"):
        program(x, x, x=one)


def test_wrong_inputs_are_named(tmp_path: Path) -> None:
    program = _saved(tmp_path, lambda x, i: pydl.take(x, i, 0), (_random(2, 3), pydl.arange(2)))
    x, i = _random(4, 3), pydl.arange(4)
    with pytest.raises(ValueError, match=r"'x': expected float32 of shape \(N, 3\), got .*4, 2"):
        program(x[:, :2], i)
    with pytest.raises(ValueError, match=r"'i': expected int64 of shape \(N,\), got float32"):
        program(x, x[:, 0])
    with pytest.raises(ValueError, match="'i' has a batch of 3, the ones before it one of 4"):
        program(x, i[:3])
    with pytest.raises(ValueError, match="no function 'train'; it has '<lambda>'"):
        program.run("train", x, i)
    with pytest.raises(AttributeError, match="train"):
        program.train(x, i)
    with pytest.raises(IndexError, match="take"):
        program(x, i + 4)


def test_integers_are_converted_where_they_fit(tmp_path: Path) -> None:
    program = _saved(tmp_path, lambda x: x.sum(), pydl.zeros((2,), dtype="int8"))
    assert program(np.array([100, -128, 7])).item() == -21
    with pytest.raises(ValueError, match="'x' has numbers that .*int8 does not hold"):
        program(np.array([100, 128]))


def test_names_that_collide(tmp_path: Path) -> None:
    def f(x: Any, **more: pydl.Tensor) -> pydl.Tensor:
        return x[0] + more["x.0"]

    with pytest.raises(ValueError, match=r"f: two inputs are called 'x\.0'"):
        _saved(tmp_path, f, {"x": (pydl.zeros((2,)),), "x.0": pydl.zeros((2,))})


def test_class_names_and_preprocessing(tmp_path: Path) -> None:
    program = _saved(
        tmp_path,
        lambda x: x,
        pydl.zeros((1,)),
        class_names=["katze", "Hündin", ""],
        preprocessing={"mean": [0.5, 0.25], "std": np.float32(2), "odd": [np.inf, -np.inf]},
    )
    assert program.class_names == ["katze", "Hündin", ""]
    assert program.preprocessing == {"mean": [0.5, 0.25], "std": [2.0], "odd": [np.inf, -np.inf]}
    program.save(tmp_path / "again.pydl")
    again = pydl.load(tmp_path / "again.pydl")
    assert again.class_names == program.class_names
    assert again.preprocessing == program.preprocessing
    with pytest.raises(ValueError, match="preprocessing 'mean'"):
        _saved(tmp_path, lambda x: x, pydl.zeros((1,)), preprocessing={"mean": [[1.0]]})


@pytest.mark.parametrize("value", [5e-324, 1.7976931348623157e308, 0.1, -0.0, 1e-310])
def test_numbers_are_kept_exactly(value: float, tmp_path: Path) -> None:
    program = _saved(tmp_path, lambda x: (x, pydl.full((1,), value, dtype="float64")), pydl.ones(1))
    program.save(tmp_path / "again.pydl")
    got = pydl.load(tmp_path / "again.pydl")(pydl.ones(1))[1].item()
    assert got == value and np.signbit(got) == np.signbit(value)


def test_the_reference_reads_our_files(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    pydl.save_program(tmp_path / "p.pydl", model, pydl.zeros((2, 3)))
    with safetensors.safe_open(tmp_path / "p.pydl", "np") as file:
        assert set(model.state_dict()) <= set(file.keys())
        np.testing.assert_array_equal(file.get_tensor("0.weight"), model[0].weight.detach().numpy())
        assert "pydl.program" in file.metadata()


# --- state -----------------------------------------------------------------------------------


def test_state_is_named_as_in_the_state_dict(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    program = _saved(tmp_path, model, pydl.zeros((2, 3)))
    assert set(program) == set(model.state_dict())
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(program[name].numpy(), tensor.numpy())
    assert len(program) == len(model.state_dict())
    # Changes from outside are seen.
    program["2.bias"][...] = program["2.bias"] + 1.0
    model[2].bias.detach()[...] = model[2].bias.detach() + 1.0
    model.eval()
    model.train()
    x = _random(5, 3)
    np.testing.assert_array_equal(program(x).numpy(), pydl.compile(model)(x).detach().numpy())


def test_views_of_a_state(tmp_path: Path) -> None:
    table = _random(4, 3)
    row, part = table[2], table[1:, ::2]

    def f(x: pydl.Tensor) -> pydl.Tensor:
        row[...] = row * 2.0
        part[...] = part + 1.0
        return x @ table.T + part.sum()

    compiled = pydl.compile(f, state=[table, row, part])
    program = _saved(tmp_path, compiled, pydl.zeros((2, 3)))
    assert len(program) == 1
    for _ in range(3):
        x = _random(5, 3)
        np.testing.assert_array_equal(program(x).numpy(), compiled(x).numpy())


def test_states_that_a_file_cannot_hold(tmp_path: Path) -> None:
    table = _random(4, 3)
    turned, row = table.T, table[2]
    with pytest.raises(ValueError, match="in another layout or beyond it"):
        _saved(tmp_path, lambda x: x @ turned + row.sum(), _random(2, 3), state=[turned, row])
    with pytest.raises(ValueError, match="in another layout or beyond it"):
        _saved(tmp_path, lambda x: x * row + table.sum(), _random(2, 3), state=[row, table])
    functions = {
        "f": (pydl.compile(lambda x: x * row, state=[row]), (_random(2, 3),)),
        "g": (pydl.compile(lambda x: x @ table.T, state=[table]), (_random(2, 3),)),
    }
    with pytest.raises(ValueError, match=r"g: its state .* shares memory with .* of another"):
        _saved(tmp_path, functions)


def test_a_state_of_another_layout(tmp_path: Path) -> None:
    turned = _random(3, 4).T
    program = _saved(tmp_path, lambda x: x @ turned, _random(2, 4), state=[turned])
    x = _random(5, 4)
    np.testing.assert_allclose(program(x).numpy(), (x @ turned).numpy(), rtol=1e-6)


def test_state_that_was_not_named(tmp_path: Path) -> None:
    weight = _random(3)
    with pytest.raises(pydl.TraceError, match="weight.* was not declared"):
        _saved(tmp_path, lambda x: x * weight, _random(2, 3))


def _trainer(accumulate: bool) -> tuple[nn.Linear, Any]:
    layer = nn.Linear(3, 2)
    optimizer = optim.SGD(layer.parameters(), lr=0.1)

    def step(x: pydl.Tensor) -> pydl.Tensor:
        loss = layer(x).square().mean()
        if not accumulate:
            optimizer.zero_grad()
        loss.backward()
        if not accumulate:
            optimizer.step()
        return loss.detach()

    return layer, pydl.compile(step, state=[layer, optimizer])


def test_gradients_that_are_left(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="step: leaves gradients in 2 parameters"):
        _saved(tmp_path, _trainer(accumulate=True)[1], _random(2, 3))


def test_gradients_from_before_do_not_matter(tmp_path: Path) -> None:
    layer, step = _trainer(accumulate=False)
    layer(_random(2, 3)).sum().backward()
    before = layer.weight.grad
    program = _saved(tmp_path, step, _random(2, 3))
    assert before is not None and layer.weight.grad is not None
    np.testing.assert_array_equal(layer.weight.grad.numpy(), before.numpy())
    for n in [2, 5]:
        assert program(_random(n, 3)).item() == step(_random(n, 3)).item()


def test_saving_traces_but_does_not_run(tmp_path: Path) -> None:
    layer, step = _trainer(accumulate=False)
    before = layer.weight.detach().numpy().copy()
    generator = pydl.Generator(3)
    _saved(tmp_path, step, _random(2, 3))
    _saved(tmp_path, lambda x: x + pydl.normal(x.shape, generator=generator), _random(2, 3))
    np.testing.assert_array_equal(layer.weight.detach().numpy(), before)
    assert generator.state().tolist() == pydl.Generator(3).state().tolist()


def test_generators_go_on_where_they_were(tmp_path: Path) -> None:
    generator = pydl.Generator(3)
    function = pydl.compile(lambda x: x + pydl.normal(x.shape, generator=generator))
    x = pydl.zeros((4,))
    function(x)
    program = _saved(tmp_path, function, x)
    expected = [function(x).tolist() for _ in range(3)]
    assert program(x).tolist() == expected[0]
    program.save(tmp_path / "again.pydl")
    again = pydl.load(tmp_path / "again.pydl")
    assert [again(x).tolist() for _ in range(2)] == expected[1:]


def test_what_a_program_is_not_for(tmp_path: Path) -> None:
    program = _saved(tmp_path, lambda x: x * 2, pydl.zeros((2,)))
    x = pydl.ones((3,))
    x.requires_grad = True
    assert not program(x).requires_grad
    with pytest.raises(pydl.TraceError, match="was asked for"):
        pydl.compile(lambda v: program(v) + 1)(pydl.ones((3,)))


def test_threads(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    program = _saved(tmp_path, model, pydl.zeros((2, 8)))
    model = pydl.compile(model)
    inputs = [_random(n, 8) * float(n) for n in range(1, 9)]
    expected = [model(x).tolist() for x in inputs]
    failures: list[int] = []

    def run(start: int) -> None:
        for k in range(100):
            i = (start + k) % len(inputs)
            if program(inputs[i]).tolist() != expected[i]:
                failures.append(i)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


# --- Model.save ------------------------------------------------------------------------------


@pytest.mark.parametrize("jit", [True, False])
def test_models_go_on_training(jit: bool, tmp_path: Path) -> None:
    pydl.manual_seed(0)
    model = pydl.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3))
    model.compile("adam", "cross_entropy", metrics=["accuracy"], jit=jit)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((32, 6)).astype(np.float32), rng.integers(0, 3, 32)
    model.fit(x, y, batch_size=8, epochs=1, verbose=0)
    model.save(tmp_path / "m.pydl", class_names=["a", "b", "c"], preprocessing={"mean": [1.0]})
    program = pydl.load(tmp_path / "m.pydl")
    assert program.functions == ("predict", "train")
    assert set(model.state_dict()) < set(program)
    assert all(n in model.state_dict() or n.startswith("optimizer.") for n in program)
    assert program.class_names == ["a", "b", "c"] and program.preprocessing == {"mean": [1.0]}
    np.testing.assert_allclose(program(x).numpy(), model.predict(x), rtol=1e-5, atol=1e-6)
    results = program.train(x[:8], y[:8])
    assert list(results) == ["loss", "accuracy"] and results["loss"].shape == ()
    # What was trained is what predicts.
    before = program(x).numpy()
    program.train(x, y)
    assert np.abs(program(x).numpy() - before).max() > 0
    # The parameters go back into the class.
    program.save(tmp_path / "later.pydl")
    model.load(tmp_path / "later.pydl")
    np.testing.assert_allclose(program(x).numpy(), model.predict(x), rtol=1e-5, atol=1e-6)


def test_losses_with_tensors_of_their_own(tmp_path: Path) -> None:
    weight = pydl.tensor([1.0, 5.0], dtype="float32")
    model = pydl.Sequential(nn.Linear(3, 2))
    model.compile("sgd", nn.CrossEntropyLoss(weight=weight))
    x, y = _random(8, 3).numpy(), np.arange(8) % 2
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "m.pydl")
    expected = model.evaluate(x, y, batch_size=8, verbose=0)["loss"]
    assert pydl.load(tmp_path / "m.pydl").train(x, y)["loss"].item() == pytest.approx(expected)


def test_models_that_have_seen_nothing(tmp_path: Path) -> None:
    model = pydl.Sequential(nn.Linear(4, 2))
    with pytest.raises(ValueError, match="expected example_inputs"):
        model.save(tmp_path / "m.pydl")
    with pytest.raises(ValueError, match="only files with the suffix .pydl"):
        model.save(tmp_path / "m.safetensors", class_names=["a"])
    model.save(tmp_path / "m.pydl", np.zeros((1, 4), np.float32))
    assert pydl.load(tmp_path / "m.pydl").functions == ("predict",)
    with pytest.raises(OSError, match="folder"):
        model.save(tmp_path / "no folder" / "m.pydl")


def test_saving_leaves_the_mode_of_a_model(tmp_path: Path) -> None:
    model = pydl.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))
    for training in [True, False]:
        model.train(training)
        model.save(tmp_path / "m.pydl", np.zeros((2, 4), np.float32))
        assert model.training is training
