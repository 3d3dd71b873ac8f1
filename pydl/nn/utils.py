"""Weights that are computed from other tensors, and what is done with all parameters.

`weight_norm` and `spectral_norm` change a layer in place and return it: the parameter is replaced
by the tensors that it is computed from, again whenever the layer reads it, so training,
`state_dict` and compiled functions see those. `remove_weight_norm` and `remove_spectral_norm` put a
plain parameter back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from pydl import _core
from pydl._checked_calls import check_public
from pydl._core import Tensor
from pydl._later import import_later
from pydl.grad_mode import no_grad
from pydl.nn.module import Buffer, Module, Parameter
from pydl.optim.clipping import clip_grad_norm_, clip_grad_value_

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "parameters_to_vector",
    "remove_spectral_norm",
    "remove_weight_norm",
    "spectral_norm",
    "vector_to_parameters",
    "weight_norm",
]

ModuleT = TypeVar("ModuleT", bound=Module)


def _norm(x: Tensor, axes: tuple[int, ...] | None = None) -> Tensor:
    """Euclidean norm over axes, which stay; in float32 of 16-bit numbers: squares overflow."""
    wide = x.to("float32") if x.dtype in ("float16", "bfloat16") else x
    return _core.sqrt(_core.sum(_core.square(wide), axes, axes is not None)).to(x.dtype)


class _WeightNorm:
    """w = g v / ||v||, with a norm for each index along `dim`, or one of all."""

    label = "weight_norm"

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, dim

    def parts(self) -> tuple[str, ...]:
        return f"{self.name}_g", f"{self.name}_v"

    def attach(self, module: Module, weight: Parameter) -> None:
        if self.dim is not None and not -weight.ndim <= self.dim < weight.ndim:
            raise IndexError(
                f"weight_norm: dim {self.dim} is outside the {weight.ndim} axes of {self.name}"
            )
        g, v = self.parts()
        with no_grad():
            norms = self._norms(weight)
        setattr(module, g, Parameter(norms, weight.requires_grad))
        setattr(module, v, Parameter(weight.copy(), weight.requires_grad))

    def _norms(self, v: Tensor) -> Tensor:
        if self.dim is None:
            return _norm(v)
        axes = tuple(axis for axis in range(v.ndim) if axis != self.dim % v.ndim)
        # Over no axes at all: each element is its own.
        return _norm(v, axes) if axes else _core.abs(v)

    def compute(self, module: Module) -> Tensor:
        g, v = (getattr(module, part) for part in self.parts())
        weight: Tensor = v * (g / self._norms(v))
        return weight


class _SpectralNorm:
    """w = v / sigma, sigma being the largest singular value of v as a matrix."""

    label = "spectral_norm"

    def __init__(self, name: str, iterations: int, eps: float, dim: int) -> None:
        self.name, self.iterations, self.eps, self.dim = name, iterations, eps, dim

    def parts(self) -> tuple[str, ...]:
        return f"{self.name}_orig", f"{self.name}_u", f"{self.name}_v"

    def attach(self, module: Module, weight: Parameter) -> None:
        if weight.ndim < 2:
            raise ValueError(
                f"spectral_norm: expected {self.name} of at least 2 axes, got shape {weight.shape}"
            )
        orig, u, v = self.parts()
        setattr(module, orig, Parameter(weight.copy(), weight.requires_grad))
        with no_grad():
            matrix = self._matrix(weight)
            rows, columns = (
                self._unit(_core.normal((size,), dtype=weight.dtype)) for size in matrix.shape
            )
            # A good start: what changes later are small steps of training.
            rows, columns = self._iterate(matrix, rows, columns, 15)
        setattr(module, u, Buffer(rows))
        setattr(module, v, Buffer(columns))

    def _matrix(self, weight: Tensor) -> Tensor:
        axes = [self.dim, *(axis for axis in range(weight.ndim) if axis != self.dim)]
        return _core.permute_dims(weight, axes).reshape(weight.shape[self.dim], -1)

    def _unit(self, vector: Tensor) -> Tensor:
        return vector / _core.maximum(_norm(vector), self.eps)

    def _iterate(
        self, matrix: Tensor, u: Tensor, v: Tensor, iterations: int
    ) -> tuple[Tensor, Tensor]:
        for _ in range(iterations):
            v = self._unit(_core.matmul(matrix.T, u))
            u = self._unit(_core.matmul(matrix, v))
        return u, v

    def compute(self, module: Module) -> Tensor:
        weight, u, v = (getattr(module, part) for part in self.parts())
        with no_grad():
            # Copies: a later forward pass overwrites the buffers before this one is differentiated.
            left, right = u.copy(), v.copy()
            if module.training and module.trainable:
                left, right = self._iterate(self._matrix(weight), u, v, self.iterations)
                u.copy_(left)
                v.copy_(right)
        sigma = _core.sum(left * _core.matmul(self._matrix(weight), right))
        normalised: Tensor = weight / sigma
        return normalised


_Computed = _WeightNorm | _SpectralNorm


class _ComputedWeights:
    """What classes of layers with computed weights add to those of their layers."""

    _original_class: type[Module]
    _computed: Mapping[str, _Computed]


def _computed_weights(module: Module) -> dict[str, _Computed]:
    return dict(module._computed) if isinstance(module, _ComputedWeights) else {}


def _set_computed_weights(module: Module, computed: Mapping[str, _Computed]) -> None:
    """Give the layer its own class, in which the weights are properties."""
    cls: type[Any] = type(module)
    original = cls._original_class if issubclass(cls, _ComputedWeights) else cls
    if not computed:
        module.__class__ = original
        return
    attributes: dict[str, Any] = {
        "_original_class": original,
        "_computed": dict(computed),
        "__module__": original.__module__,
        "__qualname__": original.__qualname__,
        "__doc__": original.__doc__,
        "__reduce_ex__": _refuse_pickling,
        "__deepcopy__": _deepcopy,
    }
    attributes |= {name: property(item.compute) for name, item in computed.items()}
    module.__class__ = type(original.__name__, (_ComputedWeights, original), attributes)


def _refuse_pickling(self: Module, protocol: object) -> Any:
    labels = ", ".join(item.label for item in _computed_weights(self).values())
    raise TypeError(
        f"{type(self).__name__} with {labels} cannot be pickled: save its state_dict, or remove "
        "the normalisation first"
    )


def _deepcopy(self: Module, memo: dict[int, Any]) -> Module:
    from copy import deepcopy

    result = object.__new__(type(self))
    memo[id(self)] = result
    vars(result).update({name: deepcopy(value, memo) for name, value in vars(self).items()})
    return result


def _attach(module: Module, item: _Computed) -> None:
    computed = _computed_weights(module)
    if item.name in computed:
        raise ValueError(
            f"{item.label}: {item.name} of {type(module).__name__} has a "
            f"{computed[item.name].label} already"
        )
    weight = vars(module).get(item.name)
    if not isinstance(weight, Parameter):
        raise ValueError(f"{item.label}: {type(module).__name__} has no parameter {item.name!r}")
    item.attach(module, weight)
    del vars(module)[item.name]
    _set_computed_weights(module, {**computed, item.name: item})


def _remove(module: Module, name: str, kind: type[_Computed]) -> None:
    computed = _computed_weights(module)
    item = computed.pop(name, None)
    if not isinstance(item, kind):
        raise ValueError(
            f"remove_{kind.label}: {name} of {type(module).__name__} has no {kind.label}"
        )
    was_training = module.training
    vars(module)["training"] = False  # takes no step of the power iteration
    with no_grad():
        weight = item.compute(module)
    vars(module)["training"] = was_training
    learns = getattr(module, item.parts()[0]).requires_grad
    for part in item.parts():
        del vars(module)[part]
    _set_computed_weights(module, computed)
    setattr(module, name, Parameter(weight, learns))


def weight_norm(module: ModuleT, name: str = "weight", dim: int | None = 0) -> ModuleT:
    """Learn the length and the direction of a weight separately (Salimans and Kingma, 2016).

    The parameter `name` is replaced by `name_g`, the lengths, and `name_v`, the directions: it is
    g * v / ||v||.

    Parameters
    ----------
    module : Module
        The layer; changed in place.
    name : str, default "weight"
        The parameter.
    dim : int or None, default 0
        Axis along which there is one length each; None: one length of the whole.

    Returns
    -------
    Module
        The same layer.

    Raises
    ------
    ValueError
        Where there is no such parameter, or it is computed already.
    IndexError
        For a dim that the parameter does not have.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.utils.weight_norm(pydl.nn.Linear(3, 2))
    >>> [(name, tensor.shape) for name, tensor in layer.named_parameters()]
    [('bias', (2,)), ('weight_g', (2, 1)), ('weight_v', (2, 3))]
    """
    _attach(module, _WeightNorm(name, dim))
    return module


def remove_weight_norm(module: ModuleT, name: str = "weight") -> ModuleT:
    """Put a plain parameter back in place of what `weight_norm` made.

    Parameters
    ----------
    module : Module
        The layer; changed in place.
    name : str, default "weight"
        The parameter that `weight_norm` computes.

    Returns
    -------
    Module
        The same layer.

    Raises
    ------
    ValueError
        Where `weight_norm` does not compute this parameter.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.utils.weight_norm(pydl.nn.Linear(3, 2))
    >>> list(pydl.nn.utils.remove_weight_norm(layer).state_dict())
    ['bias', 'weight']
    """
    _remove(module, name, _WeightNorm)
    return module


def spectral_norm(
    module: ModuleT,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> ModuleT:
    """Divide a weight by its largest singular value (Miyato et al., 2018).

    The parameter `name` is replaced by `name_orig`, and the buffers `name_u` and `name_v`, the
    singular vectors, which a power iteration updates whenever the layer is used in
    training mode.

    Parameters
    ----------
    module : Module
        The layer; changed in place.
    name : str, default "weight"
        The parameter, of at least 2 axes; taken as a matrix of `dim` by all others.
    n_power_iterations : int, default 1
        Steps of the power iteration each time.
    eps : float, default 1e-12
        Least length by which vectors are divided.
    dim : int, optional
        Axis of the outputs: by default 1 for transposed convolutions, else 0.

    Returns
    -------
    Module
        The same layer.

    Raises
    ------
    ValueError
        Where there is no such parameter, it has less than 2 axes or is computed already, and for
        iterations below 1.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.utils.spectral_norm(pydl.nn.Linear(3, 2))
    >>> list(layer.state_dict())
    ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    if n_power_iterations < 1:
        raise ValueError(
            f"spectral_norm: expected n_power_iterations of at least 1, got {n_power_iterations}"
        )
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    _attach(module, _SpectralNorm(name, n_power_iterations, eps, dim))
    return module


