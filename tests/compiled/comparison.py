"""What the tests of compiled functions share: eager results, passes switched off, tolerances."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import pydl
from pydl import _core

PASSES: tuple[str, ...] = tuple(_core._pass_names())


# All passes, each one left out, and none at all.
CHOICES: tuple[tuple[str, ...], ...] = ((), *((name,) for name in PASSES), PASSES)
CHOICE_IDS = ["all", *(f"no_{name}" for name in PASSES), "none"]

# Fusion keeps the order of every sum and rounds where eager mode rounds; a few units in the last
# place are left to fused multiply-add.
TOLERANCES = {
    "float64": (1e-13, 1e-14),
    "float32": (2e-6, 5e-7),
    "float16": (2e-3, 1e-4),
    "bfloat16": (1.6e-2, 1e-3),
}


def assert_same(actual: Any, expected: Any, where: str = "", loosen: float = 1.0) -> None:
    """Structures of tensors agree: shapes and dtypes exactly, floats within `TOLERANCES`."""
    if isinstance(expected, (tuple, list)):
        assert type(actual) is type(expected), where
        assert len(actual) == len(expected), where
        for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
            assert_same(a, e, f"{where}[{i}]", loosen)
    elif isinstance(expected, dict):
        assert list(actual) == list(expected), where
        for key in expected:
            assert_same(actual[key], expected[key], f"{where}[{key!r}]", loosen)
    elif expected is None:
        assert actual is None, where
    else:
        assert actual.dtype == expected.dtype, f"{where}: {actual.dtype}, not {expected.dtype}"
        assert actual.shape == expected.shape, f"{where}: {actual.shape}, not {expected.shape}"
        rtol, atol = TOLERANCES.get(str(expected.dtype), (0.0, 0.0))
        np.testing.assert_allclose(
            to_numpy(actual), to_numpy(expected), loosen * rtol, loosen * atol, err_msg=where
        )


def to_numpy(tensor: pydl.Tensor) -> np.ndarray[Any, np.dtype[Any]]:
    """A copy of the elements."""
    tensor = tensor.detach()
    return np.array((tensor.astype("float32") if tensor.dtype == "bfloat16" else tensor).numpy())


def check_calls(
    function: Callable[..., Any],
    calls: Iterator[tuple[pydl.Tensor, ...]] | list[tuple[pydl.Tensor, ...]],
    choices: tuple[tuple[str, ...], ...] = CHOICES,
    where: str = "",
    loosen: float = 1.0,
    **options: Any,
) -> None:
    """Calls of a function without side effects give what eager calls give, for each choice."""
    calls = list(calls)
    expected = [function(*arguments) for arguments in calls]
    for without in choices:
        compiled = pydl.compile(function, without=without, **options)
        for k, (arguments, value) in enumerate(zip(calls, expected, strict=True)):
            place = f"{where} without {without}, call {k}"
            assert_same(compiled(*arguments), value, place, loosen)
        assert compiled.traces == 1, f"{where}: traced {compiled.traces} times"


def run_alone(code: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, for what may crash."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        # Where the tests run there is a folder `pydl` that is no installed package.
        cwd=tempfile.gettempdir(),
    )
