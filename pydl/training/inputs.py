"""What `fit`, `evaluate` and `predict` take as data, and what they say of anything else."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from pydl._core import Tensor, asarray
from pydl.data import DataLoader, TensorDataset
from pydl.training.layout import Group, Layout, layout_of
from pydl.training.sources import LoaderSource, Source, StreamSource

# NumPy's dtypes that pydl lacks, and those that hold all of their values.
_WIDER = {"uint16": np.int32, "uint32": np.int64, "longdouble": np.float64, "float128": np.float64}


def make_source(
    verb: str,
    x: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    batch_size: int | None,
    shuffle: bool,
    drop_last: bool = False,
    steps: int | None = None,
    dtype: Any,
    takes_classes: Callable[[Any], bool] = lambda key: False,
    default: int = 32,
) -> Source:
    """Return batches of x, and of y and weights of samples unless they are None.

    `dtype` is for floats. Where `takes_classes` says so of the key of a target, floats of shape
    (N,) and (N, 1) are class indices, such as files of text have.

    Raises
    ------
    TypeError, ValueError
        For data of other kinds; the messages say what to do.
    """
    size = default if batch_size is None else positive_integer(verb, "batch_size", batch_size)
    if steps is not None:
        steps = positive_integer(verb, "steps", steps)
    if isinstance(x, DataLoader) or _is_dataset(x) or _is_stream(x):
        if y is not None:
            raise ValueError(
                f"{verb}: x is a {type(x).__name__}, whose samples end with their targets; "
                "expected targets in the dataset or as y, got both"
            )
        return _source_of_samples(verb, x, sample_weight, size, shuffle, drop_last, steps, dtype)
    columns, layout = _columns(verb, x, y, sample_weight, takes_classes)
    counts = [int(column.shape[0]) for column in columns]
    if len(set(counts)) > 1:
        raise ValueError(
            f"{verb}: expected arrays of one length, got lengths "
            + ", ".join(f"{n} of {name}" for name, n in zip(layout.names(), counts, strict=True))
            + _hint_of_list("x", "inputs", x)
            + _hint_of_list("y", "targets", y)
        )
    data: Any
    if any(map(_is_sparse, columns)):
        data = SparseRows(columns, dtype)
    else:
        data = TensorDataset(*(_in_dtype(c, dtype) for c in TensorDataset(*columns).columns))
    loader = DataLoader(data, size, shuffle=shuffle, drop_last=drop_last)
    return LoaderSource(loader, layout, steps)


def _source_of_samples(
    verb: str,
    x: Any,
    sample_weight: Any,
    size: int,
    shuffle: bool,
    drop_last: bool,
    steps: int | None,
    dtype: Any,
) -> Source:
    """Return the batches of a loader, of a dataset, or of a stream of batches."""
    if sample_weight is not None and not _is_dataset(x):
        raise ValueError(
            f"{verb}: x is a {type(x).__name__}; expected weights of samples within its batches, "
            "((x,), y, sample_weight), got sample_weight too"
        )
    if _is_stream(x) and not isinstance(x, DataLoader):
        convert = partial(_batch_column, verb, dtype)
        return StreamSource(verb, x, steps, convert)
    if isinstance(x, DataLoader):
        if drop_last:
            raise ValueError(f"{verb}: a DataLoader has its own drop_last; set it there")
        return LoaderSource(x, None, steps)
    if sample_weight is not None:
        x = WeightedSamples(verb, x, as_column(verb, "sample_weight", sample_weight))
    return LoaderSource(DataLoader(x, size, shuffle=shuffle, drop_last=drop_last), None, steps)


def _batch_column(verb: str, dtype: Any, value: Any) -> Tensor:
    """Return a part of a batch as a tensor."""
    column = as_column(verb, "batches", value)
    return _in_dtype(asarray(column.toarray() if _is_sparse(column) else column), dtype)


def _columns(
    verb: str, x: Any, y: Any, sample_weight: Any, takes_classes: Callable[[Any], bool]
) -> tuple[list[Any], Layout]:
    """Return the columns of arrays, and their layout."""
    given, layout = layout_of(x, y, sample_weight)
    names, targets = layout.names(), _target_keys(layout)
    columns = []
    for i, (name, value) in enumerate(zip(names, given, strict=True)):
        column = as_column(verb, name, value)
        if i in targets and takes_classes(targets[i]):
            column = _class_indices(verb, column)
        columns.append(column)
    return columns, layout


def _target_keys(layout: Layout) -> dict[int, Any]:
    """Return the keys of the targets by the numbers of their columns."""
    target = layout.target
    if target is None:
        return {}
    if not isinstance(target, Group):
        return {target: None}
    keys = range(len(target.parts)) if target.names is None else target.names
    pairs = zip(keys, target.parts, strict=True)
    return {part: key for key, part in pairs if not isinstance(part, Group)}


class WeightedSamples:
    """A dataset with a weight for each sample."""

    def __init__(self, verb: str, dataset: Any, weights: Any) -> None:
        if len(dataset) != weights.shape[0]:
            raise ValueError(
                f"{verb}: expected a weight for each of the {len(dataset)} samples, got "
                f"{weights.shape[0]}"
            )
        self._verb, self._dataset, self._weights = verb, dataset, weights

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Any:
        sample = self._dataset[index]
        if not isinstance(sample, tuple) or len(sample) < 2:
            raise ValueError(
                f"{self._verb}: expected samples (x, y) beside sample_weight, got "
                f"{type(sample).__name__}"
            )
        *inputs, target = sample
        nested = len(inputs) == 1 and isinstance(inputs[0], (tuple, Mapping))
        return (inputs[0] if nested else tuple(inputs)), target, self._weights[index]


class SparseRows:
    """A dataset with sparse columns, which become dense batch by batch."""

    def __init__(self, columns: list[Any], dtype: Any) -> None:
        self._columns, self._dtype = columns, dtype

    def __len__(self) -> int:
        return int(self._columns[0].shape[0])

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        batch = self.get_batch(np.array([index]))
        return tuple(column[0] for column in batch)

    def get_batch(self, indices: Any) -> tuple[Tensor, ...]:
        """Return the rows of some numbers, all dense."""
        rows = (
            column[indices].toarray() if _is_sparse(column) else column[indices]
            for column in self._columns
        )
        return tuple(_in_dtype(asarray(row), self._dtype) for row in rows)


def _in_dtype(column: Tensor, dtype: Any) -> Tensor:
    return column.to(dtype) if column.dtype.is_floating else column


def positive_integer(verb: str, name: str, value: Any, least: int = 1) -> int:
    """Return a number as an int; raise `TypeError` or `ValueError` for others and smaller ones."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(
            f"{verb}: expected {name} to be an integer, got {type(value).__name__} {value!r}"
        ) from None
    if number < least:
        raise ValueError(f"{verb}: expected {name} of at least {least}, got {number}")
    return number


