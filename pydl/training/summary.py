"""The table that `Model.summary` prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydl import _core
from pydl._core import Tensor, zeros
from pydl.grad_mode import no_grad
from pydl.nn.module import Module, Parameter
from pydl.training.mode import set_mode


@dataclass(frozen=True)
class Pass:
    """The output and the cost of one forward pass of a module."""

    output: str
    flops: int  # a multiply-add counts as two
    activations: int  # bytes of all results


def forward_passes(model: Module, *examples: Tensor) -> dict[int, Pass]:
    """Record what each module returns and computes for a batch of one, by the module's id."""
    passes: dict[int, Pass] = {}
    modules = list(model.modules())

    def recording(module: Module, counter: _core._OpCounter) -> Callable[..., Any]:
        forward = module.forward

        def run(*args: Any, **kwargs: Any) -> Any:
            flops, activations = counter.flops, counter.bytes
            output = forward(*args, **kwargs)
            passes[id(module)] = Pass(
                _shape_text(output), counter.flops - flops, counter.bytes - activations
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
        model(*examples)
    return passes


def _shape_text(output: Any) -> str:
    if isinstance(output, Tensor):
        sizes = [str(size) for size in output.shape]
        if sizes and sizes[0] == "1":
            sizes[0] = "N"
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
    if isinstance(output, (list, tuple)):
        return ", ".join(_shape_text(item) for item in output)
    return type(output).__name__


def _shapes_of_inputs(shape: Any) -> list[tuple[int, ...]]:
    """Read one shape, or one for each input."""
    for shapes in ([shape], shape):
        if isinstance(shapes, (tuple, list)) and all(
            isinstance(each, (tuple, list)) and all(isinstance(size, int) for size in each)
            for each in shapes
        ):
            return [tuple(each) for each in shapes]
    raise TypeError(
        "summary: expected the shape of one sample, such as (3, 32, 32), or one for each input, "
        f"such as ((4,), (3,)); got {shape!r}"
    )


def summarize(model: Module, input_shape: Any, dtype: Any) -> str:
    """Layers and their sizes as a text table; with the input's shape also outputs and costs."""
    if input_shape is None:
        passes: dict[int, Pass] = {}
        rows: list[tuple[str, ...]] = [("layer", "parameters")]
    else:
        examples = [zeros((1, *shape), dtype=dtype) for shape in _shapes_of_inputs(input_shape)]
        passes = forward_passes(model, *examples)
        rows = [("layer", "output", "parameters", "MFLOP")]
    for path, module in model.named_modules():
        if module is model and any(True for _ in model.children()):
            continue
        depth = path.count(".")
        own = sum(value.size for _, value in module._members() if isinstance(value, Parameter))
        name = f"{'  ' * depth}{path or type(model).__name__} ({type(module).__name__})"
        parameters = f"{own:,}" if own else "-"
        if input_shape is None:
            rows.append((name, parameters))
            continue
        costs = passes.get(id(module))
        output, flops = ("", 0) if costs is None else (costs.output, costs.flops)
        rows.append((name, output, parameters, _millions(flops) if flops else "-"))
    lines = _aligned(rows)
    rule = "-" * max(len(line) for line in lines)
    lines.insert(1, rule)
    return "\n".join([*lines, rule, *_totals(model, passes.get(id(model)))])


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Columns of equal width: texts on the left, numbers on the right."""
    texts = len(rows[0]) // 2
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if i < texts else cell.rjust(width)
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
