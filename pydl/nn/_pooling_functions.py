"""Pooling functions: what `pydl.nn.functional` offers, on the functions of the core."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydl import _core
from pydl._core import Tensor
from pydl._named_errors import names_errors

Sizes = int | Sequence[int]
MaxPool = Callable[..., Tensor | tuple[Tensor, Tensor]]
Unpool = Callable[..., Tensor]


def _adaptive_max_pool(axes: int) -> MaxPool:
    name = f"adaptive_max_pool{axes}d"
    pool_to: MaxPool = getattr(_core.nn, name)

    def pool(
        x: Tensor,
        output_size: int | Sequence[int | None] | None,
        return_indices: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Largest elements of windows that share the input out evenly.

        Parameters
        ----------
        x : Tensor, shape (N, C, ...), or without N
        output_size : int or tuple of int
            Sizes of the result; None keeps the size of that axis.
        return_indices : bool, default False
            Whether to return also where these elements were.

        Returns
        -------
        Tensor, shape (N, C, *output_size)
            Or a tuple of it and the int64 indices in the flattened spatial axes.

        Raises
        ------
        ValueError
            When the number of sizes or axes does not fit.
        """
        wanted: Sequence[int | None]
        if output_size is None or isinstance(output_size, int):
            wanted = (output_size,) * axes
        else:
            wanted = output_size
        if len(wanted) != axes:
            raise ValueError(f"{name}: expected {axes} sizes as output_size, got {output_size}")
        if x.ndim not in (axes + 1, axes + 2):
            return pool_to(
                x, [1] * axes, return_indices
            )  # raises, and names the shapes that it takes
        sizes = [x.shape[axis - axes] if size is None else size for axis, size in enumerate(wanted)]
        return pool_to(x, sizes, return_indices)

    pool.__name__ = pool.__qualname__ = name
    return pool


def _max_unpool(axes: int) -> Unpool:
    name = f"max_unpool{axes}d"

    def numbers(value: Sizes, argument: str) -> Sequence[int]:
        if isinstance(value, int):
            return (value,) * axes
        if not isinstance(value, (tuple, list)) or len(value) != axes:
            raise TypeError(
                f"{name}: expected {argument} to be 1 or {axes} integers, got {value!r}"
            )
        return value

    def unpool(
        x: Tensor,
        indices: Tensor,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        output_size: Sizes | None = None,
    ) -> Tensor:
        """Zeros, with x at the positions that max pooling found.

        Parameters
        ----------
        x, indices : Tensor, shape (N, C, ...), or without N
        kernel_size, stride, padding
            Of the pooling; they determine the size of the result unless `output_size` does.
        output_size : tuple of int, optional
            Shape of the result, or its spatial sizes alone.

        Returns
        -------
        Tensor, shape (N, C, ...), or without N

        Raises
        ------
        ValueError, IndexError
            When shapes do not fit, and for an index outside of the result.
        """
        if x.ndim not in (axes + 1, axes + 2) or getattr(indices, "shape", None) != x.shape:
            raise ValueError(
                f"{name}: expected x (N, C, ...) or (C, ...) with {axes} axes after the channels, "
                f"and indices of its shape, got shapes {x.shape} and "
                f"{getattr(indices, 'shape', None)}"
            )
        if x.ndim == axes + 1:
            y = unpool(x[None], indices[None], kernel_size, stride, padding, output_size)
            return y[0]
        if output_size is not None:
            if not isinstance(output_size, int) and len(output_size) in (axes + 1, axes + 2):
                output_size = output_size[-axes:]
            size = list(numbers(output_size, "output_size"))
        else:
            kernel, margin = numbers(kernel_size, "kernel_size"), numbers(padding, "padding")
            step = kernel if stride is None else numbers(stride, "stride")
            size = [
                (x.shape[2 + axis] - 1) * step[axis] - 2 * margin[axis] + kernel[axis]
                for axis in range(axes)
            ]
        return _core.nn.max_unpool(x, indices, size)

    unpool.__name__ = unpool.__qualname__ = name
    return names_errors(unpool)


adaptive_max_pool1d = _adaptive_max_pool(1)
adaptive_max_pool2d = _adaptive_max_pool(2)
adaptive_max_pool3d = _adaptive_max_pool(3)
max_unpool1d, max_unpool2d, max_unpool3d = _max_unpool(1), _max_unpool(2), _max_unpool(3)
