"""One writer a folder: a lock that its owner's death gives back."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import Any

from .atomic import make_folders
from .errors import FolderInUseError

try:
    import fcntl
except ImportError:  # Windows
    fcntl: Any = None

LOCK = ".lock"


class FolderLock:
    """A folder that is written by nobody else until `release`; where the system has no such locks, a no-op.

    The lock is the system's on an open file, so it ends with its process, however that ends.

    Args:
        folder: it must be there.

    Raises:
        FolderInUseError: somebody else writes there; says who.

    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> lock = FolderLock(folder)
    >>> try:
    ...     FolderLock(folder)
    ... except FolderInUseError as error:
    ...     print(error.strerror[:36])
    ... finally:
    ...     lock.release()
    the folder is being written by proce
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self.folder = os.fspath(folder)
        self.path = os.path.join(self.folder, LOCK)
        self._descriptor: int | None = None
        while fcntl is not None and self._descriptor is None:
            self._descriptor = self._taken()

    def _taken(self) -> int | None:
        """The locked file; None if its name went to another file meanwhile."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_at(descriptor, self.path):  # its former owner removed it between open and lock
                os.close(descriptor)
                return None
            os.ftruncate(descriptor, 0)
            os.write(descriptor, b"%d\n" % os.getpid())
        except BlockingIOError:
            owner = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise FolderInUseError(
                errno.EBUSY,
                f"the folder is being written by process {owner or 'unknown'}{_if_own(owner)}: wait for it, end it, "
                "or take another folder",
                self.folder,
            ) from None
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def release(self, remove: bool = False) -> None:
        """Let others write; `remove` takes the file of the lock away too."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            if remove:
                with contextlib.suppress(OSError):
                    os.unlink(self.path)
            with contextlib.suppress(OSError):  # the system has closed it even when it reports an error
                os.close(descriptor)


@contextlib.contextmanager
def only_writer(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Nobody else writes a folder while the block runs, and no trace of that stays.

    The folder is made, with the missing ones above it; those in which nothing was written go again.

    Raises:
        FolderInUseError: somebody else writes there.
    """
    made = make_folders(folder)
    lock = FolderLock(folder)
    try:
        yield
    finally:
        lock.release(remove=True)
        with contextlib.suppress(OSError):  # something is in it
            for path in reversed(made):
                os.rmdir(path)


def _is_at(descriptor: int, path: str) -> bool:
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))


def _if_own(owner: str) -> str:
    return ", which is this one" if owner == str(os.getpid()) else ""
