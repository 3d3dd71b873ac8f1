"""Recurrent layers over sequences: RNN, LSTM and GRU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydl import _core
from pydl._core import Generator, Tensor
from pydl.nn.module import Module, Parameter

if TYPE_CHECKING:
    import numpy.typing as npt

    from pydl._core import DType

    Lengths = Tensor | Sequence[int] | npt.NDArray[Any]


class _Recurrent(Module):
    """What all recurrent layers have: sizes, directions, and weights by PyTorch's names."""

    def __init__(
        self,
        gates: int,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        batch_first: bool,
        dropout: float,
        bidirectional: bool,
        dtype: DType | str,
        generator: Generator | None,
        proj_size: int = 0,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if input_size < 1 or hidden_size < 1 or num_layers < 1:
            raise ValueError(
                f"{name}: expected input_size, hidden_size and num_layers of at least 1, got "
                f"{input_size}, {hidden_size} and {num_layers}"
            )
        if not 0.0 <= dropout <= 1.0:
            raise ValueError(f"{name}: expected a dropout in [0, 1], got {dropout}")
        if not 0 <= proj_size < hidden_size:
            raise ValueError(
                f"{name}: expected a proj_size below hidden_size {hidden_size}, got {proj_size}"
            )
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, dropout
        self.bidirectional, self.proj_size, self.generator = bidirectional, proj_size, generator
        self._output_size = proj_size or hidden_size
        for place, names in enumerate(self._weight_names()):
            layer = place // self._directions
            inputs = input_size if layer == 0 else self._directions * self._output_size
            shapes: dict[str, tuple[int, ...]] = {
                "weight_ih": (gates * hidden_size, inputs),
                "weight_hh": (gates * hidden_size, self._output_size),
                "bias_ih": (gates * hidden_size,),
                "bias_hh": (gates * hidden_size,),
                "weight_hr": (proj_size, hidden_size),
            }
            for attribute in names:
                kind = attribute[: attribute.index("_l")]
                values = _core.nn.default_bias(shapes[kind], hidden_size, dtype=dtype)
                setattr(self, attribute, Parameter(values))

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _weight_names(self) -> list[list[str]]:
        """Names of the weights of every layer and direction, in the order of `_core.recurrent`."""
        kinds = ["weight_ih", "weight_hh"]
        kinds += ["bias_ih", "bias_hh"] if self.bias else []
        kinds += ["weight_hr"] if self.proj_size else []
        suffixes = ("", "_reverse")[: self._directions]
        return [
            [f"{kind}_l{layer}{suffix}" for kind in kinds]
            for layer in range(self.num_layers)
            for suffix in suffixes
        ]

    def _weights(self) -> list[list[Tensor]]:
        return [[getattr(self, name) for name in names] for names in self._weight_names()]

    def _time_major(self, x: Tensor) -> Tensor:
        """Return the input as (T, N, I)."""
        name = type(self).__name__
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size:
            axes = "(N, T" if self.batch_first else "(T, N"
            raise ValueError(
                f"{name}: expected input of shape {axes}, {self.input_size}), or "
                f"(T, {self.input_size}) without a batch, got {x.shape}"
            )
        if x.ndim == 2:
            x = x.expand_dims(1)
        elif self.batch_first:
            x = x.permute_dims((1, 0, 2))
        if x.shape[0] == 0:
            raise ValueError(f"{name}: expected at least one time step, got input of no steps")
        return x

    def _initial_state(self, state: Tensor | None, x: Tensor, units: int, batched: bool) -> Tensor:
        """Return one of the initial states as (layers * directions, N, units)."""
        count = self.num_layers * self._directions
        if state is None:
            return _core.zeros((count, x.shape[1], units), dtype=x.dtype)
        expected = (count, x.shape[1], units) if batched else (count, units)
        if state.shape != expected:
            raise ValueError(
                f"{type(self).__name__}: expected an initial state of shape {expected}, "
                f"got {state.shape}"
            )
        return state if batched else state.expand_dims(1)

    def _lengths(self, lengths: Lengths | None, x: Tensor, batched: bool) -> Tensor | None:
        if lengths is None:
            return None
        result = _core.asarray(lengths)
        name = type(self).__name__
        if not batched:
            raise ValueError(f"{name}: lengths are of a batch, but the input has no batch axis")
        if result.shape != (x.shape[1],):
            raise ValueError(
                f"{name}: expected one length for each of {x.shape[1]} sequences, got lengths of "
                f"shape {result.shape}"
            )
        return result

    def _arranged(self, output: Tensor, batched: bool) -> Tensor:
        """Return the output (T, N, H) with the axes of the input."""
        if not batched:
            return output.squeeze(1)
        return output.permute_dims((1, 0, 2)) if self.batch_first else output

    def _options(self) -> dict[str, Any]:
        return {
            "bidirectional": self.bidirectional,
            "dropout": self.dropout,
            "training": self.training,
            "generator": self.generator,
        }

    def _run_layers(
        self, x: Tensor, states: Sequence[Tensor], lengths: Tensor | None
    ) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def _forward(
        self, x: Tensor, states: Sequence[Tensor | None], lengths: Lengths | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        batched = x.ndim == 3
        x = self._time_major(x)
        units = (self._output_size, self.hidden_size)  # of h and c
        given = [
            self._initial_state(state, x, n, batched)
            for state, n in zip(states, units, strict=False)
        ]
        output, *final = self._run_layers(x, given, self._lengths(lengths, x, batched))
        if not batched:
            final = [state.squeeze(1) for state in final]
        return self._arranged(output, batched), tuple(final)

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        defaults = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0,
                    "bidirectional": False, "proj_size": 0}  # fmt: skip
        for name, default in defaults.items():
            if getattr(self, name) != default:
                parts.append(f"{name}={getattr(self, name)}")
        return ", ".join(parts)


class RNN(_Recurrent):
    """Simple recurrent network: h = tanh(w_ih x + b_ih + w_hh h + b_hh) (Elman, 1990).

    Arguments, parameter names, shapes, order of gates and first values are those of PyTorch; its
    weights load unchanged.

    Parameters
    ----------
    input_size : int
        Size I of the last axis of the input.
    hidden_size : int
        Size H of the state.
    num_layers : int, default 1
        Layers, each on the output of the one before.
    nonlinearity : {"tanh", "relu"}, default "tanh"
        What is applied to the sums.
    bias : bool, default True
        Whether there are biases.
    batch_first : bool, default False
        Whether input and output are (N, T, ...) rather than (T, N, ...). States are not affected.
    dropout : float, default 0.0
        Probability of dropout after every layer but the last, in training mode.
    bidirectional : bool, default False
        Whether a second set of weights goes from the last step to the first; outputs of both
        directions are concatenated.
    dtype : DType or str, default "float32"
        Dtype of the parameters.
    generator : Generator, optional
        Source of the dropout's randomness instead of the default one.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, ... : Parameter
        Shapes (H, I), (H, H), (H,) and (H,); of layer k `..._lk`, of the reverse direction
        `..._lk_reverse`.

    Raises
    ------
    ValueError
        For sizes below 1, a probability outside [0, 1], and another nonlinearity; when called,
        for shapes that do not fit, and for input without steps.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.RNN(3, 5, batch_first=True)
    >>> output, h = layer(pydl.zeros((2, 7, 3)))
    >>> output.shape, h.shape
    ((2, 7, 5), (1, 2, 5))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        dtype: DType | str = "float32",
        generator: Generator | None = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN: expected nonlinearity 'tanh' or 'relu', got {nonlinearity!r}")
        super().__init__(
            1, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            dtype, generator,
        )  # fmt: skip
        self.nonlinearity = nonlinearity

    def _run_layers(
        self, x: Tensor, states: Sequence[Tensor], lengths: Tensor | None
    ) -> tuple[Tensor, ...]:
        relu = self.nonlinearity == "relu"
        return _core.nn.rnn(x, states[0], self._weights(), lengths, **self._options(), relu=relu)

    def forward(
        self, x: Tensor, initial_state: Tensor | None = None, lengths: Lengths | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run over sequences.

        Parameters
        ----------
        x : Tensor, shape (T, N, I), or (N, T, I) with `batch_first`, or (T, I) without a batch
        initial_state : Tensor, shape (layers * directions, N, H), optional
            h before the first step; zeros by default.
        lengths : sequence of int or Tensor, shape (N,), optional
            How many steps of each sequence count, in any order. Later steps cost nothing, their
            outputs are 0; the final state is that of the last step that counts, and the reverse
            direction begins there.

        Returns
        -------
        output : Tensor
            h of the last layer for every step, the input's shape with directions * H last.
        state : Tensor
            h of every layer and direction after the last step, shaped as `initial_state`.
        """
        output, (h,) = self._forward(x, (initial_state,), lengths)
        return output, h

    def extra_repr(self) -> str:
        suffix = "" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity!r}"
        return super().extra_repr() + suffix


