"""Indexing against NumPy: what is read, what is written, and what is shared."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import _core

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


def random_indices(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """Return a key of index tensors and masks among integers, slices, new axes and an ellipsis."""
    keys: list[Any] = []
    common = tuple(int(n) for n in rng.integers(1, 4, size=int(rng.integers(0, 3))))
    axis = 0
    while axis < len(shape) and rng.random() < 0.9:
        kind = int(rng.integers(0, 7))
        consumed = 1
        if kind == 0:
            keys.append(int(rng.integers(-shape[axis], shape[axis])))
        elif kind == 1:
            keys.append(random_slice(rng, shape[axis]))
        elif kind == 2:
            consumed = 0
            if len(keys) < 5:
                keys.append(None)
        elif kind == 3 and Ellipsis not in [k for k in keys if k is Ellipsis]:
            keys.append(Ellipsis)
            consumed = int(rng.integers(0, len(shape) - axis + 1))
        elif kind == 4:
            consumed = int(rng.integers(0, min(3, len(shape) - axis + 1)))
            keys.append(rng.random(shape[axis : axis + consumed]) < 0.5)
        else:
            own = tuple(1 if rng.random() < 0.3 else n for n in common)
            own = own[int(rng.integers(0, len(own) + 1)) :]
            keys.append(rng.integers(-shape[axis], shape[axis], size=own))
        axis += consumed
    return tuple(keys)


def as_tensors(rng: np.random.Generator, key: tuple[Any, ...]) -> tuple[Any, ...]:
    """Replace some of the arrays of a key by tensors, and some by lists."""

    def other(part: Any) -> Any:
        if not isinstance(part, np.ndarray) or part.ndim == 0 or rng.random() < 0.3:
            return part
        return pydl.tensor(part) if rng.random() < 0.7 or part.size == 0 else part.tolist()

    return tuple(other(part) for part in key)


@pytest.mark.parametrize("seed", range(8))
def test_random_keys_of_index_tensors_and_masks(seed: int) -> None:
    rng = np.random.default_rng(seed)
    compared = 0
    for _ in range(400):
        shape = tuple(int(n) for n in rng.integers(1, 5, size=int(rng.integers(1, 5))))
        array, x = pair(shape)
        if len(shape) > 1 and rng.random() < 0.3:
            array, x = array.T, pydl.permute_dims(x, tuple(range(len(shape)))[::-1])
        key = random_indices(rng, array.shape)
        try:
            expected = np.asarray(array[key])
        except IndexError:
            with contextlib.suppress(IndexError):
                assert x[as_tensors(rng, key)].size == 0, key  # no index was needed
            continue
        result = x[as_tensors(rng, key)]
        assert result.shape == expected.shape, key
        np.testing.assert_array_equal(result.numpy(), expected)
        compared += 1

        value = rng.standard_normal(expected.shape).astype("float32")
        parts = tuple(slice(0, 1) if rng.random() < 0.3 else slice(None) for _ in value.shape)
        value = value[parts] if rng.random() < 0.7 else np.float32(7)
        target, copied = np.array(array), x.copy()
        target[key] = value
        copied[as_tensors(rng, key)] = value if rng.random() < 0.3 else pydl.tensor(value)
        np.testing.assert_array_equal(copied.numpy(), target, err_msg=str(key))
    assert compared > 200


@pytest.mark.parametrize("dtype", ["bool", "int8", "float16", "bfloat16", "int64", "float64"])
def test_index_tensors_of_every_item_size(dtype: str) -> None:
    x = (pydl.arange(12) % 5).astype(dtype).reshape(3, 4)
    rows, columns = [0, 2, -1], [3, 0, 0]
    as_numbers = x.astype("float64").numpy()
    chosen = x[rows, columns]
    assert chosen.dtype == x.dtype
    np.testing.assert_array_equal(chosen.astype("float64").numpy(), as_numbers[rows, columns])
    x[rows, columns] = pydl.tensor([1, 0, 1])
    as_numbers[rows, columns] = [1, 0, 1]
    np.testing.assert_array_equal(x.astype("float64").numpy(), as_numbers)


def test_the_last_of_repeated_assignments_remains() -> None:
    x = pydl.zeros(3)
    x[[1, 1, 0, 1]] = [1.0, 2.0, 3.0, 4.0]
    assert x.tolist() == [3.0, 4.0, 0.0]


def test_a_tensor_may_be_its_own_index_and_values() -> None:
    array, x = np.array([2, 0, 1, 0]), pydl.tensor([2, 0, 1, 0])
    np.testing.assert_array_equal(x[x].numpy(), array[array])
    array[array.copy()] = [5, 6, 7, 8]  # NumPy 1.23 reads changed indices without the copy
    x[x] = pydl.tensor([5, 6, 7, 8])
    np.testing.assert_array_equal(x.numpy(), array)
    x[[3, 2, 1, 0]] = x
    np.testing.assert_array_equal(x.numpy(), array[::-1])


def test_masks_of_rank_0_select_all_or_nothing() -> None:
    x = pydl.arange(3)
    assert x[True].shape == (1, 3)
    assert x[False].shape == (0, 3)
    assert x[pydl.tensor(True)].tolist() == [[0, 1, 2]]
    x[x.sum() > 100] = 9
    assert x.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("shape", "mask"),
    [((2, 3), (0,)), ((2, 3), (0, 3)), ((2, 3), (2, 0)), ((2, 3), (0, 0)), ((0, 1), (0, 0))],
)
def test_axes_of_a_mask_may_be_empty(shape: tuple[int, ...], mask: tuple[int, ...]) -> None:
    array, x = pair(shape)
    key = np.zeros(mask, bool)
    for own in (key, pydl.tensor(key)):
        assert x[own].shape == array[key].shape
        x[own] = 7
    np.testing.assert_array_equal(x.numpy(), array)
    with pytest.raises(IndexError, match=r"mask of shape \(3, 0\) does not fit"):
        pydl.ones((2, 3))[pydl.zeros((3, 0), dtype="bool")]


def test_a_refused_index_overwrites_nothing() -> None:
    x = pydl.zeros((3, 4))
    with pytest.raises(IndexError, match="index 9"):
        x[[0, 1, 9], [0, 1, 2]] = 5
    with pytest.raises(ValueError, match=r"\(3,\).*\(2,\)"):
        x[[0, 1], [0, 1]] = pydl.ones(3)
    with pytest.raises(ValueError):
        x[x == 0] = pydl.ones(5)
    assert not x.any()


def test_gradients_of_index_tensors_and_masks() -> None:
    rng = np.random.default_rng()
    values = rng.standard_normal((3, 4, 2))
    weights = rng.standard_normal((2, 2))
    x = pydl.tensor(values).requires_grad_()
    (x[[1, 1], :, [0, 1]][:, [2, 2]] * pydl.tensor(weights)).sum().backward()
    expected = np.zeros_like(values)
    np.add.at(expected, ([1, 1], 2, [0, 1]), weights.sum(1))
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), expected)
    x.grad = None
    x[x > 0].sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), (values > 0).astype("float64"))


def test_compiled_functions_take_index_tensors() -> None:
    x = pydl.arange(12, dtype="float32").reshape(3, 4)

    @pydl.compile
    def chosen(x: pydl.Tensor, rows: pydl.Tensor, columns: pydl.Tensor) -> tuple[pydl.Tensor, ...]:
        return x[rows, columns], x[rows[0]], x[1, columns]

    for rows, columns in (([0, 2], [1, -1]), ([1, 0], [3, 2])):
        results = chosen(x, pydl.tensor(rows), pydl.tensor(columns))
        array = x.numpy()
        for result, expected in zip(
            results, (array[rows, columns], array[rows[0]], array[1, columns]), strict=True
        ):
            np.testing.assert_array_equal(result.numpy(), expected)
    with pytest.raises(IndexError, match="index 4"):
        chosen(x, pydl.tensor([0, 0]), pydl.tensor([0, 4]))


def test_compiled_functions_assign_through_masks_and_index_tensors() -> None:
    @pydl.compile
    def changed(x: pydl.Tensor, rows: pydl.Tensor) -> pydl.Tensor:
        y = x.copy()
        y[y < 0] = 0
        y[y[:, 0] > 2] = pydl.tensor([7.0, 8.0])
        y[rows, 1] = -1
        return y

    x = pydl.tensor([[1.0, -2.0], [3.0, 4.0], [-5.0, 6.0]])
    result = changed(x, pydl.tensor([2, 2]))
    assert result.tolist() == [[1.0, 0.0], [7.0, 8.0], [0.0, -1.0]]


def test_compiled_functions_refuse_shapes_that_depend_on_values() -> None:
    x = pydl.tensor([1.0, -1.0])
    with pytest.raises(pydl.TraceError, match=r"where\(mask, x, other\)"):
        pydl.compile(lambda x: x[x > 0])(x)
    with pytest.raises(pydl.TraceError, match="selects depends on its values"):
        pydl.compile(lambda x: pydl.nonzero(x)[0])(x)

    def assign(x: pydl.Tensor) -> pydl.Tensor:
        y = pydl.zeros(2)
        y[x > 0] = pydl.ones(2)
        return y

    with pytest.raises(pydl.TraceError, match="assign values that are broadcast"):
        pydl.compile(assign)(x)


@pytest.mark.parametrize("shape", [(7,), (3, 4), (2, 3, 4), (0,), (2, 0), (70, 90), (300_000,)])
def test_nonzero_and_argwhere(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng().integers(0, 2, shape)
    for given in (array, array.astype(bool), array * np.nan):
        expected = given.nonzero()
        found = pydl.nonzero(pydl.tensor(given))
        assert isinstance(found, tuple)
        assert len(found) == len(shape)
        for positions, numbers in zip(found, expected, strict=True):
            assert positions.dtype == pydl.int64
            np.testing.assert_array_equal(positions.numpy(), numbers)
        np.testing.assert_array_equal(pydl.argwhere(pydl.tensor(given)).numpy(), np.argwhere(given))
    transposed = pydl.permute_dims(pydl.tensor(array), tuple(range(len(shape)))[::-1])
    for positions, numbers in zip(pydl.nonzero(transposed), array.T.nonzero(), strict=True):
        np.testing.assert_array_equal(positions.numpy(), numbers)


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 4), (0, 3), (40, 700)])
def test_positions_are_the_same_from_every_kernel(shape: tuple[int, ...]) -> None:
    mask = np.random.default_rng().random(shape[::-1]) < 0.5
    count = int(mask.sum())
    strided = pydl.permute_dims(pydl.tensor(mask), tuple(range(len(shape)))[::-1])
    for given in (strided, strided.copy()):  # only the portable kernel takes strides
        found = _core.nonzero_positions(given, count)
        np.testing.assert_array_equal(found.numpy(), np.stack(mask.T.nonzero()))
        for wrong in {count - 1, min(count + 1, mask.size)} - {
            -1,
            0,
            count,
        }:  # no kernel runs where the result is empty
            with pytest.raises(ValueError, match=f"{count} elements are true, not {wrong}"):
                _core.nonzero_positions(given, wrong)
    with pytest.raises(TypeError, match="nonzero_positions: .*bool mask"):
        _core.nonzero_positions(pydl.ones(2), 2)
    with pytest.raises(ValueError, match="2 of 1"):
        _core.nonzero_positions(pydl.tensor([True]), 2)


def test_methods_for_masks() -> None:
    x = pydl.tensor([[1.0, -2.0], [0.0, 4.0]])
    assert [p.tolist() for p in x.nonzero()] == [[0, 0, 1], [0, 1, 1]]
    assert x.masked_select(x > 0).tolist() == [1.0, 4.0]
    assert x.masked_fill(x < 0, -float("inf")).tolist() == [[1.0, -np.inf], [0.0, 4.0]]


def test_nonzero_refuses_a_single_number() -> None:
    with pytest.raises(ValueError, match="nonzero: expected a tensor of at least one axis"):
        pydl.nonzero(pydl.tensor(3))


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
        ((0, [1, 4]), "index 4 .* axis 1 of size 4"),
        ((slice(None), np.array([0, -5])), "index -5 .* axis 1 of size 4"),
        ((pydl.tensor([0, 3]), [0, 1]), "index 3 of index tensor 0 .* size 3"),
        (([0, 1], [0, 1, 2]), r"\(2,\) .*\(3,\)"),
        (pydl.tensor([True, False]), r"mask of shape \(2,\) .* shape \(3, 4\)"),
        (np.array([True] * 4), "mask"),
        (np.ones((3, 3), bool), "mask"),
        ([[True]], "mask"),
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
