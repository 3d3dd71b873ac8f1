"""Random numbers of processes that nobody seeded, and environment variables that name nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import pydl

DRAWS = {
    "functions": "pydl.uniform(4).tolist(), pydl.permutation(20).tolist()",
    "layers": "[p.tolist() for p in pydl.nn.Linear(3, 2).parameters()]",
    "recurrent": "[p.tolist() for p in pydl.nn.LSTM(3, 2).parameters()]",
    "dropout": "pydl.nn.Dropout(0.5)(pydl.ones(64)).tolist()",
    "generator": "pydl.uniform(4, generator=pydl.Generator()).tolist()",
    "split": "pydl.data.random_split(list(range(40)), [20, 20])[0].indices.tolist()",
    "shuffling": "[b.tolist() for b in pydl.data.DataLoader(pydl.arange(40), 4, shuffle=True)]",
    "augmentation": "pydl.data.augmentation.Augment([]).seed",
}


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k not in ("PYDL_SEED", "PYDL_ISA")}
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def output(program: str, **environment: str) -> str:
    result = run(program, **environment)
    assert result.returncode == 0, result.stderr
    return result.stdout


ALL = f"import pydl, pydl.data.augmentation\nfor d in {list(DRAWS.values())!r}: print(eval(d))"


def test_processes_that_nobody_seeds_have_different_numbers() -> None:
    first, second = output(ALL).splitlines(), output(ALL).splitlines()
    assert len(first) == len(second) == len(DRAWS)
    for name, a, b in zip(DRAWS, first, second, strict=True):
        assert a != b, name


def test_a_seed_in_the_environment_fixes_them() -> None:
    names = [name for name in DRAWS if name != "generator"]
    program = ALL.replace(repr(list(DRAWS.values())), repr([DRAWS[name] for name in names]))
    first = output(program, PYDL_SEED="7")
    assert first == output(program, PYDL_SEED="7")
    assert first != output(program, PYDL_SEED="8")
    assert first == output(program.replace("\nfor", "\npydl.manual_seed(7)\nfor"))


@pytest.mark.parametrize("seed", ["x", "-1", "1.5", "18446744073709551616", "1 "])
def test_a_seed_that_is_none_is_an_error_at_import(seed: str) -> None:
    result = run("import pydl", PYDL_SEED=seed)
    assert result.returncode != 0
    assert f"PYDL_SEED: expected an integer in [0, 2**64), got '{seed}'" in result.stderr


def test_the_largest_seed() -> None:
    assert output("import pydl; pydl.rand(1)", PYDL_SEED=str(2**64 - 1)) == ""


FORK = """
import os, pydl
generator = pydl.Generator()
pydl.rand(1), pydl.rand(1, generator=generator)
{seed}
def show():
    print(pydl.rand(2).tolist(), pydl.rand(2, generator=generator).tolist(), flush=True)
for _ in range(2):
    if os.fork() == 0:
        show()
        os._exit(0)
    os.wait()
show()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
def test_children_that_are_forked() -> None:
    lines = output(FORK.format(seed="")).splitlines()
    assert len(set(lines)) == 3
    seeded = output(FORK.format(seed="pydl.manual_seed(3); generator.manual_seed(4)")).splitlines()
    assert len(seeded) == 3
    assert len(set(seeded)) == 1


@pytest.mark.parametrize("isa", ["v5", "AVX2", "V3", "v3 "])
def test_an_instruction_set_that_there_is_not_is_an_error_at_import(isa: str) -> None:
    result = run("import pydl", PYDL_ISA=isa)
    assert result.returncode != 0
    assert f"PYDL_ISA: expected 'baseline', 'v3', 'v4' or 'amx', got '{isa}'" in result.stderr


@pytest.mark.parametrize("isa", ["", "baseline", "v3", "v4", "amx"])
def test_instruction_sets_that_there_are(isa: str) -> None:
    result = run("import pydl; print(pydl._core.info()['instruction_set'])", PYDL_ISA=isa)
    assert result.returncode == 0
    used = result.stdout.strip()
    if isa and used != isa:  # the processor has less
        assert f"PYDL_ISA: this processor has no '{isa}'; pydl uses '{used}'" in result.stderr
    else:
        assert result.stderr == ""


def test_the_state_of_an_unseeded_generator_can_be_restored() -> None:
    generator = pydl.Generator()
    state = generator.state()
    first = pydl.uniform(3, generator=generator)
    other = pydl.Generator(0)
    other.set_state(state)
    assert pydl.uniform(3, generator=other).tolist() == first.tolist()
