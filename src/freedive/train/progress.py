"""The display of fit, evaluate and predict: a line that is redrawn in a terminal, quiet lines elsewhere."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from .callbacks.base import Callback, Edge, flat
from .clock import EpochClock
from .screen import Screen, duration, numbers, pace, paint, screen

INTERVAL = 0.2  # seconds between two drawings
WORTH_SAYING = 0.5  # seconds: a shorter compilation or prediction is not spoken of
FAST = 0.1  # seconds: epochs shorter than this, when they are many, are not shown each
MANY = 50  # epochs that are shown one by one, however fast
LINES = 20  # lines of a run of many fast epochs, at most


class ProgressBar(Callback):
    """Shows how far a run is and what it has reached, as Keras does.

    In a terminal or a notebook, with `verbose=1`, `Epoch 3/10` and below it a line with a bar that is redrawn at most
    five times a second. Elsewhere, or with `verbose=2`, one line an epoch. A run of more than 50 epochs that take less
    than a tenth of a second each is shown as one bar over all epochs, and leaves about twenty lines behind;
    `verbose=2` writes every epoch whatever its speed. A prediction is shown if it takes longer than half a second.

    Keeps the run compiled: it never pauses it.

    Args:
        verbose: "auto" (1 where lines can be redrawn, else quiet lines), 0 (nothing), 1 or 2. None: as `fit` was told.
        on: the screen to draw on; by default the terminal.
    """

    edge: ClassVar[Edge | None] = "never"
    last: ClassVar[bool] = True  # so that what other callbacks add to the results is shown

    def __init__(self, verbose: Any = None, on: Screen | None = None):
        super().__init__()
        self.verbose, self.screen = verbose, on or screen
        self.task: str | None = None  # "fit", "evaluate" or "predict"
        self.run: Any = None  # the run of a fit

    # what to show ---------------------------------------------------------------------------------------------------
    def _begin(self, task: str) -> None:
        verbose = self.params.get("verbose", "auto") if self.verbose is None else self.verbose
        if verbose not in ("auto", 0, 1, 2):
            raise ValueError(f'verbose={verbose!r}: expected "auto", 0, 1 or 2')
        self.task, self.thorough = task, verbose == 2
        self.silent = verbose == 0 or (task == "predict" and verbose == "auto" and not self.screen.redraws)
        self.patient = task == "predict" and verbose == "auto"  # shows nothing before WORTH_SAYING
        self.draws = verbose in ("auto", 1) and self.screen.redraws and not self.silent
        self.epochs, self.steps = self.params.get("epochs") or 1, self.params.get("steps")
        self.clock, self.began, self.drawn = EpochClock(), time.perf_counter(), 0.0
        self.first: int | None = None  # the epoch that the run began with
        self.at = 0  # steps done of the epoch under way
        self.thin = False  # whether epochs are too many and too fast to show each
        self.header: str | None = None  # the title of the epoch under way, while it is not written
        self.pending: tuple[int, dict[str, Any]] | None = None  # the last epoch, while no line says it

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._begin("fit")
        if self.draws:
            self.screen.live("compiling")

    def on_run_begin(self, run: Any, callbacks: Any) -> None:
        self.run = run

    def on_compiled(self, seconds: float) -> None:
        if self.task is None or self.silent:
            return
        self.screen.erase()
        if seconds > WORTH_SAYING and not self.patient:
            members = self.run.program.members if self.run is not None else None
            self.screen.line(_joined(f"compiling {seconds:.1f} s", str(members or "")))
        self.began = self.clock.began = time.perf_counter()

    # fit ------------------------------------------------------------------------------------------------------------
    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.first is None:
            self.first = epoch
            self.clock.begin(epoch)
        if self.draws and not self.thin and self.epochs > 1:
            self.header = f"Epoch {epoch + 1}/{self.epochs}"
            self.screen.live(self.header)

    def on_chunk_end(self, run: Any) -> None:
        if self.task is None or self.silent:
            return
        closed, self.at, self.steps = self.clock.closed(run), run.at, self.clock.steps
        if closed:
            remain = self.epochs - (self.first or 0)
            self.thin = not self.thorough and remain > MANY and self.clock.seconds < FAST
            if self.draws:
                if not self.thin:
                    self._write_header()
                self.screen.erase()  # what other callbacks print now begins on a line of its own
        elif self.draws and not self.thin and self._due():
            self._draw(run.at, run.so_far() if self.task != "predict" else {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.task != "fit" or self.silent:
            return
        if self.thin:
            self._pass(epoch, logs or {})
        elif self.draws:
            self._write_header()
            self._finish(self._count(), self.clock.seconds, logs or {})
        else:
            self.screen.line(self._quiet(epoch, logs or {}))
        if self.clock.compiling > WORTH_SAYING:
            self.screen.line(f"compiling {self.clock.compiling:.1f} s beside, for batches of other shapes")
            self.clock.compiling = 0.0

    def _pass(self, epoch: int, logs: dict[str, Any]) -> None:
        """One of many fast epochs: a line that stays, the live line, or nothing."""
        self.header, self.pending = None, (epoch, logs)
        ends = epoch + 1 == self.epochs or getattr(self.model, "stop_training", False)
        if (epoch + 1) % milestone(self.epochs) == 0 or ends:
            self.pending = None
            self.screen.line(self._quiet(epoch, logs))
        elif self.draws and epoch + 1 == self.clock.epoch and self._due():
            done, left = epoch + 1 - (self.first or 0), self.epochs - epoch - 1
            remaining = (time.perf_counter() - self.began) / done * left
            tail = _joined(f"{duration(remaining)} {pace(self.clock.seconds, 'epoch')}", numbers(logs))
            self.screen.live(*self._with_bar(f"Epoch {epoch + 1}/{self.epochs}", (epoch + 1) / self.epochs, tail))

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.task == "fit" and not self.silent:
            self.screen.erase()
            if self.pending is not None:  # training stopped between two lines
                self.screen.line(self._quiet(*self.pending))
        self.task = self.run = None

    def on_interrupt(self, error: BaseException) -> None:
        if self.task is not None:
            self.screen.end()
        self.task = None

    # evaluate and predict -------------------------------------------------------------------------------------------
    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self.task is None:  # what fit does for its validation is part of fit
            self._begin("evaluate")

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        if self.task is None:
            self._begin("predict")

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._step("evaluate", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._step("predict", batch, None)

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        self._end("evaluate", logs)

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        self._end("predict", None)

    def _step(self, task: str, batch: int, logs: dict[str, Any] | None) -> None:
        if self.task == task and not self.silent:
            self.at = batch + 1
            if self.draws and self._due():
                self._draw(self.at, logs or {})

    def _end(self, task: str, logs: dict[str, Any] | None) -> None:
        if self.task != task:
            return
        seconds = time.perf_counter() - self.began
        if not self.silent and not (self.patient and seconds < WORTH_SAYING):
            self._finish(self._count(), seconds, logs or {})
        self.task = None

    # drawing --------------------------------------------------------------------------------------------------------
    def _due(self) -> bool:
        now = time.perf_counter()
        if now - self.drawn < INTERVAL or (self.patient and now - self.began < WORTH_SAYING):
            return False
        self.drawn = now
        return True

    def _draw(self, at: int, logs: dict[str, Any]) -> None:
        """The epoch under way: where it is, the time it will still take, its results so far."""
        self._write_header()
        done = min(at, self.steps) if self.steps else at
        spent = self.clock.elapsed()
        each = spent / max(at, 1)
        left = each * (self.steps - done) if self.steps else spent
        validating = " - validating" if at > done else ""
        self.screen.live(*self._line(done, _joined(f"{duration(left)} {pace(each)}{validating}", numbers(logs))))

    def _finish(self, count: int, seconds: float, logs: dict[str, Any]) -> None:
        """The line that stays."""
        each = pace(seconds / max(count, 1))
        self.screen.line(*self._line(count, _joined(f"{duration(seconds)} {each}", numbers(logs))))

    def _line(self, done: int, tail: str) -> tuple[str, str]:
        """Count, bar and the rest: plain, and with colours."""
        if not self.steps:
            head = f"{done} {'batch' if done == 1 else 'batches'}"
            return f"{head} - {tail}", f"{paint(head, '1')} - {tail}"
        head = f"{done:>{len(str(self.steps))}}/{self.steps}"
        return self._with_bar(head, done / self.steps, tail)

    def _with_bar(self, head: str, part: float, tail: str) -> tuple[str, str]:
        if not self.draws:
            return f"{head} - {tail}", f"{head} - {tail}"
        plain, painted = self.screen.bar(part, len(head) + len(tail) + 2)
        return f"{head} {plain} {tail}", f"{paint(head, '1')} {painted} {tail}"

    def _quiet(self, epoch: int, logs: dict[str, Any]) -> str:
        """An epoch as a line of its own."""
        seconds = self.clock.seconds
        each = pace(seconds, "epoch") if self.thin else f"{duration(seconds)} - {pace(seconds / max(self._count(), 1))}"
        return _joined(f"Epoch {epoch + 1}/{self.epochs}", each, numbers(logs))

    def _write_header(self) -> None:
        if self.header is not None:
            self.screen.line(self.header)
            self.header = None

    def _count(self) -> int:
        return self.steps or self.at


def with_progress(callbacks: Any, verbose: Any) -> list[Callback]:
    """Callbacks as people give them, as one list, and a display among them unless they asked for silence."""
    given = flat(callbacks)
    shown = verbose == 0 or any(isinstance(callback, ProgressBar) for callback in given)
    return given if shown else [*given, ProgressBar()]


def _joined(*parts: str) -> str:
    return " - ".join(part for part in parts if part)


def milestone(epochs: int) -> int:
    """Of many epochs, every how many leave a line: 1, 2 or 5 times a power of ten.

    >>> milestone(100), milestone(300), milestone(1000), milestone(10000)
    (5, 20, 50, 500)
    """
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if epochs <= step * LINES:
                return step
        size *= 10
