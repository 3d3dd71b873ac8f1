"""The multilayer perceptron (Rumelhart, Hinton and Williams, 1986)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydl import nn
from pydl.models.weights import Path, load_weights


class MLP(nn.Sequential):
    """Linear layers with an activation, and dropout if wanted, between them.

    Input (N, ...), whose other axes are flattened to in_features; output (N, num_classes), logits.

    Parameters
    ----------
    in_features : int
        Elements of one sample.
    hidden : sequence of int
        Sizes of the hidden layers; there may be none.
    num_classes : int
        Size of the output.
    activation : callable, default nn.ReLU
        Makes the module between two layers.
    dropout : float, default 0
        Probability with which elements of hidden layers are dropped in training.

    Examples
    --------
    >>> import pydl
    >>> model = MLP(784, (128, 64), 10)
    >>> model(pydl.zeros((32, 1, 28, 28))).shape
    (32, 10)
    """

    def __init__(
        self,
        in_features: int,
        hidden: Sequence[int] = (128,),
        num_classes: int = 10,
        *,
        activation: Callable[[], nn.Module] = nn.ReLU,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(nn.Flatten())
        for size in hidden:
            self.append(nn.Linear(in_features, size))
            self.append(activation())
            if dropout > 0:
                self.append(nn.Dropout(dropout))
            in_features = size
        self.append(nn.Linear(in_features, num_classes))


def mlp(
    in_features: int = 784,
    hidden: Sequence[int] = (128,),
    num_classes: int = 10,
    *,
    activation: Callable[[], nn.Module] = nn.ReLU,
    dropout: float = 0.0,
    weights: Path | None = None,
) -> MLP:
    """`MLP` with weights from a file, if given; by default for images of 28x28 in 10 classes.

    Parameters
    ----------
    in_features, hidden, num_classes, activation, dropout
        As of `MLP`.
    weights : str or path, optional
        A file of weights, as for `load_weights`.

    Returns
    -------
    MLP
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> len(list(mlp(4, (8, 8), 3).parameters()))
    6
    """
    model = MLP(in_features, hidden, num_classes, activation=activation, dropout=dropout)
    return load_weights(model, weights)
