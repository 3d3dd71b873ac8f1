"""Samplers: which samples a pass has, and in which order."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pydl import _core
from pydl._core import Generator, Tensor, randint, tensor

if TYPE_CHECKING:
    import numpy.typing as npt


class WeightedRandomSampler:
    """Samples drawn by weights, for `DataLoader(..., sampler=...)`, as in PyTorch.

    Every pass draws anew. Weights of 1 / (number of samples of the class) let all classes be
    equally frequent. `state_dict` has what decides the passes that come next; that of the loader,
    and a training that is resumed, has it too.

    Parameters
    ----------
    weights : array_like of float
        How often each sample is drawn, relative to others: shape (N,), at least 0.
    num_samples : int, optional
        Samples of a pass; by default N.
    replacement : bool, default True
        Whether a sample may be drawn again in a pass.
    seed : int, optional
        Makes the passes reproducible.
    generator : Generator, optional
        Source of the passes; without `seed` and `generator` one that the default generator seeds
        when the first pass begins.

    Yields
    ------
    int
        Numbers of samples.

    Raises
    ------
    ValueError
        For weights that are not (N,), negative or not finite, or of which too few are positive; for
        `num_samples` below 1, and both `seed` and `generator`.
    TypeError
        For `num_samples` that is no integer.

    Examples
    --------
    >>> import numpy as np
    >>> import pydl
    >>> y = np.array([0] * 90 + [1] * 10)
    >>> sampler = pydl.data.WeightedRandomSampler(1 / np.bincount(y)[y], 1000, seed=0)
    >>> loader = pydl.data.DataLoader(y, batch_size=1000, sampler=sampler)
    >>> 400 < int(next(iter(loader)).sum()) < 600
    True
    """

    def __init__(
        self,
        weights: Sequence[float] | Tensor | npt.NDArray[Any],
        num_samples: int | None = None,
        replacement: bool = True,
        *,
        seed: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.weights = np.asarray(weights, np.float64)
        if self.weights.ndim != 1 or self.weights.size == 0:
            raise ValueError(
                f"WeightedRandomSampler: expected weights (N,), got shape {self.weights.shape}"
            )
        if not (np.isfinite(self.weights).all() and (self.weights >= 0).all()):
            raise ValueError("WeightedRandomSampler: expected finite weights of at least 0")
        self.num_samples = self.weights.size if num_samples is None else _count(num_samples)
        self.replacement = bool(replacement)
        positive = int((self.weights > 0).sum())
        if positive < (1 if replacement else self.num_samples):
            raise ValueError(
                f"WeightedRandomSampler: expected at least {1 if replacement else self.num_samples}"
                f" weights above 0, got {positive}"
            )
        if seed is not None and generator is not None:
            raise ValueError("WeightedRandomSampler: expected seed or generator, got both")
        self._generator = generator if seed is None else Generator(seed)

    def __len__(self) -> int:
        return self.num_samples

    def __iter__(self) -> Iterator[int]:
        drawn = _core.random.multinomial(
            tensor(self.weights), self.num_samples, self.replacement, generator=self._source()
        )
        yield from drawn.tolist()

    def state_dict(self) -> dict[str, Tensor]:
        """Return what decides the passes that come next; `DataLoader.state_dict` has it too."""
        return {"generator": self._source().state()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Continue with the passes that follow the point where `state` was taken.

        Raises
        ------
        ValueError
            For a state that `state_dict` did not return.
        """
        if state.keys() != {"generator"}:
            raise ValueError(
                "WeightedRandomSampler.load_state_dict: expected ['generator'], got "
                f"{sorted(state)}"
            )
        if self._generator is None:
            self._generator = Generator(0)
        self._generator.set_state(state["generator"])

    def _source(self) -> Generator:
        if self._generator is None:
            self._generator = Generator(int(randint(0, 2**53, ()).item()))
        return self._generator


def _count(value: Any) -> int:
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(
            "WeightedRandomSampler: expected num_samples to be an integer, got "
            f"{type(value).__name__}"
        ) from None
    if number < 1:
        raise ValueError(f"WeightedRandomSampler: expected num_samples of at least 1, got {number}")
    return number
