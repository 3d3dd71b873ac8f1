"""What is known about dtypes: their ranges, their kinds, and which of them results have."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from pydl import _core
from pydl._core import DType, Tensor

__all__ = ["can_cast", "finfo", "iinfo", "isdtype", "result_type"]

_SIGNED: Final = ("int8", "int16", "int32", "int64")
_UNSIGNED: Final = ("uint8",)
_REAL: Final = ("float16", "bfloat16", "float32", "float64")
_KINDS: Final = {
    "bool": ("bool",),
    "signed integer": _SIGNED,
    "unsigned integer": _UNSIGNED,
    "integral": _SIGNED + _UNSIGNED,
    "real floating": _REAL,
    "complex floating": (),  # pydl has no complex numbers
    "numeric": _SIGNED + _UNSIGNED + _REAL,
}
# Stored bits of the significand and the smallest exponent of a normal number, by dtype.
_FORMATS: Final = {
    "float16": (10, -14),
    "bfloat16": (7, -126),
    "float32": (23, -126),
    "float64": (52, -1022),
}


def _dtype_of(function: str, argument: Any) -> DType:
    """Return the dtype that a tensor has, or that a dtype, name or NumPy dtype stands for."""
    if isinstance(argument, Tensor):
        return argument.dtype
    try:
        return _core.empty(0, dtype=argument).dtype if argument is not None else _core.float32
    except (TypeError, ValueError) as error:
        raise TypeError(f"{function}: expected a dtype or a tensor, got {argument!r}") from error


class finfo:  # noqa: N801  (the name in NumPy and the array API)
    """Limits of a floating-point dtype.

    Parameters
    ----------
    dtype : dtype or Tensor
        A floating-point dtype, or a tensor of one.

    Attributes
    ----------
    bits : int
        Bits of an element.
    eps : float
        Difference between 1.0 and the next larger number.
    max, min : float
        Largest and smallest (most negative) finite number.
    tiny, smallest_normal : float
        Smallest positive number with full precision.
    resolution : float
        A power of ten with as many decimal digits as the dtype has reliably.
    dtype : DType
        The dtype itself.

    Raises
    ------
    TypeError
        If the dtype is not a floating-point one; `iinfo` is for integers.

    Examples
    --------
    >>> import pydl
    >>> pydl.finfo("float32").eps
    1.1920928955078125e-07
    >>> pydl.finfo(pydl.bfloat16).max
    3.3895313892515355e+38
    """

    def __init__(self, dtype: Any, /) -> None:
        self.dtype: DType = _dtype_of("finfo", dtype)
        if not self.dtype.is_floating:
            raise TypeError(
                f"finfo: expected a floating-point dtype, got {self.dtype}; use iinfo for integers"
            )
        digits, exponent = _FORMATS[self.dtype.name]
        self.bits: int = 8 * self.dtype.itemsize
        self.eps: float = 2.0**-digits
        # The exponents are symmetric: the largest is 1 - the smallest.
        self.max: float = math.ldexp(2.0 - self.eps, 1 - exponent)
        self.min: float = -self.max
        self.smallest_normal: float = math.ldexp(1.0, exponent)
        self.tiny: float = self.smallest_normal
        self.resolution: float = 10.0 ** -math.floor(digits * math.log10(2.0))

    def __repr__(self) -> str:
        return (
            f"finfo(dtype={self.dtype}, bits={self.bits}, eps={self.eps:g}, max={self.max:g}, "
            f"min={self.min:g}, smallest_normal={self.smallest_normal:g})"
        )


class iinfo:  # noqa: N801  (the name in NumPy and the array API)
    """Limits of an integer dtype.

    Parameters
    ----------
    dtype : dtype or Tensor
        An integer dtype, or a tensor of one.

    Attributes
    ----------
    bits : int
        Bits of an element.
    max, min : int
        Largest and smallest number.
    dtype : DType
        The dtype itself.

    Raises
    ------
    TypeError
        If the dtype is not an integer one; `finfo` is for floating-point ones.

    Examples
    --------
    >>> import pydl
    >>> pydl.iinfo(pydl.int8).min, pydl.iinfo("uint8").max
    (-128, 255)
    """

    def __init__(self, dtype: Any, /) -> None:
        self.dtype: DType = _dtype_of("iinfo", dtype)
        name = self.dtype.name
        if name not in _KINDS["integral"]:
            raise TypeError(
                f"iinfo: expected an integer dtype, got {self.dtype}; use finfo for others"
            )
        self.bits: int = 8 * self.dtype.itemsize
        value_bits = self.bits if name in _UNSIGNED else self.bits - 1
        self.max: int = 2**value_bits - 1
        self.min: int = 0 if name in _UNSIGNED else -(2**value_bits)

    def __repr__(self) -> str:
        return f"iinfo(dtype={self.dtype}, bits={self.bits}, max={self.max}, min={self.min})"


def isdtype(dtype: Any, kind: Any) -> bool:
    """Return whether a dtype is of a kind.

    Parameters
    ----------
    dtype : dtype
        The dtype to classify.
    kind : dtype, str or tuple of them
        A dtype, or the name of a kind: ``"bool"``, ``"signed integer"``, ``"unsigned integer"``,
        ``"integral"``, ``"real floating"``, ``"complex floating"`` (no dtype of pydl) or
        ``"numeric"``. Of a tuple, one of its members must apply.

    Returns
    -------
    bool

    Raises
    ------
    TypeError
        If `dtype` or `kind` is not a dtype.
    ValueError
        If `kind` is a name that is neither that of a kind nor that of a dtype.

    Examples
    --------
    >>> import pydl
    >>> pydl.isdtype(pydl.float32, "real floating")
    True
    >>> pydl.isdtype(pydl.int8, ("bool", "unsigned integer"))
    False
    """
    wanted = _dtype_of("isdtype", dtype)
    if isinstance(kind, tuple):
        return any(isdtype(wanted, member) for member in kind)
    if isinstance(kind, str) and kind in _KINDS:
        return wanted.name in _KINDS[kind]
    if isinstance(kind, str) and kind not in _KINDS["numeric"]:
        kinds = ", ".join(map(repr, _KINDS))
        raise ValueError(f"isdtype: expected a dtype or one of the kinds {kinds}, got {kind!r}")
    return wanted == _dtype_of("isdtype", kind)


def can_cast(from_: Any, to: Any, /) -> bool:
    """Return whether type promotion turns one dtype into another.

    Within a kind, every number of `from_` then has a counterpart in `to`. Integers and bools
    promote to every floating-point dtype, as operands of different kinds do, although large
    integers are rounded.

    Parameters
    ----------
    from_ : dtype or Tensor
        The dtype of the elements.
    to : dtype
        The dtype that they would be cast to.

    Returns
    -------
    bool

    Raises
    ------
    TypeError
        If an argument is not a dtype.

    Examples
    --------
    >>> import pydl
    >>> pydl.can_cast(pydl.int8, pydl.int32), pydl.can_cast(pydl.float64, pydl.float32)
    (True, False)
    """
    target = _dtype_of("can_cast", to)
    return _core.promote_types(_dtype_of("can_cast", from_), target) == target


def result_type(*arrays_and_dtypes: Any) -> DType:
    """Return the dtype of a result that is computed from tensors, dtypes and Python numbers.

    Python numbers (and NumPy's scalars) do not change a dtype of their kind or of a higher one: an
    integer beside a float32 tensor is a float32. Beside a lower kind, a float is a float32 and an
    integer an int64.

    Parameters
    ----------
    *arrays_and_dtypes : Tensor, array, dtype, bool, int or float
        The operands; at least one.

    Returns
    -------
    DType

    Raises
    ------
    TypeError
        If an argument is none of these.
    ValueError
        If there is no argument.

    Examples
    --------
    >>> import pydl
    >>> pydl.result_type(pydl.int8, pydl.uint8), pydl.result_type(pydl.ones(2, dtype="int8"), 1.5)
    (pydl.int16, pydl.float32)
    """
    if not arrays_and_dtypes:
        raise ValueError("result_type: expected at least one tensor, dtype or number")
    is_number = [isinstance(x, (bool, int, float, complex, np.generic)) for x in arrays_and_dtypes]
    numbers = [x for x, found in zip(arrays_and_dtypes, is_number, strict=True) if found]
    others = [x for x, found in zip(arrays_and_dtypes, is_number, strict=True) if not found]
    dtype: DType | None = None
    for other in others:
        own = _dtype_of("result_type", getattr(other, "dtype", other))
        dtype = own if dtype is None else _core.promote_types(dtype, own)
    for number in numbers:
        own = _dtype_of_number(number)
        if dtype is None or _rank_of_kind(own) > _rank_of_kind(dtype):
            dtype = own
    assert dtype is not None
    return dtype


def _dtype_of_number(number: Any) -> DType:
    """Return the dtype that a number has by itself."""
    kind = np.asarray(number).dtype.kind
    if kind not in "biuf":
        raise TypeError(f"result_type: expected tensors, dtypes and real numbers, got {number!r}")
    return {"b": _core.bool, "f": _core.float32}.get(kind, _core.int64)


def _rank_of_kind(dtype: DType) -> int:
    """Return the position of a dtype's kind among bool, integers and floating-point numbers."""
    return 2 if dtype.is_floating else int(dtype != _core.bool)
