"""All ops, layers, activations and losses on NaN, infinities, denormals and extreme values.

The results and gradients of compiled steps are those of eager ones, NaN for NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiled.comparison import PASSES, to_numpy
from compiled.fills import FILLS
from nn.layer_cases import ACTIVATIONS, LAYERS, LayerCase, Operand
from ops.table import Row, row_samples, rows

import pydl
from pydl import nn

Array = np.ndarray[Any, np.dtype[Any]]


def _large(make: Callable[[], nn.Module], *shapes: tuple[int, ...]) -> LayerCase:
    return LayerCase(make, tuple(Operand(shape) for shape in shapes))


# Shapes that take the fused kernels: several tiles, whole vectors, reductions that are joined.
LARGE: dict[str, LayerCase] = {
    **{
        f"large {name}": _large(lambda name=name: getattr(nn, name)(), (33, 190))
        for name in ACTIVATIONS
    },
    "large BatchNorm2d": _large(
        lambda: nn.Sequential(nn.BatchNorm2d(19), nn.ReLU(), nn.BatchNorm2d(19), nn.ReLU6()),
        (6, 19, 9, 8),
    ),
    "large BatchNorm1d": _large(
        lambda: nn.Sequential(nn.BatchNorm1d(70), nn.ReLU(), nn.BatchNorm1d(70)), (66, 70)
    ),
    "large LayerNorm": _large(
        lambda: nn.Sequential(nn.LayerNorm(190), nn.GELU(), nn.RMSNorm(190)), (33, 190)
    ),
    "large GroupNorm": _large(lambda: nn.GroupNorm(2, 6), (4, 6, 9, 8)),
    "large LSTM": _large(lambda: nn.LSTM(19, 33, 2, bidirectional=True), (6, 5, 19)),
    "large GRU": _large(lambda: nn.GRU(19, 33), (6, 5, 19)),
    "large RNN": _large(lambda: nn.RNN(19, 33, nonlinearity="relu"), (6, 5, 19)),
    "large MaxPool2d": _large(lambda: nn.MaxPool2d(3, 2, 1), (2, 19, 17, 16)),
    "large convolution and BatchNorm2d": _large(
        lambda: nn.Sequential(nn.Conv2d(8, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        (4, 8, 14, 14),
    ),
    "large Linear and ReLU": _large(lambda: nn.Sequential(nn.Linear(64, 64), nn.ReLU()), (128, 64)),
    "large Conv1d and ReLU": _large(
        lambda: nn.Sequential(nn.Conv1d(32, 32, 3, padding=1), nn.ReLU()), (8, 32, 64)
    ),
    "large Conv2d and ReLU": _large(
        lambda: nn.Sequential(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU()), (4, 32, 16, 16)
    ),
    "large perceptron": _large(
        lambda: nn.Sequential(nn.Linear(19, 64), nn.GELU(), nn.LayerNorm(64), nn.Linear(64, 64)),
        (33, 19),
    ),
    "large TransformerEncoderLayer": _large(
        lambda: nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, activation="gelu"), (12, 5, 32)
    ),
    "large MSELoss": _large(lambda: nn.MSELoss(), (70, 90), (70, 90)),
    "large L1Loss": _large(lambda: nn.L1Loss(), (70, 90), (70, 90)),
    "large CrossEntropyLoss": LayerCase(
        lambda: nn.CrossEntropyLoss(), (Operand((70, 40)), Operand(fixed=np.arange(70) % 40))
    ),
    "large BCELoss": LayerCase(
        lambda: nn.BCELoss(),
        (Operand((70, 90), limits=(0.0, 1.0)), Operand((70, 90), limits=(0.0, 1.0))),
    ),
    "large BCEWithLogitsLoss": LayerCase(
        lambda: nn.BCEWithLogitsLoss(),
        (Operand((70, 90)), Operand((70, 90), limits=(0.0, 1.0))),
    ),
}
CASES = LAYERS | LARGE


def _step(case: LayerCase, layer: nn.Module) -> Callable[..., list[pydl.Tensor]]:
    parameters = list(layer.parameters())

    def step(*tensors: pydl.Tensor) -> list[pydl.Tensor]:
        leaves = [(t * 1).detach().requires_grad_() if t.dtype.is_floating else t for t in tensors]
        results = case.run(layer, *leaves)
        wanted = [t for t in (*leaves, *parameters) if t.requires_grad]
        total = sum(
            (y.square().sum().astype("float64") for y in results), pydl.full((), 0.0, "float64")
        )
        gradients = pydl.grad(total, wanted, allow_unused=True) if total.requires_grad else ()
        return [y.detach() for y in results] + [g.detach() for g in gradients if g is not None]

    return step


def _layer(case: LayerCase) -> nn.Module:
    pydl.manual_seed(0)
    return case.make()


CHOICES: list[tuple[str, tuple[str, ...]]] = [
    ("float32", ()),
    ("float32", PASSES),
    ("float64", ()),
    ("bfloat16", ()),
]
CHOICE_IDS = ["all passes", "no passes", "float64", "bfloat16"]
RELATIVE = {np.dtype("float64"): 1e-12}


def _compare(actual: list[pydl.Tensor], expected: list[pydl.Tensor], where: str) -> None:
    assert len(actual) == len(expected)
    for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
        found, wanted = to_numpy(a), to_numpy(e)
        scale = float(np.abs(wanted[np.isfinite(wanted)]).max(initial=1e-30))
        with np.errstate(all="ignore"):
            close = np.isclose(
                found,
                wanted,
                rtol=RELATIVE.get(wanted.dtype, 2e-5),
                atol=scale * 1e-6,
                equal_nan=True,
            )
        assert close.all(), (
            f"{where}, tensor {i} of {len(expected)}: {found[~close][:5]}, not {wanted[~close][:5]}"
        )


def _tensor(array: Array, dtype: str) -> pydl.Tensor:
    return pydl.tensor(array, dtype=dtype) if array.dtype.kind == "f" else pydl.tensor(array)


@pytest.mark.parametrize(("dtype", "without"), CHOICES, ids=CHOICE_IDS)
@pytest.mark.parametrize("name", CASES)
def test_steps_agree(name: str, dtype: str, without: tuple[str, ...]) -> None:
    case = CASES[name]
    eager_layer, layer = _layer(case).to(dtype), _layer(case).to(dtype)
    eager = _step(case, eager_layer)
    compiled = pydl.compile(_step(case, layer), state=layer, without=without)
    for label, fill in FILLS.items():
        arrays = [operand.make(fill) for operand in case.operands]
        tensors = [_tensor(a, dtype) for a in arrays]
        _compare(compiled(*tensors), eager(*tensors), f"{name} of {label}")
        for (key, buffer), other in zip(
            layer.state_dict().items(), eager_layer.state_dict().values(), strict=True
        ):
            _compare([buffer], [other], f"{name} of {label}, {key}")


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_ops_agree(row: Row) -> None:
    """Functions may be one op in eager mode, and a composition in compiled functions."""
    sample = next((s for s in row_samples(row) if all(a.size for a in s.arrays)), None)
    if sample is None:
        return

    def function(*tensors: pydl.Tensor) -> list[pydl.Tensor]:
        result = row.call(*tensors, **sample.keywords)
        return [result] if isinstance(result, pydl.Tensor) else list(result)

    compiled = pydl.compile(function)
    for label, fill in FILLS.items():
        arrays = [fill(a.shape) if a.dtype.kind == "f" else a for a in sample.arrays]
        tensors = [_tensor(a, row.dtypes[0]) for a in arrays]
        try:
            expected = function(*tensors)
        except (ValueError, RuntimeError) as error:  # such as a matrix that has no inverse
            with pytest.raises(type(error)):
                compiled(*tensors)
            continue
        _compare(compiled(*tensors), expected, f"{row.name} of {label}")
