"""safetensors: exchange with the reference implementation, atomic writing, malformed files."""

import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from pydl import _core

NUMPY_DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
ALL_DTYPES = [*NUMPY_DTYPES, "bfloat16"]


def sample_arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    arrays = {
        f"values.{name}": (rng.standard_normal((3, 5)) * 5).astype(name) for name in NUMPY_DTYPES
    }
    return arrays | {
        "scalar": np.array(2.5),
        "empty": np.zeros((0, 4), np.float32),
        'ünïcödé " \\ \n': np.arange(7),
        "rank 8": np.arange(6, dtype=np.int8).reshape(1, 1, 2, 1, 3, 1, 1, 1),
    }


def assert_same(got: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        assert got[name].dtype == array.dtype
        np.testing.assert_array_equal(got[name], array)


def test_the_reference_reads_what_we_write(tmp_path: Path) -> None:
    path = tmp_path / "ours.safetensors"
    arrays = sample_arrays()
    tensors = {name: _core.tensor(array) for name, array in arrays.items()}
    _core.io.save_params(str(path), tensors, {"key": "value", "ü": ""})
    assert_same(safetensors.numpy.load_file(path), arrays)
    with safetensors.safe_open(path, "np") as file:
        assert file.metadata() == {"key": "value", "ü": ""}


def test_we_read_what_the_reference_writes(tmp_path: Path) -> None:
    path = tmp_path / "theirs.safetensors"
    arrays = sample_arrays()
    safetensors.numpy.save_file(arrays, path, {"made by": "them"})
    tensors, metadata = _core.io.load_params(str(path))
    assert_same({name: tensor.numpy() for name, tensor in tensors.items()}, arrays)
    assert metadata == {"made by": "them"}


def test_files_are_the_same_byte_by_byte(tmp_path: Path) -> None:
    arrays = sample_arrays()
    safetensors.numpy.save_file(arrays, tmp_path / "theirs")
    tensors = {name: _core.tensor(array) for name, array in arrays.items()}
    _core.io.save_params(str(tmp_path / "ours"), tensors, {})
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_bfloat16(tmp_path: Path) -> None:
    path = tmp_path / "half.safetensors"
    x = _core.tensor(np.linspace(-3, 3, 7, dtype=np.float32))
    _core.io.save_params(str(path), {"x": x.astype("bfloat16")}, {})
    [(name, stored)] = safetensors.deserialize(path.read_bytes())
    assert name == "x"
    assert stored["dtype"] == "BF16"
    bits = np.frombuffer(bytes(stored["data"]), np.uint16).astype(np.uint32) << 16
    np.testing.assert_allclose(bits.view(np.float32), x.numpy(), rtol=1 / 128)
    loaded, _ = _core.io.load_params(str(path))
    np.testing.assert_array_equal(loaded["x"].astype("float32").numpy(), bits.view(np.float32))


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(
            lambda name: name != "__metadata__"
        ),
        st.tuples(st.sampled_from(ALL_DTYPES), st.lists(st.integers(0, 4), max_size=8)),
        max_size=5,
    ),
    st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=3),
)
def test_whatever_is_saved_is_loaded(
    tmp_path_factory: pytest.TempPathFactory,
    entries: dict[str, tuple[str, list[int]]],
    metadata: dict[str, str],
) -> None:
    path = str(tmp_path_factory.getbasetemp() / "round-trip.safetensors")
    tensors = {
        name: _core.uniform(tuple(shape), 0, 2).astype(dtype)
        for name, (dtype, shape) in entries.items()
    }
    _core.io.save_params(path, tensors, metadata)
    loaded, loaded_metadata = _core.io.load_params(path)
    assert loaded_metadata == metadata
    assert loaded.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert loaded[name].dtype == tensor.dtype
        assert loaded[name].shape == tensor.shape
        assert loaded[name].tolist() == tensor.tolist()


def write_raw(path: Path, header: bytes, data: bytes = b"", length: int | None = None) -> str:
    size = len(header) if length is None else length
    path.write_bytes(struct.pack("<Q", size) + header + data)
    return str(path)


