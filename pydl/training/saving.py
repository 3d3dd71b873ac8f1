"""Models in program files: prediction, and steps that continue training."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pydl import _core
from pydl._core import Tensor
from pydl.compiler import compile
from pydl.grad_mode import no_grad
from pydl.programs.saving import FunctionToSave, Preprocessing, save_functions
from pydl.training.layout import Group, Layout, takes_keywords
from pydl.training.mode import in_mode
from pydl.training.steps import StepOptions

if TYPE_CHECKING:
    from pydl.training.trainer import Trainer

Example = tuple[tuple[int, ...], Any]  # shape of one sample, dtype


def save_model(
    trainer: Trainer,
    path: str | os.PathLike[str],
    *,
    open_batch: bool,
    class_names: Sequence[str],
    preprocessing: Preprocessing,
) -> None:
    """Write a model as the functions "predict" and, after it has seen a target, "train".

    The arguments are the columns of the example that the trainer has seen: of inputs that are a
    tuple those that `forward` takes, of a dict its keys; targets are "target", or "target_<key>".
    """
    assert trainer._example is not None
    model, (examples, layout) = trainer.model, trainer._example
    names = {hash(tensor): name for name, tensor in model._state("")}
    state: list[Any] = [model]
    columns = layout.input_columns()
    called = _input_names(trainer, layout)
    given = [examples[i] for i in columns]
    predict = _predict(trainer, layout)
    functions = {"predict": _function(trainer, predict, False, given, called, names, state)}
    targets = layout.target_columns()
    has_loss = trainer._own("train_step") is None
    if targets and has_loss and trainer.optimizer is not None:
        optimizer = trainer.optimizer
        names |= {hash(t): f"optimizer.{n}" for n, t in optimizer._state_tensors()}
        state = trainer._parts()
        named = [*called, *_target_names(layout)]
        given = [examples[i] for i in (*columns, *targets)]
        step = _train(trainer, layout._replace(weight=None))
        functions["train"] = _function(trainer, step, True, given, named, names, state)
    save_functions(
        path,
        functions,
        open_batch=open_batch,
        batch_axes={},
        class_names=class_names,
        preprocessing=preprocessing,
    )


def _input_names(trainer: Trainer, layout: Layout) -> list[str]:
    spec = layout.inputs
    if isinstance(spec, Group) and spec.names is not None:
        return [str(name) for name in spec.names]
    count = len(layout.input_columns())
    known = [p for p in inspect.signature(trainer.model.forward).parameters if p != "target"]
    return [known[i] if i < len(known) else f"input{i}" for i in range(count)]


def _target_names(layout: Layout) -> list[str]:
    if not isinstance(layout.target, Group):
        return ["target"]
    keys = layout.target.names or range(len(layout.target.parts))
    return [f"target_{key}" for key in keys]


def _predict(trainer: Trainer, layout: Layout) -> Callable[..., Any]:
    keywords = takes_keywords(trainer.model, layout.inputs)
    options = StepOptions(Layout(layout.inputs), keywords, plain=False)

    def predict(*inputs: Tensor) -> Any:
        with no_grad():
            return trainer._prediction_step(inputs, options)

    return predict


def _train(trainer: Trainer, layout: Layout) -> Callable[..., Any]:
    def train(*columns: Tensor) -> dict[str, Tensor]:
        x, y, _ = layout.build(columns)
        return trainer._usual_step("train_step", (x, y))  # type: ignore[no-any-return]

    return train


def _function(
    trainer: Trainer,
    function: Callable[..., Any],
    training: bool,
    examples: Sequence[Example],
    called: Sequence[str],
    names: dict[int, str],
    state: list[Any],
) -> FunctionToSave:
    """Return a function that runs in a mode of the model, with names for its arguments."""

    def run(*tensors: Tensor) -> Any:
        with in_mode(trainer.model, training):
            return function(*tensors)

    kind = inspect.Parameter.POSITIONAL_ONLY
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, kind) for name in called]
    )
    batch = 2
    inputs = tuple(_core.zeros((batch, *shape), dtype) for shape, dtype in examples)
    return FunctionToSave(compile(run, state=state), inputs, names)
