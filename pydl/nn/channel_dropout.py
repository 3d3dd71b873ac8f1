"""Dropout of whole channels."""

from __future__ import annotations

from typing import ClassVar

from pydl import _core
from pydl._core import Tensor
from pydl.nn.linear import Dropout


class _ChannelDropout(Dropout):
    _axes: ClassVar[int]  # after the channels

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        function = (_core.nn.dropout1d, _core.nn.dropout2d, _core.nn.dropout3d)[self._axes - 1]
        return function(x, self.p, True, self.generator)


class Dropout1d(_ChannelDropout):
    """Dropout of whole channels of (N, C, L) or (C, L); only in training mode.

    Each is set to 0 with probability p, and divided by 1 - p otherwise (Tompson et al., 2015).

    Neighbours in a feature map are alike: dropping single elements would hardly regularise.

    Parameters
    ----------
    p : float, default 0.5
        Probability in [0, 1].
    generator : Generator, optional
        Source of randomness instead of the default one.

    Raises
    ------
    ValueError
        For a probability outside [0, 1], and for input of another number of axes.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.Dropout1d(0.5).eval()
    >>> bool((layer(pydl.ones((2, 3, 4))) == 1).all())
    True
    """

    _axes = 1


class Dropout2d(_ChannelDropout):
    """Dropout of whole channels of (N, C, H, W) or (C, H, W); only in training mode.

    Each is set to 0 with probability p, and divided by 1 - p otherwise (Tompson et al., 2015).

    Parameters
    ----------
    p : float, default 0.5
        Probability in [0, 1].
    generator : Generator, optional
        Source of randomness instead of the default one.

    Raises
    ------
    ValueError
        For a probability outside [0, 1], and for input of another number of axes.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.Dropout2d(0.5).eval()
    >>> bool((layer(pydl.ones((2, 3, 4, 4))) == 1).all())
    True
    """

    _axes = 2


class Dropout3d(_ChannelDropout):
    """Dropout of whole channels of (N, C, D, H, W) or (C, D, H, W); only in training mode.

    Each is set to 0 with probability p, and divided by 1 - p otherwise (Tompson et al., 2015).

    Parameters
    ----------
    p : float, default 0.5
        Probability in [0, 1].
    generator : Generator, optional
        Source of randomness instead of the default one.

    Raises
    ------
    ValueError
        For a probability outside [0, 1], and for input of another number of axes.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.Dropout3d(0.5).eval()
    >>> bool((layer(pydl.ones((2, 3, 4, 4, 4))) == 1).all())
    True
    """

    _axes = 3
