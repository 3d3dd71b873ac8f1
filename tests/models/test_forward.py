"""Models compute: shapes, gradients of every parameter, compiled as eager."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

import pydl
from pydl import models
from pydl.models.googlenet import GoogLeNetOutputs


class Case(NamedTuple):
    make: Any
    input: tuple[int, ...]
    output: tuple[int, ...]


# Small numbers of classes and pixels; the networks are whole but for the widths given.
CASES = {
    "mlp": Case(lambda: models.mlp(20, (16, 8), 3, dropout=0.5), (4, 20), (4, 3)),
    "lenet5": Case(lambda: models.lenet5(), (4, 1, 28, 28), (4, 10)),
    "alexnet": Case(lambda: models.alexnet(5), (2, 3, 63, 63), (2, 5)),
    "alexnet with normalisation": Case(
        lambda: models.alexnet(5, local_response_norm=True), (2, 3, 63, 63), (2, 5)
    ),
    "vgg11_bn": Case(lambda: models.vgg11_bn(5), (2, 3, 32, 32), (2, 5)),
    "googlenet": Case(
        lambda: models.googlenet(5, transform_input=True, local_response_norm=True),
        (2, 3, 64, 64),
        (2, 5),
    ),
    "resnet18": Case(lambda: models.resnet18(5), (2, 3, 64, 64), (2, 5)),
    "resnet50": Case(lambda: models.resnet50(5), (2, 3, 64, 64), (2, 5)),
    "resnet20": Case(lambda: models.resnet20(5), (2, 3, 32, 32), (2, 5)),
    "resnet18_cifar": Case(lambda: models.resnet18_cifar(5, in_channels=1), (2, 1, 16, 16), (2, 5)),
    "mobilenet_v1": Case(lambda: models.mobilenet_v1(5, width_mult=0.5), (2, 3, 64, 64), (2, 5)),
    "mobilenet_v2": Case(lambda: models.mobilenet_v2(5, width_mult=0.5), (2, 3, 64, 64), (2, 5)),
    "xception": Case(lambda: models.xception(5), (2, 3, 71, 71), (2, 5)),
    "unet": Case(lambda: models.unet(3, width=8), (1, 1, 32, 48), (1, 3, 32, 48)),
    "unet with normalisation": Case(
        lambda: models.unet(3, width=8, depth=2, batch_norm=True), (1, 1, 16, 24), (1, 3, 16, 24)
    ),
    "conv_autoencoder": Case(
        lambda: models.conv_autoencoder(widths=(8, 4)), (2, 1, 28, 28), (2, 1, 28, 28)
    ),
}


def tensors(output: Any) -> list[pydl.Tensor]:
    return list(output) if isinstance(output, tuple) else [output]


@pytest.mark.parametrize("name", CASES)
def test_forward_backward_and_compiled(name: str) -> None:
    case = CASES[name]
    pydl.manual_seed(0)
    model = case.make()
    x = pydl.tensor(np.random.default_rng(0).normal(size=case.input).astype("float32"))

    outputs = tensors(model(x))
    assert [y.shape for y in outputs] == [case.output] * len(outputs)
    sum((y.square().mean() for y in outputs), pydl.tensor(0.0)).backward()
    without = [key for key, p in model.named_parameters() if p.grad is None]
    assert without == []
    infinite = [key for key, p in model.named_parameters() if not np.isfinite(p.grad.numpy()).all()]
    assert infinite == []
    unmoved = [key for key, p in model.named_parameters() if not p.grad.numpy().any()]
    assert unmoved == []
    model.zero_grad()

    model.eval()
    with pydl.no_grad():
        eager = model(x)
        compiled = pydl.compile(model)(x)
    assert eager.shape == case.output
    scale = np.abs(eager.numpy()).max()
    assert np.isfinite(scale)
    np.testing.assert_allclose(compiled.numpy(), eager.numpy(), rtol=1e-4, atol=1e-4 * scale)


def test_evaluation_differs_from_training() -> None:
    x = pydl.tensor(np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype("float32"))
    model = models.resnet20()
    trained = model(x)
    before = model.bn1.running_mean.tolist()
    assert not np.allclose(model.eval()(x).detach().numpy(), trained.detach().numpy())
    assert model.bn1.running_mean.tolist() == before


def test_auxiliary_heads() -> None:
    pydl.manual_seed(0)
    model = models.googlenet(5)
    x, target = pydl.ones((2, 3, 64, 64)), pydl.tensor([0, 4])
    output = model(x)
    assert isinstance(output, GoogLeNetOutputs)
    loss = models.auxiliary_cross_entropy(output, target)
    parts = [pydl.nn.functional.cross_entropy(y, target).item() for y in output]
    assert loss.item() == pytest.approx(parts[0] + 0.3 * (parts[1] + parts[2]), rel=1e-5)
    assert isinstance(models.googlenet(5, aux_logits=False)(x), pydl.Tensor)


def test_auxiliary_heads_train_compiled() -> None:
    pydl.manual_seed(0)
    model = models.googlenet(2)
    model.compile(pydl.optim.SGD(model.parameters(), lr=0.001), models.auxiliary_cross_entropy)
    before = model.aux1.fc2.bias.tolist()
    history = model.fit(np.ones((2, 3, 32, 32)), np.array([0, 1]), epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert model.aux1.fc2.bias.tolist() != before


def test_googlenet_undoes_the_normalization() -> None:
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    image = np.random.default_rng(0).uniform(size=(1, 3, 64, 64))
    normalized = (image - mean[:, None, None]) / std[:, None, None]
    pydl.manual_seed(0)
    model = models.googlenet(5, aux_logits=False).eval()
    with pydl.no_grad():
        expected = model(pydl.tensor(2 * image - 1, "float32"))
        model.transform_input = True
        found = model(pydl.tensor(normalized, "float32"))
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-3, atol=1e-6)


def test_models_train() -> None:
    """A small residual network learns to tell bright images from dark ones."""
    pydl.manual_seed(0)
    generator = np.random.default_rng(0)
    target = np.arange(32) % 2
    x = generator.normal(size=(32, 3, 8, 8)).astype("float32") + target[:, None, None, None]
    model = models.CifarResNet([1, 1], width=8, num_classes=2)
    model.compile(pydl.optim.Adam(model.parameters(), lr=0.01), "cross_entropy", ["accuracy"])
    model.fit(x, target, epochs=10, batch_size=16, verbose=0)
    assert model.evaluate(x, target, verbose=0)["accuracy"] > 0.9


def test_autoencoder_learns_to_copy() -> None:
    pydl.manual_seed(0)
    x = np.zeros((16, 1, 8, 8), "float32")
    x[np.arange(16), 0, np.arange(16) % 8] = 1.0
    model = models.conv_autoencoder(widths=(8, 8))
    model.compile(pydl.optim.Adam(model.parameters(), lr=0.02), "mse")
    before = model.evaluate(x, x, verbose=0)["loss"]
    model.fit(x, x, epochs=30, batch_size=16, verbose=0)
    assert model.evaluate(x, x, verbose=0)["loss"] < 0.5 * before


def test_perceptron_learns_by_its_rule() -> None:
    generator = np.random.default_rng(0)
    x = generator.uniform(-1, 1, (200, 2)).astype("float32")
    side = x @ np.array([[1.0, -1.0], [-2.0, -1.0]], "float32")
    x, side = x[(np.abs(side) > 0.1).all(1)], side[(np.abs(side) > 0.1).all(1)]
    model = models.perceptron(2, 2)
    passes = 1
    while model.learn(x, side > 0) > 0:
        passes += 1
        assert passes < 100
    assert (model(pydl.tensor(x)).detach().numpy() == (side > 0)).all()


@pytest.mark.parametrize(
    ("make", "shape", "message"),
    [
        (lambda: models.unet(width=4), (1, 1, 24, 32), "UNet: .* multiples of 16, got shape"),
        (lambda: models.unet(width=4), (1, 32, 32), "UNet: expected images"),
        (lambda: models.conv_autoencoder(), (1, 1, 10, 8), "ConvAutoencoder: .* multiples of 4"),
        (lambda: models.resnet20(), (1, 1, 8, 8), "CifarResNet.conv1"),
    ],
)
def test_wrong_images(make: Any, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()(pydl.zeros(shape))
