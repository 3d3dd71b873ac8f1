"""Normalisation, softmax, losses, pooling and resampling."""

from __future__ import annotations

from bench.operations.row import Input, Row, normal, per_row, row_vector

_CLASSES = {"tiny": (4, 10), "cached": (128, 256), "large": (4096, 1024)}
_LABELS = per_row("classes")
# pydl's images are channels-last, PyTorch's are given in its own usual layout.
_IMAGES = Input("normal", lambda rows, columns: (rows, 16, 16, columns))
_PLANES = {"tiny": (1, 4), "cached": (2, 32), "large": (32, 128)}
_TURN = "x.permute(0, 3, 1, 2)"


def _images(
    name: str,
    arguments: str,
    *,
    gradient: bool = True,
    covers: tuple[str, ...] = (),
    reason: str = "",
) -> Row:
    """A function of images, which pydl and PyTorch read in the same memory order."""
    return Row(
        f"f.{name}({_TURN}, {arguments})", (_IMAGES,), numpy="", sizes=_PLANES, gradient=gradient,
        covers=covers, name=f"{name}(images, {arguments})", tolerance=1e-3, reason=reason,
    )  # fmt: skip


ROWS = (
    Row("f.softmax(x, -1)", numpy="", sizes=_CLASSES, gradient=True, covers=("softmax",)),
    Row("f.log_softmax(x, -1)", numpy="", sizes=_CLASSES, gradient=True),
    Row("f.softmax(x, 0)", numpy="", sizes=_CLASSES, name="softmax(x, 0)"),
    Row("f.layer_norm(x, (x.shape[1],), y, z)", (normal, row_vector, row_vector), numpy="",
        gradient=True, name="layer_norm(x, (columns,), weight, bias)", tolerance=1e-3,
        covers=("normalize", "scaled_normalize")),
    Row("f.rms_norm(x, (x.shape[1],), y)", (normal, row_vector), numpy="", gradient=True,
        name="rms_norm(x, (columns,), weight)", tolerance=1e-3),
    Row("f.cross_entropy(x, y)", (normal, _LABELS), numpy="", sizes=_CLASSES, gradient=True,
        covers=("softmax_cross_entropy",)),
    Row("f.mse_loss(x, y)", (normal, normal), numpy="", gradient=True,
        covers=("squared_difference",)),
    Row("f.huber_loss(x, y)", (normal, normal), numpy="", gradient=True, covers=("huber",)),
    Row("f.smooth_l1_loss(x, y)", (normal, normal), numpy="", gradient=True),
    Row("f.l1_loss(x, y)", (normal, normal), numpy="", gradient=True),
    Row("f.binary_cross_entropy_with_logits(x, y)", (normal, Input("unit")), numpy="",
        gradient=True),
    Row("m.nn.functional.dropout(x, 0.5)", numpy="", gradient=True, name="dropout(x, 0.5)",
        covers=("dropout",), tolerance=1e9),
    _images("batch_norm", "None, None, training=True", covers=("batch_norm_train", "channel_sums")),
    _images("group_norm", "2", covers=("normalize",),
            reason="images are rearranged first, so that each group is one row"),
    _images("max_pool2d", "2", covers=("max_pool", "max_pool_with_indices")),
    _images("avg_pool2d", "2", covers=("avg_pool",)),
    _images("interpolate", "scale_factor=2, mode='nearest'", covers=("resample",)),
    _images("interpolate", "scale_factor=2, mode='bilinear'", covers=("resample",)),
    Row("f.scaled_dot_product_attention(x, y, z)",
        (Input("normal", lambda rows, columns: (rows, 4, columns, 32)),) * 3, numpy="",
        sizes={"tiny": (1, 4), "cached": (2, 64), "large": (8, 256)}, gradient=True,
        name="scaled_dot_product_attention(q, k, v)"),
)  # fmt: skip
