"""Up-sampling, adaptive averaging, padding and shuffles: eager, compiled, and as PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiled.comparison import check_calls

import pydl
from pydl import nn
from pydl.nn import functional as F
from pydl.testing import check_gradients

Function = Callable[[pydl.Tensor], pydl.Tensor]


def _random(*shape: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.random.default_rng(0).standard_normal(shape)


def _channels_last(x: pydl.Tensor) -> pydl.Tensor:
    """The same values with the channels last in memory."""
    forth = (0, *range(2, x.ndim), 1)
    back = (0, x.ndim - 1, *range(1, x.ndim - 1))
    return x.permute_dims(forth).copy().permute_dims(back)


INTERPOLATIONS: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 5), {"size": 9}),
    ((2, 3, 5), {"scale_factor": 1.7}),
    ((2, 3, 5), {"scale_factor": 1.1}),
    ((2, 3, 5), {"scale_factor": 2.5, "mode": "linear"}),
    ((2, 3, 5), {"scale_factor": 1.1, "mode": "linear"}),
    ((2, 3, 5), {"size": [4], "mode": "linear", "align_corners": True}),
    ((2, 3, 5), {"size": 2, "mode": "area"}),
    ((2, 3, 4, 5), {"scale_factor": 2}),
    ((2, 3, 4, 5), {"size": (3, 8), "mode": "bilinear", "align_corners": False}),
    ((2, 3, 4, 5), {"scale_factor": (1.5, 0.6), "mode": "bilinear"}),
    ((2, 3, 4, 5), {"scale_factor": (1.5, 0.6), "mode": "bilinear", "align_corners": True}),
    ((2, 3, 4, 5), {"scale_factor": (2, 1.3), "mode": "bicubic"}),
    ((2, 3, 4, 5), {"size": 1, "mode": "bicubic", "align_corners": True}),
    ((2, 3, 4, 5), {"scale_factor": 1.2, "mode": "bicubic"}),
    ((2, 3, 8, 9), {"size": (3, 4), "mode": "bilinear", "antialias": True}),
    ((2, 3, 8, 9), {"scale_factor": (0.4, 0.3), "mode": "bilinear", "antialias": True}),
    ((2, 3, 8, 9), {"scale_factor": (1.6, 0.7), "mode": "bicubic", "antialias": True}),
    ((2, 3, 8, 9), {"size": (1, 20), "mode": "bicubic", "antialias": True, "align_corners": True}),
    ((2, 3, 8, 9), {"size": (3, 5), "mode": "bilinear", "antialias": True, "align_corners": True}),
    ((1, 3, 61, 50), {"size": 7, "mode": "bilinear", "antialias": True}),
    ((1, 3, 61, 50), {"size": 7, "mode": "bicubic", "antialias": True}),
    ((2, 3, 8, 9), {"scale_factor": 0.4, "mode": "area"}),
    ((2, 3, 8, 9), {"size": 1, "mode": "area"}),
    ((1, 2, 3, 4, 2), {"size": (5, 2, 3), "mode": "nearest"}),
    ((2, 3, 5), {"scale_factor": 1.7, "recompute_scale_factor": True}),
    ((2, 3, 4, 5), {"scale_factor": 1.3, "mode": "bilinear", "recompute_scale_factor": True}),
    ((2, 3, 4, 5), {"scale_factor": 1.3, "mode": "bilinear", "recompute_scale_factor": False}),
    ((2, 3, 5), {"size": 3, "mode": "nearest-exact"}),
    ((2, 3, 4, 5), {"size": (9, 2), "mode": "nearest-exact"}),
    ((2, 3, 4, 5), {"scale_factor": (1.7, 0.6), "mode": "nearest-exact"}),
    ((1, 2, 3, 4, 2), {"scale_factor": 1.6, "mode": "nearest-exact"}),
    ((1, 2, 3, 4, 2), {"scale_factor": 1.6, "mode": "trilinear"}),
    ((1, 2, 3, 4, 2), {"size": (2, 7, 1), "mode": "area"}),
]


@pytest.mark.parametrize(("shape", "options"), INTERPOLATIONS, ids=str)
def test_interpolate(shape: tuple[int, ...], options: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.nn.functional.interpolate
    x = _random(*shape).astype(np.float32)
    expected = theirs(torch.from_numpy(x), **options).numpy()
    for tensor in (pydl.tensor(x), _channels_last(pydl.tensor(x))):
        y = F.interpolate(tensor, **options)
        np.testing.assert_allclose(y.numpy(), expected, rtol=2e-5, atol=2e-6)
    if "scale_factor" in options and not {"antialias", "recompute_scale_factor"} & set(options):
        np.testing.assert_array_equal(nn.Upsample(**options)(pydl.tensor(x)).numpy(), y.numpy())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "either size or scale_factor"),
        ({"size": 2, "scale_factor": 2}, "only one of size and scale_factor"),
        ({"size": (2, 2, 2)}, "expected a size for each of 2"),
        ({"size": (0, 2)}, "at least 1, got input of shape .*output of spatial sizes"),
        ({"scale_factor": 0.1}, "at least 1"),
        ({"scale_factor": -1.0}, "positive number"),
        ({"scale_factor": (2, 2, 2)}, "or 2 of them"),
        ({"size": 2, "mode": "linear"}, "mode 'linear' needs 1 spatial axes"),
        ({"size": 2, "mode": "nearest", "align_corners": False}, "align_corners can only be set"),
        ({"size": 2, "mode": "area", "align_corners": True}, "align_corners can only be set"),
        ({"size": 2, "antialias": True}, "antialias can only be set .*got 'nearest'"),
        ({"size": 2, "mode": "area", "antialias": True}, "antialias can only be set .*got 'area'"),
        ({"size": 2, "recompute_scale_factor": True}, "no use where sizes are given"),
        ({"size": 2, "mode": "lanczos"}, "expected mode to be one of"),
    ],
    ids=str,
)
def test_wrong_interpolations(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"interpolate: .*{message}"):
        F.interpolate(pydl.ones((1, 2, 4, 4)), **options)


def test_interpolate_names_wrong_inputs() -> None:
    with pytest.raises(ValueError, match=r"interpolate: .*\(4, 4\)"):
        F.interpolate(pydl.ones((4, 4)), size=2)
    with pytest.raises(TypeError, match="interpolate: .*uint8"):
        F.interpolate(pydl.ones((1, 1, 4, 4), dtype="uint8"), size=2)


def test_upsampling_layers_of_fixed_modes() -> None:
    x = pydl.tensor(_random(2, 3, 4, 5))
    nearest, linear = nn.UpsamplingNearest2d(scale_factor=2), nn.UpsamplingBilinear2d(size=(7, 9))
    np.testing.assert_array_equal(nearest(x).numpy(), x.numpy().repeat(2, 2).repeat(2, 3))
    expected = F.interpolate(x, size=(7, 9), mode="bilinear", align_corners=True)
    np.testing.assert_array_equal(linear(x).numpy(), expected.numpy())
    assert repr(linear) == "UpsamplingBilinear2d(size=(7, 9), mode='bilinear')"


def test_results_keep_the_layout() -> None:
    x = _channels_last(pydl.ones((2, 3, 4, 5)))
    for y in (
        F.interpolate(x, size=(8, 9), mode="bilinear"),
        F.adaptive_avg_pool2d(x, (2, 3)),
        F.pad(x, (1, 2, 3, 0)),
        F.pad(x, (1, 2, 3, 0), "reflect"),
        F.pad(x, (-1, 2), value=2.0),
    ):
        assert y.permute_dims(0, 2, 3, 1).is_contiguous


# --- averages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_adaptive_average(axes: int, size: int) -> None:
    torch = pytest.importorskip("torch")
    x = _random(2, 3, *(5, 7, 4)[:axes])
    layer = getattr(nn, f"AdaptiveAvgPool{axes}d")(size)
    expected = getattr(torch.nn, f"AdaptiveAvgPool{axes}d")(size)(torch.from_numpy(x)).numpy()
    for tensor in (pydl.tensor(x), _channels_last(pydl.tensor(x))):
        np.testing.assert_allclose(layer(tensor).numpy(), expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(layer(pydl.tensor(x[0])).numpy(), expected[0], 1e-12, 1e-13)


def test_adaptive_average_keeps_sizes_of_none() -> None:
    x = pydl.tensor(_random(2, 3, 6, 5))
    assert F.adaptive_avg_pool2d(x, (3, None)).shape == (2, 3, 3, 5)
    np.testing.assert_array_equal(F.adaptive_avg_pool2d(x, None).numpy(), x.numpy())
    assert nn.AdaptiveAvgPool2d((None, 1))(x[0]).shape == (3, 6, 1)


def test_global_average() -> None:
    x = _random(2, 3, 6, 5)
    mean = x.mean((2, 3))
    np.testing.assert_allclose(nn.GlobalAvgPool2d()(pydl.tensor(x)).numpy(), mean, rtol=1e-12)
    kept = nn.GlobalAvgPool2d(keepdims=True)(pydl.tensor(x))
    np.testing.assert_allclose(kept.numpy(), mean[..., None, None], rtol=1e-12)
    assert nn.GlobalAvgPool1d()(pydl.tensor(x[0])).shape == (3, 6)
    assert nn.GlobalAvgPool1d()(pydl.tensor(x[0, 0])).shape == (6,)
    assert nn.GlobalAvgPool3d()(pydl.tensor(x)).shape == (2,)


def test_wrong_averages() -> None:
    x = pydl.ones((2, 3, 4, 4))
    with pytest.raises(
        ValueError, match=r"adaptive_avg_pool1d: expected \(N, C, L\).*\(2, 3, 4, 4"
    ):
        F.adaptive_avg_pool1d(x, 2)
    with pytest.raises(ValueError, match="adaptive_avg_pool2d: expected 2 numbers.*got 1"):
        F.adaptive_avg_pool2d(x, (2,))
    with pytest.raises(
        ValueError, match="adaptive_avg_pool2d: expected sizes of at least 1, got 0"
    ):
        F.adaptive_avg_pool2d(x, 0)
    with pytest.raises(TypeError, match="adaptive_avg_pool.*int32"):
        F.adaptive_avg_pool2d(x.astype("int32"), 2)
    with pytest.raises(ValueError, match=r"GlobalAvgPool1d: .*\(2, 3, 4, 4\)"):
        nn.GlobalAvgPool1d()(x)


# --- padding --------------------------------------------------------------------------------------

PADS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((2, 3, 5), (1, 2)),
    ((2, 3, 5), (0, 4)),
    ((3, 5), (4, 0)),
    ((2, 3, 4, 5), (1, 2, 3, 0)),
    ((2, 3, 4, 5), (-1, 2, 0, -2)),
    ((3, 4, 5), (2, 2, 1, 1)),
    ((1, 2, 3, 4, 5), (1, 2, 0, 1, 2, 2)),
]


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
@pytest.mark.parametrize(("shape", "pads"), PADS, ids=str)
def test_pad(shape: tuple[int, ...], pads: tuple[int, ...], mode: str) -> None:
    torch = pytest.importorskip("torch")
    x = _random(*shape)
    ours = pydl.tensor(x, requires_grad=True)
    theirs = torch.from_numpy(x).requires_grad_()
    y, expected = F.pad(ours, pads, mode), torch.nn.functional.pad(theirs, pads, mode)
    np.testing.assert_array_equal(y.detach().numpy(), expected.detach().numpy())
    weights = _random(*y.shape)
    y.backward(pydl.tensor(weights))
    expected.backward(torch.from_numpy(weights))
    assert ours.grad is not None
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=1e-12, atol=1e-13)
    other_layout = F.pad(_channels_last(pydl.tensor(x)), pads, mode) if len(shape) > 2 else y
    np.testing.assert_array_equal(other_layout.detach().numpy(), y.detach().numpy())


def test_pad_with_a_value() -> None:
    x = np.array([[1, 2], [3, 4]])
    for value in (0, 7, -1):
        expected = np.pad(x, ((1, 0), (0, 2)), constant_values=value)
        y = F.pad(pydl.tensor(x), (0, 2, 1, 0), value=value)
        assert y.dtype == "int64"
        np.testing.assert_array_equal(y.numpy(), expected)
    assert F.pad(pydl.tensor([True]), (1, 1), value=True).tolist() == [True] * 3
    infinite = F.pad(pydl.tensor([np.inf]), (1, 0), value=-np.inf).tolist()
    assert infinite == [-np.inf, np.inf]
    assert F.pad(pydl.zeros((0, 3)), (1, 1, 2, 0), value=0.5).sum().item() == 0.5 * 10


@pytest.mark.parametrize(
    ("shape", "pads", "mode", "message"),
    [
        ((3,), (1,), "constant", "pairs of numbers"),
        ((3,), (1, 1, 1, 1), "constant", r"at most 1 axes of shape \(3,\), got 4 numbers"),
        ((3,), (-2, -2), "constant", "removes more than axis 0"),
        ((2, 3), (3, 0), "reflect", "at most 2 elements to axis 1.*got 3"),
        ((2, 3), (0, 4), "circular", "at most 3 elements to axis 1.*got 4"),
        ((2, 0), (0, 4), "replicate", "at most 0 elements to axis 1"),
        ((2, 3), (0, 1), "mirror", "got 'mirror'"),
    ],
)
def test_wrong_pads(shape: tuple[int, ...], pads: tuple[int, ...], mode: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"pad: .*{message}"):
        F.pad(pydl.ones(shape), pads, mode)


def test_only_constants_take_a_value() -> None:
    with pytest.raises(ValueError, match="pad: mode 'reflect' takes no value"):
        F.pad(pydl.ones((2, 3)), (1, 1), "reflect", 1.0)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("name", ["Zero", "Constant", "Reflection", "Replication", "Circular"])
def test_padding_layers(name: str, axes: int) -> None:
    torch = pytest.importorskip("torch")
    x = _random(2, 3, *(4, 5, 3)[:axes])
    arguments: list[Any] = [2 if axes == 1 else (1, 2, 0, 1, 2, 1)[: 2 * axes]]
    if name == "Constant":
        arguments.append(0.5)
    layer = getattr(nn, f"{name}Pad{axes}d")(*arguments)
    expected = getattr(torch.nn, f"{name}Pad{axes}d")(*arguments)(torch.from_numpy(x)).numpy()
    np.testing.assert_array_equal(layer(pydl.tensor(x)).numpy(), expected)
    np.testing.assert_array_equal(layer(pydl.tensor(x[0])).numpy(), expected[0])
    with pytest.raises(ValueError, match=f"{name}Pad{axes}d: expected a batch axis.*got shape"):
        layer(pydl.ones((2,)))
    with pytest.raises(ValueError, match=f"{name}Pad{axes}d: .*one number or {2 * axes}"):
        getattr(nn, f"{name}Pad{axes}d")((1,) * 7, *arguments[1:])


# --- shuffles -------------------------------------------------------------------------------------


def test_shuffles() -> None:
    torch = pytest.importorskip("torch")
    for shape in ((2, 18, 4, 5), (18, 4, 5), (2, 1, 18, 4, 5)):
        x = _random(*shape)
        y = nn.PixelShuffle(3)(pydl.tensor(x))
        np.testing.assert_array_equal(y.numpy(), torch.nn.PixelShuffle(3)(torch.from_numpy(x)))
        np.testing.assert_array_equal(nn.PixelUnshuffle(3)(y).numpy(), x)
    x = _random(2, 12, 4, 5)
    for tensor in (pydl.tensor(x), _channels_last(pydl.tensor(x))):
        y = nn.ChannelShuffle(3)(tensor)
        expected = torch.nn.functional.channel_shuffle(torch.from_numpy(x), 3)
        np.testing.assert_array_equal(y.numpy(), expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.pixel_shuffle(pydl.ones((6, 2, 2)), 2), "pixel_shuffle: 6 channels"),
        (lambda: F.pixel_shuffle(pydl.ones((4, 4)), 2), r"pixel_shuffle: .*got \(4, 4\)"),
        (lambda: F.pixel_shuffle(pydl.ones((4, 2, 2)), 0), "pixel_shuffle: .*at least 1 .*got 0"),
        (lambda: F.pixel_shuffle(pydl.ones((4, 2, 2)), 2**40), "pixel_shuffle: .*at most 32768"),
        (lambda: F.pixel_unshuffle(pydl.ones((1, 4, 5)), 2), "pixel_unshuffle: height and width"),
        (lambda: F.channel_shuffle(pydl.ones((1, 4, 5)), 3), "channel_shuffle: 4 channels"),
        (lambda: F.channel_shuffle(pydl.ones((4, 5)), 2), r"channel_shuffle: .*got \(4, 5\)"),
        (lambda: nn.PixelShuffle(0), "PixelShuffle: .*got 0"),
        (lambda: nn.PixelUnshuffle(0), "PixelUnshuffle: .*got 0"),
        (lambda: nn.ChannelShuffle(0), "ChannelShuffle: .*got 0"),
    ],
)
def test_wrong_shuffles(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# --- all of them ----------------------------------------------------------------------------------

FUNCTIONS: dict[str, Function] = {
    "nearest": lambda x: F.interpolate(x, scale_factor=1.5),
    "bilinear": lambda x: F.interpolate(x, size=(7, 3), mode="bilinear"),
    "bicubic": lambda x: F.interpolate(x, scale_factor=1.3, mode="bicubic", align_corners=True),
    "antialias": lambda x: F.interpolate(x, size=(2, 3), mode="bilinear", antialias=True),
    "bicubic_antialias": lambda x: F.interpolate(x, size=(3, 5), mode="bicubic", antialias=True),
    "area": lambda x: F.adaptive_avg_pool2d(x, (3, 2)),
    "global": nn.AdaptiveAvgPool2d(1),
    "zeros": lambda x: F.pad(x, (1, 2, -1, 1)),
    "constant": lambda x: F.pad(x, (1, 2), value=1.5),
    "reflect": lambda x: F.pad(x, (2, 1, 1, 3), "reflect"),
    "replicate": lambda x: F.pad(x, (2, -1, 1, 3), "replicate"),
    "circular": lambda x: F.pad(x, (4, 1, 0, 3), "circular"),
    "pixel_shuffle": lambda x: F.pixel_shuffle(x, 2),
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(x, 2),
    "channel_shuffle": lambda x: F.channel_shuffle(x, 2),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients(name: str) -> None:
    check_gradients(FUNCTIONS[name], [_random(1, 4, 4, 4)], order=2, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled(name: str) -> None:
    """Results and gradients, of both layouts."""

    def function(x: pydl.Tensor) -> Any:
        leaf = (x * 1).detach().requires_grad_()
        y = FUNCTIONS[name](leaf)
        last = FUNCTIONS[name](_channels_last(x).tanh())
        return y.detach(), pydl.grad([y], [leaf], [y.detach().sin()]), last + 1

    rng = np.random.default_rng(1)
    calls = [(pydl.tensor(rng.standard_normal((2, 4, 4, 6))),) for _ in range(3)]
    check_calls(function, calls, loosen=10)
