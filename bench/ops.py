"""Single operations: products, elementwise functions, reductions, and tiny calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import pydl
from bench.case import Case, Contender

_LARGE = 10_000_000  # elements: far larger than the caches


def cases() -> Iterator[Case]:
    """All cases of this suite."""
    yield from _products()
    yield from _elementwise()
    yield from _reductions()
    yield from _overhead()


def _random(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def _pydl_case(
    function: Callable[..., pydl.Tensor], *arrays: np.ndarray[Any, Any]
) -> Callable[[], Contender]:
    def build() -> Contender:
        tensors = [pydl.tensor(a) for a in arrays]
        return Contender(lambda: function(*tensors), lambda: np.asarray(function(*tensors)))

    return build


def _torch_case(
    function: Callable[..., Any], *arrays: np.ndarray[Any, Any]
) -> Callable[[], Contender]:
    def build() -> Contender:
        import torch

        torch.set_num_threads(pydl.get_num_threads())
        tensors = [torch.from_numpy(a.copy()) for a in arrays]
        return Contender(
            lambda: function(torch, *tensors), lambda: function(torch, *tensors).numpy()
        )

    return build


def _numpy_case(
    function: Callable[..., Any], *arrays: np.ndarray[Any, Any]
) -> Callable[[], Contender]:
    return lambda: Contender(lambda: function(*arrays), lambda: np.asarray(function(*arrays)))


def _products() -> Iterator[Case]:
    for m, n, k in [(512, 512, 512), (128, 512, 784), (1024, 1024, 1024)]:
        a, b = _random(m, k), _random(k, n)
        yield Case(
            f"matmul {m}x{n}x{k}",
            {
                "pydl": _pydl_case(pydl.matmul, a, b),
                "torch": _torch_case(lambda torch, x, y: torch.matmul(x, y), a, b),
                "numpy": _numpy_case(np.matmul, a, b),
            },
            flops=2.0 * m * n * k,
        )


def _elementwise() -> Iterator[Case]:
    a, b = _random(_LARGE), _random(_LARGE)
    yield Case(
        "a + b, 10M",
        {
            "pydl": _pydl_case(pydl.add, a, b),
            "torch": _torch_case(lambda torch, x, y: x + y, a, b),
            "numpy": _numpy_case(np.add, a, b),
        },
        bytes_moved=12.0 * _LARGE,
    )
    for name in ("relu", "exp", "tanh"):
        reference = getattr(np, name, lambda x: np.maximum(x, 0))
        yield Case(
            f"{name}, 10M",
            {
                "pydl": _pydl_case(getattr(pydl, name), a),
                "torch": _torch_case(lambda torch, x, name=name: getattr(torch, name)(x), a),
                "numpy": _numpy_case(reference, a),
            },
            bytes_moved=8.0 * _LARGE,
        )


def _reductions() -> Iterator[Case]:
    x = _random(1024, 1000)
    yield Case(
        "softmax (1024, 1000)",
        {
            "pydl": _pydl_case(pydl.softmax, x),
            "torch": _torch_case(lambda torch, x: torch.softmax(x, -1), x),
        },
        bytes_moved=8.0 * x.size,
    )
    square = _random(4096, 4096)
    for axis in (0, 1):
        yield Case(
            f"sum (4096, 4096) axis {axis}",
            {
                "pydl": _pydl_case(lambda t, axis=axis: pydl.sum(t, axis=axis), square),
                "torch": _torch_case(lambda torch, t, axis=axis: t.sum(axis), square),
                "numpy": _numpy_case(lambda t, axis=axis: t.sum(axis), square),
            },
            bytes_moved=4.0 * square.size,
        )


def _overhead() -> Iterator[Case]:
    a, b = _random(16), _random(16)
    yield Case(
        "a + b, 16",
        {
            "pydl": _pydl_case(lambda x, y: x + y, a, b),
            "torch": _torch_case(lambda torch, x, y: x + y, a, b),
            "numpy": _numpy_case(np.add, a, b),
        },
    )
    yield Case(
        "a + b, 16, recorded",
        {
            "pydl": _recorded_pydl(lambda x, y: x + y, a, b),
            "torch": _recorded_torch(lambda x, y: x + y, a, b),
        },
    )
    yield Case(
        "(a * b).sum().backward(), 16",
        {
            "pydl": _recorded_pydl(_backward_pydl, a, b),
            "torch": _recorded_torch(_backward_torch, a, b),
        },
    )


def _backward_pydl(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
    x.grad = None
    (x * y).sum().backward()
    assert x.grad is not None
    return x.grad


def _backward_torch(x: Any, y: Any) -> Any:
    x.grad = None
    (x * y).sum().backward()
    return x.grad


def _recorded_pydl(
    function: Callable[..., pydl.Tensor], *arrays: np.ndarray[Any, Any]
) -> Callable[[], Contender]:
    def build() -> Contender:
        first, *rest = (pydl.tensor(a) for a in arrays)
        first.requires_grad = True
        return Contender(
            lambda: function(first, *rest), lambda: function(first, *rest).detach().numpy()
        )

    return build


def _recorded_torch(
    function: Callable[..., Any], *arrays: np.ndarray[Any, Any]
) -> Callable[[], Contender]:
    def build() -> Contender:
        import torch

        first, *rest = (torch.from_numpy(a.copy()) for a in arrays)
        first.requires_grad_()
        return Contender(
            lambda: function(first, *rest), lambda: function(first, *rest).detach().numpy()
        )

    return build
