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
    assert {path.parent.name for path in FILES} == {"v1", "v2"}
    assert len(FILES) >= 5
    assert sum(path.stat().st_size for path in FILES[0].parents[1].rglob("v*/*")) < 220_000


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


def _same_tensors(a: Path, b: Path) -> None:
    before, after = load_with_metadata(a)[0], load_with_metadata(b)[0]
    assert list(before) == list(after)
    for name, tensor in before.items():
        assert tensor.dtype == after[name].dtype
        np.testing.assert_array_equal(tensor.numpy(), after[name].numpy())


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_golden_files_are_saved_in_the_newest_format(path: Path, tmp_path: Path) -> None:
    """Files of that format stay as they are; others become those of the same functions."""
    program = pydl.load(path)
    program.save(tmp_path / "again.pydl")
    newest = path.parents[1] / "v2" / path.name
    assert _program_of(tmp_path / "again.pydl") == _program_of(newest)
    _same_tensors(path, tmp_path / "again.pydl")


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.parent.name == "v1"], ids=lambda path: path.stem
)
def test_older_files_compute_the_same_bits(path: Path) -> None:
    older, newest = (pydl.load(path.parents[1] / version / path.name) for version in ("v1", "v2"))
    for function, inputs, _ in _calls(path):
        pairs = zip(
            tensors_in(older.run(function, *inputs)),
            tensors_in(newest.run(function, *inputs)),
            strict=True,
        )
        assert all(a.numpy().tobytes() == b.numpy().tobytes() for a, b in pairs)
