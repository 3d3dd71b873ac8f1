"""Encoder and decoder of the Transformer (Vaswani et al., 2017)."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from pydl import _core
from pydl._core import Tensor
from pydl.nn.attention import MultiheadAttention
from pydl.nn.containers import ModuleList
from pydl.nn.linear import Dropout, Linear
from pydl.nn.module import Module
from pydl.nn.normalization import LayerNorm

if TYPE_CHECKING:
    from pydl._core import DType, Generator

Activation = Literal["relu", "gelu"] | Callable[[Tensor], Tensor]


def _activation(name: str, activation: Activation) -> Callable[[Tensor], Tensor]:
    if callable(activation):
        return activation
    known = {"relu": _core.relu, "gelu": _core.gelu}
    if activation not in known:
        raise ValueError(
            f"{name}: expected activation 'relu', 'gelu' or a function, got {activation!r}"
        )
    return known[activation]


class _Layer(Module):
    """What encoder and decoder layers share: attention, and two linear maps by element."""

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int,
        dropout: float,
        activation: Activation,
        layer_norm_eps: float,
        batch_first: bool,
        norm_first: bool,
        bias: bool,
        generator: Generator | None,
        dtype: DType | str,
        *,
        takes_memory: bool,
    ) -> None:
        super().__init__()
        attention: dict[str, Any] = {
            "embed_dim": d_model,
            "num_heads": nhead,
            "dropout": dropout,
            "bias": bias,
            "batch_first": batch_first,
            "generator": generator,
            "dtype": dtype,
        }
        norm: dict[str, Any] = {"eps": layer_norm_eps, "bias": bias, "dtype": dtype}
        self.norm_first = norm_first
        self.activation = _activation(type(self).__name__, activation)
        # In PyTorch's order, which state of optimisers follows.
        self.self_attn = MultiheadAttention(**attention)
        if takes_memory:
            self.multihead_attn = MultiheadAttention(**attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias, dtype=dtype)
        self.dropout = Dropout(dropout, generator=generator)
        self.linear2 = Linear(dim_feedforward, d_model, bias, dtype=dtype)
        self.norm1 = LayerNorm(d_model, **norm)
        self.norm2 = LayerNorm(d_model, **norm)
        if takes_memory:
            self.norm3 = LayerNorm(d_model, **norm)
        self.dropout1 = Dropout(dropout, generator=generator)
        self.dropout2 = Dropout(dropout, generator=generator)
        if takes_memory:
            self.dropout3 = Dropout(dropout, generator=generator)

    def _add(self, x: Tensor, norm: Module, function: Callable[[Tensor], Tensor]) -> Tensor:
        """Residual connection: x plus a function of it, with the normalisation before or after."""
        y: Tensor = x + function(norm(x)) if self.norm_first else norm(x + function(x))
        return y

    def _feed_forward(self, x: Tensor, dropout: Module) -> Tensor:
        y: Tensor = dropout(self.linear2(self.dropout(self.activation(self.linear1(x)))))
        return y


class TransformerEncoderLayer(_Layer):
    """Self-attention and a feed-forward network, as `torch.nn.TransformerEncoderLayer`.

    Parameters have the names and shapes of PyTorch, whose weights load. Called with `src`
    (T, N, d_model), with the batch first where `batch_first`, or without the axis N; `src_mask` and
    `src_key_padding_mask` are `attn_mask` and `key_padding_mask` of `MultiheadAttention`, and
    `is_causal` needs no mask.

    Parameters
    ----------
    d_model : int
        Size of the elements.
    nhead : int
        Number of heads, which divides `d_model`.
    dim_feedforward : int, default 2048
        Size between the two linear maps.
    dropout : float, default 0.1
        Probability, after each part, in attention, and between the linear maps.
    activation : {"relu", "gelu"} or callable, default "relu"
        Between the linear maps.
    layer_norm_eps : float, default 1e-5
    batch_first : bool, default False
        Whether sequences are (N, T, d_model).
    norm_first : bool, default False
        Whether each part is normalised before (Xiong et al., 2020) instead of after its residual
        connection.
    bias : bool, default True
        Whether linear maps and normalisations have biases.
    generator : Generator, optional
        Source of dropout's randomness instead of the default one.
    dtype : DType or str, default "float32"
        Dtype of the parameters.

    Raises
    ------
    ValueError
        For an activation that is not known, and sizes that do not fit.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    >>> layer(pydl.ones((3, 5, 8)), is_causal=True).shape
    (3, 5, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        generator: Generator | None = None,
        dtype: DType | str = "float32",
    ) -> None:
        super().__init__(
            d_model,
            nhead,
            dim_feedforward,
            dropout,
            activation,
            layer_norm_eps,
            batch_first,
            norm_first,
            bias,
            generator,
            dtype,
            takes_memory=False,
        )

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        def attend(x: Tensor) -> Tensor:
            y, _ = self.self_attn(
                x, x, x, src_key_padding_mask, False, src_mask, is_causal=is_causal
            )
            dropped: Tensor = self.dropout1(y)
            return dropped

        x = self._add(src, self.norm1, attend)
        return self._add(x, self.norm2, lambda y: self._feed_forward(y, self.dropout2))


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to an encoder's results, and a feed-forward network.

    As `torch.nn.TransformerDecoderLayer`: parameters have its names and shapes, and its weights
    load. Called with `tgt` (T, N, d_model) and `memory` (S, N, d_model), with the batch first where
    `batch_first`, or without the axis N. `tgt_mask`, `tgt_key_padding_mask` and `tgt_is_causal`
    are for self-attention, `memory_mask`, `memory_key_padding_mask` and `memory_is_causal` for the
    attention to `memory`, as `MultiheadAttention` takes them.

    Parameters
    ----------
    d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, \
