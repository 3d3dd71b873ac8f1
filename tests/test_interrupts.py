"""Ctrl-C may come at any moment: whatever a context manager had switched is as it was."""

from __future__ import annotations

import inspect
import pkgutil
import signal
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

import pydl
from pydl import _core, nn
from pydl.training.hooks import observed
from pydl.training.interrupt import StopOnInterrupt
from pydl.training.mode import in_mode

MODEL = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
TAPE = _core._RandomTape()


def _looks_for_anomalies() -> tuple[bool, bool]:
    setting = _core._set_detect_anomaly(False, True)
    _core._set_detect_anomaly(*setting)
    return setting


# It switches when it is called, with or without `with`, as in PyTorch.
SETTERS = {"set_detect_anomaly"}
PARAMETER = pydl.tensor([1.0], requires_grad=True)


# What makes each context manager, and what it switches.
SCOPES: dict[str, tuple[Callable[[], AbstractContextManager[Any]], Callable[[], Any]]] = {
    "no_grad": (pydl.no_grad, pydl.is_grad_enabled),
    "enable_grad": (pydl.enable_grad, pydl.is_grad_enabled),
    "autocast": (lambda: pydl.autocast("bfloat16"), lambda: str(_core.autocast_dtype())),
    "in_mode": (
        lambda: in_mode(MODEL, training=False),
        lambda: [module.training for module in MODEL.modules()],
    ),
    "_RestoreScope": (
        lambda: _core._RestoreScope([(STORE, "key")], lambda: STORE.update(key=2)),
        lambda: dict(STORE),
    ),
    "observed": (
        lambda: observed(MODEL, lambda *_: None),
        lambda: ["forward" in vars(module) for module in MODEL.modules()],
    ),
    "StopOnInterrupt": (StopOnInterrupt, lambda: signal.getsignal(signal.SIGINT)),
    "_GradScope": (lambda: _core._GradScope(False), pydl.is_grad_enabled),
    "_AutocastScope": (
        lambda: _core._AutocastScope(pydl.bfloat16),
        lambda: str(_core.autocast_dtype()),
    ),
    "_NestingScope": (_core._NestingScope, _core._gradient_nesting),
    "_InterruptScope": (StopOnInterrupt, lambda: signal.getsignal(signal.SIGINT)),
    "_PauseTracing": (_core._PauseTracing, _core._is_tracing),
    "_RecomputeScope": (_core._RecomputeScope, lambda: None),
    "_OpCounter": (_core._OpCounter, lambda: None),
    "_RandomTapeScope": (TAPE.record, lambda: None),
    "detect_anomaly": (pydl.detect_anomaly, _looks_for_anomalies),
    "_AnomalyScope": (lambda: _core._AnomalyScope(True, True), _looks_for_anomalies),
    "_Batch": (lambda: _core._Batch(2), _core._is_tracing),
    "RemovableHandle": (lambda: PARAMETER.register_hook(lambda gradient: None), lambda: None),
    "printoptions": (lambda: pydl.printoptions(precision=1), pydl.get_printoptions),
    "_PrintScope": (
        lambda: _core._PrintScope(1, None, None, None, None, None),
        pydl.get_printoptions,
    ),
    "fork_rng": (pydl.random.fork_rng, lambda: pydl.get_rng_state().tolist()),
    "_ForkScope": (
        lambda: _core._ForkScope(pydl.Generator(0)),
        lambda: pydl.get_rng_state().tolist(),
    ),
    "_Watch": (
        lambda: _core._Watch(lambda code: False, lambda frame: None, lambda function: None, []),
        lambda: None,
    ),
}
STORE: dict[str, int] = {"key": 1}


