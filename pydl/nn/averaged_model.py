"""Averages of weights: a model whose parameters are means of those of another one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydl import _core
from pydl._core import Tensor, tensor
from pydl.grad_mode import no_grad
from pydl.nn.module import Buffer, Module
from pydl.nn.normalization import _ChannelNorm


class AveragedModel(Module):
    """A copy of a model whose weights are averages of the model's over the steps of a training.

    Without `decay`, all calls of `update` count the same: stochastic weight averaging (Izmailov et
    al., 2018). With it, the average is exponential: avg = decay * avg + (1 - decay) * weight
    (Polyak and Juditsky, 1992). The first call copies the weights. All parameters are updated by
    one fused operation, also in compiled steps, whose state the averaged model is part of.

    Parameters
    ----------
    model : Module
        The model that is trained; it is copied, not kept.
    decay : float, optional
        Part of the average that is kept, in [0, 1).
    use_buffers : bool, default False
        Whether floating-point buffers, such as the running moments of batch normalisation, are
        averaged too; otherwise they are those of the model at the last update. After stochastic
        weight averaging, `update_bn` computes them anew.

    Attributes
    ----------
    module : Module
        The copy, with the averages as its parameters, which require no gradient.
    n_averaged : Buffer
        The number of updates, int64 of rank 0. It is saved with the parameters.

    Raises
    ------
    TypeError
        For something that is not a module.
    ValueError
        For a decay outside [0, 1).

    Examples
    --------
    >>> import pydl
    >>> model = pydl.nn.Linear(2, 1)
    >>> averaged = pydl.nn.AveragedModel(model)
    >>> for value in (1.0, 3.0):
    ...     _ = pydl.nn.init.constant_(model.weight, value)
    ...     averaged.update(model)
    >>> averaged.module.weight.tolist()
    [[2.0, 2.0]]
    """

    def __init__(
        self, model: Module, decay: float | None = None, *, use_buffers: bool = False
    ) -> None:
        super().__init__()
        if not isinstance(model, Module):
            raise TypeError(f"AveragedModel: expected a module, got {type(model).__name__}")
        if decay is not None and not 0 <= decay < 1:
            raise ValueError(f"AveragedModel: expected decay in [0, 1), got {decay}")
        from copy import deepcopy

        self.decay, self.use_buffers = decay, use_buffers
        self.module = deepcopy(model)
        self.module.requires_grad_(False)
        self.n_averaged = Buffer(_core.zeros((), dtype="int64"))

    def forward(self, *inputs: Any) -> Any:
        return self.module(*inputs)

    def update(self, model: Module) -> None:
        """Take the present weights of the model into the average.

        Parameters
        ----------
        model : Module
            The one that was copied, or one of the same structure.

        Raises
        ------
        ValueError
            For a model with other parameters or buffers.
        """
        own, given = dict(self.module.named_parameters()), dict(model.named_parameters())
        buffers, new_buffers = list(self.module.buffers()), list(model.buffers())
        self._require_same(own, given)
        with no_grad():
            weight = self._weight()
            averages: list[Tensor] = [*own.values()]
            news: list[Tensor] = [*given.values()]
            for old, new in zip(buffers, new_buffers, strict=True):
                if self.use_buffers and old.dtype.is_floating:
                    averages.append(old)
                    news.append(new)
                else:
                    old.copy_(new)
            # (1 - weight) * average + weight * new is a step of SGD along the new weights, with as
            # much decay. It counts the updates, too.
            _core.optim.sgd_update(
                self.n_averaged,
                [average.detach() for average in averages],
                [],
                [new.detach() for new in news],
                weight,
                weight_decay=1.0,
                decoupled=True,
                maximize=True,
            )

    def _require_same(self, own: dict[str, Any], given: dict[str, Any]) -> None:
        if [(n, p.shape, p.dtype) for n, p in own.items()] != [
            (n, p.shape, p.dtype) for n, p in given.items()
        ]:
            raise ValueError(
                "AveragedModel.update: expected the parameters of the model that was copied, got "
                "others"
            )

    def _weight(self) -> Tensor:
        """Return the part of the new weights in the average, float64 of rank 0."""
        count = self.n_averaged.to("float64")
        if self.decay is None:
            return 1.0 / (count + 1.0)
        fresh = tensor(1.0 - self.decay, dtype="float64")
        return _core.where(count == 0, tensor(1.0, dtype="float64"), fresh)

    def extra_repr(self) -> str:
        return "" if self.decay is None else f"decay={self.decay}"


def update_bn(batches: Iterable[Any], model: Module) -> None:
    """Compute the running moments of batch normalisation anew, as means over all batches.

    Averaged weights need it, because the moments are those of other weights.

    Parameters
    ----------
    batches : iterable of Tensor or tuple
        Inputs of the model; the first element of a tuple is the input.
    model : Module
        Its other state is kept, also whether it is in training mode.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.BatchNorm1d(1)
    >>> pydl.nn.update_bn([pydl.tensor([[1.0], [3.0]]), pydl.tensor([[3.0], [5.0]])], layer)
    >>> layer.running_mean.tolist()
    [3.0]
    """
    modes = [
        (vars(module), {key: vars(module)[key] for key in _MODE_KEYS if key in vars(module)})
        for module in model.modules()
    ]
    model.train()
    layers: list[Any] = [layer for layer in model.modules() if _moves(layer)]
    momenta = [layer.momentum for layer in layers]
    try:
        with no_grad():
            for layer in layers:
                layer.running_mean.fill_(0)
                layer.running_var.fill_(1)
                layer.num_batches_tracked.fill_(0)
                layer.momentum = None  # all batches count the same
            for batch in batches if layers else ():
                model(batch[0] if isinstance(batch, (tuple, list)) else batch)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        for own, mode in modes:
            for key in _MODE_KEYS:
                own.pop(key, None)
            own.update(mode)


_MODE_KEYS = ("training", "_pinned_mode")


def _moves(layer: Any) -> bool:
    """Whether a layer has running moments that are not frozen."""
    return (
        isinstance(layer, _ChannelNorm) and layer._learns and layer.num_batches_tracked is not None
    )
