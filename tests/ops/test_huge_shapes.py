"""Sizes that no memory holds are refused with a message: nothing is added or multiplied past int64.

Views with strides of 0 are as large as one likes. Every call runs in a process of its own kind,
because a size that has wrapped around is a write behind a block of memory.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

HUGE = 2**62
# Setup lines that all calls share; each then is one expression.
SETUP = f"""
import pydl
from pydl import _core, nn
F = nn.functional
H = {HUGE}
def view(*shape, dtype="float32"):
    return pydl.expand(pydl.ones((1,) * len(shape), dtype=dtype), shape)
v = view(H)
image = view(1, 1, H)
square = view(1, 1, 2**31, 2**30)
index = view(H, dtype="int64")
one = pydl.ones((1, 1, 1))
"""
CALLS = [
    # Joined along an axis.
    "pydl.concat([v, v])",
    "pydl.concat([v] * 4)",
    "pydl.concat([v] * 5)",
    "pydl.concat([v[:0]] * 3 + [v] * 4)",
    "pydl.stack([v] * 2)",
    "pydl.stack([v] * 5)",
    "pydl.concat([view(2, H)] * 3, axis=1)",
    # Shapes.
    "pydl.eye(2**31)",
    "pydl.linalg.inv(view(2**31, 2**31))",
    "pydl.expand(v, (4, H))",
    "pydl.expand(v, (H, H))",
    "pydl.broadcast_to(pydl.ones(1), (H, H, H))",
    "pydl.reshape(v, (H, 4, 0))",
    "pydl.reshape(v, (2, H))",
    "pydl.reshape(v, (2**63 - 1, -1))",
    "pydl.reshape(pydl.ones(0), (H, 4, 0))",
    "pydl.reshape(pydl.ones(0), (H, H, -1))",
    "pydl.zeros((H, 4, 0))",
    "pydl.empty((0, H, H))",
    "pydl.split(v, [H, H, H, H, H])",
    "pydl.split(v, [2**63 - 1, 2**63 - 1, 2 + H])",
    "view(H, 1) + view(1, H)",
    "view(H, 1) == view(1, H)",
    "pydl.where(view(H, 1) > 0, view(1, H), 0)",
    "v + 1",
    "pydl.copy(v)",
    "v.astype('float64')",
    "-view(H, dtype='int64')",
    # Made anew.
    "pydl.zeros(H)",
    "pydl.zeros((H, H))",
    "pydl.ones((2**63 - 1, 2), dtype='bool')",
    "pydl.full((2**31, 2**31, 2), 1)",
    "pydl.empty(2**63 - 1, dtype='float64')",
    "pydl.zeros_like(v)",
    "pydl.ones_like(v)",
    "pydl.arange(2**63 - 1)",
    "pydl.arange(-2**63, 2**63 - 1)",
    "pydl.arange(0, 1e300)",
    "pydl.arange(0, 1, 1e-300)",
    "pydl.arange(0, 2**70)",
    "pydl.arange(-1e300, 1e300, 1.0)",
    "pydl.linspace(0, 1, 2**63 - 1)",
    "pydl.linspace(0, 1, H)",
    "pydl.eye(H)",
    "pydl.eye(H, H)",
    "pydl.eye(2**63 - 1, 1)",
    "pydl.eye(1, 2**63 - 1, -1)",
    "pydl.eye(2**40, 2**40)",
    "pydl.uniform((H,))",
    "pydl.uniform((H, H))",
    "pydl.normal((2**63 - 1, 2))",
    "pydl.rand(H, 4)",
    "pydl.randn(2**63 - 1)",
    "pydl.randint(0, 5, (H, 2))",
    "pydl.permutation(2**63 - 1)",
    "pydl.dropout(v, 0.5)",
    # Indices.
    "pydl.take(pydl.ones(3), index)",
    "pydl.take(view(3, 2**32), view(2**32, dtype='int64'))",
    "pydl.gather(pydl.ones(3), index, 0)",
    "_core.take_backward(pydl.ones(2), pydl.tensor([0, 1]), 0, 2**63 - 1)",
    "_core.take_backward(view(2, 2**40), pydl.tensor([0, 1]), 0, 2**40)",
    "_core.gather_backward(view(2**40, 2), view(2**40, 2, dtype='int64'), 1, 2**40)",
    "_core.slice_backward(pydl.ones(2), (2**63 - 1,), (0,), (1,))",
    "_core.slice_backward(view(2, 2), (2**40, 2**40), (0, 0), (1, 1))",
    "_core.segment_ids(pydl.tensor([0]), 2**63 - 1)",
    # Products.
    "pydl.matmul(view(H, 1), view(1, H))",
    "pydl.linear(view(H, 1), view(H, 1))",
    "pydl.einsum('i,j', v, v)",
    "pydl.outer(v, v)",
    "pydl.kron(v, v)",
    "pydl.tensordot(v, v, 0)",
    "pydl.tensordot(view(H, 1), view(1, H), 1)",
    "pydl.linalg.svd(view(2**40, 2))",
    "pydl.linalg.qr(view(2**40, 2), 'complete')",
    "pydl.linalg.pinv(v.reshape(H, 1))",
    "pydl.linalg.det(view(2**31, 2**31))",
    "pydl.linalg.solve(view(2**31, 2**31), view(2**31))",
    # Windows.
    "F.pad(v, (H, H))",
    "F.pad(v, (2**63 - 1, 0))",
    "F.pad(v, (2**63 - 1, 2**63 - 1))",
    "F.pad(v, (-2**63, 0))",
    "F.pad(image, (H, H), mode='replicate')",
    "F.pad(image, (2**61, 2**61), mode='circular')",
    "F.pad(image, (2**61, 2**61), mode='reflect')",
    "F.conv1d(view(1, 1, 2**63 - 1), one, padding=2**31 - 1)",
    "F.conv1d(image, one, padding=2**63 - 1)",
    "F.conv1d(image, one)",
    "F.conv1d(one, one, dilation=2**63 - 1, padding='same')",
    "F.conv2d(square, view(1, 1, 1, 1), padding=2**31 - 1)",
    "F.conv_transpose1d(image, one, stride=2**31)",
    "F.conv_transpose1d(image, one, stride=2**63 - 1)",
    "F.conv_transpose1d(one, view(1, 1, 3), dilation=2**63 - 1)",
    "F.conv_transpose1d(view(1, 1, 2), one, stride=2**63 - 1)",
    "F.conv_transpose1d(view(1, 1, 2), one, padding=2**63 - 1)",
    "F.max_pool1d(image, 2)",
    "F.max_pool1d(view(1, 1, 2**63 - 1), 2, padding=1)",
    "F.max_pool1d(one, 2**63 - 1, padding=H)",
    "F.max_pool1d(view(1, 1, 5), 2, dilation=2**63 - 1)",
    "F.max_pool1d(view(1, 1, 5), 2, stride=2**63 - 1, ceil_mode=True)",
    "F.avg_pool1d(image, 2)",
    "F.avg_pool1d(one, 2**63 - 1, padding=H)",
    "F.avg_pool2d(square, 1, stride=1, padding=0)",
    "F.adaptive_avg_pool1d(one, H)",
    "F.adaptive_max_pool1d(one, H)",
    "F.max_unpool2d(view(1, 1, 1, 1), view(1, 1, 1, 1, dtype='int64'), 2,"
    " output_size=(H, H))",
    "F.interpolate(one, size=H)",
    "F.interpolate(one, size=2**63 - 1, mode='linear')",
    "F.interpolate(one, scale_factor=1e300)",
    "F.interpolate(image, scale_factor=4)",
    "F.interpolate(view(1, 1, 1, 1), size=(H, H))",
    # Everything else that is as large as what it reads.
    "pydl.softmax(v)",
    "pydl.log_softmax(v)",
    "_core.normalize(v)",
    "F.layer_norm(view(H, 1), (1,))",
    "F.embedding(index, pydl.ones((3, 2)))",
    "F.cross_entropy(view(2**40, 2**20), view(2**40, dtype='int64'), reduction='none')",
    "nn.LSTM(1, 1)(view(H, 1, 1))",
    "nn.GRU(1, 1)(view(2**58, 16, 1))",
    "nn.RNN(1, 4)(view(2**60, 1, 1))",
]  # fmt: skip
RUNNER = (
    SETUP
    + """
