"""LeNet-5 (LeCun et al., "Gradient-based learning applied to document recognition", 1998)."""

from __future__ import annotations

from pydl import nn
from pydl._core import Tensor
from pydl.models.weights import Path, load_weights
from pydl.training import Model


class LeNet5(Model):
    """Two convolutions with pooling, then three linear layers; hyperbolic tangents between them.

    Input (N, 1, 28, 28), output logits (N, num_classes). As is usual today, every filter of the
    second convolution sees all channels, and pooling has no parameters; the digits need no border,
    because the first convolution pads them to 32x32.

    Parameters
    ----------
    num_classes : int, default 10
    in_channels : int, default 1

    Examples
    --------
    >>> import pydl
    >>> model = LeNet5()
    >>> sum(parameter.size for parameter in model.parameters())
    61706
    >>> model(pydl.zeros((2, 1, 28, 28))).shape
    (2, 10)
    """

    def __init__(self, num_classes: int = 10, in_channels: int = 1) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, 6, 5, padding=2, init="xavier_uniform"),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5, init="xavier_uniform"),
            nn.Tanh(),
            nn.AvgPool2d(2),
        )
        self.classifier = nn.Sequential(
            nn.Linear(16 * 5 * 5, 120, init="xavier_uniform"),
            nn.Tanh(),
            nn.Linear(120, 84, init="xavier_uniform"),
            nn.Tanh(),
            nn.Linear(84, num_classes, init="xavier_uniform"),
        )

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(x).flatten(1))
        return logits


def lenet5(num_classes: int = 10, *, in_channels: int = 1, weights: Path | None = None) -> LeNet5:
    """`LeNet5` with weights from a file, if given.

    Parameters
    ----------
    num_classes : int, default 10
        Logits for each sample.
    in_channels : int, default 1
        Channels of the images (N, C, H, W).
    weights : str or path, optional
        A file of weights, as for `load_weights`.

    Returns
    -------
    LeNet5
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> lenet5(26).classifier[4].out_features
    26
    """
    return load_weights(LeNet5(num_classes, in_channels), weights)
