"""The CMake package serves projects outside: with the wheel, and as `cmake --install` gives it.

The environment variable PYDL_TEST_CPP_PREFIX names a plain installation, made without oneDNN.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# In bytes, stripped, linked statically, without oneDNN. The trainer comes with metrics and files.
LIMITS = {"mlp": 7.0e6, "networks": 7.0e6, "readme": 7.0e6, "training": 7.4e6}

prefix = os.environ.get("PYDL_TEST_CPP_PREFIX", "")
compiler = os.environ.get("CXX", "c++")
needs_tools = pytest.mark.skipif(
    shutil.which("cmake") is None or shutil.which(compiler) is None,
    reason="needs cmake and a C++ compiler",
)
needs_prefix = pytest.mark.skipif(not prefix, reason="PYDL_TEST_CPP_PREFIX names no installation")


def run(*command: str | Path, folder: str | Path = "/") -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def documented_program(document: str, path: Path) -> Path:
    """The C++ program in a document, as a file."""
    text = (ROOT / document).read_text(encoding="utf-8")
    (program,) = re.findall(r"^```cpp\n(.*?)^```", text, re.M | re.S)
    path.write_text(program, encoding="utf-8")
    return path


def build_and_run(folder: Path, components: str, *settings: str) -> dict[str, str]:
    """Build tests/embed and documented programs in `folder`; returns what the programs print."""
    build = folder / "build"
    documented = [
        documented_program("README.md", folder / "readme.cpp"),
        documented_program("docs/training_in_cpp.md", folder / "training.cpp"),
    ]
    run(
        *("cmake", "-S", ROOT / "tests" / "embed", "-B", build, "-DCMAKE_BUILD_TYPE=Release"),
        f"-DEMBED_COMPONENTS={components}",
        f"-DEMBED_PROGRAMS={';'.join(map(str, documented))}",
        *settings,
    )
    run("cmake", "--build", build, "--parallel", "2")
    programs = (path for path in sorted(build.glob("*_pydl*")) if path.is_file())
    return {program.name: run(program, folder=folder) for program in programs}


@needs_tools
def test_installed_package(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pydl", "--cmake-dir"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    if result.returncode:
        assert "the C++ library was not installed" in result.stderr
        pytest.skip("pydl was built in place")
    printed = build_and_run(tmp_path, "shared", f"-Dpydl_DIR={result.stdout.strip()}")
    assert list(printed) == ["mlp_pydl", "networks_pydl", "readme_pydl", "training_pydl"]


@needs_tools
@needs_prefix
def test_plain_installation(tmp_path: Path) -> None:
    printed = build_and_run(tmp_path, "shared;static", f"-DCMAKE_PREFIX_PATH={prefix}")
    libraries = ("pydl", "pydl_static")
    assert set(printed) == {f"{name}_{library}" for name in LIMITS for library in libraries}
    for program, limit in LIMITS.items():
        assert printed[f"{program}_pydl"] == printed[f"{program}_pydl_static"]
        executable = tmp_path / "build" / f"{program}_pydl_static"
        run("strip", executable)
        assert executable.stat().st_size <= limit


@needs_prefix
def test_plain_installation_has_headers_libraries_and_package() -> None:
    files = {path.relative_to(prefix).as_posix() for path in Path(prefix).rglob("*")}
    headers = {f"include/pydl/{path.name}" for path in (ROOT / "cpp/include/pydl").glob("*.h")}
    names = {re.sub(r"^lib(64|/[\w-]+-linux-gnu)?/", "lib/", name) for name in files}
    assert headers <= names
    assert {"lib/libpydl.a", "lib/libpydl.so", "lib/libpydl.so.0"} <= names
    for name in ("config", "config-version", "targets", "static-targets"):
        assert f"lib/cmake/pydl/pydl-{name}.cmake" in names
    assert not any(name.endswith(".py") for name in names)


@needs_prefix
@pytest.mark.skipif(shutil.which("nm") is None, reason="needs nm")
def test_library_shows_public_symbols_only() -> None:
    (library,) = Path(prefix).glob("lib*/**/libpydl.so")
    listing = run("nm", "--dynamic", "--defined-only", "--demangle", library)
    names = [line.split(" ", 2)[2] for line in listing.splitlines()]
    assert any(name.startswith("pydl::add(") for name in names)
    public = re.compile(
        r"pydl_|((typeinfo|typeinfo name|vtable) for |.*[ *&])?"
        r"pydl::(?!(core|op|exec|graph|backends|runtime|autograd)::)"
    )
    assert [name for name in names if not public.match(name)] == []
