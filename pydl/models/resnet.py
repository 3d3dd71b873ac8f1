"""ResNet (He et al., "Deep residual learning for image recognition", 2015)."""

from __future__ import annotations

from collections.abc import Sequence

from pydl import nn
from pydl._core import Tensor
from pydl.models.blocks import fan_out_normal
from pydl.models.weights import Path, load_weights
from pydl.training import Model


def conv(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> nn.Conv2d:
    """Convolution without bias that keeps the size, or divides it by the stride.

    Examples
    --------
    >>> import pydl
    >>> conv(3, 8, 3, stride=2)(pydl.zeros((1, 3, 8, 8))).shape
    (1, 8, 4, 4)
    """
    return nn.Conv2d(
        in_channels,
        out_channels,
        kernel_size,
        stride,
        padding=kernel_size // 2,
        bias=False,
        init=fan_out_normal,
    )


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
    """Projection for blocks whose output has another shape than their input."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(conv(in_channels, out_channels, 1, stride), nn.BatchNorm2d(out_channels))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, added to the input.

    Parameters
    ----------
    in_channels, channels : int
        Of the input, and of both convolutions.
    stride : int, default 1
        Of the first convolution.

    Examples
    --------
    >>> import pydl
    >>> BasicBlock(8, 16, stride=2)(pydl.zeros((1, 8, 6, 6))).shape
    (1, 16, 3, 3)
    """

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, channels, 3, stride)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.conv2 = conv(channels, channels, 3)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = _shortcut(in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        output: Tensor = self.relu(y + identity)
        return output


class Bottleneck(nn.Module):
    """1x1 convolution to fewer channels, 3x3 among them, 1x1 to four times as many, plus the input.

    The stride is that of the 3x3 convolution, as in torchvision; the paper has it in the first 1x1.

    Parameters
    ----------
    in_channels, channels : int
        Of the input, and of the 3x3 convolution.
    stride : int, default 1

    Examples
    --------
    >>> import pydl
    >>> Bottleneck(8, 4, stride=2)(pydl.zeros((1, 8, 6, 6))).shape
    (1, 16, 3, 3)
    """

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, channels, 1)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = conv(channels, channels, 3, stride)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = conv(channels, 4 * channels, 1)
        self.bn3 = nn.BatchNorm2d(4 * channels)
        self.relu = nn.ReLU()
        self.downsample = _shortcut(in_channels, 4 * channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        output: Tensor = self.relu(y + identity)
        return output


def stage(
    block: type[BasicBlock] | type[Bottleneck],
    in_channels: int,
    channels: int,
    count: int,
    stride: int,
) -> nn.Sequential:
    """Blocks one after the other, the first with the stride.

    Examples
    --------
    >>> import pydl
    >>> stage(BasicBlock, 8, 16, count=2, stride=2)(pydl.zeros((1, 8, 6, 6))).shape
    (1, 16, 3, 3)
    """
    blocks: list[nn.Module] = [block(in_channels, channels, stride)]
    for _ in range(count - 1):
        blocks.append(block(channels * block.expansion, channels))
    return nn.Sequential(*blocks)


class ResNet(Model):
    """Convolution and pooling, four stages of residual blocks, global mean, one linear layer.

    Input (N, 3, H, W), H and W at least 32, 224 in the paper; output logits (N, num_classes).

    Parameters
    ----------
    block : class
        `BasicBlock` or `Bottleneck`.
    counts : sequence of 4 int
        Blocks of each stage.
    num_classes : int, default 1000

    Examples
    --------
    >>> import pydl
    >>> model = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=10)
    >>> model(pydl.zeros((2, 3, 32, 32))).shape
    (2, 10)
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        counts: Sequence[int],
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        if len(counts) != 4:
            raise ValueError(f"ResNet: expected the blocks of 4 stages, got {list(counts)}")
        grown = block.expansion
        self.conv1 = conv(3, 64, 7, stride=2)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = stage(block, 64, 64, counts[0], stride=1)
        self.layer2 = stage(block, 64 * grown, 128, counts[1], stride=2)
        self.layer3 = stage(block, 128 * grown, 256, counts[2], stride=2)
        self.layer4 = stage(block, 256 * grown, 512, counts[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512 * grown, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        logits: Tensor = self.fc(self.avgpool(x).flatten(1))
        return logits


def resnet18(num_classes: int = 1000, *, weights: Path | None = None) -> ResNet:
    """ResNet-18: 11,689,512 parameters for 1000 classes.

    Parameters
    ----------
    num_classes : int, default 1000
        Logits for each sample.
    weights : str or path, optional
        A file of weights, as for `load_weights`.

    Returns
    -------
    ResNet
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> import pydl
    >>> resnet18(10)(pydl.zeros((2, 3, 32, 32))).shape
    (2, 10)
    """
    return load_weights(ResNet(BasicBlock, [2, 2, 2, 2], num_classes), weights)


def resnet34(num_classes: int = 1000, *, weights: Path | None = None) -> ResNet:
    """ResNet-34: 21,797,672 parameters for 1000 classes.

    Parameters
    ----------
    num_classes : int, default 1000
        Logits for each sample.
    weights : str or path, optional
        A file of weights, as for `load_weights`.

    Returns
    -------
    ResNet
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> len(resnet34(10).layer3)
    6
    """
    return load_weights(ResNet(BasicBlock, [3, 4, 6, 3], num_classes), weights)


def resnet50(num_classes: int = 1000, *, weights: Path | None = None) -> ResNet:
    """ResNet-50: 25,557,032 parameters for 1000 classes.

    Parameters
    ----------
    num_classes : int, default 1000
        Logits for each sample.
    weights : str or path, optional
        A file of weights, as for `load_weights`.

    Returns
    -------
    ResNet
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> resnet50(10).fc.in_features
    2048
    """
    return load_weights(ResNet(Bottleneck, [3, 4, 6, 3], num_classes), weights)


def resnet101(num_classes: int = 1000, *, weights: Path | None = None) -> ResNet:
    """ResNet-101: 44,549,160 parameters for 1000 classes.

    Parameters
    ----------
    num_classes : int, default 1000
        Logits for each sample.
    weights : str or path, optional
        A file of weights, as for `load_weights`.

    Returns
    -------
    ResNet
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> len(resnet101(10).layer3)
    23
    """
    return load_weights(ResNet(Bottleneck, [3, 4, 23, 3], num_classes), weights)


def resnet152(num_classes: int = 1000, *, weights: Path | None = None) -> ResNet:
    """ResNet-152: 60,192,808 parameters for 1000 classes.

    Parameters
    ----------
    num_classes : int, default 1000
        Logits for each sample.
    weights : str or path, optional
        A file of weights, as for `load_weights`.

    Returns
    -------
    ResNet
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> len(resnet152(10).layer3)
    36
    """
    return load_weights(ResNet(Bottleneck, [3, 8, 36, 3], num_classes), weights)
