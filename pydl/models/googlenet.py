"""GoogLeNet (Szegedy et al., "Going deeper with convolutions", 2014)."""

from __future__ import annotations

from typing import NamedTuple

from pydl import nn
from pydl._core import Tensor, concat
from pydl.models.blocks import small_normal
from pydl.models.weights import Path, load_weights
from pydl.nn import functional
from pydl.training import Model


class GoogLeNetOutputs(NamedTuple):
    """Logits of the network and of its auxiliary heads, the later one first; (N, num_classes).

    Attributes
    ----------
    logits, aux_logits2, aux_logits1 : Tensor
        Shape (N, num_classes).
    """

    logits: Tensor
    aux_logits2: Tensor
    aux_logits1: Tensor


class BasicConv2d(nn.Module):
    """Convolution, batch normalisation, ReLU.

    Examples
    --------
    >>> import pydl
    >>> BasicConv2d(3, 8, 3, padding=1)(pydl.zeros((1, 3, 6, 6))).shape
    (1, 8, 6, 6)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            bias=False,
            init=small_normal,
        )
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    """Four branches on the same input, whose channels are joined.

    Parameters
    ----------
    in_channels : int
    narrow : int
        Channels of the 1x1 branch.
    reduced3, wide3 : int
        Channels of the 1x1 and the 3x3 convolution in the second branch.
    reduced5, wide5 : int
        The same of the third branch. The paper's window there is 5x5; torchvision's weights, and so
        this model, have 3x3.
    pooled : int
        Channels of the 1x1 convolution after pooling, the fourth branch.

    Examples
    --------
    >>> import pydl
    >>> Inception(16, 4, 8, 16, 2, 4, 8)(pydl.zeros((1, 16, 6, 6))).shape
    (1, 32, 6, 6)
    """

    def __init__(
        self,
        in_channels: int,
        narrow: int,
        reduced3: int,
        wide3: int,
        reduced5: int,
        wide5: int,
        pooled: int,
    ) -> None:
        super().__init__()
        self.branch1 = BasicConv2d(in_channels, narrow, 1)
        self.branch2 = nn.Sequential(
            BasicConv2d(in_channels, reduced3, 1), BasicConv2d(reduced3, wide3, 3, padding=1)
        )
        self.branch3 = nn.Sequential(
            BasicConv2d(in_channels, reduced5, 1), BasicConv2d(reduced5, wide5, 3, padding=1)
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1), BasicConv2d(in_channels, pooled, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return concat([branch(x) for branch in branches], 1)


class InceptionAux(nn.Module):
    """Auxiliary head: predicts classes from the middle of the network, to supply gradients there.

    Examples
    --------
    >>> import pydl
    >>> InceptionAux(16, 10)(pydl.zeros((1, 16, 8, 8))).shape
    (1, 10)
    """

    def __init__(self, in_channels: int, num_classes: int, dropout: float = 0.7) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(4)
        self.conv = BasicConv2d(in_channels, 128, 1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024, init=small_normal)
        self.fc2 = nn.Linear(1024, num_classes, init=small_normal)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.avgpool(x))
        x = functional.relu(self.fc1(x.flatten(1)))
        logits: Tensor = self.fc2(self.dropout(x))
        return logits


class GoogLeNet(Model):
    """Nine inception modules, with batch normalisation, and two auxiliary heads.

    Input (N, 3, H, W), H and W at least 32, 224 in the paper. Output logits (N, num_classes) in
    evaluation mode and without auxiliary heads; in training `GoogLeNetOutputs`, for which
    `auxiliary_cross_entropy` is the loss.

    Parameters
    ----------
    num_classes : int, default 1000
    aux_logits : bool, default True
        Whether there are auxiliary heads.
    transform_input : bool, default False
        Whether inputs are normalised by ImageNet's mean and deviation and shall be brought to
        [-1, 1] first, which torchvision's weights expect.
    dropout : float, default 0.2
        Probability with which inputs of the last layer are dropped.
    dropout_aux : float, default 0.7
        The same of the auxiliary heads.
    local_response_norm : bool, default False
        Whether there is `LocalResponseNorm` around the first convolutions as in the paper, which
        had no batch normalisation. It has no parameters.

    Examples
    --------
    >>> import pydl
    >>> model = GoogLeNet(num_classes=10)
    >>> model(pydl.zeros((2, 3, 64, 64))).aux_logits1.shape
    (2, 10)
    >>> model.eval()(pydl.zeros((2, 3, 64, 64))).shape
    (2, 10)
    """

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        transform_input: bool = False,
        dropout: float = 0.2,
        dropout_aux: float = 0.7,
        local_response_norm: bool = False,
    ) -> None:
        super().__init__()
        self.transform_input = transform_input
        self.conv1 = BasicConv2d(3, 64, 7, stride=2, padding=3)
        self.maxpool1 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.conv2 = BasicConv2d(64, 64, 1)
        self.conv3 = BasicConv2d(64, 192, 3, padding=1)
        # PyTorch's convention, ours as well: alpha is divided by the size.
        self.lrn = nn.LocalResponseNorm(5, alpha=5e-4) if local_response_norm else nn.Identity()
        self.maxpool2 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.maxpool3 = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.inception4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.maxpool4 = nn.MaxPool2d(2, 2, ceil_mode=True)
        self.inception5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = Inception(832, 384, 192, 384, 48, 128, 128)
        self.aux1 = InceptionAux(512, num_classes, dropout_aux) if aux_logits else None
        self.aux2 = InceptionAux(528, num_classes, dropout_aux) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, num_classes, init=small_normal)

    def forward(self, x: Tensor) -> Tensor | GoogLeNetOutputs:
        if self.transform_input:
            x = _from_imagenet(x)
        x = self.lrn(self.maxpool1(self.conv1(x)))
        x = self.maxpool2(self.lrn(self.conv3(self.conv2(x))))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        early = self.inception4a(x)
        middle = self.inception4d(self.inception4c(self.inception4b(early)))
        x = self.maxpool4(self.inception4e(middle))
        x = self.inception5b(self.inception5a(x))
        logits: Tensor = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        if not self.training or self.aux1 is None or self.aux2 is None:
            return logits
        return GoogLeNetOutputs(logits, self.aux2(middle), self.aux1(early))


def _from_imagenet(x: Tensor) -> Tensor:
    """Undo the normalisation by ImageNet's mean and deviation, and map [0, 1] to [-1, 1]."""
    channels = zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)
    return concat(
        [x[:, i : i + 1] * (2 * std) + (2 * mean - 1) for i, (mean, std) in enumerate(channels)], 1
    )


