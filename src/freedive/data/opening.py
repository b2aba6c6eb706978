"""Opening files, gzipped or not: by what they hold, never by what they are called."""

from __future__ import annotations

import codecs
import contextlib
import gc
import gzip
import os
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from ..files.opening import NotAFileError, open_regular
from .errors import DataFileError

Path = str | os.PathLike[str]
MAX_BYTES = 2**33  # what a gzipped file may unpack to: a small one may claim anything
PACKED = 100  # what a gzipped file may unpack to beside that, in times of its size
FREE_BYTES = 2**26  # which it may always
_CHUNK = 2**22


def open_file(path: Path) -> BinaryIO:
    """A regular file opened for reading: a pipe or a device under a picture's name would wait, or never end."""
    try:
        return open_regular(path)
    except NotAFileError as error:
        raise DataFileError(path, f"{error.strerror}, expected a file") from None


@contextlib.contextmanager
def open_binary(path: Path) -> Iterator[BinaryIO]:
    """A file opened for reading, unpacked on the way if it is gzipped; what goes wrong inside names the file."""
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(open_file(path))
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            yield cast(BinaryIO, gzip.GzipFile(fileobj=file)) if packed else file
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataFileError(path, f"the gzipped content is damaged: {error}") from error


def read_at_most(path: Path, file: BinaryIO, most: int) -> bytes:
    """The next bytes of a file, `most` of them or fewer at its end, taking memory only as they come."""
    if most > MAX_BYTES:
        raise DataFileError(path, f"{most:,} bytes announced; at most {MAX_BYTES:,} are read")
    packed = isinstance(file, gzip.GzipFile)
    bound = FREE_BYTES + PACKED * os.path.getsize(path) if packed else MAX_BYTES
    parts, left, taken = [], most, 0
    while left and (part := file.read(min(left, _CHUNK))):
        parts.append(part)
        left, taken = left - len(part), taken + len(part)
        if taken > bound:
            raise DataFileError(path, f"more than {bound:,} bytes come out of it: unpack it first, if it is no bomb")
    return b"".join(parts)


def read_bytes(path: Path, most: int = MAX_BYTES) -> bytes:
    """The whole content of a file, gzipped or not; more than `most` bytes is an error."""
    with open_binary(path) as file:
        content = read_at_most(path, file, most)
        if file.read(1):
            raise DataFileError(path, f"more than {most:,} bytes")
    return content


def read_text(path: Path, encoding: str = "utf-8") -> str:
    """The whole content of a text file, gzipped or not, without a byte order mark; other bytes name their line."""
    content = read_bytes(path)
    try:
        return content.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        perhaps = likely_encoding(content)
        detail = f"byte 0x{byte:02x} is not {encoding}; perhaps it is {perhaps}: pass the file's encoding, as "
        detail += f"encoding={perhaps!r} (--set encoding={perhaps}), or convert it: iconv -f {perhaps} -t utf-8"
        raise DataFileError(path, detail, line, "line") from None


def read_lines(path: Path, encoding: str = "utf-8") -> list[str]:
    """The lines of a text file, gzipped or not; see `lines_of`."""
    return lines_of(read_text(path, encoding))


def lines_of(text: str) -> list[str]:
    r"""The lines of a text, which end where files end theirs: at \n, \r\n or \r, and at no other sign of Unicode's.

    >>> lines_of("a\r\n\u2028b\n"), lines_of("")
    (['a', '\u2028b'], [])
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines if lines[-1] else lines[:-1]


def likely_encoding(content: bytes) -> str:
    """What bytes that are no UTF-8 may be: UTF-16 says so; Chinese comes in pairs of high bytes, an accent alone.

    >>> [likely_encoding(text) for text in ("é".encode("utf-16"), "北京".encode("gbk"), "déjà vu".encode("latin-1"))]
    ['utf-16', 'gbk', 'cp1252']
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        content.decode("gb2312")
    except UnicodeDecodeError:
        return "cp1252"
    return "gbk"


@contextlib.contextmanager
def many_objects() -> Iterator[None]:
    """Make many small objects, none of which refers to itself, without Python looking for such among them every time.

    The looking takes as long as the reading of a table. And jax is told of it: a Ctrl-C that comes meanwhile is raised
    in what jax does then, and lost.
    """
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()
