"""Reading, writing and adding at positions."""

from __future__ import annotations

from bench.operations.row import Input, Row, bools, normal, per_row

_INDICES = per_row("indices")
_EMBEDDED = {"tiny": (4, 4), "cached": (128, 256), "large": (20000, 128)}

ROWS = (
    Row("x[y]", (normal, bools), name="x[mask]", covers=("compress", "index")),
    Row("m.masked_fill(x, y, 0.0)", (normal, bools), torch="x.masked_fill(y, 0.0)",
        numpy="m.where(y, 0.0, x)", covers=("fill_where",), gradient=True),
    Row("x[y]", (normal, _INDICES), name="x[indices of rows]", covers=("index",), gradient=True),
    Row("x[1:, ::2]", name="x[1:, ::2]", covers=("slice",)),
    Row("m.take(x, y, axis=0)", (normal, _INDICES), torch="m.index_select(x, 0, y)",
        name="take(x, rows)", gradient=True),
    Row("m.gather(x, 1, y)", (normal, Input("columns")), numpy="m.take_along_axis(x, y, 1)",
        gradient=True),
    Row("m.take_along_dim(x, y, 1)", (normal, Input("columns")),
        numpy="m.take_along_axis(x, y, 1)"),
    Row("f.embedding(y, x)", (normal, _INDICES), numpy="x[y]", sizes=_EMBEDDED, gradient=True,
        name="embedding(indices, weight)", covers=("take",)),
    Row("m.scatter(x, 1, y, z)", (normal, Input("columns"), normal), numpy="",
        torch="x.scatter_reduce(1, y, z, 'amax')", covers=("scatter",), tolerance=10.0,
        name="scatter(x, 1, indices, source)"),
    Row("m.scatter_add(x, 1, y, z)", (normal, Input("columns"), normal), numpy="", gradient=True),
    Row("m.scatter_reduce(x, 1, y, z, 'amax')", (normal, Input("columns"), normal), numpy=""),
    Row("m.index_add(x, 0, y, z)", (normal, _INDICES, normal), numpy="", gradient=True,
        tolerance=1e-3),
    Row("m.index_copy(x, 0, m.arange(3), y)",
        (normal, Input("normal", lambda rows, columns: (3, columns))), numpy="",
        name="index_copy(x, 0, 3 rows)"),
    Row("m.segment_sum(x, y, 4)", (normal, per_row("classes")), torch="m.zeros(4, x.shape[1])"
        ".index_add(0, y, x)", numpy="", name="segment_sum(x, segments, 4)",
        covers=("segment_ids",), tolerance=1e-3),
    Row("m.segment_max(x, y, 4)", (normal, per_row("classes")), torch="", numpy="",
        covers=("segment_argmax",), name="segment_max(x, segments, 4)"),
    Row("f.one_hot(x, 10)", (Input("few", lambda rows, columns: (rows * 32,)),),
        numpy="m.eye(10, dtype='i8')[x]"),
)  # fmt: skip
