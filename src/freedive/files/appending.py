"""Files that grow line by line: each addition is there whole or not at all."""

from __future__ import annotations

import contextlib
import os

from .errors import FileNotWrittenError

Path = str | os.PathLike[str]


def append_whole(path: Path, data: bytes) -> None:
    """Add bytes to the end of a file; a failure leaves it as it was.

    What is added outlives the process; `sync_file` makes it outlive the machine's power too.

    Raises:
        FileNotWrittenError: the system refused; the file is as long as before.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "a.csv")
    >>> append_whole(path, b"epoch,loss\\n")
    >>> append_whole(path, b"0,0.5\\n")
    >>> open(path).read()
    'epoch,loss\\n0,0.5\\n'
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
        try:
            _append(descriptor, data)
        finally:
            os.close(descriptor)
    except OSError as error:
        cause = error.strerror or str(error)
        message = f"could not add to the file ({cause}); what was in it is untouched"
        raise FileNotWrittenError(error.errno, message, os.fspath(path)) from error


def _append(descriptor: int, data: bytes) -> None:
    end, rest = os.fstat(descriptor).st_size, memoryview(data)
    try:
        while rest.nbytes:
            rest = rest[os.write(descriptor, rest) :]
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, end)
        raise


def sync_file(path: Path) -> None:
    """Make what a file holds durable.

    Raises:
        OSError: the system could not promise it.
    """
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
