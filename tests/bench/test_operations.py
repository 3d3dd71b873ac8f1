"""The suite of single operations has every op, and its expressions agree between frameworks."""

import os
import re
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]

ELSEWHERE = {
    "the suite conv": {"conv", "conv_backward_input", "conv_backward_weight"},
    "the suite train rnn": {"recurrent", "recurrent_backward", "sequence_product"},
    "the suite train cnn": {"batch_norm", "channel_statistics"},
    "no peer has it": {"ctc_loss", "ctc_loss_backward", "assign", "index_assign"},
}
# Measured as the derivative of another op, in its row "with gradient".
DERIVATIVE = re.compile(r".*_backward|gradient_(times|over)")


def run_python(folder, code):
    paths = [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_op_is_measured(folder):
    code = """
import re
from bench.operations import rows
from ops.table import rows as tested
words = set()
for _, row in rows():
    words.update(re.findall(r"[a-z_0-9]+", row.expression), row.covers)
print(*sorted({row.name for row in tested()} - words))
"""
    elsewhere = set().union(*ELSEWHERE.values())
    missing = set(run_python(folder, code).split()) - elsewhere
    assert {name for name in missing if not DERIVATIVE.fullmatch(name)} == set()


def test_expressions_agree(folder):
    code = """
import importlib
from bench.case import Case
from bench.operations import cases
from bench.runner import Result, compare
peers = {}
for name in ("pydl", "torch", "numpy"):
    try:
        peers[name] = importlib.import_module(f"bench.peers.{name}")
    except ModuleNotFoundError:
        continue
count = 0
for case in cases():
    if case.size != "tiny":
        continue
    results = []
    for name in [name for name in case.contenders if name in peers]:
        try:
            contender = peers[name].build(case.work, case.work.data(), "")
            results.append(Result(name, values=contender.read(contender.run())))
        except Exception as error:
            print(case.name, name, repr(error))
    if results:
        compare(case, results)
    for result in results:
        if result.failure is not None:
            print(case.name, result.contender, result.failure.details)
    count += 1
print(count)
"""
    *failures, count = run_python(folder, code).splitlines()
    assert failures == []
    assert int(count) > 200
