"""Work beside the run: the newest job of each kind, one after the other, in a thread that ends when none is left."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Background:
    """Does jobs in a thread; a job that was not begun gives way to a newer one of its kind.

    So however slow the jobs are, at most one of each kind waits, and whoever hands them over never does.

    >>> found = []
    >>> background = Background()
    >>> background.put("latest", lambda: found.append(1))
    >>> background.wait()
    >>> found, background.error()
    ([1], None)
    """

    def __init__(self) -> None:
        self._waiting: dict[str, Callable[[], None]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def put(self, kind: str, job: Callable[[], None]) -> None:
        """Have a job done soon."""
        with self._lock:
            self._waiting.pop(kind, None)  # a newer one waits behind the jobs of other kinds
            self._waiting[kind] = job
            if self._thread is None:
                # no daemon: a program that ends waits for what is being written
                self._thread = threading.Thread(target=self._work, name="freedive-background")
                self._thread.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                job = self._waiting.pop(next(iter(self._waiting)))
            try:
                job()
            except BaseException as error:  # handed over by `error`
                self._error = error

    def wait(self) -> None:
        """Until all jobs are done."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def error(self) -> BaseException | None:
        """What went wrong in the last job that failed since this was asked last."""
        error, self._error = self._error, None
        return error
