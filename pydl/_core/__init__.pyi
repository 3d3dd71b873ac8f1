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

    def all(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
        *,
        out: None = None,
    ) -> Tensor:
        """Whether all elements over axes are not 0."""

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

    def asin(self) -> Tensor:
        """Inverse sine, in radians."""

    def astype(self, dtype: DTypeLike) -> Tensor:
        """The same values in another dtype; the tensor itself if it already has that dtype."""

    def atan(self) -> Tensor:
        """Inverse tangent, in radians."""

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

    def bitwise_invert(self) -> Tensor:
        """Every bit of an integer turned; of bools, not."""

    def bool(self) -> Tensor:
        """The tensor as bool: PyTorch's name for `astype`."""

    def byte(self) -> Tensor:
        """The tensor as uint8: PyTorch's name for `astype`."""

    def ceil(self) -> Tensor:
        """The smallest integer not below x."""

    def clip(self, min: TensorLike | None = None, max: TensorLike | None = None) -> Tensor:
        """x limited to [min, max]."""

    def clone(self) -> Tensor:
        """PyTorch's name for `copy`: the same values in new memory. Gradients flow through it."""

    def contiguous(self) -> Tensor:
        """The tensor itself if it is row-major without gaps, else a row-major copy."""

    def copy(self) -> Tensor:
        """The same values in new memory."""

    def copy_(self, source: TensorLike) -> typing_extensions.Self:
        """Overwrites the elements with those of `source`, which broadcasts; returns the tensor itself."""

    def cos(self) -> Tensor:
        """Cosine of x in radians."""

    def cosh(self) -> Tensor:
        """Hyperbolic cosine."""

    def cpu(self) -> Tensor:
        """The tensor itself: all tensors are on the device 'cpu'."""

    def data_ptr(self) -> builtins.int:
        """The address of the first element in memory."""

    def detach(self) -> Tensor:
        """The same elements without history."""

    def dim(self) -> builtins.int:
        """PyTorch's name for `ndim`: the number of axes."""

    def double(self) -> Tensor:
        """The tensor as float64: PyTorch's name for `astype`."""

    def element_size(self) -> builtins.int:
        """Bytes of one element, as `itemsize`."""

    def erf(self) -> Tensor:
        """Error function."""

    def exp(self) -> Tensor:
        """e to the power x."""

    def expand(self, *args: builtins.int | collections.abc.Sequence[builtins.int]) -> Tensor:
        """See `pydl.expand`; takes sizes or one sequence of them."""

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

    def float(self) -> Tensor:
        """The tensor as float32: PyTorch's name for `astype`."""

    def floor(self) -> Tensor:
        """The largest integer not above x."""

    def gelu(self) -> Tensor:
        """Gaussian error linear unit: x * Phi(x), Phi by the error function (Hendrycks and Gimpel, 2016)."""

    def gelu_tanh(self) -> Tensor:
        """Gaussian error linear unit, by the hyperbolic-tangent approximation."""

    def half(self) -> Tensor:
        """The tensor as float16: PyTorch's name for `astype`."""

    def int(self) -> Tensor:
        """The tensor as int32: PyTorch's name for `astype`."""

    def is_contiguous(self) -> builtins.bool:
        """Whether the elements are in row-major order without gaps."""

    def is_floating_point(self) -> builtins.bool:
        """Whether the elements are floating-point numbers."""

    def isfinite(self) -> Tensor:
        """Whether x is neither infinite nor not-a-number."""

    def isinf(self) -> Tensor:
        """Whether x is infinite."""

    def isnan(self) -> Tensor:
        """Whether x is not a number."""

    def item(self) -> typing.Any:
        """The only element as a Python number. Raises ValueError when there are several."""

    def log(self) -> Tensor:
        """Natural logarithm."""

    def log10(self) -> Tensor:
        """Logarithm to base 10."""

    def log1p(self) -> Tensor:
        """log(1 + x), exact for small x."""

    def log2(self) -> Tensor:
        """Logarithm to base 2."""

    def log_softmax(self, axis: builtins.int = -1) -> Tensor:
        """Logarithm of softmax, without overflow."""

    def logical_not(self) -> Tensor:
        """Whether x is zero (false)."""

    def long(self) -> Tensor:
        """The tensor as int64: PyTorch's name for `astype`."""

    def masked_fill(self, mask: TensorLike, value: typing.Any) -> Tensor:
        """See `pydl.masked_fill`."""

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
        """Largest element over axes; NaN if there is one."""

    def mean(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
        *,
        dtype: DTypeLike | None = None,
        out: None = None,
    ) -> Tensor:
        """Arithmetic mean over axes."""

    def min(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
        *,
        out: None = None,
    ) -> Tensor:
        """Smallest element over axes; NaN if there is one."""

    def mish(self) -> Tensor:
        """x * tanh(softplus(x)) (Misra, 2019)."""

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

    def nonzero(self) -> tuple[Tensor, ...]:
        """See `pydl.nonzero`."""

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

    def permute(self, *args: builtins.int | collections.abc.Sequence[builtins.int]) -> Tensor:
        """PyTorch's name for `permute_dims`; takes axes or one sequence of them."""

    def permute_dims(self, *args: builtins.int | collections.abc.Sequence[builtins.int]) -> Tensor:
        """See `pydl.permute_dims`; takes axes or one sequence of them."""

    def prod(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
        *,
        dtype: DTypeLike | None = None,
        out: None = None,
    ) -> Tensor:
        """Product over axes."""

    def reciprocal(self) -> Tensor:
        """1 / x."""

    def relu(self) -> Tensor:
        """Rectified linear unit: the larger of x and 0."""

    def relu6(self) -> Tensor:
        """The larger of x and 0, but at most 6 (Howard et al., 2017)."""

    def requires_grad_(self, flag: builtins.bool = True) -> typing_extensions.Self:
        """Sets `requires_grad` and returns the tensor itself."""

    def reshape(self, *args: builtins.int | collections.abc.Sequence[builtins.int]) -> Tensor:
        """See `pydl.reshape`; takes sizes or one sequence of them."""

    def round(self) -> Tensor:
        """The nearest integer; halves go to the even one."""

    def rsqrt(self) -> Tensor:
        """1 / sqrt(x)."""

    def selu(self) -> Tensor:
        """Scaled exponential linear unit (Klambauer et al., 2017)."""

    def short(self) -> Tensor:
        """The tensor as int16: PyTorch's name for `astype`."""

    def sigmoid(self) -> Tensor:
        """Logistic function: 1 / (1 + exp(-x))."""

    def sign(self) -> Tensor:
        """-1, 0 or 1 by the sign of x."""

    def silu(self) -> Tensor:
        """Sigmoid-weighted linear unit, or swish: x * sigmoid(x)."""

    def sin(self) -> Tensor:
        """Sine of x in radians."""

    def sinh(self) -> Tensor:
        """Hyperbolic sine."""

    def softmax(self, axis: builtins.int = -1) -> Tensor:
        """exp(x) normalised to sum 1 along an axis."""

    def softplus(self) -> Tensor:
        """log(1 + exp(x)), without overflow."""

    def softsign(self) -> Tensor:
        """x / (1 + |x|)."""

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
        correction: builtins.float = 0.0,
        keepdims: builtins.bool = False,
        *,
        dtype: DTypeLike | None = None,
        out: None = None,
        ddof: builtins.float | None = None,
    ) -> Tensor:
        """Standard deviation over axes; its derivative is 0 if all elements are equal."""

    def sum(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        keepdims: builtins.bool = False,
        *,
        dtype: DTypeLike | None = None,
        out: None = None,
    ) -> Tensor:
        """Sum over axes."""

    def tan(self) -> Tensor:
        """Tangent of x in radians."""

    def tanh(self) -> Tensor:
        """Hyperbolic tangent."""

    def to(self, target: DTypeLike) -> Tensor:
        """The tensor in another dtype, in that of another tensor, or on the device 'cpu'. Raises RuntimeError for devices that are not supported."""

    def tolist(self) -> typing.Any:
        """The elements as nested lists."""

    def trunc(self) -> Tensor:
        """x without its fraction."""

    def type_as(self, other: TensorLike) -> Tensor:
        """The tensor in the dtype of another one."""

    def uniform_(
        self,
        low: TensorLike | builtins.float = 0.0,
        high: TensorLike | builtins.float = 1.0,
        generator: Generator | None = None,
    ) -> typing_extensions.Self:
        """Overwrites the elements with random numbers, uniform in [low, high); returns the tensor itself."""

    def var(
        self,
        axis: builtins.int | collections.abc.Sequence[builtins.int] | None = None,
        correction: builtins.float = 0.0,
        keepdims: builtins.bool = False,
        *,
        dtype: DTypeLike | None = None,
        out: None = None,
        ddof: builtins.float | None = None,
    ) -> Tensor:
        """Variance over axes."""

    def view(self, *args: builtins.int | collections.abc.Sequence[builtins.int]) -> Tensor:
        """Like `reshape`, but never copies, as in PyTorch."""

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
def _bytes_of(arg0: TensorLike) -> Tensor: ...
def _default_generator() -> Generator:
    """A generator that shares the default one's stream."""

