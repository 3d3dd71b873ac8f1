"""Members of the archives in which packages come: wheels, sdists and Debian packages."""

from __future__ import annotations

import io
from collections.abc import Sequence

_AR_MAGIC, _AR_HEADER_BYTES = b"!<arch>\n", 60


def read_members(archive: bytes, names: Sequence[str]) -> list[bytes]:
    """Read members of an archive in memory; nothing is written to disk.

    Parameters
    ----------
    archive : bytes
        A zip file (as wheels are), a compressed tar file, or a Debian package.
    names : sequence of str
        Paths of the members.

    Raises
    ------
    ValueError
        For something else or damaged, and for a member that is not there.

    Examples
    --------
    >>> import io, zipfile
    >>> file = io.BytesIO()
    >>> with zipfile.ZipFile(file, "w") as archive:
    ...     archive.writestr("data/words.txt", "one two")
    >>> read_members(file.getvalue(), ["data/words.txt"])
    [b'one two']
    """
    if archive.startswith(b"PK"):
        return _zip_members(archive, names)
    if archive.startswith(_AR_MAGIC):
        return _tar_members(_debian_data(archive), names)
    return _tar_members(archive, names)


def _zip_members(archive: bytes, names: Sequence[str]) -> list[bytes]:
    import zipfile

    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as file:
            return [file.read(name) for name in names]
    except (KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"zip file: {error}") from error


def _tar_members(archive: bytes, names: Sequence[str]) -> list[bytes]:
    import tarfile
    from lzma import LZMAError
    from zlib import error as zlib_error

    members = []
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as file:
            for name in names:
                member = file.extractfile(name)
                if member is None:
                    raise ValueError(f"tar file: {name} is not a file")
                members.append(member.read())
    except (KeyError, tarfile.TarError, EOFError, OSError, LZMAError, zlib_error) as error:
        raise ValueError(f"tar file: {error}") from error
    return members


def _debian_data(archive: bytes) -> bytes:
    """Return the member data.tar.* of an ar file: headers of 60 bytes, contents at even offsets."""
    place = len(_AR_MAGIC)
    while len(header := archive[place : place + _AR_HEADER_BYTES]) == _AR_HEADER_BYTES:
        name, size = header[:16].rstrip(b" /"), header[48:58].strip()
        if header[58:] != b"`\n" or not size.isdigit():
            break
        place += _AR_HEADER_BYTES
        content = archive[place : place + int(size)]
        if name.startswith(b"data.tar") and len(content) == int(size):
            return content
        place += int(size) + int(size) % 2
    raise ValueError("Debian package: no data.tar in it")