# --- kinds of data --------------------------------------------------------------------------------


def _is_dataset(x: Any) -> bool:
    array_like = isinstance(x, (Tensor, np.ndarray, list, tuple, str, bytes, Mapping))
    if array_like or hasattr(x, "__array__") or _is_sparse(x):
        return False
    return hasattr(x, "__getitem__") and hasattr(x, "__len__")


def _is_stream(x: Any) -> bool:
    """Whether this gives batches one after the other: a generator, or something iterable."""
    array_like = isinstance(x, (Tensor, np.ndarray, list, tuple, str, bytes, Mapping, set))
    if array_like or hasattr(x, "__array__") or hasattr(x, "dtypes") or _is_sparse(x):
        return False
    return hasattr(x, "__iter__") and not hasattr(x, "__getitem__")


def _is_sparse(x: Any) -> bool:
    """Whether this is a sparse matrix of SciPy's or of `pydl.text`."""
    return hasattr(x, "toarray") and hasattr(x, "nnz")


def _class_indices(verb: str, y: Any) -> Any:
    """Return bools, and floats that must be class indices, as integers; else what was given."""
    is_index = y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1)
    if _is_sparse(y) or not is_index or y.shape[0] == 0:
        return y
    if str(y.dtype) == "bool":
        return y.astype("int64") if isinstance(y, np.ndarray) else y.to("int64")
    array = y.detach().numpy() if isinstance(y, Tensor) else y
    if array.dtype.kind != "f":
        return y
    whole = array == np.floor(array)
    if not whole.all():
        raise ValueError(
            f"{verb}: the loss takes class indices, but y has {int((~whole).sum())} values that "
            f"are not integers, such as {array[~whole][0]}; for regression, use the loss 'mse'"
        )
    return array.astype(np.int64)