bias, generator, dtype
        As for `TransformerEncoderLayer`.

    Raises
    ------
    ValueError
        For an activation that is not known, and sizes that do not fit.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)
    >>> layer(pydl.ones((3, 5, 8)), pydl.ones((3, 7, 8)), tgt_is_causal=True).shape
    (3, 5, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = "relu",
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        *,
        generator: Generator | None = None,
        dtype: DType | str = "float32",
    ) -> None:
        super().__init__(
            d_model,
            nhead,
            dim_feedforward,
            dropout,
            activation,
            layer_norm_eps,
            batch_first,
            norm_first,
            bias,
            generator,
            dtype,
            takes_memory=True,
        )

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        def attend(x: Tensor) -> Tensor:
            y, _ = self.self_attn(
                x, x, x, tgt_key_padding_mask, False, tgt_mask, is_causal=tgt_is_causal
            )
            dropped: Tensor = self.dropout1(y)
            return dropped

        def attend_memory(x: Tensor) -> Tensor:
            y, _ = self.multihead_attn(
                x,
                memory,
                memory,
                memory_key_padding_mask,
                False,
                memory_mask,
                is_causal=memory_is_causal,
            )
            dropped: Tensor = self.dropout2(y)
            return dropped

        x = self._add(tgt, self.norm1, attend)
        x = self._add(x, self.norm2, attend_memory)
        return self._add(x, self.norm3, lambda y: self._feed_forward(y, self.dropout3))


def _copies(name: str, layer: Module, count: int) -> ModuleList:
    if count < 0:
        raise ValueError(f"{name}: expected a num_layers of at least 0, got {count}")
    return ModuleList([copy.deepcopy(layer) for _ in range(count)])


class TransformerEncoder(Module):
    """Copies of an encoder layer, one after the other, as `torch.nn.TransformerEncoder`.

    Called with `src`, `mask`, `src_key_padding_mask` and `is_causal`, which each layer gets.

    Parameters
    ----------
    encoder_layer : TransformerEncoderLayer
        Copied, with its values: all layers start equal, as in PyTorch.
    num_layers : int
        How many copies.
    norm : Module, optional
        Normalisation of the result; wanted where layers have `norm_first`.

    Attributes
    ----------
    layers : ModuleList

    Raises
    ------
    ValueError
        For a negative number of layers.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    >>> pydl.nn.TransformerEncoder(layer, 2)(pydl.ones((3, 5, 8))).shape
    (3, 5, 8)
    """

    def __init__(
        self, encoder_layer: TransformerEncoderLayer, num_layers: int, norm: Module | None = None
    ) -> None:
        super().__init__()
        self.layers = _copies(type(self).__name__, encoder_layer, num_layers)
        self.norm = norm

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        x = src
        for layer in self.layers:
            x = layer(x, mask, src_key_padding_mask, is_causal)
        return x if self.norm is None else self.norm(x)


class TransformerDecoder(Module):
    """Copies of a decoder layer, one after the other, as `torch.nn.TransformerDecoder`.

    Called with the arguments of `TransformerDecoderLayer`, which each layer gets.

    Parameters
    ----------
    decoder_layer : TransformerDecoderLayer
        Copied, with its values: all layers start equal, as in PyTorch.
    num_layers : int
        How many copies.
    norm : Module, optional
        Normalisation of the result; wanted where layers have `norm_first`.

    Attributes
    ----------
    layers : ModuleList

    Raises
    ------
    ValueError
        For a negative number of layers.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)
    >>> pydl.nn.TransformerDecoder(layer, 2)(pydl.ones((3, 5, 8)), pydl.ones((3, 7, 8))).shape
    (3, 5, 8)
    """

    def __init__(
        self, decoder_layer: TransformerDecoderLayer, num_layers: int, norm: Module | None = None
    ) -> None:
        super().__init__()
        self.layers = _copies(type(self).__name__, decoder_layer, num_layers)
        self.norm = norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        x = tgt
        for layer in self.layers:
            x = layer(
                x,
                memory,
                tgt_mask,
                memory_mask,
                tgt_key_padding_mask,
                memory_key_padding_mask,
                tgt_is_causal,
                memory_is_causal,
            )
        return x if self.norm is None else self.norm(x)
