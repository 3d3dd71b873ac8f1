"""Layers, losses and initialisers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special

import pydl
from pydl import nn

X = np.linspace(-4.0, 4.0, 25)

ACTIVATIONS = [
    (nn.ReLU(), lambda x: np.maximum(x, 0)),
    (nn.LeakyReLU(0.1), lambda x: np.where(x > 0, x, 0.1 * x)),
    (nn.ELU(0.5), lambda x: np.where(x > 0, x, 0.5 * np.expm1(x))),
    (
        nn.SELU(),
        lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    ),
    (nn.GELU(), lambda x: x * special.ndtr(x)),
    (
        nn.GELU("tanh"),
        lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    ),
    (nn.SiLU(), lambda x: x * special.expit(x)),
    (nn.Mish(), lambda x: x * np.tanh(np.logaddexp(0, x))),
    (nn.Tanh(), np.tanh),
    (nn.Sigmoid(), special.expit),
    (nn.Softplus(), lambda x: np.logaddexp(0, x)),
    (nn.Softsign(), lambda x: x / (1 + np.abs(x))),
    (nn.Softmax(0), lambda x: special.softmax(x, 0)),
    (nn.LogSoftmax(), special.log_softmax),
    (nn.BinaryStep(), lambda x: (x >= 0).astype(float)),
    (nn.Identity(), lambda x: x),
    (nn.CELU(0.5), lambda x: np.where(x > 0, x, 0.5 * np.expm1(np.minimum(x, 0) / 0.5))),
    (nn.Hardshrink(0.25), lambda x: np.where(np.abs(x) <= 0.25, 0, x)),
    (nn.Hardsigmoid(), lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    (nn.Hardswish(), lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    (nn.Hardtanh(-0.5, 0.75), lambda x: np.clip(x, -0.5, 0.75)),
    (nn.LogSigmoid(), special.log_expit),
    (nn.PReLU(init=0.5), lambda x: np.where(x > 0, x, 0.5 * x)),
    (nn.RReLU(0.25, 0.75).eval(), lambda x: np.where(x > 0, x, 0.5 * x)),
    (nn.RReLU(0.5, 0.5), lambda x: np.where(x > 0, x, 0.5 * x)),
    (nn.Softshrink(0.25), lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.25, 0)),
    (nn.Tanhshrink(), lambda x: x - np.tanh(x)),
    (nn.Threshold(0.25, -1.0), lambda x: np.where(x > 0.25, x, -1)),
]


@pytest.mark.parametrize(
    ("layer", "reference"), ACTIVATIONS, ids=lambda v: getattr(v, "__name__", repr(v))
)
def test_activation(layer, reference):
    result = layer(pydl.tensor(X)).detach()
    np.testing.assert_allclose(result.numpy(), reference(X), rtol=1e-9, atol=1e-12)


def test_prelu_has_a_weight_for_all_or_for_each_channel():
    layer = nn.PReLU(3, 0.5)
    with pydl.no_grad():
        layer.weight.copy_(pydl.tensor([0.5, 0.25, 0.125]))
    x = -pydl.ones((2, 3, 2))
    y = layer(x)
    assert y[:, :, 0].tolist() == [[-0.5, -0.25, -0.125]] * 2
    y.sum().backward()
    assert layer.weight.grad.tolist() == [-4, -4, -4]
    assert layer(x[:, :, 0]).tolist() == [[-0.5, -0.25, -0.125]] * 2
    with pytest.raises(ValueError, match="prelu: expected one weight, or one for each of 2"):
        layer(pydl.ones((3, 2)))
    with pytest.raises(ValueError, match="num_parameters >= 1, got 0"):
        nn.PReLU(0)
    assert list(nn.PReLU().state_dict()) == ["weight"]


def test_rrelu_draws_slopes_in_training():
    layer = nn.RReLU(0.25, 0.75, generator=pydl.Generator(1))
    slopes = -layer(-pydl.ones((1000,))).numpy()
    assert 0.25 <= slopes.min() < 0.3
    assert 0.7 < slopes.max() <= 0.75
    assert (layer(pydl.ones((10,))).numpy() == 1).all()
    with pytest.raises(ValueError, match="rrelu: expected lower <= upper, got 1 and 0.5"):
        nn.RReLU(1.0, 0.5)(pydl.ones(2))


def test_glu():
    x = np.random.default_rng(0).normal(size=(3, 4, 6))
    for axis in (-1, 1):
        first, second = np.split(x, 2, axis)
        expected = first * special.expit(second)
        np.testing.assert_allclose(nn.GLU(axis)(pydl.tensor(x)).numpy(), expected, rtol=1e-9)
    with pytest.raises(ValueError, match="glu: axis 1 must have an even size to be halved, got 3"):
        nn.GLU()(pydl.ones((2, 3)))
    with pytest.raises(IndexError, match="glu"):
        nn.GLU(2)(pydl.ones((2, 2)))


def test_linear_is_x_weight_transposed_plus_bias():
    layer = nn.Linear(4, 3, dtype="float64")
    x = np.random.default_rng(0).normal(size=(5, 2, 4))
    expected = x @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()
    np.testing.assert_allclose(layer(pydl.tensor(x)).detach().numpy(), expected, rtol=1e-12)
    assert nn.Linear(4, 3, bias=False).bias is None


def test_linear_starts_within_pytorchs_bounds():
    pydl.manual_seed(0)
    layer = nn.Linear(100, 400)
    for parameter in (layer.weight, layer.bias):
        values = parameter.detach().numpy()
        assert np.abs(values).max() <= 0.1
        assert values.std() == pytest.approx(0.1 / math.sqrt(3), rel=0.1)


def test_linear_init_by_name_and_function():
    assert (nn.Linear(3, 2, init="zeros").weight.detach().numpy() == 0).all()
    layer = nn.Linear(3, 2, init=lambda w: nn.init.constant_(w, 7.0))
    assert (layer.weight.detach().numpy() == 7).all()
    with pytest.raises(ValueError, match="expected one of zeros, ones.*got 'glorot'"):
        nn.Linear(3, 2, init="glorot")
    with pytest.raises(ValueError, match="of at least 1, got 0 and 2"):
        nn.Linear(0, 2)


def test_flatten():
    assert nn.Flatten()(pydl.zeros((2, 3, 4, 5))).shape == (2, 60)
    assert nn.Flatten(0, 1)(pydl.zeros((2, 3, 4))).shape == (6, 4)


class TestDropout:
    def test_keeps_the_mean_in_training(self):
        pydl.manual_seed(0)
        result = nn.Dropout(0.25)(pydl.ones((200, 200))).numpy()
        assert set(np.unique(result)) == {np.float32(0), np.float32(4 / 3)}
        assert (result == 0).mean() == pytest.approx(0.25, abs=0.01)

    def test_is_the_identity_in_evaluation(self):
        x = pydl.ones((3,))
        assert nn.Dropout(0.9).eval()(x) is x

    def test_own_generator_makes_it_reproducible(self):
        results = [
            nn.Dropout(0.5, generator=pydl.Generator(3))(pydl.ones((50,))).tolist()
            for _ in range(2)
        ]
        assert results[0] == results[1]

    def test_probability_is_checked(self):
        with pytest.raises(ValueError, match=r"expected a probability in \[0, 1\], got 1.5"):
            nn.Dropout(1.5)


LOGITS = np.random.default_rng(1).normal(size=(6, 4))
CLASSES = np.array([0, 3, 1, 1, 2, 0])


class TestLosses:
    def test_cross_entropy(self):
        expected = -special.log_softmax(LOGITS, axis=1)[np.arange(6), CLASSES]
        logits, target = pydl.tensor(LOGITS), pydl.tensor(CLASSES)
        assert nn.CrossEntropyLoss()(logits, target).item() == pytest.approx(expected.mean())
        assert nn.CrossEntropyLoss(reduction="sum")(logits, target).item() == pytest.approx(
            expected.sum()
        )
        none = nn.CrossEntropyLoss(reduction="none")(logits, target)
        np.testing.assert_allclose(none.numpy(), expected)
        one_hot = pydl.tensor(np.eye(4)[CLASSES])
        assert nn.CrossEntropyLoss()(logits, one_hot).item() == pytest.approx(expected.mean())

    def test_cross_entropy_weights_ignore_and_smoothing_as_pytorch(self):
        torch = pytest.importorskip("torch")
        weight = np.array([0.5, 1.0, 2.0, 3.0])
        target = np.array([0, 3, -100, 1, 2, 0])
        options = {"ignore_index": -100, "label_smoothing": 0.1}
        ours = nn.CrossEntropyLoss(pydl.tensor(weight), **options)
        theirs = torch.nn.CrossEntropyLoss(torch.tensor(weight), **options)
        assert ours(pydl.tensor(LOGITS), pydl.tensor(target)).item() == pytest.approx(
            theirs(torch.tensor(LOGITS), torch.tensor(target)).item()
        )

    def test_regression_losses(self):
        a, b = pydl.tensor([1.0, 2.0, 6.0]), pydl.tensor([1.0, 4.0, 3.0])
        assert nn.MSELoss()(a, b).item() == pytest.approx(13 / 3)
        assert nn.L1Loss(reduction="sum")(a, b).item() == pytest.approx(5.0)

    def test_binary_losses_agree(self):
        target = pydl.tensor(np.array([1.0, 0.0, 0.3, 1.0]))
        logits = pydl.tensor(np.array([2.0, -1.0, 0.5, -3.0]))
        expected = np.logaddexp(0, logits.numpy()) - logits.numpy() * target.numpy()
        assert nn.BCEWithLogitsLoss()(logits, target).item() == pytest.approx(expected.mean())
        assert nn.BCELoss()(pydl.sigmoid(logits), target).item() == pytest.approx(expected.mean())

    def test_reduction_is_checked(self):
        with pytest.raises(ValueError, match="MSELoss: expected reduction 'mean', 'sum' or 'none'"):
            nn.MSELoss(reduction="average")


SHAPE = (300, 200)


@pytest.mark.parametrize(
    ("fill", "std"),
    [
        (lambda t: nn.init.uniform_(t, -3.0, 3.0), math.sqrt(3)),
        (lambda t: nn.init.normal_(t, 0.0, 2.0), 2.0),
        (nn.init.xavier_uniform_, math.sqrt(2 / 500)),
        (nn.init.xavier_normal_, math.sqrt(2 / 500)),
        (nn.init.kaiming_uniform_, math.sqrt(2 / 200)),
        (nn.init.kaiming_normal_, math.sqrt(2 / 200)),
    ],
)
def test_initialiser_overwrites_with_the_right_spread(fill, std):
    pydl.manual_seed(0)
    tensor = nn.Parameter(pydl.zeros(SHAPE))
    assert fill(tensor) is tensor
    values = tensor.detach().numpy()
    assert values.std() == pytest.approx(std, rel=0.02)
    assert abs(values.mean()) < 0.02 * std


def test_orthogonal():
    weight = nn.init.orthogonal_(pydl.zeros((4, 6), dtype="float64"), gain=2.0).numpy()
    np.testing.assert_allclose(weight @ weight.T, 4 * np.eye(4), atol=1e-9)


def test_calculate_gain():
    assert nn.init.calculate_gain("leaky_relu", 1.0) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="expected one of linear.*got 'swish'"):
        nn.init.calculate_gain("swish")


@pytest.mark.parametrize(
    "name", ["xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"]
)
def test_initialiser_names_itself_for_vectors(name):
    message = rf"{name}_: expected a weight of at least 2 axes, got shape \(3,\)"
    with pytest.raises(ValueError, match=message):
        getattr(nn.init, f"{name}_")(pydl.zeros(3))