def _hint_of_list(name: str, role: str, value: Any) -> str:
    if isinstance(value, list) and value and all(getattr(v, "ndim", 0) > 0 for v in value):
        return f"; {name} is a list of {len(value)} arrays: for several {role} give a tuple of them"
    return ""


def as_column(verb: str, name: str, value: Any) -> Any:
    """Return data of shape (N, ...) as a tensor, an array of numbers, or a sparse matrix."""
    if isinstance(value, Tensor):
        return _with_samples(verb, name, value)
    if _is_sparse(value):
        return value.tocsr() if hasattr(value, "tocsr") else value
    _refuse_other_kinds(verb, name, value)
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ValueError(f"{verb}: {name} has masked elements; fill them first")
    try:
        with warnings.catch_warnings():
            # NumPy before 1.24 warns, and makes an array of lists.
            warnings.filterwarnings("error", message="Creating an ndarray from ragged")
            array = np.asarray(value)
    except (ValueError, Warning) as error:
        raise ValueError(
            f"{verb}: {name} is a {type(value).__name__} of items of different shapes"
            f"{_shapes(value)}; pad them to one shape (pydl.text.pad_collate for sequences). For "
            "several inputs give a tuple of arrays, (x1, x2)"
        ) from error
    return _with_samples(verb, name, _numbers(verb, name, array, value))


def _with_samples(verb: str, name: str, column: Any) -> Any:
    if column.ndim == 0:
        raise ValueError(f"{verb}: expected {name} of shape (N, ...), got a single number")
    return column


def _refuse_other_kinds(verb: str, name: str, value: Any) -> None:
    kind = type(value).__name__
    if value is None or isinstance(value, (str, bytes)):
        raise TypeError(f"{verb}: expected {name} to be an array or a dataset, got {kind}")
    if hasattr(value, "__array__") or isinstance(value, (list, tuple)):
        return
    if isinstance(value, Iterator) or hasattr(value, "__iter__") or callable(value):
        raise TypeError(
            f"{verb}: expected {name} to be arrays, a dataset, a pydl.data.DataLoader or, as x "
            f"alone, something that gives batches (x, y) one after the other; got a {kind}"
        )


def _shapes(value: Any) -> str:
    shapes = {str(np.shape(item)) for item in value if hasattr(item, "shape")}
    if not shapes:
        lengths = {str(len(item)) for item in value if hasattr(item, "__len__")}
        return f", of lengths {', '.join(sorted(lengths)[:4])}" if lengths else ""
    return f", {', '.join(sorted(shapes)[:4])}"


# --- arrays of numbers ----------------------------------------------------------------------------


def _numbers(verb: str, name: str, array: Any, value: Any) -> Any:
    """Return an array of a dtype that pydl has, or raise `TypeError`."""
    if array.dtype == object:
        array = _unpacked(array)
    kind = array.dtype.kind
    if array.dtype.name in _WIDER:
        return array.astype(_WIDER[array.dtype.name])
    if array.dtype == np.uint64 and not (array > np.iinfo(np.int64).max).any():
        return array.astype(np.int64)
    if kind in "biuf" and array.dtype != np.uint64:
        return array
    what = {
        "U": "strings; map them to numbers first (pydl.text.Vocabulary for words; for classes, "
        "numpy.unique(y, return_inverse=True))",
        "S": "bytes; map them to numbers first",
        "M": "dates; turn them into numbers first, such as days since the first",
        "m": "differences of times; turn them into numbers first, such as seconds",
        "c": "complex numbers; give their real and imaginary parts",
        "V": "records; give an array for each of their fields",
        "u": "integers beyond int64",
        "O": "objects",
    }[kind]
    raise TypeError(f"{verb}: {name} holds {what}{_first_other(array, value)}")


