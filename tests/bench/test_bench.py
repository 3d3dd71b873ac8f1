"""The benchmarks run, each contender in its own process, whatever becomes of the peers."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pydl

ROOT = Path(__file__).parents[2]


def run_python(folder, *arguments, fakes=None):
    environment = dict(os.environ)
    if fakes is not None:
        environment["PYTHONPATH"] = os.pathsep.join(
            [str(fakes), *filter(None, [os.environ.get("PYTHONPATH")])]
        )
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )


def run_tiny(folder, peers, *options, fakes=None, suite=("train", "mlp"), only="mlp_tiny"):
    """Results by contender, the whole record, and the finished process."""
    path = folder / "results.json"
    done = run_python(
        folder, "-m", "bench", *suite, "--only", only, "--peers", peers,
        "--seconds", "0.05", "--slice", "0.005", "--json", str(path), *options, fakes=fakes,
    )  # fmt: skip
    assert path.exists(), done.stderr
    record = json.loads(path.read_text())
    (case,) = record["cases"]
    return {result["contender"]: result for result in case["results"]}, record, done


def check_measured(result):
    assert result["failure"] is None
    seconds = result["seconds"]
    assert 0 < seconds["lower"] <= seconds["median"] <= seconds["upper"] < result["first_step"]
    assert seconds["slices"] >= 5
    assert 0 < result["fraction_of_peak"] < 1
    assert 10e6 < result["peak_memory"] < 10e9
    assert result["version"]


def test_record(folder):
    installed = importlib.util.find_spec("torch") is not None
    results, record, done = run_tiny(folder, "torch eager")
    assert done.returncode == 0, done.stderr
    assert {"torch fused", "jax jit"}.isdisjoint(results)
    for when in ("start", "end"):
        assert record["limits"][when]["flops"] > 1e9
        assert record["limits"][when]["bandwidth"] > 1e8
    assert record["machine"]["threads"] == record["settings"]["threads"] >= 1

    pydl, torch = results["pydl eager"], results["torch eager"]
    check_measured(pydl)
    assert pydl["ratio"] == 1
    if not installed:
        assert torch["failure"]["reason"] == "not installed"
        return
    check_measured(torch)
    ratio = torch["seconds"]["median"] / pydl["seconds"]["median"]
    assert torch["ratio"] == pydl["fastest_peer_ratio"] == pytest.approx(ratio)
    assert torch["fastest_peer_ratio"] is None


@pytest.mark.parametrize(
    ("suite", "only", "contenders"),
    [
        (
            ("conv",),
            "5x5",
            ["pydl channels-last", "pydl contiguous", "pydl bare oneDNN", "torch channels-last"],
        ),
        (("train", "cnn"), "lenet5", ["pydl eager", "pydl compiled", "torch channels-last"]),
        (("train", "rnn"), "gru_series", ["pydl eager", "pydl compiled"]),
    ],
)
def test_suites(folder, suite, only, contenders):
    peer = contenders[-1] if contenders[-1].startswith("torch") else "none"
    results, record, done = run_tiny(folder, peer, suite=suite, only=only)
    assert done.returncode == 0, done.stderr
    assert record["cases"][0]["flops"] > 1e7
    assert list(results) == contenders
    for result in results.values():
        if result["failure"] is None:
            check_measured(result)
        else:
            reasons = ("not installed", "this pydl is built without oneDNN")
            assert result["failure"]["reason"] in reasons


def test_text(folder):
    results, record, done = run_tiny(folder, "sklearn", suite=("text",), only="counts: ")
    assert done.returncode == 0, done.stderr
    assert list(results) == ["pydl", "sklearn"]
    assert 3 < record["cases"][0]["megabytes"] < 5 and "per MB" in done.stdout
    if importlib.util.find_spec("sklearn") is None:
        assert results["sklearn"]["failure"]["reason"] == "not installed"
    for result in results.values():
        assert result["failure"] or result["seconds"]["median"] > 0


def test_time_as_a_multiple_of_bare_onednn(folder):
    results, _, done = run_tiny(folder, "none", suite=("conv",), only="5x5")
    assert done.returncode == 0, done.stderr
    bare, eager = results["pydl bare oneDNN"], results["pydl channels-last"]
    if bare["failure"]:
        assert bare["failure"]["reason"] == "this pydl is built without oneDNN"
        assert eager["bound_ratio"] is None
        return
    ratio = eager["seconds"]["median"] / bare["seconds"]["median"]
    assert eager["bound_ratio"] == pytest.approx(ratio)
    assert bare["bound_ratio"] == 1
    assert "/ bound" in done.stdout


def test_bfloat16_beside_float32(folder):
    done = run_python(folder, "-m", "bench", "train", "cnn", "--only", "bf16", "--list")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.endswith(": pydl compiled, pydl bfloat16")


def test_operations_are_those_of_the_published_networks(folder):
    script = """
from bench.train_cnn import cases
for case in cases():
    print(case.name.split()[0], round(case.flops / case.work.batch / 6e6))
