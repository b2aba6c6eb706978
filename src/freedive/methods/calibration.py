"""Calibration: whether a model is right as often as it says it is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..config import argument, finite, integer, positive, real

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Calibration(NamedTuple):
    """How probabilities agree with outcomes.

    The first three are (bins,), over equal parts of 0..1 of the confidence, which is the probability of the class that
    was answered. Empty bins have NaN for confidence and accuracy.
    """

    count: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray
    expected_error: float  # the mean of |accuracy - confidence| over the rows (ECE)
    largest_error: float  # the largest of them (MCE)
    brier: float  # the mean squared distance of the probabilities from the outcome
    log_loss: float  # the mean of -log p of the right class

    def plot(self, path: str | os.PathLike[str] | None = None, ax: Any = None) -> Figure:
        """Draw accuracy over confidence, beside the diagonal on which both are equal.

        Args:
            path: where to save the picture too.
            ax: matplotlib axes to draw on; by default a new figure.
        """
        import matplotlib.pyplot as plt

        from ..train.callbacks.curves import COLOURS, save

        made = ax is None
        if made:
            _, ax = plt.subplots(figsize=(4.2, 4.0), layout="constrained")
        edges = np.linspace(0, 1, len(self.count) + 1)
        ax.bar(edges[:-1], np.nan_to_num(self.accuracy), np.diff(edges), align="edge", color=COLOURS["train"],
               edgecolor="white", label="accuracy")  # fmt: skip
        ax.plot([0, 1], [0, 1], "--", color=COLOURS["val"], label="as often right as it says")
        for place, count in zip(edges[:-1] + np.diff(edges) / 2, self.count, strict=True):
            if count:  # a bar of few rows says little
                ax.annotate(f"{count}", (place, 0.01), ha="center", color="white", fontsize=7)
        ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence; at the foot of a bar, its rows", ylabel="accuracy")
        ax.set_title(f"expected calibration error {self.expected_error:.4f}", fontsize=11)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize=9, loc="upper left")
        if path is not None:
            save(ax.figure, path)
            if made:
                plt.close(ax.figure)
        return ax.figure


def calibration(probabilities: Any, y: Any, bins: int = 10) -> Calibration:
    """Compare probabilities of classes with what was true.

    ECE = sum_b (n_b / n) |accuracy_b - confidence_b|, MCE = max_b |accuracy_b - confidence_b|,
    Brier = mean_i sum_k (p_ik - y_ik)^2.

    Args:
        probabilities: (rows, classes), or (rows,) or (rows, 1) for the second of two classes.
        y: the classes, (rows,), or one-hot (rows, classes).
        bins: equal parts of 0..1.

    Raises:
        ValueError: no probabilities (below 0, above 1, rows that do not add up to 1), other numbers of rows, or a
            class that there is not.

    Reference: C. Guo et al., "On calibration of modern neural networks", 2017, https://arxiv.org/abs/1706.04599;
    G. Brier, "Verification of forecasts expressed in terms of probability", 1950.

    >>> found = calibration([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], [0, 1, 1])
    >>> round(found.expected_error, 4), found.count.tolist()
    (0.4, [0, 0, 0, 0, 0, 0, 0, 1, 1, 1])
    """
    p, labels = _pair(probabilities, y, "calibration")
    argument("calibration", "bins", bins, integer, positive)
    confidence, right = p.max(1), p.argmax(1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    count, trust, hits = (np.bincount(place, w, bins) for w in (None, confidence, right.astype(float)))
    some = count > 0
    trust, hits = (np.where(some, total / np.maximum(count, 1), np.nan) for total in (trust, hits))
    gaps = np.abs(hits - trust)
    return Calibration(
        count,
        trust,
        hits,
        expected_error=float(np.nansum(gaps * count) / len(p)),
        largest_error=float(np.nanmax(gaps)),
        brier=float(np.mean(np.sum((p - np.eye(p.shape[1])[labels]) ** 2, axis=1))),
        log_loss=float(-np.mean(np.log(np.clip(p[np.arange(len(p)), labels], 1e-12, None)))),
    )


def temperature(probabilities: Any, y: Any) -> float:
    """The number by which logits are divided so that confidence fits outcomes best: T with the least log loss.

    p' = softmax(log(p) / T), which changes no answer: above 1 the model was too sure, below 1 not sure enough.

    Args:
        probabilities: (rows, classes), or (rows,) or (rows, 1) for the second of two classes; of rows that the model
            was not trained on.
        y: the classes, (rows,), or one-hot (rows, classes).

    Returns:
        T, from 0.05 to 20.

    Reference: C. Guo et al., "On calibration of modern neural networks", 2017, https://arxiv.org/abs/1706.04599.

    >>> sure = np.array([[0.99, 0.01]] * 4)
    >>> round(temperature(sure, [0, 0, 0, 1]), 2), tempered(sure, 4.18).round(2)[0].tolist()
    (4.18, [0.75, 0.25])
    """
    from scipy.optimize import minimize_scalar

    p, labels = _pair(probabilities, y, "temperature")
    rows = np.arange(len(labels))

    def log_loss(log_t: float) -> float:
        return -float(np.mean(np.log(np.clip(tempered(p, np.exp(log_t))[rows, labels], 1e-300, None))))

    found: Any = minimize_scalar(log_loss, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return float(np.exp(found.x))


def tempered(probabilities: Any, t: float) -> np.ndarray:
    """Probabilities (rows, classes) whose logits are divided by `t`; float32 stays float32."""
    t = argument("tempered", "t", t, real, positive, finite)
    p = np.asarray(probabilities)
    p = p if p.dtype.kind == "f" else p.astype(np.float64)
    logits = np.log(np.clip(p, np.finfo(p.dtype).tiny, None)) / t
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _pair(probabilities: Any, y: Any, owner: str) -> tuple[np.ndarray, np.ndarray]:
    """(rows, classes) and (rows,), checked against each other."""
    names = {"probabilities": probabilities, "y": y}
    given = [argument(owner, name, value, np.asarray) for name, value in names.items()]
    odd = next((name for name, array in zip(names, given, strict=True) if array.dtype.kind not in "biuf"), None)
    if odd is not None:
        raise TypeError(f"{owner}({odd}=...): expected numbers. Received: {names[odd]!r:.60}")
    p, labels = _probabilities(given[0].astype(np.float64), owner), _labels(given[1])
    if len(p) != len(labels) or not len(p):
        raise ValueError(f"{owner}: expected as many rows of probabilities as of y. Received {len(p)}, {len(labels)}")
    if labels.min() < 0 or labels.max() >= p.shape[1]:
        wrong = int(labels.min() if labels.min() < 0 else labels.max())
        raise ValueError(f"{owner}(y=...): there are {p.shape[1]} classes, from 0. Received {wrong}")
    return p, labels


def _probabilities(p: np.ndarray, owner: str) -> np.ndarray:
    p = p[:, None] if p.ndim == 1 else p
    p = np.concatenate([1 - p, p], axis=1) if p.ndim == 2 and p.shape[1] == 1 else p
    if p.ndim != 2 or not p.size or not np.isfinite(p).all() or p.min() < -1e-6 or np.abs(p.sum(1) - 1).max() > 1e-3:
        raise ValueError(
            f"{owner}(probabilities=...): expected (rows, classes) of numbers from 0 to 1 that add up to 1. Received "
            f"{p.shape} from {p.min(initial=1):.4g} to {p.max(initial=0):.4g}: logits go through a softmax first"
        )
    return p


def _labels(y: np.ndarray) -> np.ndarray:
    return y.argmax(-1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(len(y)).astype(np.int64)
