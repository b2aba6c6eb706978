"""Keeping checkpoints of a run in a folder, and going on from them: when, how many, written beside the run."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import time
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import numpy as np

from ..errors import warn
from ..files import FolderLock, ModelFileError, make_folders, remove_stale_temporaries
from .background import Background
from .callbacks.base import CallbackList, Edge
from .callbacks.watcher import Watcher
from .checkpoint import Snapshot, memory_of, read_snapshot, restore, snapshot
from .identity import digest, identity
from .interrupts import Signals, error_of
from .program import steps_done
from .screen import say

AUTO = os.path.join("runs", "resume")  # where runs that are told no folder have one each
STEP = re.compile(r"step-\d{12}\.safetensors")
BEST = "best.safetensors"
OF_ANOTHER = ("TENSOR_MISMATCH", "ANOTHER_RUN", "VERSION")  # refused; anything else is damage, and passed over


def named_numbers(hyper: Any) -> dict[str, float]:
    """The numbers of a run by the last word of their place, those of single members by their place too."""
    found = {}
    for path, value in jax.tree_util.tree_flatten_with_path(hyper)[0]:
        for i, number in enumerate(np.ravel(np.asarray(value))):
            found[jax.tree_util.keystr(path[1:], simple=True, separator=".") + f"[{i}]" * bool(np.ndim(value))] = number
    return found


class Keeper(Watcher):
    """What `Checkpoints` and `BackupAndRestore` do; they say when, where and how many."""

    last: ClassVar[bool] = True  # so that what the others remember is of the same place

    # When, where and how many; a subclass has some of them as its fields.
    # restore: True, False, or the checkpoint to go on from; delete: whether nothing is left of a run that came to its
    # end; command: the words that start the same program again, for messages.
    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...

    else:
        seconds = epochs = batches = monitor = command = None
        keep, restore, delete, mode = 2, True, False, "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        self.best: float | None = None
        self._run: Any = None
        self._written: list[str] = []  # checkpoints of this run, the newest last
        self._there: list[str] = []  # checkpoints in the folder that this run does not go on from
        self._lock: FolderLock | None = None
        self._signals: Signals | None = None
        self._background = Background()

    def pauses(self) -> Edge:
        return "epoch" if self.epochs is not None or self.monitor is not None else "never"

    # the run ------------------------------------------------------------------------------------------------------
    def on_run_begin(self, run: Any, callbacks: CallbackList) -> None:
        self._callbacks, self._identity = callbacks, identity(run, self.model)
        self.place = os.path.join(AUTO, digest(self._identity, run.seed)) if self.folder == "auto" else self.folder
        make_folders(self.place)
        self._lock = FolderLock(self.place)
        remove_stale_temporaries(self.place)
        self._written, self._better, self.best = [], False, None
        self._run = run
        self._there = self._steps()
        if self.restore:
            self._go_on(None if self.restore is True else os.fspath(self.restore))
        self._mark()
        self._signals = Signals()

    def _go_on(self, wanted: str | None) -> None:
        """Put the run where a checkpoint says: the one that is wanted, or the newest that is whole."""
        damaged: list[Exception] = []
        asked, seed = named_numbers(self._run.ts.hyper), int(self._run.seed)
        for path in [wanted] if wanted else reversed(self._steps()):
            try:
                different = restore(path, self._run, self._identity)
            except (ModelFileError, OSError) as error:
                if wanted or getattr(error, "code", None) in OF_ANOTHER:
                    error.add_note(f"To begin anew, take another folder than {self.place}, or empty it")
                    raise
                damaged.append(error)
                continue
            for error in damaged:
                say(f"Passed over a damaged checkpoint: {error}")
            before = [p for p in self._there if p <= path] if path in self._there else []
            self._written = before or [path]
            self._there = [] if damaged else [p for p in self._there if p not in before]
            self._tell(path, different)
            if self._run.seed != seed:
                say(f"With the seed of the checkpoint, {self._run.seed}, not {seed}: another needs another folder")
            kept = named_numbers(self._run.ts.hyper)
            changed = [
                f"{name} is {kept[name]:g}, not {asked[name]:g}" for name in kept if kept[name] != asked.get(name)
            ]
            if changed:
                say(f"With the numbers of the checkpoint: {'; '.join(changed)}. Assign new ones in a callback")
            return
        if damaged:
            damaged[0].add_note(f"No checkpoint in {self.place} is whole. To begin anew, empty it")
            raise damaged[0]

    def remembered(self) -> dict[str, Any]:
        """What the callbacks of the run in this folder remember, before it goes on; nothing where there is no run."""
        self.place = self.folder
        if not self.restore or self.folder == "auto" or not os.path.isdir(self.folder):
            return {}
        for path in reversed(self._steps()) if self.restore is True else [os.fspath(self.restore)]:
            with contextlib.suppress(ModelFileError, OSError):  # said when the run goes on
                return memory_of(read_snapshot(path))["callbacks"]
        return {}

    def _steps(self) -> list[str]:
        return [os.path.join(self.place, name) for name in sorted(os.listdir(self.place)) if STEP.fullmatch(name)]

    def _tell(self, path: str, different: list[str]) -> None:
        run, epochs = self._run, self.params.get("epochs")
        if run.over or run.epoch >= (epochs or run.epoch + 1):
            ended = "it was stopped there" if run.over else "more epochs would go on"
            say(f"Nothing to do: the run in {self.place} came to the end of epoch {run.epoch}; {ended}")
            return
        say(f"Going on with {self._where()}, from {path}")
        if different:
            say(f"The same up to rounding, not to the bit: {'; '.join(different)}")

    def _where(self) -> str:
        run = self._run
        done = min(run.at, run.training) if run.stream is None else run.at
        return f"epoch {run.epoch + 1}{f' after {done} batches' * bool(done)}"

    # when ---------------------------------------------------------------------------------------------------------
    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.monitor is None:
            return
        current = self.current(logs or {})
        if current is not None and self.improves(current, self.best):
            self.best, self._better = current, True

    def on_edge(self, run: Any) -> None:
        self._report()
        if (self._better or self._asked or self._due()) and run.guard.sound(run):  # what broke is not worth keeping
            run.refresh()
            self._save()
        if self._asked:
            self._stop()

    def on_run_end(self, run: Any) -> None:
        if self._better or self._asked or not self.delete:
            self._save()
        if self._asked:
            self._stop()

    @property
    def _asked(self) -> bool:
        return self._signals is not None and self._signals.asked is not None

    def _due(self) -> bool:
        now, then = self._now(), self._last
        wanted = (self.seconds, None if self._run.at else self.epochs, self.batches)
        return now[2] > then[2] and any(
            want is not None and a - b >= want for want, a, b in zip(wanted, now, then, strict=True)
        )

    def _now(self) -> tuple[float, int, int]:
        return time.monotonic(), self._run.epoch, steps_done(self._run.ts)

    def _mark(self) -> None:
        self._last = self._now()

    # writing ------------------------------------------------------------------------------------------------------
    def _save(self) -> None:
        """Copy to the host, and have it written while the run goes on."""
        taken = snapshot(self._run, self._callbacks, self._identity)
        path = os.path.join(self.place, f"step-{steps_done(self._run.ts):012d}.safetensors")
        self._background.put("latest", lambda: self._write(taken, path))
        if self._better:
            self._better = False
            self._background.put("best", lambda: taken.write(os.path.join(self.place, BEST)))
        self._mark()

    def _write(self, taken: Snapshot, path: str) -> None:
        """Write a checkpoint, then take away those that are too many: never the last that is whole."""
        self._set_aside()
        taken.write(path)
        self._written = [*(p for p in self._written if p != path), path]
        for old in set(self._steps()) - set(self._written[-self.keep :]):
            with contextlib.suppress(FileNotFoundError):
                os.remove(old)

    def _set_aside(self) -> None:
        """Move the checkpoints of another run, or of a later place of this one, out of the way: nothing is lost."""
        there, self._there = self._there, []
        if there:
            names = (os.path.join(self.place, f"before-{number}") for number in itertools.count(1))
            aside = next(name for name in names if not os.path.exists(name))
            make_folders(aside)
            for path in there:
                os.replace(path, os.path.join(aside, os.path.basename(path)))
            say(f"The checkpoints that stood in {self.place} are kept in {aside}")

    def _report(self) -> None:
        """Say what could not be written; training goes on, and the next checkpoint is another try."""
        error = self._background.error()
        if error is None:
            return
        if not isinstance(error, OSError):
            raise error
        kept = f"The one before stays: {self._written[-1]}" if self._written else "There is none before it"
        warn(f"No checkpoint could be written: {error}. {kept}. Training goes on")

    # the end ------------------------------------------------------------------------------------------------------
    def _stop(self) -> None:
        """End the program in the way that a signal asked for, with everything on disk."""
        self._background.wait()
        self._report()
        text = f"Stopped at {self._where()}. {self._how()}"
        say(text)
        raise error_of(self._signals.asked, text)  # pyright: ignore

    def _how(self) -> str:
        again = self.command or f"the same program, with fit(..., resume={self.folder!r})"
        return f"To go on: {again}" if self._written else "Nothing was saved"

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._background.wait()
        self._report()
        if self.delete:
            self._remove()
        self._close()

    def on_interrupt(self, error: BaseException) -> None:
        if self._run is not None and self._run.settled and self._now()[2] > self._last[2]:
            self._run.refresh()
            self._save()
            self._background.wait()
            say(f"Broken off at {self._where()}. {self._how()}")
        self._background.wait()
        self._close()

    def clear(self) -> None:
        """Take the checkpoints of a run that came to its end away, once what came of it is kept elsewhere."""
        self._lock, self.delete = FolderLock(self.place), True
        self._remove()
        self._close()

    def _remove(self) -> None:
        for path in [*self._steps(), os.path.join(self.place, BEST)]:
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)

    def _close(self) -> None:
        self._run = self._callbacks = None
        if self._signals is not None:
            self._signals.give_back()
        if self._lock is not None:
            self._lock.release(remove=self.delete)
            self._lock = None
        if self.delete:
            with contextlib.suppress(OSError):  # other files may be in it
                os.rmdir(self.place)

    def get_state(self) -> dict[str, Any]:
        return {"best": self.best}

    def set_state(self, state: dict[str, Any]) -> None:
        self.best = state["best"]
