"""A callback that writes results for TensorBoard."""

from __future__ import annotations

import os
from typing import Annotated, Any

import numpy as np

from ...config import non_negative
from ...core.paths import paths
from ..clock import EpochClock
from .base import Described, Edge
from .events import EventFile
from .saving import frequency

REFUSED = {
    "write_images": "images of weights are not written; use histogram_freq=1",
    "profile_batch": "profile with jax.profiler.trace(folder) around fit: TensorBoard shows it",
    "embeddings_freq": "embeddings are not written; save them with numpy and load them into the projector",
    "embeddings_metadata": "embeddings are not written; save them with numpy and load them into the projector",
}


def update_frequency(value: Any) -> Any:
    """ "epoch", "batch" or a number of batches."""
    return 1 if value == "batch" else frequency(value)


class TensorBoard(Described):
    """Write results for TensorBoard: `tensorboard --logdir logs` shows them. TensorBoard itself is not needed to write.

    Results of training go to `log_dir/train`, those of validation to `log_dir/validation`, as `epoch_loss` and so on
    over epochs; the learning rate too. An evaluation adds `evaluation_loss_vs_iterations`.

    Keeps the run compiled: it never pauses it, but at every epoch with `histogram_freq`, at every batch with a
    `update_freq` other than "epoch".

    Args:
        log_dir: the folder; it is made. A folder a run lets TensorBoard compare runs.
        histogram_freq: every how many epochs the weights are written as histograms; 0 for never.
        write_graph: accepted; the graph is not written (`model.summary()` shows it).
        write_images: must be False.
        write_steps_per_second: whether to write how fast training is.
        update_freq: "epoch", "batch", or a number of batches after which the results so far are written as
            `batch_loss` and so on.
        profile_batch: must be 0.
        embeddings_freq, embeddings_metadata: must be 0 and None.

    >>> import freedive as fd
    >>> fd.callbacks.TensorBoard("logs/first").pauses()
    'never'
    """

    log_dir: Any = "logs"
    histogram_freq: Annotated[int, non_negative] = 0
    write_graph: bool = True
    write_images: bool = False
    write_steps_per_second: bool = False
    update_freq: Annotated[Any, update_frequency] = "epoch"
    profile_batch: Any = 0
    embeddings_freq: int = 0
    embeddings_metadata: Any = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.log_dir = os.fspath(self.log_dir)
        for name, advice in REFUSED.items():
            if getattr(self, name):
                raise ValueError(f"{self.where(**{name: getattr(self, name)})}: {advice}")
        self._files: dict[str, EventFile] = {}
        self._clock, self._batches = EpochClock(), 0
        self._run: Any = None

    def pauses(self) -> Edge:
        return "batch" if self.update_freq != "epoch" else "epoch" if self.histogram_freq else "never"

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._clock, self._run, self._batches = EpochClock(), None, 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._clock.begin(epoch)

    def on_chunk_end(self, run: Any) -> None:
        self._clock.closed(run)
        self._run = run

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._batches += 1
        if self.update_freq != "epoch" and self._batches % self.update_freq == 0:
            self._write("train", logs or {}, "batch_{}", self._batches)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        trained = {name: value for name, value in logs.items() if not name.startswith("val_")}
        tested = {name.removeprefix("val_"): value for name, value in logs.items() if name.startswith("val_")}
        if self._run is not None:
            trained |= self._of_the_run(epoch)
        self._write("train", trained, "epoch_{}", epoch)
        self._write("validation", tested, "epoch_{}", epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for layer, path in paths(self.model).items():
                for name, value in (layer._values["params"] | layer._values["state"]).items():
                    self._file("train").histogram(f"{path}/{name}", value, epoch)

    def _of_the_run(self, epoch: int) -> dict[str, Any]:
        """The learning rate at the end of an epoch, and the speed of its steps."""
        run = self._run
        steps = self._clock.steps or run.at
        since = (run.epoch - epoch - 1) * steps + min(run.at, steps)  # steps done after that epoch
        found = {"learning_rate": self.model.optimizer.learning_rate_at(int(run.ts.step) - since)}
        if self.write_steps_per_second:
            found["steps_per_second"] = steps / self._clock.seconds
        return {name: float(value) for name, value in found.items() if value is not None}

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        self._write("validation", logs or {}, "evaluation_{}_vs_iterations", int(self.model._training.step))
        if self._run is None:
            self._close()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._close()

    def on_interrupt(self, error: BaseException) -> None:
        self._close()

    def _write(self, part: str, logs: dict[str, Any], tag: str, step: int) -> None:
        for name, value in logs.items():
            if np.ndim(value) == 0:
                self._file(part).scalar(tag.format(name), float(value), step)

    def _file(self, part: str) -> EventFile:
        """The event file of a part, made when there is something to write."""
        if part not in self._files:
            self._files[part] = EventFile(os.path.join(self.log_dir, part))
        return self._files[part]

    def _close(self) -> None:
        for file in self._files.values():
            file.close()
        self._files, self._run = {}, None
