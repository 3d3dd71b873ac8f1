"""Every op compiled against eager: values and gradients, each pass on and off, repeated calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ops.table import Array, Row, Sample, row_samples, rows

import pydl
from pydl import _core

ROWS = rows()
IDS = [row.name for row in ROWS]
PASSES = _core._pass_names()
# No passes, all passes, and all but one.
SETTINGS: list[list[str]] = [[], list(PASSES), *([name] for name in PASSES)]

Function = Callable[..., Any]


def _tensors(sample: Sample, dtype: str, smooth: tuple[int, ...], change: float) -> list[Any]:
    """The arrays of a sample, the differentiable ones a little changed."""
    result = []
    for i, array in enumerate(sample.arrays):
        if array.dtype.kind != "f":
            result.append(pydl.tensor(array))
            continue
        values = array * (1 + change) if i in smooth else array
        tensor = pydl.tensor(values, dtype=dtype)
        result.append(tensor.requires_grad_() if i in smooth else tensor)
    return result


def _forward(row: Row, sample: Sample) -> Function:
    def forward(*arguments: pydl.Tensor) -> Any:
        result = row.call(*arguments, **sample.keywords)
        # Something around the op that passes can work on.
        if result.dtype.is_floating:
            return result, (result * 1.0 + 1.0) * 2.0
        return result

    return forward


def _gradients(row: Row, sample: Sample, smooth: tuple[int, ...]) -> Function:
    def gradients(*arguments: pydl.Tensor) -> Any:
        result = row.call(
            *[a.copy() if a.requires_grad else a for a in arguments], **sample.keywords
        )
        wanted = [arguments[i] for i in smooth]
        return pydl.grad((result * pydl.cos(result)).sum(), wanted, allow_unused=True)

    return gradients


def _assert_equal(row: Row, actual: Any, expected: Any) -> None:
    if expected is None:
        assert actual is None
        return
    if isinstance(expected, (tuple, list)):
        assert type(actual) is type(expected)
        for a, e in zip(actual, expected, strict=True):
            _assert_equal(row, a, e)
        return
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    np.testing.assert_allclose(
        _numpy(actual), _numpy(expected), rtol=1e-6, atol=1e-7, err_msg=row.name
    )


def _numpy(x: pydl.Tensor) -> Array:
    return x.detach().numpy()


def _compare(
    row: Row, sample: Sample, function: Function, smooth: tuple[int, ...], **options: Any
) -> None:
    for dtype in row.dtypes[:1]:
        compiled = pydl.compile(function, **options)
        for change in (0.0, 1e-3, -2e-3):
            arguments = _tensors(sample, dtype, smooth, change)
            _assert_equal(row, compiled(*arguments), function(*arguments))
        assert compiled.traces == 1


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_forward(row: Row) -> None:
    for number, sample in enumerate(row_samples(row)):
        without = SETTINGS[number % len(SETTINGS)]
        _compare(row, sample, _forward(row, sample), (), without=without)


@pytest.mark.parametrize("row", [row for row in ROWS if row.smooth], ids=lambda row: row.name)
def test_gradients(row: Row) -> None:
    for number, sample in enumerate(row_samples(row, seed=3)):
        count = range(len(sample.arrays)) if row.name == "concat" else row.smooth
        smooth = tuple(count)
        without = SETTINGS[(number + len(row.name)) % len(SETTINGS)]
        _compare(row, sample, _gradients(row, sample, smooth), smooth, without=without)


@pytest.mark.parametrize("without", SETTINGS, ids=lambda names: "-".join(names) or "none")
@pytest.mark.parametrize("name", ["multiply", "where", "sum", "linear", "softmax", "take", "slice"])
def test_each_pass(name: str, without: list[str]) -> None:
    row = next(row for row in ROWS if row.name == name)
    for sample in row_samples(row, seed=5):
        _compare(row, sample, _forward(row, sample), (), without=without)
        _compare(row, sample, _gradients(row, sample, row.smooth), row.smooth, without=without)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_small_floats_round_as_in_eager_mode(dtype: str) -> None:
    def function(x: pydl.Tensor) -> pydl.Tensor:
        return pydl.exp(x * 3.0 + 1.0) / (x - 0.3)

    x = pydl.tensor(np.linspace(-1, 1, 77), dtype=dtype)
    actual = pydl.compile(function)(x).astype("float32")
    np.testing.assert_array_equal(actual.numpy(), function(x).astype("float32").numpy())


@pytest.mark.parametrize("provider", _core.info()["providers"])
def test_relu_in_the_product(provider: str) -> None:
    for shape, outputs in (((5, 7), 3), ((64, 80), 96), ((2, 40, 64), 70)):
        x, weight, bias = pydl.randn(*shape), pydl.randn(outputs, shape[-1]), pydl.randn(outputs)
        actual = _core._apply_with_provider("linear", provider, [x, weight, bias], {"relu": True})
        if actual is not None:
            expected = np.maximum(x.numpy() @ weight.numpy().T + bias.numpy(), 0)
            np.testing.assert_allclose(actual.numpy(), expected, rtol=1e-4, atol=1e-4)
        compiled = pydl.compile(lambda *a: pydl.relu(pydl.linear(*a)))
        np.testing.assert_allclose(
            compiled(x, weight, bias).numpy(),
            pydl.relu(pydl.linear(x, weight, bias)).numpy(),
            rtol=1e-5,
            atol=1e-5,
        )
        assert [step["name"] for step in compiled.programs[0].steps()] == ["linear"]


def test_views_of_results() -> None:
    def function(x: pydl.Tensor) -> tuple[pydl.Tensor, ...]:
        y = pydl.exp(x)
        flipped = y[::-1, 1:]
        return y, flipped, pydl.permute_dims(y, (1, 0)) + 1.0, flipped.reshape(-1) * 2.0, x[0], x

    x = pydl.randn(4, 5)
    for actual, expected in zip(pydl.compile(function)(x), function(x), strict=True):
        np.testing.assert_array_equal(actual.numpy(), expected.numpy())


def test_elements_of_results_of_the_function_may_be_overwritten() -> None:
    def function(x: pydl.Tensor) -> pydl.Tensor:
        y = pydl.zeros((4, 3))
        before = y + 1.0
        y[1] = x
        y[:, 2] = before[:, 0] * 5.0
        y += 1.0
        return y * before

    x = pydl.randn(3)
    for without in SETTINGS:
        actual = pydl.compile(function, without=without)(x)
        np.testing.assert_array_equal(actual.numpy(), function(x).numpy())


def test_random_numbers_are_those_of_eager_mode() -> None:
    def function(x: pydl.Tensor) -> tuple[pydl.Tensor, ...]:
        return pydl.dropout(x, 0.5), pydl.uniform((3,)), pydl.normal((2, 2)), pydl.permutation(5)

    x = pydl.ones((7, 9))
    compiled = pydl.compile(function)
    pydl.manual_seed(3)
    actual = [compiled(x) for _ in range(3)]
    pydl.manual_seed(3)
    expected = [function(x) for _ in range(3)]
    for a, e in zip(actual, expected, strict=True):
        for one, other in zip(a, e, strict=True):
            np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_random_chains_of_ops() -> None:
    """Programs of random elementwise ops, views, reductions and products."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        choices = rng.integers(0, 12, 25)
        picks = rng.integers(0, 1 << 30, (25, 2))

        def function(x: pydl.Tensor, y: pydl.Tensor, choices=choices, picks=picks) -> Any:  # type: ignore[no-untyped-def]
            values = [x, y]
            for choice, (i, j) in zip(choices, picks, strict=True):
                a, b = values[i % len(values)], values[j % len(values)]
                values.append(_random_op(int(choice), a, b))
            return values[-1], values[len(values) // 2], sum(v.sum() for v in values)

        x, y = pydl.uniform((6, 6), 0.1, 1), pydl.uniform((6, 6), 0.1, 1)
        without = SETTINGS[int(rng.integers(len(SETTINGS)))]
        actual = pydl.compile(function, without=without)(x, y)
        for one, other in zip(actual, function(x, y), strict=True):
            np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=1e-5)


def _random_op(choice: int, a: pydl.Tensor, b: pydl.Tensor) -> pydl.Tensor:
    if choice == 7:
        a = a.copy()
        a[1:3] = b[2:4]
        return a
    ops: list[Callable[[], pydl.Tensor]] = [
        lambda: a + b,
        lambda: a * b * 0.5,
        lambda: pydl.tanh(a),
        lambda: pydl.where(a > b, a, b * 0.5),
        lambda: pydl.permute_dims(a, (1, 0)),
        lambda: pydl.softmax(a, 1),
        lambda: a @ b * 0.1,
        lambda: a,
        lambda: a[::-1] - b.mean(axis=0),
        lambda: pydl.clip(a, -0.5, 0.5) + b.max(axis=1, keepdims=True) * 0.1,
        lambda: (a > 0.2).astype("float32") + a,
        lambda: pydl.concat([a[:3], b[3:]], 0),
    ]
    return ops[choice]()
