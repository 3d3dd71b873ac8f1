"""Rows of convolutions: the reference walks over the elements of the kernel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from ops.table import Array, BadCall, Row, Sample

import pydl
from pydl import _core

# x, weight, options
_CASES: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 9), (4, 3, 3), {}),
    ((1, 4, 8), (6, 2, 2), {"stride": (2,), "groups": 2, "padding_low": (1,)}),
    ((2, 3, 6, 5), (4, 3, 3, 2), {"padding_low": (1, 0), "padding_high": (1, 1)}),
    ((2, 4, 7, 7), (4, 1, 3, 3), {"groups": 4, "stride": (2, 2), "padding_low": (1, 1)}),
    ((1, 2, 9, 8), (3, 2, 2, 3), {"dilation": (2, 3), "stride": (1, 2)}),
    ((3, 5, 4, 4), (6, 5, 1, 1), {}),
    ((1, 2, 4, 5, 3), (3, 2, 2, 3, 1), {"padding_high": (1, 0, 0)}),
    ((0, 3, 5, 5), (2, 3, 3, 3), {}),
    ((1, 1, 1, 1), (1, 1, 1, 1), {}),
    ((2, 20, 10, 9), (33, 20, 3, 3), {"padding_low": (1, 1), "padding_high": (1, 1)}),
]


def _filled(options: dict[str, Any], axes: int) -> dict[str, Any]:
    return {
        "stride": options.get("stride", (1,) * axes),
        "padding_low": options.get("padding_low", (0,) * axes),
        "padding_high": options.get("padding_high", (0,) * axes),
        "dilation": options.get("dilation", (1,) * axes),
        "groups": options.get("groups", 1),
    }


def _output_sizes(size: tuple[int, ...], kernel: tuple[int, ...], o: dict[str, Any]) -> list[int]:
    return [
        (s + low + high - d * (k - 1) - 1) // step + 1
        for s, k, low, high, d, step in zip(
            size,
            kernel,
            o["padding_low"],
            o["padding_high"],
            o["dilation"],
            o["stride"],
            strict=True,
        )
    ]


def _meetings(
    kernel: tuple[int, ...], output: list[int], o: dict[str, Any]
) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """Each element of the kernel, and the part of the padded input that it meets."""
    for place in np.ndindex(*kernel):
        yield (
            place,
            tuple(
                slice(k * d, k * d + (t - 1) * step + 1, step)
                for k, d, t, step in zip(place, o["dilation"], output, o["stride"], strict=True)
            ),
        )


def _pads(o: dict[str, Any]) -> list[tuple[int, int]]:
    return [(0, 0), (0, 0), *zip(o["padding_low"], o["padding_high"], strict=True)]


def _grouped(a: Array, groups: int, axis: int) -> Array:
    return a.reshape(*a.shape[:axis], groups, a.shape[axis] // groups, *a.shape[axis + 1 :])


def _conv(x: Array, weight: Array, bias: Array | None = None, **options: Any) -> Array:
    kernel = weight.shape[2:]
    o = _filled(options, len(kernel))
    output = _output_sizes(x.shape[2:], kernel, o)
    padded = _grouped(np.pad(x, _pads(o)), o["groups"], 1)
    w = _grouped(weight, o["groups"], 0)
    y = np.zeros((x.shape[0], o["groups"], w.shape[1], *output))
    for place, part in _meetings(kernel, output, o):
        y += np.einsum("ngc...,goc->ngo...", padded[(..., *part)], w[(..., *place)], optimize=True)
    y = y.reshape(x.shape[0], weight.shape[0], *output)
    return y if bias is None else y + bias.reshape(-1, *(1,) * len(kernel))


def _backward_input(g: Array, weight: Array, size: tuple[int, ...], **options: Any) -> Array:
    kernel = weight.shape[2:]
    o = _filled(options, len(kernel))
    groups = o["groups"]
    w = _grouped(weight, groups, 0)
    gradient = _grouped(g, groups, 1)
    sizes = [sum(pair) + s for pair, s in zip(_pads(o)[2:], size, strict=True)]
    padded = np.zeros((g.shape[0], groups, w.shape[2], *sizes))
    for place, part in _meetings(kernel, list(g.shape[2:]), o):
        padded[(..., *part)] += np.einsum("ngo...,goc->ngc...", gradient, w[(..., *place)])
    inside = [slice(low, low + s) for low, s in zip(o["padding_low"], size, strict=True)]
    return padded.reshape(g.shape[0], groups * w.shape[2], *sizes)[(..., *inside)]


def _backward_weight(g: Array, x: Array, kernel: tuple[int, ...], **options: Any) -> Array:
    o = _filled(options, len(kernel))
    groups = o["groups"]
    gradient = _grouped(g, groups, 1)
    padded = _grouped(np.pad(x, _pads(o)), groups, 1)
    weight = np.zeros((groups, gradient.shape[2], padded.shape[2], *kernel))
    letters = "xyz"[: len(kernel)]
    for place, part in _meetings(kernel, list(g.shape[2:]), o):
        weight[(..., *place)] = np.einsum(
            f"ngo{letters},ngc{letters}->goc", gradient, padded[(..., *part)]
        )
    return weight.reshape(g.shape[1], x.shape[1] // groups, *kernel)


def _samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample(
            (
                rng.standard_normal(x),
                rng.standard_normal(weight) * 0.5,
                rng.standard_normal(weight[0]),
            ),
            options,
        )
        for x, weight, options in _CASES
    ]


def _output(rng: np.random.Generator, case: int) -> Array:
    x, weight, options = _CASES[case]
    sizes = _output_sizes(x[2:], weight[2:], _filled(options, len(x) - 2))
    return rng.standard_normal((x[0], weight[0], *sizes))


def _backward_input_samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((_output(rng, i), rng.standard_normal(weight) * 0.5), {"size": x[2:], **options})
        for i, (x, weight, options) in enumerate(_CASES)
    ]


def _backward_weight_samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((_output(rng, i), rng.standard_normal(x)), {"kernel": weight[2:], **options})
        for i, (x, weight, options) in enumerate(_CASES)
    ]


def _torch_conv(torch: Any, x: Any, weight: Any, bias: Any = None, **options: Any) -> Any:
    axes = weight.dim() - 2
    o = _filled(options, axes)
    pads = [n for pair in reversed(_pads(o)[2:]) for n in pair]
    functional = torch.nn.functional
    function = (functional.conv1d, functional.conv2d, functional.conv3d)[axes - 1]
    return function(
        functional.pad(x, pads), weight, bias, o["stride"], 0, o["dilation"], o["groups"]
    )


ROWS = [
    Row(
        "conv",
        _core.conv,
        _conv,
        _samples,
        smooth=(0, 1, 2),
        torch=_torch_conv,
        rtol=1e-4,
        atol=2e-5,
        bad=(
            BadCall(
                lambda: _core.nn.conv2d(pydl.ones((8, 1, 28, 28)), pydl.ones((4, 3, 3, 3))),
                ValueError,
                r"conv2d: weight \(4, 3, 3, 3\) expects 3 input channels, "
                r"got input \(N=8, C=1, H=28, W=28\)",
            ),
            BadCall(
                lambda: _core.nn.conv1d(pydl.ones((1, 2, 4)), pydl.ones((4, 2, 5))),
                ValueError,
                "conv1d: a kernel of .* does not fit",
            ),
            BadCall(
                lambda: _core.nn.conv2d(
                    pydl.ones((1, 4, 4, 4), dtype="int64"), pydl.ones((4, 4, 1, 1), dtype="int64")
                ),
                TypeError,
                "conv2d: expected a floating-point dtype, got int64",
            ),
            BadCall(
                lambda: _core.nn.conv2d(pydl.ones((4, 4)), pydl.ones((4, 4, 1, 1))),
                ValueError,
                "conv2d: expected .*got shape",
            ),
            BadCall(
                lambda: _core.nn.conv2d(pydl.ones((1, 4, 4, 4)), pydl.ones((3, 2, 1, 1)), groups=2),
                ValueError,
                "3 output channels cannot be divided into 2 groups",
            ),
            BadCall(
                lambda: _core.nn.conv2d(
                    pydl.ones((1, 4, 4, 4)), pydl.ones((3, 4, 3, 3)), stride=2, padding="same"
                ),
                ValueError,
                "'same' has no meaning with stride",
            ),
            BadCall(
                lambda: _core.nn.conv2d(pydl.ones((1, 4, 4, 4)), pydl.ones((3, 4, 1, 1)), stride=0),
                ValueError,
                "at least 1 as stride",
            ),
        ),
    ),
    Row(
        "conv_backward_input",
        _core.conv_backward_input,
        _backward_input,
        _backward_input_samples,
        smooth=(0, 1),
        rtol=1e-4,
        atol=2e-5,
        bad=(
            BadCall(
                lambda: _core.conv_backward_input(pydl.ones((1, 2, 4)), pydl.ones((2, 3, 2)), (9,)),
                ValueError,
                "conv_backward_input: .*do not give an output of shape",
            ),
        ),
    ),
    Row(
        "conv_backward_weight",
        _core.conv_backward_weight,
        _backward_weight,
        _backward_weight_samples,
        smooth=(0, 1),
        rtol=1e-4,
        atol=5e-5,
        bad=(
            BadCall(
                lambda: _core.conv_backward_weight(
                    pydl.ones((1, 2, 4)), pydl.ones((1, 3, 9)), (2,)
                ),
                ValueError,
                "conv_backward_weight: .*do not give an output of shape",
            ),
        ),
    ),
]
