"""Tables: a class or an amount from the columns of a row."""

from __future__ import annotations

import dataclasses
from typing import Any

from .. import layers
from ..config import PositiveInt
from ..core.graph import Input
from ..models import Sequential
from .base import Classifier, Settings
from .reading import Columns, Reader
from .targets import Target


class TabularClassifier(Classifier):
    """Tell the class of rows of a table.

    Args:
        units: of the hidden layer.

    >>> import numpy as np
    >>> table = {"legs": np.array([2, 4] * 20), "diet": np.array(["meat", "plants"] * 20)}
    >>> TabularClassifier(epochs=20, verbose=0).fit(table, ["bird", "horse"] * 20).score(table, ["bird", "horse"] * 20)
    1.0
    """

    _: dataclasses.KW_ONLY
    units: PositiveInt = 32

    def checked(self, X: Any, y: Any) -> tuple[Any, Any]:
        return X, y

    def learn_reader(self, X: Any) -> Reader:
        return Columns.learned(X)

    def usual(self, rows: int) -> Settings:
        return Settings(epochs=60, batch_size=16, learning_rate=3e-3)

    def make_network(self, x: Any, target: Target) -> Any:
        return Sequential([Input(x.shape[1:]), layers.Dense(self.units, activation="relu"), target.head()])
