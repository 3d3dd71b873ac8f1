"""Saved training steps go on as the compiled ones would have, bit for bit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from programs.training_steps import CASES, Case

import pydl

SIZES = [4, 1, 2, 7, 4]


def _step_and_file(name: str, path: Path) -> tuple[Case, pydl.compiler.CompiledFunction]:
    pydl.manual_seed(3)
    case = CASES[name]()
    step = pydl.compile(case.step, state=case.state)
    pydl.save_program(path, step, case.batch(3), batch_axes=case.axes)
    return case, step


@pytest.mark.parametrize("name", CASES)
def test_loaded_steps_train_as_compiled_ones(name: str, tmp_path: Path) -> None:
    path = tmp_path / "step.pydl"
    case, step = _step_and_file(name, path)
    batches = [case.batch(n) for n in SIZES]
    program = pydl.load(path)
    # The generators in the file are copies, at the place where they were when it was written.
    expected = [step(*batch).item() for batch in batches]
    assert [program(*batch).item() for batch in batches[:2]] == expected[:2]
    program.save(tmp_path / "later.pydl")
    again = pydl.load(tmp_path / "later.pydl")
    assert [again(*batch).item() for batch in batches[2:]] == expected[2:]
    # It does not share what the other one goes on to change.
    assert [program(*batch).item() for batch in batches[2:]] == expected[2:]
    assert len(set(expected)) == len(expected)


def test_a_process_without_the_model_trains_alike(tmp_path: Path) -> None:
    names = ["mlp_adam", "cnn", "lstm", "own_generator"]
    expected = []
    for name in names:
        case, step = _step_and_file(name, tmp_path / f"{name}.pydl")
        batches = [case.batch(n) for n in SIZES]
        arrays = {f"{i}.{j}": t for i, b in enumerate(batches) for j, t in enumerate(b)}
        pydl.save(tmp_path / f"{name}.safetensors", arrays)
        expected.append(" ".join(step(*batch).item().hex() for batch in batches))
    code = f"""
import sys, pydl
for name in {names!r}:
    program = pydl.load(name + ".pydl")
    arrays = pydl.load(name + ".safetensors")
    losses = []
    for i in range({len(SIZES)}):
        inputs = [arrays[f"{{i}}.{{j}}"] for j in range(len(program.inputs))]
        losses.append(program(*inputs).item().hex())
    print(*losses)
assert not any(name.startswith("programs") for name in sys.modules)
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**__import__("os").environ, "PYTHONPATH": str(Path(pydl.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == expected


def test_two_functions_share_their_state(tmp_path: Path) -> None:
    pydl.manual_seed(0)
    case = CASES["cnn"]()
    model = case.state[0]
    step = pydl.compile(case.step, state=case.state)

    def predict(x: pydl.Tensor) -> pydl.Tensor:
        with pydl.no_grad():
            mode = model.training
            model.eval()
            try:
                return model(x)
            finally:
                model.train(mode)

    compiled = pydl.compile(predict, state=model)
    x, y = case.batch(4)
    pydl.save_program(
        tmp_path / "both.pydl", {"predict": (compiled, (x,)), "train": (step, (x, y))}
    )
    program = pydl.load(tmp_path / "both.pydl")
    assert program.functions == ("predict", "train")
    for n in [3, 5, 1]:
        x, y = case.batch(n)
        np.testing.assert_array_equal(program.predict(x).numpy(), compiled(x).numpy())
        assert program.train(x, y).item() == step(x, y).item()
    np.testing.assert_array_equal(program(x).numpy(), compiled(x).numpy())


def test_a_batch_of_none_changes_nothing_that_it_should_not(tmp_path: Path) -> None:
    layer = pydl.nn.Sequential(pydl.nn.Linear(3, 4), pydl.nn.ReLU(), pydl.nn.Linear(4, 2))
    pydl.save_program(tmp_path / "p.pydl", layer, pydl.zeros((2, 3)))
    program = pydl.load(tmp_path / "p.pydl")
    assert program(pydl.zeros((0, 3))).shape == (0, 2)
    assert program(pydl.zeros((1, 3))).shape == (1, 2)
