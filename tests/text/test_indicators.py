"""One-hot and multi-hot arrays."""

from __future__ import annotations

import numpy as np
import pytest

from pydl.text import multi_hot, one_hot


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (0,), (2, 0)])
def test_one_hot(shape):
    ids = np.random.default_rng(0).integers(0, 5, shape)
    result = one_hot(ids, 5)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, np.eye(5)[ids])


def test_multi_hot():
    result = multi_hot(iter([[1, 1, 0], [], np.array([2])]), 3)
    assert result.dtype == np.float32 and result.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert multi_hot([], 3).shape == (0, 3) and multi_hot([[]], 0).shape == (1, 0)
    assert multi_hot([[0]], 2, dtype=bool).tolist() == [[True, False]]


@pytest.mark.parametrize("function", [one_hot, lambda ids, k: multi_hot([ids], k)])
def test_errors(function):
    for bad in ([0, 3], [-1]):
        with pytest.raises(IndexError, match="ids reach outside the 3 classes"):
            function(bad, 3)
    with pytest.raises(ValueError, match="expected ids of an integer dtype, got float64"):
        function([0.5], 3)
    with pytest.raises(ValueError, match="expected num_classes of at least 0"):
        function([0], -1)
