"""Targets (N,) for outputs (N, 1), and the reverse, where a function of the user's needs one shape.

By broadcasting, such a function would combine each sample with each, which nobody means.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydl import _core
from pydl._core import Tensor, get_rng_state, set_rng_state
from pydl._warnings import warn
from pydl.nn.module import Module
from pydl.training.additivity import combines_samples
from pydl.training.layout import mapped
from pydl.training.nonfinite import copies_of_buffers, put_back
from pydl.training.own_steps import call_loss, loss_and_more


class Alignment:
    """Gives the targets of one function the shape of its outputs, where it needs that.

    The function is tried on made-up samples, once for each pair of shapes: a function that minds
    the shapes by itself, or combines samples by intention, gets its targets as they are.

    Parameters
    ----------
    name : str
        What the function is, for the warning.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._needed: dict[Any, bool] = {}

    def __call__(self, function: Callable[[Any, Any], Any], output: Any, target: Any) -> Any:
        """Return the target in the shape that the function needs.

        Warns
        -----
        UserWarning
            The first time that it is another one.
        """
        if not (isinstance(output, Tensor) and isinstance(target, Tensor)):
            return target
        if sorted((output.ndim, target.ndim)) != [1, 2] or output.size != target.size:
            return target
        kind = (output.shape[1:], output.dtype, target.shape[1:], target.dtype)
        if kind not in self._needed:
            wanted = combines_samples(function, output, target)
            if wanted is not None and not any(self._needed.values()):
                warn(
                    f"{self._name} combines each sample with each, because outputs have shape "
                    f"{output.shape} and targets {target.shape}: it gets targets of shape {wanted} "
                    "instead; give targets of the shape of the outputs, or let it reshape them"
                )
            self._needed[kind] = wanted is not None
        return target.reshape(output.shape) if self._needed[kind] else target


def aligned_for_loss(
    align: Alignment, model: Module, own: Callable[..., Any], x: Any, y: Any, output: Any
) -> Any:
    """Return the targets for the `compute_loss` of a model, which is tried with inputs of zeros.

    What it draws of random numbers, and does to buffers, is undone.
    """

    def loss(some: Tensor, targets: Tensor) -> Any:
        inputs = mapped(lambda tensor: _zeros(tensor, some.shape[0]), x)
        return loss_and_more(call_loss(own, inputs, targets, some, None))[0]

    def undone(some: Tensor, targets: Tensor) -> Any:
        random, buffers = get_rng_state(), copies_of_buffers(model)
        try:
            return loss(some, targets)
        finally:
            put_back(buffers)
            set_rng_state(random)

    return align(undone, output, y)


def _zeros(tensor: Any, samples: int) -> Any:
    if not isinstance(tensor, Tensor) or tensor.ndim == 0:
        return tensor
    return _core.zeros((samples, *tensor.shape[1:]), dtype=tensor.dtype)
