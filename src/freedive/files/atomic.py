"""Files that are whole or not there: every file that freedive writes is written here.

The bytes go to a temporary file in the same folder, are synced, take the name of the target in one step, and the
folder is synced. Killed or failing anywhere on the way, the former file is still there, byte for byte.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import secrets
import stat
import time
from collections.abc import Iterable, Iterator
from typing import Any

from .errors import FileNotDurableError, FileNotWrittenError

try:
    import fcntl
except ImportError:  # Windows
    fcntl: Any = None

Path = str | os.PathLike[str]
Bytes = bytes | bytearray | memoryview
_TEMPORARY = re.compile(r"\..*\.tmp-(\d+)-[0-9a-f]{16}", re.DOTALL)
_UNSUPPORTED = (errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP)


def write_atomic(path: Path, data: Bytes | Iterable[Bytes], *, size: int | None = None) -> None:
    """Write a whole file or nothing.

    Args:
        path: where; a symbolic link is followed, the permissions of a former file are kept.
        data: bytes, or an iterable of them.
        size: the number of bytes to reserve beforehand when `data` is an iterable, so that a full disk is noticed
            before anything is written.

    Raises:
        FileNotWrittenError: an `OSError` with path and cause; the former file is untouched.
        FileNotDurableError: the new file is in place, but syncing the folder failed.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "a.txt")
    >>> write_atomic(path, [b"one ", b"breath"])
    >>> open(path).read()
    'one breath'
    """
    if isinstance(data, str):
        raise TypeError("write_atomic expects bytes. Received: a str; use write_text_atomic")
    chunks: Iterable[Any] = data
    if isinstance(data, (bytes, bytearray, memoryview)):
        chunks, size = [data], memoryview(data).nbytes
    with atomic_file(path, size=size) as file:
        for chunk in chunks:
            file.write(chunk)


def write_text_atomic(path: Path, text: str) -> None:
    """Write a whole text file or nothing, as UTF-8 with the line ends that `text` has.

    What is no character, such as a byte of a file name that is not UTF-8, becomes "?": no page is lost to it.
    """
    write_atomic(path, text.encode("utf-8", "replace"))


@contextlib.contextmanager
def atomic_file(path: Path, *, size: int | None = None) -> Iterator[AtomicFile]:
    """A binary file to write to that takes its name when the block ends well, and vanishes when it does not.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "a.bin")
    >>> with atomic_file(path) as file:
    ...     _ = file.write(b"whole")
    ...     os.path.exists(path)
    False
    >>> os.path.exists(path)
    True
    """
    file = AtomicFile(path, size)
    try:
        yield file
        file.commit()
    finally:
        file.discard()  # nothing is left to discard after a commit


class AtomicFile(io.RawIOBase):
    """An open temporary file beside its target; use it through `atomic_file`."""

    def __init__(self, path: Path, size: int | None = None):
        super().__init__()
        self.path = os.fspath(path)
        self._target = os.path.realpath(self.path)
        folder, name = os.path.split(self._target)
        self.name = os.path.join(folder, f".{name[:60]}.tmp-{os.getpid()}-{secrets.token_hex(8)}")
        self._descriptor: int | None = None
        self._position = self._end = 0
        try:
            with self._explained():
                self._open(size)
        except BaseException:
            self.discard()
            raise

    def _open(self, size: int | None) -> None:
        mode = None
        with contextlib.suppress(FileNotFoundError):
            mode = os.stat(self._target).st_mode
        if mode is not None and not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "there is something there that is no ordinary file")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        for name in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"):  # not every system has all of them
            flags |= getattr(os, name, 0)
        self._descriptor = os.open(self.name, flags, 0o666 if mode is None else mode & 0o777)
        if mode is not None and hasattr(os, "fchmod"):
            with contextlib.suppress(OSError):  # the mode given to open, less the umask, stays
                os.fchmod(self._descriptor, mode & 0o777)
        if fcntl is not None:
            with contextlib.suppress(OSError):  # a mark that the owner lives, where the file system has locks
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if size and hasattr(os, "posix_fallocate"):
            _reserve(self._descriptor, size)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            cause = error.strerror or str(error)
            before = "; what was there before is untouched" if os.path.lexists(self.path) else ""
            raise FileNotWrittenError(error.errno, f"could not write the file ({cause}){before}", self.path) from error

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        """Not given: bytes written past `write` would be neither continued after a short write nor counted."""
        raise io.UnsupportedOperation("fileno")

    def write(self, data: Any) -> int:
        """Write all of `data`, however often the system takes only a part of it."""
        rest = memoryview(data)
        rest = rest.cast("B") if rest.contiguous else memoryview(rest.tobytes())
        total = rest.nbytes
        with self._explained():
            while rest.nbytes:
                count = os.write(self._opened(), rest)
                if count == 0:
                    raise OSError(errno.EIO, "the system takes no more bytes")
                rest = rest[count:]
        self._position += total
        self._end = max(self._end, self._position)
        return total

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._end}[whence]
        with self._explained():
            self._position = os.lseek(self._opened(), start + offset, os.SEEK_SET)
        return self._position

    def tell(self) -> int:
        return self._position

    def _opened(self) -> int:
        if self._descriptor is None:
            raise ValueError(f"{self.path}: the file is closed")
        return self._descriptor

    def commit(self) -> None:
        """Sync, take the target's name, sync the folder."""
        with self._explained():
            os.ftruncate(self._opened(), self._end)  # more may have been reserved
            _sync(self._opened())
            descriptor, self._descriptor = self._opened(), None  # a close that fails must not be tried twice
            os.close(descriptor)
            _replace(self.name, self._target)
        try:
            sync_folder(os.path.dirname(self._target))
        except OSError as error:
            cause = error.strerror or str(error)
            raise FileNotDurableError(
                error.errno, f"the file is written, but its folder could not be synced ({cause})", self.path
            ) from error

    def discard(self) -> None:
        """Close and remove the temporary file, if it is still there."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(descriptor)
        with contextlib.suppress(OSError):
            os.unlink(self.name)
        super().close()

    def close(self) -> None:
        """Closing is not committing: a file that nobody committed is discarded."""
        if not self.closed:
            self.discard()


def move_file(source: Path, target: Path) -> None:
    """Give a file another name in the same file system, durably; what had that name is replaced.

    Raises:
        FileNotWrittenError: the system refused; both files are as they were.
    """
    try:
        _replace(os.fspath(source), os.fspath(target))
        for folder in {os.path.dirname(os.fspath(path)) for path in (source, target)}:
            sync_folder(folder)
    except OSError as error:
        message = f"could not move the file to its place ({error.strerror or error})"
        raise FileNotWrittenError(error.errno, message, os.fspath(target)) from error


def make_folders(path: Path) -> list[str]:
    """Make a folder and the missing ones above it, each durable in its parent; one that exists is fine.

    Returns:
        The folders that were missing, the outermost first.

    Raises:
        NotADirectoryError: a file, or a link to nothing, has the name.
    """
    path = os.path.abspath(path)
    missing = []
    while not os.path.isdir(path):
        missing.insert(0, path)
        path = os.path.dirname(path)
    for folder in missing:
        try:
            os.mkdir(folder)
        except FileExistsError:  # somebody else was faster
            if not os.path.isdir(folder):
                raise NotADirectoryError(errno.ENOTDIR, "there is something there that is no folder", folder) from None
        sync_folder(os.path.dirname(folder))
    return missing


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable; a no-op where a system has no such thing."""
    if os.name == "nt":
        return
    descriptor = os.open(path or os.curdir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
    finally:
        os.close(descriptor)


def remove_stale_temporaries(folder: Path) -> list[str]:
    """Remove the temporary files that killed programs left in a folder; those of living ones stay.

    Returns:
        The names of the removed files.
    """
    removed: list[str] = []
    if fcntl is None:  # without locks nobody can tell whether the owner lives
        return removed
    for name in os.listdir(folder):
        match = _TEMPORARY.fullmatch(name)
        if match and not _lives(int(match[1])) and _unlocked(path := os.path.join(folder, name)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
                removed.append(name)
    return removed


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def _unlocked(path: str) -> bool:
    """Whether nobody holds the file: a process of another container may live without being visible here."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _reserve(descriptor: int, size: int) -> None:
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:  # a file system that cannot reserve is no failure
            raise


def _sync(descriptor: int) -> None:
    full = getattr(fcntl, "F_FULLFSYNC", None)  # macOS: fsync alone leaves the bytes in the drive's cache
    if full is not None:
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, full)
            return
    os.fsync(descriptor)


def _replace(source: str, target: str, tries: int = 10) -> None:
    for left in reversed(range(tries if os.name == "nt" else 1)):
        try:
            os.replace(source, target)
            return
        except PermissionError:  # Windows: a virus scanner or a reader holds the target for a moment
            if not left:
                raise
            time.sleep(0.05)
