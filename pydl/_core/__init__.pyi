"""The C++ core of pydl."""

# Written by tools/generate_stubs.py from the built extension: do not edit.
import builtins
import collections.abc
import os
import types
import typing

import numpy
import numpy.typing
import typing_extensions

from . import functions as functions
from . import io as io
from . import linalg as linalg
from . import nn as nn
from . import optim as optim
from . import random as random

Array: typing.TypeAlias = numpy.typing.NDArray[typing.Any]
TensorLike: typing.TypeAlias = Tensor | numpy.typing.ArrayLike
DTypeLike: typing.TypeAlias = DType | str | type[typing.Any] | numpy.dtype[typing.Any]
Index: typing.TypeAlias = (
    int
    | builtins.slice
    | types.EllipsisType
    | Tensor
    | Array
    | list[int]
    | tuple[int | builtins.slice | types.EllipsisType | None, ...]
    | None
)

class Tensor:
    """A typed, strided array of up to 8 axes that remembers how it was computed."""

    __array_priority__: typing.ClassVar[builtins.int]

    def __new__(cls, data: TensorLike) -> typing_extensions.Self: ...
    def __bool__(self) -> builtins.bool: ...
    def __float__(self) -> builtins.float: ...
    def __int__(self) -> builtins.int: ...
    def __index__(self) -> builtins.int: ...
    def __len__(self) -> builtins.int: ...
    def __hash__(self) -> builtins.int: ...
    def __iter__(self) -> collections.abc.Iterator[Tensor]: ...
    def __getitem__(self, key: Index) -> Tensor: ...
    def __setitem__(self, key: Index, value: TensorLike) -> None: ...
    def __neg__(self) -> Tensor: ...
    def __pos__(self) -> Tensor: ...
    def __abs__(self) -> Tensor: ...
    def __invert__(self) -> Tensor: ...
    def __add__(self, other: TensorLike) -> Tensor: ...
    def __sub__(self, other: TensorLike) -> Tensor: ...
    def __mul__(self, other: TensorLike) -> Tensor: ...
    def __truediv__(self, other: TensorLike) -> Tensor: ...
    def __floordiv__(self, other: TensorLike) -> Tensor: ...
    def __mod__(self, other: TensorLike) -> Tensor: ...
    def __pow__(self, other: TensorLike) -> Tensor: ...
    def __matmul__(self, other: TensorLike) -> Tensor: ...
    def __and__(self, other: TensorLike) -> Tensor: ...
    def __or__(self, other: TensorLike) -> Tensor: ...
    def __xor__(self, other: TensorLike) -> Tensor: ...
    def __lshift__(self, other: TensorLike) -> Tensor: ...
    def __rshift__(self, other: TensorLike) -> Tensor: ...
    def __radd__(self, other: TensorLike) -> Tensor: ...
    def __rsub__(self, other: TensorLike) -> Tensor: ...
    def __rmul__(self, other: TensorLike) -> Tensor: ...
    def __rtruediv__(self, other: TensorLike) -> Tensor: ...
    def __rfloordiv__(self, other: TensorLike) -> Tensor: ...
    def __rmod__(self, other: TensorLike) -> Tensor: ...
    def __rpow__(self, other: TensorLike) -> Tensor: ...
    def __rmatmul__(self, other: TensorLike) -> Tensor: ...
    def __rand__(self, other: TensorLike) -> Tensor: ...
    def __ror__(self, other: TensorLike) -> Tensor: ...
    def __rxor__(self, other: TensorLike) -> Tensor: ...
    def __rlshift__(self, other: TensorLike) -> Tensor: ...
    def __rrshift__(self, other: TensorLike) -> Tensor: ...
    def __iadd__(self, other: TensorLike) -> Tensor: ...
    def __isub__(self, other: TensorLike) -> Tensor: ...
    def __imul__(self, other: TensorLike) -> Tensor: ...
    def __itruediv__(self, other: TensorLike) -> Tensor: ...
    def __eq__(self, other: TensorLike) -> Tensor:  # type: ignore[override]
        ...
    def __ne__(self, other: TensorLike) -> Tensor:  # type: ignore[override]
        ...
    def __lt__(self, other: TensorLike) -> Tensor: ...
    def __le__(self, other: TensorLike) -> Tensor: ...
    def __gt__(self, other: TensorLike) -> Tensor: ...
    def __ge__(self, other: TensorLike) -> Tensor: ...
    def __array__(self, dtype: typing.Any = None, *, copy: typing.Any = None) -> Array: ...
    def __array_namespace__(self, *, api_version: str | None = None) -> typing.Any:
        """The module pydl, which has the functions of the array API standard."""

    def __array_ufunc__(
        self, ufunc: typing.Any, method: str, *args: typing.Any, **kwargs: typing.Any
    ) -> typing.Any: ...
    def __copy__(self) -> typing.Any: ...
    def __deepcopy__(self, memo: typing.Any) -> typing.Any: ...
    def __dlpack__(
        self,
        *,
        stream: typing.Any = None,
        max_version: tuple[builtins.int, builtins.int] | None = None,
        dl_device: tuple[builtins.int, builtins.int] | None = None,
        copy: builtins.bool | None = None,
    ) -> typing.Any: ...
    def __dlpack_device__(self) -> tuple[builtins.int, builtins.int]: ...
    def __format__(self, specification: str) -> str: ...
    def __round__(self, digits: builtins.int | None = None) -> Tensor: ...
    def abs(self) -> Tensor:
        """Absolute value."""

    def acos(self) -> Tensor:
        """Inverse cosine, in radians."""

    def acosh(self) -> Tensor:
        """Inverse hyperbolic cosine."""

    @typing.overload
    def add(self, other: TensorLike) -> typing.Any:
        """See `pydl.add`."""

    @typing.overload
    def add(self, other: TensorLike, *, alpha: TensorLike) -> typing.Any:
        """The same with the other operand multiplied by a number or tensor first."""

    def add_(self, other: TensorLike, *, alpha: TensorLike | None = None) -> typing_extensions.Self:
        """``x += other``, which overwrites the elements; returns the tensor itself."""

    def all(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
        *,
        out: None = None,
    ) -> Tensor:
        """Whether all elements over axes are not 0."""

    def allclose(
        self,
        b: TensorLike,
        rtol: builtins.float = 1e-05,
        atol: builtins.float = 1e-08,
        equal_nan: builtins.bool = False,
    ) -> builtins.bool:
        """See `pydl.allclose`."""

    def amax(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
    ) -> Tensor:
        """See `pydl.amax`."""

    def amin(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
    ) -> Tensor:
        """See `pydl.amin`."""

    def aminmax(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
    ) -> tuple[Tensor, Tensor]:
        """See `pydl.aminmax`."""

    def any(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
        *,
        out: None = None,
    ) -> Tensor:
        """Whether any element over axes is not 0."""

    def argmax(
        self, axis: builtins.int | None = None, keepdims: builtins.bool = False, *, out: None = None
    ) -> Tensor:
        """Index of the largest element, the first one if there are several."""

    def argmin(
        self, axis: builtins.int | None = None, keepdims: builtins.bool = False, *, out: None = None
    ) -> Tensor:
        """Index of the smallest element, the first one if there are several."""

    def argsort(
        self,
        axis: builtins.int = -1,
        descending: builtins.bool = False,
        *,
        stable: builtins.bool = True,
    ) -> Tensor:
        """See `pydl.argsort`. The tensor itself does not change."""

    def as_strided(
        self,
        shape: builtins.int | collections.abc.Sequence[builtins.int],
        strides: builtins.int | collections.abc.Sequence[builtins.int],
        offset: builtins.int = 0,
    ) -> Tensor:
        """See `pydl.as_strided`."""

    def asin(self) -> Tensor:
        """Inverse sine, in radians."""

    def asinh(self) -> Tensor:
        """Inverse hyperbolic sine."""

    def astype(
        self, dtype: DTypeLike, *, copy: builtins.bool = True, device: str | None = None
    ) -> Tensor:
        """The same values in another dtype."""

    def atan(self) -> Tensor:
        """Inverse tangent, in radians."""

    def atan2(self, other: TensorLike) -> typing.Any:
        """See `pydl.atan2`."""

    def atanh(self) -> Tensor:
        """Inverse hyperbolic tangent."""

    def backward(
        self,
        gradient: TensorLike | None = None,
        retain_graph: builtins.bool = False,
        create_graph: builtins.bool = False,
    ) -> None:
        """Adds the gradients of this tensor to `grad` of every leaf that it depends on."""

    def bernoulli_(
        self, p: TensorLike | builtins.float = 0.5, generator: Generator | None = None
    ) -> typing_extensions.Self:
        """Overwrites the elements with 1 with probability p, else 0; returns the tensor itself. Of any dtype."""

    def bfloat16(self) -> Tensor:
        """The tensor as bfloat16: PyTorch's name for `astype`."""

    def binary_step(self) -> Tensor:
        """1 where x >= 0, else 0; its derivative is 0."""

    def bincount(self, weights: TensorLike | None = None, minlength: builtins.int = 0) -> Tensor:
        """See `pydl.bincount`."""

    def bitwise_and(self, other: TensorLike) -> typing.Any:
        """See `pydl.bitwise_and`."""

    def bitwise_invert(self) -> Tensor:
        """Every bit of an integer turned; of bools, not."""

    def bitwise_left_shift(self, other: TensorLike) -> typing.Any:
        """See `pydl.bitwise_left_shift`."""

    def bitwise_or(self, other: TensorLike) -> typing.Any:
        """See `pydl.bitwise_or`."""

    def bitwise_right_shift(self, other: TensorLike) -> typing.Any:
        """See `pydl.bitwise_right_shift`."""

    def bitwise_xor(self, other: TensorLike) -> typing.Any:
        """See `pydl.bitwise_xor`."""

    def bmm(self, other: TensorLike) -> Tensor:
        """See `pydl.bmm`."""

    def bool(self) -> Tensor:
        """The tensor as bool: PyTorch's name for `astype`."""

    def byte(self) -> Tensor:
        """The tensor as uint8: PyTorch's name for `astype`."""

    def ceil(self) -> Tensor:
        """The smallest integer not below x."""

    def chunk(self, chunks: builtins.int, axis: builtins.int = 0) -> list[Tensor]:
        """See `pydl.chunk`."""

    def clamp(self, min: TensorLike | None = None, max: TensorLike | None = None) -> typing.Any:
        """See `pydl.clip`."""

    def clamp_(
        self, min: TensorLike | None = None, max: TensorLike | None = None
    ) -> typing_extensions.Self:
        """Overwrites the elements by those of `pydl.clip`; returns the tensor itself."""

    def clip(self, min: TensorLike | None = None, max: TensorLike | None = None) -> Tensor:
        """x limited to [min, max]."""

    def clip_(
        self, min: TensorLike | None = None, max: TensorLike | None = None
    ) -> typing_extensions.Self:
        """Overwrites the elements by those of `pydl.clip`; returns the tensor itself."""

    def clone(self) -> Tensor:
        """PyTorch's name for `copy`: the same values in new memory. Gradients flow through it."""

    def contiguous(self) -> Tensor:
        """The tensor itself if it is row-major without gaps, else a row-major copy."""

    def copy(self) -> Tensor:
        """The same values in new memory."""

    def copy_(self, source: TensorLike) -> typing_extensions.Self:
        """Overwrites the elements with those of `source`, which broadcasts; returns the tensor itself."""

    def copysign(self, other: TensorLike) -> typing.Any:
        """See `pydl.copysign`."""

    def cos(self) -> Tensor:
        """Cosine of x in radians."""

    def cosh(self) -> Tensor:
        """Hyperbolic cosine."""

    def count_nonzero(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
    ) -> Tensor:
        """See `pydl.count_nonzero`."""

    def cpu(self) -> Tensor:
        """The tensor itself: all tensors are on the device 'cpu'."""

    def cummax(self, axis: builtins.int, reverse: builtins.bool = False) -> tuple[Tensor, Tensor]:
        """See `pydl.cummax`."""

    def cummin(self, axis: builtins.int, reverse: builtins.bool = False) -> tuple[Tensor, Tensor]:
        """See `pydl.cummin`."""

    def cumprod(
        self, axis: builtins.int, reverse: builtins.bool = False, *, dtype: DTypeLike | None = None
    ) -> Tensor:
        """See `pydl.cumprod`."""

    def cumsum(
        self, axis: builtins.int, reverse: builtins.bool = False, *, dtype: DTypeLike | None = None
    ) -> Tensor:
        """See `pydl.cumsum`."""

    def data_ptr(self) -> builtins.int:
        """The address of the first element in memory."""

    def deg2rad(self) -> Tensor:
        """Degrees as radians: x * pi / 180."""

    def detach(self) -> Tensor:
        """The same elements without history."""

    def diag(self, k: builtins.int = 0) -> Tensor:
        """See `pydl.diag`."""

    def diagonal(
        self, offset: builtins.int = 0, axis1: builtins.int = 0, axis2: builtins.int = 1
    ) -> Tensor:
        """See `pydl.diagonal`."""

    def diff(
        self,
        n: builtins.int = 1,
        axis: builtins.int = -1,
        prepend: TensorLike | None = None,
        append: TensorLike | None = None,
    ) -> Tensor:
        """See `pydl.diff`."""

    def digamma(self) -> Tensor:
        """Derivative of the logarithm of the gamma function."""

    def dim(self) -> builtins.int:
        """PyTorch's name for `ndim`: the number of axes."""

    def div(self, other: TensorLike, *, rounding_mode: str | None = None) -> typing.Any:
        """See `pydl.div`."""

    def div_(self, other: TensorLike) -> typing_extensions.Self:
        """``x /= other``, which overwrites the elements; returns the tensor itself."""

    def divide(self, other: TensorLike) -> typing.Any:
        """See `pydl.divide`."""

    def dot(self, other: TensorLike) -> Tensor:
        """See `pydl.dot`."""

    def double(self) -> Tensor:
        """The tensor as float64: PyTorch's name for `astype`."""

    def element_size(self) -> builtins.int:
        """Bytes of one element, as `itemsize`."""

    def eq(self, other: TensorLike) -> typing.Any:
        """See `pydl.equal`."""

    def erf(self) -> Tensor:
        """Error function."""

    def erfc(self) -> Tensor:
        """Complementary error function: 1 - erf(x), exact for large x."""

    def erfinv(self) -> Tensor:
        """Inverse error function."""

    def exp(self) -> Tensor:
        """e to the power x."""

    def exp2(self) -> Tensor:
        """2 to the power x."""

    def expand(self, *args: builtins.int | collections.abc.Sequence[builtins.int]) -> Tensor:
        """See `pydl.expand`; takes sizes or one sequence of them."""

    def expand_as(self, other: TensorLike) -> Tensor:
        """Expanded to the shape of another tensor; see `expand`."""

    def expand_dims(self, axis: builtins.int) -> Tensor:
        """See `pydl.expand_dims`."""

    def expm1(self) -> Tensor:
        """exp(x) - 1, exact for small x."""

    def exponential_(
        self, lambd: builtins.float = 1.0, generator: Generator | None = None
    ) -> typing_extensions.Self:
        """Overwrites the elements with exponential random numbers of rate `lambd`, the reciprocal of the scale that"""

    def fill_(self, value: builtins.float | builtins.int | builtins.bool) -> typing_extensions.Self:
        """Overwrites all elements with one number; returns the tensor itself."""

    def flatten(self, start_axis: builtins.int = 0, end_axis: builtins.int = -1) -> Tensor:
        """See `pydl.flatten`."""

    def flip(self, *args: builtins.int | collections.abc.Sequence[builtins.int]) -> Tensor:
        """See `pydl.flip`; takes axes or one sequence of them."""

    def float(self) -> Tensor:
        """The tensor as float32: PyTorch's name for `astype`."""

    def floor(self) -> Tensor:
        """The largest integer not above x."""

    def floor_divide(self, other: TensorLike) -> typing.Any:
        """See `pydl.floor_divide`."""

    def fmod(self, other: TensorLike) -> typing.Any:
        """See `pydl.fmod`."""

    def frac(self) -> Tensor:
        """The fraction of x, with its sign: x - trunc(x)."""

    def gather(self, axis: builtins.int, index: TensorLike) -> Tensor:
        """See `pydl.gather`; the axis comes first, as in PyTorch."""

    def ge(self, other: TensorLike) -> typing.Any:
        """See `pydl.greater_equal`."""

    def gelu(self) -> Tensor:
        """Gaussian error linear unit: x * Phi(x), Phi by the error function (Hendrycks and Gimpel, 2016)."""

    def gelu_tanh(self) -> Tensor:
        """Gaussian error linear unit, by the hyperbolic-tangent approximation."""

    def gt(self, other: TensorLike) -> typing.Any:
        """See `pydl.greater`."""

    def half(self) -> Tensor:
        """The tensor as float16: PyTorch's name for `astype`."""

    def hardsigmoid(self) -> Tensor:
        """(x + 3) / 6, limited to [0, 1]."""

    def hardswish(self) -> Tensor:
        """x * hardsigmoid(x) (Howard et al., 2019)."""

    def histc(
        self, bins: builtins.int = 100, min: builtins.float = 0.0, max: builtins.float = 0.0
    ) -> Tensor:
        """See `pydl.histc`."""

    def hypot(self, other: TensorLike) -> typing.Any:
        """See `pydl.hypot`."""

    def index_add(self, axis: builtins.int, index: TensorLike, source: TensorLike) -> Tensor:
        """See `pydl.index_add`; the axis comes first, as in PyTorch, and the source may be a number."""

    def index_add_(
        self, axis: builtins.int, index: TensorLike, source: TensorLike
    ) -> typing_extensions.Self:
        """Like `index_add`, but overwrites the tensor, and returns it."""

    def index_copy(self, axis: builtins.int, index: TensorLike, source: TensorLike) -> Tensor:
        """See `pydl.index_copy`; the axis comes first, as in PyTorch."""

    def index_copy_(
        self, axis: builtins.int, index: TensorLike, source: TensorLike
    ) -> typing_extensions.Self:
        """Overwrites the slices to which an index of one axis points; returns the tensor itself."""

    def index_fill(self, axis: builtins.int, index: TensorLike, value: typing.Any) -> Tensor:
        """See `pydl.index_fill`; the axis comes first, as in PyTorch."""

    def index_fill_(
        self, axis: builtins.int, index: TensorLike, value: typing.Any
    ) -> typing_extensions.Self:
        """Overwrites the slices to which an index of one axis points with a number; returns the tensor itself."""

    def index_select(self, axis: builtins.int, index: TensorLike) -> Tensor:
        """See `pydl.index_select`."""

    def inner(self, other: TensorLike) -> Tensor:
        """See `pydl.inner`."""

    def int(self) -> Tensor:
        """The tensor as int32: PyTorch's name for `astype`."""

    def is_contiguous(self) -> builtins.bool:
        """Whether the elements are in row-major order without gaps."""

    def is_floating_point(self) -> builtins.bool:
        """Whether the elements are floating-point numbers."""

    def isclose(
        self,
        b: TensorLike,
        rtol: builtins.float = 1e-05,
        atol: builtins.float = 1e-08,
        equal_nan: builtins.bool = False,
    ) -> Tensor:
        """See `pydl.isclose`."""

    def isfinite(self) -> Tensor:
        """Whether x is neither infinite nor NaN."""

    def isinf(self) -> Tensor:
        """Whether x is infinite."""

    def isnan(self) -> Tensor:
        """Whether x is not a number."""

    def item(self) -> typing.Any:
        """The only element as a Python number. Raises ValueError when there are several."""

    def kthvalue(
        self, k: builtins.int, axis: builtins.int = -1, keepdims: builtins.bool = False
    ) -> tuple[Tensor, Tensor]:
        """See `pydl.kthvalue`."""

    def le(self, other: TensorLike) -> typing.Any:
        """See `pydl.less_equal`."""

    def lerp(self, end: typing.Any, weight: typing.Any) -> typing.Any:
        """See `pydl.lerp`."""

    def lgamma(self) -> Tensor:
        """Logarithm of the absolute value of the gamma function."""

    def log(self) -> Tensor:
        """Natural logarithm."""

    def log10(self) -> Tensor:
        """Logarithm to base 10."""

    def log1p(self) -> Tensor:
        """log(1 + x), exact for small x."""

    def log2(self) -> Tensor:
        """Logarithm to base 2."""

    def log_sigmoid(self) -> Tensor:
        """Logarithm of `sigmoid`, without overflow."""

    def log_softmax(self, axis: builtins.int = -1, *, dtype: DTypeLike | None = None) -> Tensor:
        """Logarithm of softmax, without overflow."""

    def logaddexp(self, other: TensorLike) -> typing.Any:
        """See `pydl.logaddexp`."""

    def logcumsumexp(self, axis: builtins.int, reverse: builtins.bool = False) -> Tensor:
        """See `pydl.logcumsumexp`."""

    def logical_and(self, other: TensorLike) -> typing.Any:
        """See `pydl.logical_and`."""

    def logical_not(self) -> Tensor:
        """Whether x is zero (false)."""

    def logical_or(self, other: TensorLike) -> typing.Any:
        """See `pydl.logical_or`."""

    def logical_xor(self, other: TensorLike) -> typing.Any:
        """See `pydl.logical_xor`."""

    def logit(self, eps: builtins.float | None = None) -> Tensor:
        """See `pydl.logit`."""

    def logsumexp(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
    ) -> Tensor:
        """See `pydl.logsumexp`."""

    def long(self) -> Tensor:
        """The tensor as int64: PyTorch's name for `astype`."""

    def lt(self, other: TensorLike) -> typing.Any:
        """See `pydl.less`."""

    def masked_fill(self, mask: TensorLike, value: typing.Any) -> Tensor:
        """See `pydl.masked_fill`."""

    def masked_fill_(self, mask: TensorLike, value: typing.Any) -> typing_extensions.Self:
        """Overwrites the elements for which a bool mask is true with a number; returns the tensor itself. The mask is"""

    def masked_scatter(self, mask: TensorLike, source: TensorLike) -> Tensor:
        """See `pydl.masked_scatter`."""

    def masked_scatter_(self, mask: TensorLike, source: TensorLike) -> typing_extensions.Self:
        """Like `masked_scatter`, but overwrites the tensor, and returns it."""

    def masked_select(self, mask: TensorLike) -> Tensor:
        """See `pydl.masked_select`."""

    def matmul(self, other: TensorLike) -> Tensor:
        """See `pydl.matmul`."""

    def max(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
        *,
        out: None = None,
    ) -> Tensor:
        """Largest element over axes; NaN if there is one. Equal ones share the gradient."""

    def maximum(self, other: TensorLike) -> typing.Any:
        """See `pydl.maximum`."""

    def mean(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
        *,
        dtype: DTypeLike | None = None,
        out: None = None,
    ) -> Tensor:
        """Arithmetic mean over axes."""

    def median(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
    ) -> Tensor:
        """See `pydl.median`."""

    def min(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
        *,
        out: None = None,
    ) -> Tensor:
        """Smallest element over axes; NaN if there is one. Equal ones share the gradient."""

    def minimum(self, other: TensorLike) -> typing.Any:
        """See `pydl.minimum`."""

    def mish(self) -> Tensor:
        """x * tanh(softplus(x)) (Misra, 2019)."""

    def mm(self, other: TensorLike) -> Tensor:
        """See `pydl.mm`."""

    def mode(
        self, axis: builtins.int = -1, keepdims: builtins.bool = False
    ) -> tuple[Tensor, Tensor]:
        """See `pydl.mode`."""

    def moveaxis(
        self,
        source: builtins.int | collections.abc.Sequence[builtins.int],
        destination: builtins.int | collections.abc.Sequence[builtins.int],
    ) -> Tensor:
        """See `pydl.moveaxis`."""

    def movedim(
        self,
        source: builtins.int | collections.abc.Sequence[builtins.int],
        destination: builtins.int | collections.abc.Sequence[builtins.int],
    ) -> Tensor:
        """See `pydl.movedim`."""

    def mul(self, other: TensorLike) -> typing.Any:
        """See `pydl.multiply`."""

    def mul_(self, other: TensorLike) -> typing_extensions.Self:
        """``x *= other``, which overwrites the elements; returns the tensor itself."""

    def multiply(self, other: TensorLike) -> typing.Any:
        """See `pydl.multiply`."""

    def mv(self, other: TensorLike) -> Tensor:
        """See `pydl.mv`."""

    def nan_to_num(
        self,
        nan: builtins.float = 0.0,
        posinf: builtins.float | None = None,
        neginf: builtins.float | None = None,
    ) -> Tensor:
        """See `pydl.nan_to_num`."""

    def nanmax(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
    ) -> Tensor:
        """See `pydl.nanmax`."""

    def nanmean(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
    ) -> Tensor:
        """See `pydl.nanmean`."""

    def nanmedian(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
    ) -> Tensor:
        """See `pydl.nanmedian`."""

    def nanmin(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
    ) -> Tensor:
        """See `pydl.nanmin`."""

    def nanquantile(
        self,
        q: typing.Any,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
        interpolation: str = "linear",
    ) -> Tensor:
        """See `pydl.nanquantile`."""

    def nansum(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
    ) -> Tensor:
        """See `pydl.nansum`."""

    def narrow(self, axis: builtins.int, start: builtins.int, length: builtins.int) -> Tensor:
        """See `pydl.narrow`."""

    def ne(self, other: TensorLike) -> typing.Any:
        """See `pydl.not_equal`."""

    def neg(self) -> Tensor:
        """See `pydl.negative`."""

    def negative(self) -> Tensor:
        """Numerical negative: -x."""

    @typing.overload
    def new_empty(
        self,
        shape: builtins.int | collections.abc.Sequence[builtins.int],
        dtype: DTypeLike | None = None,
    ) -> Tensor:
        """Memory with undefined contents, of another shape in the dtype of this tensor."""

    @typing.overload
    def new_empty(
        self,
        *args: builtins.int | collections.abc.Sequence[builtins.int],
        dtype: DTypeLike | None = None,
    ) -> Tensor:
        """The same with the sizes as separate arguments."""

    def new_full(
        self,
        shape: builtins.int | collections.abc.Sequence[builtins.int],
        value: builtins.float | builtins.int | builtins.bool,
        dtype: DTypeLike | None = None,
    ) -> Tensor:
        """Equal elements in another shape, in the dtype of this tensor."""

    @typing.overload
    def new_ones(
        self,
        shape: builtins.int | collections.abc.Sequence[builtins.int],
        dtype: DTypeLike | None = None,
    ) -> Tensor:
        """Ones of another shape in the dtype of this tensor."""

    @typing.overload
    def new_ones(
        self,
        *args: builtins.int | collections.abc.Sequence[builtins.int],
        dtype: DTypeLike | None = None,
    ) -> Tensor:
        """The same with the sizes as separate arguments."""

    def new_tensor(self, data: typing.Any, dtype: DTypeLike | None = None) -> Tensor:
        """A new tensor with a copy of the data, in the dtype of this tensor."""

    @typing.overload
    def new_zeros(
        self,
        shape: builtins.int | collections.abc.Sequence[builtins.int],
        dtype: DTypeLike | None = None,
    ) -> Tensor:
        """Zeros of another shape in the dtype of this tensor."""

    @typing.overload
    def new_zeros(
        self,
        *args: builtins.int | collections.abc.Sequence[builtins.int],
        dtype: DTypeLike | None = None,
    ) -> Tensor:
        """The same with the sizes as separate arguments."""

    def nonzero(self, *, as_tuple: builtins.bool = True) -> tuple[Tensor, ...]:
        """See `pydl.nonzero`."""

    def norm(
        self,
        p: builtins.float = 2.0,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
    ) -> Tensor:
        """See `pydl.norm`."""

    def normal_(
        self,
        mean: TensorLike | builtins.float = 0.0,
        std: TensorLike | builtins.float = 1.0,
        generator: Generator | None = None,
    ) -> typing_extensions.Self:
        """Overwrites the elements with normal random numbers; returns the tensor itself."""

    def numel(self) -> builtins.int:
        """PyTorch's name for `size`: the number of elements."""

    def numpy(self) -> Array:
        """A NumPy array that shares the memory."""

    def outer(self, other: TensorLike) -> Tensor:
        """See `pydl.outer`."""

    def permute(self, *args: builtins.int | collections.abc.Sequence[builtins.int]) -> Tensor:
        """PyTorch's name for `permute_dims`; takes axes or one sequence of them."""

    def permute_dims(self, *args: builtins.int | collections.abc.Sequence[builtins.int]) -> Tensor:
        """See `pydl.permute_dims`; takes axes or one sequence of them."""

    def positive(self) -> Tensor:
        """x itself."""

    def pow(self, other: TensorLike) -> typing.Any:
        """See `pydl.pow`."""

    def pow_(self, other: TensorLike) -> typing_extensions.Self:
        """``x **= other``, which overwrites the elements; returns the tensor itself."""

    def prod(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
        *,
        dtype: DTypeLike | None = None,
        out: None = None,
    ) -> Tensor:
        """Product over axes."""

    def ptp(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
        *,
        out: None = None,
    ) -> Tensor:
        """See `pydl.ptp`. `out` must be None."""

    def put_(
        self, index: TensorLike, values: TensorLike, accumulate: builtins.bool = False
    ) -> typing.Any:
        """Overwrites the elements by those of `pydl.put`; returns the tensor itself."""

    def quantile(
        self,
        q: typing.Any,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
        interpolation: str = "linear",
    ) -> Tensor:
        """See `pydl.quantile`."""

    def rad2deg(self) -> Tensor:
        """Radians as degrees: x * 180 / pi."""

    def ravel(self) -> Tensor:
        """See `pydl.ravel`."""

    def reciprocal(self) -> Tensor:
        """1 / x."""

    def register_hook(self, hook: collections.abc.Callable[..., typing.Any]) -> RemovableHandle:
        """Calls ``hook(gradient)`` in every backward pass that computes the gradient of this tensor."""

    def register_post_accumulate_grad_hook(
        self, hook: collections.abc.Callable[..., typing.Any]
    ) -> RemovableHandle:
        """Calls ``hook(leaf)`` at the end of every `backward` that added to `grad` of this leaf."""

    def relu(self) -> Tensor:
        """Rectified linear unit: the larger of x and 0."""

    def relu6(self) -> Tensor:
        """The larger of x and 0, but at most 6 (Howard et al., 2017)."""

    def remainder(self, other: TensorLike) -> typing.Any:
        """See `pydl.remainder`."""

    def repeat(self, *args: builtins.int | collections.abc.Sequence[builtins.int]) -> Tensor:
        """The whole tensor repeated along each axis, as in PyTorch; takes numbers or one sequence of them."""

    def repeat_interleave(
        self,
        repeats: builtins.int | collections.abc.Sequence[builtins.int] | TensorLike | Array,
        axis: builtins.int | None = None,
        *,
        output_size: builtins.int | None = None,
    ) -> Tensor:
        """See `pydl.repeat_interleave`."""

    def requires_grad_(self, flag: builtins.bool = True) -> typing_extensions.Self:
        """Sets `requires_grad` and returns the tensor itself."""

    def reshape(self, *args: builtins.int | collections.abc.Sequence[builtins.int]) -> Tensor:
        """See `pydl.reshape`; takes sizes or one sequence of them."""

    def reshape_as(self, other: TensorLike) -> Tensor:
        """The elements in the shape of another tensor; see `reshape`."""

    def retain_grad(self) -> None:
        """Lets `backward` add to `grad` of this tensor, although it is the result of recorded operations."""

    def roll(
        self,
        shift: builtins.int | collections.abc.Sequence[builtins.int],
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
    ) -> Tensor:
        """See `pydl.roll`."""

    def round(self, decimals: builtins.int = 0) -> Tensor:
        """See `pydl.round`."""

    def rsqrt(self) -> Tensor:
        """1 / sqrt(x)."""

    def scatter(self, axis: builtins.int, index: TensorLike, source: TensorLike) -> Tensor:
        """See `pydl.scatter`; the axis comes first, as in PyTorch, and the source may be a number."""

    def scatter_(
        self, axis: builtins.int, index: TensorLike, source: TensorLike
    ) -> typing_extensions.Self:
        """Like `scatter`, but overwrites the tensor, and returns it."""

    def scatter_add(self, axis: builtins.int, index: TensorLike, source: TensorLike) -> Tensor:
        """See `pydl.scatter_add`; the axis comes first, as in PyTorch, and the source may be a number."""

    def scatter_add_(
        self, axis: builtins.int, index: TensorLike, source: TensorLike
    ) -> typing_extensions.Self:
        """Like `scatter_add`, but overwrites the tensor, and returns it."""

    def scatter_reduce(
        self,
        axis: builtins.int,
        index: TensorLike,
        source: TensorLike,
        reduce: str,
        include_self: builtins.bool = True,
    ) -> Tensor:
        """See `pydl.scatter_reduce`; the axis comes first, as in PyTorch."""

    def scatter_reduce_(
        self,
        axis: builtins.int,
        index: TensorLike,
        source: TensorLike,
        reduce: str,
        include_self: builtins.bool = True,
    ) -> typing_extensions.Self:
        """Like `scatter_reduce`, but overwrites the tensor, and returns it."""

    def searchsorted(
        self, values: TensorLike, side: str = "left", sorter: TensorLike | None = None
    ) -> Tensor:
        """See `pydl.searchsorted`."""

    def select(self, axis: builtins.int, index: builtins.int) -> Tensor:
        """See `pydl.select`."""

    def selu(self) -> Tensor:
        """Scaled exponential linear unit (Klambauer et al., 2017)."""

    def short(self) -> Tensor:
        """The tensor as int16: PyTorch's name for `astype`."""

    def sigmoid(self) -> Tensor:
        """Logistic function: 1 / (1 + exp(-x))."""

    def sign(self) -> Tensor:
        """-1, 0 or 1 by the sign of x."""

    def signbit(self) -> Tensor:
        """Whether the sign of x is negative, as it is for -0.0."""

    def silu(self) -> Tensor:
        """Sigmoid-weighted linear unit, or swish: x * sigmoid(x)."""

    def sin(self) -> Tensor:
        """Sine of x in radians."""

    def sinc(self) -> Tensor:
        """sin(pi x) / (pi x), 1 at 0."""

    def sinh(self) -> Tensor:
        """Hyperbolic sine."""

    def softmax(self, axis: builtins.int = -1, *, dtype: DTypeLike | None = None) -> Tensor:
        """exp(x) normalised to sum 1 along an axis."""

    def softplus(self) -> Tensor:
        """log(1 + exp(x)), without overflow."""

    def softsign(self) -> Tensor:
        """x / (1 + |x|)."""

    def sort(
        self,
        axis: builtins.int = -1,
        descending: builtins.bool = False,
        *,
        stable: builtins.bool = True,
    ) -> Tensor:
        """See `pydl.sort`. The tensor itself does not change."""

    def split(
        self, sizes: builtins.int | collections.abc.Sequence[builtins.int], axis: builtins.int = 0
    ) -> list[Tensor]:
        """See `pydl.split`. An integer is the number of equal parts, unlike in PyTorch, where it is their size."""

    def sqrt(self) -> Tensor:
        """Square root."""

    def square(self) -> Tensor:
        """x * x."""

    def squeeze(
        self, axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None
    ) -> Tensor:
        """See `pydl.squeeze`."""

    def std(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        correction: builtins.float | None = None,
        keepdims: builtins.bool = False,
        *,
        dtype: DTypeLike | None = None,
        out: None = None,
        ddof: builtins.float | None = None,
        unbiased: builtins.bool | None = None,
    ) -> Tensor:
        """Standard deviation over axes; its derivative is 0 if all elements are equal."""

    @typing.overload
    def sub(self, other: TensorLike) -> typing.Any:
        """See `pydl.subtract`."""

    @typing.overload
    def sub(self, other: TensorLike, *, alpha: TensorLike) -> typing.Any:
        """The same with the other operand multiplied by a number or tensor first."""

    def sub_(self, other: TensorLike, *, alpha: TensorLike | None = None) -> typing_extensions.Self:
        """``x -= other``, which overwrites the elements; returns the tensor itself."""

    @typing.overload
    def subtract(self, other: TensorLike) -> typing.Any:
        """See `pydl.subtract`."""

    @typing.overload
    def subtract(self, other: TensorLike, *, alpha: TensorLike) -> typing.Any:
        """The same with the other operand multiplied by a number or tensor first."""

    def sum(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
        *,
        dtype: DTypeLike | None = None,
        out: None = None,
    ) -> Tensor:
        """Sum over axes."""

    def swapaxes(self, axis1: builtins.int, axis2: builtins.int) -> Tensor:
        """See `pydl.swapaxes`."""

    def t(self) -> Tensor:
        """The transposed matrix, as a view; a vector or number as it is."""

    def take_along_dim(self, index: TensorLike, axis: builtins.int | None = None) -> Tensor:
        """See `pydl.take_along_dim`."""

    def tan(self) -> Tensor:
        """Tangent of x in radians."""

    def tanh(self) -> Tensor:
        """Hyperbolic tangent."""

    def tensor_split(
        self,
        indices_or_sections: builtins.int | collections.abc.Sequence[builtins.int],
        axis: builtins.int = 0,
    ) -> list[Tensor]:
        """See `pydl.tensor_split`."""

    def tile(self, *args: builtins.int | collections.abc.Sequence[builtins.int]) -> Tensor:
        """See `pydl.tile`; takes numbers or one sequence of them."""

    def to(self, target: DTypeLike) -> Tensor:
        """The tensor in another dtype, in that of another tensor, or on the device 'cpu'. Raises RuntimeError for devices that are not supported."""

    def to_device(self, device: str | None, *, stream: typing.Any = None) -> typing_extensions.Self:
        """The tensor on a device: itself, because 'cpu' is the only one. Raises ValueError for others."""

    def tolist(self) -> typing.Any:
        """The elements as nested lists."""

    def topk(
        self, k: builtins.int, axis: builtins.int = -1, largest: builtins.bool = True
    ) -> tuple[Tensor, Tensor]:
        """See `pydl.topk`."""

    def trace(self, offset: builtins.int = 0, *, dtype: DTypeLike | None = None) -> Tensor:
        """See `pydl.trace`."""

    def transpose(self, *args: builtins.int | collections.abc.Sequence[builtins.int]) -> Tensor:
        """Axes in another order, as a view."""

    def tril(self, k: builtins.int = 0) -> Tensor:
        """See `pydl.tril`."""

    def triu(self, k: builtins.int = 0) -> Tensor:
        """See `pydl.triu`."""

    def trunc(self) -> Tensor:
        """x without its fraction."""

    def type_as(self, other: TensorLike) -> Tensor:
        """The tensor in the dtype of another one."""

    def unbind(self, axis: builtins.int = 0) -> tuple[typing.Any, ...]:
        """See `pydl.unbind`."""

    def unflatten(
        self, axis: builtins.int, sizes: builtins.int | collections.abc.Sequence[builtins.int]
    ) -> Tensor:
        """See `pydl.unflatten`."""

    def unfold(self, axis: builtins.int, size: builtins.int, step: builtins.int) -> Tensor:
        """See `pydl.unfold`."""

    def uniform_(
        self,
        low: TensorLike | builtins.float = 0.0,
        high: TensorLike | builtins.float = 1.0,
        generator: Generator | None = None,
    ) -> typing_extensions.Self:
        """Overwrites the elements with random numbers, uniform in [low, high); returns the tensor itself."""

    def unique(
        self,
        *,
        return_index: builtins.bool = False,
        return_inverse: builtins.bool = False,
        return_counts: builtins.bool = False,
        axis: builtins.int | None = None,
        equal_nan: builtins.bool = True,
    ) -> typing.Any:
        """See `pydl.unique`."""

    def unsqueeze(self, axis: builtins.int) -> Tensor:
        """PyTorch's name for `expand_dims`."""

    def var(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        correction: builtins.float | None = None,
        keepdims: builtins.bool = False,
        *,
        dtype: DTypeLike | None = None,
        out: None = None,
        ddof: builtins.float | None = None,
        unbiased: builtins.bool | None = None,
    ) -> Tensor:
        """Variance over axes."""

    def view(self, *args: builtins.int | collections.abc.Sequence[builtins.int]) -> Tensor:
        """Like `reshape`, but never copies, as in PyTorch."""

    def view_as(self, other: TensorLike) -> Tensor:
        """The elements in the shape of another tensor, without copying; see `view`."""

    def xlogy(self, other: TensorLike) -> typing.Any:
        """See `pydl.xlogy`."""

    def zero_(self) -> typing_extensions.Self:
        """Overwrites every element with 0; returns the tensor itself."""

    @property
    def T(self) -> Tensor:
        """The transposed matrix, a view."""

    @property
    def device(self) -> str:
        """The device of the elements: 'cpu'."""

    @property
    def dtype(self) -> DType:
        """The element type."""

    @property
    def grad(self) -> Tensor | None:
        """The sum of the gradients that `backward` computed, or None."""

    @grad.setter
    def grad(self, arg0: TensorLike | None) -> None: ...
    @property
    def grad_fn(self) -> str | None:
        """The name of the operation that computed this tensor, if that was recorded; None for leaves."""

    @property
    def is_leaf(self) -> builtins.bool:
        """Whether the tensor is not the result of a recorded operation."""

    @property
    def itemsize(self) -> builtins.int:
        """Bytes of one element."""

    @property
    def mT(self) -> Tensor:
        """The last two axes swapped, as a view."""

    @property
    def nbytes(self) -> typing.Any:
        """Bytes of the elements."""

    @property
    def ndim(self) -> builtins.int:
        """Number of axes."""

    @property
    def requires_grad(self) -> builtins.bool:
        """Whether the tensor requires a gradient. Can be set on leaves of floating-point dtype."""

    @requires_grad.setter
    def requires_grad(self, arg0: builtins.bool) -> None: ...
    @property
    def retains_grad(self) -> builtins.bool:
        """Whether `retain_grad` was called on this result."""

    @property
    def shape(self) -> tuple[builtins.int, ...]:
        """Sizes of the axes."""

    @property
    def size(self) -> builtins.int:
        """Number of elements."""

    @property
    def strides(self) -> tuple[builtins.int, ...]:
        """Distance of neighbours along each axis, in elements."""

