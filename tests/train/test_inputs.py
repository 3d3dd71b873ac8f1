"""Data for fit, evaluate and predict: what is taken, and what is said of everything else."""

from __future__ import annotations

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.text.sparse import CSRMatrix

X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
Y = (X @ np.array([[1.0], [2.0], [3.0]])).astype(np.float32)


def model():
    pydl.manual_seed(0)
    result = nn.Sequential(nn.Linear(3, 1))
    result.compile("sgd", "mse")
    return result


def losses(x, y=Y, **options):
    return model().fit(x, y, shuffle=False, verbose=0, **options).history["loss"]


class Frame:
    """What pandas and others have: columns of their own dtypes, joined to objects."""

    def __init__(self, **columns):
        self._columns = {name: np.asarray(column) for name, column in columns.items()}

    columns = property(lambda self: list(self._columns))
    dtypes = property(lambda self: [column.dtype for column in self._columns.values()])

    def __len__(self):
        return len(next(iter(self._columns.values())))

    def __getitem__(self, name):
        return self._columns[name]

    def __array__(self, dtype=None, copy=None):
        kinds = {column.dtype for column in self._columns.values()}
        return np.stack(
            [c.astype(object if len(kinds) > 1 else c.dtype) for c in self._columns.values()],
            axis=1,
        )


def sparse(x):
    rows, columns = np.nonzero(np.ones(x.shape))
    indptr = np.arange(0, x.size + 1, x.shape[1])
    return CSRMatrix(x[rows, columns].astype(np.float64), columns, indptr, x.shape)


def scipy_sparse(kind):
    scipy = pytest.importorskip("scipy.sparse")
    return getattr(scipy, kind)(X.astype(np.float64))


TAKEN = {
    "lists": lambda: X.tolist(),
    "objects that are numbers": lambda: X.astype(object),
    "list of rows": lambda: list(X),
    "objects that are rows": lambda: _rows_as_objects(X),
    "longdouble": lambda: X.astype(np.longdouble),
    "reversed memory": lambda: X[::-1].copy()[::-1],
    "other byte order": lambda: X.astype(">f4"),
    "read-only": lambda: _read_only(X),
    "data frame": lambda: Frame(a=X[:, 0], b=X[:, 1], c=X[:, 2]),
    "data frame of objects": lambda: Frame(a=X[:, 0].astype(object), b=X[:, 1], c=X[:, 2]),
    "sparse": lambda: sparse(X),
    "scipy csr_matrix": lambda: scipy_sparse("csr_matrix"),
    "scipy csr_array": lambda: scipy_sparse("csr_array"),
    "scipy coo_matrix": lambda: scipy_sparse("coo_matrix"),
}


def _rows_as_objects(x):
    array = np.empty(len(x), object)
    array[:] = list(x)
    return array


def _read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


@pytest.mark.parametrize("kind", TAKEN)
def test_what_is_taken(kind):
    expected = losses(X)
    assert losses(TAKEN[kind]()) == pytest.approx(expected, rel=1e-5)
    fitted = model()
    found = fitted.predict(TAKEN[kind]())
    np.testing.assert_allclose(found.numpy(), fitted.predict(X).numpy(), rtol=1e-5)
    assert fitted.evaluate(TAKEN[kind](), Y, verbose=0) == pytest.approx(
        fitted.evaluate(X, Y, verbose=0), rel=1e-5
    )


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "uint32", "uint64", "bool"])
def test_integers_of_all_widths_are_labels(dtype):
    labels = np.arange(12) % 2
    fitted = nn.Sequential(nn.Linear(3, 2))
    fitted.compile("sgd", "cross_entropy", ["accuracy"])
    expected = fitted.evaluate(X, labels, verbose=0)
    if dtype != "bool":
        assert fitted.evaluate(X, labels.astype(dtype), verbose=0) == expected
    fitted = nn.Sequential(nn.Linear(3, 1))
    fitted.compile("sgd", "binary_cross_entropy_with_logits", ["accuracy"])
    expected = fitted.evaluate(X, labels, verbose=0)
    assert fitted.evaluate(X, labels.astype(dtype), verbose=0) == expected


def batches():
    yield X, Y


class Batches:
    def __iter__(self):
        return batches()


class NA:
    def __repr__(self):
        return "<NA>"


NAType = type("NAType", (NA,), {})

