"""Work that several threads do at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def in_threads(work: Callable[[int], Result], count: int = 4) -> list[Result]:
    """Call `work` with the number of each thread, in all of them at once; what each gave."""
    barrier = threading.Barrier(count)

    def start(number: int) -> Result:
        barrier.wait(timeout=30)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(start, range(count)))