class DType:
    """An element type, such as `pydl.float32`."""

    def __eq__(self, arg0: typing.Any) -> builtins.bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> str: ...
    def __repr__(self) -> str: ...
    def __str__(self) -> str: ...
    @property
    def is_floating(self) -> builtins.bool:
        """Whether it is a floating-point type."""

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""

    @property
    def name(self) -> str:
        """The name, as in ``'float32'``."""

    @property
    def numpy(self) -> Array:
        """The NumPy dtype. Raises TypeError for bfloat16, which NumPy does not have."""

class _SavedTensor:
    """A tensor that a derivative reads; it does not own a leaf."""

    def __init__(self, tensor: TensorLike) -> None: ...
    def unpack(self, function: str) -> Tensor: ...

class RemovableHandle:
    """Removes a hook: call `remove`, or use the handle in a ``with`` statement."""

    def __enter__(self) -> typing.Any: ...
    def __exit__(self, *args: int | collections.abc.Sequence[int]) -> None: ...
    def __init__(self, remove: collections.abc.Callable[..., typing.Any]) -> None: ...
    def remove(self) -> None:
        """Removes the hook; does nothing if it has been removed already."""

class _AnomalyScope:
    """Looks for NaN and infinities in a scope."""

    def __enter__(self) -> None: ...
    def __exit__(self, *args: int | collections.abc.Sequence[int]) -> None: ...
    def __init__(self, enabled: builtins.bool, infinities: builtins.bool) -> None: ...