"""
    done = run_python(folder, "-c", script)
    # Millions of multiply-adds forward: a third of forward and backward, which lacks the gradient
    # of the image. ResNet-50 has 4089, AlexNet 714, and MobileNet (x 96^2 / 224^2) 104.
    counts = {name: int(count) for name, count in map(str.split, done.stdout.splitlines())}
    assert counts["resnet50"] == pytest.approx(4089, rel=0.02), done.stderr
    assert counts["alexnet"] == pytest.approx(714, rel=0.05)
    assert counts["mobilenet_v1"] == pytest.approx(569 * (96 / 224) ** 2, rel=0.02)
    assert counts["resnet18_cifar"] == pytest.approx(556, rel=0.02)


def test_weights_of_channels_last_networks(folder):
    script = """
import numpy as np
from bench.layers import Conv, Flatten, Linear, channels_last, make_weights
layers, shape = (Conv(4, 2), Flatten(), Linear(5)), (3, 4, 5)
rng = np.random.default_rng(0)
(conv, _), (linear, _) = weights = make_weights(layers, shape, rng)
(conv_last, _), (linear_last, _) = channels_last(layers, shape, weights)
x = rng.standard_normal((2, 4, 3, 4))  # what the convolution gives
assert np.array_equal(conv_last[1, 0, 2, 3], conv[3, 2, 1, 0])
y = x.reshape(2, -1) @ linear.T
np.testing.assert_allclose(x.transpose(0, 2, 3, 1).reshape(2, -1) @ linear_last, y)
"""
    done = run_python(folder, "-c", script)
    assert done.returncode == 0, done.stderr


def test_peers_that_fail(folder):
    fakes = folder / "fakes"
    fakes.mkdir()
    (fakes / "jax.py").write_text("import os, sys; print('oops', file=sys.stderr); os.abort()")
    (fakes / "tensorflow.py").write_text("raise ModuleNotFoundError(name='tensorflow')")
    (fakes / "torch.py").write_text("import time; time.sleep(100)")
    results, _, done = run_tiny(folder, "jax,tensorflow,torch eager", "--timeout", "5", fakes=fakes)
    check_measured(results["pydl eager"])
    failures = {name: result["failure"] for name, result in results.items()}
    assert failures["jax jit"]["reason"] == "SIGABRT"
    assert "oops" in failures["jax jit"]["details"]
    assert failures["tensorflow xla"]["reason"] == "not installed"
    assert failures["torch eager"]["reason"] == "no answer within 5 s"
    assert "jax jit: SIGABRT" in done.stdout
    assert done.returncode == 1


def test_disagreement_is_a_failure(folder):
    script = """
import numpy as np
from bench.runner import Result, compare
from bench.train_mlp import cases

losses = np.linspace(2, 1, 5)
results = [Result("pydl eager", values=losses)]
results += [Result("torch eager", values=losses * 1.001), Result("jax jit", values=losses * 1.01)]
compare(next(cases()), results)
print([result.failure and result.failure.reason for result in results])
"""
    done = run_python(folder, "-c", script)
    assert done.stdout.strip() == "[None, None, 'disagrees with pydl eager']", done.stderr


def test_list(folder):
    done = run_python(folder, "-m", "bench", "--list")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 1000
    assert "vae 784-512-(20)-512-784, batch 128, Adam: pydl eager, " in done.stdout


def test_unknown_suite(folder):
    done = run_python(folder, "-m", "bench", "train", "gan")
    assert done.returncode == 2
    assert "no suite 'train gan'" in done.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stride": (1,)}, "a stride and a padding for each spatial axis"),
        ({"groups": 3}, "groups that divide"),
        ({"x": pydl.ones((1, 2, 5, 5), dtype="float64")}, "row-major tensors of float32"),
        ({"gradient": pydl.ones((1, 4, 5, 5))}, r"oneDNN refuses .*\(1, 4, 5, 5\)|without oneDNN"),
    ],
)
def test_bare_convolution_of_wrong_operands(change, message):
    operands = {
        "x": pydl.ones((1, 2, 5, 5)),
        "weight": pydl.ones((4, 2, 3, 3)),
        "gradient": pydl.ones((1, 4, 3, 3)),
        "stride": (1, 1),
        "padding": (0, 0),
    }
    with pytest.raises(ValueError, match=f"bare convolution: .*{message}"):
        pydl._core._BareConvolution(**{**operands, **change})


def test_compile_times(folder):
    done = run_python(folder, "-m", "bench", "compile", "--list")
    assert done.returncode == 0, done.stderr
    names = done.stdout.splitlines()
    assert any("GRU" in name for name in names) and any("ResNet" in name for name in names)
    for name in names:
        if "ResNet" in name:
            continue
        done = run_python(folder, "-m", "bench.compile", name, "3")
        assert done.returncode == 0, done.stderr
        assert all(0 < seconds < 30 for seconds in json.loads(done.stdout))
