"""Weights that are computed: weight and spectral normalisation."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.nn.utils import remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm

RNG = np.random.default_rng(0)


def _x(*shape: int) -> pydl.Tensor:
    return pydl.tensor(RNG.standard_normal(shape), dtype="float32")


@pytest.mark.parametrize("dim", [0, 1, -1, None])
def test_weight_norm_as_pytorch(dim: int | None) -> None:
    torch = pytest.importorskip("torch")
    plain = nn.Linear(5, 3)
    twin = torch.nn.Linear(5, 3)
    with torch.no_grad():
        twin.weight.copy_(torch.tensor(plain.weight.detach().numpy()))
        twin.bias.copy_(torch.tensor(plain.bias.detach().numpy()))  # type: ignore[union-attr]
    before = plain(_x(2, 5)).shape
    layer = weight_norm(plain, dim=dim)
    with pytest.warns(FutureWarning):
        twin = torch.nn.utils.weight_norm(twin, dim=None if dim is None else dim % 2)
    assert layer is plain
    assert list(layer.state_dict()) == list(twin.state_dict())
    with pydl.no_grad(), torch.no_grad():
        layer.weight_g.copy_(layer.weight_g * 1.5)
        twin.weight_g *= 1.5
    x = _x(2, 5)
    y, ty = layer(x), twin(torch.tensor(x.numpy()))
    assert y.shape == before
    np.testing.assert_allclose(y.detach().numpy(), ty.detach().numpy(), rtol=1e-5, atol=1e-6)
    y.square().sum().backward()
    ty.square().sum().backward()
    for name, parameter in layer.named_parameters():
        expected = dict(twin.named_parameters())[name].grad.numpy()
        np.testing.assert_allclose(parameter.grad.numpy(), expected, 1e-4, 1e-5, err_msg=name)


def test_weight_norm_is_removed() -> None:
    layer = nn.Linear(5, 3)
    weight = layer.weight.detach().numpy().copy()
    weight_norm(layer)
    assert type(layer).__name__ == "Linear"
    assert isinstance(layer, nn.Linear)
    np.testing.assert_allclose(layer.weight.detach().numpy(), weight, rtol=1e-6)
    remove_weight_norm(layer)
    assert type(layer) is nn.Linear
    assert isinstance(layer.weight, nn.Parameter)
    assert sorted(layer.state_dict()) == ["bias", "weight"]
    np.testing.assert_allclose(layer.weight.detach().numpy(), weight, rtol=1e-6)


def test_spectral_norm_divides_by_the_largest_singular_value() -> None:
    pydl.manual_seed(0)
    layer = spectral_norm(nn.Linear(6, 4), n_power_iterations=20)
    original = layer.weight_orig.detach().numpy()
    expected = original / np.linalg.svd(original)[1][0]
    np.testing.assert_allclose(layer.weight.detach().numpy(), expected, rtol=1e-3, atol=1e-4)
    u, v = layer.weight_u.numpy().copy(), layer.weight_v.numpy().copy()
    layer.eval()
    first, second = layer.weight.detach().numpy(), layer.weight.detach().numpy()
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(layer.weight_u.numpy(), u)
    np.testing.assert_array_equal(layer.weight_v.numpy(), v)
    remove_spectral_norm(layer)
    assert type(layer) is nn.Linear
    np.testing.assert_array_equal(layer.weight.detach().numpy(), first)


def test_spectral_norm_as_pytorch() -> None:
    torch = pytest.importorskip("torch")
    layer = spectral_norm(nn.Linear(6, 4))
    twin = torch.nn.utils.spectral_norm(torch.nn.Linear(6, 4))
    state = {name: value.detach().numpy() for name, value in twin.state_dict().items()}
    assert sorted(layer.state_dict()) == sorted(state)
    layer.load_state_dict(state)
    for training in (True, True, False):
        layer.train(training)
        twin.train(training)
        x = _x(3, 6)
        y, ty = layer(x), twin(torch.tensor(x.numpy()))
        np.testing.assert_allclose(y.detach().numpy(), ty.detach().numpy(), rtol=1e-5, atol=1e-5)
        layer.zero_grad()
        twin.zero_grad()
        y.square().sum().backward()
        ty.square().sum().backward()
        np.testing.assert_allclose(
            layer.weight_orig.grad.numpy(), twin.weight_orig.grad.numpy(), rtol=1e-4, atol=1e-4
        )
        np.testing.assert_allclose(
            layer.weight_u.numpy(), twin.weight_u.numpy(), rtol=1e-4, atol=1e-5
        )


def test_spectral_norm_twice_before_backward() -> None:
    layer = spectral_norm(nn.Linear(6, 4))
    (layer(_x(2, 6)).sum() + layer(_x(2, 6)).sum()).backward()
    assert layer.weight_orig.grad is not None


@pytest.mark.parametrize("normalise", [weight_norm, spectral_norm])
def test_compiled_training(normalise: object) -> None:
    assert callable(normalise)
    pydl.manual_seed(0)
    models = [nn.Sequential(normalise(nn.Linear(4, 5)), nn.Tanh(), nn.Linear(5, 1)) for _ in "ab"]
    models[1].load_state_dict(models[0].state_dict())
    steps = []
    for i, model in enumerate(models):
        optimizer = pydl.optim.SGD(model.parameters(), lr=0.1)

        def step(
            x: pydl.Tensor,
            model: nn.Module = model,
            optimizer: pydl.optim.Optimizer = optimizer,
        ) -> pydl.Tensor:
            loss = model(x).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.detach()

        steps.append(pydl.compile(step, state=[model, optimizer]) if i else step)
    for _ in range(3):
        x = _x(8, 4)
        assert steps[1](x).item() == pytest.approx(steps[0](x).item(), rel=1e-5)
    expected = models[0].state_dict()
    for name, value in models[1].state_dict().items():
        np.testing.assert_allclose(value.numpy(), expected[name].numpy(), 1e-4, 1e-5, err_msg=name)


def test_both_on_one_layer_of_two_parameters() -> None:
    class Bilinear(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left = nn.Parameter(_x(3, 4))
            self.right = nn.Parameter(_x(4, 3))

        def forward(self) -> pydl.Tensor:
            return self.left @ self.right

    layer = spectral_norm(weight_norm(Bilinear(), "left"), "right")
    assert sorted(layer.state_dict()) == ["left_g", "left_v", "right_orig", "right_u", "right_v"]
    remove_weight_norm(layer, "left")
    assert sorted(layer.state_dict()) == ["left", "right_orig", "right_u", "right_v"]
    assert layer().shape == (3, 3)
    remove_spectral_norm(layer, "right")
    assert type(layer) is Bilinear


def test_copies_are_layers_of_their_own() -> None:
    layer = weight_norm(nn.Linear(3, 2))
    other = copy.deepcopy(layer)
    with pydl.no_grad():
        other.weight_g.copy_(other.weight_g * 2)
    x = _x(1, 3)
    assert not np.allclose(layer(x).detach().numpy(), other(x).detach().numpy())
    with pytest.raises(TypeError, match="Linear with weight_norm cannot be pickled"):
        pickle.dumps(layer)


def test_errors() -> None:
    layer = weight_norm(nn.Linear(3, 2))
    with pytest.raises(ValueError, match="spectral_norm: weight of Linear has a weight_norm"):
        spectral_norm(layer)
    with pytest.raises(ValueError, match="weight_norm: Linear has no parameter 'scale'"):
        weight_norm(layer, "scale")
    with pytest.raises(ValueError, match="remove_spectral_norm: weight of Linear has no spectral"):
        remove_spectral_norm(layer)
    with pytest.raises(IndexError, match="weight_norm: dim 2 is outside the 2 axes of weight"):
        weight_norm(nn.Linear(3, 2), dim=2)
    with pytest.raises(ValueError, match="spectral_norm: expected bias of at least 2 axes"):
        spectral_norm(nn.Linear(3, 2), "bias")
    with pytest.raises(ValueError, match="n_power_iterations of at least 1, got 0"):
        spectral_norm(nn.Linear(3, 2), n_power_iterations=0)
    with pytest.raises(ValueError, match="remove_weight_norm: weight of Linear has no weight_norm"):
        remove_weight_norm(nn.Linear(3, 2))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("dim", [0, 1, None])
def test_norms_of_16_bit_weights_do_not_overflow(dtype, dim):
    """Squares of 300 are beyond float16; 600 columns of ones are beyond the digits of bfloat16."""
    for shape, value in (((3, 4), 300.0), ((2, 600), 1.0)):
        for normalise in (weight_norm, spectral_norm):
            layer = nn.Linear(shape[1], shape[0]).to(dtype)
            with pydl.no_grad():
                layer.weight.fill_(value)
            normalised = normalise(layer, dim=dim)
            found = normalised.weight.detach().astype("float64").numpy()
            rank_one = 1 / np.sqrt(shape[0] * shape[1])
            expected = value if normalise is weight_norm else rank_one
            np.testing.assert_allclose(found, expected, rtol=2e-2)
