"""Convolutions in float32 of many shapes, which some processors compute by tiles of 16 bits.

What is asserted holds for convolutions that are computed in any way, those of Winograd apart:
test_winograd.py is about these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from concurrency import in_threads
from ops.accuracy import (
    LARGEST,
    assert_accurate,
    assert_finite_part_near,
    assert_same_special_numbers,
)
from ops.table import Array

import pydl
from pydl import _core, nn

OPS = ("conv", "conv_backward_input", "conv_backward_weight")
# Summing in another order than that of accuracy.py's naive sums, and over more terms.
BOUND = 6e-7


@dataclass(frozen=True)
class Case:
    """One convolution; options that are empty are ones, or zeros for the padding."""

    batch: int
    channels: int
    outputs: int
    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...] = ()
    low: tuple[int, ...] = ()
    high: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1

    @property
    def attrs(self) -> dict[str, Any]:
        axes = len(self.size)
        return {
            "stride": self.stride or (1,) * axes,
            "padding_low": self.low or (0,) * axes,
            "padding_high": self.high or self.low or (0,) * axes,
            "dilation": self.dilation or (1,) * axes,
            "groups": self.groups,
        }

    @property
    def output(self) -> tuple[int, ...]:
        attrs = self.attrs
        return tuple(
            (size + low + high - dilation * (kernel - 1) - 1) // stride + 1
            for size, kernel, stride, low, high, dilation in zip(
                self.size,
                self.kernel,
                *(attrs[key] for key in ("stride", "padding_low", "padding_high", "dilation")),
                strict=True,
            )
        )

    def operands(self, rng: np.random.Generator) -> tuple[Array, Array, Array]:
        """Input, weight and a gradient of the result."""
        shapes = (
            (self.batch, self.channels, *self.size),
            (self.outputs, self.channels // self.groups, *self.kernel),
            (self.batch, self.outputs, *self.output),
        )
        x, weight, g = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
        return x, weight, g

    def inputs(self, op: str, x: Any, weight: Any, g: Any) -> tuple[list[Any], dict[str, Any]]:
        if op == "conv":
            return [x, weight], self.attrs
        if op == "conv_backward_input":
            return [g, weight], {**self.attrs, "size": self.size}
        return [g, x], {**self.attrs, "kernel": self.kernel}


CASES = {
    "3 x 3, stride 2": Case(2, 64, 70, (27, 27), (3, 3), (2, 2), (1, 1)),
    "3 x 3, stride 2, one image": Case(1, 130, 130, (13, 55), (3, 3), (2, 2), (1, 1)),
    "3 x 3": Case(2, 70, 130, (16, 13), (3, 3), (), (1, 1)),
    "3 x 3, five images": Case(5, 16, 130, (7, 27), (3, 3), (), (1, 1)),
    "5 x 5": Case(1, 48, 70, (16, 13), (5, 5), (), (2, 2)),
    "7 x 7, stride 2, three channels": Case(2, 3, 64, (55, 55), (7, 7), (2, 2), (3, 3)),
    "7 x 7, three channels, many results": Case(2, 3, 130, (27, 30), (7, 7), (2, 2), (3, 3)),
    "three channels": Case(2, 3, 130, (55, 27), (3, 4), (), (1, 2)),
    "dilation": Case(2, 64, 130, (16, 27), (3, 3), (), (2, 3), (), (2, 3)),
    "dilation and stride": Case(2, 48, 130, (27, 29), (3, 2), (2, 3), (1, 0), (), (3, 5)),
    "dilated rows": Case(2, 70, 130, (27, 13), (3, 3), (), (2, 1), (), (2, 1)),
    "uneven padding": Case(5, 20, 130, (13, 16), (3, 3), (), (2, 0), (1, 2)),
    "padding on one side": Case(2, 64, 130, (16, 16), (2, 2), (), (0, 1), (1, 0)),
    "windows that see padding only": Case(2, 64, 130, (7, 9), (3, 3), (), (4, 5)),
    "width 1": Case(5, 64, 130, (55, 1), (3, 1), (), (1, 0)),
    "width 1, padded": Case(5, 64, 130, (16, 1), (3, 3), (2, 1), (1, 1)),
    "height 1": Case(2, 64, 130, (1, 55), (1, 5), (), (0, 2)),
    "one place": Case(130, 20, 130, (3, 3), (3, 3)),
    "width 7": Case(2, 130, 130, (7, 7), (3, 3), (), (1, 1)),
    "patches": Case(2, 20, 130, (28, 28), (4, 4), (4, 4)),
    "gaps between windows": Case(5, 48, 130, (27, 29), (2, 2), (3, 4)),
    "1 x 1": Case(2, 64, 130, (13, 16), (1, 1)),
    "1 x 1, stride 2": Case(5, 130, 130, (13, 27), (1, 1), (2, 2)),
    "1 x 1, padding": Case(2, 64, 130, (13, 16), (1, 1), (), (1, 2)),
    "1d": Case(5, 64, 130, (55,), (5,), (), (2,)),
    "1d, stride and dilation": Case(5, 70, 130, (130,), (3,), (3,), (2,), (1,), (4,)),
    "1d, long kernel": Case(2, 16, 130, (300,), (25,), (2,), (0,), (12,)),
    "3d": Case(1, 20, 130, (5, 7, 13), (3, 3, 3), (), (1, 1, 1)),
    "3d, stride and dilation": Case(2, 48, 130, (7, 9, 16), (2, 3, 2), (2, 1, 3), (1, 0, 1), (),
                                    (1, 2, 3)),
    "groups": Case(2, 96, 160, (13, 13), (3, 3), (2, 2), (1, 1), groups=2),
    "deep": Case(1, 260, 300, (9, 10), (3, 3), (2, 1), (1, 1)),
}  # fmt: skip


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng()


def run(op: str, inputs: list[Any], attrs: dict[str, Any], provider: str = "cpu") -> Array:
    tensors = [x if isinstance(x, pydl.Tensor) else pydl.tensor(x) for x in inputs]
    found = _core._apply_with_provider(op, provider, tensors, attrs)
    assert found is not None
    return np.asarray(found)


def exactly(op: str, inputs: list[Array], attrs: dict[str, Any]) -> tuple[Array, Array]:
    """The result in float64, and that of the magnitudes."""
    doubles: list[Array] = [x.astype(np.float64) for x in inputs]
    return run(op, doubles, attrs), run(op, [np.abs(x) for x in doubles], attrs)


# --- layouts ------------------------------------------------------------------------------------


def channels_last(x: Array) -> pydl.Tensor:
    last = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    return pydl.permute_dims(pydl.tensor(last), (0, x.ndim - 1, *range(1, x.ndim - 1)))


def inside(x: Array) -> pydl.Tensor:
    """A part of a larger array, in all axes."""
    around = np.full([n + 3 for n in x.shape], np.nan, np.float32)
    part = tuple(slice(1 + i % 2, 1 + i % 2 + n) for i, n in enumerate(x.shape))
    around[part] = x
    return pydl.tensor(around)[part]


def some_channels(x: Array) -> pydl.Tensor:
    """Channels of an image that has more of them, which lie last."""
    others = np.full((x.shape[0], 5, *x.shape[2:]), np.nan, np.float32)
    return channels_last(np.concatenate([others, x, others], axis=1))[:, 5 : 5 + x.shape[1]]


def every_other(x: Array) -> pydl.Tensor:
    return pydl.tensor(np.repeat(x, 2, axis=-1))[..., ::2]


LAYOUTS: dict[str, Callable[[Array], pydl.Tensor]] = {
    "rows": pydl.tensor,
    "channels last": channels_last,
    "inside": inside,
    "some channels": some_channels,
    "every other": every_other,
    "backwards": lambda x: pydl.tensor(x[..., ::-1].copy())[..., ::-1],
}


# --- results ------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["rows", "channels last"])
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_results(case: Case, op: str, layout: str, rng: np.random.Generator) -> None:
    arrays, attrs = case.inputs(op, *case.operands(rng))
    moved = [LAYOUTS[layout](arrays[0]), pydl.tensor(arrays[1])]
    if op == "conv_backward_weight":
        moved[1] = LAYOUTS[layout](arrays[1])
    assert_accurate(run(op, moved, attrs), *exactly(op, arrays, attrs), bound=BOUND)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("other", LAYOUTS)
@pytest.mark.parametrize("op", OPS)
def test_layouts(layout: str, other: str, op: str, rng: np.random.Generator) -> None:
    case = CASES["5 x 5"]
    arrays, attrs = case.inputs(op, *case.operands(rng))
    moved = [LAYOUTS[layout](arrays[0]), LAYOUTS[other](arrays[1])]
    assert_accurate(run(op, moved, attrs), *exactly(op, arrays, attrs), bound=BOUND)


def random_case(rng: np.random.Generator) -> Case:
    axes = int(rng.integers(1, 4))

    def sizes(low: int, high: int) -> tuple[int, ...]:
        return tuple(int(n) for n in rng.integers(low, high, axes))

    kernel, dilation, low, high = sizes(1, 5), sizes(1, 4), sizes(0, 4), sizes(0, 4)
    largest = {1: 200, 2: 30, 3: 10}[axes]
    size = tuple(
        max(n, d * (k - 1) + 1 - before - after, 1)
        for n, k, d, before, after in zip(
            sizes(1, largest), kernel, dilation, low, high, strict=True
        )
    )
    batch, channels, outputs = (int(n) for n in rng.integers((1, 16, 65), (5, 100, 200)))
    return Case(batch, channels, outputs, size, kernel, sizes(1, 4), low, high, dilation)


def test_results_of_cases_by_chance(rng: np.random.Generator) -> None:
    for _ in range(25):
        case = random_case(rng)
        operands = case.operands(rng)
        for op in OPS:
            arrays, attrs = case.inputs(op, *operands)
            found = run(op, [channels_last(arrays[0]), arrays[1]], attrs)
            # Some may be for Winograd's algorithm, which is less accurate.
            exact = exactly(op, arrays, attrs)
            assert_accurate(found, *exact, bound=5e-6, message=f"{op} {case}")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_bias_and_relu(case: Case, rng: np.random.Generator) -> None:
    x, weight, _ = case.operands(rng)
    bias = rng.standard_normal(case.outputs).astype("f") * 10
    exact, magnitudes = exactly("conv", [x, weight], case.attrs)
    column = bias.reshape(-1, *(1,) * len(case.size))
    exact, magnitudes = exact + column, magnitudes + np.abs(column)
    for moved in (pydl.tensor(x), channels_last(x)):
        found = run("conv", [moved, weight, bias], case.attrs)
        assert_accurate(found, exact, magnitudes, bound=BOUND)
        found = run("conv", [moved, weight, bias], {**case.attrs, "post": "relu"})
        assert_accurate(found, np.maximum(exact, 0), magnitudes, bound=BOUND)


@pytest.mark.parametrize("has_bias", [False, True], ids=["no bias", "bias"])
def test_compiled_layers(has_bias: bool, rng: np.random.Generator) -> None:
    layer = nn.Conv2d(48, 130, 3, stride=2, padding=1, bias=has_bias)
    double = nn.Conv2d(48, 130, 3, stride=2, padding=1, bias=has_bias, dtype="float64")
    with pydl.no_grad():
        for ours, theirs in zip(double.parameters(), layer.parameters(), strict=True):
            ours.copy_(theirs.astype("float64"))
    x = rng.standard_normal((3, 48, 27, 25)).astype("f")
    results = []
    for module, dtype in ((layer, "float32"), (double, "float64")):

        @pydl.compile(state=[module])
        def step(x: pydl.Tensor, module: nn.Conv2d = module) -> Any:
            y = nn.functional.relu(module(x))
            return y, pydl.grad(y.square().sum(), [x, *module.parameters()])

        tensor = pydl.tensor(x, dtype=dtype, requires_grad=True)
        y = nn.functional.relu(module(tensor))
        y.square().sum().backward()
        gradients = [t.grad for t in (tensor, *module.parameters())]
        results.append([np.asarray(t) for t in (y.detach(), *gradients)])
        with pydl.no_grad():
            fused = pydl.compile(lambda x, m=module: nn.functional.relu(m(x)), state=[module])
            results[-1].append(np.asarray(fused(pydl.tensor(x, dtype=dtype))))
    for found, wanted in zip(*results, strict=True):
        assert found.dtype == np.float32
        assert np.abs(found - wanted).max() < 5e-6 * np.abs(wanted).max()


def test_one_term_to_a_sum_is_nearly_exact(rng: np.random.Generator) -> None:
    """Every part of a number counts, down to its last bits."""
    case = CASES["3 x 3, stride 2"]
    x, weight, g = case.operands(rng)
    chosen = np.zeros_like(weight)
    for o in range(case.outputs):
        chosen[o, rng.integers(case.channels), rng.integers(3), rng.integers(3)] = weight[
            o, 0, 0, 0
        ]
    exact = exactly("conv", [x, chosen], case.attrs)
    assert_accurate(run("conv", [x, chosen], case.attrs), *exact, bound=2.5e-7)
    one = np.zeros_like(g)
    n, i, j = (rng.integers(0, size, case.outputs) for size in (case.batch, *case.output))
    one[n, np.arange(case.outputs), i, j] = g[0, 0, 0, 0]
    inputs, attrs = case.inputs("conv_backward_weight", x, weight, one)
    exact = exactly("conv_backward_weight", inputs, attrs)
    assert_accurate(run("conv_backward_weight", inputs, attrs), *exact, bound=2.5e-7)


def test_channels_of_very_different_sizes(rng: np.random.Generator) -> None:
    case = CASES["3 x 3, stride 2"]
    x, weight, g = case.operands(rng)
    scales = np.float32(10) ** rng.uniform(-18, 18, (case.outputs, 1, 1)).astype("f")
    weight, g = weight * scales[..., None], g / scales
    for op in OPS:
        inputs, attrs = case.inputs(op, x, weight, g)
        assert_accurate(run(op, inputs, attrs), *exactly(op, inputs, attrs), bound=BOUND)


# --- special numbers ----------------------------------------------------------------------------

SPECIAL = {
    "one infinity": [np.inf],
    "one negative infinity": [-np.inf],
    "one nan": [np.nan],
    "several": [np.inf, -np.inf, np.nan, np.inf, -np.inf],
}
SPECIAL_CASES = ["3 x 3, stride 2", "3 x 3, five images", "dilation and stride", "1d", "3d",
                 "gaps between windows", "1 x 1"]  # fmt: skip


def run_first(op: str, inputs: list[Any], attrs: dict[str, Any]) -> Array:
    """By the provider that is asked first and can."""
    tensors = [pydl.tensor(x) for x in inputs]
    for provider in _core.info()["providers"]:
        found = _core._apply_with_provider(op, provider, tensors, attrs)
        if found is not None:
            return np.asarray(found)
    raise AssertionError(f"{op}: ref must serve every call")


@pytest.mark.parametrize("values", SPECIAL.values(), ids=SPECIAL)
@pytest.mark.parametrize("name", SPECIAL_CASES)
@pytest.mark.parametrize("op", OPS)
def test_infinities_and_nan(
    op: str, name: str, values: list[float], rng: np.random.Generator
) -> None:
    case = CASES[name]
    if op == "conv_backward_weight":
        # Providers differ in whether padding is left out, or is zeros that infinity meets.
        case = replace(case, low=(), high=())
    inputs, attrs = case.inputs(op, *case.operands(rng))
    places = rng.choice(inputs[0].size, len(values), replace=False)
    inputs[0].reshape(-1)[places] = values
    exact = run(op, inputs, attrs, "ref")
    found = run_first(op, inputs, attrs)
    assert_same_special_numbers(found, exact)
    assert_finite_part_near(found, exact)


@pytest.mark.parametrize("op", ["conv", "conv_backward_input"])
def test_infinite_weights(op: str, rng: np.random.Generator) -> None:
    case = Case(2, 64, 130, (16, 13), (3, 3), (2, 2))
    x, weight, g = case.operands(rng)
    weight[5, 7, 1, 2], weight[90, 3, 0, 0], weight[91, 3, 0, 1] = np.inf, -np.inf, np.nan
    inputs, attrs = case.inputs(op, x, weight, g)
    exact = run(op, inputs, attrs, "ref")
    found = run_first(op, inputs, attrs)
    assert_same_special_numbers(found, exact)
    assert_finite_part_near(found, exact)


@pytest.mark.parametrize("has_relu", [False, True], ids=["linear", "relu"])
@pytest.mark.parametrize("has_infinity", [False, True], ids=["finite input", "infinite input"])
def test_special_numbers_in_the_bias(
    has_infinity: bool, has_relu: bool, rng: np.random.Generator
) -> None:
    case = CASES["3 x 3, stride 2"]
    x, weight, _ = case.operands(rng)
    if has_infinity:
        x[1, 9, 13, 14] = np.inf
    bias = rng.standard_normal(case.outputs).astype("f")
    bias[[3, 40, 69]] = np.inf, -np.inf, np.nan
    attrs = {**case.attrs, "post": "relu"} if has_relu else case.attrs
    exact = run("conv", [x, weight, bias], attrs, "ref")
    found = run("conv", [channels_last(x), weight, bias], attrs)
    assert_same_special_numbers(found, exact)
    assert_finite_part_near(found, exact)


@pytest.mark.parametrize("name", ["3 x 3, stride 2", "gaps between windows"])
@pytest.mark.parametrize("op", OPS)
def test_numbers_near_the_largest(op: str, name: str, rng: np.random.Generator) -> None:
    case = CASES[name]
    inputs, attrs = case.inputs(op, *case.operands(rng))
    inputs[1] *= np.float32(0.1)
    inputs[0][1, 9, 6, 5] = LARGEST
    inputs[0][0, 30, 2, 6] = -LARGEST
    inputs[1].reshape(-1)[::5] *= 30
    exact, magnitudes = exactly(op, inputs, attrs)
    overflows = np.abs(exact) > LARGEST
    assert overflows.any()
    wanted = np.where(overflows, np.copysign(np.inf, exact), exact)
    found = run_first(op, inputs, attrs)
    near_edge = np.abs(np.abs(exact) / LARGEST - 1) < 1e-5
    found[near_edge] = wanted[near_edge] = 0
    assert_same_special_numbers(found, wanted)
    finite = np.isfinite(wanted)
    assert_accurate(found[finite], wanted[finite], magnitudes[finite], bound=2e-6)


def test_zeros_of_both_signs(rng: np.random.Generator) -> None:
    case = CASES["3 x 3, stride 2"]
    operands = case.operands(rng)
    for op in OPS:
        inputs, attrs = case.inputs(op, *operands)
        inputs[0] = np.where(inputs[0] < 0, np.float32(0), np.float32(-0.0))
        np.testing.assert_array_equal(run(op, inputs, attrs), 0)


def test_later_calls_see_nothing_of_infinities(rng: np.random.Generator) -> None:
    """Memory is used again: what was infinite there is not in the next results."""
    for name in ("3 x 3, stride 2", "5 x 5", "width 1, padded", "1d", "1 x 1, padding"):
        case = CASES[name]
        for op in OPS:
            inputs, attrs = case.inputs(op, *case.operands(rng))
            spoilt = [np.full_like(x, np.nan) for x in inputs]
            assert np.isnan(run(op, spoilt, attrs)).any()
            assert_accurate(run(op, inputs, attrs), *exactly(op, inputs, attrs), bound=BOUND)


# --- threads ------------------------------------------------------------------------------------


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = pydl.get_num_threads()
    yield pydl.set_num_threads
    pydl.set_num_threads(before)


@pytest.mark.parametrize("name", ["3 x 3, stride 2", "3 x 3, five images", "1d", "1 x 1", "deep"])
def test_numbers_of_threads(
    name: str, threads: Callable[[int], None], rng: np.random.Generator
) -> None:
    case = CASES[name]
    operands = case.operands(rng)
    for op in OPS:
        inputs, attrs = case.inputs(op, *operands)
        exact = exactly(op, inputs, attrs)
        for count in (1, 2, 3, 7):
            threads(count)
            found = run(op, [channels_last(inputs[0]), inputs[1]], attrs)
            assert_accurate(found, *exact, bound=BOUND, message=f"{op}, {count} threads")


def test_several_threads_at_once(rng: np.random.Generator) -> None:
    case = CASES["3 x 3, stride 2"]
    operands = case.operands(rng)
    calls = [(op, *case.inputs(op, *operands)) for op in OPS]
    wanted = [run(*call) for call in calls]

    def work(number: int) -> bool:
        same = True
        for i in range(15):
            place = (i + number) % len(calls)
            same = same and np.array_equal(run(*calls[place]), wanted[place])
        return same

    assert in_threads(work) == [True] * 4


def test_convolutions_of_16_bits_in_between(rng: np.random.Generator) -> None:
    """Both use the same registers."""
    case = CASES["3 x 3, stride 2"]
    x, weight, _ = case.operands(rng)
    exact, magnitudes = exactly("conv", [x, weight], case.attrs)
    tx, tw = pydl.tensor(x), pydl.tensor(weight)

    def mixed(_: int) -> None:
        for _ in range(6):
            y = nn.functional.conv2d(tx, tw, stride=2, padding=1)
            assert_accurate(np.asarray(y), exact, magnitudes, bound=BOUND)
            with pydl.autocast("bfloat16"):
                half = nn.functional.conv2d(tx, tw, stride=2, padding=1)
            assert half.dtype == pydl.bfloat16
            errors = np.abs(np.asarray(half.astype("float64")) - exact)
            assert (errors <= 2**-7 * magnitudes).all()

    mixed(0)
    in_threads(mixed)
