"""What the bytecode tells of a function's reads is the same for every version of Python."""

from __future__ import annotations

from typing import Any

from pydl.compiler.bytecode import ARGUMENT, FREE, GLOBAL, analyse

SOURCE = """
def outer():
    beta, k = 1, [1]
    def function(self, x, settings, *rest, option=None):
        global counter
        nonlocal beta
        counter += 1
        beta += 1
        self.n = x.shape[0]
        y = self.n * settings.rates["low"] + table["beta"] + table.get("z") + k[0] + rest[0]
        table["k"] = 2
        table["q"] += 1
        self.calls += 1
        self.call(x, option)
        return [beta * z for z in y], (lambda q: q + k[1])
    return function
"""


def test_reads_of_a_function() -> None:
    space: dict[str, Any] = {}
    exec(SOURCE, space)
    chains = analyse(space["outer"]().__code__).chains
    found = {(c.scope, c.text, c.is_set_first) for c in chains if c.reads_content}
    assert found >= {
        (ARGUMENT, "settings.rates['low']", False),
        (ARGUMENT, "option", False),
        (ARGUMENT, "rest[0]", False),
        (ARGUMENT, "self.calls", False),
        (ARGUMENT, "self.call", False),
        (ARGUMENT, "self.n", True),
        (ARGUMENT, "x", False),
        (ARGUMENT, "x.shape[0]", False),
        (FREE, "beta", False),
        (FREE, "k[0]", False),
        (GLOBAL, "counter", False),
        (GLOBAL, "table.get", False),
        (GLOBAL, "table['beta']", False),
        (GLOBAL, "table['q']", False),
    }
    written = {(c.scope, c.text) for c in chains if not c.reads_content}
    assert (GLOBAL, "table") in written
    assert (ARGUMENT, "self") in written


def test_code_inside_of_a_function() -> None:
    space: dict[str, Any] = {}
    exec(SOURCE, space)
    analysis = analyse(space["outer"].__code__)
    assert {code.co_name for code in analysis.inner} >= {"function", "<lambda>"}
    assert {"rates", "shape", "get"} <= analysis.names
