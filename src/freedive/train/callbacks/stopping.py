"""Callbacks that end training: when it gets no better, and when it broke."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

import numpy as np

from ...config import finite, non_negative
from ..screen import say
from .base import Described, Edge
from .watcher import Mode, Watcher

Count = Annotated[int, non_negative]


class EarlyStopping(Watcher):
    """Stop training when a result has not improved for some epochs.

    An epoch improves when its result is better than the best so far by more than `min_delta`. After `patience` epochs
    in a row without improvement training stops.

    Pauses the compiled run at every epoch.

    Args:
        monitor: the result to watch, as it is called in the history.
        min_delta: by how much at least a better result must be better.
        patience: epochs without improvement after which training stops.
        verbose: 1 says when training was stopped and which weights were restored.
        mode: "min", "max", or "auto": what the name of the result says.
        baseline: improvements count only when they are better than this too.
        restore_best_weights: whether the model ends with the weights of its best epoch; stopped by Ctrl-C, it has those
            of the last one.
        start_from_epoch: epochs before this one are not looked at.

    Raises:
        ValueError: at the end of the first epoch, if there is no such result.

    >>> import freedive as fd
    >>> fd.callbacks.EarlyStopping("val_accuracy", patience=3, restore_best_weights=True)
    EarlyStopping(monitor='val_accuracy', patience=3, restore_best_weights=True)
    """

    edge: ClassVar[Edge | None] = "epoch"

    monitor: str = "val_loss"
    min_delta: Annotated[float, finite, abs] = 0.0
    patience: Count = 0
    verbose: Any = 0
    mode: Mode = "auto"
    baseline: float | None = None
    restore_best_weights: bool = False
    start_from_epoch: Count = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._reset()

    def _reset(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best: float | None = None
        self.best_weights: list[np.ndarray] | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        current = self.current(logs or {})
        if current is None or epoch < self.start_from_epoch:
            return
        better = self.improves(current, self.best, self.min_delta)
        if better:
            self.best = current
        if better or (self.restore_best_weights and self.best_weights is None):
            self.best_epoch = epoch
            self.best_weights = self.model.get_weights() if self.restore_best_weights else None
        self.wait += 1
        if better and (self.baseline is None or self.improves(current, self.baseline, self.min_delta)):
            self.wait = 0
        elif not better and self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            say(f"Epoch {self.stopped_epoch + 1}: stopped, no better {self.monitor} since epoch {self.best_epoch + 1}")
        if self.best_weights is not None:
            self.model.set_weights(self.best_weights)
            if self.verbose:
                say(f"The model has the weights of epoch {self.best_epoch + 1} again")

    def get_state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("wait", "stopped_epoch", "best", "best_epoch", "best_weights")}

    def set_state(self, state: dict[str, Any]) -> None:
        vars(self).update(state)


class TerminateOnNaN(Described):
    """Stop training when its loss is NaN or infinite.

    What `compile(on_nonfinite=...)` says comes first: by default training stops at the very step, with the weights from
    before it, and this callback only adds the error, where that is asked for. With "skip" or "rollback" it ends what
    would go on; with "keep" it is alone, as in Keras: the weights may be broken by then.

    Looks at the loss of every epoch and, in long epochs, at the loss so far about five times a second; after training
    it looks at the weights too, since the last update may have broken them.

    Keeps the run compiled: it never pauses it.

    Args:
        raise_error: whether to raise a FloatingPointError rather than stop quietly.

    >>> import freedive as fd
    >>> fd.callbacks.TerminateOnNaN().pauses()
    'never'
    """

    edge: ClassVar[Edge | None] = "never"

    raise_error: bool = False

    _found = False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._found = False

    def on_nonfinite(self, failure: Any) -> None:
        self._found = self.model.stop_training = True  # a warning says why
        if self.raise_error:
            raise FloatingPointError(str(failure))

    def on_chunk_end(self, run: Any) -> None:
        if run.at and not self._found:
            self._check(run.epoch, run.so_far(), f" after {run.at} batches")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not self._found:
            self._check(epoch, logs or {})

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if not self._found and not all(np.isfinite(w).all() for w in self.model.get_weights()):
            self._report("The last update left weights that are not finite")

    def _check(self, epoch: int, logs: dict[str, Any], place: str = "") -> None:
        loss = logs.get("loss")
        if loss is not None and not math.isfinite(loss):
            self._report(f"Epoch {epoch + 1}{place}: the loss is {loss}")

    def _report(self, what: str) -> None:
        self._found = self.model.stop_training = True
        if self.raise_error:
            raise FloatingPointError(
                f"{what}. Lower the learning rate, clip the gradients (clipnorm=1.0), or look for extreme values in "
                "the data"
            )
        say(f"{what}: training stops")
