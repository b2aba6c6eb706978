"""Opening what should be a regular file, once: nothing that waits, no device, no folder."""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO

from .errors import missing_file

NOT_FILES = (errno.ENXIO, errno.ENODEV, errno.ESPIPE, errno.EISDIR)  # sockets, devices, pipes, folders


class NotAFileError(OSError):
    """A folder, a pipe, a socket or a device where a regular file is expected."""


def open_regular(path: str | os.PathLike[str], buffering: int = -1) -> BinaryIO:
    """A regular file, or a link to one, opened for reading.

    Raises:
        FileNotFoundError: nothing is there; names the nearest files.
        NotAFileError: something else is there; says what.
    """
    try:
        file = open(path, "rb", buffering=buffering, opener=_without_waiting)  # noqa: SIM115 - the caller closes it
    except FileNotFoundError:
        raise missing_file(path) from None
    except OSError as error:
        if error.errno in NOT_FILES:
            raise NotAFileError(error.errno, _kind(path), os.fspath(path)) from None
        raise
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise NotAFileError(errno.EINVAL, _kind(path), os.fspath(path))
    return file


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # a pipe without a writer would wait for ever


def _kind(path: str | os.PathLike[str]) -> str:
    return "a folder" if os.path.isdir(path) else "not a regular file"
