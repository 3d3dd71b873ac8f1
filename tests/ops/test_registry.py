"""Nothing about an op may be forgotten: derivative, reference kernel, binding, stub, doc, test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ops.table import rows

import pydl
from pydl import _core

OPS = _core.ops()
# Ops whose tests do not fit a table of pure functions of arrays, and where these tests are.
ELSEWHERE = {
    "uniform": "test_random.py",
    "normal": "test_random.py",
    "dropout": "test_random.py",
    "permutation": "test_random.py",
    "sgd_update": "test_providers.py",
    "sgd_update_rows": "test_providers.py",
    "rmsprop_update": "test_providers.py",
    "adam_update": "test_providers.py",
}
# Ops without a derivative, because their results are whole numbers, bools, or new.
NOT_DIFFERENTIABLE = {
    "isnan", "isinf", "isfinite", "logical_not", "equal", "not_equal", "less", "less_equal",
    "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_invert", "bitwise_left_shift",
    "bitwise_right_shift",
    "greater", "greater_equal", "logical_and", "logical_or", "logical_xor", "any", "all", "argmax",
    "argmin", "max_pool_indices", "segment_ids", "segment_argmax", "channel_moments", "full",
    "arange", "assign", "uniform",
    "normal", "permutation", *ELSEWHERE,
} - {"dropout"}  # fmt: skip
# `recurrent` is differentiated as a function of several results (cpp/src/ops/recurrent.cpp).
NOT_DIFFERENTIABLE |= {"recurrent", "recurrent_backward", "sequence_product"}
# Where an op is bound under another name, or as a method.
BOUND_AS = {"cast": "astype", "assign": "Tensor.copy_"}


def _binding(name: str) -> object:
    found: Any = _core
    for part in BOUND_AS.get(name, name).split("."):
        found = getattr(found, part, None) or getattr(_core.optim, part, None)
    return found


@pytest.mark.parametrize("op", OPS, ids=lambda op: op["name"])
def test_op_is_complete(op: dict[str, Any]) -> None:
    name = op["name"]
    assert op["differentiable"] == (name not in NOT_DIFFERENTIABLE), "derivative"
    assert op["view"] or "ref" in op["providers"], "ref kernel"
    assert re.match(r".+\.$", op["doc"]), "doc line"
    assert callable(_binding(name)), "binding"
    assert name in ELSEWHERE or name in {row.name for row in rows()}, "row of the table"


def test_rows_name_ops() -> None:
    known = {op["name"] for op in OPS}
    assert {row.name for row in rows()} <= known
    assert set(ELSEWHERE) <= known


def test_ops_are_in_the_stub() -> None:
    stub = (Path(pydl.__file__).parent / "_core" / "__init__.pyi").read_text()
    for op in OPS:
        name = BOUND_AS.get(op["name"], op["name"]).split(".")[-1]
        assert "_update" in name or re.search(rf"\bdef {name}\(", stub), name
