"""Padding, buckets, and both in a DataLoader."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pydl
from pydl.data import DataLoader, Subset
from pydl.text import BucketBatchSampler, pad_collate, pad_sequences

LENGTHS = np.random.default_rng(0).integers(1, 50, 1003)


class TestPadSequences:
    @pytest.mark.parametrize(
        ("options", "expected", "lengths"),
        [
            ({}, [[1, 2, 3], [4, 0, 0], [0, 0, 0]], [3, 1, 0]),
            ({"padding": "pre"}, [[1, 2, 3], [0, 0, 4], [0, 0, 0]], [3, 1, 0]),
            ({"max_length": 2}, [[1, 2], [4, 0], [0, 0]], [2, 1, 0]),
            ({"max_length": 2, "truncation": "pre"}, [[2, 3], [4, 0], [0, 0]], [2, 1, 0]),
            ({"max_length": 4, "value": -1}, [[1, 2, 3, -1], [4, -1, -1, -1], [-1] * 4], [3, 1, 0]),
            ({"max_length": 0}, [[], [], []], [0, 0, 0]),
        ],
    )
    def test_options(self, options, expected, lengths):
        batch, found = pad_sequences([[1, 2, 3], [4], []], **options)
        assert batch.tolist() == expected and batch.dtype == np.int64
        assert found.tolist() == lengths and found.dtype == np.int64

    def test_rows_of_features_and_dtypes(self):
        sequences = [np.ones((2, 3), np.float32), np.full((1, 3), 2, np.float32), np.zeros((0, 3))]
        batch, lengths = pad_sequences(sequences)
        assert batch.shape == (3, 2, 3) and batch.dtype == np.float32
        assert batch[1].tolist() == [[2, 2, 2], [0, 0, 0]] and lengths.tolist() == [2, 1, 0]
        assert pad_sequences([[1], [2.5]])[0].dtype == np.float64
        assert pad_sequences([pydl.tensor([1, 2])], dtype="int32")[0].dtype == np.int32

    def test_nothing(self):
        batch, lengths = pad_sequences([])
        assert batch.shape == (0, 0) and lengths.shape == (0,)
        assert pad_sequences([[], []])[0].shape == (2, 0)

    @given(st.lists(st.lists(st.integers(1, 9))), st.sampled_from(["pre", "post"]))
    def test_lengths_give_the_sequences_back(self, sequences, side):
        batch, lengths = pad_sequences(sequences, padding=side)
        size = batch.shape[1]
        for row, length, sequence in zip(batch, lengths, sequences, strict=True):
            part = row[:length] if side == "post" else row[size - length :]
            assert part.tolist() == sequence and row.sum() == sum(sequence)

    def test_errors(self):
        with pytest.raises(ValueError, match='expected padding "pre" or "post", got \'left\''):
            pad_sequences([[1]], padding="left")
        with pytest.raises(ValueError, match="expected truncation"):
            pad_sequences([[1]], truncation="left")
        with pytest.raises(ValueError, match="expected max_length of at least 0, got -1"):
            pad_sequences([[1]], -1)
        with pytest.raises(ValueError, match="differ in their first axis only"):
            pad_sequences([np.ones((1, 2)), np.ones((1, 3))])
        with pytest.raises(ValueError, match="expected sequence 1 \\(T, ...\\), got a number"):
            pad_sequences([[1], 2])
        with pytest.raises(TypeError, match="expected sequence 0 of numbers, got 'text'"):
            pad_sequences(["text"])


class TestBucketBatchSampler:
    @pytest.mark.parametrize("shuffle", [False, True])
    @pytest.mark.parametrize("drop_last", [False, True])
    @pytest.mark.parametrize("size", [0, 1, 10, 1003])
    def test_each_sample_once(self, shuffle, drop_last, size):
        sampler = BucketBatchSampler(LENGTHS[:size], 10, shuffle=shuffle, drop_last=drop_last)
        batches = list(sampler)
        assert len(batches) == len(sampler)
        numbers = [number for batch in batches for number in batch]
        assert len(set(numbers)) == len(numbers)
        assert len(numbers) == (size - size % 10 if drop_last else size)
        assert all(len(batch) == 10 for batch in batches) or not drop_last

    def test_batches_hold_similar_lengths(self):
        def padding(sampler):
            return sum(LENGTHS[b].max() * len(b) for b in sampler) / LENGTHS.sum() - 1

        assert padding(BucketBatchSampler(LENGTHS, 16)) < 0.02
        assert padding(BucketBatchSampler(LENGTHS, 16, shuffle=True, seed=0)) < 0.05
        assert padding(BucketBatchSampler(LENGTHS, 16, shuffle=True, window=1, seed=0)) > 0.5

    def test_in_order_from_short_to_long(self):
        longest = [LENGTHS[batch].max() for batch in BucketBatchSampler(LENGTHS, 16)]
        assert longest == sorted(longest)

    def test_orders(self):
        def passes(**options):
            sampler = BucketBatchSampler(LENGTHS, 16, shuffle=True, **options)
            return [list(sampler) for _ in range(2)]

        first = passes(seed=3)
        assert first == passes(seed=3) == passes(generator=pydl.Generator(3))
        assert first[0] != first[1] and first != passes(seed=4)
        longest = [LENGTHS[batch].max() for batch in first[0]]
        assert longest != sorted(longest)

    def test_errors(self):
        with pytest.raises(ValueError, match="expected lengths \\(N,\\), got shape \\(1, 1\\)"):
            BucketBatchSampler([[1]])
        for name in ("batch_size", "window"):
            with pytest.raises(ValueError, match=f"expected {name} of at least 1, got 0"):
                BucketBatchSampler([1], **{name: 0})
        with pytest.raises(ValueError, match="expected seed or generator, got both"):
            BucketBatchSampler([1], seed=1, generator=pydl.Generator(1))


SAMPLES = [(list(range(1, n + 1)), n) for n in LENGTHS[:50].tolist()]


class TestInALoader:
    @pytest.mark.parametrize("prefetch", [0, 2])
    def test_bucketed_and_padded(self, prefetch):
        loader = DataLoader(
            SAMPLES,
            batch_sampler=BucketBatchSampler(LENGTHS[:50], 8, shuffle=True, seed=0),
            collate_fn=pad_collate,
            prefetch=prefetch,
        )
        seen = []
        for tokens, lengths, labels in loader:
            assert tokens.shape == (len(lengths.tolist()), max(lengths.tolist()))
            assert lengths.tolist() == labels.tolist()
            assert (tokens.numpy() > 0).sum(1).tolist() == labels.tolist()
            seen += labels.tolist()
        assert sorted(seen) == sorted(LENGTHS[:50].tolist()) and len(loader) == 7

    def test_two_sequences_per_sample(self):
        collate = partial(pad_collate, parts=(0, 1), value=-1, max_length=2)
        batch = collate([([1], [2, 3, 4]), ([5, 6], [7])])
        assert [part.tolist() for part in batch] == [
            [[1, -1], [5, 6]], [1, 2], [[2, 3], [7, -1]], [2, 1],
        ]  # fmt: skip

    def test_sequences_alone(self):
        batch, lengths = pad_collate([[1.5], [2.5, 3.5]])
        assert batch.tolist() == [[1.5, 0.0], [2.5, 3.5]] and lengths.tolist() == [1, 2]

    def test_subset(self):
        subset = Subset(SAMPLES, [3, 1, 2])
        loader = DataLoader(subset, batch_sampler=[[2, 0], [1]], collate_fn=pad_collate)
        labels = [batch[-1].tolist() for batch in loader]
        assert labels == [[LENGTHS[2], LENGTHS[3]], [LENGTHS[1]]]

    def test_parts_that_are_not_there(self):
        with pytest.raises(ValueError, match="expected parts in \\[0, 2\\), got \\(2,\\)"):
            pad_collate(SAMPLES, parts=(2,))
