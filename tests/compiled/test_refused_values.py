"""Values that are different in every call, such as random numbers and the time, are refused."""

from __future__ import annotations

import datetime
import io
import itertools
import os
import random
import re
import secrets
import statistics
import subprocess
import sys
import threading
import time
import timeit
import uuid
from collections.abc import Iterator
from random import random as imported_random
from time import time as imported_time

import numpy as np
import pytest
from compiled.changing_values import Step, fit_with, given, restored
from compiled.changing_variables import items, table
from numpy.random import normal as imported_normal

import pydl
from pydl import TraceError

generator = np.random.default_rng(0)
legacy = np.random.RandomState(0)
bits = np.random.PCG64(0)
python_random = random.Random(0)
source = itertools.count(2)
calls = 2


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    with restored():
        yield


class Noisy:
    def __init__(self) -> None:
        self.generator = np.random.default_rng(0)
        self.calls = 0
        self.source = itertools.count(2)

    def noise(self, x: pydl.Tensor) -> pydl.Tensor:
        return x + self.generator.normal()

    def taken(self, x: pydl.Tensor) -> pydl.Tensor:
        return x + next(self.source)

    def counted(self, x: pydl.Tensor) -> pydl.Tensor:
        self.calls += 1
        return x * self.calls

    def read(self, x: pydl.Tensor) -> pydl.Tensor:
        return x * float(input())

    def opened(self, x: pydl.Tensor) -> pydl.Tensor:
        with open(__file__, encoding="utf-8") as file:
            return x * len(file.read())


noisy = Noisy()


def counted(x: pydl.Tensor) -> pydl.Tensor:
    global calls
    calls += 1
    return x * calls


def collected(x: pydl.Tensor) -> pydl.Tensor:
    items.append(1.0)
    return x * len(items)


def counted_in_a_dict(x: pydl.Tensor) -> pydl.Tensor:
    table["rate"] += 1
    return x * table["rate"]


REFUSED: dict[str, tuple[Step, str]] = {
    "numpy.random.rand": (lambda x: x + np.random.rand(), "numpy.random"),
    "numpy.random.normal": (lambda x: x + np.random.normal(size=3), "numpy.random"),
    "numpy.random, imported": (lambda x: x + imported_normal(), "numpy.random"),
    "Generator": (lambda x: x + generator.normal(), "numpy.random"),
    "Generator in an object": (lambda x: noisy.noise(x), "numpy.random"),
    "Generator by getattr": (lambda x: x + noisy.generator.uniform(), "numpy.random"),
    "new Generator": (lambda x: x + np.random.default_rng().normal(), "random bytes"),
    "RandomState": (lambda x: x + legacy.uniform(), "numpy.random"),
    "BitGenerator": (lambda x: x + bits.random_raw() % 7, "numpy.random"),
    "random.random": (lambda x: x if random.random() < 0.5 else -x, "Python's random"),
    "random.random, imported": (lambda x: x + imported_random(), "Python's random"),
    "random.gauss": (lambda x: x + random.gauss(0, 1), "Python's random"),
    "random.choice": (lambda x: x + random.choice([1, 2]), "Python's random"),
    "random.Random": (lambda x: x + python_random.uniform(0, 1), "Python's random"),
    "random.SystemRandom": (lambda x: x + random.SystemRandom().random(), "random"),
    "statistics": (lambda x: x + statistics.NormalDist().samples(1)[0], "Python's random"),
    "os.urandom": (lambda x: x + os.urandom(1)[0], "random bytes"),
    "uuid.uuid4": (lambda x: x + uuid.uuid4().int % 7, "random bytes"),
    "secrets": (lambda x: x + secrets.token_bytes(1)[0], "random bytes"),
    "secrets.randbelow": (lambda x: x + secrets.randbelow(9), "random"),
    "time.time": (lambda x: x + time.time() % 1, "time.time"),
    "time.time, imported": (lambda x: x + imported_time() % 1, "time.time"),
    "time.perf_counter": (lambda x: x + time.perf_counter(), "time.perf_counter"),
    "time.monotonic_ns": (lambda x: x + time.monotonic_ns() % 7, "time.monotonic_ns"),
    "timeit.default_timer": (lambda x: x + timeit.default_timer(), "time.perf_counter"),
    "datetime.now": (lambda x: x + datetime.datetime.now().second, r"datetime.now"),
    "date.today": (lambda x: x + datetime.date.today().day, "date.today"),
    "input": (lambda x: noisy.read(x), r"input\(\)"),
    "open": (lambda x: noisy.opened(x), r"open\(\)"),
    "next": (lambda x: x + next(source), "source is an iterator"),
    "next in an object": (lambda x: noisy.taken(x), "self.source is an iterator"),
    "global counter": (counted, "calls .* and changes it"),
    "counter in an object": (lambda x: noisy.counted(x), "calls .* and changes it"),
    "counter in a dict": (counted_in_a_dict, "rate.* and changes it"),
    "growing list": (collected, "changes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_another_in_every_call_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, message = REFUSED[name]
    monkeypatch.setattr(sys, "stdin", io.StringIO("1\n" * 9))
    compiled = pydl.compile(step)
    for _ in range(2):
        with pytest.raises(TraceError, match=message) as caught:
            compiled(given())
        assert re.search(r"test_refused_values\.py:\d+", str(caught.value))


@pytest.mark.parametrize("name", REFUSED)
def test_fit_goes_on_without_compilation(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    step, message = REFUSED[name]
    monkeypatch.setattr(sys, "stdin", io.StringIO("1\n" * 99))
    with pytest.warns(UserWarning, match=f"fit runs without compilation.*{message}") as caught:
        fit_with(step, lambda: None, True, "forward")
    # The numbers of some of them are so large that the loss does not stay finite.
    told = [warning for warning in caught if "without compilation" in str(warning.message)]
    assert len(told) == 1


@pytest.mark.parametrize("name", ["random.gauss", "statistics"])
def test_a_number_that_was_drawn_before(name: str) -> None:
    """`random.gauss` draws in pairs; beside other threads, no states are compared."""
    step, message = REFUSED[name]
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    try:
        random.seed(0)
        random.gauss(0, 1)
        with pytest.raises(TraceError, match=message):
            pydl.compile(step)(given())
    finally:
        done.set()
        other.join()


@pytest.mark.skipif(
    tuple(map(int, np.__version__.split(".")[:2])) < (2, 4),
    reason="before 2.4, NumPy imports numpy.random with itself",
)
def test_numpy_random_that_is_imported_while_it_is_traced() -> None:
    """NumPy imports it with the first use."""
    code = """
import sys
import numpy as np
import pydl

sys.modules.pop("numpy.random", None)
vars(np).pop("random", None)
try:
    pydl.compile(lambda x: x + np.random.normal())(pydl.ones(3))
except pydl.TraceError as error:
    print("numpy.random" in str(error))
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "True\n"
