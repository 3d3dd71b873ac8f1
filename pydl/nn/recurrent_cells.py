"""Single steps of recurrent layers, for custom loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydl import _core
from pydl._core import Tensor
from pydl.nn.module import Module, Parameter

if TYPE_CHECKING:
    from pydl._core import DType


class _Cell(Module):
    """What all cells have: sizes, and weights by PyTorch's names."""

    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self, gates: int, input_size: int, hidden_size: int, bias: bool, dtype: DType | str
    ) -> None:
        super().__init__()
        if input_size < 1 or hidden_size < 1:
            raise ValueError(
                f"{type(self).__name__}: expected input_size and hidden_size of at least 1, got "
                f"{input_size} and {hidden_size}"
            )
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = gates * hidden_size

        def draw(*shape: int) -> Parameter:
            return Parameter(_core.nn.default_bias(shape, hidden_size, dtype=dtype))

        self.weight_ih, self.weight_hh = draw(rows, input_size), draw(rows, hidden_size)
        self.bias_ih = draw(rows) if bias else None
        self.bias_hh = draw(rows) if bias else None

    def _weights(self) -> list[Tensor]:
        weights = [self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh]
        return [weight for weight in weights if weight is not None]

    def _batch(self, x: Tensor) -> Tensor:
        if x.ndim not in (1, 2) or x.shape[-1] != self.input_size:
            raise ValueError(
                f"{type(self).__name__}: expected input of shape (N, {self.input_size}) or "
                f"({self.input_size},), got {x.shape}"
            )
        return x if x.ndim == 2 else x.expand_dims(0)

    def _initial_state(self, state: Tensor | None, x: Tensor) -> Tensor:
        """Return a state for the input (N, I) or (I,), as (N, H)."""
        shape = (*x.shape[:-1], self.hidden_size)
        if state is None:
            state = _core.zeros(shape, dtype=x.dtype)
        if state.shape != shape:
            raise ValueError(
                f"{type(self).__name__}: expected a state of shape {shape}, got {state.shape}"
            )
        return state if x.ndim == 2 else state.expand_dims(0)

    def _step(self, x: Tensor, h: Tensor | None, cell: str, reset_after: bool = True) -> Tensor:
        batch = self._batch(x)
        h, _ = _core.recurrent_step(
            batch, self._initial_state(h, x), None, self._weights(), cell, reset_after
        )
        return h if x.ndim == 2 else h.squeeze(0)

    def extra_repr(self) -> str:
        suffix = "" if self.bias else ", bias=False"
        return f"{self.input_size}, {self.hidden_size}{suffix}"


class RNNCell(_Cell):
    """One step of `RNN`: from x and h to the new h.

    Parameters
    ----------
    input_size, hidden_size : int
        Sizes I and H.
    bias : bool, default True
        Whether there are biases.
    nonlinearity : {"tanh", "relu"}, default "tanh"
        What is applied to the sums.
    dtype : DType or str, default "float32"
        Dtype of the parameters.

    Attributes
    ----------
    weight_ih, weight_hh, bias_ih, bias_hh : Parameter
        Shapes (H, I), (H, H), (H,) and (H,).

    Raises
    ------
    ValueError
        For sizes below 1 and another nonlinearity; when called, for shapes that do not fit.

    Examples
    --------
    >>> import pydl
    >>> cell = pydl.nn.RNNCell(3, 5)
    >>> cell(pydl.zeros((2, 3))).shape
    (2, 5)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        dtype: DType | str = "float32",
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"RNNCell: expected nonlinearity 'tanh' or 'relu', got {nonlinearity!r}"
            )
        super().__init__(1, input_size, hidden_size, bias, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        """Return the h that follows `state` (N, H), zeros by default, for x (N, I) or (I,)."""
        return self._step(x, state, f"rnn_{self.nonlinearity}")


class LSTMCell(_Cell):
    """One step of `LSTM`: from x and (h, c) to the new (h, c).

    Parameters
    ----------
    input_size, hidden_size, bias, dtype
        As for `RNNCell`; weights have 4 H rows, in the order i, f, g, o.

    Raises
    ------
    ValueError
        For sizes below 1; when called, for shapes that do not fit.

    Examples
    --------
    A custom loop, which compiles and has gradients:

    >>> import pydl
    >>> cell = pydl.nn.LSTMCell(3, 5)
    >>> def step(state, x):
    ...     state = cell(x, state)
    ...     return state, state[0]
    >>> zeros = pydl.zeros((2, 5))
    >>> (h, c), output = pydl.scan(step, (zeros, zeros), pydl.zeros((7, 2, 3)))
    >>> output.shape
    (7, 2, 5)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        dtype: DType | str = "float32",
    ) -> None:
        super().__init__(4, input_size, hidden_size, bias, dtype)

    def forward(
        self, x: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the (h, c) that follow `state`, zeros by default, for x (N, I) or (I,)."""
        if isinstance(state, Tensor):
            raise TypeError("LSTMCell: expected the state as a pair (h, c), got one tensor")
        batch = self._batch(x)
        given = state if state is not None else (None, None)
        h, c = (self._initial_state(part, x) for part in given)
        h, new_c = _core.recurrent_step(batch, h, c, self._weights(), "lstm")
        assert new_c is not None
        return (h, new_c) if x.ndim == 2 else (h.squeeze(0), new_c.squeeze(0))


class GRUCell(_Cell):
    """One step of `GRU`: from x and h to the new h.

    Parameters
    ----------
    input_size, hidden_size, bias, dtype
        As for `RNNCell`; weights have 3 H rows, in the order r, z, n.
    reset_after : bool, default True
        As for `GRU`.

    Raises
    ------
    ValueError
        For sizes below 1; when called, for shapes that do not fit.

    Examples
    --------
    >>> import pydl
    >>> cell = pydl.nn.GRUCell(3, 5)
    >>> cell(pydl.zeros((2, 3)), pydl.ones((2, 5))).shape
    (2, 5)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        *,
        reset_after: bool = True,
        dtype: DType | str = "float32",
    ) -> None:
        super().__init__(3, input_size, hidden_size, bias, dtype)
        self.reset_after = reset_after

    def forward(self, x: Tensor, state: Tensor | None = None) -> Tensor:
        """Return the h that follows `state` (N, H), zeros by default, for x (N, I) or (I,)."""
        return self._step(x, state, "gru", self.reset_after)
