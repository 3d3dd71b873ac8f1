"""Windows of images as columns, and their transpose."""

from __future__ import annotations

from collections.abc import Sequence

from pydl._core import Tensor
from pydl.nn import functional
from pydl.nn.module import Module

Sizes = int | Sequence[int]


class Unfold(Module):
    """The windows of images as columns: (N, C, H, W) to (N, C * kernel elements, windows).

    Parameters
    ----------
    kernel_size, dilation, padding, stride : int or pair of int
        One number stands for both axes.

    Raises
    ------
    ValueError
        When the kernel does not fit an image.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Unfold(2, stride=2)(pydl.zeros((1, 3, 8, 8))).shape
    (1, 12, 16)
    """

    def __init__(
        self, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return functional.unfold(x, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
            f"stride={self.stride}"
        )


class Fold(Module):
    """The transpose of `Unfold`: (N, C * kernel elements, windows) to sums of shape (N, C, H, W).

    Parameters
    ----------
    output_size : int or pair of int
        The spatial sizes of the result.
    kernel_size, dilation, padding, stride : int or pair of int
        One number stands for both axes.

    Raises
    ------
    ValueError
        When a shape is not that of the windows of such images.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Fold(3, 2)(pydl.ones((1, 4, 4)))[0, 0].tolist()
    [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]
    """

    def __init__(
        self,
        output_size: Sizes,
        kernel_size: Sizes,
        dilation: Sizes = 1,
        padding: Sizes = 0,
        stride: Sizes = 1,
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return functional.fold(
            x, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride
        )

    def extra_repr(self) -> str:
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, "
            f"dilation={self.dilation}, padding={self.padding}, stride={self.stride}"
        )
