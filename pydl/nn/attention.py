"""Attention with several heads."""

from __future__ import annotations

import math
from functools import reduce
from typing import TYPE_CHECKING

from pydl import _core
from pydl._core import Tensor
from pydl.nn.linear import Linear
from pydl.nn.module import Module, Parameter

if TYPE_CHECKING:
    from pydl._core import DType, Generator


class MultiheadAttention(Module):
    """Attention with several heads (Vaswani et al., 2017), as `torch.nn.MultiheadAttention`.

    Each head takes its part of the projected query, key and value, and looks with the query at
    all keys; the heads' results are joined and projected once more. Parameters have the names and
    shapes of PyTorch, whose weights load.

    Called with `query` (L, N, E), `key` (S, N, kdim) and `value` (S, N, vdim), with the batch first
    where `batch_first`, or without the axis N. Further arguments of a call:

    - `key_padding_mask` (N, S): True for keys that do not count, or numbers added to the scores;
    - `attn_mask` (L, S) or (N * num_heads, L, S): True where a query may not look, or numbers added
      to the scores;
    - `is_causal`: query i looks at keys 0 to i only. No `attn_mask` is needed for it;
    - `need_weights`, by default True: whether to return the weights too, averaged over the heads
      unless `average_attn_weights` is False.

    Returns the result, shaped like `query`, and the weights (N, L, S), of each head
    (N, num_heads, L, S), or None.

    Parameters
    ----------
    embed_dim : int
        E: size of queries and results.
    num_heads : int
        Divides `embed_dim`.
    dropout : float, default 0.0
        Probability with which a weight is dropped in training.
    bias : bool, default True
        Whether the projections have biases.
    add_bias_kv : bool, default False
        Whether a trained key and value are appended to the others.
    add_zero_attn : bool, default False
        Whether a key and value of zeros are appended to the others.
    kdim, vdim : int, optional
        Sizes of keys and values; by default `embed_dim`.
    batch_first : bool, default False
        Whether the batch axis comes before the length.
    generator : Generator, optional
        Source of dropout's randomness instead of the default one.
    dtype : DType or str, default "float32"
        Dtype of the parameters.

    Attributes
    ----------
    in_proj_weight : Parameter or None
        Shape (3 E, E): projections of query, key and value. None where sizes differ, and
        `q_proj_weight` (E, E), `k_proj_weight` (E, kdim) and `v_proj_weight` (E, vdim) are there
        instead.
    in_proj_bias : Parameter or None
        Shape (3 E,).
    out_proj : Linear
        From E to E.
    bias_k, bias_v : Parameter or None
        Shape (1, 1, E), with `add_bias_kv`.

    Raises
    ------
    ValueError
        For `num_heads` that do not divide `embed_dim`, and a dropout outside [0, 1]; when called,
        for shapes that do not fit.

    Notes
    -----
    A query to which the masks leave no key gets zeros, where PyTorch returns NaN or zeros.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.MultiheadAttention(8, 2, batch_first=True)
    >>> x = pydl.ones((3, 5, 8))
    >>> y, weights = layer(x, x, x, is_causal=True)
    >>> y.shape, weights.shape
    ((3, 5, 8), (3, 5, 5))
    """

    in_proj_weight: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        *,
        generator: Generator | None = None,
        dtype: DType | str = "float32",
    ) -> None:
        super().__init__()
        if embed_dim < 1 or num_heads < 1 or embed_dim % num_heads:
            raise ValueError(
                "MultiheadAttention: expected num_heads that divide embed_dim, "
                f"got {num_heads} and {embed_dim}"
            )
        if not 0.0 <= dropout <= 1.0:
            raise ValueError(
                f"MultiheadAttention: expected a dropout probability in [0, 1], got {dropout}"
            )
        self.embed_dim, self.num_heads, self.dropout = embed_dim, num_heads, dropout
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.batch_first, self.add_zero_attn, self.generator = batch_first, add_zero_attn, generator
        self.in_proj_weight = self.q_proj_weight = self.k_proj_weight = self.v_proj_weight = None
        if self.kdim == self.vdim == embed_dim:
            self.in_proj_weight = _projection(3 * embed_dim, embed_dim, dtype)
        else:
            self.q_proj_weight = _projection(embed_dim, embed_dim, dtype)
            self.k_proj_weight = _projection(embed_dim, self.kdim, dtype)
            self.v_proj_weight = _projection(embed_dim, self.vdim, dtype)
        self.in_proj_bias = None
        if bias:
            self.in_proj_bias = Parameter(_core.zeros((3 * embed_dim,), dtype=dtype))
        self.out_proj = Linear(embed_dim, embed_dim, bias, dtype=dtype)
        if self.out_proj.bias is not None:
            self.out_proj.bias.detach().zero_()
        self.bias_k = self.bias_v = None
        if add_bias_kv:
            std = math.sqrt(2.0 / (2 * embed_dim))  # of Xavier
            self.bias_k = Parameter(_core.normal((1, 1, embed_dim), std=std, dtype=dtype))
            self.bias_v = Parameter(_core.normal((1, 1, embed_dim), std=std, dtype=dtype))

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        is_batched = self._check_inputs(query, key, value)
        q, k, v = self._projected(query, key, value)
        if not is_batched:
            q, k, v = q.expand_dims(0), k.expand_dims(0), v.expand_dims(0)
        elif not self.batch_first:
            q, k, v = (x.permute_dims((1, 0, 2)) for x in (q, k, v))
        sizes = (q.shape[0], q.shape[1], k.shape[1])
        # Further keys are seen by all queries: with them, the causal mask is one like the others.
        has_further_keys = self.bias_k is not None or self.add_zero_attn
        causal_mask = _causal_mask(*sizes[1:]) if is_causal and has_further_keys else None
        mask = self._mask(key_padding_mask, attn_mask, causal_mask, sizes)
        k, v, mask = self._with_further_keys(k, v, mask)
        q, k, v = (_split_heads(x, self.num_heads) for x in (q, k, v))
        dropout = self.dropout if self.training else 0.0
        options = (mask, dropout, is_causal and causal_mask is None, None, self.generator)
        weights = None
        if need_weights:
            weights = _core.nn.attention_weights(q, k, *options)
            y = weights.to(v.dtype) @ v
            weights = weights.mean(1) if average_attn_weights else weights
            weights = weights if is_batched else weights.squeeze(0)
        else:
            y = _core.nn.scaled_dot_product_attention(q, k, v, *options)
        return self._joined(y, is_batched), weights

    def _check_inputs(self, query: Tensor, key: Tensor, value: Tensor) -> bool:
        """Whether there is a batch axis; raises for shapes that do not fit."""
        sizes = (self.embed_dim, self.kdim, self.vdim)
        given = {"query": query, "key": key, "value": value}
        for (name, x), size in zip(given.items(), sizes, strict=True):
            if x.ndim not in (2, 3) or x.ndim != query.ndim or x.shape[-1] != size:
                axes = "(N, length" if self.batch_first else "(length, N"
                raise ValueError(
                    f"MultiheadAttention: expected {name} of shape {axes}, {size}), or "
                    f"(length, {size}) for all three, got {x.shape}"
                )
        batch = 0 if self.batch_first else 1
        length = 1 - batch if query.ndim == 3 else 0
        fits = key.shape[length] == value.shape[length]
        if query.ndim == 3:
            fits = fits and query.shape[batch] == key.shape[batch] == value.shape[batch]
        if not fits:
            raise ValueError(
                "MultiheadAttention: expected as many keys as values and one batch size, got query "
                f"{query.shape}, key {key.shape} and value {value.shape}"
            )
        return query.ndim == 3

    def _projected(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        """Query, key and value, all of size E, by as few products as their inputs allow."""
        e, bias = self.embed_dim, self.in_proj_bias
        if self.in_proj_weight is None:
            assert self.q_proj_weight is not None
            assert self.k_proj_weight is not None
            assert self.v_proj_weight is not None
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
            biases = (None,) * 3 if bias is None else (bias[:e], bias[e : 2 * e], bias[2 * e :])
            inputs = (query, key, value)
            return tuple(
                _core.linear(x, w, b) for x, w, b in zip(inputs, weights, biases, strict=True)
            )
        parts: list[Tensor] = []
        inputs = (query, key, value)
        while len(parts) < 3:
            first = last = len(parts)
            while last < 3 and inputs[last] is inputs[first]:
                last += 1
            rows = slice(first * e, last * e)
            part_bias = None if bias is None else bias[rows]
            y = _core.linear(inputs[first], self.in_proj_weight[rows], part_bias)
            parts += [y[..., i * e : (i + 1) * e] for i in range(last - first)]
        return tuple(parts)

    def _mask(
        self,
        key_padding_mask: Tensor | None,
        attn_mask: Tensor | None,
        causal_mask: Tensor | None,
        sizes: tuple[int, int, int],
    ) -> Tensor | None:
        """All masks as one, as `scaled_dot_product_attention` takes it: True for what counts."""
        n, queries, keys = sizes
        masks = [] if causal_mask is None else [causal_mask]
        if attn_mask is not None:
            shape = (n * self.num_heads, queries, keys)
            if attn_mask.shape not in (shape, shape[1:]):
                raise ValueError(
                    f"MultiheadAttention: expected attn_mask of shape {shape[1:]} or {shape}, "
                    f"got {attn_mask.shape}"
                )
            is_common = attn_mask.ndim == 2
            masks.append(attn_mask if is_common else attn_mask.reshape(n, -1, queries, keys))
        if key_padding_mask is not None:
            if key_padding_mask.shape not in ((n, keys), *([(keys,)] if n == 1 else [])):
                raise ValueError(
                    f"MultiheadAttention: expected key_padding_mask of shape {(n, keys)}, "
                    f"got {key_padding_mask.shape}"
                )
            masks.append(key_padding_mask.reshape(n, 1, 1, keys))
        if not masks:
            return None
        if all(mask.dtype == "bool" for mask in masks):
            return reduce(_core.logical_or, masks).logical_not()
        return reduce(_core.add, [_as_numbers(mask, self.out_proj.weight.dtype) for mask in masks])

    def _with_further_keys(
        self, k: Tensor, v: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Append trained keys and values, and zeros, both of which are never masked."""
        n, _, e = k.shape
        further = []
        if self.bias_k is not None and self.bias_v is not None:
            further.append((self.bias_k.expand(n, 1, e), self.bias_v.expand(n, 1, e)))
        if self.add_zero_attn:
            zeros = _core.zeros((n, 1, e), dtype=k.dtype)
            further.append((zeros, zeros))
        for more_k, more_v in further:
            k, v = _core.concat([k, more_k], 1), _core.concat([v, more_v], 1)
            if mask is not None:
                column = (*mask.shape[:-1], 1)
                seen = _core.full(column, mask.dtype == "bool", dtype=mask.dtype)
                mask = _core.concat([mask, seen], -1)
        return k, v, mask

    def _joined(self, y: Tensor, is_batched: bool) -> Tensor:
        """Heads (N, heads, L, E / heads) as one result, projected."""
        n, _, length, _ = y.shape
        if not is_batched:
            return _joined_projection(y.permute_dims((0, 2, 1, 3)), (length, -1), self.out_proj)
        if self.batch_first:
            return _joined_projection(y.permute_dims((0, 2, 1, 3)), (n, length, -1), self.out_proj)
        return _joined_projection(y.permute_dims((2, 0, 1, 3)), (length, n, -1), self.out_proj)

    def extra_repr(self) -> str:
        parts = [f"{self.embed_dim}, num_heads={self.num_heads}"]
        parts += [f"dropout={self.dropout}"] if self.dropout else []
        parts += ["batch_first=True"] if self.batch_first else []
        return ", ".join(parts)


def _projection(rows: int, columns: int, dtype: DType | str) -> Parameter:
    return Parameter(_core.nn.xavier_uniform((rows, columns), dtype=dtype))


def _causal_mask(queries: int, keys: int) -> Tensor:
    """Mark with True what query i may not attend to: keys after i."""
    return _core.arange(keys) > _core.arange(queries).expand_dims(1)


def _split_heads(x: Tensor, heads: int) -> Tensor:
    n, length, size = x.shape
    return x.reshape(n, length, heads, size // heads).permute_dims((0, 2, 1, 3))


def _joined_projection(y: Tensor, shape: tuple[int, ...], projection: Linear) -> Tensor:
    joined: Tensor = projection(y.reshape(shape))
    return joined


def _as_numbers(mask: Tensor, dtype: DType) -> Tensor:
    """Make numbers that are added to scores: minus infinity where bools are True."""
    if mask.dtype != "bool":
        return mask.to(dtype)
    return _core.where(mask, -math.inf, _core.zeros((), dtype=dtype))
