"""Arrays of labels and of features."""

from __future__ import annotations

from typing import Any

import numpy as np


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Class numbers as one-hot rows.

    Args:
        x: whole numbers from 0 to num_classes - 1, shape (...) or (..., 1).
        num_classes: the number of classes; None takes the largest label + 1.

    Returns:
        (..., num_classes), float64 as in Keras.

    Raises:
        ValueError: a label is negative, too large or no whole number; names the first such one and its place.

    >>> to_categorical([0, 2, 1])
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 1., 0.]])
    """
    labels = np.asarray(x)
    if labels.dtype.kind not in "iufb":
        raise ValueError(f"to_categorical: expected whole numbers. Received: {labels.dtype}")
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if num_classes is None:
        if not labels.size:
            raise ValueError("to_categorical: no labels, so the number of classes is unknown: pass num_classes=")
        largest = float(labels.max())
        num_classes = int(largest) + 1 if 0 <= largest < 2**31 else 1
    if not isinstance(num_classes, (int, np.integer)) or num_classes < 1:
        raise ValueError(f"to_categorical(num_classes={num_classes!r}): expected a whole number of at least 1")
    wrong = (labels < 0) | (labels >= num_classes) | (labels != np.trunc(labels))
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        where = place[0] if len(place) == 1 else place
        raise ValueError(
            f"to_categorical: label {labels[place]!s} at index {where} is no whole number from 0 to {num_classes - 1}"
        )
    return np.eye(num_classes)[labels.astype(np.int64)]


def normalize(x: Any, axis: int = -1, order: float = 2) -> np.ndarray:
    """Divide by the norm along an axis: x / ||x||; rows of zeros stay zeros.

    Args:
        x: array.
        axis: along which the norm is taken.
        order: of the norm: 2 (Euclidean), 1, infinity, ...

    >>> normalize([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]])
    """
    x = np.asarray(x)
    norm = np.linalg.norm(x, order, axis, keepdims=True)
    return x / np.where(norm == 0, 1, norm)
