"""Interpolation: what `pydl.nn.functional` offers, on the op `resample`."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydl import _core
from pydl._core import Tensor
from pydl._named_errors import names_errors

Sizes = int | Sequence[int]
Factors = float | Sequence[float]

# Modes by name: what the op calls them, and the only number of spatial axes that they are for.
_MODES: dict[str, tuple[str, int | None]] = {
    "nearest": ("nearest", None),
    "nearest-exact": ("nearest-exact", None),
    "linear": ("linear", 1),
    "bilinear": ("linear", 2),
    "trilinear": ("linear", 3),
    "bicubic": ("cubic", 2),
    "area": ("area", None),
}
_AREA = {
    1: _core.nn.adaptive_avg_pool1d,
    2: _core.nn.adaptive_avg_pool2d,
    3: _core.nn.adaptive_avg_pool3d,
}


def _op_mode(x: Tensor, mode: str, align_corners: bool | None, antialias: bool) -> str:
    """Return the op's name of a mode that suits the arguments."""
    if mode not in _MODES:
        raise ValueError(f"interpolate: expected mode to be one of {tuple(_MODES)}, got {mode!r}")
    if not 3 <= x.ndim <= 5:
        raise ValueError(
            f"interpolate: expected (N, C, L), (N, C, H, W) or (N, C, D, H, W), got shape {x.shape}"
        )
    if not x.dtype.is_floating:
        raise TypeError(f"interpolate: expected a floating-point dtype, got {x.dtype}")
    name, axes = _MODES[mode]
    if axes is not None and x.ndim != axes + 2:
        raise ValueError(
            f"interpolate: mode {mode!r} needs {axes} spatial axes, got shape {x.shape}"
        )
    option = "align_corners" if align_corners is not None else "antialias" if antialias else None
    if option is not None and axes is None:
        raise ValueError(
            f"interpolate: {option} can only be set with the modes linear, bilinear, bicubic and "
            f"trilinear, got {mode!r}"
        )
    return name


def _sizes(x: Tensor, size: Sizes | None, scale_factor: Factors | None) -> list[int]:
    """Return the spatial sizes of the result."""
    axes = x.ndim - 2
    if size is None and scale_factor is None:
        raise ValueError("interpolate: either size or scale_factor must be given")
    if size is not None and scale_factor is not None:
        raise ValueError("interpolate: only one of size and scale_factor may be given")
    if size is not None:
        sizes = [size] * axes if isinstance(size, int) else list(size)
        if len(sizes) != axes:
            raise ValueError(
                f"interpolate: expected a size for each of {axes} spatial axes of shape {x.shape}, "
                f"got {size}"
            )
    else:
        factors = _factors(x, scale_factor)
        sizes = [math.floor(n * f) for n, f in zip(x.shape[2:], factors, strict=True)]
    if min(*sizes, *x.shape[2:]) < 1:
        raise ValueError(
            "interpolate: input and output sizes must be at least 1, got input of shape "
            f"{x.shape} and output of spatial sizes {tuple(sizes)}"
        )
    return sizes


def _factors(x: Tensor, scale_factor: Factors | None) -> list[float]:
    """Return one factor per spatial axis; none at all where only sizes were given."""
    axes = x.ndim - 2
    if scale_factor is None:
        return []
    if isinstance(scale_factor, Sequence):
        factors = [float(factor) for factor in scale_factor]
    else:
        factors = [float(scale_factor)] * axes
    if len(factors) != axes or not all(math.isfinite(f) and f > 0 for f in factors):
        raise ValueError(
            f"interpolate: expected scale_factor to be a positive number, or {axes} of them for "
            f"shape {x.shape}, got {scale_factor}"
        )
    return factors


def _at_centres(x: Tensor, sizes: list[int], steps: list[float]) -> Tensor:
    """Take the elements in which the centres of the new ones lie."""
    for axis, size in enumerate(sizes, 2):
        last = x.shape[axis] - 1
        step = steps[axis - 2] if steps else x.shape[axis] / size
        places = [min(math.floor((i + 0.5) * step), last) for i in range(size)]
        x = _core.take(x, _core.tensor(places), axis)
    return x


@names_errors
def interpolate(
    x: Tensor,
    size: Sizes | None = None,
    scale_factor: Factors | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    *,
    antialias: bool = False,
    recompute_scale_factor: bool | None = None,
) -> Tensor:
    """Resize the spatial axes of images, as PyTorch's function of that name.

    Parameters
    ----------
    x : Tensor, shape (N, C, L), (N, C, H, W) or (N, C, D, H, W), floating point
        Signals, images or volumes.
    size : int or sequence of int, optional
        Spatial sizes of the result.
    scale_factor : float or sequence of float, optional
        Instead of `size`: by how much each axis grows; sizes are rounded down. The factor itself,
        not the ratio of the rounded sizes, says where elements are.
    mode : str, default "nearest"
        "nearest", "nearest-exact", "linear", "bilinear", "trilinear", "bicubic" or "area". Linear
        modes are for 1, 2 and 3 spatial axes, "bicubic" is for 2. "area" takes the means of windows
        that share the input out evenly. "nearest" takes the element at the lower edge of a new one,
        "nearest-exact" the one at its centre, as Pillow and scikit-image do.
    align_corners : bool, optional
        For linear and cubic modes: whether the centres of the corner elements of input and result
        coincide, rather than their outer edges, which is the default.
    antialias : bool, default False
        For linear and cubic modes: whether the neighbourhood that makes an element grows as the
        axis shrinks, as in Pillow, so that no element of x is skipped and no fine pattern turns
        into a coarse one.
    recompute_scale_factor : bool, optional
        Whether the ratio of the rounded sizes says where elements are, although `scale_factor` is
        given.

    Returns
    -------
    Tensor, shape (N, C, *size)
        Lies channels-last where x does.

    Raises
    ------
    ValueError
        For both or neither of `size` and `scale_factor`, a mode that does not suit the shape, sizes
        below 1, and `align_corners` or `antialias` with a mode that has no use for it.
    TypeError
        When x is not floating point.

    Examples
    --------
    >>> import pydl
    >>> x = pydl.tensor([[[1.0, 2.0]]])
    >>> pydl.nn.functional.interpolate(x, scale_factor=2).tolist()
    [[[1.0, 1.0, 2.0, 2.0]]]
    >>> pydl.nn.functional.interpolate(x, size=3, mode="linear", align_corners=True).tolist()
    [[[1.0, 1.5, 2.0]]]
    >>> dot = pydl.tensor([[[0.0, 0.0, 0.0, 1.0, 0.0, 0.0]]])
    >>> pydl.nn.functional.interpolate(dot, size=2, mode="linear", antialias=True).tolist()
    [[[0.125, 0.25]]]
    """
    name = _op_mode(x, mode, align_corners, antialias)
    sizes = _sizes(x, size, scale_factor)
    if recompute_scale_factor and size is not None:
        raise ValueError("interpolate: recompute_scale_factor has no use where sizes are given")
    factors = [] if recompute_scale_factor else _factors(x, scale_factor)
    steps = [1.0 / factor for factor in factors]
    if name == "nearest-exact":
        return _at_centres(x, sizes, steps)
    if name == "area":
        return _AREA[x.ndim - 2](x, sizes)
    return _core.resample(x, sizes, name, bool(align_corners), steps or None, antialias)
