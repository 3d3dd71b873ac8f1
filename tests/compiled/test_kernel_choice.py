"""Implementations by name: shown by `describe`, and preferred on request."""

from __future__ import annotations

import copy
import os
import subprocess
import sys

import numpy as np
import pytest

import pydl
from pydl import _core
from pydl.nn import functional

CONVOLUTIONS = ("conv", "conv_backward_input", "conv_backward_weight")


def _implementations(op: str) -> list[str]:
    (found,) = [entry["implementations"] for entry in _core.ops() if entry["name"] == op]
    return found


def _operands(kernel: int = 3) -> tuple[pydl.Tensor, pydl.Tensor]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, 32, 16, 16), dtype=np.float32)
    weight = rng.standard_normal((32, 32, kernel, kernel), dtype=np.float32)
    return pydl.tensor(x, requires_grad=True), pydl.tensor(weight, requires_grad=True)


def _served(program: pydl.CompiledFunction, op: str) -> list[str]:
    steps = [step for one in program.programs for step in one.steps()]
    return [step["implementation"] for step in steps if step["name"] == op]


def test_implementations_of_an_op_have_different_names() -> None:
    for op in _core.ops():
        assert len(set(op["implementations"])) == len(op["implementations"]), op["name"]


@pytest.mark.parametrize("name", [n for n in _implementations("conv") if "bf16" not in n])
def test_every_implementation_can_be_chosen(name: str) -> None:
    x, weight = _operands()
    function = pydl.compile(
        lambda x, weight: functional.conv2d(x, weight, padding=1), kernels={"conv*": name}
    )
    with pydl.no_grad():
        expected = functional.conv2d(x, weight, padding=1)
        found = function(x, weight)
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-3, atol=1e-3)
    (served,) = _served(function, "conv")
    if name in ("winograd", "im2col", "ref"):
        assert served == name
    assert f": {served})" in function.describe() or f"({served})" in function.describe()


def test_a_choice_that_does_not_apply_is_passed_over() -> None:
    x, weight = _operands(5)
    function = pydl.compile(
        lambda x, weight: functional.conv2d(x, weight), kernels={"conv": "winograd"}
    )
    with pydl.no_grad():
        function(x, weight)
    assert "winograd" not in _served(function, "conv")


def test_a_choice_may_be_a_text() -> None:
    x, weight = _operands()
    function = pydl.compile(functional.conv2d, kernels="matmul:cpu,conv*:im2col")
    with pydl.no_grad():
        function(x, weight)
    assert _served(function, "conv") == ["im2col"]


def test_the_first_entry_that_fits_counts() -> None:
    x, weight = _operands()

    def step(x: pydl.Tensor) -> pydl.Tensor:
        loss = functional.conv2d(x, weight).sum()
        loss.backward()
        return loss

    chosen = {"conv_backward_weight": "im2col", "conv_*": "ref", "*": "cpu"}
    function = pydl.compile(step, state=[weight], kernels=chosen)
    function(x.detach())
    assert set(_served(function, "conv_backward_weight")) == {"im2col"}
    steps = [step for one in function.programs for step in one.steps()]
    assert all(step["provider"] == "cpu" for step in steps if step["name"] == "conv")


@pytest.mark.parametrize("transposed", ["", "left", "right"])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_large_products_of_16_bits_keep_the_kernels_of_smaller_ones(
    dtype: str, transposed: str
) -> None:
    # Large products are cut into parts; with AMX, oneDNN refuses parts of the columns.
    providers = set()
    for size in (96, 384, 1024):
        a, b = (pydl.ones((size, size), dtype=dtype) for _ in range(2))
        a = a.mT if transposed == "left" else a
        b = b.mT if transposed == "right" else b
        function = pydl.compile(lambda a, b: a @ b)
        assert function(a, b)[0, 0].item() == size
        (program,) = function.programs
        providers |= {step["provider"] for step in program.steps() if step["name"] == "matmul"}
    assert len(providers) == 1


@pytest.mark.parametrize(
    ("kernels", "message"),
    [
        ({"konv": "cpu"}, "compile: kernels: there is no op 'konv'"),
        ({"konv*": "cpu"}, r"compile: kernels: there is no op 'konv\*'"),
        ({"conv": "winnograd"}, "conv has the implementations .*'winograd'.*not 'winnograd'"),
        ({"conv": ""}, "expected entries such as 'conv:onednn'"),
    ],
)
def test_unknown_names(kernels: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        pydl.compile(lambda x: x, kernels=kernels)


def test_a_copy_keeps_the_choice() -> None:
    x, weight = _operands()
    function = copy.copy(pydl.compile(functional.conv2d, kernels={"conv": "im2col"}))
    with pydl.no_grad():
        function(x, weight)
    assert _served(function, "conv") == ["im2col"]


def _run(kernels: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import pydl; f = pydl.compile(lambda x, w: pydl.nn.functional.conv2d(x, w)); "
        "x = pydl.ones((2, 32, 16, 16)); w = pydl.ones((32, 32, 3, 3)); "
        "assert pydl.nn.functional.conv2d(x, w)[0, 0, 0, 0].item() == 288; f(x, w); "
        "print(f.programs[0].steps()[0]['implementation'])"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYDL_KERNELS": kernels},
        capture_output=True,
        text=True,
        check=False,
    )


def test_environment_variable() -> None:
    assert _run("conv:im2col").stdout.strip() == "im2col"
    assert _run("*:ref").stdout.strip() == "ref"
    assert "ImportError: PYDL_KERNELS: there is no op 'konv'" in _run("konv:cpu").stderr
