"""The base of metrics: what is counted for each batch, how counts are merged, what they mean."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from pydl import _core
from pydl._core import Tensor
from pydl.grad_mode import no_grad
from pydl.training.losses import Loss

MetricT = TypeVar("MetricT", bound="Metric")
Merge = Literal["sum", "concat"]
Array = npt.NDArray[np.float64]


class Metric:
    """Base of metrics: numbers that add up over batches, and what to make of their sums.

    A recall, or an F1 score, is not the mean of those of batches, so a function (output, target)
    -> number cannot compute it. A metric counts instead: `totals` says what, and `merges` how the
    totals of two batches, or of two processes, become those of both. `fit` and `evaluate` take
    metrics in ``metrics=[...]``; alone, they have `update`, `compute` and `reset`.

    Attributes
    ----------
    name : str
        Under which `fit` and `evaluate` report it; by default the class's name in lower case.
    merges : str or tuple of str
        How each of the totals is merged, or all of them: "sum", for tensors of any shape, or
        "concat", which joins along axis 0 and keeps what was given for every sample.

    Examples
    --------
    >>> import pydl
    >>> class F1(pydl.training.Metric):
    ...     def totals(self, output, target):
    ...         found, wanted = output > 0.5, target > 0.5
    ...         return (found & wanted).sum(), found.sum(), wanted.sum()
    ...     def result(self, hits, found, wanted):
    ...         return 2 * hits / (found + wanted)
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1), pydl.nn.Sigmoid())
    >>> model.compile("sgd", "binary_crossentropy", ["accuracy", F1()])
    >>> list(model.evaluate(pydl.ones((4, 2)), pydl.ones((4, 1)), verbose=0))
    ['loss', 'accuracy', 'f1']
    >>> metric = F1()
    >>> metric.update(pydl.tensor([0.9, 0.2]), pydl.tensor([1.0, 0.0]))
    >>> metric.update(pydl.tensor([0.7]), pydl.tensor([0.0]))
    >>> round(metric.compute(), 4)
    0.6667
    """

    name: str = ""
    merges: Merge | tuple[Merge, ...] = "sum"
    _state: list[list[Array]] | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in vars(cls):
            cls.name = cls.__name__.lower()

    # --- what a metric is -----------------------------------------------------------------------

    def totals(self, output: Any, target: Any) -> Any:
        """Return a tensor, or several, that are merged over all batches as `merges` says."""
        raise NotImplementedError(f"{type(self).__name__} does not define totals()")

    def result(self, *totals: Any) -> Any:
        """Return the value for the merged totals; by default the only one.

        Totals are numbers, or arrays of float64, here, for which 0 / 0 is NaN, and tensors
        in program files.
        """
        if len(totals) != 1:
            raise NotImplementedError(f"{type(self).__name__} does not define result()")
        return totals[0]

    def check(self, *totals: Any) -> None:
        """Raise an error for totals that show that the metric does not fit the data."""

    # --- use without a model --------------------------------------------------------------------

    def update(self, output: Any, target: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Parameters
        ----------
        output, target : Tensor or array
            As `fit` would give them.
        sample_weight : Tensor or array, optional
            How much each sample counts: shape (N,), or the leading axes of the target's shape.

        Raises
        ------
        ValueError
            For shapes and targets that the metric does not take.
        TypeError
            For weights of a metric whose `totals` takes none.
        """
        self._state = added(self, self._state, self._batch_totals(output, target, sample_weight))
        if not keeps_samples(self, len(self._state)):  # joining them each time would be slow
            self.check(*joined(self._state))

    def _batch_totals(self, output: Any, target: Any, sample_weight: Any) -> Sequence[Any]:
        weights = () if sample_weight is None else (_core.asarray(sample_weight),)
        with no_grad():
            found = self.totals(_core.asarray(output), _core.asarray(target), *weights)
        return found if isinstance(found, (tuple, list)) else [found]

    def compute(self) -> Any:
        """Return the value for all batches so far; NaN before the first one.

        Returns
        -------
        float or Tensor
            A float64 tensor for a metric of several values.
        """
        if self._state is None:
            return math.nan
        with np.errstate(divide="ignore", invalid="ignore"):
            value = np.asarray(self.result(*joined(self._state)))
        return float(value) if value.ndim == 0 else _core.asarray(value.astype(np.float64))

    def reset(self) -> None:
        """Forget all batches."""
        self._state = None

    def merge(self, other: Metric) -> None:
        """Add what another metric of this kind has counted, for example in another process.

        Raises
        ------
        TypeError
            For a metric of another class.
        """
        if type(other) is not type(self):
            raise TypeError(
                f"{type(self).__name__}.merge: expected a {type(self).__name__}, "
                f"got {type(other).__name__}"
            )
        if other._state is not None:
            self._state = added(self, self._state, joined(other._state))

    def state_dict(self) -> dict[str, Tensor]:
        """Return the merged totals as tensors by name, for `pydl.save`; none before a batch."""
        totals = [] if self._state is None else joined(self._state)
        return {f"total{i}": _core.asarray(np.array(total)) for i, total in enumerate(totals)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Replace the totals by those that `state_dict` returned.

        Raises
        ------
        ValueError
            For names that `state_dict` does not give.
        """
        names = [f"total{i}" for i in range(len(state))]
        if set(names) != set(state):
            raise ValueError(f"load_state_dict: expected names {names}, got {sorted(state)}")
        self._state = added(self, None, [state[name] for name in names]) if names else None

    # --- use by models --------------------------------------------------------------------------

    def _bound(self: MetricT, loss: Loss) -> MetricT:
        """Return the metric, adapted to the loss where that decides on its options."""
        return self

    def _totals_of(self, output: Any, target: Any, plain: bool) -> Any:
        """Return the totals or, for `plain` targets, the sums from which `_sums` computes them."""
        return self.totals(output, target)

    def _sums(self, values: Sequence[Any], samples: int) -> Sequence[Any]:
        """Return the totals of what `_totals_of` returned for this number of samples."""
        return values

    def _values(self, output: Any, target: Any, plain: bool) -> list[Tensor]:
        """Return the totals as a list of tensors."""
        return _tensors(self._totals_of(output, target, plain))

    def _weighted_values(self, output: Any, target: Any, sample_weight: Any) -> list[Tensor]:
        """Return the totals for weights of samples, as a list of tensors."""
        totals: Any = self.totals  # those that take weights are checked by `compile`
        return _tensors(totals(output, target, _core.asarray(sample_weight)))


def _tensors(found: Any) -> list[Tensor]:
    return [_core.asarray(v) for v in (found if isinstance(found, (tuple, list)) else [found])]


def merge_of(metric: Metric, i: int) -> Merge:
    """Return how total number i is merged."""
    return metric.merges if isinstance(metric.merges, str) else metric.merges[i]


def keeps_samples(metric: Metric, totals: int) -> bool:
    """Whether one of the totals is concatenated, so that it grows with the number of samples."""
    return any(merge_of(metric, i) == "concat" for i in range(totals))


def added(
    metric: Metric, state: list[list[Array]] | None, totals: Sequence[Any]
) -> list[list[Array]]:
    """Return the state of a metric with the totals of one more batch.

    A state has for each total a list of arrays: one that is the sum, or all that are to be joined.
    """
    arrays = [_host(total) for total in totals]
    if state is None:
        state = [[] for _ in arrays]
    for i, (parts, array) in enumerate(zip(state, arrays, strict=True)):
        if merge_of(metric, i) == "concat" or not parts:
            parts.append(array)
        elif parts[0].shape != array.shape:
            raise ValueError(
                f"metric {metric.name!r}: expected totals of shape {parts[0].shape}, as before, "
                f"got {array.shape}"
            )
        else:
            parts[0] = np.asarray(parts[0] + array)
    return state


def joined(state: list[list[Array]]) -> list[Any]:
    """Return the merged totals of a state, whose parts it joins."""
    for parts in state:
        if len(parts) > 1:
            parts[:] = [np.concatenate(parts)]
    return [parts[0] if parts[0].ndim else np.float64(parts[0]) for parts in state]


def _host(total: Any) -> Array:
    if isinstance(total, Tensor):
        total = total.detach().to("float64").numpy()
    return np.array(total, dtype=np.float64)


def weights_like(name: str, sample_weight: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return the weights of samples in a shape that broadcasts to that of a target.

    Raises
    ------
    ValueError
        For weights that are not those of the leading axes.
    """
    given = sample_weight.shape
    if len(given) == len(shape) + 1 and given[-1] == 1:
        given = given[:-1]
    if given != shape[: len(given)]:
        raise ValueError(
            f"metric {name!r}: expected sample weights of the leading axes of the targets' shape "
            f"{shape}, got {sample_weight.shape}"
        )
    ones = (1,) * (len(shape) - len(given))
    return sample_weight.to("float64").reshape((*given, *ones))
