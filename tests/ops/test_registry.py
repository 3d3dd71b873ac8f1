"""Nothing about an op may be forgotten: derivative, reference kernel, binding, stub, doc, test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ops.table import Row, row_samples, rows

import pydl
from pydl import _core

OPS = _core.ops()
ROWS = {row.name: row for row in rows()}
# Ops whose tests do not fit a table of pure functions of arrays, and where these tests are.
ELSEWHERE = {
    "uniform": "test_random.py",
    "normal": "test_random.py",
    "dropout": "test_random.py",
    "permutation": "test_random.py",
    "standard_variate": "test_random.py",
    "random_integers": "test_random.py",
    "bernoulli": "test_distributions.py",
    "multinomial": "test_distributions.py",
    "poisson": "test_distributions.py",
    "standard_gamma": "test_distributions.py",
    "truncated_normal": "test_distributions.py",
    "nonzero_positions": "../test_indexing.py",
    "sgd_update": "test_providers.py",
    "sgd_update_rows": "test_providers.py",
    "rmsprop_update": "test_providers.py",
    "adam_update": "test_providers.py",
    "adagrad_update": "test_providers.py",
    "adadelta_update": "test_providers.py",
    "adamax_update": "test_providers.py",
    "nadam_update": "test_providers.py",
    "radam_update": "test_providers.py",
    "rprop_update": "test_providers.py",
    "lion_update": "test_providers.py",
    "lamb_update": "test_providers.py",
}
# Ops with floating-point results, but without a derivative: they make new tensors, or are parts of
# derivatives that are never differentiated themselves (cpp/src/ops/recurrent.cpp).
NOT_DIFFERENTIABLE = {
    *("full", "arange", "assign", "index_assign", "fill_where", "recurrent_backward"),
}
# Where an op is bound under another name, or as a method.
BOUND_AS = {"cast": "astype", "assign": "Tensor.copy_", "index_assign": "Tensor.__setitem__",
            "fill_where": "Tensor.__setitem__"}  # fmt: skip


def _binding(name: str) -> object:
    found: Any = _core
    for part in BOUND_AS.get(name, name).split("."):
        found = getattr(found, part, None) or getattr(_core.optim, part, None)
    return found


def _has_floating_result(row: Row) -> bool:
    sample = next(row_samples(row))
    result = row.call(*map(pydl.tensor, sample.arrays), **sample.keywords)
    return bool(result.dtype.is_floating)


@pytest.mark.parametrize("op", OPS, ids=lambda op: op["name"])
def test_op_is_complete(op: dict[str, Any]) -> None:
    name = op["name"]
    if name in ELSEWHERE or name in NOT_DIFFERENTIABLE:
        assert op["differentiable"] == (name == "dropout"), "derivative"
    else:
        assert name in ROWS, "row of the table"
        assert op["differentiable"] or not _has_floating_result(ROWS[name]), "derivative"
    assert op["view"] or "ref" in op["providers"], "ref kernel"
    assert re.match(r".+\.$", op["doc"]), "doc line"
    assert callable(_binding(name)), "binding"


def test_rows_name_ops() -> None:
    known = {op["name"] for op in OPS}
    assert {row.name for row in rows()} <= known
    assert set(ELSEWHERE) <= known


def test_ops_are_in_the_stub() -> None:
    stub = (Path(pydl.__file__).parent / "_core" / "__init__.pyi").read_text()
    for op in OPS:
        name = BOUND_AS.get(op["name"], op["name"]).split(".")[-1]
        assert "_update" in name or re.search(rf"\bdef {name}\(", stub), name
