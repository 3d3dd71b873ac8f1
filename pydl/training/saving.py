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
from pydl.training.mode import in_mode

if TYPE_CHECKING:
    from pydl.training.model import Model

Example = tuple[tuple[int, ...], Any]  # shape of one sample, dtype


def save_model(
    model: Model,
    path: str | os.PathLike[str],
    inputs: Sequence[Example],
    target: Example | None,
    *,
    open_batch: bool,
    class_names: Sequence[str],
    preprocessing: Preprocessing,
) -> None:
    """Write a model as the functions "predict" and, with a target, "train"."""
    names = {hash(tensor): name for name, tensor in model._state("")}
    state: list[Any] = [model]
    functions = {"predict": _function(model, _predict(model), False, inputs, names, state)}
    if target is not None and model.optimizer is not None:
        optimizer = model.optimizer
        names |= {hash(t): f"optimizer.{n}" for n, t in optimizer._state_tensors()}
        state = model._parts()
        step = _train(model)
        functions["train"] = _function(model, step, True, [*inputs, target], names, state)
    save_functions(
        path,
        functions,
        open_batch=open_batch,
        batch_axes={},
        class_names=class_names,
        preprocessing=preprocessing,
    )


def _predict(model: Model) -> Callable[..., Any]:
    def predict(*inputs: Tensor) -> Any:
        with no_grad():
            return model._prediction_step(inputs)

    return predict


def _train(model: Model) -> Callable[..., Any]:
    def train(*batch: Tensor) -> dict[str, Tensor]:
        (loss, *_), *metrics = model._train_step(batch)
        results = {"loss": loss}
        for metric, totals in zip(model._metrics_list(), metrics, strict=True):
            results[metric.name] = metric.result(*metric._sums(totals, batch[-1].shape[0]))
        return results

    return train


def _function(
    model: Model,
    function: Callable[..., Any],
    training: bool,
    examples: Sequence[Example],
    names: dict[int, str],
    state: list[Any],
) -> FunctionToSave:
    """Return a function that runs in a mode of the model, with the parameters of its forward."""

    def run(*tensors: Tensor) -> Any:
        with in_mode(model, training):
            return function(*tensors)

    kind = inspect.Parameter.POSITIONAL_ONLY
    called = [p for p in inspect.signature(model.forward).parameters if p != "target"]
    called = [called[i] if i < len(called) else f"input{i}" for i in range(len(examples))]
    if training:
        called[-1] = "target"
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, kind) for name in called]
    )
    batch = 2
    inputs = tuple(_core.zeros((batch, *shape), dtype) for shape, dtype in examples)
    return FunctionToSave(compile(run, state=state), inputs, names)
