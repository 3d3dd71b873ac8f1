"""Which implementations serve the benchmarks: a fast path must not be lost silently."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from pydl import _core

ROOT = Path(__file__).parents[2]

# Counts of convolutions by op and implementation, for one training step. What pydl computes itself
# is the same on all processors; the names of oneDNN's kernels are those with AVX-512.
OWN = {
    "lenet5": {"conv direct": 2, "conv_backward_input direct": 1, "conv_backward_weight direct": 2},
    "cnn_small": {
        "conv winograd": 3,
        "conv_backward_input winograd": 3,
        "conv_backward_weight winograd": 3,
    },
    "resnet18_cifar": {
        "conv winograd": 13,
        "conv_backward_input winograd": 13,
        "conv_backward_weight winograd": 13,
    },
    "resnet18_cifar bf16": {},
    "resnet50": {
        "conv winograd": 13,
        "conv_backward_input winograd": 13,
        "conv_backward_weight winograd": 13,
        "conv_backward_weight pointwise weight": 1,
    },
    "alexnet": {
        "conv winograd": 3,
        "conv_backward_input winograd": 3,
        "conv_backward_weight winograd": 3,
    },
    "mobilenet_v1": {"conv_backward_weight pointwise weight": 2},
}
ONEDNN = {
    "lenet5": {},
    "cnn_small": {"conv jit": 1, "conv_backward_weight jit": 1},
    "resnet18_cifar": {
        "conv jit": 1,
        "conv brgconv": 3,
        "conv brgconv_1x1": 3,
        "conv_backward_input brgconv_strided": 6,
        "conv_backward_weight jit": 4,
        "conv_backward_weight jit_1x1": 3,
    },
    "resnet18_cifar bf16": {
        "conv jit_bf16": 1,
        "conv brgconv": 16,
        "conv brgconv_1x1": 3,
        "conv_backward_input brg_fwd": 13,
        "conv_backward_input brgconv_strided": 6,
        "conv_backward_weight jit_bf16": 17,
        "conv_backward_weight jit_bf16_1x1": 3,
    },
    "resnet50": {
        "conv jit": 1,
        "conv brgconv": 3,
        "conv brgconv_1x1": 36,
        "conv_backward_input brg_fwd": 33,
        "conv_backward_input brgconv_strided": 6,
        "conv_backward_weight jit": 4,
        "conv_backward_weight jit_1x1": 35,
    },
    "alexnet": {
        "conv jit": 1,
        "conv brgconv": 1,
        "conv_backward_input brg_fwd": 1,
        "conv_backward_weight jit": 2,
    },
    "mobilenet_v1": {
        "conv jit": 1,
        "conv brgconv_1x1": 13,
        "conv brdgmm_dw": 13,
        "conv_backward_input brg_fwd": 13,
        "conv_backward_input jit_dw": 13,
        "conv_backward_weight jit": 1,
        "conv_backward_weight jit_1x1": 11,
        "conv_backward_weight jit_dw": 13,
    },
}  # fmt: skip
INFO = _core.info()
IN_BFLOAT16 = bool({"avx512_bf16", "amx_bf16"} & set(INFO["features"]))
NEEDS_BFLOAT16 = "resnet18_cifar bf16"

# Prints the kernels of one training step of each case: names, with how many calls each serves.
PROGRAM = """
import json, sys
from bench import train_cnn, train_mlp, train_rnn, train_vae
from bench.peers import pydl as peer
found = {}
for suite in (train_mlp, train_vae, train_rnn, train_cnn):
    for case in suite.cases():
        if "bf16" in case.name and sys.argv[1] == "no bf16":
            continue
        variant = "bfloat16" if "bf16" in case.name else "compiled"
        contender = peer.build(case.work, case.work.data(), variant)
        contender.run()
        found[case.name] = contender.kernels()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, int]]:
    """Kernels by case, found where the source folder of pydl does not hide the installed one."""
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "bench").symlink_to(ROOT / "bench")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "bf16" if IN_BFLOAT16 else "no bf16"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, int]] = json.loads(done.stdout)
    return found


def _parts(kernel: str) -> tuple[str, str, str]:
    """Op, provider and implementation of "conv (cpu: winograd)"."""
    op, _, served = kernel.rstrip(")").partition(" (")
    provider, _, implementation = served.partition(": ")
    return op, provider, implementation


@pytest.mark.parametrize("name", OWN)
def test_convolutions(name: str, kernels: dict[str, dict[str, int]]) -> None:
    if name == NEEDS_BFLOAT16 and not IN_BFLOAT16:
        pytest.skip("this processor does not multiply in bfloat16")
    if INFO["onednn_version"] is None or INFO["instruction_set"] == "baseline":
        pytest.skip("without oneDNN, and on old processors, other implementations serve")
    (case,) = [case for case in kernels if case.split(",")[0].rsplit(" ", 1)[0] == name]
    found: dict[str, Counter[str]] = {"cpu": Counter(), "onednn": Counter()}
    for kernel, count in kernels[case].items():
        op, provider, implementation = _parts(kernel)
        if op.startswith("conv"):
            found[provider][f"{op} {implementation.split(':')[0]}"] += count
    if INFO["instruction_set"] == "v4":
        assert found == {"cpu": OWN[name], "onednn": ONEDNN[name]}
    elif INFO["instruction_set"] != "amx":  # tiles serve some of these calls
        assert OWN[name].items() <= found["cpu"].items()


def test_no_step_is_computed_by_the_reference(kernels: dict[str, dict[str, int]]) -> None:
    assert len(kernels) > 15
    served = {_parts(kernel)[:2] for steps in kernels.values() for kernel in steps}
    assert not {op for op, provider in served if provider == "ref"}
