"""Padding: elements added around signals, images and volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydl._core import Tensor
from pydl.nn import functional
from pydl.nn.module import Module

Sizes = int | Sequence[int]


class _Pad(Module):
    """Numbers of elements to add: one for all sides, or pairs from the last axis on."""

    _axes: ClassVar[int]
    _mode: ClassVar[str]

    def __init__(self, padding: Sizes) -> None:
        super().__init__()
        count = 2 * self._axes
        self.padding = (padding,) * count if isinstance(padding, int) else tuple(padding)
        if len(self.padding) != count:
            raise ValueError(
                f"{type(self).__name__}: expected padding to be one number or {count} of them, "
                f"got {padding}"
            )

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        return functional.pad(x, self.padding, self._mode)

    def _check(self, x: Tensor) -> None:
        if x.ndim not in (self._axes + 1, self._axes + 2):
            raise ValueError(
                f"{type(self).__name__}: expected a batch axis, channels and {self._axes} spatial "
                f"axes, or the same without the batch, got shape {x.shape}"
            )

    def extra_repr(self) -> str:
        return f"padding={self.padding}"


class _ConstantPad(_Pad):
    _mode = "constant"

    def __init__(self, padding: Sizes, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        return functional.pad(x, self.padding, self._mode, self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_Pad):
    _mode = "constant"


class _ReflectionPad(_Pad):
    _mode = "reflect"


class _ReplicationPad(_Pad):
    _mode = "replicate"


class _CircularPad(_Pad):
    _mode = "circular"


class ConstantPad1d(_ConstantPad):
    """Surround (N, C, L), or (C, L), with a constant.

    Parameters
    ----------
    padding : int or tuple of int
        Elements to add on all sides, or (left, right); negative numbers remove some.
    value : float
        The constant.

    Raises
    ------
    ValueError
        For another number of axes or numbers.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.ConstantPad1d((1, 2), 9.0)(pydl.tensor([[1.0, 2.0, 3.0]])).tolist()
    [[9.0, 1.0, 2.0, 3.0, 9.0, 9.0]]
    """

    _axes = 1


class ConstantPad2d(_ConstantPad):
    """Surround (N, C, H, W), or (C, H, W), with a constant.

    Parameters
    ----------
    padding : int or tuple of int
        Elements to add on all sides, or (left, right, top, bottom); negative numbers remove some.
    value : float
        The constant.

    Raises
    ------
    ValueError
        For another number of axes or numbers.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.ConstantPad2d(1, 0.5)(pydl.zeros((8, 3, 4, 5))).shape
    (8, 3, 6, 7)
    """

    _axes = 2


class ConstantPad3d(_ConstantPad):
    """Surround (N, C, D, H, W), or (C, D, H, W), with a constant.

    Parameters
    ----------
    padding : int or tuple of int
        Elements to add on all sides, or (left, right, top, bottom, front, back); negative numbers
        remove some.
    value : float
        The constant.

    Raises
    ------
    ValueError
        For another number of axes or numbers.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.ConstantPad3d(1, 0.5)(pydl.zeros((8, 3, 4, 5, 6))).shape
    (8, 3, 6, 7, 8)
    """

    _axes = 3


class ZeroPad1d(_ZeroPad):
    """Surround (N, C, L), or (C, L), with zeros.

    Parameters
    ----------
    padding : int or tuple of int
        Elements to add on all sides, or (left, right); negative numbers remove some.

    Raises
    ------
    ValueError
        For another number of axes or numbers.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.ZeroPad1d((1, 2))(pydl.tensor([[1.0, 2.0, 3.0]])).tolist()
    [[0.0, 1.0, 2.0, 3.0, 0.0, 0.0]]
    """

    _axes = 1


class ZeroPad2d(_ZeroPad):
    """Surround (N, C, H, W), or (C, H, W), with zeros.

    Parameters
    ----------
    padding : int or tuple of int
        Elements to add on all sides, or (left, right, top, bottom); negative numbers remove some.

    Raises
    ------
    ValueError
        For another number of axes or numbers.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.ZeroPad2d(1)(pydl.zeros((8, 3, 4, 5))).shape
    (8, 3, 6, 7)
    """

    _axes = 2


class ZeroPad3d(_ZeroPad):
    """Surround (N, C, D, H, W), or (C, D, H, W), with zeros.

    Parameters
    ----------
    padding : int or tuple of int
        Elements to add on all sides, or (left, right, top, bottom, front, back); negative numbers
        remove some.

    Raises
    ------
    ValueError
        For another number of axes or numbers.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.ZeroPad3d(1)(pydl.zeros((8, 3, 4, 5, 6))).shape
    (8, 3, 6, 7, 8)
    """

    _axes = 3


class ReflectionPad1d(_ReflectionPad):
    """Surround (N, C, L), or (C, L), with its mirror image.

    The first and last elements, at which it is mirrored, are not repeated.

    Parameters
    ----------
    padding : int or tuple of int
        Elements to add on all sides, or (left, right); negative numbers remove some.

    Raises
    ------
    ValueError
        For another number of axes or numbers, and for as many elements as an axis has, or more.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.ReflectionPad1d((1, 2))(pydl.tensor([[1.0, 2.0, 3.0]])).tolist()
    [[2.0, 1.0, 2.0, 3.0, 2.0, 1.0]]
    """

    _axes = 1


class ReflectionPad2d(_ReflectionPad):
    """Surround (N, C, H, W), or (C, H, W), with its mirror image.

    The first and last elements, at which it is mirrored, are not repeated.

    Parameters
    ----------
    padding : int or tuple of int
        Elements to add on all sides, or (left, right, top, bottom); negative numbers remove some.

    Raises
    ------
    ValueError
        For another number of axes or numbers, and for as many elements as an axis has, or more.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.ReflectionPad2d(1)(pydl.zeros((8, 3, 4, 5))).shape
    (8, 3, 6, 7)
    """

    _axes = 2


class ReflectionPad3d(_ReflectionPad):
    """Surround (N, C, D, H, W), or (C, D, H, W), with its mirror image.

    The first and last elements, at which it is mirrored, are not repeated.

    Parameters
    ----------
    padding : int or tuple of int
        Elements to add on all sides, or (left, right, top, bottom, front, back); negative numbers
        remove some.

    Raises
    ------
    ValueError
        For another number of axes or numbers, and for as many elements as an axis has, or more.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.ReflectionPad3d(1)(pydl.zeros((8, 3, 4, 5, 6))).shape
    (8, 3, 6, 7, 8)
    """

    _axes = 3


class ReplicationPad1d(_ReplicationPad):
    """Surround (N, C, L), or (C, L), with its outermost elements.

    Parameters
    ----------
    padding : int or tuple of int
        Elements to add on all sides, or (left, right); negative numbers remove some.

    Raises
    ------
    ValueError
        For another number of axes or numbers.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.ReplicationPad1d((1, 2))(pydl.tensor([[1.0, 2.0, 3.0]])).tolist()
    [[1.0, 1.0, 2.0, 3.0, 3.0, 3.0]]
    """

    _axes = 1


class ReplicationPad2d(_ReplicationPad):
    """Surround (N, C, H, W), or (C, H, W), with its outermost elements.

    Parameters
    ----------
    padding : int or tuple of int
        Elements to add on all sides, or (left, right, top, bottom); negative numbers remove some.

    Raises
    ------
    ValueError
        For another number of axes or numbers.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.ReplicationPad2d(1)(pydl.zeros((8, 3, 4, 5))).shape
    (8, 3, 6, 7)
    """

    _axes = 2


class ReplicationPad3d(_ReplicationPad):
    """Surround (N, C, D, H, W), or (C, D, H, W), with its outermost elements.

    Parameters
    ----------
    padding : int or tuple of int
        Elements to add on all sides, or (left, right, top, bottom, front, back); negative numbers
        remove some.

    Raises
    ------
    ValueError
        For another number of axes or numbers.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.ReplicationPad3d(1)(pydl.zeros((8, 3, 4, 5, 6))).shape
    (8, 3, 6, 7, 8)
    """

    _axes = 3


class CircularPad1d(_CircularPad):
    """Surround (N, C, L), or (C, L), with itself, as on a ring.

    Parameters
    ----------
    padding : int or tuple of int
        Elements to add on all sides, or (left, right); negative numbers remove some.

    Raises
    ------
    ValueError
        For another number of axes or numbers, and for more elements than an axis has.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.CircularPad1d((1, 2))(pydl.tensor([[1.0, 2.0, 3.0]])).tolist()
    [[3.0, 1.0, 2.0, 3.0, 1.0, 2.0]]
    """

    _axes = 1


class CircularPad2d(_CircularPad):
    """Surround (N, C, H, W), or (C, H, W), with itself, as on a ring.

    Parameters
    ----------
    padding : int or tuple of int
        Elements to add on all sides, or (left, right, top, bottom); negative numbers remove some.

    Raises
    ------
    ValueError
        For another number of axes or numbers, and for more elements than an axis has.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.CircularPad2d(1)(pydl.zeros((8, 3, 4, 5))).shape
    (8, 3, 6, 7)
    """

    _axes = 2


class CircularPad3d(_CircularPad):
    """Surround (N, C, D, H, W), or (C, D, H, W), with itself, as on a ring.

    Parameters
    ----------
    padding : int or tuple of int
        Elements to add on all sides, or (left, right, top, bottom, front, back); negative numbers
        remove some.

    Raises
    ------
    ValueError
        For another number of axes or numbers, and for more elements than an axis has.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.CircularPad3d(1)(pydl.zeros((8, 3, 4, 5, 6))).shape
    (8, 3, 6, 7, 8)
    """

    _axes = 3
