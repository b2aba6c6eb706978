"""Callbacks that keep the model on disk while it trains."""

from __future__ import annotations

import os
import string
from typing import Annotated, Any

from ...config import integer, positive
from ...errors import nearest
from ...files.atomic import make_folders
from ..screen import number, say
from .base import Edge
from .watcher import Mode, Watcher

SUFFIX = ".safetensors"


def frequency(value: Any) -> Any:
    """ "epoch" or a number of batches."""
    if value == "epoch":
        return value
    try:
        return positive(integer(value))
    except (TypeError, ValueError):
        raise ValueError(f'expected "epoch" or a number of batches, 1 or more. Received: {value!r}') from None


Frequency = Annotated[Any, frequency]


def model_file(value: Any) -> str:
    """A path that ends in .safetensors and whose {fields} can be filled in."""
    path = os.fspath(value)
    if not path.endswith(SUFFIX):
        stem = path.removesuffix(".keras").removesuffix(".h5").removesuffix(".weights").removesuffix(".hdf5")
        raise ValueError(f"models are written as {SUFFIX} files. Write: {stem + SUFFIX!r}")
    list(string.Formatter().parse(path))  # raises ValueError for a brace without its pair
    return path


class ModelCheckpoint(Watcher):
    """Save the model, or its weights, after every epoch or so many batches: each time, or when it is the best so far.

    Each file is written whole or not at all, so the last good one survives a crash.

    Pauses the compiled run at every epoch; with `save_freq` a number of batches at every batch.

    Args:
        filepath: where, ending in .safetensors; may hold `{epoch:02d}`, `{batch}` and names of results such as
            `{val_loss:.2f}`; epochs without validation are left out then. Epochs and batches count from 1 here. Missing
            folders are made.
        monitor: the result to watch with `save_best_only`.
        verbose: 1 says what was saved and why.
        save_best_only: whether only a model better than the best so far is saved.
        save_weights_only: whether `model.save_weights` rather than `model.save` writes it.
        mode: "min", "max", or "auto": what the name of the result says.
        save_freq: "epoch", or a number of batches, counted on over the epochs.
        initial_value_threshold: a result that has to be beaten from the start.

    Raises:
        ValueError: the path does not end in .safetensors; or, at the end of the first epoch, there is no such result.

    >>> import freedive as fd
    >>> fd.callbacks.ModelCheckpoint("runs/{epoch:02d}-{val_loss:.2f}.safetensors", save_best_only=True)
    ModelCheckpoint(filepath='runs/{epoch:02d}-{val_loss:.2f}.safetensors', save_best_only=True)
    """

    filepath: Annotated[Any, model_file]
    monitor: str = "val_loss"
    verbose: Any = 0
    save_best_only: bool = False
    save_weights_only: bool = False
    mode: Mode = "auto"
    save_freq: Frequency = "epoch"
    initial_value_threshold: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.best = self.initial_value_threshold
        self._epoch = self._batches = 0
        if self.save_freq != "epoch" and self.save_best_only and self.monitor.startswith("val_"):
            raise ValueError(
                f"{self.where(monitor=self.monitor, save_freq=self.save_freq)}: validation comes at the end of an "
                f'epoch. Take save_freq="epoch" or watch monitor={self.monitor.removeprefix("val_")!r}'
            )

    def pauses(self) -> Edge:
        return "epoch" if self.save_freq == "epoch" else "batch"

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.save_freq == "epoch":
            self._consider({"epoch": epoch + 1}, logs or {})

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self.save_freq != "epoch":
            self._batches += 1
            if self._batches >= self.save_freq:
                self._batches = 0
                self._consider({"epoch": self._epoch + 1, "batch": batch + 1}, logs or {})

    def _consider(self, place: dict[str, int], logs: dict[str, Any]) -> None:
        """Save, if it is to be saved now."""
        current = self.current(logs) if self.save_best_only else None
        if (self.save_best_only and current is None) or (self.save_freq == "epoch" and self._nameless(logs)):
            return
        path, why = self._fill({**logs, **place}), ""
        if current is not None:
            before = "" if self.best is None else f" (best so far {number(self.best)})"
            why = f"{self.monitor} {number(current)}{before}, "
            if not self.improves(current, self.best):
                self._tell(place, f"{why}not saved")
                return
            self.best = current
        make_folders(os.path.dirname(path) or os.curdir)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        self._tell(place, f"{why}saved {path}")

    def _nameless(self, logs: dict[str, Any]) -> bool:
        """Whether the path needs a result of validation, which is not due in this epoch."""
        return any(name and self.not_due(name, logs) for _, name, _, _ in string.Formatter().parse(self.filepath))

    def _fill(self, fields: dict[str, Any]) -> str:
        """The path with its {fields} filled in."""
        try:
            return self.filepath.format(**fields)
        except KeyError as error:
            name = error.args[0]
            close = nearest(name, fields)
            hint = f"Did you mean {{{close[0]}}}?" if close else f"Known: {', '.join(fields)}"
            raise ValueError(f"{self.where(filepath=self.filepath)}: there is no {{{name}}}. {hint}") from None

    def _tell(self, place: dict[str, int], what: str) -> None:
        if self.verbose:
            say(f"Epoch {place['epoch']}: {what}")

    def get_state(self) -> dict[str, Any]:
        return {"best": self.best, "batches": self._batches}

    def set_state(self, state: dict[str, Any]) -> None:
        self.best, self._batches = state["best"], state["batches"]
