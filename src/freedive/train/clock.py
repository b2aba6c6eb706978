"""How long epochs take, as seen at the ends of chunks, in which some epochs may end at once."""

from __future__ import annotations

import time
from typing import Any


class EpochClock:
    """Tells at the end of a chunk how many epochs ended in it, and how long each took on average.

    `seconds` is the time of the last epoch that ended, but what was compiled in it, which is `compiling`; `steps` the
    number of its steps (None before it is known), `epoch` the epoch under way, `began` when that began.
    """

    def __init__(self) -> None:
        self.seconds = self.compiling = 0.0
        self.epoch: int | None = None
        self.steps: int | None = None
        self._at = 0
        self._late = self._before = 0.0  # seconds of compiling in the epoch under way, and in those before it
        self.began = time.perf_counter()

    def begin(self, epoch: int) -> None:
        """The first epoch begins; later ones begin where the last one ended."""
        if self.epoch is None:
            self.epoch, self.began = epoch, time.perf_counter()

    def closed(self, run: Any) -> int:
        """The number of epochs that ended in this chunk."""
        now = time.perf_counter()
        count = run.epoch - self.epoch if self.epoch is not None else 0
        if run.stream is None:
            self.steps = run.training or run.line.steps
        elif count > 0:  # a stream has as many batches as came before it ended
            self.steps = self._at
        self._at = run.at
        self._late = run.compiling - self._before
        if count > 0:
            self.compiling, self._late, self._before = self._late, 0.0, run.compiling
            self.seconds = (now - self.began - self.compiling) / count
            self.epoch, self.began = run.epoch, now
        return count

    def elapsed(self) -> float:
        """Seconds since the epoch under way began, but those of compiling."""
        return time.perf_counter() - self.began - self._late
