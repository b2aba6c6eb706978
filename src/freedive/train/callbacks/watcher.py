"""What EarlyStopping, ModelCheckpoint and ReduceLROnPlateau share: watching one result for its best value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import jax
import numpy as np

from ...config import one_of
from ...errors import nearest
from .base import Described

Mode = Annotated[str, one_of("auto", "min", "max")]

# What ends in one of these words is the better the smaller it is, or the larger.
SMALLER = (
    *("loss", "error", "err", "mse", "mae", "rmse", "mape", "msle", "hinge", "poisson", "logcosh", "perplexity"),
    *("crossentropy", "entropy", "divergence", "distance", "false_positives", "false_negatives", "wer", "cer"),
    "error_rate",
)
LARGER = (
    *("acc", "accuracy", "auc", "precision", "recall", "sensitivity", "specificity", "score", "f1", "iou", "io_u"),
    *("dice", "r2", "similarity", "correlation", "bleu", "true_positives", "true_negatives", "reward", "return"),
)


def direction(name: str) -> Literal["min", "max"] | None:
    """Whether a result is the better the smaller or the larger it is, as far as its name says.

    >>> direction("val_loss"), direction("head_accuracy"), direction("sensitivity_at_specificity"), direction("mean")
    ('min', 'max', 'max', None)
    """
    name = re.sub(r"_\d+$", "", name.removeprefix("val_").lower())  # a second metric of a name is numbered
    ends = lambda words: re.search(rf"(^|_)({'|'.join(words)})$", name)  # noqa: E731
    return "min" if ends(SMALLER) else "max" if ends(LARGER) else None


class Watcher(Described):
    """A callback that watches the result called `monitor`; a subclass has the fields `monitor` and `mode`."""

    if TYPE_CHECKING:  # without annotations: they are fields of the subclasses, in the order of each
        monitor = mode = cast(Any, None)

    _validates = True  # whether the run has validation; known after its first chunk

    def on_chunk_end(self, run: Any) -> None:
        self._validates = run.line.test is not None or getattr(run, "validation", None) is not None

    def current(self, logs: Mapping[str, Any]) -> float | None:
        """The watched number of this epoch; None where its validation is not due.

        Raises:
            ValueError: no epoch of this run can have it; a callback that cannot work is no callback.
        """
        value = logs.get(self.monitor)
        if value is None:
            if self.not_due(self.monitor, logs):
                return None
            raise ValueError(f"{self.where(monitor=self.monitor)}: {self._missing(logs)}")
        if np.ndim(value):
            raise ValueError(
                f"{self.where(monitor=self.monitor)}: expected a number to watch. "
                f"Received an array of shape {np.shape(value)}"
            )
        return float(value)

    def not_due(self, name: str, logs: Mapping[str, Any]) -> bool:
        """Whether a result is one of validation, which the run has, but not in this epoch."""
        return name.startswith("val_") and self._validates and not any(other.startswith("val_") for other in logs)

    def _missing(self, logs: Mapping[str, Any]) -> str:
        if self.monitor.startswith("val_") and not self._validates:
            result = self.monitor.removeprefix("val_")
            close = [result] if result in logs else nearest(result, logs)
            instead = f", or watch a result of training: monitor={close[0]!r}" if close else ""
            return f"there is no validation in this run. Give fit validation_data or validation_split{instead}"
        close = nearest(self.monitor, logs)
        hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        return f"an epoch has no such result.{hint} There are: {', '.join(logs) or 'none'}"

    def improves(self, current: float, best: float | None, min_delta: float = 0.0) -> bool:
        """Whether a number is better than the best so far, by more than min_delta; NaN never is.

        Compared in float32, the precision of results: what differs by less is the same.
        """
        if np.isnan(current):
            return False
        if best is None or np.isnan(best):
            return True
        sign = 1 if self.goal == "max" else -1
        return bool(np.float32(sign * current - min_delta) > np.float32(sign * best))

    @property
    def goal(self) -> str:
        """ "min" or "max": the mode, or what the metric says, or its name."""
        found = self.mode if self.mode != "auto" else self._declared() or direction(self.monitor)
        if found is None:
            raise ValueError(
                f"{self.where(monitor=self.monitor)}: the name does not say whether less is better: "
                'pass mode="min" or mode="max"'
            )
        return found

    def _declared(self) -> str | None:
        """What the metric object that `compile` was given for this result says, if it was given one."""
        given = getattr(getattr(self.model, "_training", None), "objective", {})
        for metric in jax.tree.leaves([given.get("metrics"), given.get("weighted_metrics")]):
            if getattr(metric, "direction", None) and self.monitor.removeprefix("val_") == metric.name:
                return {"up": "max", "down": "min"}[metric.direction]
        return None
