"""Products and linear algebra."""

from __future__ import annotations

from bench.operations.row import SIZES, Input, Row, line, normal, per_row, row_vector

_SQUARE = Input("normal", lambda rows, columns: (rows, rows))
_SYSTEM = Input("matrix", lambda rows, columns: (rows, rows))
_DEFINITE = Input("definite", lambda rows, columns: (rows, rows))
_SIDES = {"tiny": (4, 4), "cached": (64, 64), "large": (512, 512)}
_SYSTEMS = {"tiny": (4, 4), "cached": (64, 64), "large": (256, 256)}
_BATCH = Input("normal", lambda rows, columns: (rows, columns, columns))
_BATCHES = {"tiny": (2, 4), "cached": (16, 32), "large": (64, 128)}
_FACTORS = tuple(
    Row(f"m.linalg.{name}(x){part}",
        (_DEFINITE if name in ("cholesky", "eigh", "eigvalsh") else _SYSTEM,), sizes=_SYSTEMS,
        name=f"linalg.{name}(x)", tolerance=tolerance, covers=covers, torch=torch, numpy=numpy)
    for name, part, tolerance, covers, torch, numpy in (
        ("inv", "", 1e-2, ("lu_factor",), None, None),
        ("det", " * 0", 1e-2, (), None, None),
        ("cholesky", "", 1e-2, (), None, None),
        ("qr", "[1] ** 2", 1e-1, (), None, None),
        ("eigh", "[0]", 1e-2, (), None, None),
        ("eigvalsh", "", 1e-2, (), None, None),
        ("svd", "[1]", 1e-2, (), None, None),
        ("svdvals", "", 1e-2, (), None, "m.linalg.svd(x, compute_uv=False)"),
        ("pinv", "", 1e-1, (), None, None),
    )
)  # fmt: skip

_TWO_PASSES = (
    "products are written and then summed, so that both may be differentiated and fused: "
    "compiled functions take one pass"
)
ROWS = (
    Row("x @ y", (_SQUARE, _SQUARE), sizes={**_SIDES, "larger": (1024, 1024)}, name="x @ y",
        covers=("matmul",), gradient=True, tolerance=1e-3),
    Row("x.T @ y", (_SQUARE, _SQUARE), sizes=_SIDES, name="x.T @ y", tolerance=1e-3),
    Row("x @ y", (Input("normal", lambda rows, columns: (128, 784)),
                  Input("normal", lambda rows, columns: (784, 512))),
        sizes={"cached": (1, 1)}, name="(128, 784) @ (784, 512)", tolerance=1e-3),
    Row("x @ y", (normal, row_vector), name="matrix @ vector", tolerance=1e-3),
    Row("x @ y", (_BATCH, _BATCH), sizes=_BATCHES, name="batches: x @ y", tolerance=1e-3,
        gradient=True),
    Row("f.linear(x, y, z)", (normal, normal, per_row("normal")), numpy="x @ y.T + z",
        gradient=True, sizes=_SIDES, tolerance=1e-3, name="linear(x, weight, bias)"),
    *(Row(f"m.einsum('{formula}', x, y)", inputs, sizes=sizes, tolerance=1e-3)
      for formula, inputs, sizes in (
          ("ij,jk->ik", (_SQUARE, _SQUARE), _SIDES), ("bij,bjk->bik", (_BATCH, _BATCH), _BATCHES),
          ("ij,ij->i", (normal, normal), SIZES),
      )),
    Row("m.tensordot(x, y, 1)", (_SQUARE, _SQUARE), sizes=_SIDES, tolerance=1e-3),
    Row("m.inner(x, y)", (line("normal"), line("normal")), tolerance=1e-2),
    Row("m.outer(x, y)", (per_row("normal"), row_vector)),
    Row("m.linalg.vecdot(x, y)", (normal, normal), numpy="m.einsum('ij,ij->i', x, y)",
        tolerance=1e-3, reason=_TWO_PASSES),
    Row("m.kron(x, y)", (_SQUARE, _SQUARE),
        sizes={"tiny": (4, 4), "cached": (16, 1), "large": (40, 1)}),
    Row("m.trace(x)", (_SQUARE,), sizes=_SIDES),
    Row("m.linalg.matrix_power(x / x.shape[0], 5)", (_SQUARE,), sizes=_SIDES, tolerance=1e-2,
        name="linalg.matrix_power(x, 5)"),
    Row("m.linalg.matrix_exp(x / x.shape[0])", (_SQUARE,), numpy="", sizes=_SYSTEMS, tolerance=1e-2,
        name="linalg.matrix_exp(x)"),
    Row("m.linalg.solve(x, y)", (_SYSTEM, _SQUARE), sizes=_SYSTEMS, tolerance=1e-2),
    Row("m.linalg.solve_triangular(x, y, upper=True)", (_SYSTEM, _SQUARE), numpy="", sizes=_SYSTEMS,
        tolerance=1e-2),
    Row("m.linalg.solve(x, y)", (Input("matrix", lambda rows, columns: (rows, 8, 8)),
                                 Input("normal", lambda rows, columns: (rows, 8, 1))),
        sizes={"cached": (100, 1), "large": (4000, 1)}, name="linalg.solve of batches of (8, 8)",
        tolerance=1e-2),
    Row("m.linalg.slogdet(x)[1]", (_SYSTEM,), sizes=_SYSTEMS, tolerance=1e-2),
    Row("m.linalg.lstsq(x, y)[0]", (Input("normal", lambda rows, columns: (2 * rows, rows)),
                                    Input("normal", lambda rows, columns: (2 * rows, 4))),
        numpy="m.linalg.lstsq(x, y, rcond=None)[0]", sizes=_SYSTEMS, tolerance=1e-1,
        reason="singular values are results, as in NumPy, and take more than half of the time; "
        "PyTorch's default driver has none"),
    *_FACTORS,
)  # fmt: skip
