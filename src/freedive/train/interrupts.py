"""Ctrl-C and SIGTERM while a run keeps checkpoints: noted, and heeded at the next edge of a chunk."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import Any

NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """Takes the signals that end a program over, until `give_back`; a second one then does what it always did.

    Threads other than the main one cannot take signals over, and nothing changes there.

    >>> signals = Signals()
    >>> signals.asked is None
    True
    >>> signals.give_back()
    """

    def __init__(self) -> None:
        self.asked: int | None = None  # the signal that came
        self._former: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for number in NUMBERS:
                former = signal.getsignal(number)
                if former not in (None, signal.SIG_IGN):  # what was ignored, as under nohup, stays so
                    self._former[number] = former
                    signal.signal(number, self._note)

    def _note(self, number: int, frame: Any) -> None:
        self.asked = number
        self.give_back()
        with contextlib.suppress(OSError):  # nobody reads: the run is stopped all the same
            os.write(2, b"\nStopping as soon as the steps under way are done; once more stops at once.\n")

    def give_back(self) -> None:
        """Let signals do what they did before."""
        for number, former in self._former.items():
            signal.signal(number, former)
        self._former = {}


def error_of(number: int | None, text: str) -> BaseException:
    """What ends a program in the way that a signal asks for: KeyboardInterrupt, or SystemExit with 128 + 15."""
    return SystemExit(128 + signal.SIGTERM) if number == signal.SIGTERM else KeyboardInterrupt(text)
