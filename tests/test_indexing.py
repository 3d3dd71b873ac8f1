"""Indexing against NumPy: what is read, what is written, and what is shared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pydl

SHAPES = [(5,), (3, 4), (2, 3, 4), (1, 5, 2, 3), (4, 0, 3), (), (2, 1, 2, 1, 2, 3)]


def random_slice(rng: np.random.Generator, size: int) -> slice:
    def bound() -> int | None:
        return None if rng.random() < 0.3 else int(rng.integers(-size - 2, size + 3))

    step = None if rng.random() < 0.4 else int(rng.choice([-3, -2, -1, 1, 2, 3]))
    return slice(bound(), bound(), step)


def random_key(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Return a basic key that fits the shape and gives at most 8 axes."""
    named = int(rng.integers(0, len(shape) + 1))
    cut = int(rng.integers(0, named + 1)) if rng.random() < 0.4 else named
    # The keys behind the ellipsis belong to the last axes.
    sizes = [*shape[:cut], *shape[len(shape) - (named - cut) :]]
    keys: list[Any] = [
        int(rng.integers(-size, size))
        if size > 0 and rng.random() < 0.4
        else random_slice(rng, size)
        for size in sizes
    ]
    if cut < named or rng.random() < 0.2:
        keys.insert(cut, Ellipsis)
    for _ in range(int(rng.integers(0, 3))):
        keys.insert(int(rng.integers(0, len(keys) + 1)), None)
    return tuple(keys)


def view_of(array: np.ndarray, key: tuple[Any, ...]) -> np.ndarray:
    """Index so that an element is a view as well, not one of NumPy's scalars."""
    return array[key if Ellipsis in key else (*key, Ellipsis)]


def pair(shape: tuple[int, ...], dtype: str = "float32") -> tuple[np.ndarray, pydl.Tensor]:
    array = np.arange(int(np.prod(shape)), dtype=dtype).reshape(shape)
    return array, pydl.tensor(array)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(4))