class LSTM(_Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997).

    Arguments, parameter names, shapes, order of gates (i, f, g, o) and first values are those of
    PyTorch; its weights load unchanged.

    Parameters
    ----------
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype, generator
        As for `RNN`; weights have 4 H rows.
    proj_size : int, default 0
        Size P of a linear projection of h (Sak et al., 2014), which then is what is given out and
        fed back; 0 for none.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, ... : Parameter
        Shapes (4 H, I), (4 H, H), (4 H,) and (4 H,), names as in `RNN`; with a projection,
        weight_hh is (4 H, P), and there is weight_hr_l0, (P, H).

    Raises
    ------
    ValueError
        As for `RNN`, and for a proj_size of hidden_size or more.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.LSTM(3, 5, bidirectional=True)
    >>> output, (h, c) = layer(pydl.zeros((7, 2, 3)), lengths=[7, 4])
    >>> output.shape, h.shape, c.shape
    ((7, 2, 10), (2, 2, 5), (2, 2, 5))

    A sequence too long for one backward pass goes in parts; `detach` cuts the history between them
    (truncated backpropagation through time):

    >>> series, state = pydl.zeros((40, 2, 3)), None
    >>> for part in pydl.split(series, [20, 20]):
    ...     output, state = layer(part, state)
    ...     output.square().mean().backward()
    ...     state = tuple(s.detach() for s in state)

    Layers such as `Linear` work on the last axis, and so apply to every step:

    >>> pydl.nn.Linear(10, 4)(output).shape
    (20, 2, 4)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        *,
        dtype: DType | str = "float32",
        generator: Generator | None = None,
    ) -> None:
        super().__init__(
            4, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            dtype, generator, proj_size,
        )  # fmt: skip

    def _run_layers(
        self, x: Tensor, states: Sequence[Tensor], lengths: Tensor | None
    ) -> tuple[Tensor, ...]:
        h, c = states
        return _core.nn.lstm(x, h, c, self._weights(), lengths, **self._options())

    def forward(
        self,
        x: Tensor,
        initial_state: tuple[Tensor, Tensor] | None = None,
        lengths: Lengths | None = None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Run over sequences, as `RNN.forward`; states are pairs (h, c).

        h is (layers * directions, N, H or P), c is (layers * directions, N, H).
        """
        if isinstance(initial_state, Tensor):
            raise TypeError("LSTM: expected the initial state as a pair (h, c), got one tensor")
        output, (h, c) = self._forward(x, initial_state or (None, None), lengths)
        return output, (h, c)


class GRU(_Recurrent):
    """Gated recurrent units (Cho et al., 2014).

    Arguments, parameter names, shapes, order of gates (r, z, n) and first values are those of
    PyTorch; its weights load unchanged.

    Parameters
    ----------
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype, generator
        As for `RNN`; weights have 3 H rows.
    reset_after : bool, default True
        Whether the reset gate scales w_hh h + b_hh of the candidate, as in PyTorch, in Keras by
        default, and in ONNX with linear_before_reset; or h before that product, as in the paper
        and in ONNX by default. Weights of Keras and ONNX have the gates in the order z, r, n.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, ... : Parameter
        Shapes (3 H, I), (3 H, H), (3 H,) and (3 H,), names as in `RNN`.

    Raises
    ------
    ValueError
        As for `RNN`.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.GRU(3, 5, num_layers=2)
    >>> output, h = layer(pydl.zeros((7, 2, 3)))
    >>> output.shape, h.shape
    ((7, 2, 5), (2, 2, 5))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        reset_after: bool = True,
        dtype: DType | str = "float32",
        generator: Generator | None = None,
    ) -> None:
        super().__init__(
            3, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            dtype, generator,
        )  # fmt: skip
        self.reset_after = reset_after

    def _run_layers(
        self, x: Tensor, states: Sequence[Tensor], lengths: Tensor | None
    ) -> tuple[Tensor, ...]:
        return _core.nn.gru(
            x, states[0], self._weights(), lengths, **self._options(), reset_after=self.reset_after
        )

    def forward(
        self, x: Tensor, initial_state: Tensor | None = None, lengths: Lengths | None = None
    ) -> tuple[Tensor, Tensor]:
        """Run over sequences, as `RNN.forward`."""
        output, (h,) = self._forward(x, (initial_state,), lengths)
        return output, h

    def extra_repr(self) -> str:
        return super().extra_repr() + ("" if self.reset_after else ", reset_after=False")