def entry(dtype: str = "F32", shape: object = (1,), offsets: object = (0, 4)) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"x": entry(dtype="F7")}, "dtype 'F7' is not supported"),
        ({"x": entry(shape=(2,))}, "takes 8 bytes"),
        ({"x": entry(shape=(-1,))}, "must be integers"),
        ({"x": entry(shape=(1.0,))}, "must be integers"),
        ({"x": entry(shape=(2**40, 2**40))}, "too many elements"),
        ({"x": entry(shape=[1] * 9)}, "rank 9"),
        ({"x": entry(offsets=(0, 8), shape=(2,))}, "take 8 bytes; 4 bytes follow"),
        ({"x": entry(offsets=(4, 8))}, "a gap"),
        ({"x": entry(), "y": entry()}, "overlap"),
        ({}, "take 0 bytes; 4 bytes follow"),
        ({"x": {"dtype": "F32"}}, "there is no 'shape'"),
        ({"x": entry(), "__metadata__": {"a": 1}}, "metadata 'a' is not a string"),
        ([], "does not begin"),
    ],
)
def test_malformed_headers(tmp_path: Path, header: object, message: str) -> None:
    path = write_raw(tmp_path / "bad.safetensors", json.dumps(header).encode(), bytes(4))
    with pytest.raises(ValueError, match=message) as caught:
        _core.io.load_params(path)
    assert path in str(caught.value)


@pytest.mark.parametrize(
    ("header", "length"),
    [
        (b"", 0),
        (b"{}", 3),
        (b"{}", 2**63),
        (b"{}", 2**64 - 1),
        (b'{"x":', None),
        (b'{"a":' * 100_000, None),
        (b'{"x\xff":{}}', None),
        (b'{"__metadata__":{"a":"1","a":"2"}}', None),
        (b"{}x", None),
    ],
)
def test_malformed_bytes(tmp_path: Path, header: bytes, length: int | None) -> None:
    with pytest.raises(ValueError, match="is not a valid safetensors file"):
        _core.io.load_params(write_raw(tmp_path / "bad.safetensors", header, length=length))


def test_duplicate_names(tmp_path: Path) -> None:
    text = json.dumps(entry(dtype="U8", offsets=(0, 1)))
    path = write_raw(tmp_path / "bad", f'{{"x":{text},"x":{text}}}'.encode(), bytes(1))
    with pytest.raises(ValueError, match="the name 'x' is given twice"):
        _core.io.load_params(path)


VALID = safetensors.numpy.save(
    {"weight": np.ones((2, 3), np.float32), "flag": np.array([True]), "n": np.arange(3)},
    {"note": "text"},
)


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_corruption_never_does_more_than_raise(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Bytes changed, removed and inserted anywhere: a valid file or a ValueError."""
    content = bytearray(VALID)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        removed = data.draw(st.integers(0, 3))
        content[at : at + removed] = data.draw(st.binary(max_size=3))
    path = tmp_path_factory.getbasetemp() / "corrupt.safetensors"
    path.write_bytes(content)
    try:
        tensors, _ = _core.io.load_params(str(path))
    except ValueError as error:
        assert "is not a valid safetensors file" in str(error)
    else:
        for tensor in tensors.values():
            assert len(repr(tensor)) > 0


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        _core.io.load_params(str(tmp_path / "absent"))
    with pytest.raises(IsADirectoryError):
        _core.io.load_params(str(tmp_path))
    with pytest.raises(FileNotFoundError, match="No such file or directory"):
        _core.io.save_params(str(tmp_path / "absent" / "x"), {"x": _core.ones((1,))}, {})


def test_a_full_disk_leaves_the_old_file() -> None:
    with pytest.raises(NotADirectoryError, match="cannot write: Not a directory: '/dev/full/x'"):
        _core.io.save_params("/dev/full/x", {"x": _core.ones((1,))}, {})


SAVE_FOREVER = """
import sys
from pydl import _core
path = sys.argv[1]
number = 0
while True:
    number += 1
    value = _core.full((200_000,), float(number), dtype="float32")
    _core.io.save_params(path, {"a": value, "b": value}, {"number": str(number)})
    if number == 1:
        print("ready", flush=True)
"""


def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    rng = np.random.default_rng(0)
    for _ in range(8):
        command = [sys.executable, "-c", SAVE_FOREVER, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd="/") as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(rng.uniform(0, 0.05))
            os.kill(process.pid, signal.SIGKILL)
        tensors, metadata = _core.io.load_params(str(path))
        for tensor in tensors.values():
            np.testing.assert_array_equal(tensor.numpy(), float(metadata["number"]))
