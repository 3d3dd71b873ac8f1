"""Ctrl-C as a wish to stop, not as an exception in the middle of a step."""

from __future__ import annotations

from types import FrameType

from pydl import _core


class StopOnInterrupt(_core._InterruptScope):
    """Within the block, the first Ctrl-C sets `requested`; the second raises KeyboardInterrupt.

    Outside the main thread, and where the signal is ignored, it changes nothing. The handler
    from before is back afterwards, whenever a signal comes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.requested = False

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