def test_reading_random_keys(shape: tuple[int, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(50):
        array, x = pair(shape)
        if len(shape) == 2 and rng.random() < 0.3:
            array, x = array.T, x.T
        key = random_key(rng, array.shape)
        expected = view_of(array, key)
        result = x[key]
        assert result.shape == expected.shape, key
        np.testing.assert_array_equal(result.numpy(), expected, err_msg=str(key))
        # What a basic key gives shares the memory.
        x.fill_(-7)
        assert (result.numpy() == -7).all(), key


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(4))
def test_writing_random_keys(shape: tuple[int, ...], seed: int) -> None:
    rng = np.random.default_rng(100 + seed)
    for _ in range(50):
        array, x = pair(shape)
        key = random_key(rng, shape)
        selected = array[key].shape
        # Any shape that broadcasts: axes of size 1, leading axes left out or too many.
        value_shape = tuple(1 if rng.random() < 0.3 else size for size in selected)
        value_shape = value_shape[int(rng.integers(0, len(value_shape) + 1)) :]
        if rng.random() < 0.2 and len(value_shape) < 7:
            value_shape = (1, *value_shape)
        value = rng.integers(100, 200, value_shape).astype("float32")
        view_of(array, key)[...] = value
        x[key] = pydl.tensor(value) if rng.random() < 0.5 else value
        np.testing.assert_array_equal(x.numpy(), array, err_msg=f"{key} = {value_shape}")


@pytest.mark.parametrize("seed", range(4))
def test_views_of_views(seed: int) -> None:
    rng = np.random.default_rng(200 + seed)
    for _ in range(50):
        base, x = pair((4, 5, 6), "int64")
        array, y = base, x
        for _ in range(3):
            key = random_key(rng, array.shape)
            if array[key].ndim > 5:
                break
            array, y = view_of(array, key), y[key]
        np.testing.assert_array_equal(y.numpy(), array)
        array[...] = -1
        y[...] = -1
        np.testing.assert_array_equal(x.numpy(), base)


@pytest.mark.parametrize("seed", range(3))
def test_overlapping_assignment(seed: int) -> None:
    rng = np.random.default_rng(300 + seed)
    for _ in range(50):
        size = int(rng.integers(2, 12))
        array, x = pair((size, 3), "int32")
        # Two random windows of the same memory, one of them possibly reversed.
        count = int(rng.integers(1, size))
        a, b = (int(rng.integers(0, size - count + 1)) for _ in range(2))
        direction = int(rng.choice([-1, 1]))
        array[a : a + count] = array[b : b + count][::direction].copy()
        x[a : a + count] = x[b : b + count][::direction]
        np.testing.assert_array_equal(x.numpy(), array)


def test_assigning_the_transpose_and_the_reverse_of_itself() -> None:
    x = pydl.arange(9).reshape(3, 3)
    x[:] = x.T
    assert x.tolist() == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
    x[::-1] = x
    assert x.tolist() == [[2, 5, 8], [1, 4, 7], [0, 3, 6]]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float64"])
def test_assignment_converts_to_the_dtype_of_the_target(dtype: str) -> None:
    array, x = np.zeros(4, dtype), pydl.zeros(4, dtype=dtype)
    for value in (True, 1, np.array([0, 1], "int32"), pydl.tensor([1.0, 0.0])):
        array[1:3] = value.numpy() if isinstance(value, pydl.Tensor) else value
        x[1:3] = value
        assert x.dtype == dtype
        assert x.tolist() == array.tolist()


def test_an_element_is_a_tensor_that_shares_memory() -> None:
    x = pydl.zeros((2, 2))
    element = x[1, -1]
    assert element.shape == ()
    element.fill_(5)
    assert x.tolist() == [[0.0, 0.0], [0.0, 5.0]]
    x[pydl.tensor(0), np.int64(1)] = 3
    assert x[0, 1].item() == 3


def test_whole_keys_give_views_not_the_tensor_itself() -> None:
    x = pydl.zeros((2, 2))
    for key in (Ellipsis, (), slice(None), (slice(None), slice(None))):
        view = x[key]
        assert view is not x
        view += 1
    assert x.tolist() == [[4.0, 4.0], [4.0, 4.0]]


@pytest.mark.parametrize(
    "index",
    [
        [2, 0, 0, -1],
        [],
        np.array([[0, 1], [2, -3]]),
        np.array([1, 0], "int8"),
        np.array([True, False, True]).nonzero()[0],
    ],
)
@pytest.mark.parametrize("as_tensor", [False, True])
def test_one_index_tensor_takes_along_the_first_axis(index: Any, as_tensor: bool) -> None:
    array, x = pair((3, 2, 2))
    expected = array[np.asarray(index, "int64")]
    result = x[pydl.tensor(index) if as_tensor else index]
    assert result.shape == expected.shape
    np.testing.assert_array_equal(result.numpy(), expected)
    x.fill_(-1)
    np.testing.assert_array_equal(result.numpy(), expected)


def test_gradients_flow_through_views_and_takes() -> None:
    x = pydl.arange(6, dtype="float64").reshape(2, 3).copy().requires_grad_()
    (x[:, ::-2] * pydl.tensor([2.0, 3.0])).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[3.0, 0.0, 2.0]] * 2
    x.grad = None
    (x[[1, 1, 0]] * x[None, 0, 1:2]).sum().backward()
    expected = np.zeros((2, 3))
    values = x.detach().numpy()
    expected[1] += 2 * values[0, 1]
    expected[0] += values[0, 1]
    expected[0, 1] += values[[1, 1, 0]].sum()
    np.testing.assert_allclose(x.grad.numpy(), expected)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (3, "outside axis 0"),
        (-4, "outside axis 0"),
        ((0, 4), "outside axis 1"),
        ((0, 0, 0), "too many indices"),
        ((Ellipsis, Ellipsis), "single ellipsis"),
        (1.0, "float"),
        ("a", "str"),
        (True, "bool"),
        ((0, True), "bool"),
        ((0, [1, 2]), "list"),
        ((slice(None), np.array([0, 1])), "ndarray"),
        ((pydl.tensor([0, 1]), 0), "Tensor"),
        (pydl.tensor([True, False, True]), "mask"),
        (np.array([True, False, True]), "mask"),
        ([True, False, True], "mask"),
        (pydl.tensor([0.0, 1.0]), "float32"),
        (pydl.tensor(1.0), "float32"),
        ([3], "3"),
        ([0, -4], "-4"),
        (2**62, "outside axis"),
    ],
)
def test_refused_keys(key: Any, message: str) -> None:
    x = pydl.zeros((3, 4))
    with pytest.raises(IndexError, match=message):
        x[key]
    with pytest.raises(IndexError):
        x[key] = 1
    assert not x.any()


def test_other_refusals() -> None:
    x = pydl.zeros((3, 4))
    with pytest.raises((IndexError, OverflowError)):
        x[2**64]
    with pytest.raises(ValueError, match="zero"):
        x[::0]
    with pytest.raises(TypeError):
        x["a":"b"]
    with pytest.raises(TypeError, match="deleted"):
        del x[0]
    with pytest.raises(IndexError, match="too many"):
        pydl.tensor(1)[0]
    with pytest.raises(ValueError, match="at most 8 axes"):
        x[(None,) * 7]


@pytest.mark.parametrize("value", [[1, 2, 3], np.zeros((2, 4)), np.zeros((2, 3, 4)), "a", None])
def test_refused_values(value: Any) -> None:
    x = pydl.zeros((3, 4))
    with pytest.raises((ValueError, TypeError)):
        x[:] = value
    assert not x.any()
