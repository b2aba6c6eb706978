"""Callbacks that let a run that was broken off go on where it stood."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from ..config import integer, positive, real
from .callbacks.base import Edge
from .callbacks.saving import frequency
from .callbacks.watcher import Mode
from .resuming import Keeper

Count = Annotated[int | None, lambda value: None if value is None else positive(integer(value))]
Seconds = Annotated[float | None, lambda value: None if value is None else positive(real(value))]


def folder_path(value: Any) -> str:
    """The path of a folder, as text."""
    path = os.fspath(value)
    if not path:
        raise ValueError("expected a folder. Received: ''")
    return path


class Checkpoints(Keeper):
    """Keep checkpoints of the run; the same program, started again, goes on from the newest that is whole.

    A checkpoint holds everything: weights, the optimizer's state, the place in the data, the random numbers, the
    history and what other callbacks remember. So the run that goes on ends with the same bits as one that was never
    broken off. It is copied to the host between two dispatches and written while the run goes on. A checkpoint of
    another model, other data or other settings is refused, with lists of what differs; where other versions or another
    machine may change the last bits, that is said.

    Ctrl-C and SIGTERM stop the run within a fraction of a second, with a checkpoint, and with the way to go on.

    Keeps the run compiled: it pauses it only with `epochs` or `monitor`, at every epoch. `fit(resume=folder)` adds it.

    Args:
        folder: for this run alone; it is made. "auto": one under runs/resume, named by model, data, settings and seed.
        seconds: how often to write one, at the next edge of a dispatch; None: not by time.
        epochs: write one at the end of every so many epochs too.
        keep: how many of the newest are kept; the one before goes only when the next is on disk.
        monitor: a result; a checkpoint of its best epoch is kept too, as best.safetensors.
        mode: "min", "max", or "auto": what the name of the result says.
        restore: whether to go on from the newest; or the path of the checkpoint to go on from. Checkpoints that the run
            does not go on from are moved into a folder "before-1" (2, 3, ...) beside its own.

    Raises:
        FolderInUseError: when training begins, if another process writes there.
        ModelFileError: when training begins, if what is there is of another run, or damaged throughout.

    >>> import freedive as fd
    >>> fd.callbacks.Checkpoints("runs/digits/checkpoints", seconds=600, monitor="val_loss")
    Checkpoints(folder='runs/digits/checkpoints', seconds=600.0, monitor='val_loss')
    """

    folder: Annotated[Any, folder_path] = "auto"
    seconds: Seconds = 60.0
    epochs: Count = None
    keep: Annotated[int, integer, positive] = 2
    monitor: str | None = None
    mode: Mode = "auto"
    restore: Any = True


class BackupAndRestore(Keeper):
    """Keras' name for checkpoints at every epoch or so many batches: what `Checkpoints` does, with Keras' arguments.

    Pauses the compiled run at every epoch.

    Args:
        backup_dir: a folder for this run alone; it is made.
        save_freq: "epoch", or a number of batches: then a checkpoint is written at the first pause of the run after
            so many, several pauses a second apart.
        double_checkpoint: whether the checkpoint before is kept too, and taken where the newest is damaged.
        delete_checkpoint: whether checkpoints are removed when training has come to its end.

    >>> import freedive as fd
    >>> fd.callbacks.BackupAndRestore("runs/backup", save_freq=1000)
    BackupAndRestore(backup_dir='runs/backup', save_freq=1000)
    """

    edge: ClassVar[Edge | None] = "epoch"

    backup_dir: Annotated[Any, folder_path]
    save_freq: Annotated[Any, frequency] = "epoch"
    double_checkpoint: bool = False
    delete_checkpoint: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.folder, self.delete = self.backup_dir, self.delete_checkpoint
        self.keep = 2 if self.double_checkpoint else 1
        self.epochs, self.batches = (1, None) if self.save_freq == "epoch" else (None, self.save_freq)
        self.command = "the same program"

    def pauses(self) -> Edge:
        return "epoch"


def resuming(resume: Any) -> Sequence[Keeper]:
    """The callback that `fit(resume=...)` stands for.

    >>> resuming(None), resuming("runs/a")
    ([], [Checkpoints(folder='runs/a')])
    """
    if resume is None or resume is False:
        return []
    if isinstance(resume, Keeper):
        return [resume]
    if not isinstance(resume, (str, os.PathLike)):
        raise TypeError(f'fit(resume={resume!r}): expected "auto", a folder, a checkpoint, or a Checkpoints callback')
    path = os.fspath(resume)
    if path.endswith(".safetensors"):
        return [Checkpoints(os.path.dirname(path) or os.curdir, restore=path)]
    return [Checkpoints(path)]
