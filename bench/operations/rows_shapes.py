"""Copies in another shape, order or dtype, and new tensors."""

from __future__ import annotations

from bench.operations.row import Input, Row, bools, half, int32, normal

_CUBE = Input("normal", lambda rows, columns: (4, rows // 4, columns))

ROWS = (
    Row("m.concat([x, y], 1)", (normal, normal), torch="m.cat([x, y], 1)",
        numpy="m.concatenate([x, y], 1)", gradient=True),
    Row("m.stack([x, y], 0)", (normal, normal), gradient=True),
    Row("m.copy(x)", torch="x.clone()"),
    Row("x.T.contiguous()", numpy="m.ascontiguousarray(x.T)", covers=("permute_dims",)),
    Row("m.permute_dims(x, (2, 0, 1)).contiguous()", (_CUBE,),
        torch="m.permute(x, (2, 0, 1)).contiguous()",
        numpy="m.ascontiguousarray(m.transpose(x, (2, 0, 1)))", name="permute(x, (2, 0, 1))"),
    Row("m.reshape(x, (-1,))", covers=("reshape",)),
    Row("m.broadcast_to(x, (8, *x.shape)).contiguous()",
        torch="m.broadcast_to(x, (8, *x.shape)).contiguous()",
        numpy="m.ascontiguousarray(m.broadcast_to(x, (8, *x.shape)))", covers=("expand",),
        name="broadcast_to(x, (8, rows, columns)), copied",
        sizes={"tiny": (4, 4), "cached": (32, 128), "large": (1024, 512)}),
    Row("m.tile(x, (2, 2))"),
    Row("m.repeat_interleave(x, 2, axis=0)", torch="m.repeat_interleave(x, 2, dim=0)",
        numpy="m.repeat(x, 2, 0)"),
    Row("m.flip(x, 1)", torch="m.flip(x, (1,))", numpy="m.ascontiguousarray(m.flip(x, 1))"),
    Row("m.roll(x, 3, 1)"),
    Row("m.tril(x)", covers=("triangle",)),
    Row("f.pad(x, (1, 1, 1, 1))", numpy="m.pad(x, 1)", gradient=True),
    Row("m.diagonal(x)", covers=("diagonal",)),
    Row("m.diag_embed(x)", (Input("normal", lambda rows, columns: (rows, 16)),), numpy=""),
    Row("m.as_strided(x, (2, 2), (1, 2)) + 0", numpy="m.lib.stride_tricks.as_strided(x, (2, 2), "
        "(4, 8)) + 0", name="as_strided(x, (2, 2), (1, 2))"),
    Row("x.unfold(1, 4, 2).contiguous()", numpy="", name="x.unfold(1, 4, 2)", covers=("unfold",)),
    Row("m.meshgrid(x, y, indexing='ij')[0] + 0",
        (Input("normal", lambda rows, columns: (rows,)),
         Input("normal", lambda rows, columns: (columns,))), name="meshgrid(x, y)"),
    *(Row(f"x.astype('{name}')", (kind,), torch=f"x.to(m.{name})", covers=("cast",),
          numpy=None if name != "bfloat16" else "", name=f"{origin} to {name}")
      for kind, origin, name in (
          (normal, "float32", "float16"), (normal, "float32", "bfloat16"),
          (half, "float16", "float32"), (normal, "float32", "int64"),
          (int32, "int32", "float32"), (bools, "bool", "float32"), (normal, "float32", "float64"),
      )),
    Row("m.zeros(x.shape)", numpy="m.zeros(x.shape, 'f')", covers=("full",)),
    Row("m.full(x.shape, 3.5)", numpy="m.full(x.shape, 3.5, 'f')",
        reason="large results are written past the caches, which keep what they have"),
    Row("m.arange(x.shape[0] * x.shape[1])"),
    Row("m.linspace(0, 1, x.shape[1])"),
    Row("m.eye(x.shape[0])", sizes={"tiny": (4, 4), "cached": (180, 1), "large": (2048, 1)}),
)  # fmt: skip
