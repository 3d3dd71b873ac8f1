"""The table that `Model.summary` prints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydl._core import Tensor, zeros
from pydl.grad_mode import no_grad
from pydl.nn.module import Module, Parameter


def output_shapes(model: Module, example: Tensor) -> dict[int, str]:
    """Shapes of what each module returns for an example batch of one, by the module's id."""
    shapes: dict[int, str] = {}
    modules = list(model.modules())
    modes = [module.training for module in modules]

    def recording(module: Module) -> Callable[..., Any]:
        forward = module.forward

        def run(*args: Any, **kwargs: Any) -> Any:
            output = forward(*args, **kwargs)
            shapes[id(module)] = _shape_text(output)
            return output

        return run

    try:
        for module in modules:
            # In the instance's dict it comes before the class's method.
            vars(module)["forward"] = recording(module)
        with no_grad():
            model.eval()(example)
    finally:
        for module, mode in zip(modules, modes, strict=True):
            vars(module).pop("forward", None)
            module.training = mode
    return shapes


def _shape_text(output: Any) -> str:
    if isinstance(output, Tensor):
        sizes = [str(size) for size in output.shape]
        if sizes and sizes[0] == "1":
            sizes[0] = "N"
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
    if isinstance(output, (list, tuple)):
        return ", ".join(_shape_text(item) for item in output)
    return type(output).__name__


def summarize(model: Module, input_shape: tuple[int, ...] | None, dtype: Any) -> str:
    """Layers, output shapes where the input's is known, and sizes, as a text table."""
    shapes: dict[int, str] = {}
    if input_shape is not None:
        shapes = output_shapes(model, zeros((1, *input_shape), dtype=dtype))
    rows = [("layer", "output", "parameters")] if shapes else [("layer", "", "parameters")]
    for path, module in model.named_modules():
        if module is model and any(True for _ in model.children()):
            continue
        depth = path.count(".")
        own = sum(value.size for _, value in module._members() if isinstance(value, Parameter))
        name = f"{'  ' * depth}{path or type(model).__name__} ({type(module).__name__})"
        rows.append((name, shapes.get(id(module), ""), f"{own:,}" if own else "-"))
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [
        f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}".rstrip()
        for row in rows
    ]
    rule = "-" * max(len(line) for line in lines)
    lines.insert(1, rule)
    return "\n".join([*lines, rule, *_totals(model)])


def _totals(model: Module) -> list[str]:
    parameters = list(model.parameters())
    total = sum(p.size for p in parameters)
    trainable = sum(p.size for p in parameters if p.requires_grad)
    size = sum(p.nbytes for p in parameters) + sum(b.nbytes for b in model.buffers())
    return [f"parameters: {total:,} ({trainable:,} trainable), {_bytes_text(size)}"]


def _bytes_text(size: int) -> str:
    """Bytes in the largest binary unit of which there is at least one."""
    amount, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{size} bytes" if unit == "B" else f"{amount:.1f} {unit}"