def _context_managers() -> set[str]:
    """Names of all context managers of the package and of its core."""
    found = {
        name for name, value in vars(_core).items() if isinstance(value, type) and _is_scope(value)
    }
    for info in pkgutil.walk_packages(pydl.__path__, "pydl."):
        if info.name.rpartition(".")[2] in ("__main__", "cli", "demo") or "_core" in info.name:
            continue
        module = __import__(info.name, fromlist=["_"])
        for name, value in vars(module).items():
            own = getattr(value, "__module__", None) == info.name
            generated = inspect.isgeneratorfunction(inspect.unwrap(value)) if own else False
            if own and isinstance(value, type) and _is_scope(value) and name != "_GradScope":
                found.add(name)
            assert not (generated and hasattr(value, "__wrapped__")), (
                f"{info.name}.{name}: signals reach a context manager that is a generator"
            )
    return found


def _is_scope(kind: type) -> bool:
    return hasattr(kind, "__enter__") and hasattr(kind, "__exit__")


def test_all_context_managers_are_here() -> None:
    assert _context_managers() - SETTERS == set(SCOPES)


def work_until_sent(work: Callable[[], None], sender: threading.Timer) -> None:
    """A function of its own: Python 3.13 may interrupt a loop where its `try` does not reach."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        work()
        if not sender.is_alive():
            sender.join()
            time.sleep(1e-3)  # where a signal that has come by now is looked at
            return
    raise AssertionError("no signal came")


def interrupt_somewhere(work: Callable[[], None], delay: float) -> bool:
    """Call `work` again and again until a SIGINT comes; whether it came as KeyboardInterrupt."""
    main = threading.main_thread().ident
    assert main is not None
    sender = threading.Timer(delay, lambda: signal.pthread_kill(main, signal.SIGINT))
    try:
        sender.start()
        work_until_sent(work, sender)
        return False
    except KeyboardInterrupt:
        sender.join()
        return True


@pytest.mark.parametrize("name", SCOPES)
def test_everything_is_as_before_after_an_interrupt(name: str) -> None:
    make, state = SCOPES[name]
    before = state()

    def work() -> None:
        for _ in range(100):
            with make():
                pass

    for attempt in range(25):
        interrupt_somewhere(work, 1e-4 * (attempt % 7) + 2e-4)
        assert state() == before, f"attempt {attempt}"
    with make():
        inside = state()
    assert state() == before
    if name in ("no_grad", "autocast", "in_mode", "_RestoreScope", "StopOnInterrupt"):
        assert inside != before


@pytest.mark.parametrize("nested", [False, True])
def test_modes_in_work_that_is_interrupted(nested: bool) -> None:
    x = pydl.ones((20, 20))

    @pydl.no_grad()
    def decorated() -> pydl.Tensor:
        return x @ x

    def work() -> None:
        with pydl.no_grad(), pydl.autocast("bfloat16"):
            y = x @ x
            if nested:
                with pydl.enable_grad(), pydl.autocast(enabled=False):
                    y = y.astype("float32") + decorated()

    for attempt in range(15):
        interrupt_somewhere(work, 1e-4 * attempt)
        assert pydl.is_grad_enabled()
        assert _core.autocast_dtype() is None


def test_functions_that_switch_modes_are_interrupted() -> None:
    """Compilation, evaluation and gradients of functions use scopes inside."""
    model = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5))
    model.compile("sgd", "mse")
    x = pydl.ones((4, 3))
    weight = model[0].weight

    def work() -> None:
        pydl.compile(lambda x: (model(x) ** 2).mean().detach(), state=model)(x)
        pydl.value_and_grad(lambda x: (x * x).sum())(x)
        model.evaluate(x, x, verbose=0)

    model.train()
    work()
    before = [module.training for module in model.modules()]
    for attempt in range(40):
        interrupt_somewhere(work, 1e-3 * (attempt % 9) + 1e-4)
        assert not _core._is_tracing()
        assert _core._gradient_nesting() == 0
        assert pydl.is_grad_enabled()
        assert weight.grad is None
        assert [module.training for module in model.modules()] == before
    work()