# x, y, and what the message says.
REFUSED = {
    "generator and targets": (batches, Y, "x is a generator, whose samples.*got both"),
    "iterable and targets": (Batches, Y, "x is a Batches, whose samples.*got both"),
    "numbers": (lambda: map(float, [1, 2]), None, "expected batches of shape .N, ...., got a sin"),
    "function": (lambda: batches, Y, "got a function"),
    "dict": (lambda: {"a": X, "b": X}, Y, "one tensor, or a tuple.*a dict with a, b; a cl"),
    "nothing": (lambda: None, Y, "expected x to be an array or a dataset, got NoneType"),
    "text": (lambda: "data.csv", Y, "expected x to be an array or a dataset, got str"),
    "number": (lambda: 3.0, Y, "x to be arrays|expected x of shape"),
    "strings": (lambda: np.array([["a"] * 3] * 12), Y, "x holds strings; map them to numbers"),
    "bytes": (lambda: np.array([[b"a"] * 3] * 12), Y, "x holds bytes"),
    "dates": (lambda: np.zeros((12, 3), "datetime64[D]"), Y, "x holds dates"),
    "times": (lambda: np.zeros((12, 3), "timedelta64[s]"), Y, "x holds differences of times"),
    "complex": (lambda: X.astype(complex), Y, "x holds complex numbers"),
    "records": (lambda: np.zeros(12, [("a", float)]), Y, "x holds records"),
    "object columns": (
        lambda: Frame(age=X[:, 0], name=np.array(["Ann"] * 12, object)),
        Y, r"x holds objects, such as 'Ann' in column 'name', row 0; turn it into numbers",
    ),
    "string columns": (
        lambda: Frame(name=np.array(["Ann"] * 12)), Y, "x holds strings.*columns 'name'",
    ),
    "nullable columns": (
        lambda: Frame(
            age=np.array([1, NAType()] + [3] * 10, object), size=np.array([1.0] * 12, object)
        ),
        Y, "such as <NA> in column 'age', row 1; fill in what is missing",
    ),
    "missing": (lambda: [[1.0, None, 2.0]] * 12, Y, "such as None, row 0; fill in"),
    "ragged": (lambda: [[1.0, 2.0], [1.0]] * 6, Y, "of different shapes, of lengths 1, 2; pad"),
    "masked": (lambda: np.ma.masked_greater(X, 0.5), Y, "x has masked elements"),
    "list of inputs": (lambda: [X, X], Y, r"lengths 2 of x, 12 of y; x is a list of 2 arrays"),
    "inputs of two shapes": (
        lambda: [X, X[:, :2]], Y, r"different shapes, \(12, 2\), \(12, 3\).*tuple of arrays",
    ),
    "lengths": (lambda: (X, X[:5]), Y, r"got lengths 12 of x\[0\], 5 of x\[1\], 12 of y"),
    "several targets": (lambda: X, (Y, Y[:, 0]), r"a tuple of 2, .*one loss.*loss=\[..., ...\]"),
    "dict of targets": (lambda: X, {"a": Y}, "a dict with 'a', .*one loss .*loss={'a': ...}"),
    "strings as targets": (lambda: X, ["a", "b"] * 6, "y holds strings.*numpy.unique"),
    "generator of targets": (lambda: X, (y for y in Y), "expected y to be arrays"),
    "dataset and targets": (
        lambda: pydl.data.TensorDataset(X, Y), Y, "x is a TensorDataset, whose samples.*got both",
    ),
    "loader and targets": (
        lambda: pydl.data.DataLoader((X, Y)), Y, "x is a DataLoader, whose samples.*got both",
    ),
}  # fmt: skip


@pytest.mark.parametrize("verb", ["fit", "evaluate"])
@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused_says_what_to_do(kind, verb):
    make, y, message = REFUSED[kind]
    with pytest.raises((TypeError, ValueError), match=f"^{verb}: .*({message})"):
        getattr(model(), verb)(make(), y, verbose=0)


@pytest.mark.parametrize("kind", [k for k, (_, y, _) in REFUSED.items() if y is Y])
def test_predict_refuses_the_same(kind):
    make, _, message = REFUSED[kind]
    if kind in ("list of inputs", "lengths") or "and targets" in kind:
        return  # without targets, something else is wrong with them, or nothing
    with pytest.raises((TypeError, ValueError), match=f"^predict: .*({message})"):
        model().predict(make())


def test_pandas():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]})
    expected = losses(X)
    assert losses(frame, pandas.Series(Y[:, 0])) == pytest.approx(expected, rel=1e-5)
    assert losses(frame.astype("Float64")) == pytest.approx(expected, rel=1e-5)
    mixed = frame.astype({"a": "Float64", "b": "Float32"})
    assert losses(mixed) == pytest.approx(expected, rel=1e-5)
    mixed = mixed.assign(n=pandas.array([1, None] * 6, dtype="Int64"))
    with pytest.raises(TypeError, match="such as <NA> in column 'n', row 1; fill in what is miss"):
        losses(mixed)
    with pytest.raises(TypeError, match="in column 'name'"):
        losses(frame.assign(name="Ann"))