class _Batch:
    """Runs a function that is written for one example on a batch."""

    def __enter__(self) -> None: ...
    def __exit__(self, arg0: typing.Any, *args: int | collections.abc.Sequence[int]) -> None: ...
    def __init__(self, size: int) -> None: ...
    def argument(self, tensor: TensorLike, axis: int | None) -> Tensor: ...
    def result(self, example: TensorLike, axis: int | None) -> Tensor: ...

class _RandomTapeScope:
    """A scope in which a tape records or replays."""

    def __enter__(self) -> None: ...
    def __exit__(self, *args: int | collections.abc.Sequence[int]) -> None: ...

class _RandomTape:
    """Remembers drawn random states."""

    def __init__(self) -> None: ...
    def record(self) -> _RandomTapeScope: ...
    def replay(self) -> _RandomTapeScope: ...

class Generator:
    """A stream of random numbers (Philox 4x32-10): the same for any number of threads."""

    def __getstate__(self) -> tuple[int, int]: ...
    def __init__(self, seed: int | None = None) -> None: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, arg0: tuple[typing.Any, ...]) -> None: ...
    def manual_seed(self, seed: int) -> None:
        """Restarts the generator with this seed."""

    def set_state(self, state: TensorLike) -> None:
        """Continues from a state that `state` returned."""

    def state(self) -> Tensor:
        """A copy of the state: int64 {seed, offset}."""

    @property
    def seed(self) -> int:
        """The seed of the stream."""

class _ForkScope:
    """Returns a generator at its end to where it was."""

    def __enter__(self) -> None: ...
    def __exit__(self, *args: int | collections.abc.Sequence[int]) -> None: ...
    def __init__(self, generator: Generator | None = None) -> None: ...

class _PrintScope:
    """Sets options for printing for a scope."""

    def __enter__(self) -> None: ...
    def __exit__(self, *args: int | collections.abc.Sequence[int]) -> None: ...
    def __init__(
        self,
        precision: int | None = None,
        threshold: float | None = None,
        edgeitems: int | None = None,
        linewidth: int | None = None,
        profile: str | None = None,
        sci_mode: builtins.bool | None = None,
    ) -> None: ...

class TraceError(RuntimeError):
    """A function that cannot be compiled: it depends on values, or on tensors that were not declared."""

class _ProgramOptions:
    """How programs are made; unknown names raise ValueError."""

    def __getstate__(self) -> tuple[list[str], builtins.bool, str]: ...
    def __init__(
        self, without: collections.abc.Sequence[str], explain: builtins.bool, kernels: str
    ) -> None: ...
    def __setstate__(self, arg0: tuple[typing.Any, ...]) -> None: ...
    @property
    def explain(self) -> builtins.bool: ...

class _Program:
    """A traced function, ready to run."""

    def describe(self, peak_flops: float = 0.0, peak_bytes: float = 0.0) -> str: ...
    def run(self, arg0: collections.abc.Sequence[Tensor]) -> list[Tensor]: ...
    def steps(self) -> list[typing.Any]: ...
    def to_dot(self) -> str: ...
    @property
    def arena_bytes(self) -> int: ...
    @property
    def eager_bytes(self) -> int: ...
    @property
    def unplanned_bytes(self) -> int: ...

class _RecordedFunction:
    """The recording of a trace, to be saved."""

class _TracedCall:
    """The program of a traced function, and what its outputs are."""

    @property
    def program(self) -> _Program: ...

class _Tracing:
    """One run of a function on tensors without elements."""

    def __init__(
        self,
        name: str,
        states: dict[str, typing.Any],
        arguments: collections.abc.Sequence[Tensor],
        for_file: builtins.bool,
        package: str,
    ) -> None: ...
    def finish(self, options: _ProgramOptions) -> _TracedCall: ...
    def live_results(self) -> int: ...
    def record(self) -> _RecordedFunction: ...
    def require_nothing_kept(self) -> None: ...
    def run(self, function: typing.Any) -> None: ...
    def undeclared(self) -> Tensor: ...
    @property
    def results_count(self) -> int: ...

