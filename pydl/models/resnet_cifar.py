"""Residual networks for small images (He et al., 2015, section 4.2)."""

from __future__ import annotations

from collections.abc import Sequence

from pydl import nn
from pydl._core import Tensor
from pydl.models.resnet import BasicBlock, conv, stage
from pydl.models.weights import Path, load_weights
from pydl.training import Model


class CifarResNet(Model):
    """3x3 convolution, stages of residual blocks with 3x3 convolutions, global mean, linear layer.

    Input (N, in_channels, H, W), 32x32 in the paper; output logits (N, num_classes). The first
    stage keeps the size, each further one halves it. Shortcuts between stages are projections
    ("option B" of the paper), and names of parameters are those of `ResNet`.

    Parameters
    ----------
    counts : sequence of int
        Blocks of each stage.
    width : int, default 16
        Channels of the first stage; each further one has twice as many.
    num_classes : int, default 10
    in_channels : int, default 3

    Raises
    ------
    ValueError
        When there is no stage.

    Examples
    --------
    >>> import pydl
    >>> model = CifarResNet([1, 1], width=8)
    >>> model(pydl.zeros((2, 3, 8, 8))).shape
    (2, 10)
    """

    def __init__(
        self,
        counts: Sequence[int],
        width: int = 16,
        num_classes: int = 10,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        if not counts:
            raise ValueError("CifarResNet: expected the blocks of at least one stage, got none")
        self.conv1 = conv(in_channels, width, 3)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self._stages = len(counts)
        channels = width
        for i, count in enumerate(counts):
            out_channels = width * 2**i
            blocks = stage(BasicBlock, channels, out_channels, count, stride=1 if i == 0 else 2)
            setattr(self, f"layer{i + 1}", blocks)
            channels = out_channels
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        for i in range(self._stages):
            x = getattr(self, f"layer{i + 1}")(x)
        logits: Tensor = self.fc(self.avgpool(x).flatten(1))
        return logits


def resnet20(
    num_classes: int = 10, *, in_channels: int = 3, weights: Path | None = None
) -> CifarResNet:
    """ResNet-20 for small images: 272,474 parameters for 10 classes.

    Parameters
    ----------
    num_classes : int, default 10
        Logits for each sample.
    in_channels : int, default 3
        Channels of the images (N, C, H, W).
    weights : str or path, optional
        A file of weights, as for `load_weights`.

    Returns
    -------
    CifarResNet
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> len(resnet20().layer1)
    3
    """
    return load_weights(CifarResNet([3] * 3, 16, num_classes, in_channels), weights)


def resnet32(
    num_classes: int = 10, *, in_channels: int = 3, weights: Path | None = None
) -> CifarResNet:
    """ResNet-32 for small images: 466,906 parameters for 10 classes.

    Parameters
    ----------
    num_classes : int, default 10
        Logits for each sample.
    in_channels : int, default 3
        Channels of the images (N, C, H, W).
    weights : str or path, optional
        A file of weights, as for `load_weights`.

    Returns
    -------
    CifarResNet
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> len(resnet32().layer1)
    5
    """
    return load_weights(CifarResNet([5] * 3, 16, num_classes, in_channels), weights)


def resnet44(
    num_classes: int = 10, *, in_channels: int = 3, weights: Path | None = None
) -> CifarResNet:
    """ResNet-44 for small images: 661,338 parameters for 10 classes.

    Parameters
    ----------
    num_classes : int, default 10
        Logits for each sample.
    in_channels : int, default 3
        Channels of the images (N, C, H, W).
    weights : str or path, optional
        A file of weights, as for `load_weights`.

    Returns
    -------
    CifarResNet
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> len(resnet44().layer1)
    7
    """
    return load_weights(CifarResNet([7] * 3, 16, num_classes, in_channels), weights)


def resnet56(
    num_classes: int = 10, *, in_channels: int = 3, weights: Path | None = None
) -> CifarResNet:
    """ResNet-56 for small images: 855,770 parameters for 10 classes.

    Parameters
    ----------
    num_classes : int, default 10
        Logits for each sample.
    in_channels : int, default 3
        Channels of the images (N, C, H, W).
    weights : str or path, optional
        A file of weights, as for `load_weights`.

    Returns
    -------
    CifarResNet
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> len(resnet56().layer1)
    9
    """
    return load_weights(CifarResNet([9] * 3, 16, num_classes, in_channels), weights)


def resnet18_cifar(
    num_classes: int = 10, *, in_channels: int = 3, weights: Path | None = None
) -> CifarResNet:
    """ResNet-18 with a 3x3 stem and no pooling: 11,173,962 parameters for 10 classes.

    Parameters
    ----------
    num_classes : int, default 10
        Logits for each sample.
    in_channels : int, default 3
        Channels of the images (N, C, H, W).
    weights : str or path, optional
        A file of weights, as for `load_weights`.

    Returns
    -------
    CifarResNet
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> resnet18_cifar().conv1.kernel_size
    (3, 3)
    """
    return load_weights(CifarResNet([2] * 4, 64, num_classes, in_channels), weights)
