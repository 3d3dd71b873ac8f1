"""Importing pydl in a subinterpreter fails with a message, whatever the main one has imported."""

import subprocess
import sys

import pytest

PROGRAM = """
import sys
{first}
try:
    import _interpreters as interpreters  # Python 3.13
except ImportError:
    import _xxsubinterpreters as interpreters
if sys.version_info >= (3, 13):
    other = interpreters.create("legacy")
    run = interpreters.exec
else:
    other = interpreters.create(isolated=False)
    run = interpreters.run_string
run(other, '''
import sys
sys.path[:] = {path!r}
try:
    import {module}
except ImportError as error:
    print(error)
    sys.stdout.flush()
''')
{last}
"""


@pytest.mark.parametrize(
    "module", ["pydl", "pydl._core", "pydl.data._batching", "pydl.text._pairs"]
)
@pytest.mark.parametrize("used", ["never", "before", "after"])
def test_import_fails_with_a_message(module: str, used: str) -> None:
    use = "import pydl; assert pydl.ones((2,)).sum().item() == 2"
    program = PROGRAM.format(
        module=module,
        path=sys.path,
        first=use if used == "before" else "",
        last=use if used == "after" else "",
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd="/",
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("pydl cannot be imported in a subinterpreter")