def _grad(
    outputs: collections.abc.Sequence[Tensor],
    inputs: collections.abc.Sequence[Tensor],
    grad_outputs: collections.abc.Sequence[Tensor | None],
    retain_graph: builtins.bool,
    create_graph: builtins.bool,
    allow_unused: builtins.bool,
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

def add(a: TensorLike, b: TensorLike) -> Tensor:
    """a + b."""

def all(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Whether all elements over axes are not 0."""

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
) -> Tensor:
    """start, start + step, ... up to but excluding stop; with one argument, integers from 0."""

def argmax(x: TensorLike, axis: int | None = None, keepdims: builtins.bool = False) -> Tensor:
    """Index of the largest element, the first one if there are several."""

def argmin(x: TensorLike, axis: int | None = None, keepdims: builtins.bool = False) -> Tensor:
    """Index of the smallest element, the first one if there are several."""

def argsort(x: TensorLike, axis: int = -1, descending: builtins.bool = False) -> Tensor:
    """Where the elements along an axis are, in ascending or descending order."""

def argwhere(x: TensorLike) -> Tensor:
    """The positions of the elements that are not zero, in row-major order: an int64 tensor of shape (count, axes)."""

def asarray(
    data: typing.Any, dtype: DTypeLike | None = None, *, copy: builtins.bool | None = None
) -> Tensor:
    """The data as a tensor, which shares memory with tensors and NumPy arrays if possible."""

def asin(x: TensorLike) -> Tensor:
    """Inverse sine, in radians."""

def astype(x: TensorLike, dtype: DTypeLike) -> Tensor:
    """The same values in another dtype; the tensor itself if it already has that dtype."""

def atan(x: TensorLike) -> Tensor:
    """Inverse tangent, in radians."""

def atan2(a: TensorLike, b: TensorLike) -> Tensor:
    """Angle of the point (b, a), in radians."""

def autocast_dtype() -> DType | None:
    """The dtype that `pydl.autocast` set for this thread, or None."""

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

def binary_step(x: TensorLike) -> Tensor:
    """1 where x >= 0, else 0; its derivative is 0."""

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

def broadcast_to(x: TensorLike, shape: int | collections.abc.Sequence[int]) -> Tensor:
    """The array API's name for `expand`."""

def cast(x: TensorLike, dtype: DTypeLike) -> Tensor:
    """The same values in another dtype."""

def ceil(x: TensorLike) -> Tensor:
    """The smallest integer not below x."""

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

def clip(x: TensorLike, min: TensorLike | None = None, max: TensorLike | None = None) -> Tensor:
    """x limited to [min, max]."""

def concat(tensors: collections.abc.Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Tensors joined along an axis; all other axes must have the same sizes."""

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

def cos(x: TensorLike) -> Tensor:
    """Cosine of x in radians."""

def cosh(x: TensorLike) -> Tensor:
    """Hyperbolic cosine."""

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

def cumsum(x: TensorLike, axis: int, reverse: builtins.bool = False) -> Tensor:
    """Sums of all elements up to each one along an axis."""

def divide(a: TensorLike, b: TensorLike) -> Tensor:
    """a / b; of integers, in float32."""

def dropout(
    x: TensorLike, p: float, training: builtins.bool = True, generator: Generator | None = None
) -> Tensor:
    """x with elements set to 0 with probability p and the others divided by 1 - p; x itself unless training."""

def elu(x: TensorLike, alpha: TensorLike = 1.0) -> Tensor:
    """x if positive, else alpha * (exp(x) - 1) (Clevert et al., 2015)."""

@typing.overload
def empty(shape: int | collections.abc.Sequence[int], dtype: DTypeLike | None = ...) -> Tensor:
    """Memory with undefined contents."""

@typing.overload
def empty(*args: int | collections.abc.Sequence[int], dtype: DTypeLike = ...) -> Tensor:
    """The same with the sizes as separate arguments."""

def empty_cache() -> None:
    """Returns cached memory to the system."""

def empty_like(x: TensorLike, dtype: DTypeLike | None = None) -> Tensor:
    """Memory with undefined contents, of the shape and, unless another is given, the dtype of x."""

def equal(a: TensorLike, b: TensorLike) -> Tensor:
    """Whether a == b."""

def erf(x: TensorLike) -> Tensor:
    """Error function."""

def exp(x: TensorLike) -> Tensor:
    """e to the power x."""

def expand(x: TensorLike, shape: int | collections.abc.Sequence[int]) -> Tensor:
    """Axes of size 1 repeated, and leading axes added, without copying."""

def expand_dims(x: TensorLike, axis: int) -> Tensor:
    """An axis of size 1 added at that position of the result."""

def expm1(x: TensorLike) -> Tensor:
    """exp(x) - 1, exact for small x."""

def eye(rows: int, columns: int | None = None, k: int = 0, dtype: DTypeLike | None = ...) -> Tensor:
    """Ones on diagonal k of a matrix (rows, columns) that is otherwise 0."""

def flatten(x: TensorLike, start_axis: int = 0, end_axis: int = -1) -> Tensor:
    """Neighbouring axes joined into one."""

def flip(x: TensorLike, axis: int | collections.abc.Sequence[int] | None = None) -> Tensor:
    """Elements in reverse order along axes, a view."""

def floor(x: TensorLike) -> Tensor:
    """The largest integer not above x."""

def floor_divide(a: TensorLike, b: TensorLike) -> Tensor:
    """floor(a / b); integer division by zero gives 0."""

def from_dlpack(
    source: TensorLike, *, device: str | None = None, copy: builtins.bool | None = None
) -> Tensor:
    """A tensor that shares the memory of another library's array (anything with ``__dlpack__``)."""

def from_numpy(array: Array) -> Tensor:
    """A tensor that shares the array's memory."""

def full(
    shape: int | collections.abc.Sequence[int],
    value: float | int | builtins.bool,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """A tensor with all elements equal."""

def full_like(
    x: TensorLike, value: float | int | builtins.bool, dtype: DTypeLike | None = None
) -> Tensor:
    """Equal elements in the shape and, unless another is given, the dtype of x."""

def gather(x: TensorLike, index: TensorLike, axis: int) -> Tensor:
    """Elements along an axis, selected at each position by an integer index of the same rank (NumPy's"""

def gather_backward(g: TensorLike, index: TensorLike, axis: int, size: int) -> Tensor:
    """Adds gradients at the positions from which `gather` took elements, on an axis of `size`."""

def gelu(x: TensorLike, approximate: str = "none") -> Tensor:
    """Gaussian error linear unit: x * Phi(x) (Hendrycks and Gimpel, 2016)."""

def gelu_tanh(x: TensorLike) -> Tensor:
    """Gaussian error linear unit, by the hyperbolic-tangent approximation."""

def get_num_threads() -> int:
    """The number of threads that kernels may use."""

def get_printoptions() -> dict[str, typing.Any]:
    """How tensors are written, by the names of `set_printoptions`."""

def get_rng_state() -> Tensor:
    """A copy of the default generator's state, int64 {seed, offset}: a tensor, which `pydl.save` saves."""

def gradient_over(a: TensorLike, b: TensorLike) -> Tensor:
    """Gradient a divided by b; 0 where a is 0, whatever b is."""

def gradient_times(a: TensorLike, b: TensorLike) -> Tensor:
    """Gradient a times slope b; 0 where one of them is 0, but for an a that is not a number."""

def greater(a: TensorLike, b: TensorLike) -> Tensor:
    """Whether a > b."""

def greater_equal(a: TensorLike, b: TensorLike) -> Tensor:
    """Whether a >= b."""

def index(x: TensorLike, indices: collections.abc.Sequence[Tensor]) -> Tensor:
    """Elements of the first axes, chosen by one index per axis."""

def index_add(x: TensorLike, index: TensorLike, source: TensorLike, axis: int = 0) -> Tensor:
    """x plus the slices of source, each where an index of one axis points along an axis."""

def info() -> dict[str, typing.Any]:
    """Facts about this build and machine, by name."""

def is_grad_enabled() -> builtins.bool:
    """Whether operations are recorded on this thread."""

def is_tensor(x: int | TensorLike) -> builtins.bool:
    """Whether an object is a tensor."""

def isfinite(x: TensorLike) -> Tensor:
    """Whether x is neither infinite nor not-a-number."""

def isinf(x: TensorLike) -> Tensor:
    """Whether x is infinite."""

def isnan(x: TensorLike) -> Tensor:
    """Whether x is not a number."""

def leaky_relu(x: TensorLike, negative_slope: TensorLike = 0.01) -> Tensor:
    """x if positive, else negative_slope * x."""

def less(a: TensorLike, b: TensorLike) -> Tensor:
    """Whether a < b."""

def less_equal(a: TensorLike, b: TensorLike) -> Tensor:
    """Whether a <= b."""

def linear(x: TensorLike, weight: TensorLike, bias: TensorLike | None = None) -> Tensor:
    """x times the transposed weight, plus bias."""

def linspace(
    start: float,
    stop: float,
    count: int,
    dtype: DTypeLike | None = ...,
    *,
    endpoint: builtins.bool = True,
) -> Tensor:
    """`count` evenly spaced numbers from start to stop, both included."""

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

def log_softmax(x: TensorLike, axis: int = -1) -> Tensor:
    """Logarithm of softmax, without overflow."""

def log_softmax_backward(g: TensorLike, y: TensorLike, axis: int = -1) -> Tensor:
    """Gradient g of log_softmax through its output y."""

def logical_and(a: TensorLike, b: TensorLike) -> Tensor:
    """Whether both are true."""

def logical_not(x: TensorLike) -> Tensor:
    """Whether x is zero (false)."""

def logical_or(a: TensorLike, b: TensorLike) -> Tensor:
    """Whether either is true."""

def logical_xor(a: TensorLike, b: TensorLike) -> Tensor:
    """Whether exactly one is true."""

def logspace(
    start: float,
    stop: float,
    count: int,
    base: float = 10.0,
    dtype: DTypeLike | None = ...,
    *,
    endpoint: builtins.bool = True,
) -> Tensor:
    """`count` numbers from base**start to base**stop whose logarithms are evenly spaced."""

def logsumexp(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """log(sum(exp(x))) over axes, without overflow; integers are converted to float32."""

def manual_seed(seed: int) -> None:
    """Restarts the default generator with this seed."""

def masked_fill(x: TensorLike, mask: TensorLike, value: typing.Any) -> Tensor:
    """x with a number, or a tensor of rank 0, where a bool mask is true. x and mask are broadcast together."""

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
    """Largest element over axes; NaN if there is one."""

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
    """The larger; not-a-number wins."""

def may_share_memory(a: TensorLike, b: TensorLike) -> builtins.bool:
    """Whether the memory of two tensors may overlap, as NumPy's function of that name: their extents are"""

def mean(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Arithmetic mean over axes."""

def memory_stats() -> dict[str, int]:
    """The state of the caching allocator: ``live_bytes``, ``peak_bytes``, ``cached_bytes``, and"""

def min(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Smallest element over axes; NaN if there is one."""

def minimum(a: TensorLike, b: TensorLike) -> Tensor:
    """The smaller; not-a-number wins."""

def mish(x: TensorLike) -> Tensor:
    """x * tanh(softplus(x)) (Misra, 2019)."""

def multinomial(
    probs: TensorLike, state: TensorLike, count: int, replacement: builtins.bool = False
) -> Tensor:
    """Categories by their probabilities along the last axis."""

def multiply(a: TensorLike, b: TensorLike) -> Tensor:
    """a * b."""

def negative(x: TensorLike) -> Tensor:
    """Numerical negative: -x."""

def nonzero(x: TensorLike) -> tuple[Tensor, ...]:
    """The positions of the elements that are not zero, in row-major order: one int64 tensor per axis."""

def nonzero_positions(mask: TensorLike, count: int) -> Tensor:
    """Where a mask with this number of true elements is true: a row of positions per axis."""

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

@typing.overload
def ones(shape: int | collections.abc.Sequence[int], dtype: DTypeLike | None = ...) -> Tensor:
    """Ones."""

@typing.overload
def ones(*args: int | collections.abc.Sequence[int], dtype: DTypeLike = ...) -> Tensor:
    """The same with the sizes as separate arguments."""

def ones_like(x: TensorLike, dtype: DTypeLike | None = None) -> Tensor:
    """Ones of the shape and, unless another is given, the dtype of x."""

def ops() -> list[dict[str, typing.Any]]:
    """The properties of every op."""

def permutation(
    x: int | TensorLike, generator: Generator | None = None, *, axis: int = 0
) -> Tensor:
    """The slices of x along an axis in random order, or, for an integer, 0 .. x-1 in random order, int64."""

def permute_dims(x: TensorLike, axes: int | collections.abc.Sequence[int]) -> Tensor:
    """The axes in another order, as a view."""

def poisson(rate: TensorLike, state: TensorLike) -> Tensor:
    """Numbers of events at the given rates."""

def pow(a: TensorLike, b: TensorLike) -> Tensor:
    """a to the power b; of integers, a negative power gives 0 unless |a| is 1."""

def prod(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Product over axes."""

def promote_types(a: DTypeLike, b: DTypeLike) -> DType:
    """The common dtype of operands of two dtypes."""

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

def randperm(n: int, generator: Generator | None = None) -> Tensor:
    """PyTorch's name for `permutation` of an integer."""

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

def reshape(x: TensorLike, shape: int | collections.abc.Sequence[int]) -> Tensor:
    """The same elements, in row-major order, in another shape; a view if the layout allows it."""

def round(x: TensorLike) -> Tensor:
    """The nearest integer; halves go to the even one."""

def rsqrt(x: TensorLike) -> Tensor:
    """1 / sqrt(x)."""

def scatter(x: TensorLike, index: TensorLike, source: TensorLike, axis: int = 0) -> Tensor:
    """x with elements along an axis overwritten by those of source, each where an index of its shape points."""

def scatter_add(x: TensorLike, index: TensorLike, source: TensorLike, axis: int = 0) -> Tensor:
    """x plus the elements of source, each where an index of its shape points along an axis."""

def segment_argmax(x: TensorLike, offsets: TensorLike) -> Tensor:
    """The row of x (count, D) with the largest element of each segment, per column: (B, D)."""

def segment_ids(offsets: TensorLike, count: int) -> Tensor:
    """The segment of each of `count` elements; segment b begins at offsets[b]."""

def selu(x: TensorLike) -> Tensor:
    """Scaled exponential linear unit (Klambauer et al., 2017)."""

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

def sigmoid(x: TensorLike) -> Tensor:
    """Logistic function: 1 / (1 + exp(-x))."""

def sigmoid_backward(a: TensorLike, b: TensorLike) -> Tensor:
    """Gradient a times b * (1 - b), b the output of `sigmoid`."""

def sign(x: TensorLike) -> Tensor:
    """-1, 0 or 1 by the sign of x."""

def silu(x: TensorLike) -> Tensor:
    """Sigmoid-weighted linear unit, or swish: x * sigmoid(x)."""

def sin(x: TensorLike) -> Tensor:
    """Sine of x in radians."""

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

def softmax(x: TensorLike, axis: int = -1) -> Tensor:
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

def softsign(x: TensorLike) -> Tensor:
    """x / (1 + |x|)."""

def sort(x: TensorLike, axis: int = -1, descending: builtins.bool = False) -> Tensor:
    """The elements along an axis in ascending or descending order; `argsort` says where they were. Equal elements keep"""

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

def squeeze(x: TensorLike, axis: int | collections.abc.Sequence[int] | None = None) -> Tensor:
    """Axes of size 1 removed: those named, or all."""

def stack(tensors: collections.abc.Sequence[TensorLike], axis: int = 0) -> Tensor:
    """Tensors of one shape joined along a new axis."""

def standard_gamma(
    concentration: TensorLike, state: TensorLike, logarithm: builtins.bool = False
) -> Tensor:
    """Gamma variates of scale 1, or their logarithms."""

def std(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    correction: float = 0.0,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Standard deviation over axes; its derivative is 0 if all elements are equal."""

def subtract(a: TensorLike, b: TensorLike) -> Tensor:
    """a - b."""

def sum(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Sum over axes."""

def take(x: TensorLike, index: TensorLike, axis: int = 0) -> Tensor:
    """Slices along an axis, selected by an integer index of any rank."""

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

def tensor(
    data: typing.Any, dtype: DTypeLike | None = None, requires_grad: builtins.bool = False
) -> Tensor:
    """A new tensor with a copy of the data."""

def topk(
    x: TensorLike, k: int, axis: int = -1, largest: builtins.bool = True
) -> tuple[Tensor, Tensor]:
    """The k largest or smallest elements along an axis, in order, and where each of them was."""

def trunc(x: TensorLike) -> Tensor:
    """x without its fraction."""

def truncated_normal(low: TensorLike, high: TensorLike, state: TensorLike) -> Tensor:
    """Standard normal numbers in [low, high]."""

def uniform(
    shape: int | collections.abc.Sequence[int],
    low: TensorLike | float = 0.0,
    high: TensorLike | float = 1.0,
    dtype: DTypeLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Random numbers, uniform in [low, high)."""

def var(
    x: TensorLike,
    axis: int | collections.abc.Sequence[int] | None = None,
    correction: float = 0.0,
    keepdims: builtins.bool = False,
) -> Tensor:
    """Variance over axes."""

def where(condition: TensorLike, a: TensorLike, b: TensorLike) -> Tensor:
    """a where the condition holds, else b."""

@typing.overload
def zeros(shape: int | collections.abc.Sequence[int], dtype: DTypeLike | None = ...) -> Tensor:
    """Zeros."""

@typing.overload
def zeros(*args: int | collections.abc.Sequence[int], dtype: DTypeLike = ...) -> Tensor:
    """The same with the sizes as separate arguments."""

def zeros_like(x: TensorLike, dtype: DTypeLike | None = None) -> Tensor:
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
uint8: DType
