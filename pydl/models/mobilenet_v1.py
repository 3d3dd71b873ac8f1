"""MobileNetV1 (Howard et al., "MobileNets: efficient convolutional neural networks", 2017)."""

from __future__ import annotations

from pydl import nn
from pydl._core import Tensor
from pydl.models.blocks import ConvNormReLU6, round_channels
from pydl.models.weights import Path, load_weights
from pydl.training import Model

# Channels and stride of each depthwise-separable block.
_BLOCKS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
_BLOCKS += [(512, 1)] * 5 + [(1024, 2), (1024, 1)]


class DepthwiseSeparable(nn.Sequential):
    """3x3 convolution of each channel, then 1x1 convolution across them; each normalised.

    Examples
    --------
    >>> import pydl
    >>> DepthwiseSeparable(8, 16, stride=2)(pydl.zeros((1, 8, 6, 6))).shape
    (1, 16, 3, 3)
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__(
            ConvNormReLU6(in_channels, in_channels, 3, stride, groups=in_channels),
            ConvNormReLU6(in_channels, out_channels, 1),
        )


class MobileNetV1(Model):
    """A convolution and 13 depthwise-separable blocks, global mean, one linear layer.

    Input (N, 3, H, W), H and W at least 32, 224 in the paper; output logits (N, num_classes).

    Parameters
    ----------
    num_classes : int, default 1000
    width_mult : float, default 1
        Factor of all numbers of channels, the paper's alpha.
    dropout : float, default 0.001
        Probability with which inputs of the linear layer are dropped.

    Examples
    --------
    >>> import pydl
    >>> model = MobileNetV1(num_classes=10, width_mult=0.25)
    >>> model(pydl.zeros((2, 3, 32, 32))).shape
    (2, 10)
    """

    def __init__(
        self, num_classes: int = 1000, width_mult: float = 1.0, dropout: float = 0.001
    ) -> None:
        super().__init__()
        channels = round_channels(32 * width_mult)
        layers: list[nn.Module] = [ConvNormReLU6(3, channels, stride=2)]
        for base, stride in _BLOCKS:
            out_channels = round_channels(base * width_mult)
            layers.append(DepthwiseSeparable(channels, out_channels, stride))
            channels = out_channels
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(channels, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))
        logits: Tensor = self.classifier(x.flatten(1))
        return logits


def mobilenet_v1(
    num_classes: int = 1000,
    *,
    weights: Path | None = None,
    width_mult: float = 1.0,
    dropout: float = 0.001,
) -> MobileNetV1:
    """`MobileNetV1` with weights from a file, if given: 4,231,976 parameters for 1000 classes.

    Parameters
    ----------
    num_classes : int, default 1000
        Logits for each sample.
    weights : str or path, optional
        A file of weights, as for `load_weights`.
    width_mult, dropout
        As of `MobileNetV1`.

    Returns
    -------
    MobileNetV1
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> len(mobilenet_v1(10, width_mult=0.25).features)
    14
    """
    return load_weights(MobileNetV1(num_classes, width_mult, dropout), weights)
