"""Convolution and pooling layers: against PyTorch, in any layout, compiled, and their errors."""

from __future__ import annotations

import numpy as np
import pytest

import pydl
from pydl import _core, nn

F = nn.functional


def _array(shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


LAYOUTS = {
    "row-major": lambda x: x,
    "channels-last": lambda x: x.permute_dims((0, 2, 3, 1)).copy().permute_dims((0, 3, 1, 2)),
    "mirrored": lambda x: pydl.flip(x, (3,)),
    "every second": lambda x: pydl.concat([x, x], 3)[:, :, :, ::2],
    "one image": lambda x: pydl.broadcast_to(x[:1], x.shape),
    "one channel": lambda x: pydl.broadcast_to(x[:, :1], x.shape),
    "one number": lambda x: pydl.broadcast_to(x[:1, :1, :1, :1], x.shape),
}
# channels in and out, groups: direct, general, depthwise, grouped
CHANNELS = [(3, 8, 1), (32, 32, 1), (16, 16, 16), (64, 24, 2)]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("channels", CHANNELS, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_layout_of_operands_does_not_matter(layout, channels, dtype):
    inputs, outputs, groups = channels
    moved = LAYOUTS[layout]
    x = pydl.tensor(_array((2, inputs, 7, 7))).astype(dtype)
    weight = pydl.tensor(_array((outputs, inputs // groups, 3, 3), 1)).astype(dtype)
    g = pydl.tensor(_array((2, outputs, 7, 7), 2)).astype(dtype)
    pads = ((1, 1), (1, 1), (1, 1), (1, 1), groups)
    calls = [
        lambda x, weight, g: F.conv2d(x, weight, None, 1, 1, 1, groups),
        lambda x, weight, g: _core.conv_backward_input(g, weight, (7, 7), *pads),
        lambda x, weight, g: _core.conv_backward_weight(g, x, (3, 3), *pads),
        lambda x, weight, g: F.max_pool2d(x, 2) + F.avg_pool2d(x, 2),
    ]
    tolerance = {"float32": 1e-4, "float64": 1e-11, "bfloat16": 2e-2}[dtype]
    for call in calls:
        for place in range(3):
            operands = [x, weight, g]
            operands[place] = moved(operands[place])
            plain = [operand.copy() for operand in operands]
            result, expected = call(*operands), call(*plain)
            np.testing.assert_allclose(
                result.astype("float64").numpy(),
                expected.astype("float64").numpy(),
                rtol=tolerance,
                atol=tolerance * float(abs(expected).astype("float64").max().item()),
            )


def _torch_layer(torch, layer, **arguments):
    peer = getattr(torch.nn, type(layer).__name__)(**arguments).double()
    peer.load_state_dict({k: torch.tensor(v.numpy()) for k, v in layer.state_dict().items()})
    return peer


CONVS = [
    ("Conv1d", (2, 4, 9), {"kernel_size": 3, "padding": "same", "dilation": 2}),
    ("Conv2d", (2, 4, 9, 8), {"kernel_size": 4, "padding": "same"}),
    ("Conv2d", (2, 4, 9, 8), {"kernel_size": 3, "stride": 2, "padding": "valid", "groups": 2}),
    ("Conv2d", (4, 9, 8), {"kernel_size": (3, 1), "padding": (1, 0)}),
    ("Conv2d", (2, 4, 9, 8), {"kernel_size": 3, "padding": 2, "padding_mode": "reflect"}),
    ("Conv2d", (2, 4, 9, 8), {"kernel_size": 4, "padding": "same", "padding_mode": "replicate"}),
    ("Conv1d", (2, 4, 9), {"kernel_size": 3, "padding": 2, "padding_mode": "circular"}),
    ("Conv3d", (1, 4, 5, 4, 6), {"kernel_size": 2, "stride": (1, 2, 1), "bias": False}),
    ("ConvTranspose1d", (2, 4, 6), {"kernel_size": 3, "stride": 2, "output_padding": 1}),
    ("ConvTranspose2d", (2, 4, 5, 6), {"kernel_size": 3, "stride": 2, "padding": 1, "groups": 2}),
    # More output padding than the stride: nothing reaches some of the last elements.
    ("ConvTranspose2d", (2, 4, 5, 6), {"kernel_size": 2, "dilation": 3, "output_padding": 2}),
    (
        "ConvTranspose2d",
        (2, 4, 5, 6),
        {"kernel_size": 3, "dilation": 2, "padding": 1, "output_padding": 1},
    ),
    ("ConvTranspose3d", (1, 4, 3, 4, 2), {"kernel_size": 2, "stride": 2}),
]


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize(("name", "shape", "options"), CONVS, ids=str)
def test_convolutions_are_those_of_pytorch(name, shape, options):
    torch = pytest.importorskip("torch")
    arguments = {"in_channels": 4, "out_channels": 6, **options}
    layer = getattr(nn, name)(**arguments, dtype="float64")
    peer = _torch_layer(torch, layer, **arguments)
    x = pydl.tensor(_array(shape)).requires_grad_()
    wanted = torch.tensor(_array(shape), requires_grad=True)
    y, expected = layer(x), peer(wanted)
    np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy(), atol=1e-12)
    g = _array(expected.shape, 3)
    y.backward(pydl.tensor(g))
    expected.backward(torch.tensor(g))
    np.testing.assert_allclose(x.grad.numpy(), wanted.grad.numpy(), atol=1e-12)
    for parameter, other in zip(layer.parameters(), peer.parameters(), strict=True):
        np.testing.assert_allclose(parameter.grad.numpy(), other.grad.numpy(), atol=1e-11)
    compiled = pydl.compile(layer)
    for _ in range(2):
        with pydl.no_grad():
            again = compiled(x.detach())
        np.testing.assert_allclose(again.numpy(), expected.detach().numpy(), atol=1e-12)


POOLS = [
    ("MaxPool1d", (2, 3, 9), {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("MaxPool2d", (2, 3, 9, 8), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    ("MaxPool2d", (3, 9, 8), {"kernel_size": (2, 3), "dilation": 2, "stride": 1}),
    ("MaxPool3d", (1, 3, 5, 4, 6), {"kernel_size": 2}),
    ("AvgPool1d", (2, 3, 9), {"kernel_size": 2, "padding": 1, "count_include_pad": False}),
    ("AvgPool2d", (2, 3, 9, 8), {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
    ("AvgPool3d", (1, 3, 5, 4, 6), {"kernel_size": 2, "divisor_override": 3}),
    ("AdaptiveMaxPool1d", (2, 3, 9), {"output_size": 4}),
    ("AdaptiveMaxPool2d", (2, 3, 9, 8), {"output_size": (None, 3)}),
    ("AdaptiveMaxPool3d", (1, 3, 5, 4, 6), {"output_size": (2, 3, 6)}),
]


@pytest.mark.parametrize(("name", "shape", "options"), POOLS, ids=str)
def test_pooling_is_that_of_pytorch(name, shape, options):
    torch = pytest.importorskip("torch")
    layer, peer = getattr(nn, name)(**options), getattr(torch.nn, name)(**options)
    x = pydl.tensor(_array(shape)).requires_grad_()
    wanted = torch.tensor(_array(shape), requires_grad=True)
    y, expected = layer(x), peer(wanted)
    np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy(), atol=1e-12)
    y.sum().backward()
    expected.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), wanted.grad.numpy(), atol=1e-12)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_indices_and_unpooling_are_those_of_pytorch(axes):
    torch = pytest.importorskip("torch")
    x = _array((2, 3, *(8, 6, 4)[:axes]))
    y, places = getattr(nn, f"MaxPool{axes}d")(2, return_indices=True)(pydl.tensor(x))
    wanted, indices = getattr(torch.nn, f"MaxPool{axes}d")(2, return_indices=True)(torch.tensor(x))
    np.testing.assert_array_equal(places.numpy(), indices.numpy())
    back = getattr(nn, f"MaxUnpool{axes}d")(2)(y, places)
    expected = getattr(torch.nn, f"MaxUnpool{axes}d")(2)(wanted, indices)
    np.testing.assert_array_equal(back.numpy(), expected.numpy())


def test_not_a_number_wins():
    x = pydl.tensor([[[1.0, float("nan"), 3.0, 4.0]]]).requires_grad_()
    y = F.max_pool1d(x, 2)
    assert np.isnan(y[0, 0, 0].item())
    y.sum().backward()
    assert x.grad.tolist() == [[[0.0, 1.0, 0.0, 1.0]]]


def test_results_lie_channels_last():
    y = nn.ReLU()(nn.Conv2d(3, 32, 3)(pydl.zeros((2, 3, 8, 8))))
    assert y.strides == (6 * 6 * 32, 1, 6 * 32, 32)
    assert nn.MaxPool2d(2)(y).strides == (3 * 3 * 32, 1, 3 * 32, 32)


def test_separable_convolution_is_depthwise_then_pointwise():
    layer = nn.SeparableConv2d(4, 6, 3, padding=1)
    x = pydl.tensor(_array((2, 4, 5, 5), dtype=np.float32))
    expected = F.conv2d(x, layer.depthwise.weight, None, 1, 1, 1, 4)
    expected = F.conv2d(expected, layer.pointwise.weight, layer.pointwise.bias)
    np.testing.assert_allclose(layer(x).detach().numpy(), expected.detach().numpy(), atol=1e-6)
    assert sum(p.size for p in layer.parameters()) == 4 * 9 + 4 * 6 + 6


ERRORS = [
    (lambda: nn.Conv2d(0, 4, 3), "Conv2d: expected at least 1 channel"),
    (lambda: nn.Conv2d(4, 6, 3, groups=4), "cannot be divided into 4 groups"),
    (lambda: nn.Conv2d(4, 6, (3, 3, 3)), "Conv2d: expected kernel_size to be one number"),
    (lambda: nn.Conv2d(4, 6, 3, stride=0), "stride to be one number of at least 1"),
    (lambda: nn.Conv2d(4, 6, 3, padding="full"), "padding 'same', 'valid' or numbers"),
    (lambda: nn.Conv2d(4, 6, 3, stride=2, padding="same"), "no meaning with stride"),
    (lambda: nn.Conv2d(4, 6, 3, padding_mode="edge"), "expected padding_mode to be one of"),
    (lambda: nn.Conv2d(4, 6, 3)(pydl.zeros((1, 3, 8, 8))), "expects 4 input channels"),
    (lambda: nn.Conv2d(4, 6, 3)(pydl.zeros((4, 8))), r"expected \(N, C, H, W\)"),
    (lambda: nn.ConvTranspose2d(4, 6, 3)(pydl.zeros((1, 3, 8, 8))), "expects 4 input channels"),
    (
        lambda: nn.ConvTranspose1d(4, 6, 2, output_padding=1)(pydl.zeros((1, 4, 8))),
        "must be smaller than stride",
    ),
    (lambda: nn.MaxPool2d(2, padding=2)(pydl.zeros((1, 1, 4, 4))), "padding of at most half"),
    (lambda: nn.AdaptiveMaxPool2d((1, 2, 3))(pydl.zeros((1, 1, 4, 4))), "expected 2 sizes"),
]


@pytest.mark.parametrize(("call", "message"), ERRORS, ids=[message for _, message in ERRORS])
def test_errors_say_what_was_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()