def remove_spectral_norm(module: ModuleT, name: str = "weight") -> ModuleT:
    """Put a plain parameter back in place of what `spectral_norm` made.

    Parameters
    ----------
    module : Module
        The layer; changed in place.
    name : str, default "weight"
        The parameter that `spectral_norm` computes.

    Returns
    -------
    Module
        The same layer.

    Raises
    ------
    ValueError
        Where `spectral_norm` does not compute this parameter.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.utils.spectral_norm(pydl.nn.Linear(3, 2))
    >>> list(pydl.nn.utils.remove_spectral_norm(layer).state_dict())
    ['bias', 'weight']
    """
    _remove(module, name, _SpectralNorm)
    return module


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Join the elements of all parameters, in order, in one vector, with history.

    Parameters
    ----------
    parameters : iterable of Tensor
        Of one dtype, any shapes.

    Returns
    -------
    Tensor, shape (number of elements,)

    Raises
    ------
    ValueError
        Without parameters.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.Linear(3, 2)
    >>> pydl.nn.utils.parameters_to_vector(layer.parameters()).shape
    (8,)
    """
    parts = [parameter.flatten() for parameter in parameters]
    if not parts:
        raise ValueError("parameters_to_vector: expected at least one parameter, got none")
    return _core.concat(parts)


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy the elements of a vector into parameters: the inverse of `parameters_to_vector`.

    Parameters
    ----------
    vec : Tensor, shape (number of elements,)
    parameters : iterable of Tensor
        Overwritten in place, without history.

    Raises
    ------
    ValueError
        For a vector of another size; no parameter is changed then.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.Linear(2, 1)
    >>> pydl.nn.utils.vector_to_parameters(pydl.arange(3, dtype="float32"), layer.parameters())
    >>> layer.weight.tolist(), layer.bias.tolist()
    ([[0.0, 1.0]], [2.0])
    """
    targets = list(parameters)
    count = sum(target.numel() for target in targets)
    if vec.shape != (count,):
        raise ValueError(
            f"vector_to_parameters: expected a vector of shape ({count},), got {vec.shape}"
        )
    start = 0
    with no_grad():
        for target in targets:
            target.copy_(vec[start : start + target.numel()].reshape(target.shape))
            start += target.numel()


check_public(globals())

if not TYPE_CHECKING:
    __getattr__ = import_later(globals(), {})  # explains what is missing
