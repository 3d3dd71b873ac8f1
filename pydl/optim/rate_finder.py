"""A search for a learning rate: losses of a training whose rate grows at each step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, NamedTuple

from pydl.optim.optimizer import Optimizer


class RateSearch(NamedTuple):
    """What `find_learning_rate` returns.

    Attributes
    ----------
    rates : list of float
        The learning rates that were tried.
    losses : list of float
        The loss at each of them.
    suggestion : float or None
        The rate at which the smoothed loss fell fastest; None where it never fell.
    """

    rates: list[float]
    losses: list[float]
    suggestion: float | None

    def plot(self) -> Any:
        """Draw the losses over the rates; needs matplotlib, and returns its axes.

        Raises
        ------
        ImportError
            Without matplotlib.
        """
        from matplotlib import pyplot

        _, axes = pyplot.subplots()
        axes.plot(self.rates, self.losses)
        axes.set(xscale="log", xlabel="learning rate", ylabel="loss")
        if self.suggestion is not None:
            axes.axvline(self.suggestion, linestyle="--")
        return axes


def find_learning_rate(
    step: Callable[[Any], Any],
    optimizer: Optimizer,
    batches: Iterable[Any],
    *,
    lowest: float = 1e-7,
    highest: float = 10.0,
    count: int = 100,
    divergence: float = 4.0,
) -> RateSearch:
    """Train with growing rates, and suggest the one at which the loss falls fastest (Smith, 2017).

    The parameters of the optimiser and its state are put back afterwards; buffers of the model,
    such as running moments, and random generators are not.

    Parameters
    ----------
    step : callable
        Function from a batch to the loss, one number, that trains as usual; it may be compiled.
    optimizer : Optimizer
        The one that `step` uses.
    batches : iterable
        At most `count` are used; if there are fewer, they are used again.
    lowest, highest : float, default 1e-7 and 10
        The first rate and the last one, between which their logarithms grow evenly. All groups
        have the same rate meanwhile.
    count : int, default 100
        How many rates to try.
    divergence : float, default 4.0
        The search ends when the smoothed loss is this many times the smallest one, or not finite.

    Returns
    -------
    RateSearch
        Rates, losses and a suggestion.

    Raises
    ------
    ValueError
        Without batches, and for rates that are not in order.

    Examples
    --------
    >>> import pydl
    >>> _ = pydl.manual_seed(0)
    >>> x = pydl.normal((64, 4))
    >>> y = x.sum(axis=1, keepdims=True)
    >>> model = pydl.nn.Linear(4, 1)
    >>> optimizer = pydl.optim.SGD(model.parameters())
    >>> def step(batch):
    ...     optimizer.zero_grad()
    ...     loss = ((model(batch[0]) - batch[1]) ** 2).mean()
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> found = pydl.optim.find_learning_rate(step, optimizer, [(x, y)])
    >>> 0.001 < found.suggestion < 1
    True
    """
    if not 0 < lowest < highest < math.inf or count < 2:
        raise ValueError(
            "find_learning_rate: expected 0 < lowest < highest and count of at least 2, got "
            f"{lowest}, {highest} and {count}"
        )
    parameters = [p.detach().copy() for p in optimizer.parameters]
    state = {name: value.copy() for name, value in optimizer.state_dict().items()}
    try:
        factor = (highest / lowest) ** (1 / (count - 1))
        tried = [lowest * factor**i for i in range(count)]
        rates, losses = _try_rates(step, optimizer, batches, tried, divergence)
    finally:
        for parameter, old in zip(optimizer.parameters, parameters, strict=True):
            parameter.detach().copy_(old)
        optimizer.load_state_dict(state)
        optimizer.zero_grad()
    return RateSearch(rates, losses, _steepest(rates, _smoothed(losses)))


def _endless(batches: Iterable[Any]) -> Iterable[Any]:
    while True:
        found = False
        for batch in batches:
            found = True
            yield batch
        if not found:
            raise ValueError(
                "find_learning_rate: expected batches, got none, or an iterator too short"
            )


def _try_rates(
    step: Callable[[Any], Any],
    optimizer: Optimizer,
    batches: Iterable[Any],
    tried: list[float],
    divergence: float,
) -> tuple[list[float], list[float]]:
    rates: list[float] = []
    losses: list[float] = []
    for rate, batch in zip(tried, _endless(batches), strict=False):
        optimizer.lr = rate
        loss = float(step(batch))
        if not math.isfinite(loss):
            break
        rates.append(rate)
        losses.append(loss)
        smooth = _smoothed(losses)
        if smooth[-1] > divergence * min(smooth):
            break
    return rates, losses


def _smoothed(losses: list[float], kept: float = 0.9) -> list[float]:
    """Return running means, corrected for their start at 0."""
    result, mean = [], 0.0
    for i, loss in enumerate(losses):
        mean = kept * mean + (1 - kept) * loss
        result.append(mean / (1 - kept ** (i + 1)))
    return result


def _steepest(rates: list[float], losses: list[float]) -> float | None:
    falls = [before - after for before, after in pairwise(losses)]
    if not falls or max(falls) <= 0:
        return None
    return rates[falls.index(max(falls))]
