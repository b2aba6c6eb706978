"""Ctrl-C during training: the chunk under way is finished, so that what was learned is whole."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any, ClassVar

from ..callbacks import Callback
from . import console


class StopAtEdge(Callback):
    """Ends a run at the edge of a chunk, which is never far, once `asked` is set."""

    edge: ClassVar[Any] = "never"
    asked = False

    def on_chunk_end(self, run: Any) -> None:
        if self.asked:
            self.model.stop_training = True


@contextlib.contextmanager
def stops_at_edge() -> Iterator[StopAtEdge]:
    """While it lasts, the first Ctrl-C asks the callback that it gives; the second interrupts as ever."""
    callback = StopAtEdge()
    if threading.current_thread() is not threading.main_thread():  # where signals cannot be taken over
        yield callback
        return
    former = signal.getsignal(signal.SIGINT)

    def ask(number: int, frame: Any) -> None:
        callback.asked = True
        signal.signal(signal.SIGINT, former)
        console.warn("\nStopping as soon as the steps under way are done; Ctrl-C again stops at once.")

    signal.signal(signal.SIGINT, ask)
    try:
        yield callback
    finally:
        signal.signal(signal.SIGINT, former)