def _unpacked(array: Any) -> Any:
    """Return an array of objects as numbers, where they are, or as arrays of them."""
    try:
        if array.ndim == 1 and all(isinstance(item, np.ndarray) for item in array):
            inner = np.stack(list(array))
            return _unpacked(inner) if inner.dtype == object else inner
        unpacked = np.array(array.tolist())
    except (ValueError, TypeError):
        return array
    same = unpacked.shape == array.shape and unpacked.dtype.kind in "biuf"
    return unpacked if same else array


def _first_other(array: Any, value: Any) -> str:
    """Describe the first object that is not a number; columns are named if they have names."""
    if array.dtype != object:
        columns = _other_columns(value)
        return f"; columns {', '.join(columns)}" if columns else ""
    for place, item in np.ndenumerate(array):
        if isinstance(item, (int, float, np.number, np.bool_)):
            continue
        names = getattr(value, "columns", None)
        column = f" in column {names[place[1]]!r}" if names is not None and len(place) > 1 else ""
        missing = type(item).__name__ in ("NAType", "NaTType", "NoneType")
        advice = "fill in what is missing" if missing else "turn it into numbers"
        return f", such as {item!r}{column}, row {place[0]}; {advice}"
    return ""


def _other_columns(value: Any) -> list[str]:
    """Return the names of a data frame's columns that hold no numbers."""
    dtypes = getattr(value, "dtypes", None)
    names = getattr(value, "columns", None)
    if dtypes is None or names is None:
        return []
    kinds = zip(names, (getattr(dtype, "kind", "O") for dtype in dtypes), strict=False)
    return [repr(name) for name, kind in kinds if kind not in "biuf"]


# --- validation -----------------------------------------------------------------------------------


def as_parts(data: Any) -> tuple[Any, Any, Any]:
    """Return inputs, targets and weights of validation data; a dataset has all of them inside."""
    if isinstance(data, list) and len(data) in (2, 3) and all(np.ndim(item) > 0 for item in data):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if len(data) not in (2, 3):
        raise ValueError(
            f"fit: expected validation_data (x, y) or (x, y, sample_weight), got {len(data)} items"
        )
    return data[0], data[1], data[2] if len(data) == 3 else None


def split_off(x: Any, y: Any, sample_weight: Any, fraction: Any) -> tuple[Any, Any]:
    """Divide arrays into a first part and a last one, each (x, y, sample_weight), as Keras does."""
    if isinstance(x, DataLoader) or _is_dataset(x) or y is None:
        raise ValueError("fit: validation_split needs arrays x and y; use validation_data")
    if not isinstance(fraction, (int, float, np.number)):
        raise TypeError(
            f"fit: expected validation_split to be a number, got {type(fraction).__name__}"
        )
    if not 0.0 < fraction < 1.0:
        raise ValueError(f"fit: expected validation_split in [0, 1), got {fraction}")
    given, layout = layout_of(x, y, sample_weight)
    columns = [as_column("fit", *named) for named in zip(layout.names(), given, strict=True)]
    sizes = {int(column.shape[0]) for column in columns}
    if len(sizes) > 1:
        make_source("fit", x, y, sample_weight, batch_size=None, shuffle=False, dtype="float32")
    size = sizes.pop()
    # Of 10 samples and 0.9, binary fractions would leave 0.9999999999999998.
    count = int(size * (1.0 - float(fraction)) + 1e-9)
    if count == 0 or count == size:
        raise ValueError(
            f"fit: validation_split {fraction} leaves one part of {size} samples empty"
        )
    first = layout.build([column[:count] for column in columns])
    return first, layout.build([column[count:] for column in columns])