class TestSizes:
    def test_none_is_the_default(self):
        assert losses(X, batch_size=None) == losses(X, batch_size=32)
        fitted = model()
        assert fitted.evaluate(X, Y, batch_size=None, verbose=0) == fitted.evaluate(X, Y, verbose=0)
        assert fitted.predict(X, batch_size=None).shape == (12, 1)

    @pytest.mark.parametrize("name", ["batch_size", "epochs", "initial_epoch"])
    def test_other_numbers_are_refused(self, name):
        for value in (2.5, "3", 1.0, True, [2]):
            with pytest.raises(TypeError, match=f"fit: expected {name} to be an integer, got"):
                losses(X, **{name: value})
        with pytest.raises(ValueError, match=f"fit: expected {name} of at least"):
            losses(X, **{name: -1})
        assert losses(X, **{"epochs": 2, name: np.int64(1)}) is not None

    def test_no_samples(self):
        with pytest.raises(ValueError, match="fit: expected at least one sample"):
            losses(X[:0], Y[:0])
        with pytest.raises(ValueError, match="evaluate: expected at least one sample"):
            model().evaluate(X[:0], Y[:0])
        with pytest.raises(ValueError, match="fit: validation_data: expected at least one sample"):
            losses(X, validation_data=(X[:0], Y[:0]))

    @pytest.mark.parametrize("size", [2, 3, 7, 10, 100])
    def test_validation_split_is_rounded_as_people_expect(self, size):
        x, y = np.ones((size, 3)), np.arange(float(size))[:, None]
        for tenths in range(1, 10):
            learnt = size * (10 - tenths) // 10
            if learnt == 0:
                with pytest.raises(ValueError, match=f"leaves one part of {size} samples empty"):
                    losses(x, y, validation_split=tenths / 10)
                continue
            fitted = nn.Sequential(nn.Linear(3, 1, init="zeros"))
            with pydl.no_grad():
                fitted[0].bias.fill_(0.0)
            fitted.compile(pydl.optim.SGD(fitted.parameters(), lr=0.0), "mae")
            found = fitted.fit(x, y, validation_split=tenths / 10, verbose=0).history
            assert found["loss"] == [pytest.approx(y[:learnt].mean())]
            assert found["val_loss"] == [pytest.approx(y[learnt:].mean())]

    def test_validation_split_of_other_kinds(self):
        with pytest.raises(TypeError, match="validation_split to be a number, got str"):
            losses(X, validation_split="0.2")
        assert losses(sparse(X), validation_split=0.25)
        assert losses(X.tolist(), Y.tolist(), validation_split=0.25)

    def test_validation_data_in_a_list_or_refused_by_name(self):
        assert losses(X, validation_data=[X, Y])
        with pytest.raises(ValueError, match=r"or \(x, y, sample_weight\), got 4 items"):
            losses(X, validation_data=(X, Y, Y, Y))
        with pytest.raises(TypeError, match="^fit: validation_data: y holds strings"):
            losses(X, validation_data=(X, ["a"] * 12))


@pytest.mark.parametrize("jit", [True, False])
def test_a_last_batch_of_one_sample_and_batch_norm_is_said_before_the_first_step(jit):
    fitted = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.BatchNorm1d(4)), nn.Linear(4, 1))
    fitted.compile("sgd", "mse", jit=jit)
    before = {name: value.numpy().copy() for name, value in fitted.state_dict().items()}
    with pytest.raises(ValueError, match=r"fit: the last batch .* sample \(12 in batches of 11"):
        fitted.fit(X, Y, batch_size=11, verbose=0)
    for name, value in fitted.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
    fitted.fit(X, Y, batch_size=6, verbose=0)
    fitted.fit(pydl.data.DataLoader((X, Y), 11, drop_last=True), verbose=0)
    fitted[1][0].trainable = False
    fitted.fit(X, Y, batch_size=11, verbose=0)


def test_one_sample_of_several_places_is_enough_for_batch_norm():
    images = np.random.default_rng(0).normal(size=(5, 2, 4, 4)).astype(np.float32)
    fitted = nn.Sequential(nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(32, 1))
    fitted.compile("sgd", "mse")
    assert fitted.fit(images, np.ones((5, 1)), batch_size=4, verbose=0).epochs == [0]
