"""Convolutional autoencoder (Masci et al., "Stacked convolutional auto-encoders", 2011)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from pydl import nn
from pydl._core import Tensor
from pydl.models.weights import Path, load_weights
from pydl.training import Model


class ConvAutoencoder(Model):
    """Convolutions that halve an image into a code, transposed ones that restore its size.

    Input (N, in_channels, H, W) in [0, 1], H and W multiples of 2**len(widths); output of the same
    shape in (0, 1). `encoder` and `decoder` can be called by themselves.

    Parameters
    ----------
    in_channels : int, default 1
    widths : sequence of int, default (16, 32)
        Channels after each halving; the last are the code's.

    Attributes
    ----------
    encoder, decoder : Sequential

    Raises
    ------
    ValueError
        Without widths; when called, for images whose size is not a multiple of 2**len(widths).

    Examples
    --------
    >>> import pydl
    >>> model = ConvAutoencoder(widths=(8, 4))
    >>> model.encoder(pydl.zeros((2, 1, 28, 28))).shape
    (2, 4, 7, 7)
    >>> model(pydl.zeros((2, 1, 28, 28))).shape
    (2, 1, 28, 28)
    """

    def __init__(self, in_channels: int = 1, widths: Sequence[int] = (16, 32)) -> None:
        super().__init__()
        if not widths:
            raise ValueError("ConvAutoencoder: expected at least one width, got none")
        sizes = [in_channels, *widths]
        pairs = list(pairwise(sizes))
        self.encoder, self.decoder = nn.Sequential(), nn.Sequential()
        for wide, narrow in pairs:
            self.encoder.append(nn.Conv2d(wide, narrow, 3, 2, 1, init="kaiming_normal"))
            self.encoder.append(nn.ReLU())
        for wide, narrow in reversed(pairs):
            if len(self.decoder) > 0:
                self.decoder.append(nn.ReLU())
            self.decoder.append(nn.ConvTranspose2d(narrow, wide, 3, 2, 1, output_padding=1))
        self.decoder.append(nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.decoder(self.encoder(x))
        if output.shape != x.shape:
            step = 2 ** (len(self.encoder) // 2)
            raise ValueError(
                f"ConvAutoencoder: expected images (N, C, H, W) with H and W multiples of {step}, "
                f"got shape {x.shape}"
            )
        return output


def conv_autoencoder(
    in_channels: int = 1, *, widths: Sequence[int] = (16, 32), weights: Path | None = None
) -> ConvAutoencoder:
    """`ConvAutoencoder` with weights from a file, if given.

    Parameters
    ----------
    in_channels, widths
        As of `ConvAutoencoder`.
    weights : str or path, optional
        A file of weights, as for `load_weights`.

    Returns
    -------
    ConvAutoencoder
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> len(conv_autoencoder(3, widths=(8,)).encoder)
    2
    """
    return load_weights(ConvAutoencoder(in_channels, widths), weights)
