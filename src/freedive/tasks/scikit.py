"""What scikit-learn asks of an estimator beside `fit` and `predict`: tags, and words for data that cannot be taken.

scikit-learn is imported only where it asks, so that freedive needs none.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np


def tags(kind: str, missing: bool) -> Any:
    """The tags of an estimator.

    Args:
        kind: "classifier" or "regressor".
        missing: whether missing values are taken.
    """
    from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

    regressor = kind == "regressor"
    return Tags(
        estimator_type=kind,
        target_tags=TargetTags(required=True, multi_output=regressor),
        classifier_tags=None if regressor else ClassifierTags(),
        regressor_tags=RegressorTags() if regressor else None,
        input_tags=InputTags(allow_nan=missing, categorical=True),
    )


def check_rows(X: Any, name: str) -> None:
    """Refuse what holds no rows of columns.

    Raises:
        ValueError, TypeError: sparse or complex, of another number of axes, or without rows or columns.
    """
    if hasattr(X, "toarray"):
        raise TypeError(f"{name}: sparse data is not supported; give it as .toarray()")
    shape = np.shape(X) if hasattr(X, "shape") else None
    if shape is None or getattr(getattr(X, "dtype", None), "names", None):
        return
    if getattr(getattr(X, "dtype", None), "kind", "") == "c":
        raise ValueError(f"{name}: Complex data not supported; give real and imaginary parts as columns")
    if len(shape) != 2:
        raise ValueError(
            f"{name}: expected rows of columns, (rows, columns). Received shape {shape}. Reshape your data: x[:, None] "
            "for one column, x[None] for one row"
        )
    for axis, what in enumerate(("sample", "feature")):
        if not shape[axis]:
            raise ValueError(f"{name}: found 0 {what}(s) (shape={shape}) while a minimum of 1 is required.")


def check_width(X: Any, expected: int, name: str) -> None:
    """Refuse an array of another number of columns than was learned from."""
    if isinstance(X, np.ndarray) and X.ndim == 2 and X.shape[1] != expected:
        raise ValueError(f"X has {X.shape[1]} features, but {name} is expecting {expected} features as input")


def labels(y: Any, name: str, classes: bool) -> np.ndarray:
    """Labels as an array: (rows,), or (rows, outputs) of amounts.

    Args:
        y: as people give them.
        name: of the estimator.
        classes: whether they are classes rather than amounts.

    Raises:
        ValueError: missing or infinite, or amounts where classes are expected.
    """
    y = y.to_numpy() if hasattr(y, "to_numpy") else np.asarray(y)
    if y.dtype.kind in "mM" and not classes:
        raise ValueError(f"{name}: y holds dates or durations, expected numbers: say in which unit, as days or seconds")
    if y.dtype.kind == "c":
        raise ValueError(f"{name}: Complex data not supported as labels")
    if y.ndim == 2 and y.shape[1] == 1:
        conversion = getattr(sys.modules.get("sklearn.exceptions"), "DataConversionWarning", UserWarning)
        message = f"A column-vector y was passed when a 1d array was expected: {name} takes it as y[:, 0]"
        warnings.warn(message, conversion, stacklevel=4)
        y = y[:, 0]
    if y.ndim != 1 and (classes or y.ndim != 2):
        raise ValueError(f"{name}: expected one label a row, y of shape (rows,). Received shape {y.shape}")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        row = int(np.argwhere(~np.isfinite(y))[0][0])
        raise ValueError(f"{name}: Input y contains {y[row]} in row {row}. Leave such rows out")
    if classes and y.dtype.kind == "f" and (y != np.floor(y)).any():
        odd = y[y != np.floor(y)][0]
        raise ValueError(f"{name}: Unknown label type: continuous. y holds {odd}; for amounts take TabularRegressor")
    if not classes:
        y = y.astype(np.float64)
    if len(y) == 1:
        raise ValueError(f"{name}: n_samples = 1; expected 2 rows or more")
    return y
