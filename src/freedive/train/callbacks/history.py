"""History: what `fit` returns."""

from __future__ import annotations

from typing import Any, ClassVar

from .base import Callback, Edge


class History(Callback):
    """The results of every epoch: `.history` (name -> list of numbers), `.epoch`, `.params`, and `.plot()`."""

    edge: ClassVar[Edge] = "never"

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def get_state(self) -> dict[str, Any]:
        return {"history": self.history, "epoch": self.epoch}

    def set_state(self, state: dict[str, Any]) -> None:
        self.history, self.epoch = state["history"], state["epoch"]
