"""A task whose answers are classes: probabilities, and how much each class counts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np

from ..config import non_negative, real
from .base import Task
from .targets import Classes, Target


def class_weights(value: Any) -> Any:
    """None, "balanced", or a weight of 0 or more for some classes."""
    if value is None or value == "balanced":
        return value
    if isinstance(value, Mapping):
        return {name: non_negative(real(weight)) for name, weight in value.items()}
    raise ValueError(f"expected None, 'balanced', or a dict of class and weight. Received: {value!r}")


def names_of_classes(value: Any) -> Any:
    """None, or several classes: a text is no list of its letters."""
    if isinstance(value, str):
        raise TypeError(f"expected a list of classes. Received: {value!r:.80}")
    return value


class Classifier(Task):
    """A task whose answers are classes.

    Args:
        classes: the classes, in the order of the outputs; None: those that y names, sorted.
        class_weight: how much the rows of a class count: "balanced" (all classes together the same:
            rows / (classes * rows of the class)), a dict of class and weight, or None, every row the same.
    """

    _: dataclasses.KW_ONLY
    classes: Annotated[Any, names_of_classes] = None
    class_weight: Annotated[Any, class_weights] = None

    def learn_target(self, y: Any, every: Any) -> Target:
        return Classes.learned(every, self.classes)

    def strata(self, y: Any) -> Any:
        """The classes, where each has rows for both parts."""
        classes = len(Classes.learned(y, self.classes).values)  # refuses what are no classes
        labels = np.asarray(y)
        enough = len(y) * self.validation >= 2 * classes and np.unique(labels, return_counts=True)[1].min() > 1
        return labels if enough else None

    def given(self) -> dict[str, Any]:
        weights = self.weights(self.rows.y)
        return super().given() | ({} if weights is None else {"sample_weight": weights})

    def weights(self, y: Any) -> np.ndarray | None:
        """(rows,) how much rows of these encoded labels count; None: all the same."""
        if self.class_weight is None:
            return None
        if self.class_weight == "balanced":
            counts = np.bincount(y, minlength=len(self.target.values))
            return (len(y) / (np.count_nonzero(counts) * np.maximum(counts, 1)))[y].astype(np.float32)
        told = {int(self.target.encoded([name])[0]): weight for name, weight in self.class_weight.items()}
        return np.array([told.get(place, 1.0) for place in range(len(self.target.values))], np.float32)[y]

    @property
    def classes_(self) -> np.ndarray:
        """The classes, in the order of `predict_proba`'s columns."""
        self.check_fitted()
        return np.asarray(self.target.values)

    def features(self, x: Any) -> Any:
        return np.asarray(x)

    def predict_proba(self, X: Any) -> np.ndarray:
        """(rows, classes) probabilities."""
        outputs = self.outputs(X)
        return self.target.probabilities(outputs)
