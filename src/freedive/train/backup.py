"""A callback that lets a run that was broken off go on where it stood."""

from __future__ import annotations

import contextlib
import os
from typing import Annotated, Any, ClassVar

from ..files import ModelFileError, make_folders, remove_stale_temporaries
from .callbacks.base import CallbackList, Described, Edge
from .callbacks.saving import frequency
from .checkpoint import load_checkpoint, save_checkpoint
from .program import steps_done
from .screen import say

LATEST, FORMER = "latest.safetensors", "former.safetensors"


class BackupAndRestore(Described):
    """Keep a checkpoint of the run; when the same program is started again after a crash, it goes on from there.

    The checkpoint holds everything: weights, the optimizer's state, the place in the data, the random numbers, the
    history and what other callbacks remember. So the run that goes on ends with the same bits as one that was never
    broken off.

    Pauses the compiled run at every epoch.

    Args:
        backup_dir: a folder for this run alone; it is made.
        save_freq: "epoch", or a number of batches: then a checkpoint is written at the first pause of the run after
            so many, several pauses a second apart.
        double_checkpoint: whether the checkpoint before is kept too, and taken where the latest is damaged.
        delete_checkpoint: whether checkpoints are removed when training has come to its end.

    >>> import freedive as fd
    >>> fd.callbacks.BackupAndRestore("runs/backup", save_freq=1000)
    BackupAndRestore(backup_dir='runs/backup', save_freq=1000)
    """

    edge: ClassVar[Edge | None] = "epoch"
    last: ClassVar[bool] = True  # so that what the others remember is of the same epoch

    backup_dir: Any
    save_freq: Annotated[Any, frequency] = "epoch"
    double_checkpoint: bool = False
    delete_checkpoint: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.backup_dir = os.fspath(self.backup_dir)
        if not self.backup_dir:
            raise ValueError(f"{self.where(backup_dir='')}: expected a folder")
        self._latest, self._former = (os.path.join(self.backup_dir, name) for name in (LATEST, FORMER))
        self._run: Any = None
        self._callbacks: CallbackList | None = None
        self._saved = 0  # the step of the last checkpoint

    def on_run_begin(self, run: Any, callbacks: CallbackList) -> None:
        make_folders(self.backup_dir)
        remove_stale_temporaries(self.backup_dir)
        self._run, self._callbacks = run, callbacks
        for path in (self._latest, self._former):
            if os.path.exists(path) and self._restore(path):
                break
        self._saved = steps_done(run.ts)

    def _restore(self, path: str) -> bool:
        """Put the run where a checkpoint says; False if it is damaged and there may be another."""
        try:
            differences = load_checkpoint(path, self._run, self._callbacks)
        except ModelFileError as error:
            if path == self._latest and os.path.exists(self._former) and error.code != "TENSOR_MISMATCH":
                say(f"{error}. Taking {self._former}")
                return False
            raise
        done = min(self._run.at, self._run.training) if self._run.stream is None else self._run.at
        say(f"Going on with epoch {self._run.epoch + 1}{f' after {done} batches' * bool(done)}, from {path}")
        if differences:
            say(f"The same up to rounding, not to the bit: {'; '.join(differences)}")
        return True

    def on_chunk_end(self, run: Any) -> None:
        if self.save_freq != "epoch" and run.at and self._due():
            self._save()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self._run is not None and (self.save_freq == "epoch" or self._due()):
            self._save()

    def _due(self) -> bool:
        return steps_done(self._run.ts) - self._saved >= self.save_freq

    def _save(self) -> None:
        if self.double_checkpoint and os.path.exists(self._latest):
            os.replace(self._latest, self._former)
        save_checkpoint(self._latest, self._run, self._callbacks)
        self._saved = steps_done(self._run.ts)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._run = self._callbacks = None
        if self.delete_checkpoint:
            for path in (self._latest, self._former):
                with contextlib.suppress(FileNotFoundError):
                    os.remove(path)
            with contextlib.suppress(OSError):  # other files may be in it
                os.rmdir(self.backup_dir)
