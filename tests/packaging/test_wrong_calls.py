"""The C++ tests of wrong calls cover every public function of the headers."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEADERS = sorted((ROOT / "cpp" / "include" / "pydl").glob("*.h"))
TESTS = sorted((ROOT / "tests" / "cpp").glob("test_wrong_calls_*.cpp"))
CPP_TEST = "\n".join(path.read_text(encoding="utf-8") for path in TESTS)
C_TEST = (ROOT / "tests" / "c" / "test_c_api.c").read_text(encoding="utf-8")

# They take nothing that could be wrong: numbers, flags, or no arguments.
CANNOT_BE_WRONG = {
    *("autocast_dtype", "grad_enabled", "is_tracing", "num_threads", "pass_names", "version"),
    *("compiler", "live_tensor_count", "memory_stats", "reset_peak_memory", "empty_cache"),
    *("default_generator", "set_grad_enabled", "dtype_name", "promote", "element_count"),
    *("contiguous_strides", "is_contiguous", "channels_last_strides", "is_channels_last"),
    *("detects_anomaly", "detects_infinities", "set_detect_anomaly", "set_anomaly_locator"),
    *("pydl_c_api_version", "pydl_library_version", "pydl_last_error"),
}


def functions(text: str) -> set[str]:
    """Names of the functions, not members, that a header declares."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/|\[\[.*?\]\]", "", text, flags=re.S)
    return set(re.findall(r"^PYDL_API\b[^;{(=]*?\b(\w+)\(", text, re.M)) - {"operator"}


@pytest.mark.parametrize("path", HEADERS, ids=lambda path: path.name)
def test_public_functions_are_called_wrongly(path: Path) -> None:
    test = C_TEST if path.name == "c_api.h" else CPP_TEST
    called = set(re.findall(r"\b(\w+)\b", test))
    assert functions(path.read_text(encoding="utf-8")) - called - CANNOT_BE_WRONG == set()


def test_the_test_finds_functions() -> None:
    found = functions((ROOT / "cpp" / "include" / "pydl" / "ops.h").read_text(encoding="utf-8"))
    assert {"zeros", "where", "permute_dims", "recurrent_backward"} <= found
    assert len(found) > 140