class _PauseTracing:
    """Runs the calls in this scope immediately."""

    def __enter__(self) -> None: ...
    def __exit__(self, *args: int | collections.abc.Sequence[int]) -> None: ...
    def __init__(self) -> None: ...

class _RecomputeScope:
    """Marks the calls in this scope as a recomputation."""

    def __enter__(self) -> None: ...
    def __exit__(self, *args: int | collections.abc.Sequence[int]) -> None: ...
    def __init__(self) -> None: ...

class _ArgumentTree:
    """The structure of arguments or results."""

    @staticmethod
    def of(arg0: typing.Any) -> tuple[_ArgumentTree, list[Tensor]]: ...
    def build(self, arg0: collections.abc.Sequence[Tensor]) -> typing.Any: ...
    def first_other_leaf(self, arg0: str) -> str: ...

class _ProgramCache:
    """Programs by signature."""

    def __init__(self, capacity: int) -> None: ...
    def add(
        self,
        call: tuple[typing.Any, ...],
        arguments: _ArgumentTree,
        results: _ArgumentTree,
        guards: list[typing.Any],
        traced: _TracedCall,
    ) -> tuple[typing.Any, ...] | None: ...
    def call(self, arg0: tuple[typing.Any, ...]) -> tuple[typing.Any, ...] | None: ...
    def clear(self) -> None: ...
    def difference(self, arg0: tuple[typing.Any, ...]) -> str: ...
    def programs(self) -> list[_Program]: ...

class _GradScope:
    """Turns recording on or off for a scope."""

    def __enter__(self) -> None: ...
    def __exit__(self, *args: int | collections.abc.Sequence[int]) -> None: ...
    def __init__(self, enabled: builtins.bool) -> None: ...

class _AutocastScope:
    """Sets the dtype of products for a scope."""

    def __enter__(self) -> typing.Any: ...
    def __exit__(self, *args: int | collections.abc.Sequence[int]) -> None: ...
    def __init__(self, dtype: DTypeLike | None) -> None: ...

class _NestingScope:
    """The evaluation of a function that gives gradients."""

    def __enter__(self) -> None: ...
    def __exit__(self, *args: int | collections.abc.Sequence[int]) -> None: ...
    def __init__(self) -> None: ...

class _RestoreScope:
    """Calls `change` at its beginning, and restores entries (dict, key) at its end."""

    def __enter__(self) -> None: ...
    def __exit__(self, *args: int | collections.abc.Sequence[int]) -> None: ...
    def __init__(self, entries: list[typing.Any], change: typing.Any) -> None: ...

class _InterruptScope:
    """In this scope, SIGINT calls the method `_handle(signum, frame)`."""

    def __enter__(self) -> typing.Any: ...
    def __exit__(self, *args: int | collections.abc.Sequence[int]) -> None: ...
    def __init__(self) -> None: ...

class _Watch:
    """Reports the Python code that runs on this thread."""

    def __enter__(self) -> None: ...
    def __exit__(self, *args: int | collections.abc.Sequence[int]) -> None: ...
    def __init__(
        self,
        is_watched: typing.Any,
        on_call: typing.Any,
        on_builtin: typing.Any,
        names: collections.abc.Sequence[str],
    ) -> None: ...

class _SavedProgram:
    """Functions of a file, with their state."""

    @staticmethod
    def from_params(
        tensors: dict[str, typing.Any],
        metadata: collections.abc.Mapping[str, str],
        name: str,
        max_operations: int | None = None,
    ) -> _SavedProgram: ...
    def __init__(
        self,
        functions: collections.abc.Sequence[tuple[typing.Any, ...]],
        class_names: collections.abc.Sequence[str],
        preprocessing: collections.abc.Mapping[str, collections.abc.Sequence[float]],
    ) -> None: ...
    def class_names(self) -> list[str]: ...
    def describe(self) -> str: ...
    def functions(self) -> list[typing.Any]: ...
    def preprocessing(self) -> dict[str, list[float]]: ...
    def program(self, function: str, batch: int = 1) -> _Program: ...
    def run(self, function: str, inputs: collections.abc.Sequence[Tensor]) -> list[Tensor]: ...
    def save(self, path: str | os.PathLike[str]) -> None: ...
    def state(self) -> dict[str, typing.Any]: ...

class _OpCounter:
    """Counts the cost of the ops that this thread runs in this scope."""

    def __enter__(self) -> _OpCounter: ...
    def __exit__(self, *args: int | collections.abc.Sequence[int]) -> None: ...
    def __init__(self) -> None: ...
    @property
    def bytes(self) -> int:
        """Bytes of the results that are not views."""

    @property
    def flops(self) -> int:
        """Floating-point operations; a multiply-add counts as two."""

class _BareConvolution:
    """A convolution by oneDNN's primitives alone, in the layouts that they choose."""

    def __init__(
        self,
        x: TensorLike,
        weight: TensorLike,
        gradient: TensorLike,
        stride: int | collections.abc.Sequence[int],
        padding: int | collections.abc.Sequence[int],
        groups: int = 1,
        input_gradient: builtins.bool = True,
    ) -> None: ...
    def results(self) -> tuple[typing.Any, ...]:
        """The results of the last run: y, the gradient of the weight, and that of x or None."""

    def run(self) -> None:
        """Forward, gradient of the weight, and that of x."""

class _CheckedFunction:
    """A Python function with better messages for wrong arguments."""

    __name__: str
    __wrapped__: collections.abc.Callable[..., typing.Any]

    def __init__(
        self,
        function: collections.abc.Callable[..., typing.Any],
        explain: collections.abc.Callable[..., str | None],
    ) -> None: ...
    def __call__(self, *args: typing.Any, **kwargs: typing.Any) -> typing.Any: ...

def _address(arg0: TensorLike) -> int: ...
def _apply_with_provider(
    op: str,
    provider: str,
    inputs: collections.abc.Sequence[Tensor],
    attrs: dict[str, typing.Any] = {},
) -> typing.Any: ...
def _backward(
    outputs: collections.abc.Sequence[Tensor],
    gradients: collections.abc.Sequence[Tensor | None],
    retain_graph: builtins.bool,
    create_graph: builtins.bool,
) -> None: ...
def _bytes_of(arg0: TensorLike) -> Tensor: ...
def _default_generator() -> Generator:
    """A generator that shares the default one's stream."""

def _detects_anomaly() -> builtins.bool: ...
def _grad(
    outputs: collections.abc.Sequence[Tensor],
    inputs: collections.abc.Sequence[Tensor],
    grad_outputs: collections.abc.Sequence[Tensor | None],
    retain_graph: builtins.bool,
    create_graph: builtins.bool,
    allow_unused: builtins.bool,
    input_hooks: builtins.bool = True,
) -> list[Tensor | None]: ...
def _gradient_nesting() -> int: ...
def _guard_holds(arg0: tuple[typing.Any, ...]) -> builtins.bool: ...
def _is_traced(arg0: TensorLike) -> builtins.bool: ...
def _is_tracing() -> builtins.bool: ...
def _leaves_of(arg0: collections.abc.Sequence[Tensor]) -> list[Tensor]: ...
def _measure_bandwidth() -> float: ...
def _measure_fma_peak() -> float: ...
def _pass_names() -> list[str]: ...
def _record_function(
    inputs: collections.abc.Sequence[Tensor],
    outputs: collections.abc.Sequence[Tensor],
    backward: typing.Any,
) -> list[Tensor]: ...
def _record_named_function(
    inputs: collections.abc.Sequence[Tensor],
    outputs: collections.abc.Sequence[Tensor],
    name: str,
    saved: collections.abc.Sequence[int],
    backward: typing.Any,
) -> list[Tensor]: ...
def _set_anomaly_locator(arg0: collections.abc.Callable[..., typing.Any]) -> None: ...
def _set_detect_anomaly(
    enabled: builtins.bool, infinities: builtins.bool
) -> tuple[builtins.bool, builtins.bool]: ...
def _set_explainer(function: typing.Any) -> None:
    """Sets the function that explains errors in terms of the user's call."""

def _set_reducer(function: typing.Any) -> None:
    """Sets the function that says how a tensor is pickled."""

def _tensor_of_bytes(
    arg0: str, arg1: int | collections.abc.Sequence[int], arg2: typing_extensions.Buffer
) -> Tensor: ...
def abs(x: TensorLike) -> Tensor:
    """Absolute value."""

def acos(x: TensorLike) -> Tensor:
    """Inverse cosine, in radians."""

def acosh(x: TensorLike) -> Tensor:
    """Inverse hyperbolic cosine."""

@typing.overload
def add(a: TensorLike, b: TensorLike) -> Tensor:
    """a + b."""

@typing.overload
def add(a: TensorLike, b: TensorLike, *, alpha: TensorLike) -> typing.Any:
    """The same with b multiplied by a number or tensor first."""

def addmm(
    x: TensorLike,
    a: TensorLike,
    b: TensorLike,
    *,
    beta: float | int | builtins.bool = 1,
    alpha: float | int | builtins.bool = 1,
) -> Tensor:
    """beta x + alpha a b for matrices a and b, to whose product x is broadcast; PyTorch's name."""