import sys
for call in sys.stdin.read().splitlines():
    try:
        result = eval(call)
    except (ValueError, MemoryError, OverflowError) as error:
        print("refused", str(error).replace("\\n", " "), flush=True)
    except BaseException as error:
        print("wrong", type(error).__name__, str(error).replace("\\n", " "), flush=True)
    else:
        print("result", getattr(result, "shape", result), flush=True)
"""
)


def run(calls: list[str]) -> list[str]:
    """Return what came of each call; fewer answers than calls where the process died."""
    process = subprocess.run(
        [sys.executable, "-c", RUNNER],
        input="\n".join(calls),
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    answers = process.stdout.splitlines()
    if len(answers) < len(calls):
        answers.append(f"died with {process.returncode}: {process.stderr[-500:]}")
    return answers


@pytest.fixture(scope="module")
def answers() -> dict[str, str]:
    """What came of all calls, run in as few processes as survive."""
    found: dict[str, str] = {}
    rest = list(CALLS)
    while rest:
        for call, answer in zip(rest, run(rest), strict=False):
            found[call] = answer
        rest = [call for call in CALLS if call not in found]
    return found


@pytest.mark.parametrize("call", CALLS)
def test_sizes_beyond_memory_are_refused(call: str, answers: dict[str, str]) -> None:
    answer = answers[call]
    assert answer.startswith("refused "), answer
    assert len(answer) > len("refused ") + 10


def test_views_that_are_as_large_as_int64_are_views() -> None:
    empty = "[[0.0, 0.0], [0.0, 0.0]]"
    expected = {
        "pydl.expand(pydl.ones(1), (2**63 - 1,))": "(9223372036854775807,)",
        "v.reshape(2, 2**61)": f"(2, {2**61})",
        "v[::2**40]": f"({2**22},)",
        "v.nbytes": str(2**64),
        "pydl.flip(v)[:3]": "(3,)",
        "v.expand_dims(0).squeeze()": f"({HUGE},)",
        "pydl.eye(2, k=2**63 - 1).tolist()": empty,
        "pydl.eye(2, k=-2**63).tolist()": empty,
    }
    for (call, shape), answer in zip(expected.items(), run(list(expected)), strict=True):
        assert answer == f"result {shape}", call
