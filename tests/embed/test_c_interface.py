"""The C interface from another language: Python's ctypes, on files that pydl itself has written."""

import ctypes
from ctypes import POINTER, byref, c_char_p, c_double, c_int32, c_int64, c_size_t, c_void_p
from pathlib import Path

import numpy as np
import pytest

import pydl
from pydl import nn

OK, ERROR_VALUE = 0, 2
FLOAT32, INT64 = 8, 5
DTYPES = {FLOAT32: np.float32, INT64: np.int64}


class CTensor(ctypes.Structure):
    """`pydl_tensor`."""

    _fields_ = (
        ("data", c_void_p),
        ("dtype", c_int32),
        ("rank", c_int32),
        ("shape", c_int64 * 8),
    )

    @classmethod
    def of(cls, array: np.ndarray) -> "CTensor":
        number = next(n for n, dtype in DTYPES.items() if dtype == array.dtype)
        shape = (c_int64 * 8)(*array.shape)
        return cls(array.ctypes.data_as(c_void_p), number, array.ndim, shape)

    def copy(self) -> np.ndarray:
        shape = tuple(self.shape[: self.rank])
        dtype = np.dtype(DTYPES[self.dtype])
        size = int(np.prod(shape, dtype=int)) * dtype.itemsize
        assert self.data is not None
        return np.frombuffer(ctypes.string_at(self.data, size), dtype).reshape(shape)


@pytest.fixture(scope="module")
def library() -> ctypes.CDLL:
    (path,) = (Path(pydl.__file__).parent / "lib").glob("libpydl.so*")
    library = ctypes.CDLL(str(path))
    library.pydl_load.restype = c_void_p
    library.pydl_last_error.restype = c_char_p
    library.pydl_function_name.restype = c_char_p
    library.pydl_function_count.restype = c_size_t
    library.pydl_function_name.argtypes = [c_void_p, c_size_t]
    library.pydl_function_count.argtypes = library.pydl_free.argtypes = [c_void_p]
    library.pydl_save.argtypes = [c_void_p, c_char_p]
    tensors = POINTER(CTensor)
    library.pydl_run.argtypes = [c_void_p, c_char_p, tensors, c_size_t, tensors, c_size_t]
    library.pydl_train.argtypes = [c_void_p, tensors, c_size_t, POINTER(c_double)]
    library.pydl_tensor_clear.argtypes = [tensors]
    return library


def test_a_model_predicts_and_trains_from_another_language(library, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((64, 5)).astype(np.float32)
    y = (x.sum(axis=1) > 0).astype(np.int64)
    pydl.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 2))
    model.compile("adam", "cross_entropy")
    model.fit(x, y, epochs=1, verbose=0)
    path = tmp_path / "model.pydl"
    model.save(path)
    twin = pydl.load(path)
    program = library.pydl_load(str(path).encode())
    assert program, library.pydl_last_error()
    names = [library.pydl_function_name(program, i) for i in range(2)]
    assert names == [b"predict", b"train"]
    assert library.pydl_function_count(program) == 2

    output = CTensor()
    assert library.pydl_run(program, b"predict", byref(CTensor.of(x)), 1, byref(output), 1) == OK
    np.testing.assert_array_equal(output.copy(), twin(x).numpy())
    library.pydl_tensor_clear(byref(output))
    assert output.data is None

    batch = (CTensor * 2)(CTensor.of(x), CTensor.of(y))
    loss = c_double()
    for _ in range(3):
        assert library.pydl_train(program, batch, 2, byref(loss)) == OK
        assert loss.value == twin.train(x, y)["loss"].item()
    again = tmp_path / "again.pydl"
    assert library.pydl_save(program, str(again).encode()) == OK
    library.pydl_free(program)
    assert pydl.load(again).train(x, y)["loss"].item() == twin.train(x, y)["loss"].item()


def test_errors_are_codes_and_words(library, tmp_path):
    path = tmp_path / "model.pydl"
    pydl.save_program(path, lambda x: 2 * x, pydl.zeros((1, 3)))
    program = library.pydl_load(str(path).encode())
    wrong = np.zeros((2, 4), np.float32)
    output = CTensor()
    assert (
        library.pydl_run(program, None, byref(CTensor.of(wrong)), 1, byref(output), 1)
        == ERROR_VALUE
    )
    assert b"input 'x': expected float32 of shape (N, 3)" in library.pydl_last_error()
    library.pydl_free(program)
    assert not library.pydl_load(b"/nonexistent.pydl")
    assert b"/nonexistent.pydl" in library.pydl_last_error()
    path.write_bytes(b"nonsense")
    assert not library.pydl_load(str(path).encode())
