"""Numbers about a classifier from its answers alone: confusions, precision, recall, F1, the worst mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..preprocessing.scaling import constant, spread

SPELT = {name.lower(): name for name in ("R2", "MSE", "MAE", "RMSE", "MASE", "BLEU", "chrF", "KL")}


def r2(true: np.ndarray, given: np.ndarray) -> float:
    """The part of the variance that answers explain; of equal amounts 1 if all are met, else 0, as in scikit-learn.

    Of several amounts (rows, amounts) it is the mean of their scores, as in `metrics.R2Score`.

    >>> r2(np.array([1.0, 3.0]), np.array([1.0, 2.0])), r2(np.array([2.0]), np.array([3.0]))
    (0.5, 0.0)
    """
    squares = ((given - true) ** 2).mean(axis=0)
    return float(np.mean(np.where(constant(true), squares == 0, 1 - squares / spread(true) ** 2)))


def spelt(name: str) -> str:
    """The name of a result as people write it.

    >>> spelt("val_bleu"), spelt("word_error_rate")
    ('val BLEU', 'word error rate')
    """
    return " ".join(SPELT.get(word, word) for word in name.split("_"))


class ClassScore(NamedTuple):
    """How one class fared.

    precision: of the rows called so, the part that are so. recall: of the rows that are so, the part called so.
    f1: their harmonic mean. A fraction of nothing is 0, such as the precision of a class that is never named.
    """

    name: str
    precision: float
    recall: float
    f1: float
    rows: int


class Mistake(NamedTuple):
    """A row that was called something else than it is."""

    row: int
    true: int
    said: int
    confidence: float  # the probability given to the wrong class


def confusion_matrix(y_true: Any, y_pred: Any, classes: int) -> np.ndarray:
    """How often each class (rows) was called each class (columns).

    Args:
        y_true, y_pred: (n,) class numbers from 0 to `classes` - 1.
        classes: how many there are.

    Returns:
        int64 (classes, classes); its sum is n.

    >>> confusion_matrix([0, 0, 1, 2], [0, 1, 1, 2], 3).tolist()
    [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    """
    true, said = (np.asarray(y).reshape(-1).astype(np.int64) for y in (y_true, y_pred))
    if len(true) != len(said):
        raise ValueError(f"confusion_matrix: {len(true)} true classes, but {len(said)} answers")
    for name, y in (("y_true", true), ("y_pred", said)):
        if len(y) and not (y.min() >= 0 and y.max() < classes):
            raise ValueError(
                f"confusion_matrix({name}=...): expected classes 0..{classes - 1}. Received: {y.min()}..{y.max()}"
            )
    return np.bincount(true * classes + said, minlength=classes * classes).reshape(classes, classes)


def class_scores(matrix: np.ndarray, names: Sequence[str]) -> list[ClassScore]:
    """Precision, recall and F1 of every class of a confusion matrix.

    >>> [s.recall for s in class_scores(np.array([[1, 1], [0, 2]]), ["a", "b"])]
    [0.5, 1.0]
    """
    hit, named, real = np.diag(matrix), matrix.sum(0), matrix.sum(1)
    return [
        ClassScore(
            names[k],
            _part(hit[k], named[k]),
            _part(hit[k], real[k]),
            _part(2 * hit[k], named[k] + real[k]),
            int(real[k]),
        )
        for k in range(len(matrix))
    ]


def accuracy(matrix: np.ndarray) -> float:
    """The part of the rows that were called what they are."""
    return float(np.trace(matrix) / max(matrix.sum(), 1))


def confusions(matrix: np.ndarray, most: int = 10) -> list[tuple[int, int, int]]:
    """(true, said, how often) of the most frequent mistakes, the most frequent first."""
    wrong = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    return [(int(k // len(matrix)), int(k % len(matrix)), int(wrong.flat[k])) for k in order if wrong.flat[k] > 0]


def worst_mistakes(y_true: Any, probabilities: Any, most: int = 24) -> list[Mistake]:
    """The mistakes that were made with most confidence.

    Args:
        y_true: (n,) class numbers.
        probabilities: (n, classes).
        most: how many at most.

    >>> worst_mistakes([0, 1], [[0.1, 0.9], [0.2, 0.8]])
    [Mistake(row=0, true=0, said=1, confidence=0.9)]
    """
    true, given = np.asarray(y_true).reshape(-1), np.asarray(probabilities)
    said = given.argmax(1)
    wrong = np.flatnonzero(said != true)
    wrong = wrong[np.argsort(-given[wrong, said[wrong]], kind="stable")][:most]
    return [Mistake(int(i), int(true[i]), int(said[i]), float(given[i, said[i]])) for i in wrong]


def _part(some: Any, whole: Any) -> float:
    return float(some / whole) if whole else 0.0
