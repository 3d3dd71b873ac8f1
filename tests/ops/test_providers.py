"""Every provider against `ref`, on fresh random inputs."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import _core

FAST = [name for name in _core.info()["providers"] if name != "ref"]
BINARY = {"add", "subtract", "multiply", "divide", "maximum", "minimum", "pow", "atan2",
          "floor_divide", "remainder", "relu_backward", "relu6_backward", "sigmoid_backward",
          "tanh_backward", "gradient_times", "gradient_over", "leaky_relu", "elu", "equal",
          "not_equal", "less", "less_equal", "greater", "greater_equal", "bitwise_and",
          "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", "fmod",
          "heaviside", "hypot", "copysign", "logaddexp", "xlogy", "polygamma", "hardshrink",
          "softshrink", "celu", "hardswish_backward", "silu_backward",
          "gelu_backward", "gelu_tanh_backward", "selu_backward", "squared_difference"}  # fmt: skip
TERNARY = {"lerp", "hardtanh", "huber", "squared_difference_backward", "leaky_relu_backward",
           "elu_backward"}  # fmt: skip
LOGICAL = {"logical_and", "logical_or", "logical_xor"}
INTEGERS = ["int8", "uint8", "int16", "int32", "int64"]
SHAPES = [(5,), (3000,), (7, 11), (64, 65)]


def _elementwise() -> list[str]:
    special = {"cast", "copy", "where", "clip"}
    return [op["name"] for op in _core.ops() if op["elementwise"] and op["name"] not in special]


def _random(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> pydl.Tensor:
    if dtype == "bool":
        return pydl.tensor(rng.integers(0, 2, shape).astype(bool))
    if dtype in INTEGERS:
        low = 0 if dtype == "uint8" else -20
        return pydl.tensor(rng.integers(low, 20, shape), dtype=dtype)
    return pydl.tensor(rng.uniform(-2, 2, shape), dtype=dtype)


def _agree(
    op: str, inputs: list[pydl.Tensor], attrs: dict[str, Any], tolerance: float, provider: str
) -> bool:
    expected = _core._apply_with_provider(op, "ref", [t.copy() for t in inputs], attrs)
    assert expected is not None, f"{op}: ref must serve every call"
    actual = _core._apply_with_provider(op, provider, [t.copy() for t in inputs], attrs)
    if actual is None:
        return False
    several = isinstance(expected, list)
    pairs = zip(actual, expected, strict=True) if several else [(actual, expected)]
    for found, right in pairs:
        assert found.dtype == right.dtype
        assert found.shape == right.shape
        wide = "float64" if right.dtype.is_floating else "int64"
        np.testing.assert_allclose(
            found.astype(wide).numpy(),
            right.astype(wide).numpy(),
            rtol=tolerance,
            atol=tolerance / 10,
            err_msg=f"{op} {provider} {[(t.shape, str(t.dtype)) for t in inputs]} {attrs}",
        )
    return True


TOLERANCE = {"float32": 1e-5, "float64": 1e-12, "float16": 2e-3, "bfloat16": 2e-2}


@pytest.mark.parametrize("op", _elementwise())
def test_elementwise(op: str) -> None:
    rng = np.random.default_rng(1)
    served = 0
    dtypes = ["bool"] if op in LOGICAL else [*TOLERANCE, *INTEGERS]
    for dtype in dtypes:
        for shape in SHAPES:
            count = 3 if op in TERNARY else 2 if op in BINARY | LOGICAL else 1
            inputs = [_random(rng, shape, dtype) for _ in range(count)]
            if count > 1 and shape == (64, 65):
                inputs[1] = pydl.expand(_random(rng, (65,), dtype), shape)
            try:
                _core._apply_with_provider(op, "ref", inputs, {})
            except TypeError:
                continue  # the op does not take this dtype
            served += _agree(op, inputs, {}, TOLERANCE.get(dtype, 0), "cpu")
    assert served > 0


@pytest.mark.parametrize("target", [*TOLERANCE, *INTEGERS, "bool"])
def test_cast(target: str) -> None:
    rng = np.random.default_rng(2)
    for source in [*TOLERANCE, *INTEGERS, "bool"]:
        for shape in SHAPES:
            x = _random(rng, shape, source)
            if target == "uint8" and source != "bool":
                x = abs(x)
            _agree("cast", [x], {"dtype": getattr(pydl, target)}, 1e-6, "cpu")


@pytest.mark.parametrize("op", ["sum", "mean", "prod", "max", "min", "var", "argmax", "argmin"])
def test_reductions(op: str) -> None:
    rng = np.random.default_rng(3)
    served = 0
    for dtype in ("float32", "float64", "bfloat16", "int64", "int32"):
        if op in ("mean", "var") and dtype.startswith("int"):
            continue
        for shape, axes in [((40,), (0,)), ((30, 50), (0,)), ((30, 50), (1,)), ((4, 5, 6), (1,)),
                            ((4, 5, 6), (0, 1, 2)), ((2000, 9), (0,))]:  # fmt: skip
            attrs: dict[str, Any] = {"axes": axes, "keepdims": False}
            if op == "var":
                attrs["correction"] = 1.0
            x = _random(rng, shape, dtype)
            if op == "prod":
                x = abs(x) * 0 + 1 if dtype.startswith("int") else abs(x) * 0.01 + 1
            tolerance = {"float32": 1e-4, "float64": 1e-11, "bfloat16": 3e-2}.get(dtype, 0)
            served += _agree(op, [x], attrs, tolerance, "cpu")
    assert served > 0


@pytest.mark.parametrize(
    "op", ["softmax", "log_softmax", "softmax_backward", "log_softmax_backward"]
)
def test_softmax(op: str) -> None:
    rng = np.random.default_rng(4)
    served = 0
    for dtype in ("float32", "float64"):
        for shape in [(9,), (30, 10), (17, 1000)]:
            x = _random(rng, shape, dtype)
            y = pydl.softmax(_random(rng, shape, dtype))
            inputs = [x, y.log() if op.startswith("log") else y] if "backward" in op else [x]
            served += _agree(op, inputs, {"axis": len(shape) - 1}, TOLERANCE[dtype] * 10, "cpu")
    assert served > 0


@pytest.mark.parametrize("provider", FAST)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_products(provider: str, dtype: str) -> None:
    rng = np.random.default_rng(5)
    tolerance = {"float32": 1e-4, "float64": 1e-11, "bfloat16": 5e-2}[dtype]
    served = 0
    for m, n, k in [(1, 1, 1), (5, 7, 3), (33, 65, 47), (128, 96, 200), (1, 300, 500), (300, 1, 7)]:
        a, b = _random(rng, (m, k), dtype), _random(rng, (k, n), dtype)
        served += _agree("matmul", [a, b], {}, tolerance, provider)
        served += _agree("matmul", [a, _random(rng, (n, k), dtype).T], {}, tolerance, provider)
        served += _agree("matmul", [_random(rng, (k, m), dtype).T, b], {}, tolerance, provider)
        x, weight = _random(rng, (m, k), dtype), _random(rng, (n, k), dtype)
        served += _agree("linear", [x, weight], {}, tolerance, provider)
        bias = _random(rng, (n,), dtype)
        served += _agree("linear", [x, weight, bias], {}, tolerance, provider)
    served += _agree(
        "matmul",
        [_random(rng, (3, 1, 40, 50), dtype), _random(rng, (2, 50, 30), dtype)],
        {},
        tolerance,
        provider,
    )
    # oneDNN has no float64, and bfloat16 only where the processor has it; `cpu` has no 16 bits.
    assert served > 0 or dtype != "float32"


def test_random_numbers_are_the_same() -> None:
    state = pydl.tensor([7, 123])
    for dtype in ("float32", "float64"):
        attrs = {"shape": (1003,), "dtype": getattr(pydl, dtype), "low": -1.0, "high": 2.0}
        assert _agree("uniform", [state], attrs, 0, "cpu")
        attrs = {"shape": (1003,), "dtype": getattr(pydl, dtype), "mean": 1.0, "std": 2.0}
        _agree("normal", [state], attrs, 1e-4, "cpu")
    x = _random(np.random.default_rng(6), (501, 3), "float32")
    assert _agree("dropout", [x, state], {"p": 0.3}, 1e-7, "cpu")


@pytest.mark.parametrize("attrs", [{}, {"skip": 2}], ids=["all", "skip"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_updates_of_rows(dtype: str, attrs: dict[str, Any]) -> None:
    rng = np.random.default_rng(8)
    for shape, index in [((5, 70), (40, 3)), ((9,), (20,)), ((4, 2, 3), ()), ((3, 4), (0,))]:
        table = _random(rng, shape, dtype)
        g = _random(rng, (*index, *shape[1:]), dtype)
        rows = rng.integers(-shape[0], shape[0], index)
        dense = np.zeros(shape)
        np.add.at(dense, rows, g.numpy())
        if attrs:
            dense[2] = 0
        expected = table.numpy() - 0.1 * dense
        for provider in ("ref", "cpu"):
            operands = [table.copy(), g, pydl.tensor(rows), pydl.tensor(0.1, dtype="float64")]
            assert (
                _core._apply_with_provider("sgd_update_rows", provider, operands, attrs) is not None
            )
            np.testing.assert_allclose(
                operands[0].numpy(), expected, 10 * TOLERANCE[dtype], TOLERANCE[dtype]
            )


UPDATES = [op for op in _core.ops() if op["name"].endswith("_update")]
# Options that the low-level calls of this test must give.
UPDATE_OPTIONS: dict[str, Any] = {
    "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.1, "nesterov": False, "decoupled": False,
    "maximize": False, "alpha": 0.9, "epsilon": 1e-8, "centered": False, "beta1": 0.9,
    "beta2": 0.99, "amsgrad": False, "lr_decay": 0.1, "initial_accumulator_value": 0.5, "rho": 0.9,
    "momentum_decay": 0.004, "eta_minus": 0.5, "eta_plus": 1.2, "step_min": 1e-6, "step_max": 50.0,
}  # fmt: skip
UPDATE_FLAGS = ("maximize", "decoupled", "amsgrad", "centered", "nesterov")


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("step", [0, 1, 40])
@pytest.mark.parametrize("flags", [False, True])
@pytest.mark.parametrize("op", UPDATES, ids=lambda op: op["name"])
def test_every_update(op: dict[str, Any], flags: bool, step: int, dtype: str) -> None:
    """The fast kernels against `ref`, on several parameters; states of 16 bits are float32."""
    rng = np.random.default_rng(7)
    kind = op["name"].removesuffix("_update")
    known = set(op["attributes"])
    options = {name: UPDATE_OPTIONS[name] for name in known - {"count"}}
    options.update({name: True for name in UPDATE_FLAGS if flags and name in known})
    shapes: list[tuple[int, ...]] = [(777,), (3, 5), (), (0, 2), (5001,)]
    lists = [[_random(rng, shape, dtype) for shape in shapes]]
    for name in _core.optim._slot_names(kind, options):
        signed = name in ("first_moment", "velocity", "previous_gradient", "gradient_average")
        wide = "float32" if "16" in dtype else dtype
        values = [_random(rng, shape, wide) for shape in shapes]
        if name == "gradient_average":  # the variance would be negative otherwise
            values = [value * 0.1 for value in values]
        values = [value if signed else abs(value) + 0.1 for value in values]
        lists.append([v if step else pydl.zeros_like(v) for v in values])
    lists.append([_random(rng, shape, dtype) for shape in shapes])
    ends = pydl.tensor(step), pydl.tensor(0.1, dtype="float64")
    found = []
    for provider in ("ref", "cpu"):
        operands = [t.copy() for t in [ends[0], *chain(*lists), ends[1]]]
        attrs = {"count": len(shapes), **options}
        assert _core._apply_with_provider(op["name"], provider, operands, attrs) is not None
        found.append(operands)
    tolerance = {"float16": 2e-3, "bfloat16": 2e-2}.get(dtype, 10 * TOLERANCE.get(dtype, 0))
    for expected, actual in zip(*found, strict=True):
        np.testing.assert_allclose(
            actual.astype("float64").numpy(),
            expected.astype("float64").numpy(),
            rtol=tolerance,
            atol=tolerance / 10,
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_updates(dtype: str) -> None:
    rng = np.random.default_rng(7)
    step, lr = pydl.tensor(3), pydl.tensor(0.1, dtype="float64")
    p, a, b, g = (_random(rng, (777,), dtype) for _ in range(4))
    cases: list[tuple[str, list[pydl.Tensor], dict[str, Any]]] = [
        ("sgd_update", [p, a, g], {"momentum": 0.9, "dampening": 0.1, "nesterov": False}),
        ("sgd_update", [p, a, g], {"momentum": 0.9, "dampening": 0.0, "nesterov": True}),
        ("rmsprop_update", [p, abs(a), b, g], {"alpha": 0.9, "epsilon": 1e-8, "momentum": 0.5}),
        ("adam_update", [p, a, abs(b), g],
         {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8, "decoupled": False}),
        ("adam_update", [p, a, abs(b), g],
         {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8, "decoupled": True}),
    ]  # fmt: skip
    for op, tensors, options in cases:
        later = {"sgd": ("decoupled", "maximize"), "rmsprop": ("centered", "maximize"),
                 "adam": ("amsgrad", "maximize")}[op.removesuffix("_update")]  # fmt: skip
        attrs = {"count": 1, "weight_decay": 0.01, **dict.fromkeys(later, False), **options}
        found = []
        for provider in ("ref", "cpu"):
            operands = [t.copy() for t in [step, *tensors, lr]]
            assert _core._apply_with_provider(op, provider, operands, attrs) is not None
            found.append(operands)
        for expected, actual in zip(*found, strict=True):
            np.testing.assert_allclose(
                actual.numpy(),
                expected.numpy(),
                rtol=TOLERANCE[dtype],
                atol=TOLERANCE[dtype] / 10,
                err_msg=f"{op} {options}",
            )
