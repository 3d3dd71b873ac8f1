"""Convolutions of 3 x 3 kernels by Winograd's algorithm, against the reference in float64.

What is promised of every result, forward and of both gradients: an error of at most 1e-5 of the sum
of the magnitudes of the products in its own window; what is not finite reaches its window only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pydl
from pydl import _core

# batch, channels in and out, rows and columns, padding (top, left, bottom, right)
CASES = {
    "whole tiles": (2, 32, 32, 16, 16, (1, 1, 1, 1)),
    "cut tiles": (3, 32, 48, 13, 18, (1, 1, 1, 1)),
    "without padding": (2, 48, 32, 19, 22, (0, 0, 0, 0)),
    "uneven padding": (2, 32, 64, 17, 15, (2, 0, 1, 2)),
    "many small images": (64, 32, 32, 3, 2, (1, 1, 1, 1)),
    "one row of results": (32, 32, 32, 3, 9, (0, 1, 0, 1)),
    "several chunks": (2, 64, 96, 61, 57, (1, 1, 1, 1)),
    "weights beyond the caches": (9, 208, 160, 9, 10, (1, 1, 1, 1)),
    "several blocks of rows": (40, 160, 176, 12, 11, (1, 1, 1, 1)),
}


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng()


def channels_last(array: np.ndarray[Any, Any]) -> pydl.Tensor:
    return pydl.permute_dims(
        pydl.tensor(np.ascontiguousarray(array.transpose(0, 2, 3, 1))), (0, 3, 1, 2)
    )


def attributes(padding: tuple[int, int, int, int]) -> dict[str, Any]:
    return {
        "stride": (1, 1),
        "padding_low": padding[:2],
        "padding_high": padding[2:],
        "dilation": (1, 1),
        "groups": 1,
    }


def operands(case: str, rng: np.random.Generator) -> tuple[np.ndarray[Any, Any], ...]:
    batch, channels, outputs, rows, columns, (top, left, bottom, right) = CASES[case]
    x = rng.standard_normal((batch, channels, rows, columns))
    w = rng.standard_normal((outputs, channels, 3, 3)) / np.sqrt(9 * channels)
    g = rng.standard_normal((batch, outputs, rows + top + bottom - 2, columns + left + right - 2))
    return x, w, g


def run(op: str, provider: str, inputs: list[pydl.Tensor], attrs: dict[str, Any]) -> Any:
    return np.asarray(_core._apply_with_provider(op, provider, inputs, attrs))


def assert_near(ours: Any, reference: Any) -> None:
    """Errors are of the size of the largest elements that meet, not of the result."""
    assert ours.dtype == np.float32
    assert np.abs(ours - reference).max() < 3e-5 * np.abs(reference).max()


@pytest.mark.parametrize("case", CASES)
def test_results_and_gradients_are_those_of_the_definition(
    case: str, rng: np.random.Generator
) -> None:
    x, w, g = operands(case, rng)
    bias = rng.standard_normal(w.shape[0])
    attrs = attributes(CASES[case][-1])
    doubles = {k: channels_last(v) for k, v in {"x": x, "g": g}.items()}
    floats = {k: channels_last(v.astype("f")) for k, v in {"x": x, "g": g}.items()}
    weight, weight_f, bias_f = (
        pydl.tensor(w),
        pydl.tensor(w.astype("f")),
        pydl.tensor(bias.astype("f")),
    )
    assert_near(
        run("conv", "cpu", [floats["x"], weight_f, bias_f], attrs),
        run("conv", "cpu", [doubles["x"], weight, pydl.tensor(bias)], attrs),
    )
    size = {**attrs, "size": x.shape[2:]}
    assert_near(
        run("conv_backward_input", "cpu", [floats["g"], weight_f], size),
        run("conv_backward_input", "cpu", [doubles["g"], weight], size),
    )
    kernel = {**attrs, "kernel": (3, 3)}
    assert_near(
        run("conv_backward_weight", "cpu", [floats["g"], floats["x"]], kernel),
        run("conv_backward_weight", "cpu", [doubles["g"], doubles["x"]], kernel),
    )


def test_row_major_inputs_and_relu(rng: np.random.Generator) -> None:
    x, w, _ = operands("cut tiles", rng)
    bias = rng.standard_normal(w.shape[0])
    attrs = attributes((1, 1, 1, 1))
    arrays = [a.astype("f") for a in (x, w, bias)]
    wanted = np.maximum(run("conv", "cpu", [pydl.tensor(a) for a in (x, w, bias)], attrs), 0)
    ours = run("conv", "cpu", [pydl.tensor(a) for a in arrays], {**attrs, "post": "relu"})
    assert_near(ours, wanted)


def calls_of(
    padding: tuple[int, int, int, int], x: Any, w: Any, g: Any
) -> dict[str, tuple[list[Any], dict[str, Any]]]:
    """All three ops: their operands, activations channels-last, and attributes."""
    attrs = attributes(padding)
    x_last, g_last, weight = channels_last(x), channels_last(g), pydl.tensor(w)
    return {
        "conv": ([x_last, weight], attrs),
        "conv_backward_input": ([g_last, weight], {**attrs, "size": x.shape[2:]}),
        "conv_backward_weight": ([g_last, x_last], {**attrs, "kernel": (3, 3)}),
    }


def by_definition(
    padding: tuple[int, int, int, int], x: Any, w: Any, g: Any
) -> dict[str, np.ndarray[Any, Any]]:
    """The results of all three ops in float64, tap by tap: what lies outside is left out."""
    rows, columns = x.shape[2:]
    y, dx, dw = np.zeros_like(g), np.zeros_like(x), np.zeros_like(w)
    for i, j in np.ndindex(3, 3):
        down, across = i - padding[0], j - padding[1]
        top, left = max(0, -down), max(0, -across)
        bottom, right = min(g.shape[2], rows - down), min(g.shape[3], columns - across)
        there = np.s_[:, :, top:bottom, left:right]
        here = np.s_[:, :, top + down : bottom + down, left + across : right + across]
        tap = w[:, :, i, j]
        y[there] += np.moveaxis(np.tensordot(tap, x[here], (1, 1)), 0, 1)
        dx[here] += np.moveaxis(np.tensordot(tap, g[there], (0, 1)), 0, 1)
        dw[:, :, i, j] = np.tensordot(g[there], x[here], ((0, 2, 3), (0, 2, 3)))
    return {"conv": y, "conv_backward_input": dx, "conv_backward_weight": dw}


@np.errstate(all="ignore")
def assert_bound(padding: tuple[int, int, int, int], x: Any, w: Any, g: Any) -> None:
    floats = [array.astype("f") for array in (x, w, g)]
    doubles = [array.astype("d") for array in floats]
    exact = by_definition(padding, *doubles)
    magnitudes = by_definition(padding, *(np.abs(array) for array in doubles))
    for op, (arguments, attrs) in calls_of(padding, *floats).items():
        ours = run(op, "cpu", arguments, attrs)
        finite = np.isfinite(exact[op])
        np.testing.assert_array_equal(ours[~finite], exact[op][~finite], err_msg=op)
        finite &= magnitudes[op] < np.finfo("f").max  # else float32 may overflow on the way
        errors = np.abs(ours[finite].astype("d") - exact[op][finite])
        assert (errors <= 1e-5 * magnitudes[op][finite]).all(), op


def thread_variants(case: str, rng: np.random.Generator) -> dict[str, tuple[Any, ...]]:
    """Usual operands, and some of which parts are computed by definition."""
    x, w, g = (array.astype("f") for array in operands(case, rng))
    large, uneven = (array.copy() for array in (x, w))
    large[0, 3, 4, 5] = 1e6
    large[-1, 7, 0, 1] = np.nan
    uneven[5, 2, 1, 1] = 1e6
    return {"usual": (x, w, g), "large elements": (large, w, g), "uneven weights": (x, uneven, g)}


@pytest.mark.parametrize("case", ["several chunks", "weights beyond the caches", "cut tiles"])
def test_results_do_not_depend_on_the_number_of_threads(
    case: str, rng: np.random.Generator
) -> None:
    threads = pydl.get_num_threads()
    for variant in thread_variants(case, rng).values():
        calls = calls_of(CASES[case][-1], *variant)
        for op, (arguments, attrs) in calls.items():
            results = []
            try:
                for count in (1, 2, 3, 4):
                    pydl.set_num_threads(count)
                    results.append(run(op, "cpu", arguments, attrs))
            finally:
                pydl.set_num_threads(threads)
            for other in results[1:]:
                np.testing.assert_array_equal(other, results[0])


@pytest.mark.parametrize("value", [np.nan, np.inf, -3e38, 9.97e36, 1e6, 1e3, 100.0, 30.0])
@pytest.mark.parametrize("operand", ["x", "w", "g"])
@pytest.mark.parametrize("case", ["whole tiles", "cut tiles", "uneven padding"])
@pytest.mark.parametrize("rectified", [False, True])
def test_one_element_reaches_its_own_window_only(
    case: str, operand: str, value: float, rectified: bool, rng: np.random.Generator
) -> None:
    x, w, g = operands(case, rng)
    if rectified:
        x, g = np.maximum(x, 0), np.maximum(g, 0)
    array = {"x": x, "w": w, "g": g}[operand]
    rows, columns = array.shape[2:]
    places = [(0, 0), (rows - 1, columns - 1), (0, columns // 2), (rows // 2, columns // 3)]
    for row, column in places:
        before = array[1, 3, row, column]
        array[1, 3, row, column] = value
        assert_bound(CASES[case][-1], x, w, g)
        array[1, 3, row, column] = before


def relu(array: Any) -> Any:
    return np.maximum(array, 0)


def change(operands: tuple[Any, ...], kind: str, rng: np.random.Generator) -> tuple[Any, ...]:
    """Operands as they occur in networks, and as they hardly do."""
    x, w, g = operands
    if kind == "rectified":
        x, g = relu(x), relu(g)
    elif kind == "mostly zeros":
        x, g = relu(x - 1.3), relu(g - 1.3)
    elif kind == "few elements":
        x, g = x * (rng.random(x.shape) < 0.02), g * (rng.random(g.shape) < 0.05)
    elif kind == "many channels almost empty":
        x = x * (
            rng.random(x.shape) < np.where(np.arange(x.shape[1]) % 3, 0.7, 0.01)[:, None, None]
        )
        g = g * (
            rng.random(g.shape) < np.where(np.arange(g.shape[1]) % 2, 0.2, 0.01)[:, None, None]
        )
    elif kind == "gradients of pooled results":
        x, g = relu(x), np.where(g == g.max(axis=(2, 3), keepdims=True), g, 0)
        g[:, :, ::3, 1::2] = rng.standard_normal(g[:, :, ::3, 1::2].shape)
    elif kind == "black borders":
        x[:, :, :5] = x[:, :, :, -5:] = g[:, :, :5] = 0
    elif kind == "dark borders":
        x[:, :, :5] *= 1e-4
        x[:, :, :, -5:] *= 1e-4
        g[:, :, :5] *= 1e-6
    elif kind == "one element":
        x, g = np.zeros_like(x), np.zeros_like(g)
        x[1, 3, 7, 9] = g[1, 4, 6, 6] = 1
    elif kind == "one place":
        x, g = np.zeros_like(x), np.zeros_like(g)
        x[:, :, 7, 9] = rng.standard_normal(x.shape[:2])
        g[:, :, 6, 6] = 1
    elif kind == "one place far larger":
        x[:, :, 7, 9] = 1e5
        g[:, :, 6, 6] = 1e4
    elif kind == "one place not finite":
        x[1, :, 0, 0] = np.inf
        g[1, :, 0, 0] = np.nan
    elif kind == "tiny":
        x, g = x * 1e-14, g * 1e-14
        x[1, 3, 7, 9] = g[1, 3, 6, 6] = 1e-9
    elif kind == "huge":
        x = x * 1e25
    elif kind == "long tails":
        x, g = np.exp(3 * x), np.exp(3 * g) * np.sign(rng.standard_normal(g.shape))
    elif kind == "channels of many sizes":
        x = x * np.exp(2 * rng.standard_normal((1, x.shape[1], 1, 1)))
        g = g * np.exp(2 * rng.standard_normal((1, g.shape[1], 1, 1)))
    elif kind == "channels alike":
        x, w = np.broadcast_to(rng.random((1, 1, *x.shape[2:])), x.shape).copy(), np.abs(w)
    elif kind == "identity":
        w = np.zeros_like(w)
        w[range(32), range(32), 1, 1] = 1
    elif kind == "pruned weights":
        x, g, w = relu(x), relu(g), w * (rng.random(w.shape) < 0.1)
    elif kind == "weights not finite":
        w[3, 4, 0, 0] = np.inf
        w[5, :, 2, 1] = np.nan
    else:
        assert kind == "normal"
    return x, w, g


KINDS = [
    "normal",
    "rectified",
    "mostly zeros",
    "few elements",
    "many channels almost empty",
    "gradients of pooled results",
    "black borders",
    "dark borders",
    "one element",
    "one place",
    "one place far larger",
    "one place not finite",
    "tiny",
    "huge",
    "long tails",
    "channels of many sizes",
    "channels alike",
    "identity",
    "pruned weights",
    "weights not finite",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", ["whole tiles", "cut tiles", "without padding", "uneven padding"])
def test_every_result_keeps_the_bound(case: str, kind: str, rng: np.random.Generator) -> None:
    assert_bound(CASES[case][-1], *change(operands(case, rng), kind, rng))


def test_bias_and_relu_where_results_are_computed_by_definition(rng: np.random.Generator) -> None:
    x, w, _ = operands("whole tiles", rng)
    bias = rng.standard_normal(w.shape[0])
    x[1, 3, 7, 9] = np.nan
    x[0, 5, 3, 3] = 1e6
    x[0, :, 8:] = 0
    w[7, 3, 0, 1] = 1e5
    attrs = attributes((1, 1, 1, 1))
    arrays = [channels_last(x), pydl.tensor(w), pydl.tensor(bias)]
    wanted = run("conv", "ref", arrays, attrs)
    wanted = np.where(wanted < 0, 0, wanted)
    floats = [array.astype(pydl.float32) for array in arrays]
    ours = run("conv", "cpu", floats, {**attrs, "post": "relu"})
    np.testing.assert_array_equal(np.isnan(ours), np.isnan(wanted))
    assert np.isnan(ours).sum() == 9 * w.shape[0]
    np.testing.assert_allclose(ours, wanted, rtol=1e-4, atol=1e-4 * np.abs(w).sum() / len(w))


def test_layers_use_it_and_stay_near_the_direct_convolution(rng: np.random.Generator) -> None:
    x = rng.standard_normal((4, 32, 20, 20))
    layer = pydl.nn.Conv2d(32, 64, 3, padding=1)
    double = pydl.nn.Conv2d(32, 64, 3, padding=1, dtype=pydl.float64)
    with pydl.no_grad():
        for ours, theirs in zip(double.parameters(), layer.parameters(), strict=True):
            ours.copy_(theirs.astype(pydl.float64))
    a, b = pydl.tensor(x.astype("f"), requires_grad=True), pydl.tensor(x, requires_grad=True)
    y, z = layer(a), double(b)
    (y * y).sum().backward()
    (z * z).sum().backward()
    assert_near(np.asarray(y.detach()), np.asarray(z.detach()))
    assert_near(np.asarray(a.grad), np.asarray(b.grad))
    for ours, theirs in zip(layer.parameters(), double.parameters(), strict=True):
        assert_near(np.asarray(ours.grad), np.asarray(theirs.grad))
