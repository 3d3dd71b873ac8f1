"""DataLoader, datasets, splits, and the Cython gather."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import pydl
from pydl.data import (
    DataLoader,
    Dataset,
    Subset,
    TensorDataset,
    random_split,
    stratified_split,
)
from pydl.data._batching import gather_rows

X = np.arange(30, dtype=np.float32).reshape(10, 3)
Y = np.arange(10)


class Squares(Dataset):
    def __len__(self):
        return 5

    def __getitem__(self, index):
        return np.full(2, index, np.float32), index**2


class TestBatches:
    def test_in_order_with_a_smaller_last_one(self):
        batches = list(DataLoader((X, Y), 4))
        assert [x.shape for x, _ in batches] == [(4, 3), (4, 3), (2, 3)]
        np.testing.assert_array_equal(np.concatenate([x.numpy() for x, _ in batches]), X)
        assert [y.tolist() for _, y in batches][-1] == [8, 9]

    def test_batch_sampler(self):
        for data in ((X, Y), Subset(TensorDataset(X, Y), range(10)), list(zip(X, Y, strict=True))):
            loader = DataLoader(data, batch_sampler=[[3, 1], [0], [9, 8, 7]])
            batches = list(loader)
            assert len(loader) == 3 and [y.tolist() for _, y in batches] == [[3, 1], [0], [9, 8, 7]]
            np.testing.assert_array_equal(batches[2][0].numpy(), X[[9, 8, 7]])
        single = DataLoader(pydl.tensor(X).astype("bfloat16"), batch_sampler=[np.array([2])])
        assert next(iter(single)).shape == (1, 3)

    def test_batch_sampler_with_augment(self):
        def augment(images, labels, *, indices, epoch):
            assert indices.tolist() == labels.tolist()
            return images + 1, labels

        loader = DataLoader((X, Y), batch_sampler=[[3, 1], [2]], augment=augment)
        np.testing.assert_array_equal(next(iter(loader))[0].numpy(), X[[3, 1]] + 1)

    def test_batch_sampler_errors(self):
        for options in ({"batch_size": 2}, {"shuffle": True}, {"drop_last": True}):
            with pytest.raises(ValueError, match="expected batch_sampler, or batch_size"):
                DataLoader(X, batch_sampler=[[0]], **options)
        with pytest.raises(TypeError, match="to have a length and to be iterable, got generator"):
            DataLoader(X, batch_sampler=(b for b in [[0]]))
        with pytest.raises(IndexError, match="index 10 is outside the 10 rows"):
            list(DataLoader(X, batch_sampler=[[10]]))

    def test_collate_fn(self):
        def collate(samples):
            return len(samples), [int(y.item()) for _, y in samples]

        loader = DataLoader((X, Y), 4, collate_fn=collate)
        assert list(loader) == [(4, [0, 1, 2, 3]), (4, [4, 5, 6, 7]), (2, [8, 9])]
        with pytest.raises(TypeError, match="expected collate_fn to be a function, got 3"):
            DataLoader(X, collate_fn=3)

    def test_drop_last(self):
        loader = DataLoader((X, Y), 4, drop_last=True)
        assert len(loader) == len(list(loader)) == 2 and loader.sample_count == 8
        assert len(DataLoader(X, 4)) == 3

    def test_in_order_shares_memory(self):
        batch = next(iter(DataLoader(X, 4)))
        assert np.shares_memory(batch.numpy(), X)

    def test_shuffled_has_each_sample_once_and_rows_stay_together(self):
        batches = list(DataLoader((X, Y), 4, shuffle=True, seed=1))
        x, y = (np.concatenate([batch[i].numpy() for batch in batches]) for i in (0, 1))
        assert y.tolist() != Y.tolist() and sorted(y) == Y.tolist()
        np.testing.assert_array_equal(x, X[y])

    def test_order_is_new_in_each_pass_but_the_same_for_a_seed(self):
        def orders(**options):
            loader = DataLoader(Y, 10, shuffle=True, **options)
            return [next(iter(loader)).tolist() for _ in range(3)]

        first = orders(seed=3)
        assert first == orders(seed=3) == orders(generator=pydl.Generator(3))
        assert first[0] != first[1] and first != orders(seed=4)

    @pytest.mark.parametrize(
        "dtype", ["bool", "uint8", "int16", "int64", "float16", "bfloat16", "float32", "float64"]
    )
    @pytest.mark.parametrize("shape", [(7,), (7, 2), (7, 3, 1, 2), (7, 0)])
    def test_dtypes_and_shapes(self, dtype, shape):
        data = pydl.arange(int(np.prod(shape))).reshape(*shape).astype(dtype)
        batches = list(DataLoader((data, np.arange(7)), 3, shuffle=True, seed=0))
        for rows, index in batches:
            assert rows.dtype == data.dtype and rows.shape[1:] == shape[1:]
            expected = [data[i].astype("float64").tolist() for i in index.tolist()]
            assert rows.astype("float64").tolist() == expected

    def test_arrays_that_are_not_contiguous(self):
        transposed = np.asfortranarray(X)[::2]
        batches = list(DataLoader(transposed, 2, shuffle=True, seed=0))
        found = np.concatenate([b.numpy() for b in batches])
        np.testing.assert_array_equal(found[found[:, 0].argsort()], X[::2])

    def test_read_only_arrays(self):
        frozen = X.copy()
        frozen.setflags(write=False)
        assert sum(b.shape[0] for b in DataLoader(frozen, 4, shuffle=True)) == 10

    def test_datasets_with_getitem(self):
        x, y = next(iter(DataLoader(Squares(), 3)))
        assert x.tolist() == [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]] and y.tolist() == [0, 1, 4]
        assert x.dtype == pydl.float32 and y.dtype == pydl.int64
        shuffled = [y.tolist() for _, y in DataLoader(Squares(), 2, shuffle=True, seed=1)]
        assert sorted(y for batch in shuffled for y in batch) == [0, 1, 4, 9, 16]

    def test_samples_that_are_tensors(self):
        samples = [pydl.tensor([float(i), 1.0]) for i in range(4)]
        assert next(iter(DataLoader(samples, 4))).shape == (4, 2)

    @pytest.mark.parametrize("dataset", [TensorDataset(X, Y), Squares()])
    def test_subsets(self, dataset):
        loader = DataLoader(Subset(Subset(dataset, [4, 2, 0]), [2, 0]), 2)
        _, y = next(iter(loader))
        expected = [dataset[i][1] for i in (0, 4)]
        assert y.tolist() == [int(value) for value in expected] and len(loader) == 1

    def test_arguments_are_checked(self):
        with pytest.raises(ValueError, match="batch size of at least 1, got 0"):
            DataLoader(X, 0)
        with pytest.raises(ValueError, match="seed or generator, got both"):
            DataLoader(X, seed=1, generator=pydl.Generator(1))
        with pytest.raises(ValueError, match=r"one length, got lengths \[10, 9\]"):
            DataLoader((X, Y[1:]))
        with pytest.raises(ValueError, match="got a number"):
            DataLoader(np.array(3.0))
        with pytest.raises(TypeError, match="expected arrays or a dataset, got int"):
            DataLoader(3)


class TestGather:
    def test_copies_rows_from_the_start(self):
        out = np.zeros((2, 3), np.float32)
        gather_rows(X, np.array([9, 1, 5, 0]), 1, out)
        np.testing.assert_array_equal(out, X[[1, 5]])

    def test_refuses_what_would_leave_memory(self):
        out = np.zeros((2, 3), np.float32)
        for bad in (-1, 10):
            with pytest.raises(IndexError, match=f"index {bad} is outside the 10 rows"):
                gather_rows(X, np.array([0, bad]), 0, out)
        with pytest.raises(ValueError, match="shorter than what is asked for"):
            gather_rows(X, np.array([0, 1]), 1, out)
        with pytest.raises(ValueError, match="differ in size"):
            gather_rows(X, np.array([0, 1]), 0, np.zeros((2, 4), np.float32))
        with pytest.raises(ValueError, match="differ in size"):
            gather_rows(X.astype(np.float64), np.array([0, 1]), 0, np.zeros((2, 6), np.float32))
        with pytest.raises(ValueError, match="contiguous"):
            gather_rows(X[:, :2], np.array([0, 1]), 0, np.zeros((2, 2), np.float32))

    def test_runs_without_the_interpreter_lock(self):
        """Another thread goes on while rows are copied."""
        source = np.zeros((2000, 10_000), np.float32)
        out, index = np.empty_like(source), np.random.default_rng(0).permutation(2000)
        ticks, done = [], threading.Event()

        def tick():
            while not done.is_set():
                ticks.append(None)

        thread = threading.Thread(target=tick)
        thread.start()
        try:
            before = len(ticks)
            # One call copies 80 MB: far longer than the interval at which a held lock is passed on.
            gather_rows(source, index, 0, out)
            during = len(ticks) - before
        finally:
            done.set()
            thread.join()
        assert during > 100


class TestSplits:
    def test_random_split_by_counts_and_fractions(self):
        parts = random_split(TensorDataset(Y), [7, 3], seed=0)
        numbers = [int(part[i][0]) for part in parts for i in range(len(part))]
        assert [len(part) for part in parts] == [7, 3] and sorted(numbers) == Y.tolist()
        again = random_split(TensorDataset(Y), [0.7, 0.3], seed=0)
        assert [p.indices.tolist() for p in again] == [p.indices.tolist() for p in parts]
        with pytest.raises(ValueError, match="add up to 10, got"):
            random_split(TensorDataset(Y), [7, 2])
        with pytest.raises(ValueError, match="fractions that add up to 1, got"):
            random_split(TensorDataset(Y), [0.7, 0.2])

    def test_stratified_split_keeps_shares(self):
        labels = np.repeat([0, 1, 2], [100, 50, 10])
        first, second = stratified_split(labels, 0.2, seed=0)
        assert np.bincount(labels[second]).tolist() == [20, 10, 2]
        assert sorted([*first, *second]) == list(range(160))
        assert not np.array_equal(second, stratified_split(labels, 0.2, seed=1)[1])
        np.testing.assert_array_equal(second, stratified_split(labels, 0.2, seed=0)[1])
        with pytest.raises(ValueError, match=r"fraction in \(0, 1\), got 1"):
            stratified_split(labels, 1)
        with pytest.raises(ValueError, match=r"labels \(N,\), got shape \(2, 2\)"):
            stratified_split(np.zeros((2, 2)), 0.5)

    def test_subset_checks_its_indices(self):
        with pytest.raises(IndexError, match="reach outside the 10 samples"):
            Subset(TensorDataset(Y), [10])


@pytest.mark.parametrize("size", [None, 2.0, "2", True])
def test_a_batch_size_that_is_no_integer_is_refused(size):
    with pytest.raises(TypeError, match="DataLoader: expected batch_size to be an integer, got"):
        pydl.data.DataLoader(np.zeros((4, 2)), size)


SAMPLES = {
    "text": ((1.0, "cat"), TypeError, "got str 'cat'"),
    "set": ({1.0}, TypeError, "got set {1.0}; collate_fn may"),
    "nothing": ((1.0, None), TypeError, "got NoneType"),
    "bytes": (b"abc", TypeError, "got bytes"),
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_samples_of_other_kinds_are_named(kind):
    sample, error, message = SAMPLES[kind]
    with pytest.raises(error, match=f"DataLoader: expected samples of tensors.*{message}"):
        next(iter(pydl.data.DataLoader([sample] * 4)))


def test_samples_of_several_shapes_are_named():
    samples = [np.zeros(3), np.zeros(4)]
    with pytest.raises(ValueError, match=r"one shape, got \(3,\) and \(4,\); pad them"):
        next(iter(pydl.data.DataLoader(samples)))
    with pytest.raises(ValueError, match="tuples of one length"):
        next(iter(pydl.data.DataLoader([(1, 2), (1, 2, 3)])))


def test_samples_of_nested_dicts_and_tuples():
    class Samples:
        def __len__(self):
            return 5

        def __getitem__(self, i):
            return {"a": np.full(2, i), "b": (float(i), {"c": i})}, i

    batches = list(pydl.data.DataLoader(Samples(), 3))
    x, y = batches[1]
    assert x["a"].tolist() == [[3, 3], [4, 4]] and x["b"][0].tolist() == [3.0, 4.0]
    assert x["b"][1]["c"].tolist() == y.tolist() == [3, 4]
    mixed = [{"a": 1.0}, {"b": 1.0}]
    with pytest.raises(ValueError, match=r"samples with the keys \['a'\], got \['b'\]"):
        list(pydl.data.DataLoader(pydl.data.Subset(mixed, [0, 1]), 2))
