"""Calling callbacks: which methods they define, what those take, and in which order."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydl.training.callbacks.base import HOOKS, INSTEAD, Callback, Logs

if TYPE_CHECKING:
    from pydl._core import Tensor
    from pydl.training.metrics import Averages
    from pydl.training.metrics.averages import Means
    from pydl.training.sources import Source
    from pydl.training.trainer import Trainer

# A method, whether it takes `logs`, and what says whether a step is one that it is called after.
_Call = tuple[Callable[..., Any], bool, Callable[[], bool] | None]


class CallbackList:
    """The callbacks of one `fit`, `evaluate` or `predict`, called one after the other.

    Steps pay for methods that exist only. What would fail at the end of an epoch fails here.

    Parameters
    ----------
    callbacks : sequence of Callback, Callback or None
        As the user gave them.
    trainer : Trainer
        What calls them.
    names : sequence of str or None
        Names of the values of an epoch, where they are known.
    verb : {"fit", "evaluate", "predict"}, default "fit"
        The function that the user called.
    source : Source, optional
        The data of the training.
    epochs : int, default 1
        Number of the epoch to end before.

    Attributes
    ----------
    callbacks : list of Callback
        In the order in which they are called.
    loader : DataLoader or None
        That of the training.
    averages : Averages or None
        Loss and metrics of the epoch so far.
    restored_epoch : int or None
        The epoch to begin with, where a callback has restored a training.
    restored_averages : dict of str to Tensor
        The state of that epoch's averages, where it had begun.
    """

    def __init__(
        self,
        callbacks: Sequence[Callback] | Callback | None,
        trainer: Trainer,
        names: Sequence[str] | None = (),
        *,
        verb: str = "fit",
        source: Source | None = None,
        epochs: int = 1,
    ) -> None:
        self.loader = None if source is None else source.loader
        # Whether gradients wait for other batches; set by a training that accumulates.
        self.is_within_group: Callable[[], bool] = lambda: False
        self.averages: Averages | Means | None = None
        self.restored_epoch: int | None = None
        self.restored_averages: dict[str, Tensor] = {}
        self._last: Logs = {}
        given: Any = callbacks
        if isinstance(given, Callback) or not (given is None or hasattr(given, "__iter__")):
            given = [given]
        self.callbacks = [_require_callback(verb, callback) for callback in given or ()]
        # Their order otherwise stays.
        self.callbacks.sort(key=lambda callback: callback._comes_last)
        params = _params(source, epochs)
        for callback in self.callbacks:
            callback.model, callback._trainer = trainer.model, trainer
            callback.params = params
        if verb == "fit":
            self._check(names)
        self._calls = {hook: _calls(verb, self.callbacks, hook) for hook in HOOKS}
        # The steps ask these, which costs less than a look into a dictionary.
        self._train_batch_begin = self._calls["on_train_batch_begin"]
        self._train_batch_end = self._calls["on_train_batch_end"]

    def _check(self, names: Sequence[str] | None) -> None:
        known = None if names is None else list(names)
        for callback in self.callbacks:
            callback._check(known)
            if not type(callback).__module__.startswith("pydl.") or _may_add(callback):
                known = None  # it may add values
            elif known is not None:
                known += callback._adds

    # --- the training -----------------------------------------------------------------------------

    def on_train_begin(self) -> None:
        for callback in self.callbacks:
            callback._prepare(self)
        self._call("on_train_begin", {})

    def first_epoch(self, initial_epoch: int) -> int:
        """Return the number of the first epoch, after `on_train_begin`.

        It differs from the one that the user gave where a callback has restored a training.
        """
        return initial_epoch if self.restored_epoch is None else self.restored_epoch

    def begin_steps(self, averages: Averages | Means) -> int:
        """Return the number of the first step of an epoch, after `on_epoch_begin`.

        It is 0, or greater in an epoch that goes on: then the averages go on, too.
        """
        self.averages = averages
        if not self.restored_averages:
            return 0
        averages.load_state_dict(self.restored_averages)
        self.restored_averages = {}
        return averages.batches

    def on_train_end(self) -> None:
        self._call("on_train_end", self._last)

    def on_epoch_begin(self, epoch: int) -> None:
        self._call("on_epoch_begin", {}, epoch)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._last = logs
        self._call("on_epoch_end", logs, epoch)

    def on_train_batch_begin(self, batch: int) -> None:
        if self._train_batch_begin:
            _call_all(self._train_batch_begin, {}, batch)

    def on_train_batch_end(self, batch: int, averages: Averages | Means) -> None:
        if self._train_batch_end:
            _call_after_batch(self._train_batch_end, batch, averages)

    # --- evaluate, validations and predict --------------------------------------------------------

    def on_test_begin(self) -> None:
        self._call("on_test_begin", {})

    def on_test_end(self, logs: Logs) -> None:
        self._call("on_test_end", logs)

    def on_test_batch_begin(self, batch: int) -> None:
        self._call("on_test_batch_begin", {}, batch)

    def on_test_batch_end(self, batch: int, averages: Averages | Means) -> None:
        if calls := self._calls["on_test_batch_end"]:
            _call_after_batch(calls, batch, averages)

    def on_predict_begin(self) -> None:
        self._call("on_predict_begin", {})

    def on_predict_end(self) -> None:
        self._call("on_predict_end", {})

    def on_predict_batch_begin(self, batch: int) -> None:
        self._call("on_predict_batch_begin", {}, batch)

    def on_predict_batch_end(self, batch: int, outputs: Any) -> None:
        self._call("on_predict_batch_end", {"outputs": outputs}, batch)

    def _call(self, hook: str, logs: dict[str, Any], *number: int) -> None:
        if calls := self._calls[hook]:
            _call_all(calls, logs, *number)


def _call_all(calls: Iterable[_Call], logs: dict[str, Any], *number: int) -> None:
    for function, takes_logs, _ in calls:
        if takes_logs:
            function(*number, logs)
        else:
            function(*number)


def _call_after_batch(calls: Iterable[_Call], batch: int, averages: Averages | Means) -> None:
    """Call methods with the values so far, which reading from tensors makes dear."""
    logs: Logs | None = None
    for function, takes_logs, is_due in calls:
        if is_due is not None and not is_due():
            continue
        if not takes_logs:
            function(batch)
            continue
        if logs is None:
            logs = averages.result(brief=True)
        function(batch, logs)


# --- looking at callbacks -------------------------------------------------------------------------


def _require_callback(verb: str, callback: object) -> Callback:
    if isinstance(callback, type) and issubclass(callback, Callback):
        raise TypeError(
            f"{verb}: expected callbacks, got the class {callback.__name__}; write "
            f"{callback.__name__}()"
        )
    if not isinstance(callback, Callback):
        advice = ""
        if hasattr(callback, "get_last_lr"):
            advice = "; a schedule goes into pydl.training.LearningRateScheduler"
        elif callable(callback):
            advice = (
                "; pydl.training.LambdaCallback(on_epoch_end=...) makes a callback of functions"
            )
        raise TypeError(f"{verb}: expected callbacks, got {type(callback).__name__}{advice}")
    for name, instead in INSTEAD.items():
        if hasattr(callback, name):
            raise TypeError(
                f"{verb}: {type(callback).__name__}.{name} would never be called; write {instead}"
            )
    return callback


def _params(source: Source | None, epochs: int) -> Mapping[str, Any]:
    if source is None:
        return {}
    samples = None if source.batches is None else source.samples_of_group(0, source.batches)
    return {"epochs": epochs, "steps": source.batches, "samples": samples}


def _is_defined(callback: Callback, hook: str) -> bool:
    if hook in vars(callback):
        return True
    is_own = getattr(type(callback), hook) is not getattr(Callback, hook)
    return is_own and callback._needs(hook)


def _may_add(callback: Callback) -> bool:
    """Whether a function of the user's, which may add values, is called at the end of an epoch."""
    return "on_epoch_end" in vars(callback)


def _calls(verb: str, callbacks: Iterable[Callback], hook: str) -> list[_Call]:
    """Return the methods of that name that callbacks define, looking at what they take once."""
    found: list[_Call] = []
    for callback in callbacks:
        if _is_defined(callback, hook):
            waits = type(callback)._is_due is not Callback._is_due
            is_due = callback._is_due if waits and hook == "on_train_batch_end" else None
            found.append((getattr(callback, hook), _takes_logs(verb, callback, hook), is_due))
    return found


def _takes_logs(verb: str, callback: Callback, hook: str) -> bool:
    names = [name for name in ("epoch", "batch") if f"_{name}_" in hook]
    # Of "on_train_batch_end" and "on_epoch_end": the number and the values.
    signature = inspect.signature(getattr(callback, hook))
    for takes_logs, arguments in ((True, [*names, "logs"]), (False, names)):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        return takes_logs
    usual = ", ".join([*names, "logs=None"])
    raise TypeError(
        f"{verb}: expected {type(callback).__name__}.{hook} to take ({usual}), the last or "
        f"not, got {signature}"
    )
