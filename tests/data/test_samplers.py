"""Samplers: which samples a pass has."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import pydl
from pydl.data import DataLoader, Subset, TensorDataset, WeightedRandomSampler

WEIGHTS = np.array([0.0, 1.0, 2.0, 5.0])


def test_frequencies_are_the_weights() -> None:
    drawn = np.fromiter(WeightedRandomSampler(WEIGHTS, 40000, seed=0), np.int64)
    counts = np.bincount(drawn, minlength=4) / drawn.size
    np.testing.assert_allclose(counts, WEIGHTS / WEIGHTS.sum(), atol=0.01)


def test_without_replacement() -> None:
    sampler = WeightedRandomSampler(np.arange(10.0), 9, replacement=False, seed=0)
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(range(1, 10)) and first != second


def test_loaders_draw_anew_in_each_pass() -> None:
    x = np.arange(100.0)
    loader = DataLoader((x, x * 2), 32, sampler=WeightedRandomSampler(np.ones(100), 50, seed=1))
    first, second = (list(loader) for _ in range(2))
    assert len(loader) == len(first) == 2 and loader.sample_count == 50
    assert [len(a) for a, _ in first] == [32, 18]
    assert all((a * 2 == b).all() for a, b in first + second)
    assert first[0][0].tolist() != second[0][0].tolist()
    dropping = DataLoader(x, 32, drop_last=True, sampler=WeightedRandomSampler(np.ones(100), 50))
    assert len(dropping) == len(list(dropping)) == 1


def test_of_subsets_and_datasets() -> None:
    subset = Subset(TensorDataset(np.arange(10)), [7, 8, 9])
    only = WeightedRandomSampler([0.0, 1.0, 0.0], 4)
    assert [batch[0].tolist() for batch in DataLoader(subset, 2, sampler=only)] == [[8, 8]] * 2
    assert [b.tolist() for b in DataLoader(list(range(3)), 4, sampler=only)] == [[1] * 4]


def test_any_iterable_with_a_length() -> None:
    assert [b.tolist() for b in DataLoader(np.arange(5), 2, sampler=[4, 0, 2])] == [[4, 0], [2]]


def test_seeds_states_and_copies() -> None:
    def make() -> WeightedRandomSampler:
        return WeightedRandomSampler(WEIGHTS, 20, seed=3)

    whole, again = make(), WeightedRandomSampler(WEIGHTS, 20)
    passes = [list(whole) for _ in range(3)]
    assert [list(sampler) for sampler in [make()] for _ in range(3)] == passes
    half = make()
    list(half)
    again.load_state_dict(half.state_dict())
    for sampler in (again, copy.deepcopy(half), pickle.loads(pickle.dumps(half))):
        assert [list(sampler) for _ in range(2)] == passes[1:]
    # The default generator decides without a seed.
    pydl.manual_seed(5)
    first = list(WeightedRandomSampler(WEIGHTS, 20))
    pydl.manual_seed(5)
    assert list(WeightedRandomSampler(WEIGHTS, 20)) == first
    generator = pydl.Generator(3)
    assert list(WeightedRandomSampler(WEIGHTS, 20, generator=generator)) == passes[0]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([[1.0]],), ValueError, r"expected weights \(N,\), got shape \(1, 1\)"),
        (([],), ValueError, r"expected weights \(N,\), got shape \(0,\)"),
        (([1.0, -1.0],), ValueError, "expected finite weights of at least 0"),
        (([1.0, np.nan],), ValueError, "expected finite weights of at least 0"),
        (([0.0, 0.0],), ValueError, "expected at least 1 weights above 0, got 0"),
        (([1.0, 0.0], 2, False), ValueError, "expected at least 2 weights above 0, got 1"),
        (([1.0], 0), ValueError, "expected num_samples of at least 1, got 0"),
        (([1.0], 1.5), TypeError, "expected num_samples to be an integer, got float"),
    ],
)
def test_wrong_arguments(arguments: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=f"WeightedRandomSampler: {message}"):
        WeightedRandomSampler(*arguments)
    with pytest.raises(ValueError, match="expected seed or generator, got both"):
        WeightedRandomSampler([1.0], seed=1, generator=pydl.Generator(1))
    with pytest.raises(ValueError, match=r"load_state_dict: expected \['generator'\], got \[\]"):
        WeightedRandomSampler([1.0]).load_state_dict({})


def test_wrong_samplers_of_loaders() -> None:
    x, sampler = np.arange(3), [0, 1]
    for options, error, message in (
        ({"sampler": sampler, "shuffle": True}, ValueError, "expected shuffle or a sampler"),
        ({"sampler": sampler, "batch_sampler": [[0]]}, ValueError, "expected batch_sampler, or"),
        ({"sampler": iter(sampler)}, TypeError, "expected sampler to have a length"),
    ):
        with pytest.raises(error, match=f"DataLoader: {message}"):
            DataLoader(x, **options)
    with pytest.raises(IndexError, match="the sampler gives numbers from 0 to 3, but there are 3"):
        list(DataLoader(x, sampler=[0, 3]))

    class Short(list[int]):
        def __len__(self) -> int:
            return 5

    with pytest.raises(ValueError, match="the sampler has length 5, but gave 2 numbers"):
        list(DataLoader(x, sampler=Short([0, 1])))
