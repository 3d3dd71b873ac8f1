"""Sorting, searching and sets."""

from __future__ import annotations

from bench.operations.row import Input, Row, integers, line, normal

_LINES = {"tiny": (4, 4), "cached": (128, 256), "large": (1024, 1000)}
_ONE_LINE = {"tiny": (4, 4), "cached": (128, 256), "large": (1024, 1024)}

ROWS = (
    *(Row("m.sort(x, axis=1)", (kind,), torch="m.sort(x, 1).values", sizes=_LINES,
          name=f"sort(x, axis=1) of {dtype}", covers=("sort_values",))
      for kind, dtype in ((normal, "float32"), (integers, "int64"))),
    *(Row("m.sort(x)", (line(kind),), torch="m.sort(x).values", sizes=_ONE_LINE,
          name=f"sort(x) of one line of {dtype}")
      for kind, dtype in (("normal", "float32"), ("int32", "int32"), ("integers", "int64"))),
    Row("m.argsort(x, axis=1)", torch="m.argsort(x, 1)", numpy="m.argsort(x, 1)", sizes=_LINES),
    Row("m.sort_with_indices(x, axis=1)[0]", torch="m.sort(x, 1)[0]", numpy="", sizes=_LINES,
        name="sort_with_indices(x, axis=1)", gradient=True),
    *(Row(f"m.topk(x, {k})[0]", torch=f"m.topk(x, {k})[0]", numpy="", name=f"topk(x, {k})",
          sizes=_LINES, gradient=k == 3) for k in (1, 3)),
    Row("m.topk(x, 50)[0]", numpy="", name="topk(x, 50)",
        sizes={"cached": (128, 256), "large": (1024, 1000)}),
    Row("m.kthvalue(x, 2)[0]", numpy="", name="kthvalue(x, 2)", sizes=_LINES),
    Row("m.searchsorted(x, y)", (Input("sorted", lambda rows, columns: (columns,)), normal),
        covers=("search_sorted",)),
    Row("m.bucketize(x, y)", (normal, Input("sorted", lambda rows, columns: (100,))),
        numpy="m.digitize(x, y, right=True)"),
    Row("m.unique(x)", (line("few"),), sizes=_ONE_LINE, name="unique(x), few different"),
    Row("m.unique(x)", (line("integers"),), sizes=_ONE_LINE, name="unique(x), 2000 different"),
    Row("m.unique(x)", (line("normal"),), sizes=_ONE_LINE, name="unique(x), all different"),
    Row("m.unique(x, return_inverse=True, return_counts=True)[2]", (line("integers"),),
        sizes=_ONE_LINE, name="unique(x) with inverse and counts"),
    Row("m.isin(x, y)", (integers, Input("integers", lambda rows, columns: (1000,)))),
    Row("m.nonzero(x)[0]", (Input("bools", lambda rows, columns: (rows * columns,)),),
        torch="m.nonzero(x)[:, 0]", name="nonzero(x)"),
)  # fmt: skip
