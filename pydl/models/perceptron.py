"""The perceptron (Rosenblatt, "The perceptron: a probabilistic model", 1958)."""

from __future__ import annotations

from typing import Any

from pydl import nn
from pydl._core import Tensor, asarray, binary_step
from pydl.grad_mode import no_grad
from pydl.models.weights import Path, load_weights
from pydl.training import Model


class Perceptron(Model):
    """Decides by the side of a plane that its input is on; learns by its own rule, from mistakes.

    Input (N, in_features), output (N, out_features) of 0 and 1.

    Parameters
    ----------
    in_features : int
        Size of the last axis of the input.
    out_features : int, default 1
        Number of decisions, each with its own plane.

    Attributes
    ----------
    linear : Linear
        Starts at zero.

    Examples
    --------
    >>> import pydl
    >>> model = Perceptron(2)
    >>> x = pydl.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> target = pydl.tensor([[0.0], [0.0], [0.0], [1.0]])
    >>> while model.learn(x, target) > 0:
    ...     pass
    >>> model(x).flatten(0).tolist()
    [0.0, 0.0, 0.0, 1.0]
    """

    def __init__(self, in_features: int, out_features: int = 1) -> None:
        super().__init__()
        self.linear = nn.Linear(in_features, out_features, init="zeros")
        assert self.linear.bias is not None
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        return binary_step(self.linear(x))

    def learn(self, x: Any, target: Any, lr: float = 1.0) -> int:
        """Go through samples once, and move the weights by lr * (target - output) * input.

        Parameters
        ----------
        x : array_like
            Shape (N, in_features).
        target : array_like
            0 or 1, shape (N, out_features).
        lr : float, default 1.0
            Length of a move.

        Returns
        -------
        int
            The number of wrong samples. If planes divide the samples, it is 0 after finitely many
            calls (Novikoff, 1962).
        """
        weight, bias = self.linear.weight, self.linear.bias
        assert bias is not None
        mistakes = 0
        with no_grad():
            for sample, wanted in zip(asarray(x), asarray(target), strict=True):
                error = wanted.to(weight.dtype) - self(sample)
                if error.abs().max().item() > 0:
                    mistakes += 1
                    weight.copy_(weight + lr * error.expand_dims(1) * sample)
                    bias.copy_(bias + lr * error)
        return mistakes


def perceptron(
    in_features: int, out_features: int = 1, *, weights: Path | None = None
) -> Perceptron:
    """`Perceptron` with weights from a file, if given.

    Parameters
    ----------
    in_features, out_features : int
        As of `Perceptron`.
    weights : str or path, optional
        A file of weights, as for `load_weights`.

    Returns
    -------
    Perceptron
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> perceptron(4).linear.weight.shape
    (1, 4)
    """
    return load_weights(Perceptron(in_features, out_features), weights)
