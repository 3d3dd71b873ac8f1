"""Program files of every format version load and compute what they did when they were written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from programs.golden.make import tensors_in

import pydl
from pydl.interop.safetensors import load_metadata, load_with_metadata

FILES = sorted((Path(__file__).parent / "golden").glob("v*/*.pydl"))


def _calls(path: Path) -> list[tuple[str, list[pydl.Tensor], list[pydl.Tensor]]]:
    """Return calls in order: the function, its inputs and its outputs."""
    calls: dict[int, tuple[str, list[pydl.Tensor], list[pydl.Tensor]]] = {}
    named = {
        tuple(int(p) if p.isdigit() else p for p in name.split(".")): tensor
        for name, tensor in pydl.load(path.with_suffix(".safetensors")).items()
    }
    for (call, function, kind, _), tensor in sorted(named.items()):
        entry = calls.setdefault(call, (function, [], []))
        entry[1 if kind == "input" else 2].append(tensor)
    return [calls[k] for k in sorted(calls)]


def _program_of(path: Path) -> Any:
    program = json.loads(load_metadata(path)["pydl.program"])
    del program["producer"]
    return program


def test_there_are_files_of_every_version() -> None:
    assert {path.parent.name for path in FILES} == {"v1"}
    assert len(FILES) >= 5
    assert sum(path.stat().st_size for path in FILES[0].parents[1].rglob("v*/*")) < 200_000


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_golden_files_compute_the_same(path: Path) -> None:
    program = pydl.load(path)
    calls = _calls(path)
    assert len(calls) >= 3
    for function, inputs, expected in calls:
        outputs = tensors_in(program.run(function, *inputs))
        assert len(outputs) == len(expected)
        for got, tensor in zip(outputs, expected, strict=True):
            assert got.dtype == tensor.dtype and got.shape == tensor.shape
            np.testing.assert_allclose(got.numpy(), tensor.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_saving_golden_files_again_changes_nothing(path: Path, tmp_path: Path) -> None:
    program = pydl.load(path)
    program.save(tmp_path / "again.pydl")
    assert _program_of(tmp_path / "again.pydl") == _program_of(path)
    before, after = load_with_metadata(path)[0], load_with_metadata(tmp_path / "again.pydl")[0]
    assert list(before) == list(after)
    for name, tensor in before.items():
        assert tensor.dtype == after[name].dtype
        np.testing.assert_array_equal(tensor.numpy(), after[name].numpy())
