"""MobileNetV2 (Sandler et al., "Inverted residuals and linear bottlenecks", 2018)."""

from __future__ import annotations

from pydl import nn
from pydl._core import Tensor
from pydl.models.blocks import (
    ConvNormReLU6,
    fan_out_normal,
    round_channels,
    small_normal,
    zero_bias,
)
from pydl.models.weights import Path, load_weights
from pydl.training import Model

# Expansion, channels, number of blocks, and stride of the first: table 2 of the paper.
_STAGES = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]


class InvertedResidual(nn.Module):
    """1x1 convolution to more channels, 3x3 on each of them, 1x1 to few, without activation.

    The input is added where it has the shape of the output.

    Parameters
    ----------
    in_channels, out_channels : int
    stride : int
        Of the 3x3 convolution.
    expansion : int
        How many times in_channels there are in between; with 1 the first convolution is left out.

    Examples
    --------
    >>> import pydl
    >>> InvertedResidual(8, 16, stride=2, expansion=6)(pydl.zeros((1, 8, 6, 6))).shape
    (1, 16, 3, 3)
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = in_channels * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers.append(ConvNormReLU6(in_channels, hidden, 1))
        layers += [
            ConvNormReLU6(hidden, hidden, 3, stride, groups=hidden),
            nn.Conv2d(hidden, out_channels, 1, bias=False, init=fan_out_normal),
            nn.BatchNorm2d(out_channels),
        ]
        self.conv = nn.Sequential(*layers)
        self.adds_input = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return x + y if self.adds_input else y


class MobileNetV2(Model):
    """A convolution, 17 inverted residuals, a 1x1 convolution, global mean, one linear layer.

    Input (N, 3, H, W), H and W at least 32, 224 in the paper; output logits (N, num_classes).

    Parameters
    ----------
    num_classes : int, default 1000
    width_mult : float, default 1
        Factor of all numbers of channels; the last convolution's is not made smaller.
    dropout : float, default 0.2
        Probability with which inputs of the linear layer are dropped.

    Examples
    --------
    >>> import pydl
    >>> model = MobileNetV2(num_classes=10, width_mult=0.25)
    >>> model(pydl.zeros((2, 3, 32, 32))).shape
    (2, 10)
    """

    def __init__(
        self, num_classes: int = 1000, width_mult: float = 1.0, dropout: float = 0.2
    ) -> None:
        super().__init__()
        channels = round_channels(32 * width_mult)
        last = round_channels(1280 * max(1.0, width_mult))
        layers: list[nn.Module] = [ConvNormReLU6(3, channels, stride=2)]
        for expansion, base, count, stride in _STAGES:
            out_channels = round_channels(base * width_mult)
            for i in range(count):
                step = stride if i == 0 else 1
                layers.append(InvertedResidual(channels, out_channels, step, expansion))
                channels = out_channels
        layers.append(ConvNormReLU6(channels, last, 1))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        head = nn.Linear(last, num_classes, init=small_normal)
        zero_bias(head)
        self.classifier = nn.Sequential(nn.Dropout(dropout), head)

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))
        logits: Tensor = self.classifier(x.flatten(1))
        return logits


def mobilenet_v2(
    num_classes: int = 1000,
    *,
    weights: Path | None = None,
    width_mult: float = 1.0,
    dropout: float = 0.2,
) -> MobileNetV2:
    """`MobileNetV2` with weights from a file, if given: 3,504,872 parameters for 1000 classes.

    Inputs for ImageNet weights are RGB in [0, 1], minus (0.485, 0.456, 0.406), divided by
    (0.229, 0.224, 0.225). Call `eval` on the model before it predicts.

    Parameters
    ----------
    num_classes : int, default 1000
        Logits for each sample.
    weights : str or path, optional
        A file of weights, as for `load_weights`.
    width_mult, dropout
        As of `MobileNetV2`.

    Returns
    -------
    MobileNetV2
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> model = mobilenet_v2(weights="mobilenet_v2-b0353104.pth").eval()  # doctest: +SKIP
    >>> mobilenet_v2(10, width_mult=0.25).classifier[1].in_features
    1280
    """
    return load_weights(MobileNetV2(num_classes, width_mult, dropout), weights)