def all(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Whether all elements over axes are not 0."""

def allclose(
    a: TensorLike,
    b: TensorLike,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: builtins.bool = False,
) -> builtins.bool:
    """Whether `isclose` holds for all elements."""

def amax(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Largest element over axes, as `max`; NaN if there is one. Equal elements share the gradient."""

def amin(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Smallest element over axes, as `min`; NaN if there is one. Equal elements share the gradient."""

def aminmax(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> tuple[Tensor, Tensor]:
    """Smallest and largest element over axes; NaN if there is one."""

def any(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Whether any element over axes is not 0."""

def arange(
    start: float | int | builtins.bool,
    stop: float | int | builtins.bool | None = None,
    step: float | int | builtins.bool = 1,
    dtype: DTypeLike | None = None,
    *,
    device: str | None = None,
) -> Tensor:
    """start, start + step, ... up to but excluding stop; with one argument, integers from 0."""

def arccos(x: TensorLike) -> typing.Any:
    """Another name for `pydl.acos`."""

def arccosh(x: TensorLike) -> typing.Any:
    """Another name for `pydl.acosh`."""

def arcsin(x: TensorLike) -> typing.Any:
    """Another name for `pydl.asin`."""

def arcsinh(x: TensorLike) -> typing.Any:
    """Another name for `pydl.asinh`."""

def arctan(x: TensorLike) -> typing.Any:
    """Another name for `pydl.atan`."""

def arctan2(a: TensorLike, b: TensorLike) -> typing.Any:
    """Another name for `pydl.atan2`."""

def arctanh(x: TensorLike) -> typing.Any:
    """Another name for `pydl.atanh`."""

def argmax(x: TensorLike, axis: int | None = None, keepdims: builtins.bool = False) -> Tensor:
    """Index of the largest element, the first one if there are several."""

def argmin(x: TensorLike, axis: int | None = None, keepdims: builtins.bool = False) -> Tensor:
    """Index of the smallest element, the first one if there are several."""

def argsort(
    x: TensorLike,
    axis: int = -1,
    descending: builtins.bool = False,
    *,
    stable: builtins.bool = True,
) -> Tensor:
    """The positions along an axis of the elements in ascending or descending order."""

def argwhere(x: TensorLike) -> Tensor:
    """The positions of the elements that are not zero, in row-major order: an int64 tensor of shape (count, axes)."""

def array_split(
    x: TensorLike, indices_or_sections: int | collections.abc.Sequence[int], axis: int = 0
) -> list[Tensor]:
    """Parts of an axis, as views, which need not be equal."""

def as_strided(
    x: TensorLike,
    shape: int | collections.abc.Sequence[int],
    strides: int | collections.abc.Sequence[int],
    offset: int = 0,
) -> Tensor:
    """A view with the given strides, in elements."""

def asarray(
    data: typing.Any,
    dtype: DTypeLike | None = None,
    *,
    copy: builtins.bool | None = None,
    device: str | None = None,
) -> Tensor:
    """The data as a tensor, which shares memory with tensors and NumPy arrays if possible."""

def asin(x: TensorLike) -> Tensor:
    """Inverse sine, in radians."""

def asinh(x: TensorLike) -> Tensor:
    """Inverse hyperbolic sine."""

def astype(
    x: TensorLike, dtype: DTypeLike, *, copy: builtins.bool = True, device: str | None = None
) -> Tensor:
    """The same values in another dtype."""

def atan(x: TensorLike) -> Tensor:
    """Inverse tangent, in radians."""

def atan2(a: TensorLike, b: TensorLike) -> Tensor:
    """Angle of the point (b, a), in radians."""

def atanh(x: TensorLike) -> Tensor:
    """Inverse hyperbolic tangent."""

def atleast_1d(x: TensorLike) -> Tensor:
    """A number as a vector; anything else as it is."""

def atleast_2d(x: TensorLike) -> Tensor:
    """A number or vector as a row; anything else as it is."""

def atleast_3d(x: TensorLike) -> Tensor:
    """At least three axes: (n) becomes (1, n, 1), and (m, n) becomes (m, n, 1)."""

def autocast_dtype() -> DType | None:
    """The dtype that `pydl.autocast` set for this thread, or None."""

def average(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    weights: TensorLike | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """The mean over axes with weights."""

def avg_pool(
    x: TensorLike,
    kernel: collections.abc.Sequence[int],
    stride: collections.abc.Sequence[int] = [],
    padding: collections.abc.Sequence[int] = [],
    ceil_mode: builtins.bool = False,
    count_include_pad: builtins.bool = True,
    divisor_override: int = 0,
) -> Tensor:
    """Mean of each window."""

def avg_pool_backward(
    g: TensorLike,
    size: collections.abc.Sequence[int],
    kernel: collections.abc.Sequence[int],
    stride: collections.abc.Sequence[int] = [],
    padding: collections.abc.Sequence[int] = [],
    ceil_mode: builtins.bool = False,
    count_include_pad: builtins.bool = True,
    divisor_override: int = 0,
) -> Tensor:
    """Gradient of `avg_pool` for an input of the spatial sizes `size`."""

def batch_norm(
    x: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    weight: TensorLike,
    bias: TensorLike,
    epsilon: float = 1e-05,
) -> Tensor:
    """(x - mean) / sqrt(variance + epsilon) * weight + bias, by channel."""

def batch_norm_backward(
    g: TensorLike,
    x: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    weight: TensorLike,
    epsilon: float = 1e-05,
    dbias: TensorLike | None = None,
    dweight: TensorLike | None = None,
    bias: TensorLike | None = None,
) -> Tensor:
    """Gradient of batch_norm for x; with the sums of g, that of batch_norm_train."""

def batch_norm_train(
    x: TensorLike, weight: TensorLike, bias: TensorLike, epsilon: float = 1e-05
) -> tuple[Tensor, Tensor, Tensor]:
    """batch_norm with the mean and variance of x itself, which are results too."""

def bernoulli(p: TensorLike, state: TensorLike) -> Tensor:
    """1 with probability p, else 0."""

def binary_step(x: TensorLike) -> Tensor:
    """1 where x >= 0, else 0; its derivative is 0."""

def bincount(x: TensorLike, weights: TensorLike | None = None, minlength: int = 0) -> Tensor:
    """How often each integer from 0 on occurs."""

def bitwise_and(a: TensorLike, b: TensorLike) -> Tensor:
    """Bits that are set in both; of bools, and."""

def bitwise_invert(x: TensorLike) -> Tensor:
    """Every bit of an integer turned; of bools, not."""

def bitwise_left_shift(a: TensorLike, b: TensorLike) -> Tensor:
    """a times 2**b, by bits; 0 for b as large as the integer is wide."""

def bitwise_or(a: TensorLike, b: TensorLike) -> Tensor:
    """Bits that are set in either; of bools, or."""

def bitwise_right_shift(a: TensorLike, b: TensorLike) -> Tensor:
    """a / 2**b, rounded down; 0 or -1 for b as large as the integer is wide."""

def bitwise_xor(a: TensorLike, b: TensorLike) -> Tensor:
    """Bits that are set in exactly one; of bools, exclusive or."""

def block_diag(*args: TensorLike | collections.abc.Sequence[TensorLike]) -> Tensor:
    """A matrix with the given matrices on its diagonal, and zeros elsewhere."""

def bmm(a: TensorLike, b: TensorLike) -> Tensor:
    """The products of two batches of matrices, of three axes; PyTorch's name."""

def broadcast_arrays(*args: TensorLike | collections.abc.Sequence[TensorLike]) -> list[Tensor]:
    """All tensors expanded to one shape, as views. Takes tensors, or one sequence of them."""

def broadcast_shapes(*args: int | collections.abc.Sequence[int]) -> tuple[int, ...]:
    """The shape to which all of these shapes broadcast."""

def broadcast_tensors(*args: TensorLike | collections.abc.Sequence[TensorLike]) -> list[Tensor]:
    """All tensors expanded to one shape, as views. Takes tensors, or one sequence of them."""

def broadcast_to(x: TensorLike, shape: int | collections.abc.Sequence[int]) -> Tensor:
    """The array API's name for `expand`."""

def bucketize(x: TensorLike, boundaries: TensorLike, right: builtins.bool = False) -> Tensor:
    """The number of the interval that contains each element, as in PyTorch."""

def cartesian_prod(*args: TensorLike | collections.abc.Sequence[TensorLike]) -> Tensor:
    """All tuples with one element of each vector, as rows; of a single vector, its elements."""

def cast(x: TensorLike, dtype: DTypeLike) -> Tensor:
    """The same values in another dtype."""

def cat(tensors: collections.abc.Sequence[TensorLike], axis: int | None = 0) -> Tensor:
    """Tensors joined along an axis; all other axes must have the same sizes. dtypes are promoted."""

def ceil(x: TensorLike) -> Tensor:
    """The smallest integer not below x."""

def celu(x: TensorLike, alpha: TensorLike = 1.0) -> Tensor:
    """x where positive, else alpha * (exp(x / alpha) - 1) (Barron, 2017)."""

def channel_statistics(x: TensorLike) -> tuple[Tensor, Tensor]:
    """Mean and variance of each channel, over all other axes."""

def channel_sums(
    g: TensorLike,
    x: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    epsilon: float = 1e-05,
    weight: TensorLike | None = None,
    bias: TensorLike | None = None,
) -> tuple[Tensor, Tensor]:
    """Gradients of batch_norm for bias and weight."""

def cholesky(x: TensorLike) -> Tensor:
    """The lower triangle L of x = L times its transpose."""

def chunk(x: TensorLike, chunks: int, axis: int = 0) -> list[Tensor]:
    """At most that many parts of an axis, as views: of equal size, except for the last one."""

def clamp(
    x: int | TensorLike, min: TensorLike | None = None, max: TensorLike | None = None
) -> typing.Any:
    """Another name for `pydl.clip`."""

def clip(x: TensorLike, min: TensorLike | None = None, max: TensorLike | None = None) -> Tensor:
    """x limited to [min, max]."""

def column_stack(tensors: collections.abc.Sequence[TensorLike]) -> Tensor:
    """Tensors joined along the second axis; vectors are columns."""

def combinations(x: TensorLike, r: int = 2, with_replacement: builtins.bool = False) -> Tensor:
    """All choices of r elements of a vector in their order, as rows, like those of `itertools`."""

def compress(x: TensorLike, mask: TensorLike, count: int) -> Tensor:
    """The slices for which a mask with this number of true elements is true."""

def concat(tensors: collections.abc.Sequence[TensorLike], axis: int | None = 0) -> Tensor:
    """Tensors joined along an axis; all other axes must have the same sizes. dtypes are promoted."""

def concatenate(tensors: collections.abc.Sequence[TensorLike], axis: int | None = 0) -> Tensor:
    """Tensors joined along an axis; all other axes must have the same sizes. dtypes are promoted."""

def conj(x: TensorLike) -> Tensor:
    """The complex conjugate: x itself, because pydl has no complex numbers."""

def conv(
    x: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    stride: collections.abc.Sequence[int] = [],
    padding_low: collections.abc.Sequence[int] = [],
    padding_high: collections.abc.Sequence[int] = [],
    dilation: collections.abc.Sequence[int] = [],
    groups: int = 1,
) -> Tensor:
    """Convolution over 1 to 3 spatial axes; see `pydl.nn.functional.conv2d`."""

def conv_backward_input(
    g: TensorLike,
    weight: TensorLike,
    size: collections.abc.Sequence[int],
    stride: collections.abc.Sequence[int] = [],
    padding_low: collections.abc.Sequence[int] = [],
    padding_high: collections.abc.Sequence[int] = [],
    dilation: collections.abc.Sequence[int] = [],
    groups: int = 1,
) -> Tensor:
    """Gradient of `conv` for its input of the spatial sizes `size`."""

def conv_backward_weight(
    g: TensorLike,
    x: TensorLike,
    kernel: collections.abc.Sequence[int],
    stride: collections.abc.Sequence[int] = [],
    padding_low: collections.abc.Sequence[int] = [],
    padding_high: collections.abc.Sequence[int] = [],
    dilation: collections.abc.Sequence[int] = [],
    groups: int = 1,
) -> Tensor:
    """Gradient of `conv` for its weight of the spatial sizes `kernel`."""

def copy(x: TensorLike) -> Tensor:
    """The same values in new memory, row-major."""

def copysign(a: TensorLike, b: TensorLike) -> Tensor:
    """The magnitude of a with the sign of b."""

def corrcoef(x: TensorLike) -> Tensor:
    """Correlation coefficients of variables: their covariances divided by both standard deviations. NaN for a constant"""

def cos(x: TensorLike) -> Tensor:
    """Cosine of x in radians."""

def cosh(x: TensorLike) -> Tensor:
    """Hyperbolic cosine."""

def count_in_bins(values: TensorLike, edges: TensorLike) -> Tensor:
    """How many values are between each edge and the next one."""

def count_integers(x: TensorLike, size: int) -> tuple[Tensor, Tensor]:
    """How often each integer from 0 on occurs, and the smallest and the largest element."""

def count_nonzero(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """How many elements over axes are not 0. NaN is not 0."""

def cov(
    x: TensorLike,
    *,
    correction: float = 1.0,
    fweights: TensorLike | None = None,
    aweights: TensorLike | None = None,
) -> Tensor:
    """Covariances of variables."""

def cross(a: TensorLike, b: TensorLike, axis: int = -1) -> Tensor:
    """The cross product of vectors of three elements along an axis; the others broadcast."""

def cross_product(a: TensorLike, b: TensorLike, axis: int) -> Tensor:
    """Cross products of the vectors along an axis of size 3."""

def ctc_loss(
    log_probs: TensorLike,
    targets: TensorLike,
    input_lengths: TensorLike,
    target_lengths: TensorLike,
    blank: int = 0,
    zero_infinity: builtins.bool = False,
) -> Tensor:
    """Negative log-likelihood of label sequences, summed over alignments: a loss for each sequence (N,)."""

def ctc_loss_backward(
    g: TensorLike,
    log_probs: TensorLike,
    targets: TensorLike,
    input_lengths: TensorLike,
    target_lengths: TensorLike,
    blank: int = 0,
    zero_infinity: builtins.bool = False,
) -> Tensor:
    """Gradient of ctc_loss for the log-probabilities: minus the expected number of visits of each class."""

def cummax(x: TensorLike, axis: int, reverse: builtins.bool = False) -> tuple[Tensor, Tensor]:
    """Largest of all elements up to each one along an axis, and where the last of these is; NaN wins."""

def cummin(x: TensorLike, axis: int, reverse: builtins.bool = False) -> tuple[Tensor, Tensor]:
    """Smallest of all elements up to each one along an axis, and where the last of these is; NaN wins."""

def cumprod(
    x: TensorLike, axis: int, reverse: builtins.bool = False, *, dtype: DTypeLike | None = None
) -> Tensor:
    """Products of all elements up to each one along an axis."""

def cumsum(
    x: TensorLike, axis: int, reverse: builtins.bool = False, *, dtype: DTypeLike | None = None
) -> Tensor:
    """Sums of all elements up to each one along an axis."""

def cumulative_prod(
    x: TensorLike,
    *,
    axis: int | None = None,
    dtype: DTypeLike | None = None,
    include_initial: builtins.bool = False,
) -> Tensor:
    """The cumulative product along an axis."""

def cumulative_sum(
    x: TensorLike,
    *,
    axis: int | None = None,
    dtype: DTypeLike | None = None,
    include_initial: builtins.bool = False,
) -> Tensor:
    """The cumulative sum along an axis."""

def cumulative_trapezoid(
    y: TensorLike, x: TensorLike | None = None, dx: float = 1.0, axis: int = -1
) -> Tensor:
    """The integrals along an axis up to each point but the first, by the trapezoidal rule."""

def deg2rad(x: TensorLike) -> Tensor:
    """Degrees as radians: x * pi / 180."""

def diag(x: TensorLike, k: int = 0) -> Tensor:
    """A matrix with a vector on diagonal k, or diagonal k of a matrix, which is a view."""

def diag_embed(x: TensorLike, offset: int = 0, axis1: int = -2, axis2: int = -1) -> Tensor:
    """Square matrices in the plane of two axes of the result, with the last axis of x on their diagonals."""

def diagflat(x: TensorLike, k: int = 0) -> Tensor:
    """A matrix with all elements, in row-major order, on diagonal k."""

def diagonal(x: TensorLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """The elements x[i, i + offset] in the plane of two axes, as the last axis of a view."""

def diff(
    x: TensorLike,
    n: int = 1,
    axis: int = -1,
    prepend: TensorLike | None = None,
    append: TensorLike | None = None,
) -> Tensor:
    """Differences between neighbours along an axis; for bools, whether neighbours differ."""

def digamma(x: TensorLike) -> Tensor:
    """Derivative of the logarithm of the gamma function."""

def digitize(x: TensorLike, bins: TensorLike, right: builtins.bool = False) -> Tensor:
    """The number of the bin that contains each element, as in NumPy: `right` means that a bin contains its right"""

def div(a: TensorLike, b: TensorLike, *, rounding_mode: str | None = None) -> typing.Any:
    """Another name for `pydl.divide`."""

def divide(a: TensorLike, b: TensorLike) -> Tensor:
    """a / b; of integers, in float32."""

def dot(a: TensorLike, b: TensorLike) -> Tensor:
    """The scalar product of vectors, the product of matrices, and in general the sum over the last axis of"""

def dropout(
    x: TensorLike, p: float, training: builtins.bool = True, generator: Generator | None = None
) -> Tensor:
    """x with elements set to 0 with probability p and the others divided by 1 - p; x itself unless training."""

def dsplit(x: TensorLike, indices_or_sections: int | collections.abc.Sequence[int]) -> list[Tensor]:
    """Parts of the third axis."""

def dstack(tensors: collections.abc.Sequence[TensorLike]) -> Tensor:
    """Tensors joined along the third axis; vectors are (1, n, 1)."""

def eigh(x: TensorLike, vectors: builtins.bool = True) -> tuple[Tensor, Tensor]:
    """Eigenvalues, ascending, and eigenvectors of symmetric matrices by their lower triangle."""

def einsum(subscripts: str, tensors: collections.abc.Sequence[TensorLike]) -> Tensor:
    """See `pydl.einsum`."""

def elu(x: TensorLike, alpha: TensorLike = 1.0) -> Tensor:
    """x if positive, else alpha * (exp(x) - 1) (Clevert et al., 2015)."""

def elu_backward(a: TensorLike, b: TensorLike, c: typing.Any) -> Tensor:
    """Gradient a where b is positive, else a times c * exp(b)."""

@typing.overload
def empty(
    shape: int | collections.abc.Sequence[int],
    dtype: DTypeLike | None = ...,
    *,
    device: str | None = None,
) -> Tensor:
    """Memory with undefined contents."""

@typing.overload
def empty(
    *args: int | collections.abc.Sequence[int], dtype: DTypeLike = ..., device: str | None = None
) -> Tensor:
    """The same with the sizes as separate arguments."""

def empty_cache() -> None:
    """Returns cached memory to the system."""

def empty_like(
    x: TensorLike, dtype: DTypeLike | None = None, *, device: str | None = None
) -> Tensor:
    """Memory with undefined contents, of the shape and, unless another is given, the dtype of x."""

def eq(a: TensorLike, b: TensorLike) -> typing.Any:
    """Another name for `pydl.equal`."""

def equal(a: TensorLike, b: TensorLike) -> Tensor:
    """Whether a == b."""

def erf(x: TensorLike) -> Tensor:
    """Error function."""

def erfc(x: TensorLike) -> Tensor:
    """Complementary error function: 1 - erf(x), exact for large x."""

def erfinv(x: TensorLike) -> Tensor:
    """Inverse error function."""

def euclidean_norm(
    x: TensorLike, axes: collections.abc.Sequence[int], keepdims: builtins.bool = False
) -> Tensor:
    """Square root of the sum of squares over axes."""

def exp(x: TensorLike) -> Tensor:
    """e to the power x."""

def exp2(x: TensorLike) -> Tensor:
    """2 to the power x."""

def expand(x: TensorLike, shape: int | collections.abc.Sequence[int]) -> Tensor:
    """Axes of size 1 repeated, and leading axes added, without copying."""

def expand_dims(x: TensorLike, axis: int) -> Tensor:
    """An axis of size 1 added at that position of the result."""

def expm1(x: TensorLike) -> Tensor:
    """exp(x) - 1, exact for small x."""

def eye(
    rows: int,
    columns: int | None = None,
    k: int = 0,
    dtype: DTypeLike | None = ...,
    *,
    device: str | None = None,
) -> Tensor:
    """Ones on diagonal k of a matrix (rows, columns) that is otherwise 0."""

def flatten(x: TensorLike, start_axis: int = 0, end_axis: int = -1) -> Tensor:
    """Neighbouring axes joined into one."""

def flip(x: TensorLike, axis: int | collections.abc.Sequence[int] | None = None) -> Tensor:
    """Elements in reverse order along axes, a view."""

def fliplr(x: TensorLike) -> Tensor:
    """The second axis in reverse order, as a view."""

def flipud(x: TensorLike) -> Tensor:
    """The first axis in reverse order, as a view."""

def float_power(a: TensorLike, b: TensorLike) -> Tensor:
    """a to the power b, in float64."""

def floor(x: TensorLike) -> Tensor:
    """The largest integer not above x."""

def floor_divide(a: TensorLike, b: TensorLike) -> Tensor:
    """floor(a / b); integer division by zero gives 0."""

def fmod(a: TensorLike, b: TensorLike) -> Tensor:
    """a - trunc(a / b) * b, with the sign of a; integer division by zero gives 0."""

def frac(x: TensorLike) -> Tensor:
    """The fraction of x, with its sign: x - trunc(x)."""

def from_dlpack(
    source: TensorLike, *, device: str | None = None, copy: builtins.bool | None = None
) -> Tensor:
    """A tensor that shares the memory of another library's array (anything with ``__dlpack__``), or, with"""

def from_numpy(array: Array) -> Tensor:
    """A tensor that shares the array's memory."""

def full(
    shape: int | collections.abc.Sequence[int],
    fill_value: float | int | builtins.bool,
    dtype: DTypeLike | None = None,
    *,
    device: str | None = None,
) -> Tensor:
    """A tensor with all elements equal."""

def full_like(
    x: TensorLike,
    fill_value: float | int | builtins.bool,
    dtype: DTypeLike | None = None,
    *,
    device: str | None = None,
) -> Tensor:
    """Equal elements in the shape and, unless another is given, the dtype of x."""

def gather(x: TensorLike, index: TensorLike, axis: int) -> Tensor:
    """Elements along an axis, selected at each position by an integer index of the same rank."""

def gather_backward(g: TensorLike, index: TensorLike, axis: int, size: int) -> Tensor:
    """Adds gradients at the positions from which `gather` took elements, on an axis of `size`."""

def ge(a: TensorLike, b: TensorLike) -> typing.Any:
    """Another name for `pydl.greater_equal`."""

def gelu(x: TensorLike, approximate: str = "none") -> Tensor:
    """Gaussian error linear unit: x * Phi(x) (Hendrycks and Gimpel, 2016)."""

def gelu_backward(a: TensorLike, b: TensorLike) -> Tensor:
    """Gradient a times the slope of `gelu` at b."""

def gelu_tanh(x: TensorLike) -> Tensor:
    """Gaussian error linear unit, by the hyperbolic-tangent approximation."""

def gelu_tanh_backward(a: TensorLike, b: TensorLike) -> Tensor:
    """Gradient a times the slope of `gelu_tanh` at b."""

def get_num_threads() -> int:
    """The number of threads that kernels may use."""

def get_printoptions() -> dict[str, typing.Any]:
    """How tensors are written, by the names of `set_printoptions`."""

def get_rng_state() -> Tensor:
    """A copy of the default generator's state, int64 {seed, offset}: a tensor, which `pydl.save` saves."""

def glu(x: TensorLike, axis: int = -1) -> Tensor:
    """Gated linear unit: the first half along an axis, times the sigmoid of the second half (Dauphin et al., 2017)."""

def gradient_over(a: TensorLike, b: TensorLike) -> Tensor:
    """Gradient a divided by b; 0 where a is 0, whatever b is."""

def gradient_times(a: TensorLike, b: TensorLike) -> Tensor:
    """Gradient a times slope b; 0 where one of them is 0, but for an a that is not a number."""

def greater(a: TensorLike, b: TensorLike) -> Tensor:
    """Whether a > b."""

def greater_equal(a: TensorLike, b: TensorLike) -> Tensor:
    """Whether a >= b."""

def gt(a: TensorLike, b: TensorLike) -> typing.Any:
    """Another name for `pydl.greater`."""

def hardshrink(x: TensorLike, lambd: typing.Any = 0.5) -> Tensor:
    """x, but 0 within [-lambd, lambd]."""

def hardsigmoid(x: TensorLike) -> Tensor:
    """(x + 3) / 6, limited to [0, 1]."""

def hardswish(x: TensorLike) -> Tensor:
    """x * hardsigmoid(x) (Howard et al., 2019)."""

def hardswish_backward(a: TensorLike, b: TensorLike) -> Tensor:
    """Gradient a times the slope of `hardswish` at b."""

def hardtanh(x: TensorLike, min_val: typing.Any = -1.0, max_val: typing.Any = 1.0) -> Tensor:
    """x limited to [min_val, max_val]; unlike that of `clip`, its gradient is 0 at both limits."""

def heaviside(a: TensorLike, b: TensorLike) -> Tensor:
    """0 where a is negative, 1 where it is positive, b where it is 0."""

def histc(x: TensorLike, bins: int = 100, min: float = 0.0, max: float = 0.0) -> Tensor:
    """The counts of `histogram` as PyTorch has them: in the dtype of x, and for a range from 0 to 0 between the"""

def histogram(
    x: TensorLike,
    bins: typing.Any = 10,
    range: tuple[float, float] | None = None,
    weights: TensorLike | None = None,
    density: builtins.bool = False,
) -> tuple[Tensor, Tensor]:
    """The number of elements in each of several intervals, as in NumPy."""

def hsplit(x: TensorLike, indices_or_sections: int | collections.abc.Sequence[int]) -> list[Tensor]:
    """Parts of the second axis, or of the only one."""

def hstack(tensors: collections.abc.Sequence[TensorLike]) -> Tensor:
    """Tensors joined along the second axis; vectors along their only one."""

def huber(a: TensorLike, b: TensorLike, c: typing.Any) -> Tensor:
    """(a - b)^2 / 2 where |a - b| is at most c, else c * (|a - b| - c / 2) (Huber, 1964)."""

def hypot(a: TensorLike, b: TensorLike) -> Tensor:
    """sqrt(a * a + b * b), without overflow."""

def i0(x: TensorLike) -> Tensor:
    """Modified Bessel function of the first kind, of order 0."""

def i0e(x: TensorLike) -> Tensor:
    """exp(-|x|) times `i0`, without overflow."""

def i1(x: TensorLike) -> Tensor:
    """Modified Bessel function of the first kind, of order 1: the derivative of `i0`."""

def i1e(x: TensorLike) -> Tensor:
    """exp(-|x|) times `i1`, without overflow."""

def imag(x: TensorLike) -> Tensor:
    """The imaginary part: zeros, because pydl has no complex numbers."""

def index(x: TensorLike, indices: collections.abc.Sequence[Tensor]) -> Tensor:
    """Elements of the first axes, chosen by one index per axis."""

def index_add(x: TensorLike, index: TensorLike, source: TensorLike, axis: int = 0) -> Tensor:
    """x plus the slices of source, each where an index of one axis points along an axis."""

def index_copy(x: TensorLike, index: TensorLike, source: TensorLike, axis: int = 0) -> Tensor:
    """x with the slices of source where an index of one axis points along an axis; the last one remains."""

def index_fill(x: TensorLike, index: TensorLike, value: typing.Any, axis: int = 0) -> Tensor:
    """x with a number, or a tensor of rank 0, in the slices to which an index of one axis points."""

def index_select(x: TensorLike, axis: int, index: TensorLike) -> Tensor:
    """Slices along an axis, selected by an index of one axis: `take` with PyTorch's order of arguments."""

def info() -> dict[str, typing.Any]:
    """Facts about this build and machine, by name."""

def inner(a: TensorLike, b: TensorLike) -> Tensor:
    """The sum over the last axes of both. A number multiplies."""

def intersect1d(a: TensorLike, b: TensorLike) -> Tensor:
    """The different elements that both tensors have, in ascending order."""

def is_grad_enabled() -> builtins.bool:
    """Whether operations are recorded on this thread."""

def is_tensor(x: int | TensorLike) -> builtins.bool:
    """Whether an object is a tensor."""

def isclose(
    a: TensorLike,
    b: TensorLike,
    rtol: float = 1e-05,
    atol: float = 1e-08,
    equal_nan: builtins.bool = False,
) -> Tensor:
    """Whether |a - b| <= atol + rtol * |b|, or both are the same infinity."""

def isfinite(x: TensorLike) -> Tensor:
    """Whether x is neither infinite nor NaN."""

def isin(x: TensorLike, values: TensorLike, *, invert: builtins.bool = False) -> Tensor:
    """Whether each element is among some values, or with `invert` is not. NaN equals nothing."""

def isinf(x: TensorLike) -> Tensor:
    """Whether x is infinite."""

def isnan(x: TensorLike) -> Tensor:
    """Whether x is not a number."""

def kron(a: TensorLike, b: TensorLike) -> Tensor:
    """The Kronecker product: blocks b times each element of a, for tensors of at most four axes."""

def kthvalue(
    x: TensorLike, k: int, axis: int = -1, keepdims: builtins.bool = False
) -> tuple[Tensor, Tensor]:
    """The k-th smallest element along an axis, and where it is."""

def le(a: TensorLike, b: TensorLike) -> typing.Any:
    """Another name for `pydl.less_equal`."""

def leaky_relu(x: TensorLike, negative_slope: TensorLike = 0.01) -> Tensor:
    """x if positive, else negative_slope * x."""

def leaky_relu_backward(a: TensorLike, b: TensorLike, c: typing.Any) -> Tensor:
    """Gradient a where b is positive, else a times c."""

def lerp(a: TensorLike, b: TensorLike, c: typing.Any) -> Tensor:
    """a + c * (b - a)."""

def less(a: TensorLike, b: TensorLike) -> Tensor:
    """Whether a < b."""

def less_equal(a: TensorLike, b: TensorLike) -> Tensor:
    """Whether a <= b."""

def lexsort(keys: typing.Any, axis: int = -1) -> Tensor:
    """The order by several keys along an axis, as in NumPy: the last key matters most."""

def lgamma(x: TensorLike) -> Tensor:
    """Logarithm of the absolute value of the gamma function."""

def linear(x: TensorLike, weight: TensorLike, bias: TensorLike | None = None) -> Tensor:
    """x times the transposed weight, plus bias."""

def linear_recurrence(
    a: TensorLike, x: TensorLike, axis: int, reverse: builtins.bool = False
) -> Tensor:
    """The recurrence y[i] = a[i] * y[i - 1] + x[i] along an axis, which begins with x[0]."""

def linspace(
    start: float,
    stop: float,
    num: int,
    dtype: DTypeLike | None = ...,
    *,
    endpoint: builtins.bool = True,
    device: str | None = None,
) -> Tensor:
    """`num` evenly spaced numbers from start to stop; stop is included unless `endpoint` is False."""

def live_tensor_count() -> int:
    """Number of tensors alive in the process."""

def log(x: TensorLike) -> Tensor:
    """Natural logarithm."""

def log10(x: TensorLike) -> Tensor:
    """Logarithm to base 10."""

def log1p(x: TensorLike) -> Tensor:
    """log(1 + x), exact for small x."""

def log2(x: TensorLike) -> Tensor:
    """Logarithm to base 2."""

def log_sigmoid(x: TensorLike) -> Tensor:
    """Logarithm of `sigmoid`, without overflow."""

def log_softmax(x: TensorLike, axis: int = -1, *, dtype: DTypeLike | None = None) -> Tensor:
    """Logarithm of softmax, without overflow."""

def log_softmax_backward(g: TensorLike, y: TensorLike, axis: int = -1) -> Tensor:
    """Gradient g of log_softmax through its output y."""

def logaddexp(a: TensorLike, b: TensorLike) -> Tensor:
    """log(exp(a) + exp(b)), without overflow."""

def logcumsumexp(x: TensorLike, axis: int, reverse: builtins.bool = False) -> Tensor:
    """Logarithms of the cumulative sums of exponentials along an axis, without overflow."""

def logical_and(a: TensorLike, b: TensorLike) -> Tensor:
    """Whether both are true."""

def logical_not(x: TensorLike) -> Tensor:
    """Whether x is zero (false)."""

def logical_or(a: TensorLike, b: TensorLike) -> Tensor:
    """Whether either is true."""

def logical_xor(a: TensorLike, b: TensorLike) -> Tensor:
    """Whether exactly one is true."""

def logit(x: TensorLike, eps: float | None = None) -> Tensor:
    """log(x / (1 - x)), the inverse of `sigmoid`."""

def logspace(
    start: float,
    stop: float,
    num: int,
    base: float = 10.0,
    dtype: DTypeLike | None = ...,
    *,
    endpoint: builtins.bool = True,
    device: str | None = None,
) -> Tensor:
    """`num` numbers from base**start to base**stop whose logarithms are evenly spaced."""

def logsumexp(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """log(sum(exp(x))) over axes, without overflow; integers are converted to float32."""

def lt(a: TensorLike, b: TensorLike) -> typing.Any:
    """Another name for `pydl.less`."""

def lu_factor(x: TensorLike) -> tuple[Tensor, Tensor, Tensor]:
    """Square matrices as L U, packed into one matrix, the order of their rows, and its sign."""

def manual_seed(seed: int) -> None:
    """Restarts the default generator with this seed."""

def masked_fill(x: TensorLike, mask: TensorLike, value: typing.Any) -> Tensor:
    """x with a number, or a tensor of rank 0, where a bool mask is true. x and mask are broadcast together."""

def masked_scatter(x: TensorLike, mask: TensorLike, source: TensorLike) -> Tensor:
    """x with the elements of source, in row-major order, where a bool mask is true. x and mask are broadcast"""

def masked_select(x: TensorLike, mask: TensorLike) -> Tensor:
    """The elements of x for which a bool mask is true, in row-major order: a tensor of one axis. The two are"""

def matmul(a: TensorLike, b: TensorLike) -> Tensor:
    """Matrix product, batched over leading axes, which broadcast."""

def matrix_transpose(x: TensorLike) -> Tensor:
    """The last two axes swapped, as a view."""

def max(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Largest element over axes; NaN if there is one. Equal ones share the gradient."""

def max_pool(
    x: TensorLike,
    kernel: collections.abc.Sequence[int],
    stride: collections.abc.Sequence[int] = [],
    padding: collections.abc.Sequence[int] = [],
    dilation: collections.abc.Sequence[int] = [],
    ceil_mode: builtins.bool = False,
) -> Tensor:
    """Largest element of each window."""

def max_pool_backward(
    g: TensorLike,
    x: TensorLike,
    kernel: collections.abc.Sequence[int],
    stride: collections.abc.Sequence[int] = [],
    padding: collections.abc.Sequence[int] = [],
    dilation: collections.abc.Sequence[int] = [],
    ceil_mode: builtins.bool = False,
) -> Tensor:
    """Gradient of `max_pool` for x."""

def max_pool_with_indices(
    x: TensorLike,
    kernel: collections.abc.Sequence[int],
    stride: collections.abc.Sequence[int] = [],
    padding: collections.abc.Sequence[int] = [],
    dilation: collections.abc.Sequence[int] = [],
    ceil_mode: builtins.bool = False,
) -> tuple[Tensor, Tensor]:
    """What `max_pool` returns, and where it is in the flattened spatial axes of x: int64."""

def maximum(a: TensorLike, b: TensorLike) -> Tensor:
    """The larger; NaN wins."""

def may_share_memory(a: TensorLike, b: TensorLike) -> builtins.bool:
    """Whether the memory of two tensors may overlap, as NumPy's function of that name: their extents are"""

def mean(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
    *,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """Arithmetic mean over axes."""

def median(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """The middle of the sorted elements over axes; between two of them, their mean, as in NumPy. NaN if there is one."""

def memory_stats() -> dict[str, int]:
    """The state of the caching allocator: ``live_bytes``, ``peak_bytes``, ``cached_bytes``, and"""

def meshgrid(
    *args: TensorLike | collections.abc.Sequence[TensorLike], indexing: str = "xy"
) -> list[Tensor]:
    """The coordinates of a grid with these vectors as axes, as views."""

def min(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Smallest element over axes; NaN if there is one. Equal ones share the gradient."""

def minimum(a: TensorLike, b: TensorLike) -> Tensor:
    """The smaller; NaN wins."""

def mish(x: TensorLike) -> Tensor:
    """x * tanh(softplus(x)) (Misra, 2019)."""

def mm(a: TensorLike, b: TensorLike) -> Tensor:
    """The product of two matrices; PyTorch's name."""

def mode(x: TensorLike, axis: int = -1, keepdims: builtins.bool = False) -> tuple[Tensor, Tensor]:
    """The most frequent element along an axis, the smallest one if there are several, and where the last of it is."""

def moveaxis(
    x: TensorLike,
    source: int | collections.abc.Sequence[int],
    destination: int | collections.abc.Sequence[int],
) -> Tensor:
    """Axes moved to other positions, as a view; the others keep their order."""

def movedim(
    x: TensorLike,
    source: int | collections.abc.Sequence[int],
    destination: int | collections.abc.Sequence[int],
) -> Tensor:
    """Axes moved to other positions, as a view; the others keep their order."""

def mul(a: TensorLike, b: TensorLike) -> typing.Any:
    """Another name for `pydl.multiply`."""

def multinomial(
    probs: TensorLike, state: TensorLike, count: int, replacement: builtins.bool = False
) -> Tensor:
    """Categories by their probabilities along the last axis."""

def multiply(a: TensorLike, b: TensorLike) -> Tensor:
    """a * b."""

def mv(a: TensorLike, b: TensorLike) -> Tensor:
    """The product of a matrix and a vector; PyTorch's name."""

def nan_to_num(
    x: TensorLike, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Tensor:
    """x with numbers in place of what is not a number, and of infinities."""

def nanmax(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Largest element over axes without NaN."""

def nanmean(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Arithmetic mean over axes without NaN."""

def nanmedian(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """The middle of the sorted elements over axes, as `median`, without NaN."""

def nanmin(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Smallest element over axes without NaN."""

def nanquantile(
    x: TensorLike,
    q: typing.Any,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
    interpolation: str = "linear",
) -> Tensor:
    """Quantiles over axes without NaN. NaN where there is nothing else."""

def nanstd(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    correction: float | None = None,
    keepdims: builtins.bool = False,
    *,
    unbiased: builtins.bool | None = None,
) -> Tensor:
    """Standard deviation over axes without NaN."""

def nansum(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Sum over axes without NaN."""

def nanvar(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    correction: float | None = None,
    keepdims: builtins.bool = False,
    *,
    unbiased: builtins.bool | None = None,
) -> Tensor:
    """Variance over axes without NaN."""

def narrow(x: TensorLike, axis: int, start: int, length: int) -> Tensor:
    """`length` elements of an axis from `start`, which may count from the end, as a view."""

def ndtr(x: TensorLike) -> Tensor:
    """The probability that a standard normal number is at most x: erfc(-x / sqrt(2)) / 2."""

def ne(a: TensorLike, b: TensorLike) -> typing.Any:
    """Another name for `pydl.not_equal`."""

def neg(x: TensorLike) -> typing.Any:
    """Another name for `pydl.negative`."""

def negative(x: TensorLike) -> Tensor:
    """Numerical negative: -x."""

def nextafter(a: TensorLike, b: TensorLike) -> Tensor:
    """The next number of the dtype after a towards b; b where they are equal."""

def nonzero(x: TensorLike, *, as_tuple: builtins.bool = True) -> tuple[Tensor, ...]:
    """The positions of the elements that are not zero, in row-major order: one int64 tensor per axis."""

def nonzero_positions(mask: TensorLike, count: int) -> Tensor:
    """Where a mask with this number of true elements is true: a row of positions per axis."""

def norm(
    x: TensorLike,
    p: float = 2.0,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """The norm of vectors over axes: sum(abs(x) ** p) ** (1 / p)."""

def normal(
    shape: int | collections.abc.Sequence[int],
    mean: TensorLike | float = 0.0,
    std: TensorLike | float = 1.0,
    dtype: DTypeLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Random numbers, normal with mean and standard deviation."""

def normalize(
    x: TensorLike, axes: int = 1, epsilon: float = 1e-05, center: builtins.bool = True
) -> Tensor:
    """Normalises rows over the last `axes` axes to mean 0 and variance 1, or to root mean square 1."""

def normalize_backward(
    g: TensorLike,
    x: TensorLike,
    axes: int = 1,
    epsilon: float = 1e-05,
    center: builtins.bool = True,
) -> Tensor:
    """Gradient of normalize for x."""

def not_equal(a: TensorLike, b: TensorLike) -> Tensor:
    """Whether a != b."""

def numel(x: TensorLike) -> int:
    """The number of elements."""

def one_hot(
    index: TensorLike, num_classes: int | None = None, dtype: DTypeLike | None = ...
) -> Tensor:
    """Classes (...) as vectors (..., num_classes): 1 at the position of the class, and 0 elsewhere."""

@typing.overload
def ones(
    shape: int | collections.abc.Sequence[int],
    dtype: DTypeLike | None = ...,
    *,
    device: str | None = None,
) -> Tensor:
    """Ones."""

@typing.overload
def ones(
    *args: int | collections.abc.Sequence[int], dtype: DTypeLike = ..., device: str | None = None
) -> Tensor:
    """The same with the sizes as separate arguments."""

def ones_like(
    x: TensorLike, dtype: DTypeLike | None = None, *, device: str | None = None
) -> Tensor:
    """Ones of the shape and, unless another is given, the dtype of x."""

def ops() -> list[dict[str, typing.Any]]:
    """The properties of every op."""

def outer(a: TensorLike, b: TensorLike) -> Tensor:
    """All products of an element of a and one of b: a matrix of shape (size of a, size of b)."""

def pad(
    x: TensorLike,
    pad_width: int | collections.abc.Sequence[int | tuple[int, int]],
    mode: str = "constant",
    constant_values: float | int | builtins.bool | None = None,
) -> Tensor:
    """Adds elements around a tensor, as in NumPy."""

def permutation(
    x: int | TensorLike, generator: Generator | None = None, *, axis: int = 0
) -> Tensor:
    """The slices of x along an axis in random order, or, for an integer, 0 .. x-1 in random order, int64."""

def permute_dims(x: TensorLike, axes: int | collections.abc.Sequence[int]) -> Tensor:
    """The axes in another order, as a view."""

def pinv(x: TensorLike, rtol: float | None = None, rtols: TensorLike | None = None) -> Tensor:
    """The Moore-Penrose inverse."""

def poisson(rate: TensorLike, state: TensorLike) -> Tensor:
    """Numbers of events at the given rates."""

def polygamma(a: TensorLike, b: TensorLike) -> Tensor:
    """Derivative number a of `digamma` at b, a a whole number from 0 to 170."""

def positive(x: TensorLike) -> Tensor:
    """x itself."""

def pow(a: TensorLike, b: TensorLike) -> Tensor:
    """a to the power b; of integers, a negative power gives 0 unless |a| is 1."""

def power(a: TensorLike, b: TensorLike) -> typing.Any:
    """Another name for `pydl.pow`."""

def prelu(x: TensorLike, weight: typing.Any) -> Tensor:
    """x where positive, else weight * x (He et al., 2015)."""

def prod(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
    *,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """Product over axes."""

def promote_types(a: DTypeLike, b: DTypeLike) -> DType:
    """The common dtype of operands of two dtypes."""

def ptp(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """The distance from the smallest to the largest element over axes."""

def put(
    x: TensorLike, index: TensorLike, values: TensorLike, accumulate: builtins.bool = False
) -> Tensor:
    """x with values where an index into its elements, in row-major order, points."""

def qr(x: TensorLike, complete: builtins.bool = False) -> tuple[Tensor, Tensor]:
    """Matrices as products of one with orthonormal columns and an upper triangle."""

def quantile(
    x: TensorLike,
    q: typing.Any,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
    interpolation: str = "linear",
) -> Tensor:
    """Quantiles over axes: where a fraction q of the sorted elements is before. NaN if there is one among them."""

def rad2deg(x: TensorLike) -> Tensor:
    """Radians as degrees: x * 180 / pi."""

def rand(
    *args: int | collections.abc.Sequence[int],
    dtype: DTypeLike | None = ...,
    generator: Generator | None = None,
) -> Tensor:
    """`uniform` in [0, 1) with the sizes as arguments."""

def rand_like(
    x: TensorLike, dtype: DTypeLike | None = None, generator: Generator | None = None
) -> Tensor:
    """`uniform` in [0, 1), of the shape and, unless another is given, the dtype of x."""

def randint(
    low: int,
    high: int | collections.abc.Sequence[int] | None = None,
    shape: int | collections.abc.Sequence[int] | None = None,
    dtype: DTypeLike | None = ...,
    generator: Generator | None = None,
) -> Tensor:
    """Random integers in [low, high), or, without `high`, in [0, low)."""

def randint_like(
    x: TensorLike,
    low: int,
    high: int | None = None,
    dtype: DTypeLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Random integers in [low, high), of the shape and, unless another is given, the dtype of x, which may be"""

def randn(
    *args: int | collections.abc.Sequence[int],
    dtype: DTypeLike | None = ...,
    generator: Generator | None = None,
) -> Tensor:
    """`normal` with mean 0 and std 1, the sizes as arguments."""

def randn_like(
    x: TensorLike, dtype: DTypeLike | None = None, generator: Generator | None = None
) -> Tensor:
    """`normal` with mean 0 and std 1, of the shape and, unless another is given, the dtype of x."""

def random_integers(
    state: TensorLike, shape: collections.abc.Sequence[int], low: int = 0, high: int = 2
) -> Tensor:
    """Integers in [low, high), at most 2**53 apart."""

def randperm(n: int, generator: Generator | None = None) -> Tensor:
    """PyTorch's name for `permutation` of an integer."""

def ravel(x: TensorLike) -> Tensor:
    """All elements in row-major order, as one axis; a view if the layout allows it."""

def real(x: TensorLike) -> Tensor:
    """The real part: x itself, because pydl has no complex numbers."""

def reciprocal(x: TensorLike) -> Tensor:
    """1 / x."""

def recurrent(
    x: TensorLike,
    h0: TensorLike,
    c0: TensorLike | None,
    weights: collections.abc.Sequence[Tensor],
    lengths: TensorLike | None = None,
    cell: str = "lstm",
    reset_after: builtins.bool = True,
    reverse: builtins.bool = False,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """One direction of one recurrent layer over x (T, N, I): output (T, N, H), final h (N, H), and final c or None."""

def recurrent_backward(
    gradients: collections.abc.Sequence[Tensor | None],
    x: TensorLike,
    h0: TensorLike,
    c0: TensorLike | None,
    weights: collections.abc.Sequence[Tensor],
    lengths: TensorLike | None = None,
    cell: str = "lstm",
    reset_after: builtins.bool = True,
    reverse: builtins.bool = False,
) -> list[Tensor | None]:
    """Gradients of `recurrent` for x, h0, c0, w_ih, w_hh, b_ih and b_hh, from the gradients of its results."""

def recurrent_step(
    x: TensorLike,
    h: TensorLike,
    c: TensorLike | None,
    weights: collections.abc.Sequence[Tensor],
    cell: str = "lstm",
    reset_after: builtins.bool = True,
) -> tuple[Tensor, Tensor | None]:
    """One step of a recurrent layer, x (N, I): the new h, and the new c or None. Arguments as for `recurrent`."""

def relu(x: TensorLike) -> Tensor:
    """Rectified linear unit: the larger of x and 0."""

def relu6(x: TensorLike) -> Tensor:
    """The larger of x and 0, but at most 6 (Howard et al., 2017)."""

def relu6_backward(a: TensorLike, b: TensorLike) -> Tensor:
    """Gradient a, but 0 where the output b of `relu6` is at most 0 or at least 6."""

def relu_backward(a: TensorLike, b: TensorLike) -> Tensor:
    """Gradient a where the output b of `relu` is positive or not a number, else 0."""

def remainder(a: TensorLike, b: TensorLike) -> Tensor:
    """a - floor(a / b) * b, with the sign of b; integer division by zero gives 0."""

def repeat(
    x: TensorLike,
    repeats: int | collections.abc.Sequence[int] | TensorLike | Array,
    axis: int | None = None,
) -> Tensor:
    """Each element along an axis repeated; without an axis, all elements in row-major order."""

def repeat_interleave(
    x: TensorLike,
    repeats: int | collections.abc.Sequence[int] | TensorLike | Array,
    axis: int | None = None,
    *,
    output_size: int | None = None,
) -> Tensor:
    """Each element along an axis repeated; without an axis, all elements in row-major order."""

def replace_nonfinite(x: TensorLike, nan: float, positive: float, negative: float) -> Tensor:
    """x with numbers instead of NaN and infinities."""

def resample(
    x: TensorLike,
    size: int | collections.abc.Sequence[int],
    mode: str = "nearest",
    align_corners: builtins.bool = False,
    steps: collections.abc.Sequence[float] | None = None,
    antialias: builtins.bool = False,
) -> Tensor:
    """Interpolation along 1 to 3 spatial axes; see `pydl.nn.functional.interpolate`."""

def resample_backward(
    g: TensorLike,
    size: int | collections.abc.Sequence[int],
    mode: str = "nearest",
    align_corners: builtins.bool = False,
    steps: collections.abc.Sequence[float] | None = None,
    antialias: builtins.bool = False,
) -> Tensor:
    """Gradient of `resample` for an input of the spatial sizes `size`."""

def reset_peak_memory() -> None:
    """Resets the peak to the current use."""

def reshape(
    x: TensorLike, shape: int | collections.abc.Sequence[int], *, copy: builtins.bool | None = None
) -> Tensor:
    """The same elements, in row-major order, in another shape; a view if the layout allows it."""

def roll(
    x: TensorLike,
    shift: int | collections.abc.Sequence[int],
    axis: int | collections.abc.Sequence[int] | None = None,
) -> Tensor:
    """Elements moved along axes; what leaves at one end enters at the other."""

def rot90(x: TensorLike, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """Rotated by k right angles in the plane of two axes, from the first towards the second, as a view."""

def round(x: TensorLike, decimals: int = 0) -> Tensor:
    """Nearest number with so many decimals, an even one if two are equally near."""

def rrelu(
    x: TensorLike,
    lower: float = 0.125,
    upper: float = 0.3333333333333333,
    training: builtins.bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """x where positive, else x times a slope (Xu et al., 2015)."""

def rsqrt(x: TensorLike) -> Tensor:
    """1 / sqrt(x)."""

def scaled_normalize(
    x: TensorLike,
    weight: TensorLike,
    bias: TensorLike | None = None,
    axes: int = 1,
    epsilon: float = 1e-05,
    center: builtins.bool = True,
) -> Tensor:
    """normalize(x) * weight + bias. Weight and bias have the shape of trailing axes of x, at least those of a row, where"""

def scaled_normalize_backward(
    g: TensorLike,
    x: TensorLike,
    weight: TensorLike,
    axes: int = 1,
    epsilon: float = 1e-05,
    center: builtins.bool = True,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of scaled_normalize for x, weight and bias."""

def scatter(x: TensorLike, index: TensorLike, source: TensorLike, axis: int = 0) -> Tensor:
    """x with elements along an axis overwritten by those of source, each where an index of its shape points."""

def scatter_add(x: TensorLike, index: TensorLike, source: TensorLike, axis: int = 0) -> Tensor:
    """x plus the elements of source, each where an index of its shape points along an axis."""

def scatter_reduce(
    x: TensorLike,
    index: TensorLike,
    source: TensorLike,
    reduce: str,
    axis: int = 0,
    include_self: builtins.bool = True,
) -> Tensor:
    """The elements of x combined with those of source for which an index of its shape points there along an axis."""

def search_sorted(sorted: TensorLike, values: TensorLike, right: builtins.bool = False) -> Tensor:
    """How many of the sorted elements are less than each value, or not greater."""

def searchsorted(
    x: TensorLike, values: TensorLike, side: str = "left", sorter: TensorLike | None = None
) -> Tensor:
    """Where values belong among sorted elements."""

def segment_argmax(x: TensorLike, offsets: TensorLike) -> Tensor:
    """The row of x (count, D) with the largest element of each segment, per column: (B, D)."""

def segment_ids(offsets: TensorLike, count: int) -> Tensor:
    """The segment of each of `count` elements; segment b begins at offsets[b]."""

def segment_max(x: TensorLike, segment_ids: TensorLike, num_segments: int | None = None) -> Tensor:
    """The largest elements, or 0 where there are none, of the slices of each segment."""

def segment_mean(x: TensorLike, segment_ids: TensorLike, num_segments: int | None = None) -> Tensor:
    """The means, or 0 where there are none, of the slices of each segment."""

def segment_min(x: TensorLike, segment_ids: TensorLike, num_segments: int | None = None) -> Tensor:
    """The smallest elements, or 0 where there are none, of the slices of each segment."""

def segment_prod(x: TensorLike, segment_ids: TensorLike, num_segments: int | None = None) -> Tensor:
    """The products of the slices of each segment."""

def segment_sum(x: TensorLike, segment_ids: TensorLike, num_segments: int | None = None) -> Tensor:
    """The sums of the slices of each segment."""

def select(x: TensorLike, axis: int, index: int) -> Tensor:
    """One slice of an axis, without that axis, as a view."""

def selu(x: TensorLike) -> Tensor:
    """Scaled exponential linear unit (Klambauer et al., 2017)."""

def selu_backward(a: TensorLike, b: TensorLike) -> Tensor:
    """Gradient a times the slope of `selu` at b."""

def sequence_product(
    a: TensorLike, b: TensorLike, lengths: TensorLike, first: TensorLike, shift: int = 0
) -> Tensor:
    """Sum of the outer products of a[t, n] and b[t + shift, n] over n and t < lengths[n]; first[n] is used if t + shift is outside of the sequence."""

def set_autocast_dtype(dtype: DTypeLike | None) -> None:
    """Sets the dtype of products on this thread. Prefer the context manager `autocast`."""

def set_grad_enabled(enabled: builtins.bool) -> None:
    """Turns recording on this thread on or off. Prefer the context managers `no_grad` and `enable_grad`."""

def set_num_threads(count: int) -> None:
    """Sets the number of threads that kernels may use, from 1 to 1024."""

def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: builtins.bool | None = None,
) -> None:
    """Sets how tensors are written, in the whole process. What is not given stays as it is."""

def set_rng_state(state: TensorLike) -> None:
    """Continues the default generator from a state that `get_rng_state` returned."""

def setdiff1d(a: TensorLike, b: TensorLike) -> Tensor:
    """The different elements of the first tensor that the second one does not have, in ascending order."""

def sigmoid(x: TensorLike) -> Tensor:
    """Logistic function: 1 / (1 + exp(-x))."""

def sigmoid_backward(a: TensorLike, b: TensorLike) -> Tensor:
    """Gradient a times b * (1 - b), b the output of `sigmoid`."""

def sign(x: TensorLike) -> Tensor:
    """-1, 0 or 1 by the sign of x."""

def signbit(x: TensorLike) -> Tensor:
    """Whether the sign of x is negative, as it is for -0.0."""

def silu(x: TensorLike) -> Tensor:
    """Sigmoid-weighted linear unit, or swish: x * sigmoid(x)."""

def silu_backward(a: TensorLike, b: TensorLike) -> Tensor:
    """Gradient a times the slope of `silu` at b."""

def sin(x: TensorLike) -> Tensor:
    """Sine of x in radians."""

def sinc(x: TensorLike) -> Tensor:
    """sin(pi x) / (pi x), 1 at 0."""

def sinh(x: TensorLike) -> Tensor:
    """Hyperbolic sine."""

def slice(
    x: TensorLike,
    starts: int | collections.abc.Sequence[int],
    sizes: int | collections.abc.Sequence[int],
    steps: int | collections.abc.Sequence[int],
) -> Tensor:
    """A part of each axis, as a view, like indexing by slices."""

def slice_backward(
    g: TensorLike,
    shape: int | collections.abc.Sequence[int],
    starts: int | collections.abc.Sequence[int],
    steps: int | collections.abc.Sequence[int],
) -> Tensor:
    """Zeros of `shape` with g at starts + i * steps: the transpose of `slice`."""

def sliding_window_view(
    x: TensorLike,
    window_shape: int | collections.abc.Sequence[int],
    axis: int | collections.abc.Sequence[int] | None = None,
) -> Tensor:
    """All windows of a shape over some axes (all by default), as a view."""

def softmax(x: TensorLike, axis: int = -1, *, dtype: DTypeLike | None = None) -> Tensor:
    """exp(x) normalised to sum 1 along an axis."""

def softmax_backward(g: TensorLike, y: TensorLike, axis: int = -1) -> Tensor:
    """Gradient g of softmax through its output y."""

def softmax_cross_entropy(
    logits: TensorLike,
    target: TensorLike,
    axis: int = -1,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-softmax of logits at the target class; 0 if the target is `ignore_index`."""

def softmax_cross_entropy_backward(
    g: TensorLike,
    logits: TensorLike,
    target: TensorLike,
    axis: int = -1,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Gradient of softmax_cross_entropy for the logits: softmax minus one-hot."""

def softplus(x: TensorLike) -> Tensor:
    """log(1 + exp(x)), without overflow."""

def softshrink(x: TensorLike, lambd: typing.Any = 0.5) -> Tensor:
    """x moved towards 0 by lambd, 0 within [-lambd, lambd]."""

def softsign(x: TensorLike) -> Tensor:
    """x / (1 + |x|)."""

def solve(a: TensorLike, b: TensorLike) -> Tensor:
    """The solution x of a x = b for square matrices a."""

def solve_triangular(
    a: TensorLike,
    b: TensorLike,
    upper: builtins.bool = False,
    transpose: builtins.bool = False,
    unit_diagonal: builtins.bool = False,
) -> Tensor:
    """The solution x of a x = b, where a is a triangle of a matrix."""

def sort(
    x: TensorLike,
    axis: int = -1,
    descending: builtins.bool = False,
    *,
    stable: builtins.bool = True,
) -> Tensor:
    """The elements along an axis in ascending or descending order; `argsort` says where they were."""

def sort_values(x: TensorLike, axis: int = -1, descending: builtins.bool = False) -> Tensor:
    """The elements along an axis in ascending or descending order."""

def sort_with_indices(
    x: TensorLike, axis: int = -1, descending: builtins.bool = False
) -> tuple[Tensor, Tensor]:
    """The elements along an axis in ascending or descending order, and where each of them was."""

def split(x: TensorLike, sizes: int | collections.abc.Sequence[int], axis: int = 0) -> list[Tensor]:
    """Parts of an axis, as views: of the given sizes, or a number of equal ones."""

def sqrt(x: TensorLike) -> Tensor:
    """Square root."""

def square(x: TensorLike) -> Tensor:
    """x * x."""

def squared_difference(a: TensorLike, b: TensorLike) -> Tensor:
    """(a - b)^2."""

def squared_difference_backward(a: TensorLike, b: TensorLike, c: typing.Any) -> Tensor:
    """Gradient a times 2 * (b - c), the slope of `squared_difference`."""

def squeeze(x: TensorLike, axis: int | collections.abc.Sequence[int] | None = None) -> Tensor:
    """Axes of size 1 removed: those named, or all."""

def stack(tensors: collections.abc.Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Tensors of one shape joined along a new axis."""

def standard_gamma(
    concentration: TensorLike, state: TensorLike, logarithm: builtins.bool = False
) -> Tensor:
    """Gamma variates of scale 1, or their logarithms."""

def standard_variate(
    state: TensorLike,
    shape: collections.abc.Sequence[int],
    dtype: DTypeLike,
    distribution: str = "exponential",
) -> Tensor:
    """Standard numbers of a distribution."""

def std(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    correction: float | None = None,
    keepdims: builtins.bool = False,
    *,
    ddof: float | None = None,
    unbiased: builtins.bool | None = None,
) -> Tensor:
    """Standard deviation over axes; its derivative is 0 if all elements are equal."""

def std_mean(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    correction: float | None = None,
    keepdims: builtins.bool = False,
    *,
    unbiased: builtins.bool | None = None,
) -> tuple[Tensor, Tensor]:
    """Standard deviation and mean over axes."""

@typing.overload
def sub(a: TensorLike, b: TensorLike) -> typing.Any:
    """Another name for `pydl.subtract`."""

@typing.overload
def sub(a: TensorLike, b: TensorLike, *, alpha: TensorLike) -> typing.Any:
    """The same with b multiplied by a number or tensor first."""

@typing.overload
def subtract(a: TensorLike, b: TensorLike) -> Tensor:
    """a - b."""

@typing.overload
def subtract(a: TensorLike, b: TensorLike, *, alpha: TensorLike) -> typing.Any:
    """The same with b multiplied by a number or tensor first."""

def sum(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
    *,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """Sum over axes."""

def svd(
    x: TensorLike, full_matrices: builtins.bool = True, vectors: builtins.bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """Singular values, descending, with their left and right singular vectors."""

def swapaxes(x: TensorLike, axis1: int, axis2: int) -> Tensor:
    """Two axes swapped, as a view."""

def take(x: TensorLike, index: TensorLike, axis: int = 0) -> Tensor:
    """Slices along an axis, selected by an integer index of any rank."""

def take_along_axis(x: TensorLike, index: TensorLike, axis: int | None = -1) -> Tensor:
    """Elements along an axis, selected at each position by an index with as many axes; the other axes are"""

def take_along_dim(x: TensorLike, index: TensorLike, axis: int | None = None) -> Tensor:
    """`take_along_axis` with PyTorch's name and default: without an axis, both are flattened."""

def take_backward(
    g: TensorLike, index: TensorLike, axis: int, size: int, skip: int | None = None
) -> Tensor:
    """Adds gradients at the positions from which `take` took slices, except `skip`, on an axis of `size`."""

def tan(x: TensorLike) -> Tensor:
    """Tangent of x in radians."""

def tanh(x: TensorLike) -> Tensor:
    """Hyperbolic tangent."""

def tanh_backward(a: TensorLike, b: TensorLike) -> Tensor:
    """Gradient a times 1 - b * b, b the output of `tanh`."""

def tanhshrink(x: TensorLike) -> Tensor:
    """x - tanh(x)."""

def tensor(
    data: typing.Any,
    dtype: DTypeLike | None = None,
    requires_grad: builtins.bool = False,
    *,
    device: str | None = None,
) -> Tensor:
    """A new tensor with a copy of the data."""

def tensor_split(
    x: TensorLike, indices_or_sections: int | collections.abc.Sequence[int], axis: int = 0
) -> list[Tensor]:
    """Parts of an axis, as views, which need not be equal."""

def tensordot(
    a: TensorLike,
    b: TensorLike,
    axes: int | collections.abc.Sequence[int | collections.abc.Sequence[int]] = 2,
) -> Tensor:
    """The sum of products over several axes."""

def threshold(x: TensorLike, threshold: typing.Any, value: typing.Any) -> Tensor:
    """x where it is larger than the threshold, else `value`."""

def tile(x: TensorLike, repetitions: int | collections.abc.Sequence[int]) -> Tensor:
    """The whole tensor repeated along each axis; missing numbers in front are 1."""

def topk(
    x: TensorLike, k: int, axis: int = -1, largest: builtins.bool = True
) -> tuple[Tensor, Tensor]:
    """The k largest or smallest elements along an axis, in order, and where each of them was."""

def trace(x: TensorLike, offset: int = 0, *, dtype: DTypeLike | None = None) -> Tensor:
    """The sum of a diagonal of each matrix, in the last two axes."""

def transpose(x: TensorLike, *args: int | collections.abc.Sequence[int]) -> Tensor:
    """Axes in another order, as a view."""

def trapezoid(
    y: TensorLike, x: TensorLike | None = None, dx: float = 1.0, axis: int = -1
) -> Tensor:
    """The integral along an axis by the trapezoidal rule."""

def triangle(x: TensorLike, k: int = 0, lower: builtins.bool = True) -> Tensor:
    """Matrices with zeros above diagonal k, or below it."""

def tril(x: TensorLike, k: int = 0) -> Tensor:
    """The elements on and below diagonal k of matrices (..., M, N), and zeros above it."""

def tril_indices(n: int, *, k: int = 0, m: int | None = None) -> tuple[Tensor, Tensor]:
    """Rows and columns of the elements on and below diagonal k of an n x m matrix, in row-major order."""

def triu(x: TensorLike, k: int = 0) -> Tensor:
    """The elements on and above diagonal k of matrices (..., M, N), and zeros below it."""

def triu_indices(n: int, *, k: int = 0, m: int | None = None) -> tuple[Tensor, Tensor]:
    """Rows and columns of the elements on and above diagonal k of an n x m matrix, in row-major order."""

def true_divide(a: TensorLike, b: TensorLike) -> typing.Any:
    """Another name for `pydl.divide`."""

def trunc(x: TensorLike) -> Tensor:
    """x without its fraction."""

def truncated_normal(low: TensorLike, high: TensorLike, state: TensorLike) -> Tensor:
    """Standard normal numbers in [low, high]."""

def unbind(x: TensorLike, axis: int = 0) -> tuple[typing.Any, ...]:
    """The slices of an axis, without that axis, as views: the inverse of `stack`."""

def unflatten(x: TensorLike, axis: int, sizes: int | collections.abc.Sequence[int]) -> Tensor:
    """One axis divided into several; one of the sizes may be -1. The inverse of `flatten`."""

def unfold(x: TensorLike, axis: int, size: int, step: int = 1, dilation: int = 1) -> Tensor:
    """Windows of `size` elements, `dilation` apart, that begin every `step` elements of an axis, as a view."""

def uniform(
    shape: int | collections.abc.Sequence[int],
    low: TensorLike | float = 0.0,
    high: TensorLike | float = 1.0,
    dtype: DTypeLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Random numbers, uniform in [low, high)."""

def union1d(a: TensorLike, b: TensorLike) -> Tensor:
    """The different elements that one of two tensors has, in ascending order."""

def unique(
    x: TensorLike,
    *,
    return_index: builtins.bool = False,
    return_inverse: builtins.bool = False,
    return_counts: builtins.bool = False,
    axis: int | None = None,
    equal_nan: builtins.bool = True,
) -> typing.Any:
    """The different elements in ascending order, as in NumPy."""

def unique_all(x: TensorLike) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The different elements as `unique_values` returns them, where each is first, the position of the value of each"""

def unique_counts(x: TensorLike) -> tuple[Tensor, Tensor]:
    """The different elements as `unique_values` returns them, and how often each occurs."""

def unique_inverse(x: TensorLike) -> tuple[Tensor, Tensor]:
    """The different elements as `unique_values` returns them, and the position of the value of each element."""

def unique_values(x: TensorLike) -> Tensor:
    """The different elements in ascending order; each NaN is one of its own, as the array API demands."""

def unsqueeze(x: TensorLike, axis: int) -> Tensor:
    """PyTorch's name for `expand_dims`."""

def unstack(x: TensorLike, axis: int = 0) -> tuple[typing.Any, ...]:
    """The slices of an axis, without that axis, as views: the inverse of `stack`."""

def var(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    correction: float | None = None,
    keepdims: builtins.bool = False,
    *,
    ddof: float | None = None,
    unbiased: builtins.bool | None = None,
) -> Tensor:
    """Variance over axes."""

def var_mean(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    correction: float | None = None,
    keepdims: builtins.bool = False,
    *,
    unbiased: builtins.bool | None = None,
) -> tuple[Tensor, Tensor]:
    """Variance and mean over axes."""

def vdot(a: TensorLike, b: TensorLike) -> Tensor:
    """The scalar product of all elements, in row-major order."""

def vecdot(a: TensorLike, b: TensorLike, axis: int = -1) -> Tensor:
    """Scalar products of vectors along an axis; the others broadcast."""

def vector_norm(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
    ord: float = 2.0,
) -> Tensor:
    """The norm of vectors over axes: sum(abs(x) ** p) ** (1 / p)."""

def vsplit(x: TensorLike, indices_or_sections: int | collections.abc.Sequence[int]) -> list[Tensor]:
    """Parts of the first axis."""

def vstack(tensors: collections.abc.Sequence[TensorLike]) -> Tensor:
    """Tensors joined along the first axis; vectors are rows."""

@typing.overload
def where(condition: TensorLike, a: TensorLike, b: TensorLike) -> Tensor:
    """a where the condition holds, else b; of a condition alone, the positions where it is not 0."""

@typing.overload
def where(condition: TensorLike) -> tuple[Tensor, ...]:
    """The positions where a condition is not 0: one tensor per axis."""

def xlogy(a: TensorLike, b: TensorLike) -> Tensor:
    """a * log(b), 0 where a is 0 and b is a number."""

@typing.overload
def zeros(
    shape: int | collections.abc.Sequence[int],
    dtype: DTypeLike | None = ...,
    *,
    device: str | None = None,
) -> Tensor:
    """Zeros."""

@typing.overload
def zeros(
    *args: int | collections.abc.Sequence[int], dtype: DTypeLike = ..., device: str | None = None
) -> Tensor:
    """The same with the sizes as separate arguments."""

def zeros_like(
    x: TensorLike, dtype: DTypeLike | None = None, *, device: str | None = None
) -> Tensor:
    """Zeros of the shape and, unless another is given, the dtype of x."""

__version__: str
bfloat16: DType
bool: DType
float16: DType
float32: DType
float64: DType
int16: DType
int32: DType
int64: DType
int8: DType
max_rank: int
uint8: DType
