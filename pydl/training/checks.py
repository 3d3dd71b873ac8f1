"""What would end a training later, found before its first step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydl.grad_mode import no_grad
from pydl.nn.normalization import _BatchNorm
from pydl.training.hooks import BEFORE, observed
from pydl.training.mode import in_mode

if TYPE_CHECKING:
    from pydl.data import DataLoader
    from pydl.nn.module import Module


def check_last_batch(model: Module, loader: DataLoader, inputs: tuple[Any, ...]) -> None:
    """Raise `ValueError` where the last batch is too small for batch norm.

    `inputs` are those of the first batch. A batch norm needs two values per channel: one sample
    has them only in images and sequences.
    """
    if loader.batch_sampler is not None or loader.drop_last or loader.batch_size == 1:
        return
    count, size = loader.sample_count, loader.batch_size
    learning = {module for module in model.modules() if _learns(module)}
    if count % size != 1 or not learning:
        return
    alone: list[str] = []

    def look(path: str, module: Module, arguments: tuple[Any, ...], output: Any) -> None:
        if output is BEFORE and module in learning:
            shape = arguments[0].shape
            if arguments[0].size == shape[1]:
                alone.append(f"{path} ({type(module).__name__})")

    # Evaluation mode: nothing is changed, and no random numbers are drawn.
    with in_mode(model, training=False), no_grad(), observed(model, look):
        model(*(tensor[:1] for tensor in inputs))
    if alone:
        raise ValueError(
            f"fit: the last batch of each epoch has one sample ({count} in batches of {size}), "
            f"which {alone[0]} cannot normalise; choose another batch_size, or give a "
            "pydl.data.DataLoader with drop_last=True"
        )


def _learns(module: Module) -> bool:
    return isinstance(module, _BatchNorm) and module._learns