def auxiliary_cross_entropy(
    output: Tensor | GoogLeNetOutputs, target: Tensor, weight: float = 0.3
) -> Tensor:
    """Cross-entropy of the logits, plus `weight` times those of the auxiliary heads, if any.

    Parameters
    ----------
    output : Tensor or GoogLeNetOutputs
        What `GoogLeNet` returns.
    target : Tensor
        Class indices (N,).
    weight : float, default 0.3
        The paper's.

    Returns
    -------
    Tensor
        The loss, shape ().

    Examples
    --------
    >>> import pydl
    >>> zeros, target = pydl.zeros((1, 2)), pydl.tensor([0])
    >>> loss = auxiliary_cross_entropy(GoogLeNetOutputs(zeros, zeros, zeros), target)
    >>> round(loss.item() / auxiliary_cross_entropy(zeros, target).item(), 4)
    1.6
    """
    if isinstance(output, Tensor):
        return functional.cross_entropy(output, target)
    auxiliary = functional.cross_entropy(output.aux_logits1, target)
    auxiliary = auxiliary + functional.cross_entropy(output.aux_logits2, target)
    return functional.cross_entropy(output.logits, target) + weight * auxiliary


def googlenet(
    num_classes: int = 1000,
    *,
    weights: Path | None = None,
    aux_logits: bool = True,
    transform_input: bool = False,
    dropout: float = 0.2,
    dropout_aux: float = 0.7,
    local_response_norm: bool = False,
) -> GoogLeNet:
    """`GoogLeNet` with weights from a file, if given.

    It has 13,004,888 parameters for 1000 classes, and 6,624,904 without auxiliary heads; those of a
    file are then left out.

    Parameters
    ----------
    num_classes : int, default 1000
        Logits for each sample.
    weights : str or path, optional
        A file of weights, as for `load_weights`.
    aux_logits, transform_input, dropout, dropout_aux, local_response_norm
        As of `GoogLeNet`.

    Returns
    -------
    GoogLeNet
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> googlenet(10, aux_logits=False).aux1 is None
    True
    """
    model = GoogLeNet(
        num_classes, aux_logits, transform_input, dropout, dropout_aux, local_response_norm
    )
    return load_weights(model, weights, left_out=() if aux_logits else ("aux1.", "aux2."))
