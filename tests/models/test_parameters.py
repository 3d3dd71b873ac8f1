"""Numbers, names and shapes of parameters: the published ones, and torchvision's."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import models

# Published counts of parameters, and the CRC-32 of names and shapes in torchvision's state dicts.
TORCHVISION = {
    "alexnet": (61_100_840, 0x612BF7FA),
    "vgg11": (132_863_336, 0xFD4FEC18),
    "vgg11_bn": (132_868_840, 0xD82A6385),
    "vgg13": (133_047_848, 0x07A45D81),
    "vgg13_bn": (133_053_736, 0x96CCC26C),
    "vgg16": (138_357_544, 0xB42E8D57),
    "vgg16_bn": (138_365_992, 0x6055E756),
    "vgg19": (143_667_240, 0x23F4F219),
    "vgg19_bn": (143_678_248, 0xF5347C42),
    "googlenet": (13_004_888, 0x7648B627),
    "resnet18": (11_689_512, 0xC2E12626),
    "resnet34": (21_797_672, 0x8F3907E6),
    "resnet50": (25_557_032, 0x173A2DF1),
    "resnet101": (44_549_160, 0x8181F149),
    "resnet152": (60_192_808, 0xA04F9E3D),
    "mobilenet_v2": (3_504_872, 0xDD2FC11E),
}
OTHERS = {
    "lenet5": 61_706,
    "mobilenet_v1": 4_231_976,
    "xception": 22_855_952,
    "resnet20": 272_474,
    "resnet32": 466_906,
    "resnet44": 661_338,
    "resnet56": 855_770,
    "resnet18_cifar": 11_173_962,
    "unet": 31_030_658,
}


def count(model: pydl.nn.Module) -> int:
    return sum(parameter.size for parameter in model.parameters())


@pytest.fixture
def no_random_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large models are made in a moment, with parameters of zero."""
    monkeypatch.setattr(pydl.nn.init, "normal_", lambda tensor, **_: tensor)
    monkeypatch.setattr(pydl.nn.init, "linear_default_", lambda tensor: tensor)


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvision(name: str, no_random_numbers: None) -> None:
    model = getattr(models, name)()
    expected, checksum = TORCHVISION[name]
    assert count(model) == expected
    listing = [f"{key} {value.shape}" for key, value in model.state_dict().items()]
    assert zlib.crc32("\n".join(listing).encode()) == checksum, listing[:10]


@pytest.mark.parametrize("name", OTHERS)
def test_others(name: str, no_random_numbers: None) -> None:
    assert count(getattr(models, name)()) == OTHERS[name]


def test_options_change_counts(no_random_numbers: None) -> None:
    assert count(models.googlenet(aux_logits=False)) == 6_624_904
    assert count(models.UNet(3, batch_norm=True)) == 31_037_698
    assert count(models.mobilenet_v2(width_mult=0.5)) == 1_968_680
    assert count(models.mobilenet_v1(width_mult=0.5)) == 1_331_592
    assert count(models.mlp(784, (128, 64), 10)) == 784 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10
    assert count(models.perceptron(4, 3)) == 15
    assert count(models.conv_autoencoder(1, widths=(16, 32))) == 160 + 4640 + 4624 + 145


@pytest.mark.parametrize(
    ("make", "name", "std"),
    [
        (lambda: models.resnet18(10), "layer1.0.conv1.weight", (2 / (64 * 9)) ** 0.5),
        (lambda: models.resnet20(), "layer3.0.conv1.weight", (2 / (64 * 9)) ** 0.5),
        (lambda: models.mobilenet_v1(10), "features.1.0.0.weight", (2 / (32 * 9)) ** 0.5),
        (lambda: models.mobilenet_v2(10), "classifier.1.weight", 0.01),
        (lambda: models.googlenet(10), "inception3a.branch2.1.conv.weight", 0.01),
        (lambda: models.unet(width=16, depth=1), "down.0.0.weight", (2 / (16 * 9)) ** 0.5),
        (lambda: models.lenet5(), "classifier.0.weight", (2 / (400 + 120)) ** 0.5),
    ],
)
def test_initialization(make: Any, name: str, std: float) -> None:
    pydl.manual_seed(0)
    weight = make().state_dict()[name].numpy()
    tolerance = 5 / np.sqrt(weight.size)
    assert abs(weight.std() / std - 1) < tolerance
    assert abs(weight.mean()) < tolerance * std


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match=r"VGG: expected a depth of \(11, 13, 16, 19\), got 12"):
        models.VGG(12)
    with pytest.raises(ValueError, match=r"ResNet: expected the blocks of 4 stages, got \[2, 2\]"):
        models.ResNet(models.resnet.BasicBlock, [2, 2])
    with pytest.raises(ValueError, match="CifarResNet: expected the blocks of at least one stage"):
        models.CifarResNet([])
    with pytest.raises(ValueError, match="UNet: expected a depth of at least 1, got 0"):
        models.UNet(depth=0)
    with pytest.raises(ValueError, match="ConvAutoencoder: expected at least one width"):
        models.ConvAutoencoder(widths=())
