"""How good a model's answers are: test rows found, asked, counted."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ..datasets.catalog import CATALOG
from ..files.errors import missing_file
from ..report.scores import accuracy, class_scores, confusion_matrix
from . import modelfile
from .answers import probabilities
from .recipes import find

TINY = 1e-7  # the least probability that counts, as in Keras


def test_rows(path: str, data: str | None, target: str | None) -> tuple[Any, modelfile.About, Any, Any]:
    """(model, about, x, y) for a model file and a data set's name, a file or a folder."""
    model, about = modelfile.load(path)
    if not about.classes:
        raise ValueError(f"{path}: its file does not say what classes its outputs are; evaluate it from Python")
    if data is None and not about.data:
        raise ValueError(f"{path}: its file does not say what it learned from: give DATA")
    data = data or about.data
    if os.path.exists(data):
        x, y = about.reader.labelled(data, target, about.classes)
        return model, about, x, y
    if os.sep in data or "." in data:
        raise missing_file(data)
    recipe = find(data)
    known = CATALOG[data].class_names
    if tuple(known) != tuple(about.classes):
        raise ValueError(f"{path}: its classes are {', '.join(about.classes)}; those of {data} are {', '.join(known)}")
    task = recipe.load()
    return model, about, task.x_test, task.y_test


def measure(model: Any, about: modelfile.About, x: Any, y: np.ndarray) -> dict[str, Any]:
    """Numbers about a classifier on rows whose classes are known."""
    given = probabilities(model.predict(x, verbose=0), about.classes)
    if given is None:
        raise ValueError(f"the model's outputs are not one number for each of its {len(about.classes)} classes")
    return scored(given, y, about.classes)


def scored(given: np.ndarray, y: Any, classes: Any) -> dict[str, Any]:
    """Accuracy, cross-entropy, mistakes and the scores of every class.

    >>> scored(np.array([[0.5, 0.5], [0.0, 1.0]]), [0, 1], ["a", "b"])["accuracy"]
    1.0
    """
    y = np.asarray(y).reshape(-1).astype(np.int64)
    matrix = confusion_matrix(y, given.argmax(1), len(classes))
    loss = -np.log(np.clip(given[np.arange(len(y)), y].astype(np.float64), TINY, 1 - TINY)).mean()
    fields = ("class", "precision", "recall", "f1", "rows")
    return {
        "rows": len(y),
        "accuracy": accuracy(matrix),
        "loss": float(loss),
        "mistakes": int(matrix.sum() - np.trace(matrix)),
        "classes": [dict(zip(fields, score, strict=True)) for score in class_scores(matrix, list(classes))],
    }
