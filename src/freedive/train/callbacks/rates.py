"""Callbacks that set the learning rate: by a function of the epoch, and when training gets no better."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

from ...config import NonNegativeFloat, finite, non_negative
from ..screen import say
from .base import Callback, Described, Edge
from .watcher import Mode, Watcher


class LearningRateScheduler(Described):
    """Set the learning rate before every epoch.

    The rate is a number that the compiled run takes as an input: a new one compiles nothing. Pauses the run at every
    epoch; a schedule given to the optimizer itself (`freedive.optimizers.schedules`) does not.

    Args:
        schedule: `f(epoch, learning_rate)` or `f(epoch)`, epochs from 0, that gives the learning rate.
        verbose: 1 says every new rate.

    Raises:
        ValueError: before the first epoch, if the optimizer has a schedule of its own.

    >>> import freedive as fd
    >>> fd.callbacks.LearningRateScheduler(lambda epoch, rate: rate if epoch < 10 else rate * 0.9).pauses()
    'epoch'
    """

    edge: ClassVar[Edge | None] = "epoch"

    schedule: Callable[..., Any]
    verbose: Any = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not callable(self.schedule):
            raise TypeError(f"{self.where()}: schedule must be a function f(epoch, rate). Received: {self.schedule!r}")
        self._takes_rate = takes_two(self.schedule)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        old = settable_rate(self)
        new = self.schedule(epoch, old) if self._takes_rate else self.schedule(epoch)
        try:
            new = float(new)
        except (TypeError, ValueError):
            raise ValueError(
                f"{self.where()}: the schedule must give a number. For epoch {epoch} it gave {new!r}"
            ) from None
        self.model.optimizer.learning_rate = new
        if self.verbose and new != old:
            say(f"Epoch {epoch + 1}: learning rate {new:.4g}")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = self.model.optimizer.learning_rate


class ReduceLROnPlateau(Watcher):
    """Lower the learning rate when a result has not improved for some epochs: rate <- max(factor · rate, min_lr).

    Pauses the compiled run at every epoch; a new rate compiles nothing.

    Args:
        monitor: the result to watch, as it is called in the history.
        factor: what the rate is multiplied by, below 1.
        patience: epochs without improvement after which it is.
        verbose: 1 says every new rate.
        mode: "min", "max", or "auto": what the name of the result says.
        min_delta: by how much at least a better result must be better.
        cooldown: epochs after a reduction in which nothing is counted.
        min_lr: the rate is never lower.

    Raises:
        ValueError: at the end of the first epoch, if there is no such result; before it, if the optimizer has a
            schedule of its own.

    >>> import freedive as fd
    >>> fd.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=3)
    ReduceLROnPlateau(monitor='loss', factor=0.5, patience=3)
    """

    edge: ClassVar[Edge | None] = "epoch"

    monitor: str = "val_loss"
    factor: Annotated[float, non_negative] = 0.1
    patience: Annotated[int, non_negative] = 10
    verbose: Any = 0
    mode: Mode = "auto"
    min_delta: Annotated[float, finite, abs] = 1e-4
    cooldown: Annotated[int, non_negative] = 0
    min_lr: NonNegativeFloat = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.factor >= 1:
            raise ValueError(f"{self.where(factor=self.factor)}: expected less than 1, so that the rate gets lower")
        self._reset()

    def _reset(self) -> None:
        self.best: float | None = None
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._reset()
        settable_rate(self)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = {} if logs is None else logs
        logs["learning_rate"] = self.model.optimizer.learning_rate
        current = self.current(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(current, self.best, self.min_delta):
            self.best, self.wait = current, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter, self.wait = self.cooldown, 0

    def _reduce(self, epoch: int) -> bool:
        old = self.model.optimizer.learning_rate
        if old <= self.min_lr:
            return False
        new = self.model.optimizer.learning_rate = max(old * self.factor, self.min_lr)
        if self.verbose:
            say(f"Epoch {epoch + 1}: learning rate {new:.4g}, since {self.monitor} gets no better")
        return True

    def in_cooldown(self) -> bool:
        """Whether the last reduction is too fresh to count epochs."""
        return self.cooldown_counter > 0

    def get_state(self) -> dict[str, Any]:
        state = {name: getattr(self, name) for name in ("best", "wait", "cooldown_counter")}
        return {**state, "learning_rate": self.model.optimizer.learning_rate}

    def set_state(self, state: dict[str, Any]) -> None:
        self.best, self.wait, self.cooldown_counter = (state[name] for name in ("best", "wait", "cooldown_counter"))
        self.model.optimizer.learning_rate = state["learning_rate"]


def settable_rate(callback: Callback) -> float:
    """The learning rate of the callback's model, where it is a number that may be set."""
    optimizer, name = callback.model.optimizer, type(callback).__name__
    rate = getattr(optimizer, "learning_rate", None)
    if isinstance(rate, (int, float)):
        return float(rate)
    has = f"the schedule {rate!r}" if callable(rate) else "inside another library's transformation"
    has = f"one for each of several optimizers, {rate!r}" if isinstance(rate, dict) else has
    raise ValueError(
        f"{name}: the learning rate of {type(optimizer).__name__} is {has}, so it cannot be set. "
        f"Give the optimizer a number, learning_rate=0.001, or leave {name} out"
    )


def takes_two(function: Callable[..., Any]) -> bool:
    """Whether a function can be called with two arguments.

    >>> takes_two(lambda epoch, rate: rate), takes_two(lambda epoch: 0.1)
    (True, False)
    """
    try:
        inspect.signature(function).bind(0, 0.0)
    except ValueError:  # a function of C that does not say
        return True
    except TypeError:
        return False
    return True
