"""What pydl found on this machine, and what it chose."""

from __future__ import annotations

from typing import Any

from pydl import _core


class Info(dict[str, Any]):
    """Facts by name; its text is the report that `pydl info` prints."""

    def __str__(self) -> str:
        rows = {
            "pydl": self["version"],
            "cpu": self["cpu"],
            "cpu features": " ".join(self["features"]) or "none that matter",
            "instruction set": self["instruction_set"],
            "providers": ", ".join(self["providers"]),
            "oneDNN": self["onednn_version"] or "not built in",
            "threads": f"{self['threads']} ({self['threads_reason']})",
            "compiler": self["compiler"],
        }
        width = max(map(len, rows))
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())

    __repr__ = __str__


def info() -> Info:
    """Version, processor, providers of kernels in order, threads and the reason for their number.

    Returns
    -------
    Info
        A dict that prints as a table.

    Examples
    --------
    >>> import pydl
    >>> pydl.info()["providers"][-1]
    'ref'
    """
    return Info(_core.info())
