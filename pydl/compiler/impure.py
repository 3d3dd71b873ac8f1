"""Functions whose results differ from call to call although their arguments are the same."""

from __future__ import annotations

import datetime
import pickle
import random
import sys
from types import FrameType, ModuleType
from typing import Any

_RANDOM_ADVICE = (
    "so a compiled function would have the same numbers in every call; draw them with pydl.normal, "
    "pydl.uniform, pydl.randint or pydl.dropout, whose generators go on from call to call, or hand "
    "them in as an argument"
)
_TIME_ADVICE = (
    "so a compiled function would have the same one in every call; pass it as an argument"
)
_INPUT_ADVICE = (
    "so a compiled function would have the same text in every call; pass it as an argument"
)

_TIMES = {
    "time",
    "time_ns",
    "perf_counter",
    "perf_counter_ns",
    "monotonic",
    "monotonic_ns",
    "process_time",
    "process_time_ns",
    "thread_time",
    "thread_time_ns",
    "localtime",
    "gmtime",
    "ctime",
    "strftime",
}
_DATES = {"now", "today", "utcnow"}
_DRAWS = {"random", "getrandbits"}
_INPUTS = {"input", "open"}
_ENTROPY = {"urandom", "getrandom"}

# Names of builtin functions that are checked when they are called.
WATCHED_NAMES = sorted(_TIMES | _DATES | _DRAWS | _INPUTS | _ENTROPY)

# It draws two numbers at a time, and calls no builtin function when it returns the second one.
GAUSS = random.Random.gauss.__code__

# Modules of the standard library whose functions return what the system tells them.
_PASSED_ON = ("uuid", "random", "secrets", "datetime")


def describe_builtin(function: Any, frame: FrameType, is_own: bool) -> str | None:
    """Say what is wrong with a call of a builtin function in a frame; None where nothing is.

    `is_own` says that the frame belongs to the user, not to a library.
    """
    name, owner = function.__name__, function.__self__
    caller = frame.f_globals.get("__name__")
    if isinstance(owner, random.Random) and name in _DRAWS:
        return describe_draw(owner)
    if isinstance(owner, type) and issubclass(owner, datetime.date) and name in _DATES:
        return f"{owner.__name__}.{name}() is called once, {_TIME_ADVICE}"
    if not isinstance(owner, ModuleType):
        return None
    if owner.__name__ in ("posix", "nt") and name in _ENTROPY:
        return f"random bytes of the system are drawn once, {_RANDOM_ADVICE}"
    if owner.__name__ == "time" and name in _TIMES and (is_own or caller in _PASSED_ON):
        return f"time.{name}() is called once, {_TIME_ADVICE}"
    if owner.__name__ in ("builtins", "io", "_io") and name in _INPUTS and is_own:
        return f"{name}() is called once, {_INPUT_ADVICE}"
    return None


def random_source(value: Any) -> Any:
    """Return the generator of Python or NumPy that an object is, or a method of; else None."""
    for candidate in (value, getattr(value, "__self__", None)):
        if isinstance(candidate, random.Random):
            return None if isinstance(candidate, random.SystemRandom) else candidate
        numpy_random: Any = sys.modules.get("numpy.random")
        if not hasattr(numpy_random, "default_rng"):
            continue  # not imported, or being imported: NumPy does it when it is first used
        kinds = (numpy_random.Generator, numpy_random.RandomState, numpy_random.BitGenerator)
        if isinstance(candidate, kinds):
            return candidate
        if _is_numpy_function(value, numpy_random):
            return numpy_random.mtrand._rand
    return None


def _is_numpy_function(value: Any, numpy_random: Any) -> bool:
    """Whether an object is a function on the state that all functions of numpy.random share."""
    name = getattr(value, "__name__", None)
    module = getattr(value, "__module__", None)
    return (
        isinstance(name, str)
        and isinstance(module, str)
        and module.startswith("numpy.random")
        and not isinstance(value, (type, ModuleType))
        and getattr(numpy_random, name, None) is value
        and name != "default_rng"
    )


def random_state(source: Any) -> bytes:
    """Return the state of a generator, to be compared."""
    if isinstance(source, random.Random):
        return pickle.dumps(source.getstate())
    if hasattr(source, "get_state"):
        return pickle.dumps(source.get_state(legacy=False))
    return pickle.dumps(getattr(source, "bit_generator", source).state)


def describe_draw(source: Any) -> str:
    """Say that a generator's numbers were drawn."""
    library = "Python's random" if isinstance(source, random.Random) else "numpy.random"
    return f"random numbers of {library} are drawn once, {_RANDOM_ADVICE}"
