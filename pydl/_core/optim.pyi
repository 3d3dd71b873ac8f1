"""Optimiser updates: all parameters in one pass, in place. `step` (int64) and `lr` (float64) have rank 0."""

# Written by tools/generate_stubs.py from the built extension: do not edit.
import builtins
import collections.abc
import typing

from . import Tensor, TensorLike

class _OptimizerState:
    """Parameters, learning rates, step counters and moments."""

    def __init__(
        self,
        name: str,
        kind: str | None,
        groups: tuple[typing.Any, ...],
        rates: collections.abc.Sequence[float],
        slots: collections.abc.Sequence[collections.abc.Sequence[str]],
    ) -> None: ...
    def batch(self, arg0: int) -> tuple[typing.Any, ...]:
        """The group, numbers of parameters, step counter and slots of a batch."""

    def batch_count(self) -> int: ...
    def clip_gradients(self) -> None: ...
    def copy_from(self, arg0: _OptimizerState) -> None: ...
    def load(self, states: collections.abc.Mapping[str, Tensor], caller: str) -> None: ...
    def lr(self, arg0: int) -> Tensor: ...
    def prepare(self, arg0: int) -> list[Tensor]: ...
    def set_clipping(self, arg0: float | None, arg1: float | None) -> None: ...
    def set_slots(self, arg0: int, arg1: collections.abc.Sequence[str]) -> None: ...
    def step(self) -> None: ...
    def steps(self) -> int: ...
    def structure(self) -> int: ...
    def tensors(self) -> list[tuple[str, Tensor]]: ...
    def update(self, arg0: int, arg1: collections.abc.Sequence[Tensor]) -> None: ...
    def zero_grad(self) -> None: ...

class _LbfgsMemory:
    """The last steps of L-BFGS, and the changes of the gradient."""

    def __deepcopy__(self, memo: typing.Any) -> _LbfgsMemory: ...
    def __init__(self) -> None: ...
    def load(
        self,
        states: collections.abc.Mapping[str, Tensor],
        parameters: collections.abc.Sequence[Tensor],
        caller: str,
    ) -> float:
        """Returns the learning rate."""

    def step(
        self,
        parameters: collections.abc.Sequence[Tensor],
        lr: TensorLike,
        options: dict[str, typing.Any],
        clip_norm: float | None,
        clip_value: float | None,
        closure: collections.abc.Callable[..., typing.Any],
    ) -> float:
        """Makes several iterations and returns the loss before them."""

    def tensors(self, lr: TensorLike) -> list[tuple[str, Tensor]]: ...
    @property
    def iterations(self) -> int: ...

def _slot_names(kind: str, options: dict[str, typing.Any]) -> list[str]:
    """Names of the tensors that an optimiser keeps for each parameter."""

def adadelta_update(
    step: Tensor,
    params: collections.abc.Sequence[Tensor],
    states: collections.abc.Sequence[collections.abc.Sequence[Tensor]],
    grads: collections.abc.Sequence[Tensor],
    lr: Tensor,
    **kwargs: typing.Any,
) -> None:
    """An update of all parameters: Adadelta"""

def adagrad_update(
    step: Tensor,
    params: collections.abc.Sequence[Tensor],
    states: collections.abc.Sequence[collections.abc.Sequence[Tensor]],
    grads: collections.abc.Sequence[Tensor],
    lr: Tensor,
    **kwargs: typing.Any,
) -> None:
    """An update of all parameters: Adagrad"""

def adam_update(
    step: Tensor,
    params: collections.abc.Sequence[Tensor],
    first_moments: collections.abc.Sequence[Tensor],
    second_moments: collections.abc.Sequence[Tensor],
    grads: collections.abc.Sequence[Tensor],
    lr: Tensor,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-08,
    weight_decay: float = 0.0,
    decoupled: builtins.bool = False,
) -> None:
    """Adam (Kingma and Ba, 2014), or AdamW when decoupled."""

def adamax_update(
    step: Tensor,
    params: collections.abc.Sequence[Tensor],
    states: collections.abc.Sequence[collections.abc.Sequence[Tensor]],
    grads: collections.abc.Sequence[Tensor],
    lr: Tensor,
    **kwargs: typing.Any,
) -> None:
    """An update of all parameters: Adamax"""

def clip_grad_norm_(
    parameters: collections.abc.Sequence[Tensor],
    max_norm: float,
    error_if_nonfinite: builtins.bool = False,
    norm_type: float = 2.0,
) -> Tensor:
    """Scales gradients in place by their joint norm, and returns the norm before."""

def clip_grad_value_(parameters: collections.abc.Sequence[Tensor], max_value: float) -> None:
    """Limits the elements of gradients in place."""

def lamb_update(
    step: Tensor,
    params: collections.abc.Sequence[Tensor],
    states: collections.abc.Sequence[collections.abc.Sequence[Tensor]],
    grads: collections.abc.Sequence[Tensor],
    lr: Tensor,
    **kwargs: typing.Any,
) -> None:
    """An update of all parameters: Lamb"""

def lion_update(
    step: Tensor,
    params: collections.abc.Sequence[Tensor],
    states: collections.abc.Sequence[collections.abc.Sequence[Tensor]],
    grads: collections.abc.Sequence[Tensor],
    lr: Tensor,
    **kwargs: typing.Any,
) -> None:
    """An update of all parameters: Lion"""

def nadam_update(
    step: Tensor,
    params: collections.abc.Sequence[Tensor],
    states: collections.abc.Sequence[collections.abc.Sequence[Tensor]],
    grads: collections.abc.Sequence[Tensor],
    lr: Tensor,
    **kwargs: typing.Any,
) -> None:
    """An update of all parameters: Nadam"""

def radam_update(
    step: Tensor,
    params: collections.abc.Sequence[Tensor],
    states: collections.abc.Sequence[collections.abc.Sequence[Tensor]],
    grads: collections.abc.Sequence[Tensor],
    lr: Tensor,
    **kwargs: typing.Any,
) -> None:
    """An update of all parameters: Radam"""

def rmsprop_update(
    step: Tensor,
    params: collections.abc.Sequence[Tensor],
    square_averages: collections.abc.Sequence[Tensor],
    velocities: collections.abc.Sequence[Tensor],
    grads: collections.abc.Sequence[Tensor],
    lr: Tensor,
    *,
    alpha: float = 0.99,
    epsilon: float = 1e-08,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
) -> None:
    """RMSprop (Hinton, 2012)."""

def rprop_update(
    step: Tensor,
    params: collections.abc.Sequence[Tensor],
    states: collections.abc.Sequence[collections.abc.Sequence[Tensor]],
    grads: collections.abc.Sequence[Tensor],
    lr: Tensor,
    **kwargs: typing.Any,
) -> None:
    """An update of all parameters: Rprop"""

def sgd_update(
    step: Tensor,
    params: collections.abc.Sequence[Tensor],
    velocities: collections.abc.Sequence[Tensor],
    grads: collections.abc.Sequence[Tensor],
    lr: Tensor,
    *,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: builtins.bool = False,
    decoupled: builtins.bool = False,
    maximize: builtins.bool = False,
) -> None:
    """Stochastic gradient descent with momentum."""

def sgd_update_rows(
    param: Tensor, grad: Tensor, index: Tensor, lr: Tensor, skip: int | None = None
) -> None:
    """Stochastic gradient descent for the rows of a table that an index selects."""
