"""Xception (Chollet, "Deep learning with depthwise separable convolutions", 2017)."""

from __future__ import annotations

from pydl import nn
from pydl._core import Tensor
from pydl.models.weights import Path, load_weights
from pydl.training import Model


def _separable(in_channels: int, out_channels: int) -> nn.SeparableConv2d:
    return nn.SeparableConv2d(in_channels, out_channels, 3, padding=1, bias=False)


class XceptionBlock(nn.Module):
    """ReLU, separable convolution and batch normalisation, two or three times, plus the input.

    Parameters
    ----------
    in_channels : int
    channels : sequence of int
        Output channels of each convolution.
    stride : int, default 1
        Of the pooling at the end; with 1 there is none.
    starts_with_relu : bool, default True
        Whether there is a ReLU before the first convolution.

    Examples
    --------
    >>> import pydl
    >>> XceptionBlock(8, (16, 16), stride=2)(pydl.zeros((1, 8, 6, 6))).shape
    (1, 16, 3, 3)
    """

    def __init__(
        self,
        in_channels: int,
        channels: tuple[int, ...],
        stride: int = 1,
        starts_with_relu: bool = True,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        previous = in_channels
        for i, count in enumerate(channels):
            if i > 0 or starts_with_relu:
                layers.append(nn.ReLU())
            layers += [_separable(previous, count), nn.BatchNorm2d(count)]
            previous = count
        if stride != 1:
            layers.append(nn.MaxPool2d(3, stride, padding=1))
        self.rep = nn.Sequential(*layers)
        self.skip = self.skipbn = None
        if stride != 1 or previous != in_channels:
            self.skip = nn.Conv2d(in_channels, previous, 1, stride, bias=False)
            self.skipbn = nn.BatchNorm2d(previous)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.rep(x)
        if self.skip is None or self.skipbn is None:
            return y + x
        shortcut: Tensor = self.skipbn(self.skip(x))
        return y + shortcut


class Xception(Model):
    """Two convolutions and 12 blocks of separable ones, two more, global mean, one linear layer.

    Input (N, 3, H, W), H and W at least 71, 299 in the paper; output logits (N, num_classes).

    Parameters
    ----------
    num_classes : int, default 1000
    dropout : float, default 0.5
        Probability with which inputs of the linear layer are dropped.

    Examples
    --------
    >>> import pydl
    >>> model = Xception(num_classes=10).eval()
    >>> model(pydl.zeros((1, 3, 71, 71))).shape
    (1, 10)
    """

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, stride=2, bias=False)
        self.bn1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 64, 3, bias=False)
        self.bn2 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        entry = [
            XceptionBlock(64, (128, 128), stride=2, starts_with_relu=False),
            XceptionBlock(128, (256, 256), stride=2),
            XceptionBlock(256, (728, 728), stride=2),
        ]
        middle = [XceptionBlock(728, (728, 728, 728)) for _ in range(8)]
        self.blocks = nn.Sequential(*entry, *middle, XceptionBlock(728, (728, 1024), stride=2))
        self.conv3 = _separable(1024, 1536)
        self.bn3 = nn.BatchNorm2d(1536)
        self.conv4 = _separable(1536, 2048)
        self.bn4 = nn.BatchNorm2d(2048)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(2048, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.blocks(x)
        x = self.relu(self.bn3(self.conv3(x)))
        x = self.relu(self.bn4(self.conv4(x)))
        logits: Tensor = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        return logits


def xception(
    num_classes: int = 1000, *, weights: Path | None = None, dropout: float = 0.5
) -> Xception:
    """`Xception` with weights from a file, if given: 22,855,952 parameters for 1000 classes.

    Parameters
    ----------
    num_classes : int, default 1000
        Logits for each sample.
    weights : str or path, optional
        A file of weights, as for `load_weights`.
    dropout : float, default 0.5
        As of `Xception`.

    Returns
    -------
    Xception
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> len(xception(10).blocks)
    12
    """
    return load_weights(Xception(num_classes, dropout), weights)
