"""The table that `Model.summary` prints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydl import _core
from pydl._core import Tensor
from pydl.grad_mode import no_grad
from pydl.nn.module import Module, Parameter
from pydl.training.examples import example_call
from pydl.training.mode import set_mode


@dataclass(frozen=True)
class Pass:
    """The output and the cost of the calls of a module in one forward pass of the model."""

    output: str  # of the last call
    flops: int  # a multiply-add counts as two
    activations: int  # bytes of all results
    calls: int = 1


def forward_passes(model: Module, *args: Any, **kwargs: Any) -> dict[int, Pass]:
    """Record what each module returns and computes for a batch of one, by the module's id."""
    passes: dict[int, Pass] = {}
    modules = list(model.modules())

    def recording(module: Module, counter: _core._OpCounter) -> Callable[..., Any]:
        forward = module.forward

        def run(*args: Any, **kwargs: Any) -> Any:
            flops, activations = counter.flops, counter.bytes
            output = forward(*args, **kwargs)
            before = passes.get(id(module), Pass("", 0, 0, 0))
            passes[id(module)] = Pass(
                _shape_text(output),
                before.flops + counter.flops - flops,
                before.activations + counter.bytes - activations,
                before.calls + 1,
            )
            return output

        return run

    def change() -> None:
        for module in modules:
            # In the instance's dict it comes before the class's method.
            vars(module)["forward"] = recording(module, counter)
        set_mode(model, False)

    changed = [
        (vars(module), name)
        for module in modules
        for name in ("forward", "training", "_pinned_mode")
    ]
    with no_grad(), _core._OpCounter() as counter, _core._RestoreScope(changed, change):
        model(*args, **kwargs)
    return passes


def _shape_text(output: Any) -> str:
    if isinstance(output, Tensor):
        sizes = [str(size) for size in output.shape]
        if sizes and sizes[0] == "1":
            sizes[0] = "N"
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
    if isinstance(output, (list, tuple)):
        return ", ".join(_shape_text(item) for item in output)
    if isinstance(output, Mapping):
        return ", ".join(f"{name}: {_shape_text(item)}" for name, item in output.items())
    return type(output).__name__


def summarize(
    model: Module,
    input_shape: Any = None,
    dtype: Any = None,
    *,
    example: Any = None,
    depth: int | None = None,
    show_graph: bool = False,
) -> str:
    """Return layers and their sizes as a table; with the shapes of inputs also outputs and costs.

    FLOPs are those of a forward pass, a multiply-add counted as two; activations are the results of
    all operations in evaluation mode, before anything is fused or reused.

    Parameters
    ----------
    model : Module
        Any module.
    input_shape : tuple of int, or tuple or dict of them, optional
        Shape of one sample, without the axis of the batch; of several inputs, one for each. Those
        of a dict go to the arguments of `forward` with their names; they are one argument, a dict,
        where it has no such arguments.
    dtype : DType or str, or tuple or dict of them, optional
        Dtypes of the inputs; by default that of the parameters.
    example : Tensor, array, or tuple or dict of them, optional
        Inputs instead of shapes; best a batch of one sample.
    depth : int, optional
        How deep nested modules are shown: 1 shows those of the model only. Parameters of those
        below are counted at the last that is shown. By default all.
    show_graph : bool, default False
        Whether a list follows which says what each layer gets its inputs from, and which operations
        lie between. It needs the shapes, or an example.

    Returns
    -------
    str
        A layer that belongs to several modules has one row, at its first place; notes say where
        else it is, how often it is called, and what is frozen or tied to other parameters.

    Raises
    ------
    TypeError
        For shapes of another form.
    ValueError
        For a depth below 1, and a graph without shapes.
    TraceError
        With `show_graph`, for a model that cannot be traced.

    Examples
    --------
    >>> import pydl
    >>> from pydl import nn
    >>> class Pair(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.left, self.right = nn.Linear(4, 2), nn.Linear(3, 2)
    ...     def forward(self, a, b):
    ...         return self.left(a) + self.right(b)
    >>> print(summarize(Pair(), {"a": (4,), "b": (3,)}, show_graph=True))
    layer           output  parameters    MFLOP
    -------------------------------------------
    left (Linear)   (N, 2)          10  1.6e-05
    right (Linear)  (N, 2)           8  1.2e-05
    -------------------------------------------
    parameters: 18 (18 trainable), 72 bytes
    forward pass of one sample: 3e-05 MFLOP, activations 24 bytes
    <BLANKLINE>
    result          shape   from
    -----------------------------------
    a               (N, 4)
    b               (N, 3)
    left (Linear)   (N, 2)  a
    right (Linear)  (N, 2)  b
    add             (N, 2)  left, right
    output          (N, 2)  add
    """
    if depth is not None and depth < 1:
        raise ValueError(f"summary: expected a depth of at least 1, got {depth}")
    if input_shape is None and example is None:
        if show_graph:
            raise ValueError("summary: a graph needs input_shape or an example")
        return _table(model, None, depth)
    args, kwargs = example_call("summary", model, input_shape, dtype, example)
    text = _table(model, forward_passes(model, *args, **kwargs), depth)
    return f"{text}\n\n{_graph_text(model, args, kwargs, depth)}" if show_graph else text


