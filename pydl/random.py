"""Random numbers: generators, distributions, choices and orders.

The numbers of a generator depend on its seed alone: they are the same for any number of threads, in
eager and in compiled functions.

Examples
--------
>>> import pydl
>>> generator = pydl.Generator(1)
>>> rates = pydl.tensor([0.5, 3.0, 1e6])
>>> pydl.random.poisson(rates, generator=generator).shape
(3,)
>>> pydl.random.gamma(2.0, scale=pydl.ones(4), generator=generator).shape
(4,)
"""

from __future__ import annotations

from contextlib import ContextDecorator

from pydl import _core
from pydl._checked_calls import check_public
from pydl._core import (
    Generator,
    dropout,
    get_rng_state,
    manual_seed,
    normal,
    permutation,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
    set_rng_state,
    uniform,
)
from pydl._core.random import (
    bernoulli,
    beta,
    categorical,
    cauchy,
    dirichlet,
    exponential,
    gamma,
    geometric,
    gumbel,
    laplace,
    log_normal,
    multinomial,
    poisson,
    shuffle,
    truncated_normal,
)

__all__ = [
    "Generator",
    "bernoulli",
    "beta",
    "categorical",
    "cauchy",
    "dirichlet",
    "dropout",
    "exponential",
    "fork_rng",
    "gamma",
    "geometric",
    "get_rng_state",
    "gumbel",
    "laplace",
    "log_normal",
    "manual_seed",
    "multinomial",
    "normal",
    "permutation",
    "poisson",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
    "set_rng_state",
    "shuffle",
    "truncated_normal",
    "uniform",
]


class fork_rng(_core._ForkScope, ContextDecorator):  # noqa: N801  (used like a keyword)
    """Draw, and seed, without effect on the numbers that come after the block.

    Parameters
    ----------
    generator : Generator, optional
        The one that is returned to where it was; by default the one that functions use if none is
        given.

    Raises
    ------
    TraceError
        Inside compiled functions, which advance their generators as a whole.

    Examples
    --------
    >>> import pydl
    >>> _ = pydl.manual_seed(0)
    >>> with pydl.random.fork_rng():
    ...     _ = pydl.manual_seed(1)
    ...     noise = pydl.randn(2)
    >>> a = pydl.rand(3)
    >>> _ = pydl.manual_seed(0)
    >>> bool((pydl.rand(3) == a).all())
    True
    """

    def __init__(self, generator: Generator | None = None) -> None:
        super().__init__(generator)
        self._generator = generator

    def _recreate_cm(self) -> fork_rng:
        # A decorated function may run in several threads at once.
        return type(self)(self._generator)


def __getattr__(name: str) -> object:
    """Say what to type instead of a name that other libraries have."""
    from pydl._missing_names import message

    raise AttributeError(message("pydl.random", name, __all__))


check_public(globals())
