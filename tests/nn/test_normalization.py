"""Normalisation layers: against PyTorch, in training and evaluation, eager and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import _core, nn
from pydl.nn import functional as F
from pydl.testing import check_gradients

RNG = np.random.default_rng(0)


def _data(*shape: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return RNG.standard_normal(shape) * 2 + 1


def _channels_last(x: pydl.Tensor) -> pydl.Tensor:
    axes = [0, *range(2, x.ndim), 1]
    back = [0, x.ndim - 1, *range(1, x.ndim - 1)]
    return x.permute_dims(axes).copy().permute_dims(back)


# Ours and PyTorch's layer, made by the same arguments, and the shape of the input.
LAYERS: dict[str, tuple[Callable[[Any], Any], tuple[int, ...]]] = {
    "BatchNorm1d": (lambda m: m.BatchNorm1d(3), (6, 3)),
    "BatchNorm1d with length": (lambda m: m.BatchNorm1d(3, eps=0.1), (6, 3, 5)),
    "BatchNorm2d": (lambda m: m.BatchNorm2d(20, momentum=0.3), (4, 20, 5, 6)),
    "BatchNorm2d, average": (lambda m: m.BatchNorm2d(3, momentum=None), (4, 3, 5, 6)),
    "BatchNorm2d, no affine": (lambda m: m.BatchNorm2d(3, affine=False), (4, 3, 5, 6)),
    "BatchNorm2d, no tracking": (
        lambda m: m.BatchNorm2d(3, track_running_stats=False),
        (4, 3, 5, 6),
    ),
    "BatchNorm3d": (lambda m: m.BatchNorm3d(2), (2, 2, 3, 4, 5)),
    "LayerNorm": (lambda m: m.LayerNorm(7), (2, 3, 7)),
    "LayerNorm of two axes": (lambda m: m.LayerNorm((3, 7), eps=0.1), (2, 3, 7)),
    "LayerNorm, no bias": (lambda m: m.LayerNorm(7, bias=False), (2, 3, 7)),
    "LayerNorm, no affine": (lambda m: m.LayerNorm(7, elementwise_affine=False), (2, 3, 7)),
    "GroupNorm": (lambda m: m.GroupNorm(2, 6), (3, 6, 4, 5)),
    "GroupNorm of one": (lambda m: m.GroupNorm(1, 6, affine=False), (3, 6)),
    "InstanceNorm1d": (lambda m: m.InstanceNorm1d(3), (2, 3, 5)),
    "InstanceNorm1d, no batch": (lambda m: m.InstanceNorm1d(3, affine=True), (3, 5)),
    "InstanceNorm2d": (lambda m: m.InstanceNorm2d(3, affine=True), (2, 3, 4, 5)),
    "InstanceNorm2d, tracking": (
        lambda m: m.InstanceNorm2d(3, affine=True, track_running_stats=True),
        (2, 3, 4, 5),
    ),
    "InstanceNorm3d": (lambda m: m.InstanceNorm3d(2), (2, 2, 3, 4, 5)),
    "RMSNorm": (lambda m: m.RMSNorm(7), (2, 3, 7)),
    "RMSNorm of two axes": (lambda m: m.RMSNorm((3, 7), eps=0.1), (2, 3, 7)),
    "LocalResponseNorm": (lambda m: m.LocalResponseNorm(5, alpha=0.5, k=2.0), (2, 8, 3, 3)),
    "LocalResponseNorm, even": (lambda m: m.LocalResponseNorm(4, 0.3, 0.6), (2, 3, 5)),
    "LocalResponseNorm, wide": (lambda m: m.LocalResponseNorm(9), (2, 3, 5)),
}


def _set_parameters(layer: nn.Module, twin: Any, torch: Any) -> None:
    """Give both the same parameters, other than ones and zeros."""
    own = dict(layer.named_parameters())
    theirs = dict(twin.named_parameters())
    assert list(own) == list(theirs)
    with pydl.no_grad(), torch.no_grad():
        for name, parameter in own.items():
            values = RNG.uniform(0.5, 1.5, parameter.shape)
            parameter.copy_(pydl.tensor(values))
            theirs[name].copy_(torch.tensor(values))


def _close(actual: Any, expected: Any, where: str) -> None:
    np.testing.assert_allclose(
        actual.detach().numpy(), expected.detach().numpy(), 2e-5, 2e-5, err_msg=where
    )


@pytest.mark.parametrize("layout", [lambda x: x, _channels_last], ids=["NCHW", "channels last"])
@pytest.mark.parametrize("name", LAYERS)
def test_as_pytorch(name: str, layout: Callable[[pydl.Tensor], pydl.Tensor]) -> None:
    torch = pytest.importorskip("torch")
    make, shape = LAYERS[name]
    layer, twin = make(nn), make(torch.nn)
    _set_parameters(layer, twin, torch)
    for training in (True, True, False):
        layer.train(training)
        twin.train(training)
        values, slope = _data(*shape), _data(*shape)
        x = layout(pydl.tensor(values, dtype="float32")).requires_grad_()
        y = layer(x)
        if x.ndim > 2 and isinstance(layer, nn.BatchNorm2d):
            assert y.strides == x.strides
        y.backward(pydl.tensor(slope, dtype="float32"))
        tx = torch.tensor(values, dtype=torch.float32, requires_grad=True)
        ty = twin(tx)
        ty.backward(torch.tensor(slope, dtype=torch.float32))
        _close(y, ty, name)
        _close(x.grad, tx.grad, f"{name}: gradient")
        for (key, own), theirs in zip(layer.named_parameters(), twin.parameters(), strict=True):
            _close(own.grad, theirs.grad, f"{name}: gradient of {key}")
        state, twin_state = layer.state_dict(), twin.state_dict()
        assert list(state) == list(twin_state)
        for key, own in state.items():
            assert str(own.dtype) == str(twin_state[key].dtype).removeprefix("torch.")
            _close(own, twin_state[key], f"{name}: {key}")


def test_state_of_pytorch_loads() -> None:
    torch = pytest.importorskip("torch")
    twin = torch.nn.BatchNorm2d(3)
    twin(torch.tensor(_data(4, 3, 5, 5), dtype=torch.float32))
    layer = nn.BatchNorm2d(3)
    layer.load_state_dict({k: v.detach().numpy() for k, v in twin.state_dict().items()})
    assert layer.num_batches_tracked is not None
    assert layer.num_batches_tracked.item() == 1
    x = _data(2, 3, 4, 4)
    expected = twin.eval()(torch.tensor(x, dtype=torch.float32))
    _close(layer.eval()(pydl.tensor(x, dtype="float32")), expected, "evaluation")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", LAYERS)
def test_sixteen_bits_beside_float32_parameters(name: str, dtype: str) -> None:
    make, shape = LAYERS[name]
    layer = make(nn)
    x = pydl.tensor(_data(*shape)).astype(dtype)
    wide = make(nn)(x.astype("float32")).detach()
    for view in (x, _channels_last(x) if x.ndim > 2 else x):
        leaf = view.detach().requires_grad_()
        y = layer(leaf)
        assert y.dtype == dtype
        np.testing.assert_allclose(y.detach().astype("float32").numpy(), wide.numpy(), 0.02, 0.03)
        y.sum().backward()
        assert leaf.grad is not None
        assert leaf.grad.dtype == dtype
    assert all(p.grad is not None and p.grad.dtype == "float32" for p in layer.parameters())


def test_float64_parameters_make_float64() -> None:
    x = pydl.tensor(_data(4, 3), dtype="float32")
    layer = nn.BatchNorm1d(3, dtype="float64")
    assert layer(x).dtype == "float64"
    assert layer.running_mean is not None
    assert layer.running_mean.dtype == "float64"
    assert nn.LayerNorm(3, dtype="float64")(x).dtype == "float64"


# --- compiled -------------------------------------------------------------------------------------


class _Network(nn.Module):
    def __init__(self, momentum: float | None) -> None:
        super().__init__()
        self.first = nn.Linear(4, 6)
        self.norm = nn.BatchNorm1d(6, momentum=momentum)
        self.second = nn.Linear(6, 3)
        self.last_norm = nn.LayerNorm(3)

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        return self.last_norm(self.second(pydl.relu(self.norm(self.first(x)))))


def _training_step(model: nn.Module) -> tuple[Callable[..., pydl.Tensor], pydl.optim.Optimizer]:
    optimizer = pydl.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step, optimizer


@pytest.mark.parametrize("momentum", [0.1, None])
def test_compiled_training_advances_the_running_moments_alike(momentum: float | None) -> None:
    pydl.manual_seed(0)
    eager, traced = _Network(momentum), _Network(momentum)
    traced.load_state_dict(eager.state_dict())
    step, _ = _training_step(eager)
    plain_step, optimizer = _training_step(traced)
    compiled = pydl.compile(plain_step, state=[traced, optimizer])
    for _ in range(4):
        x, y = pydl.tensor(_data(8, 4), dtype="float32"), pydl.tensor(RNG.integers(0, 3, 8))
        assert compiled(x, y).item() == pytest.approx(step(x, y).item(), rel=1e-5)
    expected = eager.state_dict()
    for key, value in traced.state_dict().items():
        np.testing.assert_allclose(value.numpy(), expected[key].numpy(), 1e-4, 1e-6, err_msg=key)
    assert expected["norm.num_batches_tracked"].item() == 4
    assert not np.allclose(expected["norm.running_var"].numpy(), 1)


@pytest.mark.parametrize("layout", [lambda x: x, _channels_last], ids=["NCHW", "channels last"])
def test_relu_in_the_normalisation(layout: Callable[[pydl.Tensor], pydl.Tensor]) -> None:
    x = layout(pydl.tensor(_data(4, 3, 5, 5), dtype="float32"))
    weight, bias = pydl.tensor([0.5, 1.0, 1.5]), pydl.tensor([0.0, 0.3, -0.3])
    mean, variance = _core.channel_statistics(x)
    compiled = pydl.compile(lambda *a: pydl.relu(_core.batch_norm(*a)))
    y = compiled(x, mean, variance, weight, bias)
    expected = pydl.relu(_core.batch_norm(x, mean, variance, weight, bias))
    np.testing.assert_array_equal(y.numpy(), expected.numpy())
    assert [step["name"] for step in compiled.programs[0].steps()] == ["batch_norm"]

    def train(*arguments: pydl.Tensor) -> tuple[pydl.Tensor, ...]:
        y, mean, variance = _core.batch_norm_train(*arguments)
        return pydl.relu(y), mean, variance

    compiled = pydl.compile(train)
    for ours, theirs in zip(compiled(x, weight, bias), (y, mean, variance), strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-6)
    assert [step["name"] for step in compiled.programs[0].steps()] == ["batch_norm_train"]


def test_the_relu_of_a_mean_is_not_that_of_the_result() -> None:
    x, one = pydl.tensor(_data(6, 3), dtype="float32"), pydl.ones(3)

    def train(x: pydl.Tensor) -> tuple[pydl.Tensor, ...]:
        y, mean, variance = _core.batch_norm_train(x, one, one)
        return y, pydl.relu(mean), variance

    for ours, theirs in zip(pydl.compile(train, state=[one])(x), train(x), strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


@pytest.mark.parametrize("activation", [pydl.relu, F.relu6])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("shape", [(4, 3, 5, 5), (33, 21), (2, 40, 3, 7), (5, 64, 4, 4)])
@pytest.mark.parametrize("layout", [lambda x: x, _channels_last], ids=["NCHW", "channels last"])
def test_the_gradient_of_the_activation_in_that_of_the_normalisation(
    layout: Callable[[pydl.Tensor], pydl.Tensor],
    shape: tuple[int, ...],
    dtype: str,
    activation: Callable[[pydl.Tensor], pydl.Tensor],
) -> None:
    if len(shape) == 2 and layout is _channels_last:
        pytest.skip("rows of channels lie one way only")
    statistics = "float64" if dtype == "float64" else "float32"
    channels = shape[1]
    weight = pydl.tensor(RNG.normal(size=channels) * 4, dtype=statistics, requires_grad=True)
    bias = pydl.tensor(RNG.normal(size=channels), dtype=statistics, requires_grad=True)
    parameters = [weight, bias]

    def step(x: pydl.Tensor, g: pydl.Tensor) -> tuple[pydl.Tensor, ...]:
        x = (x * 1.0).requires_grad_()
        y = activation(_core.batch_norm_train(x, weight, bias)[0])
        return y.detach(), *pydl.grad((y * g).sum(), [x, *parameters])

    x, g = (layout(pydl.tensor(_data(*shape), dtype=dtype)) for _ in range(2))
    compiled = pydl.compile(step, state=parameters)
    expected = step(x, g)
    for ours, theirs in zip(compiled(x, g), expected, strict=True):
        a, b = (np.asarray(t.astype("float64")) for t in (ours, theirs))
        tolerance = {"float64": 1e-10, "float32": 2e-5, "bfloat16": 3e-2}[dtype]
        assert np.abs(a - b).max() <= tolerance * np.abs(b).max()
    names = [part["name"] for part in compiled.programs[0].steps()]
    if not (activation is F.relu6 and dtype == "bfloat16"):  # rounding decides there
        assert not any("relu" in name for name in names)
    without = pydl.compile(step, state=parameters, without=["fuse_activation_gradients"])
    without(x, g)
    assert any(
        "_backward" in p["name"] and "relu" in p["name"] for p in without.programs[0].steps()
    )


def test_a_normalised_result_that_others_read_keeps_its_own_gradient() -> None:
    weight, bias = pydl.ones(8).requires_grad_(), pydl.zeros(8).requires_grad_()

    def step(x: pydl.Tensor) -> tuple[pydl.Tensor, ...]:
        x = (x * 1.0).requires_grad_()
        z = _core.batch_norm_train(x, weight, bias)[0]
        loss = (pydl.relu(z) * pydl.relu(z)).sum() + (z * z * z).sum()
        return pydl.grad(loss, [x, weight, bias])

    x = pydl.tensor(_data(16, 8), dtype="float32")
    for ours, theirs in zip(pydl.compile(step, state=[weight, bias])(x), step(x), strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=2e-4, atol=2e-4)


def _loss_of_statistics(
    statistics: Callable[..., tuple[pydl.Tensor, ...]],
) -> Callable[..., pydl.Tensor]:
    """A loss that reads y, the mean and the variance of the batch, from one op or from two."""

    def loss(x: pydl.Tensor, weight: pydl.Tensor, bias: pydl.Tensor) -> pydl.Tensor:
        y, mean, variance = statistics(x, weight, bias)
        return (pydl.relu(y) * y).sum() + (mean * mean * weight).sum() + variance.exp().sum()

    return loss


def _two_ops(
    x: pydl.Tensor, weight: pydl.Tensor, bias: pydl.Tensor
) -> tuple[pydl.Tensor, pydl.Tensor, pydl.Tensor]:
    mean, variance = _core.channel_statistics(x)
    return _core.batch_norm(x, mean, variance, weight, bias), mean, variance


@pytest.mark.parametrize("read", ["y", "mean", "variance", "mean variance", "y mean variance"])
def test_gradients_through_the_statistics_of_the_batch(read: str) -> None:
    def loss(x: pydl.Tensor, weight: pydl.Tensor, bias: pydl.Tensor) -> pydl.Tensor:
        y, mean, variance = _core.batch_norm_train(x, weight, bias, 0.1)
        results = {"y": y, "mean": mean, "variance": variance}
        parts = [(results[name] ** 3).sum() for name in read.split()]
        return sum(parts, 0 * (weight.sum() + bias.sum()))

    arrays = [_data(4, 3, 2), RNG.uniform(0.5, 1.5, 3), RNG.normal(size=3)]
    for order in (1, 2):
        check_gradients(loss, arrays, order=order, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("layout", [lambda x: x, _channels_last], ids=["NCHW", "channels last"])
def test_one_op_or_two_have_the_same_gradients(
    layout: Callable[[pydl.Tensor], pydl.Tensor], dtype: str
) -> None:
    values = [layout(pydl.tensor(_data(4, 3, 5, 6), dtype=dtype))]
    values += [pydl.tensor(RNG.uniform(0.5, 1.5, 3), dtype=values[0].dtype) for _ in range(2)]
    gradient = pydl.grad(_loss_of_statistics(_core.batch_norm_train), (0, 1, 2))
    results = gradient(*values)
    compiled = pydl.compile(gradient)(*values)
    expected = pydl.grad(_loss_of_statistics(_two_ops), (0, 1, 2))(*values)
    for ours, again, theirs in zip(results, compiled, expected, strict=True):
        assert ours.dtype == dtype
        a, b, c = (np.asarray(t.astype("float64")) for t in (ours, again, theirs))
        tolerance = {"float64": 1e-10, "float32": 2e-5, "bfloat16": 3e-2}[dtype]
        for found in (a, b):
            assert np.abs(found - c).max() <= tolerance * np.abs(c).max()


def test_compiled_evaluation_reads_the_running_moments() -> None:
    layer = nn.BatchNorm2d(3).eval()
    compiled = pydl.compile(lambda x: pydl.relu(layer(x)), state=[layer])
    x = pydl.tensor(_data(2, 3, 4, 4), dtype="float32")
    for shift in (0.0, 0.5):
        assert layer.running_mean is not None
        layer.running_mean.copy_(pydl.full((3,), shift))
        np.testing.assert_allclose(
            compiled(x).detach().numpy(), pydl.relu(layer(x)).detach().numpy(), rtol=1e-6, atol=1e-6
        )


@pytest.mark.parametrize("jit", [True, False])
def test_fit_and_evaluate(jit: bool) -> None:
    pydl.manual_seed(0)
    x = np.random.default_rng(1).normal(size=(256, 4)).astype(np.float32) * 10 + 50
    y = (x[:, 0] > x[:, 1]).astype(int)
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    model.compile(
        pydl.optim.Adam(model.parameters(), lr=0.02), "cross_entropy", ["accuracy"], jit=jit
    )
    model.fit(x, y, epochs=12, verbose=0)
    norm = model[0]
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.running_mean is not None
    assert norm.num_batches_tracked is not None
    np.testing.assert_allclose(norm.running_mean.numpy(), x.mean(0), atol=2)
    assert norm.num_batches_tracked.item() == 12 * 8
    assert model.evaluate(x, y, verbose=0)["accuracy"] > 0.9


def test_two_forward_passes_before_one_backward() -> None:
    layer = nn.BatchNorm1d(3)
    x = pydl.tensor(_data(5, 3), dtype="float32")
    (layer(x).square().sum() + layer(x * 2).square().sum()).backward()
    assert layer.weight is not None
    assert layer.weight.grad is not None
    layer.eval()
    loss = layer(x.requires_grad_()).sum()
    layer.train()(x)  # overwrites the running moments
    loss.backward()
    assert x.grad is not None


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.BatchNorm1d(0), "BatchNorm1d: expected num_features of at least 1, got 0"),
        (
            lambda: nn.BatchNorm1d(3)(pydl.ones((1, 3))),
            r"expected more than 1 value per channel in training, got x of shape \(1, 3\)",
        ),
        (
            lambda: nn.BatchNorm2d(3)(pydl.ones((2, 3))),
            r"BatchNorm2d: expected input of shape \(N, C, H, W\) with C=3, got \(2, 3\)",
        ),
        (lambda: nn.BatchNorm2d(3)(pydl.ones((2, 4, 5, 5))), "BatchNorm2d: .* with C=3"),
        (
            lambda: nn.InstanceNorm1d(3)(pydl.ones((2, 3, 1))),
            "expected more than 1 value per channel and sample",
        ),
        (lambda: nn.LayerNorm(()), "LayerNorm: expected sizes of at least 1"),
        (
            lambda: nn.LayerNorm((3, 4))(pydl.ones((3, 5))),
            r"layer_norm: expected x whose last axes are \(3, 4\), got shape \(3, 5\)",
        ),
        (lambda: nn.RMSNorm(4)(pydl.ones(5)), r"rms_norm: .* last axes are \(4,\)"),
        (lambda: nn.GroupNorm(4, 6), "num_groups that divide num_channels, got 4 and 6"),
        (lambda: nn.GroupNorm(2, 6)(pydl.ones((2, 4, 3))), "GroupNorm: .* with C=6, got"),
        (lambda: F.group_norm(pydl.ones((2, 6)), 4), "group_norm: .* 6 channels .*, got 4"),
        (lambda: nn.LocalResponseNorm(0), "LocalResponseNorm: expected a size of at least 1"),
        (
            lambda: F.batch_norm(pydl.ones((2, 3))),
            "batch_norm: expected running_mean and running_var outside training",
        ),
        (
            lambda: F.batch_norm(pydl.ones((2, 3)), pydl.ones(3), training=True),
            "batch_norm: expected both running_mean and running_var",
        ),
        (
            lambda: F.batch_norm(pydl.ones((2, 3)), weight=pydl.ones(4), training=True),
            r"batch_norm: x of shape \(2, 3\) has 3 channels: expected weight of shape \(3,\)",
        ),
    ],
)
def test_errors(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_integers_are_refused() -> None:
    with pytest.raises(TypeError, match="batch_norm: expected a floating-point dtype, got int64"):
        nn.BatchNorm1d(3)(pydl.ones((2, 3), dtype="int64"))


def test_an_error_in_training_leaves_the_layer_as_it_was() -> None:
    layer = nn.BatchNorm1d(3)
    with pytest.raises(ValueError, match="more than 1 value"):
        layer(pydl.ones((1, 3)))
    assert layer.num_batches_tracked is not None
    assert layer.num_batches_tracked.item() == 0


# --- dropout of channels --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Dropout1d(0.3), (50, 40, 3)),
        (nn.Dropout2d(0.3), (50, 40, 2, 3)),
        (nn.Dropout3d(0.3), (50, 40, 2, 1, 3)),
        (nn.Dropout2d(0.3), (2000, 2, 3)),  # without a batch
    ],
    ids=repr,
)
def test_dropout_of_channels(layer: nn.Module, shape: tuple[int, ...]) -> None:
    pydl.manual_seed(0)
    x = pydl.ones(shape).requires_grad_()
    y = layer(x)
    values = y.detach().numpy().reshape(2000, -1)
    assert (values == values[:, :1]).all(), "a channel is kept or dropped as one"
    assert set(np.unique(values)) == {np.float32(0), np.float32(1 / 0.7)}
    assert (values == 0).mean() == pytest.approx(0.3, abs=0.05)
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())
    assert layer.eval()(x) is x


def test_dropout_of_channels_checks_its_arguments() -> None:
    with pytest.raises(ValueError, match=r"Dropout2d: expected a probability in \[0, 1\], got 2"):
        nn.Dropout2d(2)
    with pytest.raises(ValueError, match=r"dropout2d: expected x of 4 axes, or 3 without a batch"):
        nn.Dropout2d()(pydl.ones((2, 3)))
