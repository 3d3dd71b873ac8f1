"""Calls scikit-learn and SciPy with tensors, and compares with NumPy. A process of its own, because
SciPy reads SCIPY_ARRAY_API when it is imported. Prints the names of what ran."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pydl


def compare(name: str, found: Any, expected: Any) -> None:
    """Compare a result with NumPy's, and demand that tensors give tensors."""
    if isinstance(expected, np.ndarray | np.generic) and np.ndim(expected):
        assert isinstance(found, pydl.Tensor), (name, type(found))
    values = found.numpy() if isinstance(found, pydl.Tensor) else found
    np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-8, err_msg=name)
    print(name)


def run(calls: dict[str, Callable[..., Any]], arrays: tuple[np.ndarray, ...]) -> None:
    """Call each function with arrays and with tensors of the same values."""
    tensors = [pydl.asarray(array) for array in arrays]
    for name, call in calls.items():
        compare(name, call(*tensors), call(*arrays))


def scipy_functions() -> dict[str, Callable[..., Any]]:
    from scipy import special, stats

    return {
        "special.logsumexp": lambda x, y: special.logsumexp(x, axis=1),
        "special.softmax": lambda x, y: special.softmax(x, axis=1),
        "stats.zscore": lambda x, y: stats.zscore(x),
        "stats.gmean": lambda x, y: stats.gmean(abs(x) + 1, axis=0),
        "stats.variation": lambda x, y: stats.variation(x + 9, axis=0),
        "stats.skew": lambda x, y: stats.skew(x, axis=0),
        "stats.kurtosis": lambda x, y: stats.kurtosis(x, axis=0),
        "stats.moment": lambda x, y: stats.moment(x, 3, axis=0),
        "stats.ttest_ind": lambda x, y: stats.ttest_ind(x, x[::2] + 0.1, axis=0).statistic,
        "stats.pearsonr": lambda x, y: stats.pearsonr(x[:, 0], x[:, 1]).statistic,
    }


def sklearn_functions() -> dict[str, Callable[..., Any]]:
    from sklearn import metrics, preprocessing
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import Ridge

    def scores(x: Any, y: Any) -> Any:
        return LinearDiscriminantAnalysis().fit(x, y).decision_function(x)

    return {
        "StandardScaler": lambda x, y: preprocessing.StandardScaler().fit_transform(x),
        "MinMaxScaler": lambda x, y: preprocessing.MinMaxScaler().fit_transform(x),
        "MaxAbsScaler": lambda x, y: preprocessing.MaxAbsScaler().fit_transform(x),
        "normalize": lambda x, y: preprocessing.normalize(x),
        "PCA": lambda x, y: PCA(2, svd_solver="full").fit(x).explained_variance_,
        "Ridge": lambda x, y: Ridge(solver="svd").fit(x, x[:, 0] * 2.0).coef_,
        "LinearDiscriminantAnalysis": scores,
        "mean_squared_error": lambda x, y: metrics.mean_squared_error(x, x * 1.1),
        "r2_score": lambda x, y: metrics.r2_score(x, x * 1.1),
        "accuracy_score": lambda x, y: metrics.accuracy_score(y, y * 0 + 1),
        "euclidean_distances": lambda x, y: metrics.pairwise.euclidean_distances(x),
    }


def main() -> None:
    rng = np.random.default_rng(0)
    arrays = (rng.standard_normal((40, 4)), rng.integers(0, 3, 40))
    run(scipy_functions(), arrays)
    import sklearn

    sklearn.set_config(array_api_dispatch=True)
    run(sklearn_functions(), arrays)


if __name__ == "__main__":
    main()
