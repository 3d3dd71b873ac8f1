"""VGG (Simonyan and Zisserman, "Very deep convolutional networks", 2014)."""

from __future__ import annotations

from collections.abc import Sequence

from pydl import nn
from pydl._core import Tensor
from pydl.models.blocks import fan_out_normal, small_normal, zero_bias
from pydl.models.weights import Path, load_weights
from pydl.training import Model

# Channels of the 3x3 convolutions, in five stages that end with pooling.
_STAGES = {
    11: ((64,), (128,), (256, 256), (512, 512), (512, 512)),
    13: ((64, 64), (128, 128), (256, 256), (512, 512), (512, 512)),
    16: ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3),
    19: ((64, 64), (128, 128), (256,) * 4, (512,) * 4, (512,) * 4),
}


class VGG(Model):
    """3x3 convolutions in five stages, each followed by pooling, then three linear layers.

    Input (N, 3, H, W), H and W at least 32, 224 in the paper; output logits (N, num_classes).

    Parameters
    ----------
    depth : {11, 13, 16, 19}
        Number of layers with weights.
    num_classes : int, default 1000
    batch_norm : bool, default False
        Whether convolutions are followed by batch normalisation (Ioffe and Szegedy, 2015).
    dropout : float, default 0.5
        Probability with which outputs of the first two linear layers are dropped.

    Raises
    ------
    ValueError
        For another depth.

    Examples
    --------
    >>> model = VGG(11, num_classes=10)
    >>> len([layer for layer in model.features if isinstance(layer, nn.Conv2d)])
    8
    """

    def __init__(
        self,
        depth: int,
        num_classes: int = 1000,
        batch_norm: bool = False,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if depth not in _STAGES:
            raise ValueError(f"VGG: expected a depth of {tuple(_STAGES)}, got {depth}")
        self.features = _features(_STAGES[depth], batch_norm)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            _linear(512 * 7 * 7, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            _linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            _linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))
        logits: Tensor = self.classifier(x.flatten(1))
        return logits


def _features(stages: Sequence[Sequence[int]], batch_norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    in_channels = 3
    for stage in stages:
        for channels in stage:
            convolution = nn.Conv2d(in_channels, channels, 3, padding=1, init=fan_out_normal)
            zero_bias(convolution)
            layers.append(convolution)
            if batch_norm:
                layers.append(nn.BatchNorm2d(channels))
            layers.append(nn.ReLU())
            in_channels = channels
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def _linear(in_features: int, out_features: int) -> nn.Linear:
    layer = nn.Linear(in_features, out_features, init=small_normal)
    zero_bias(layer)
    return layer


def vgg11(num_classes: int = 1000, *, weights: Path | None = None, dropout: float = 0.5) -> VGG:
    """VGG-11, configuration A: 132,863,336 parameters for 1000 classes.

    Parameters
    ----------
    num_classes : int, default 1000
        Logits for each sample.
    weights : str or path, optional
        A file of weights, as for `load_weights`.
    dropout : float, default 0.5
        As of `VGG`.

    Returns
    -------
    VGG
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> vgg11(10).classifier[6].out_features
    10
    """
    return load_weights(VGG(11, num_classes, dropout=dropout), weights)


def vgg11_bn(num_classes: int = 1000, *, weights: Path | None = None, dropout: float = 0.5) -> VGG:
    """VGG-11 with batch normalisation.

    Parameters
    ----------
    num_classes : int, default 1000
        Logits for each sample.
    weights : str or path, optional
        A file of weights, as for `load_weights`.
    dropout : float, default 0.5
        As of `VGG`.

    Returns
    -------
    VGG
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> vgg11_bn(10).classifier[6].out_features
    10
    """
    return load_weights(VGG(11, num_classes, batch_norm=True, dropout=dropout), weights)


def vgg13(num_classes: int = 1000, *, weights: Path | None = None, dropout: float = 0.5) -> VGG:
    """VGG-13, configuration B: 133,047,848 parameters for 1000 classes.

    Parameters
    ----------
    num_classes : int, default 1000
        Logits for each sample.
    weights : str or path, optional
        A file of weights, as for `load_weights`.
    dropout : float, default 0.5
        As of `VGG`.

    Returns
    -------
    VGG
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> vgg13(10).classifier[6].out_features
    10
    """
    return load_weights(VGG(13, num_classes, dropout=dropout), weights)


def vgg13_bn(num_classes: int = 1000, *, weights: Path | None = None, dropout: float = 0.5) -> VGG:
    """VGG-13 with batch normalisation.

    Parameters
    ----------
    num_classes : int, default 1000
        Logits for each sample.
    weights : str or path, optional
        A file of weights, as for `load_weights`.
    dropout : float, default 0.5
        As of `VGG`.

    Returns
    -------
    VGG
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> vgg13_bn(10).classifier[6].out_features
    10
    """
    return load_weights(VGG(13, num_classes, batch_norm=True, dropout=dropout), weights)


def vgg16(num_classes: int = 1000, *, weights: Path | None = None, dropout: float = 0.5) -> VGG:
    """VGG-16, configuration D: 138,357,544 parameters for 1000 classes.

    Parameters
    ----------
    num_classes : int, default 1000
        Logits for each sample.
    weights : str or path, optional
        A file of weights, as for `load_weights`.
    dropout : float, default 0.5
        As of `VGG`.

    Returns
    -------
    VGG
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> vgg16(10).classifier[6].out_features
    10
    """
    return load_weights(VGG(16, num_classes, dropout=dropout), weights)


def vgg16_bn(num_classes: int = 1000, *, weights: Path | None = None, dropout: float = 0.5) -> VGG:
    """VGG-16 with batch normalisation.

    Parameters
    ----------
    num_classes : int, default 1000
        Logits for each sample.
    weights : str or path, optional
        A file of weights, as for `load_weights`.
    dropout : float, default 0.5
        As of `VGG`.

    Returns
    -------
    VGG
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> vgg16_bn(10).classifier[6].out_features
    10
    """
    return load_weights(VGG(16, num_classes, batch_norm=True, dropout=dropout), weights)


def vgg19(num_classes: int = 1000, *, weights: Path | None = None, dropout: float = 0.5) -> VGG:
    """VGG-19, configuration E: 143,667,240 parameters for 1000 classes.

    Parameters
    ----------
    num_classes : int, default 1000
        Logits for each sample.
    weights : str or path, optional
        A file of weights, as for `load_weights`.
    dropout : float, default 0.5
        As of `VGG`.

    Returns
    -------
    VGG
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> vgg19(10).classifier[6].out_features
    10
    """
    return load_weights(VGG(19, num_classes, dropout=dropout), weights)


def vgg19_bn(num_classes: int = 1000, *, weights: Path | None = None, dropout: float = 0.5) -> VGG:
    """VGG-19 with batch normalisation.

    Parameters
    ----------
    num_classes : int, default 1000
        Logits for each sample.
    weights : str or path, optional
        A file of weights, as for `load_weights`.
    dropout : float, default 0.5
        As of `VGG`.

    Returns
    -------
    VGG
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> vgg19_bn(10).classifier[6].out_features
    10
    """
    return load_weights(VGG(19, num_classes, batch_norm=True, dropout=dropout), weights)
