"""Metrics of text: perplexity of predicted tokens, and BLEU of translations."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from pydl import _core
from pydl._core import Tensor
from pydl.nn import functional
from pydl.training.metrics.base import Metric, added, weights_like


class Perplexity(Metric):
    """exp of the mean cross-entropy of logits (N, K, ...) and token indices (N, ...).

    Parameters
    ----------
    ignore_index : int, default -100
        Tokens of this value, such as padding, do not count.

    Examples
    --------
    >>> import pydl
    >>> metric = pydl.metrics.Perplexity()
    >>> metric.update(pydl.zeros((2, 8, 3)), pydl.zeros((2, 3), dtype="int64"))
    >>> round(metric.compute(), 4)
    8.0
    """

    def __init__(self, ignore_index: int = -100) -> None:
        self.ignore_index = ignore_index

    def totals(self, output: Any, target: Any, sample_weight: Tensor | None = None) -> Any:
        index = target.to("int64")
        losses = functional.cross_entropy(
            output.to("float64"), index, ignore_index=self.ignore_index, reduction="none"
        )
        weights = (index != self.ignore_index).to("float64")
        if sample_weight is not None:
            weights = weights * weights_like(self.name, sample_weight, weights.shape)
        return (losses * weights).sum(), weights.sum()

    def result(self, total: Any, count: Any) -> Any:
        mean = total / count
        return _core.exp(mean) if isinstance(mean, Tensor) else np.exp(mean)


class BLEU(Metric):
    """BLEU of texts (Papineni et al., 2002), over all of them: brevity times a mean of precisions.

    The geometric mean of the precisions of n-grams for n = 1 .. `order`, in which each n-gram
    counts at most as often as in one of the references, times exp(1 - r / c) where the texts have
    fewer tokens, c, than the references nearest in length, r. 0 where no n-gram of an order is
    right, unless `smooth`. Texts are split at white space. `fit` has no texts; use `update`.

    Parameters
    ----------
    order : int, default 4
        The largest n.
    smooth : bool, default False
        Whether 1 is added to both counts of n-grams for n > 1 (Lin and Och, 2004).

    Raises
    ------
    ValueError
        For an order below 1; in `update`, for other numbers of texts and of lists of references.

    Examples
    --------
    >>> import pydl
    >>> metric = pydl.metrics.BLEU()
    >>> references = [["there is a cat on the mat", "a cat is on the mat"]]
    >>> metric.update(["the cat is on the mat"], references)
    >>> round(metric.compute(), 4)
    0.7598
    """

    def __init__(self, order: int = 4, *, smooth: bool = False) -> None:
        if order < 1:
            raise ValueError(f"BLEU: expected an order of at least 1, got {order}")
        self.order, self.smooth = order, smooth

    def update(self, output: Any, target: Any, sample_weight: Any = None) -> None:
        """Add texts with their references.

        Parameters
        ----------
        output : sequence of str, or of sequences of tokens
            The texts.
        target : sequence of sequences of such
            The references of each text, at least one.
        sample_weight : None
            Texts have no weights.

        Raises
        ------
        ValueError
            For other numbers of texts and of lists of references, and a text without references.
        TypeError
            For weights, and for references that are a string instead of several.
        """
        if sample_weight is not None:
            raise TypeError("BLEU.update: there are no weights of texts")
        self._state = added(self, self._state, self.totals(output, target))

    def totals(self, output: Any, target: Any) -> Any:
        if len(output) != len(target):
            raise ValueError(
                f"BLEU: expected references for each of {len(output)} texts, got {len(target)}"
            )
        right, given = np.zeros(self.order), np.zeros(self.order)
        length = wanted = 0
        for text, references in zip(output, target, strict=True):
            if isinstance(references, str):
                raise TypeError("BLEU: expected a list of references for each text, got a string")
            if not references:
                raise ValueError("BLEU: expected at least one reference for each text")
            tokens, others = _tokens(text), [_tokens(reference) for reference in references]
            length += len(tokens)
            # Of two that are equally near, the shorter one.
            wanted += min((abs(len(o) - len(tokens)), len(o)) for o in others)[1]
            for n in range(1, self.order + 1):
                found = _ngrams(tokens, n)
                most: Counter[Any] = Counter()
                for other in others:
                    most |= _ngrams(other, n)
                right[n - 1] += sum((found & most).values())
                given[n - 1] += sum(found.values())
        return right, given, float(length), float(wanted)

    def result(self, right: Any, given: Any, length: Any, wanted: Any) -> Any:
        right, given = np.array(right), np.array(given)
        if self.smooth:
            right[1:] += 1
            given[1:] += 1
        if length == 0 or not right.all():
            return 0.0
        brevity = min(0.0, 1.0 - float(wanted / length))
        return math.exp(brevity + float(np.log(right / given).mean()))


def _tokens(text: str | Sequence[str]) -> list[str]:
    return text.split() if isinstance(text, str) else list(text)


def _ngrams(tokens: Sequence[str], n: int) -> Counter[Any]:
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))
