"""Texts of the SWORD project: verses in compressed blocks (its format zText)."""

from __future__ import annotations

import re
import struct

# A block: offset and size in the file of texts, size of the text. A verse: number of the block,
# offset and size in its text.
_BLOCK, _VERSE = struct.Struct("<III"), struct.Struct("<IIH")

# Notes and headings are no part of a verse; of other elements only the tags go, and of an unread
# marker of the source (as \nd).
_NOT_TEXT = re.compile(r"<(note|title)\b[^>]*(?<!/)>.*?</\1>", re.DOTALL)
_TAG = re.compile(r"<[^>]*>|\\\+?[a-z]+\*?|\N{PILCROW SIGN}")


def read_verses(blocks: bytes, verses: bytes, texts: bytes) -> list[str]:
    """Read the verses of one testament, with their markup.

    Parameters
    ----------
    blocks, verses, texts : bytes
        Contents of the files .bzs, .bzv and .bzz.

    Returns
    -------
    list of str
        One for each entry of the versification, which has entries for headings too; empty where
        there is nothing.

    Raises
    ------
    ValueError
        For damaged contents.
    """
    import zlib

    unpacked = []
    try:
        for start, packed_size, size in _BLOCK.iter_unpack(blocks):
            text = zlib.decompress(texts[start : start + packed_size])
            if len(text) != size:
                raise ValueError(f"a block has {len(text)} bytes, not {size}")
            unpacked.append(text)
        found = []
        for block, start, size in _VERSE.iter_unpack(verses):
            text = unpacked[block][start : start + size] if size else b""
            if len(text) != size:
                raise ValueError(f"a verse leaves block {block}")
            found.append(text.decode("utf-8"))
    except (ValueError, IndexError, struct.error, zlib.error) as error:
        raise ValueError(f"SWORD text: damaged: {error}") from error
    return found


def plain_text(verse: str) -> str:
    """Take the markup (OSIS) out of a verse, with notes and headings.

    Examples
    --------
    >>> plain_text('<title>A song</title>Sing <w lemma="1">loud</w>,<note>or: often</note> all. ')
    'Sing loud, all.'
    """
    from html import unescape

    return " ".join(unescape(_TAG.sub("", _NOT_TEXT.sub("", verse))).split())
