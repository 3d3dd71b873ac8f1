"""Every row of the op table, compiled: alone, inside chains and views, and differentiated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from compiled.comparison import CHOICE_IDS, CHOICES, assert_same, check_calls
from ops.table import Array, Row, Sample, row_samples, rows

import pydl
from pydl import nn

ROWS = rows()
SMOOTH = [row for row in ROWS if row.smooth]
CALLS = 3

View = Callable[[pydl.Tensor], pydl.Tensor]


def _cases(table: list[Row]) -> Iterator[Any]:
    for row in table:
        for dtype in row.dtypes:
            yield pytest.param(row, dtype, id=f"{row.name}-{dtype}")


def _is_real(array: Array) -> bool:
    return array.dtype.kind == "f"


def _tensor(array: Array, dtype: str) -> pydl.Tensor:
    return pydl.tensor(array, dtype=dtype) if _is_real(array) else pydl.tensor(array)


def _groups(row: Row) -> Iterator[list[Sample]]:
    """Samples of one shape and keywords: one for each call."""
    yield from (
        list(group)
        for group in zip(*(row_samples(row, seed) for seed in range(CALLS)), strict=True)
    )


def _calls(samples: list[Sample], dtype: str) -> list[tuple[pydl.Tensor, ...]]:
    return [tuple(_tensor(a, dtype) for a in sample.arrays) for sample in samples]


def _loosen(row: Row) -> float:
    """Sums of products and of numbers beside NaN may be added in another order."""
    return 20.0 if row.name in ("matmul", "linear", "nansum") else 1.0


def _where(row: Row, sample: Sample) -> str:
    return f"{row.name} {[a.shape for a in sample.arrays]} {sample.keywords}"


# --- results --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("row", "dtype"), list(_cases(ROWS)))
def test_result(row: Row, dtype: str) -> None:
    for samples in _groups(row):
        sample = samples[0]

        def function(*tensors: pydl.Tensor, keywords: Any = sample.keywords) -> Any:
            return row.call(*tensors, **keywords)

        check_calls(
            function, _calls(samples, dtype), where=_where(row, sample), loosen=_loosen(row)
        )


def _chain_before(x: pydl.Tensor) -> pydl.Tensor:
    """The same values, by what passes may remove or fuse."""
    if not x.dtype.is_floating:
        return x
    return ((x * 4.0 + 0.0) * 0.25 - 0.0) * 1.0


def _chain_after(y: pydl.Tensor) -> tuple[pydl.Tensor, ...]:
    """More than one use of the result, one of them by another op."""
    if y.dtype == "bool":
        return y.logical_not(), y.sum()
    if not y.dtype.is_floating:
        return y + 1, y.sum()
    half = y * 0.5
    return (half + y).tanh(), (half - 1.0).sigmoid().sum(), y.copy()


@pytest.mark.parametrize(("row", "dtype"), list(_cases(ROWS)))
def test_inside_a_chain(row: Row, dtype: str) -> None:
    """Neighbours to fuse with, to share memory with, and to remove."""
    for samples in _groups(row):
        sample = samples[0]

        def function(*tensors: pydl.Tensor, keywords: Any = sample.keywords) -> Any:
            return _chain_after(row.call(*map(_chain_before, tensors), **keywords))

        # The results of the chain are bounded: what is compared is of order 1 but for sums.
        check_calls(
            function,
            _calls(samples, dtype),
            where=_where(row, sample),
            loosen=10 * _loosen(row),
        )


# --- views ----------------------------------------------------------------------------------------


def _axes(ndim: int) -> list[int]:
    return list(range(ndim))[::-1]


# From an array to what is handed in, and from that, inside the function, back to the values.
VIEWS: dict[str, tuple[Callable[[Array], Array], View]] = {
    "transposed": (
        lambda a: np.array(a.T, order="C"),
        lambda x: x.permute_dims(_axes(x.ndim)) if x.ndim else x,
    ),
    "reversed": (
        lambda a: a[(slice(None, None, -1),) * a.ndim].copy(),
        lambda x: x[(slice(None, None, -1),) * x.ndim] if x.ndim else x,
    ),
    "gaps": (
        lambda a: np.repeat(a, 2, axis=-1) if a.ndim else a,
        lambda x: x[..., ::2] if x.ndim else x,
    ),
    "offset": (
        lambda a: np.stack([np.zeros_like(a), a]),
        lambda x: x[1],
    ),
    "expanded": (
        lambda a: a[None],
        lambda x: x.expand(3, *x.shape[1:])[2],
    ),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_of_views(row: Row, view: str) -> None:
    """Inputs that are views, and views of what the op gives."""
    pack, unpack = VIEWS[view]
    unpack_result = unpack if view in ("transposed", "reversed", "gaps") else VIEWS["transposed"][1]
    for samples in _groups(row):
        sample = samples[0]
        if max((a.ndim for a in sample.arrays), default=0) > 6:
            continue

        def function(*tensors: pydl.Tensor, keywords: Any = sample.keywords) -> Any:
            y = row.call(*map(unpack, tensors), **keywords)
            return y, unpack_result(y), (y if y.dtype == "bool" else y + 1).reshape(-1)

        packed = [
            tuple(
                pydl.tensor(pack(a), dtype=row.dtypes[0]) if _is_real(a) else pydl.tensor(pack(a))
                for a in sample.arrays
            )
            for sample in samples
        ]
        check_calls(
            function, packed, CHOICES[:1], where=_where(row, samples[0]), loosen=_loosen(row)
        )


# --- derivatives ----------------------------------------------------------------------------------


def _smooth_inputs(row: Row, sample: Sample) -> set[int]:
    return set(range(len(sample.arrays))) if row.name == "concat" else set(row.smooth)


def _weights(y: pydl.Tensor) -> pydl.Tensor:
    """A gradient that is another number for each element."""
    return (pydl.arange(y.size, dtype=y.dtype).reshape(y.shape) * 0.37).sin()


# Of large samples one choice of passes is enough.
LARGEST = 500


def _choices(sample: Sample) -> tuple[tuple[str, ...], ...]:
    return CHOICES if max(a.size for a in sample.arrays) <= LARGEST else CHOICES[:1]


@pytest.mark.parametrize(("row", "dtype"), list(_cases(SMOOTH)))
def test_gradient(row: Row, dtype: str) -> None:
    """The result and its gradients for inputs made inside the function."""
    for samples in _groups(row):
        sample = samples[0]
        smooth = sorted(_smooth_inputs(row, sample))

        def function(
            *tensors: pydl.Tensor,
            keywords: Any = sample.keywords,
            smooth: list[int] = smooth,
        ) -> Any:
            leaves = list(tensors)
            for i in smooth:
                leaves[i] = (tensors[i] * 1).detach().requires_grad_()
            y = row.call(*leaves, **keywords)
            inputs = [leaves[i] for i in smooth]
            return y.detach(), pydl.grad([y], inputs, [_weights(y)], allow_unused=True)

        check_calls(
            function,
            _calls(samples, dtype),
            _choices(sample),
            where=_where(row, sample),
            loosen=5 * _loosen(row),
        )


@pytest.mark.parametrize("row", SMOOTH, ids=lambda row: row.name)
def test_gradient_of_arguments(row: Row) -> None:
    """Gradients for arguments that require them, of views or copies of these."""
    for samples in _groups(row):
        sample = samples[0]
        smooth = sorted(_smooth_inputs(row, sample))

        def function(
            *tensors: pydl.Tensor,
            keywords: Any = sample.keywords,
            smooth: list[int] = smooth,
        ) -> Any:
            y = row.call(*[t.copy() if t.requires_grad else t for t in tensors], **keywords)
            wanted = [tensors[i] for i in smooth]
            return pydl.grad((y * y.cos()).sum(), wanted, allow_unused=True)

        calls = [
            tuple(t.requires_grad_() if i in smooth else t for i, t in enumerate(tensors))
            for tensors in _calls(samples, row.dtypes[0])
        ]
        check_calls(
            function, calls, CHOICES[:1], where=_where(row, sample), loosen=5 * _loosen(row)
        )


@pytest.mark.parametrize("row", [row for row in SMOOTH if row.orders > 1], ids=lambda row: row.name)
def test_second_gradient(row: Row) -> None:
    for samples in _groups(row):
        sample = samples[0]
        if max(a.size for a in sample.arrays) > LARGEST:
            continue
        smooth = sorted(_smooth_inputs(row, sample))

        def function(
            *tensors: pydl.Tensor,
            keywords: Any = sample.keywords,
            smooth: list[int] = smooth,
        ) -> Any:
            leaves = list(tensors)
            for i in smooth:
                leaves[i] = (tensors[i] * 1).detach().requires_grad_()
            y = row.call(*leaves, **keywords)
            inputs = [leaves[i] for i in smooth]
            first = pydl.grad([y], inputs, [_weights(y)], create_graph=True, allow_unused=True)
            used = [g for g in first if g is not None and g.requires_grad]
            if not used:
                return first
            return first, pydl.grad(used, inputs, [_weights(g) for g in used], allow_unused=True)

        check_calls(
            _detached(function),
            _calls(samples, "float64"),
            CHOICES[:1],
            where=_where(row, sample),
            loosen=200 * _loosen(row),
        )


def _detached(function: Callable[..., Any]) -> Callable[..., Any]:
    def strip(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(strip(item) for item in value)
        return None if value is None else value.detach()

    return lambda *arguments: strip(function(*arguments))


@pytest.mark.parametrize("without", CHOICES, ids=CHOICE_IDS)
def test_gradient_of_parameters(without: tuple[str, ...]) -> None:
    """All rows: inputs as declared parameters, `backward`, and `grad` after the call."""
    for row in SMOOTH:
        for samples in _groups(row):
            sample = samples[0]
            if max(a.size for a in sample.arrays) > LARGEST:
                continue
            smooth = _smooth_inputs(row, sample)
            arguments = [pydl.tensor(a) for a in sample.arrays]
            parameters = [nn.Parameter(arguments[i].copy()) for i in sorted(smooth)]

            def function(
                *rest: pydl.Tensor,
                row: Row = row,
                smooth: set[int] = smooth,
                parameters: list[nn.Parameter] = parameters,
                sample: Sample = sample,
            ) -> pydl.Tensor:
                given, own = iter(rest), iter(parameters)
                inputs = [next(own if i in smooth else given) for i in range(len(sample.arrays))]
                y = row.call(*inputs, **sample.keywords)
                for parameter in parameters:
                    parameter.grad = None
                y.backward(_weights(y))
                return y.detach()

            rest = [a for i, a in enumerate(arguments) if i not in smooth]
            compiled = pydl.compile(function, state=parameters, without=without)
            for call in range(CALLS):
                with pydl.no_grad():
                    for position, parameter in zip(sorted(smooth), parameters, strict=True):
                        parameter.copy_(pydl.tensor(samples[call].arrays[position]))
                expected = function(*rest), [p.grad for p in parameters]
                for parameter in parameters:
                    parameter.grad = None
                actual = compiled(*rest), [p.grad for p in parameters]
                assert_same(actual, expected, _where(row, sample), loosen=100 * _loosen(row))


# --- odd cases ------------------------------------------------------------------------------------


@pytest.mark.parametrize("without", CHOICES, ids=CHOICE_IDS)
@pytest.mark.parametrize("shape", [(), (0,), (1,), (1, 1, 1), (3, 0, 2), (17,), (5, 1, 7)])
def test_shapes_of_a_chain(shape: tuple[int, ...], without: tuple[str, ...]) -> None:
    def function(x: pydl.Tensor, y: pydl.Tensor) -> Any:
        a = (x + y).exp() * 0.1
        b = a.sum(axis=None)
        c = (a - b).reshape(-1)
        return c, (a * 2.0).mean() if a.size else b, a.expand(2, *a.shape)[1]

    rng = np.random.default_rng(0)
    calls = [
        (pydl.tensor(rng.standard_normal(shape)), pydl.tensor(rng.standard_normal(shape[-1:])))
        for _ in range(CALLS)
    ]
    check_calls(function, calls, (without,), loosen=10)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int8", "uint8", "int32", "int64"])
def test_dtypes_of_a_chain(dtype: str) -> None:
    def function(x: pydl.Tensor, y: pydl.Tensor) -> Any:
        a = (x + y) * x - y
        b = pydl.where(a > y, a, y * 2)
        return a, b, (b * b).sum(), pydl.maximum(a, b) + 1, a / 3, b == a

    rng = np.random.default_rng(0)
    calls = [
        tuple(pydl.tensor(rng.integers(0, 5, (6, 7))).astype(dtype) for _ in range(2))
        for _ in range(CALLS)
    ]
    check_calls(function, calls)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_small_floats_round_as_in_eager_mode(dtype: str) -> None:
    def function(x: pydl.Tensor) -> pydl.Tensor:
        return pydl.exp(x * 3.0 + 1.0) / (x - 0.3)

    x = pydl.tensor(np.linspace(-1, 1, 77), dtype=dtype)
    actual = pydl.compile(function)(x).astype("float32")
    assert np.array_equal(actual.numpy(), function(x).astype("float32").numpy())


def test_extreme_numbers_go_through_chains() -> None:
    """No pass may assume that numbers are finite, or that -0 is 0."""
    numbers = pydl.tensor([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-310, 1e308, -1.0])

    def function(x: pydl.Tensor) -> Any:
        return (
            x * 0.0,
            x + 0.0,
            x - 0.0,
            0.0 - x,
            x - x,
            x / x,
            x * 1.0,
            x / 1.0,
            x**1.0,
            x**0.0,
            x.negative().negative(),
            (x * 2.0) * 0.5,
            pydl.where(x == x, x, 1.0),
            pydl.maximum(x, x),
            1.0 / (x + 0.0),
            1.0 / (x - 0.0),
        )

    expected = [to_bits(t) for t in function(numbers)]
    for without in CHOICES:
        actual = [to_bits(t) for t in pydl.compile(function, without=without)(numbers)]
        for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
            assert np.array_equal(a, e), f"result {i} without {without}"


def to_bits(tensor: pydl.Tensor) -> Array:
    """Numbers with signs of zeros told apart, and all NaN the same."""
    values, missing = tensor.numpy(), np.isnan(tensor.numpy())
    return np.stack([np.where(missing, 7.0, values), np.signbit(values) & ~missing, missing])
