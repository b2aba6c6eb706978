"""What a history tells: over-fitting, under-fitting or fine, why, and what to try."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...errors import unknown
from ..screen import number
from .watcher import direction

if TYPE_CHECKING:
    from .history import History

RISE = 0.05  # of its best: by so much a validation loss rises before that is over-fitting
NOISE = 2.0  # and by so many times what it jumps from epoch to epoch
GAP = 0.05  # between training and validation, of a result from 0 to 1
RATIO = 2.0  # of the validation loss to that of training, where there is no such result
PACE = 0.01  # an epoch: a loss that still falls by so much has not come to its end
LEARNED = 0.9  # of the first epoch's loss: one that stays above it has learned too little

ADVICE = {
    "over-fitting": (
        "stop at the best epoch: callbacks.EarlyStopping(restore_best_weights=True)",
        "more data, or turned and moved copies of it: layers.RandomTranslation, layers.RandomRotation, ...",
        "layers.Dropout, or a penalty: kernel_regularizer=regularizers.L2(1e-4)",
        "fewer units or layers",
    ),
    "under-fitting": (
        "more epochs",
        "a higher learning rate; lr_find looks for one",
        "more units or layers",
        "less dropout, weaker penalties",
    ),
    "diverged": (
        "a lower learning rate; lr_find looks for one",
        "clipped gradients: clipnorm=1.0 of the optimizer",
        "features of one scale: preprocessing.StandardScaler",
    ),
    "fine": (),
}


class Diagnosis(NamedTuple):
    """`verdict` is "over-fitting", "under-fitting", "diverged" or "fine"; `why` says it in numbers.

    `advice` is what to try. `epoch` is the one with the best validation, counted from 0.
    """

    verdict: str
    why: str
    advice: tuple[str, ...]
    epoch: int

    def __str__(self) -> str:
        lines = [f"{self.verdict}: {self.why}", *(f"  try {advice}" for advice in self.advice)]
        return "\n".join(lines)


def diagnose(history: History, metric: str | None = None, goal: float | None = None) -> Diagnosis:
    """What `History.diagnose` does."""
    for name in ("loss", "val_loss"):
        if name not in history.history:
            hint = ": give fit validation_data or validation_split" if name == "val_loss" else ""
            raise ValueError(f"History.diagnose: there is no {name!r}{hint}")
    train, test = (np.asarray(history.history[name], float) for name in ("loss", "val_loss"))
    if not (np.isfinite(train).all() and np.isfinite(test).all()):
        return told("diverged", "a loss is not finite", 0)
    if len(train) < 2:
        raise ValueError("History.diagnose: expected two epochs or more. Received 1")
    best, metric = int(test.argmin()), metric_of(history, metric)
    if train[-1] > 1.5 * train[0]:
        return told("diverged", f"the loss rose from {number(train[0])} to {number(train[-1])}", best)
    return (
        over_fitting(history, train, test, best, metric)
        or under_fitting(history, train, test, best, metric, goal)
        or told("fine", f"val_loss {number(test[best])}, at its best in epoch {best + 1} of {len(test)}", best)
    )


def told(verdict: str, why: str, epoch: int) -> Diagnosis:
    """A verdict with its advice."""
    return Diagnosis(verdict, why, ADVICE[verdict], epoch)


def metric_of(history: History, asked: str | None) -> str | None:
    """The result from 0 to 1 to look at beside the loss: the one asked for, or the first in which more is better."""
    names = [name for name in history.scalars() if f"val_{name}" in history.history]
    if asked is not None and asked not in names:
        raise unknown("result", asked, names)
    good = (
        n for n in names if direction(n) == "max" and 0 <= np.min(history.history[n]) <= np.max(history.history[n]) <= 1
    )
    return asked or next(good, None)


def over_fitting(history: History, train: Any, test: Any, best: int, metric: str | None) -> Diagnosis | None:
    """Validation that gets worse while training gets better, or that lies far behind it."""
    noise = float(np.median(np.abs(np.diff(test) - np.median(np.diff(test)))))
    end = float(test[-max(1, len(test) // 10) :].mean())
    if end - test[best] > max(RISE * abs(test[best]), NOISE * noise) and train[-1] < train[best]:
        rose = f"since epoch {best + 1} val_loss rose from {number(test[best])} to {number(end)}"
        return told("over-fitting", f"{rose}, while loss fell from {number(train[best])} to {number(train[-1])}", best)
    if metric is not None:
        ours, theirs = history.history[metric][-1], history.history[f"val_{metric}"][-1]
        if ours - theirs > GAP:
            return told(
                "over-fitting", f"{metric} is {number(ours)} in training and {number(theirs)} in validation", best
            )
    elif train[-1] > 0 and test[-1] > RATIO * train[-1]:
        return told("over-fitting", f"val_loss {number(test[-1])} is far above loss {number(train[-1])}", best)
    return None


def under_fitting(
    history: History, train: Any, test: Any, best: int, metric: str | None, goal: float | None
) -> Diagnosis | None:
    """A training that was not at its end, learned next to nothing, or did not reach its goal."""
    span = max(1, len(test) // 4)
    falls = (test[-1 - span] - test[-1]) / span
    if best >= len(test) - 1 - len(test) // 10 and falls > PACE * abs(test[-1 - span]):
        return told("under-fitting", f"val_loss still fell by {number(falls)} an epoch at the end", best)
    reached = None if metric is None else float(history.history[metric][-1])
    if train[-1] > LEARNED * train[0] and (reached is None or reached < LEARNED):
        return told("under-fitting", f"loss only fell from {number(train[0])} to {number(train[-1])}", best)
    if goal is not None and reached is not None and reached < goal:
        return told("under-fitting", f"{metric} is {number(reached)} in training, and was to be {number(goal)}", best)
    return None
