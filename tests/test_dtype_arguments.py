"""`dtype=None` is the default where there is a dtype; `dtype=` is the dtype of the result."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import _core, nn
from pydl.nn.lazy import is_lazy

# Arguments for a call of each function that has a dtype with a default.
CALLS: dict[str, Callable[..., Any]] = {
    "arange": lambda f, **k: f(3, **k),
    "asarray": lambda f, **k: f([1.5], **k),
    "bernoulli": lambda f, **k: f(0.5, **k),
    "beta": lambda f, **k: f(1.0, 1.0, **k),
    "cauchy": lambda f, **k: f(**k),
    "cumprod": lambda f, **k: f(pydl.tensor([1, 2]), 0, **k),
    "cumsum": lambda f, **k: f(pydl.tensor([1, 2]), 0, **k),
    "cumulative_prod": lambda f, **k: f(pydl.tensor([1, 2]), **k),
    "cumulative_sum": lambda f, **k: f(pydl.tensor([1, 2]), **k),
    "default_bias": lambda f, **k: f((2,), 3, **k),
    "default_weight": lambda f, **k: f((2, 3), **k),
    "dirichlet": lambda f, **k: f([1.0, 1.0], **k),
    "empty": lambda f, **k: f((2,), **k),
    "empty_like": lambda f, **k: f([1.5], **k),
    "exponential": lambda f, **k: f(**k),
    "eye": lambda f, **k: f(2, **k),
    "full": lambda f, **k: f((2,), 7, **k),
    "full_like": lambda f, **k: f([1.5], 7, **k),
    "gamma": lambda f, **k: f(1.0, **k),
    "geometric": lambda f, **k: f(0.5, **k),
    "gumbel": lambda f, **k: f(**k),
    "kaiming_normal": lambda f, **k: f((2, 3), **k),
    "kaiming_uniform": lambda f, **k: f((2, 3), **k),
    "laplace": lambda f, **k: f(**k),
    "linspace": lambda f, **k: f(0, 1, 3, **k),
    "log_normal": lambda f, **k: f(**k),
    "logspace": lambda f, **k: f(0, 1, 3, **k),
    "mean": lambda f, **k: f(pydl.tensor([1, 2]), **k),
    "normal": lambda f, **k: f(3, **k),
    "one_hot": lambda f, **k: f(pydl.tensor([0, 1]), **k),
    "ones": lambda f, **k: f(3, **k),
    "ones_like": lambda f, **k: f([1.5], **k),
    "orthogonal": lambda f, **k: f((2, 3), **k),
    "poisson": lambda f, **k: f(3.0, **k),
    "prod": lambda f, **k: f(pydl.tensor([1, 2]), **k),
    "rand": lambda f, **k: f(3, **k),
    "rand_like": lambda f, **k: f([1.5], **k),
    "randint": lambda f, **k: f(0, 5, 3, **k),
    "randint_like": lambda f, **k: f([1.5], 3, **k),
    "randn": lambda f, **k: f(3, **k),
    "randn_like": lambda f, **k: f([1.5], **k),
    "softmax": lambda f, **k: f(pydl.tensor([1.0, 2.0]), **k),
    "log_softmax": lambda f, **k: f(pydl.tensor([1.0, 2.0]), **k),
    "sum": lambda f, **k: f(pydl.tensor([1, 2]), **k),
    "tensor": lambda f, **k: f([1, 2], **k),
    "truncated_normal": lambda f, **k: f(0.0, 1.0, **k),
    "trace": lambda f, **k: f(pydl.tensor([[1, 2], [3, 4]]), **k),
    "uniform": lambda f, **k: f(3, **k),
    "xavier_normal": lambda f, **k: f((2, 3), **k),
    "xavier_uniform": lambda f, **k: f((2, 3), **k),
    "zeros": lambda f, **k: f(3, **k),
    "zeros_like": lambda f, **k: f([1.5], **k),
}


def _has_default(signature: str) -> bool:
    """Whether a signature, as text, has a dtype with a default."""
    _, _, after = signature.partition("dtype:")
    return "=" in after.split(",")[0]


def functions() -> dict[str, Callable[..., Any]]:
    """Return the functions of the extension whose signature has a dtype with a default."""
    found = {}
    for module in (_core, _core.nn, _core.random):
        for name in dir(module):
            function = getattr(module, name)
            text = getattr(function, "__doc__", None)
            text = text if isinstance(text, str) else ""  # that of a class may be a property
            # The line of the signature, or those of its overloads.
            signatures = [line for line in text.splitlines() if f"{name}(" in line and "->" in line]
            if callable(function) and any(_has_default(line) for line in signatures):
                found[name] = function
    return found


def test_every_function_with_a_dtype_is_called() -> None:
    assert set(functions()) == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_none_is_the_default(name: str) -> None:
    call, function = CALLS[name], functions()[name]
    assert call(function, dtype=None).dtype == call(function).dtype


def layers() -> list[type[nn.Module]]:
    """Return the layers with a dtype."""
    return [
        layer
        for name in nn.__all__
        if inspect.isclass(layer := getattr(nn, name))
        and "dtype" in inspect.signature(layer.__init__).parameters
    ]


def arguments_of(layer: type[nn.Module]) -> dict[str, Any]:
    """Return 4 for each size that the layer needs."""
    needed = [
        p
        for p in list(inspect.signature(layer.__init__).parameters.values())[1:]
        if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
    ]
    return {p.name: 4 for p in needed}


@pytest.mark.parametrize("layer", layers())
def test_layers_take_none_for_the_default(layer: type[nn.Module]) -> None:
    arguments = arguments_of(layer)
    usual = layer(**arguments)
    chosen = layer(**arguments, dtype=None)  # type: ignore[call-arg]
    if is_lazy(usual):
        axes = int(layer.__name__[-2]) if layer.__name__[-1] == "d" else 0
        for made in (usual, chosen):
            made(pydl.zeros((2, 3, *(4,) * axes)))
    dtypes = [str(p.dtype) for p in usual.state_dict().values()]
    assert [str(p.dtype) for p in chosen.state_dict().values()] == dtypes


def test_there_are_layers_to_walk() -> None:
    assert len(layers()) > 20


REDUCTIONS = [
    name
    for name in dir(pydl.Tensor)
    if "dtype:" in (getattr(pydl.Tensor, name).__doc__ or "").split("\n")[0]
    and "keepdims" in getattr(pydl.Tensor, name).__doc__.split("\n")[0]
]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64", "float32", "float64", None])
@pytest.mark.parametrize("source", ["uint8", "int32", "int64", "float32", "bool"])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_give_the_dtype_that_was_asked_for(
    name: str, source: str, dtype: str | None
) -> None:
    values = np.array([[1, 0, 3], [4, 1, 1]], source)
    x = pydl.tensor(values)
    for axis in (None, 0, (0, 1)):
        result = getattr(x, name)(axis=axis, dtype=dtype)
        assert dtype is None or result.dtype == dtype
        if name in ("sum", "prod"):
            expected = getattr(values, name)(axis=axis, dtype=dtype)
            assert result.tolist() == expected.tolist()
            numpy_result = getattr(np, name)(x, axis=axis, dtype=dtype)
            assert numpy_result.tolist() == expected.tolist()
        elif dtype is not None and "float" in dtype:
            expected = getattr(values.astype(dtype), name)(axis=axis)
            np.testing.assert_allclose(result.numpy(), expected, rtol=1e-6)


def test_there_are_reductions_to_walk() -> None:
    assert set(REDUCTIONS) == {"sum", "prod", "mean", "var", "std"}


def test_a_sum_wraps_in_a_small_dtype_as_in_numpy() -> None:
    values = np.full(300, 3, "uint8")
    for dtype in ("uint8", "int16", "int32"):
        assert pydl.tensor(values).sum(dtype=dtype).item() == int(values.sum(dtype=dtype))


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_converts_first(name: str) -> None:
    """As PyTorch's function: sums of 16-bit numbers in more digits, and integers."""
    x = pydl.tensor([[1, 2, 4]], dtype="float16")
    function, method = getattr(pydl, name), getattr(x, name)
    expected = function(x.astype("float32"), 1)
    for found in (function(x, 1, dtype="float32"), method(1, dtype=pydl.float32)):
        assert found.dtype == "float32"
        assert found.tolist() == expected.tolist()
    assert function(pydl.tensor([1, 2, 4]), -1, dtype="float64").dtype == "float64"
    assert function(x, 1, dtype=None).dtype == "float16"
