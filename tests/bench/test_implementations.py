"""Which implementations serve the benchmarks: a fast path must not be lost silently."""

from __future__ import annotations

from collections import Counter

import pytest

from bench import train_cnn, train_mlp, train_rnn, train_vae
from bench.case import Case
from bench.peers import pydl as peer
from pydl import _core

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


def _steps(case: Case) -> Counter[tuple[str, str, str]]:
    """Op, provider and implementation of each kernel of a training step."""
    variant = "bfloat16" if "bf16" in case.name else "compiled"
    contender = peer.build(case.work, case.work.data(), variant)
    contender.run()
    assert contender.kernels is not None
    counts: Counter[tuple[str, str, str]] = Counter()
    for name, count in contender.kernels().items():
        op, _, served = name.rstrip(")").partition(" (")
        provider, _, implementation = served.partition(": ")
        counts[op, provider, implementation] += count
    return counts


def _short(case: Case) -> str:
    return case.name.split(",")[0].rsplit(" ", 1)[0]


@pytest.mark.parametrize("case", list(train_cnn.cases()), ids=_short)
def test_convolutions(case: Case) -> None:
    if "bf16" in case.name and not IN_BFLOAT16:
        pytest.skip("this processor does not multiply in bfloat16")
    if INFO["onednn_version"] is None or INFO["instruction_set"] == "baseline":
        pytest.skip("without oneDNN, and on old processors, other implementations serve")
    found: dict[str, Counter[str]] = {"cpu": Counter(), "onednn": Counter()}
    for (op, provider, implementation), count in _steps(case).items():
        if not op.startswith("conv"):
            continue
        assert provider != "ref", f"{op} is computed by the reference"
        found[provider][f"{op} {implementation.split(':')[0]}"] += count
    if INFO["instruction_set"] != "amx":  # tiles serve some of these calls
        assert found["cpu"] == OWN[_short(case)]
    if INFO["instruction_set"] == "v4":
        assert found["onednn"] == ONEDNN[_short(case)]


CASES = [case for suite in (train_mlp, train_vae, train_rnn) for case in suite.cases()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.split(" ")[0])
def test_no_step_is_computed_by_the_reference(case: Case) -> None:
    served = {(op, provider) for op, provider, _ in _steps(case)}
    assert not {op for op, provider in served if provider == "ref"}
