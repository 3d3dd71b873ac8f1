"""Items of an iterator, made ahead of time by a thread."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Prefetcher(Iterator[T], Generic[T]):
    """Iterate over another iterator, which a background thread reads up to `depth` items ahead.

    An error in the thread is raised here, after the items before it. `close` ends the thread; so
    do the last item, an error, the end of the program, and losing the last reference.

    Parameters
    ----------
    source : iterator
        Only the thread advances it.
    depth : int
        Most items that wait; one more may be in the making.

    Examples
    --------
    >>> from pydl.data.prefetch import Prefetcher
    >>> list(Prefetcher(iter([1, 2, 3]), depth=2))
    [1, 2, 3]
    """

    def __init__(self, source: Iterator[T], depth: int) -> None:
        self._process = os.getpid()
        self._shared = _Shared[T](depth)
        # The thread has no reference to this object, so that it is closed when it is dropped. It
        # must not hold up the end of the program where nobody does: hence a daemon, and `atexit`.
        self._thread = threading.Thread(
            target=self._shared.fill, args=(source,), name="pydl-prefetch", daemon=True
        )
        _open.add(self)
        self._thread.start()

    def __iter__(self) -> Prefetcher[T]:
        return self

    def __next__(self) -> T:
        if os.getpid() != self._process:
            raise RuntimeError(
                "DataLoader: this pass began before a fork, and its thread is in the parent "
                "process; begin a new one"
            )
        return self._shared.take()

    def close(self) -> None:
        """End the thread after the item that it is making; what waits is dropped."""
        # In a forked child there is no thread, and its locks may be held for ever.
        if os.getpid() == self._process:
            self._shared.stop()
            if self._thread is not threading.current_thread() and self._thread.is_alive():
                self._thread.join()

    def __del__(self) -> None:
        # Only half of it is there where __init__ failed.
        if hasattr(self, "_thread"):
            self.close()


class _Shared(Generic[T]):
    """What consumer and thread share: the items, and whether there will be more."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._items: deque[T] = deque()
        self._error: BaseException | None = None
        self._finished = self._stopped = False
        self._changed = threading.Condition()

    def fill(self, source: Iterator[T]) -> None:
        """Advance the source until it ends or `stop` is called: the thread's work."""
        error: BaseException | None = None
        try:
            for item in source:
                if not self._put(item):
                    break
        except BaseException as raised:
            error = raised
        with self._changed:
            self._error, self._finished = error, True
            self._changed.notify_all()

    def _put(self, item: T) -> bool:
        """Wait for room; returns whether more is wanted."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or len(self._items) < self._depth)
            if self._stopped:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True

    def take(self) -> T:
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._finished or self._stopped)
            if self._items:
                item = self._items.popleft()
                self._changed.notify_all()
                return item
            error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._items.clear()
            self._changed.notify_all()


_open: weakref.WeakSet[Prefetcher[Any]] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """End all threads while the interpreter still runs: one that computes must not outlive it."""
    for prefetcher in list(_open):
        prefetcher.close()
