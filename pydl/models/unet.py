"""U-Net (Ronneberger, Fischer and Brox, 2015): a class for every pixel."""

from __future__ import annotations

from itertools import pairwise

from pydl import nn
from pydl._core import Tensor, concat
from pydl.models.weights import Path, load_weights
from pydl.training import Model


class DoubleConv(nn.Sequential):
    """Two 3x3 convolutions with ReLU, and batch normalisation if wanted, that keep the size.

    Examples
    --------
    >>> import pydl
    >>> DoubleConv(3, 8, batch_norm=True)(pydl.zeros((1, 3, 6, 6))).shape
    (1, 8, 6, 6)
    """

    def __init__(self, in_channels: int, out_channels: int, batch_norm: bool) -> None:
        layers: list[nn.Module] = []
        for channels in (in_channels, out_channels):
            layers.append(
                nn.Conv2d(
                    channels,
                    out_channels,
                    3,
                    padding=1,
                    bias=not batch_norm,
                    init="kaiming_normal",
                )
            )
            if batch_norm:
                layers.append(nn.BatchNorm2d(out_channels))
            layers.append(nn.ReLU())
        super().__init__(*layers)


class UNet(Model):
    """Stages of convolutions that halve the image, and as many that double it again.

    Each stage on the way up also sees what the stage of its size had on the way down. Unlike the
    paper's, convolutions are padded, so that output and input have the same size.

    Input (N, in_channels, H, W), H and W multiples of 2**depth; output logits
    (N, num_classes, H, W).

    Parameters
    ----------
    in_channels : int, default 1
    num_classes : int, default 2
    width : int, default 64
        Channels of the first stage; each further one has twice as many.
    depth : int, default 4
        How often the image is halved.
    batch_norm : bool, default False
        Whether convolutions are followed by batch normalisation (and have no bias); the paper has
        none.

    Raises
    ------
    ValueError
        For a depth below 1; when called, for images whose size is not a multiple of 2**depth.

    Examples
    --------
    >>> import pydl
    >>> model = UNet(in_channels=3, num_classes=5, width=8, depth=2)
    >>> model(pydl.zeros((1, 3, 16, 24))).shape
    (1, 5, 16, 24)
    """

    def __init__(
        self,
        in_channels: int = 1,
        num_classes: int = 2,
        width: int = 64,
        depth: int = 4,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        if depth < 1:
            raise ValueError(f"UNet: expected a depth of at least 1, got {depth}")
        self.depth = depth
        sizes = [width * 2**i for i in range(depth + 1)]
        pairs = list(pairwise(sizes))
        self.inc = DoubleConv(in_channels, width, batch_norm)
        self.pool = nn.MaxPool2d(2)
        self.down = nn.ModuleList(DoubleConv(a, b, batch_norm) for a, b in pairs)
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in reversed(pairs))
        self.merge = nn.ModuleList(DoubleConv(b, a, batch_norm) for a, b in reversed(pairs))
        self.outc = nn.Conv2d(width, num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        step = 2**self.depth
        if x.ndim != 4 or x.shape[2] % step or x.shape[3] % step:
            raise ValueError(
                f"UNet: expected images (N, C, H, W) with H and W multiples of {step}, "
                f"got shape {x.shape}"
            )
        seen = [self.inc(x)]
        for down in self.down:
            seen.append(down(self.pool(seen[-1])))
        y = seen.pop()
        for up, merge in zip(self.up, self.merge, strict=True):
            y = merge(concat([seen.pop(), up(y)], 1))
        logits: Tensor = self.outc(y)
        return logits


def unet(
    num_classes: int = 2,
    *,
    in_channels: int = 1,
    weights: Path | None = None,
    width: int = 64,
    depth: int = 4,
    batch_norm: bool = False,
) -> UNet:
    """`UNet` with weights from a file, if given: 31,030,658 parameters as in the paper.

    Parameters
    ----------
    num_classes : int, default 2
        Logits for each pixel.
    in_channels : int, default 1
        Channels of the images (N, C, H, W).
    weights : str or path, optional
        A file of weights, as for `load_weights`.
    width, depth, batch_norm
        As of `UNet`.

    Returns
    -------
    UNet
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> unet(3, width=8, depth=1).outc.out_channels
    3
    """
    return load_weights(UNet(in_channels, num_classes, width, depth, batch_norm), weights)
