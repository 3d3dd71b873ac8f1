"""What would end a training later, found before its first step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydl._core import Tensor
from pydl.grad_mode import no_grad
from pydl.nn.normalization import _BatchNorm
from pydl.training.hooks import BEFORE, observed
from pydl.training.layout import Layout, call, mapped, takes_keywords
from pydl.training.mode import in_mode
from pydl.training.sources import Source

if TYPE_CHECKING:
    from pydl.nn.module import Module
    from pydl.training.trainer import Trainer


def check_last_batch(
    trainer: Trainer, source: Source, columns: tuple[Any, ...], layout: Layout
) -> None:
    """Raise `ValueError` where the last batch is too small for batch norm.

    The columns are those of the first batch. A batch norm needs two values per channel: one sample
    has them only in images and sequences.
    """
    model, loader = trainer.model, source.loader
    if loader is None or trainer._own("train_step") is not None:
        return
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

    x = mapped(
        lambda tensor: tensor[:1] if isinstance(tensor, Tensor) else tensor,
        layout.build(columns)[0],
    )
    # Evaluation mode: nothing is changed, and no random numbers are drawn.
    with in_mode(model, training=False), no_grad(), observed(model, look):
        call(model, x, takes_keywords(model, layout.inputs))
    if alone:
        raise ValueError(
            f"fit: the last batch of each epoch has one sample ({count} in batches of {size}), "
            f"which {alone[0]} cannot normalise; choose another batch_size, or leave it out by "
            "drop_last=True"
        )


def _learns(module: Module) -> bool:
    return isinstance(module, _BatchNorm) and module._learns
