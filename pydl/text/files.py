"""JSON files, written atomically and checked when they are read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pydl import _core


def write_json(path: str | os.PathLike[str], record: dict[str, Any]) -> None:
    """Write a record; `path` is the old file or the new one, never a part of it."""
    _core.io.write_file(path, f"{json.dumps(record)}\n".encode("ascii"))


def read_json(path: str | os.PathLike[str], format_name: str) -> dict[str, Any]:
    """Read a record whose "format" is `format_name`; `ValueError` names file and line."""
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{os.fspath(path)}: not UTF-8, at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{os.fspath(path)}, line {error.lineno}: {error.msg}") from None
    except ValueError as error:  # of integers with thousands of digits
        raise ValueError(f"{os.fspath(path)}: {error}") from None
    except RecursionError:
        raise ValueError(f"{os.fspath(path)}: lists and objects are nested too deeply") from None
    found = record.get("format") if isinstance(record, dict) else None
    if found != format_name:
        raise ValueError(
            f"{os.fspath(path)}, line 1: expected the format {format_name!r}, got {found!r:.50}"
        )
    assert isinstance(record, dict)
    return record


def read_list(path: str | os.PathLike[str], record: dict[str, Any], key: str) -> list[Any]:
    """Return the list at `key`, or raise `ValueError`."""
    value = record.get(key)
    if not isinstance(value, list):
        raise ValueError(f"{os.fspath(path)}: expected a list at {key!r}, got {value!r:.50}")
    return value


def read_strings(path: str | os.PathLike[str], record: dict[str, Any], key: str) -> list[str]:
    """Return the list of different strings at `key`, or raise `ValueError`."""
    values = read_list(path, record, key)
    seen = set()
    for number, value in enumerate(values):
        if not isinstance(value, str) or value in seen:
            raise ValueError(
                f"{os.fspath(path)}: expected different strings at {key!r}, "
                f"got {value!r:.50} at {number}"
            )
        seen.add(value)
    return values