def _table(model: Module, passes: dict[int, Pass] | None, depth: int | None) -> str:
    rows: list[tuple[str, ...]] = []
    notes = _notes(model, passes or {})
    for path, module in model.named_modules():
        if module is model and any(True for _ in model.children()):
            continue
        level = path.count(".")
        if depth is not None and level >= depth:
            continue
        is_last = depth is not None and level == depth - 1
        own = _count(module, is_last)
        name = f"{'  ' * level}{path or type(model).__name__} ({type(module).__name__})"
        cells: tuple[str, ...] = (name, f"{own:,}" if own else "-")
        if passes is not None:
            costs = passes.get(id(module))
            output, flops = ("", 0) if costs is None else (costs.output, costs.flops)
            cells = (name, output, cells[1], _millions(flops) if flops else "-")
        rows.append((*cells, notes.get(id(module), "")))
    head = ("layer", "parameters") if passes is None else ("layer", "output", "parameters", "MFLOP")
    lines = _aligned([(*head, "notes" if any(row[-1] for row in rows) else ""), *rows])
    rule = "-" * max(len(line) for line in lines)
    lines.insert(1, rule)
    whole = None if passes is None else passes.get(id(model))
    return "\n".join([*lines, rule, *_totals(model, whole)])


def _count(module: Module, with_inner: bool) -> int:
    """Count the parameters of a module itself, or of all in it, which count once."""
    if with_inner:
        return sum(parameter.size for parameter in module.parameters())
    return sum(value.size for _, value in module._members() if isinstance(value, Parameter))


def _notes(model: Module, passes: dict[int, Pass]) -> dict[int, str]:
    """Describe what numbers do not show: other places and calls, what is frozen or tied."""
    notes: dict[int, list[str]] = defaultdict(list)
    places: dict[int, str] = {}
    tensors: dict[int, str] = {}
    for path, module in model.named_modules():
        places[id(module)] = path
        own = [(n, v) for n, v in module._members() if isinstance(v, Parameter)]
        for name, value in own:
            full = f"{path}.{name}" if path else name
            first = tensors.setdefault(id(value), full)
            if first != full:
                notes[id(module)].append(f"{name} tied to {first}")
        learns = [value.requires_grad for _, value in own]
        if own and not any(learns):
            notes[id(module)].append("frozen")
        elif not all(learns):
            frozen = [name for name, value in own if not value.requires_grad]
            notes[id(module)].append(f"{', '.join(frozen)} frozen")
    for path, module in model.named_modules():
        for name, child in module.named_children():
            full = f"{path}.{name}" if path else name
            if places[id(child)] != full:
                notes[id(child)].append(f"also {full}")
        calls = passes[id(module)].calls if id(module) in passes else 1
        if calls > 1:
            notes[id(module)].append(f"called {calls} times")
    return {key: "; ".join(parts) for key, parts in notes.items()}


def _graph_text(model: Module, args: Any, kwargs: Any, depth: int | None) -> str:
    """List what each layer, operation and output gets its inputs from."""
    from pydl.training.model_graph import trace_model  # here: few summaries show the graph

    graph = trace_model(model, args, kwargs, depth)
    counts: dict[str, int] = {}
    names = []
    for box in graph.boxes:
        counts[box.name] = number = counts.get(box.name, 0) + 1
        names.append(box.name if number == 1 else f"{box.name} {number}")
    rows = [("result", "shape", "from")]
    for i, box in enumerate(graph.boxes):
        label = f" ({box.label})" if box.label else ""
        rows.append((names[i] + label, box.shape, ", ".join(names[j] for j in graph.sources(i))))
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Columns of equal width: texts on the left, numbers on the right, and notes on the left."""
    texts = len(rows[0]) // 2
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if i < texts or i == len(row) - 1 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def _totals(model: Module, whole: Pass | None) -> list[str]:
    parameters = list(model.parameters())
    total = sum(p.size for p in parameters)
    trainable = sum(p.size for p in parameters if p.requires_grad)
    size = sum(p.nbytes for p in parameters) + sum(b.nbytes for b in model.buffers())
    lines = [f"parameters: {total:,} ({trainable:,} trainable), {_bytes_text(size)}"]
    if whole is not None:
        lines.append(
            f"forward pass of one sample: {_millions(whole.flops)} MFLOP, "
            f"activations {_bytes_text(whole.activations)}"
        )
    return lines


def _millions(count: int) -> str:
    """Three digits that count, more for large numbers."""
    return f"{count / 1e6:,.0f}" if count >= 1e8 else f"{count / 1e6:.3g}"


def _bytes_text(size: int) -> str:
    """Bytes in the largest binary unit that is not larger than the number."""
    amount, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{size} bytes" if unit == "B" else f"{amount:.1f} {unit}"
