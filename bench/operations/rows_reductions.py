"""Reductions, statistics and running results."""

from __future__ import annotations

from collections.abc import Iterator

from bench.operations.row import SIZES, Input, Row, bools, integers, normal, positive

_AXES = (None, 0, 1)


_NAMES_OF_TORCH = {"max": "amax", "min": "amin"}


def _reductions() -> Iterator[Row]:
    """Each reduction over everything, over the rows, and over the columns."""
    for name in ("sum", "mean", "prod", "max", "min", "any", "all", "var", "std"):
        kind = bools if name in ("any", "all") else positive if name == "prod" else normal
        has_moments = name in ("var", "std")
        for axis in _AXES:
            axes = "" if axis is None else f", {axis}"
            moments = ", correction=1" if has_moments else ""
            yield Row(
                f"m.{name}(x{axes.replace(' ', ' axis=')}{moments})",
                (kind,),
                torch=f"m.{_NAMES_OF_TORCH.get(name, name)}(x{axes})",
                numpy=f"m.{name}(x{axes}{', ddof=1' if has_moments else ''})",
                gradient=name in ("sum", "mean", "max", "var") and axis is not None,
                tolerance=1e-2 if name == "prod" else 1e-3,
                # The product of many numbers is 0 or infinite.
                sizes=_SHORT if name == "prod" and axis is None else SIZES,
            )


_SHORT = {"tiny": (4, 4), "cached": (16, 16)}
_LINE = Input("normal", lambda rows, columns: (rows * columns,))
ROWS = (
    *_reductions(),
    Row("m.sum(x, axis=1)", (integers,), torch="m.sum(x, 1)", name="sum(x, axis=1) of int64"),
    Row("m.argmax(x, axis=1)", torch="m.argmax(x, 1)"),
    Row("m.argmin(x, axis=0)", torch="m.argmin(x, 0)"),
    Row("m.logsumexp(x, axis=1)", torch="m.logsumexp(x, 1)", numpy="", gradient=True),
    Row("m.aminmax(x)[0]", numpy="", name="aminmax(x)"),
    Row("m.std_mean(x, axis=1, correction=1)[0]", torch="m.std_mean(x, 1)[0]", numpy="",
        name="std_mean(x, axis=1)", tolerance=1e-3),
    Row("m.linalg.vector_norm(x, axis=1)", torch="m.linalg.vector_norm(x, dim=1)",
        numpy="m.linalg.norm(x, axis=1)", gradient=True, covers=("euclidean_norm",)),
    Row("m.count_nonzero(x)", (bools,)),
    Row("m.nansum(x, axis=1)", torch="m.nansum(x, 1)"),
    Row("m.nanmean(x, axis=1)", torch="m.nanmean(x, 1)"),
    *(Row(f"m.{name}(x, axis={axis})", torch=f"m.{name}(x, {axis})",
          gradient=name == "cumsum", tolerance=1e-3)
      for name in ("cumsum",) for axis in (0, 1)),
    Row("m.cumsum(x, axis=1)", (integers,), torch="m.cumsum(x, 1)",
        name="cumsum(x, axis=1) of int64"),
    Row("m.cumprod(x * 0.1 + 1, axis=1)", torch="m.cumprod(x * 0.1 + 1, 1)", tolerance=1e-2,
        name="cumprod(x, axis=1)", covers=("cumprod",)),
    Row("m.cummax(x, axis=1)[0]", torch="m.cummax(x, 1)[0]", numpy="m.maximum.accumulate(x, 1)",
        name="cummax(x, axis=1)"),
    Row("m.cummin(x, axis=1)[0]", torch="m.cummin(x, 1)[0]", numpy="m.minimum.accumulate(x, 1)",
        name="cummin(x, axis=1)"),
    Row("m.logcumsumexp(x, axis=1)", torch="m.logcumsumexp(x, 1)",
        numpy="m.logaddexp.accumulate(x, 1)"),
    Row("m.linear_recurrence(x, y, 1)", (positive, normal), torch="", numpy=""),
    Row("m.diff(x)"),
    Row("m.trapezoid(x)"),
    Row("m.median(x)", (_LINE,), torch="m.median(x)", numpy="", name="median(x) of one line",
        tolerance=1.0,
        reason="the whole line is sorted, where PyTorch selects one number"),
    Row("m.quantile(x, y, axis=1)", (normal, Input("unit", lambda rows, columns: (3,))),
        torch="m.quantile(x, y, dim=1)", numpy="m.quantile(x, y, axis=1)",
        sizes={"tiny": (4, 4), "cached": (128, 256), "large": (1024, 1000)}),
    Row("m.histc(x, bins=100, min=-3, max=3)", (_LINE,),
        numpy="m.histogram(x, 100, (-3, 3))[0].astype('f')", tolerance=1e-2,
        covers=("histogram", "count_in_bins")),
    Row("m.bincount(x)", (Input("few", lambda rows, columns: (rows * columns,)),),
        covers=("count_integers",)),
    Row("m.cov(x)", (Input("normal", lambda rows, columns: (rows, columns // rows * 8)),),
        sizes={"tiny": (4, 4), "cached": (64, 256), "large": (512, 4096)}, tolerance=1e-3),
    Row("m.cross(x, y)", (Input("normal", lambda rows, columns: (rows * columns // 4, 3)),) * 2,
        torch="m.linalg.cross(x, y)", covers=("cross_product",)),
    Row("m.average(x, axis=0)", torch="", covers=()),
)  # fmt: skip
