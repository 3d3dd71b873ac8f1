"""Convolutions of 3 x 3 kernels by Winograd's algorithm, against the reference in float64."""

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
    ours = run("conv", "cpu", [pydl.tensor(a) for a in arrays], {**attrs, "relu": True})
    assert_near(ours, wanted)


def test_results_do_not_depend_on_the_number_of_threads(rng: np.random.Generator) -> None:
    threads = pydl.get_num_threads()
    results = []
    for case in ("several chunks", "weights beyond the caches"):
        x, w, g = (a.astype("f") for a in operands(case, rng))
        x, g, w = channels_last(x), channels_last(g), pydl.tensor(w)
        try:
            for count in (1, 2, 3):
                pydl.set_num_threads(count)
                attrs = attributes(CASES[case][-1])
                results.append(
                    [
                        run("conv", "cpu", [x, w], attrs),
                        run("conv_backward_weight", "cpu", [g, x], {**attrs, "kernel": (3, 3)}),
                    ]
                )
        finally:
            pydl.set_num_threads(threads)
        for other in results[1:]:
            for ours, wanted in zip(other, results[0], strict=True):
                np.testing.assert_array_equal(ours, wanted)
        results.clear()


def test_what_is_not_a_number_stays_so(rng: np.random.Generator) -> None:
    x, w, _ = operands("whole tiles", rng)
    x[1, 3, 7, 9] = np.nan
    y = run(
        "conv",
        "cpu",
        [channels_last(x.astype("f")), pydl.tensor(w.astype("f"))],
        {**attributes((1, 1, 1, 1)), "relu": True},
    )
    assert np.isnan(y[1, :, 6:9, 8:11]).all()
    assert np.isfinite(y[0]).all()


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
