"""The .ts text format of time-series classification archives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def parse_ts(text: str) -> tuple[list[npt.NDArray[np.float32]], list[str]]:
    r"""Read labelled series: a line each, channels and label between colons, values between commas.

    Parameters
    ----------
    text : str
        Content of the file. Lines that begin with # are comments, those with @ the header.

    Returns
    -------
    series, labels
        Arrays float32 (T, C) that may differ in T, NaN for a value given as ?; labels as text.

    Raises
    ------
    ValueError
        For a header without class labels or with time stamps, and for a line that does not fit;
        the message has its number.

    Examples
    --------
    >>> series, labels = parse_ts("@classLabel true low high\n@data\n1,2,3:4,5,6:low\n")
    >>> series[0].tolist(), labels
    ([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]], ['low'])
    """
    header: dict[str, list[str]] = {}
    series, labels = [], []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("@"):
            name, *words = line[1:].split()
            header[name.lower()] = words
            continue
        if "data" not in header:
            raise ValueError(f"line {number}: expected @data before the series")
        _check_header(header)
        try:
            *channels, label = line.split(":")
            series.append(_parse_channels(channels, header))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
        if label not in header["classlabel"][1:]:
            raise ValueError(f"line {number}: the label {label!r} is not in the header")
        labels.append(label)
    if not series:
        raise ValueError("expected at least one series after @data")
    return series, labels


def _check_header(header: dict[str, list[str]]) -> None:
    if header.get("classlabel", ["false"])[0] != "true":
        raise ValueError("expected @classLabel true with the names of the classes")
    if header.get("timestamps", ["false"]) != ["false"]:
        raise ValueError("expected @timeStamps false")


def _parse_channels(channels: list[str], header: dict[str, list[str]]) -> npt.NDArray[np.float32]:
    expected = int(header["dimensions"][0]) if header.get("dimensions") else len(channels)
    if len(channels) != expected or not channels:
        raise ValueError(f"expected {expected} channels and a label, got {len(channels)} channels")
    values = [channel.replace("?", "nan").split(",") for channel in channels]
    if len({len(channel) for channel in values}) != 1:
        raise ValueError(f"channels have lengths {[len(channel) for channel in values]}")
    return np.ascontiguousarray(np.array(values, np.float32).T)
