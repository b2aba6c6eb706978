"""How long epochs take, as seen at the ends of chunks, in which some epochs may end at once."""

from __future__ import annotations

import time
from typing import Any


class EpochClock:
    """Tells at the end of a chunk how many epochs ended in it, and how long each took on average.

    `seconds` is the time of the last epoch that ended, `epoch` the one under way, `began` when that began.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.epoch: int | None = None
        self.began = time.perf_counter()

    def begin(self, epoch: int) -> None:
        """The first epoch begins; later ones begin where the last one ended."""
        if self.epoch is None:
            self.epoch, self.began = epoch, time.perf_counter()

    def closed(self, run: Any) -> int:
        """The number of epochs that ended in this chunk."""
        now = time.perf_counter()
        count = run.epoch - self.epoch if self.epoch is not None else 0
        if count > 0:
            self.seconds = (now - self.began) / count
            self.epoch, self.began = run.epoch, now
        return count

    def elapsed(self) -> float:
        """Seconds since the epoch under way began."""
        return time.perf_counter() - self.began


def steps_of(run: Any, part: str) -> int | None:
    """The steps of an epoch of a run; None where its batches come from a stream that has not ended yet.

    Args:
        part: "train" for the steps of training, "all" for those of validation or evaluation too.
    """
    if hasattr(run, "known"):
        return run.known
    return run.line.training if part == "train" else run.line.steps
