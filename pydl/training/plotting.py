"""`plot_model`: a drawing of a model in a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydl import _core
from pydl.nn.module import Module


def plot_model(
    model: Module,
    input_shape: Any = None,
    path: str | os.PathLike[str] = "model.svg",
    *,
    example: Any = None,
    dtype: Any = None,
    depth: int | None = None,
) -> None:
    """Draw which layer feeds which: layers with their classes and shapes, operations between them.

    The model is traced once, in evaluation mode. Modules that contain others are frames around
    these; a layer that is called several times is drawn for each call.

    Parameters
    ----------
    model : Module
        Any module.
    input_shape : tuple of int, or tuple or dict of them, optional
        Shape of one sample, without the axis of the batch; of several inputs, one for each. Those
        of a dict go to the arguments of `forward` with their names.
    path : str or path, default "model.svg"
        File to write, by its suffix: .svg, or .dot for Graphviz.
    example : Tensor, array, or tuple or dict of them, optional
        Inputs instead of shapes.
    dtype : DType or str, or tuple or dict of them, optional
        Dtypes of the inputs, "int64" for an embedding, say; by default that of the parameters.
    depth : int, optional
        How deep nested modules are opened: 1 shows those of the model only. By default all.

    Raises
    ------
    ValueError
        For another suffix, a depth below 1, and without shapes and example.
    TraceError
        When the model cannot be traced, because it reads values of tensors; see `pydl.compile`.
    OSError
        When the file cannot be written.

    Examples
    --------
    >>> import pydl
    >>> from pydl import nn
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> pydl.plot_model(model, (4,), "model.svg")
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".svg", ".dot"):
        raise ValueError(f"plot_model: expected a path that ends with .svg or .dot, got {path}")
    if depth is not None and depth < 1:
        raise ValueError(f"plot_model: expected a depth of at least 1, got {depth}")
    from pydl.training.drawing import to_dot, to_svg  # here: few programs draw
    from pydl.training.examples import example_call
    from pydl.training.model_graph import trace_model

    args, kwargs = example_call("plot_model", model, input_shape, dtype, example)
    graph = trace_model(model, args, kwargs, depth)
    text = to_dot(graph) if suffix == ".dot" else to_svg(graph)
    _save(text, path)


def _save(text: str, path: str | os.PathLike[str]) -> None:
    """Write a drawing, completely or not at all."""
    _core.io.write_file(os.fspath(path), text.encode("utf-8"))
