"""Runs the conformance suite of the array API standard on the installed pydl.

    python tools/array_api_suite.py ~/array-api-tests              # a checkout, with its submodule
    python tools/array_api_suite.py ~/array-api-tests --examples 100

The suite is https://github.com/data-apis/array-api-tests; it needs pytest, pytest-json-report,
hypothesis and ndindex. Prints how many tests passed and failed, and fails if others fail than those
that tools/array_api_exceptions.txt lists with a reason. Examples are drawn: one of these may pass.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

EXCEPTIONS = Path(__file__).with_name("array_api_exceptions.txt")

# The suite cannot be imported for a library without complex numbers, even when they are skipped.
CHANGES = {
    "array_api_tests/dtype_helpers.py": (
        "[(dt, dtype_nbits[dt]) for dt in complex_dtypes], key=lambda x: x[1]\n",
        "[(dt, dtype_nbits[dt]) for dt in complex_dtypes], key=lambda x: x[1], default=(None, 0)\n",
    ),
    "array_api_tests/test_signatures.py": (
        "dh.dtype_to_name[dh.widest_complex_dtype]",
        '"complex128"',
    ),
}


def prepared(checkout: Path, folder: Path) -> Path:
    """Copy the suite and change what presumes complex numbers."""
    copy = folder / "suite"
    shutil.copytree(checkout, copy, ignore=shutil.ignore_patterns(".git", ".hypothesis"))
    for name, (old, new) in CHANGES.items():
        text = (copy / name).read_text(encoding="utf-8")
        if old not in text:
            sys.exit(f"{name} of the suite has changed: {old.strip()!r} is not in it any more")
        (copy / name).write_text(text.replace(old, new), encoding="utf-8")
    return copy


def run(suite: Path, examples: int, processes: int) -> dict[str, str]:
    """Run the suite; return 'passed', 'failed' or 'skipped' by the name of the test."""
    report = suite / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "array_api_tests", f"--junitxml={report}"]
    command += ["--tb=line", "-k", "not imag and not complex", f"--max-examples={examples}"]
    command += ["--disable-deadline", "--hypothesis-derandomize", "--disable-extension", "fft"]
    if processes > 1:
        command += ["--numprocesses", str(processes)]
    environment = os.environ | {
        "ARRAY_API_TESTS_MODULE": "pydl",
        "ARRAY_API_TESTS_SKIP_DTYPES": "complex64,complex128",
    }
    subprocess.run(command, cwd=suite, env=environment, check=False)
    if not report.exists():
        sys.exit("the suite did not run; see above")
    results = {}
    for case in ElementTree.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        result = "failed" if kinds & {"failure", "error"} else "skipped" if kinds else "passed"
        results[f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"] = result
    return results


def exceptions() -> set[str]:
    """Return the names of the tests that are known to fail: the lines that are not comments."""
    lines = EXCEPTIONS.read_text(encoding="utf-8").splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkout", type=Path, help="a checkout of the suite, with its submodule")
    parser.add_argument("--examples", type=int, default=20, help="examples per test")
    parser.add_argument(
        "--processes", type=int, default=1, help="by pytest-xdist, if more than one"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        suite = prepared(options.checkout, Path(folder))
        results = run(suite, options.examples, options.processes)
    known = exceptions()
    failed = {name for name, result in results.items() if result == "failed"}
    counts = {
        kind: sum(r == kind for r in results.values()) for kind in ("passed", "failed", "skipped")
    }
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    for name in sorted(failed - known):
        print("failed unexpectedly:", name)
    sys.exit(bool(failed - known))


if __name__ == "__main__":
    main()
