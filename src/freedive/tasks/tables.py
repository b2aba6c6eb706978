"""Tables: a class or an amount from the columns of a row."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any, Self

import numpy as np

from .. import optimizers
from ..config import NonNegativeFloat, list_of, one_of, text
from ..data.frames import as_table
from ..data.tables import Table
from ..methods import Importance, permutation_importance, temperature
from ..networks.tables import NETWORKS
from ..preprocessing.columns import NumberColumn, as_numbers, refuse_infinite
from ..report.amounts import amount_sections
from . import scikit
from .base import Settings, Task
from .classifier import Classifier
from .importances import importance_section
from .network_options import check_options
from .reading import Columns, Reader
from .targets import Amounts, Classes, Target

STEPS = (400, 3000)  # that a network learns for: one a row, within these bounds
MOST_EPOCHS = 200
FEW = 1000  # with fewer rows, networks learn slowly, so as not to learn them by heart
AT_ONCE = 32  # rows that are answered together


class _Tabular(Task):
    """What both tasks share: the encoder, the networks, and scikit-learn's rules.

    As scikit-learn asks, parameters are kept as they are given, and looked at by `fit`.
    """

    _: dataclasses.KW_ONLY
    network: Annotated[str, one_of(*NETWORKS)] = "mlp"
    options: Any = None
    numbers: Annotated[str, one_of("standard", "quantile")] = "standard"
    categories: Annotated[Any, list_of(text)] = ()
    weight_decay: NonNegativeFloat = 0.1

    def __post_init__(self):
        """Nothing is checked yet."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        task = super().from_config(config)
        task.check_parameters()
        return task

    def check_parameters(self) -> None:
        super().check_parameters()
        check_options(type(self).__name__, NETWORKS[self.network], self.options)

    def checked(self, X: Any, y: Any) -> tuple[Any, Any]:
        self.check_parameters()
        name = type(self).__name__
        scikit.check_rows(X, name)
        y = y if y is None else scikit.labels(y, name, isinstance(self, Classifier))
        table = as_table(X, "X")
        refuse_infinite_cells(table)  # rows are named as the user counts them
        return super().checked(table, y)

    def learn_reader(self, X: Any) -> Reader:
        return Columns.learned(X, numbers=self.numbers, categories=self.categories)

    def usual(self, rows: int) -> Settings:
        batch = int(np.clip(2 ** np.round(np.log2(max(rows, 1) / 20)), 16, 256))
        epochs = int(np.clip(np.clip(rows, *STEPS) * batch / rows, 10, MOST_EPOCHS))
        return Settings(epochs=epochs, batch_size=batch, learning_rate=1e-3 if rows < FEW else 2e-3)

    def descent(self, rows: int) -> Any:
        plain = super().descent(rows)
        if self.optimizer != "adam" or not self.weight_decay:
            return plain
        return optimizers.AdamW(plain.learning_rate, weight_decay=self.weight_decay)

    def make_network(self, x: Any, y: Any) -> Any:
        return NETWORKS[self.network](x.shape[1], self.reader.encoder.sizes, self.target.head(), **(self.options or {}))

    def encoded(self, X: Any) -> Any:
        name = type(self).__name__
        scikit.check_rows(X, name)
        scikit.check_width(X, self.n_features_in_, name)
        return super().encoded(X)

    def answer(self, x: Any) -> Any:
        rows = len(x)  # batches of one size: what is said of a row must not depend on the rows beside it
        filled = np.concatenate([x, np.repeat(x[-1:], -rows % AT_ONCE, axis=0)])
        return self.model.predict(filled, batch_size=AT_ONCE, verbose=0)[:rows]

    def features(self, x: Any) -> Any:
        several = isinstance(self.target, Amounts) and len(self.target.mean) > 1
        return None if several else x

    def sections(self, X: Any, outputs: Any, y: Any) -> list[Any]:
        return [importance_section(self, X, y)]

    def importance(self, X: Any, y: Any, repeats: int = 5, seed: int = 0) -> Importance:
        """How much the score falls when one column at a time is shuffled; see `methods.permutation_importance`.

        Args:
            X, y: rows that were not learned from.
            repeats: shuffles of each column.
            seed: of the shuffles.

        >>> X = {"a": [0.0, 1.0] * 30, "b": [0.0, 1.0, 1.0] * 20}
        >>> task = TabularClassifier(epochs=60, learning_rate=0.01, verbose=0).fit(X, ["no", "yes"] * 30)
        >>> task.importance(X, ["no", "yes"] * 30).names
        ('a', 'b')
        """
        self.check_fitted()
        return permutation_importance(self.score, as_table(X, "X"), y, repeats, seed)

    # scikit-learn's protocol ----------------------------------------------------------------------------------------
    @property
    def n_features_in_(self) -> int:
        """How many columns were learned from."""
        return len(self._columns().names)

    @property
    def feature_names_in_(self) -> np.ndarray:
        """The names of the columns that were learned from, where they had names."""
        columns = self._columns()
        if not columns.named:
            raise AttributeError("the columns had no names: an array was learned from")
        return np.array(columns.names, object)

    def _columns(self) -> Columns:
        if self.reader is None:
            raise AttributeError(f"this {type(self).__name__} is not fitted yet: call fit(X, y) first")
        return self.reader

    def __sklearn_tags__(self) -> Any:
        return scikit.tags("classifier" if isinstance(self, Classifier) else "regressor", missing=True)

    def __sklearn_is_fitted__(self) -> bool:
        return self.model is not None


def refuse_infinite_cells(table: Table) -> None:
    """Refuse a table with a number that is infinite, or is so in float32."""
    for column, kind in table.kinds.items():
        if kind in NumberColumn.kinds:
            refuse_infinite(column, as_numbers(table[column]))


class TabularClassifier(_Tabular, Classifier):
    """Tell the class of rows of a table: numbers, categories, dates, with missing values.

    Args:
        network: "mlp", "resnet" or "transformer", see `networks.tables`.
        options: arguments of the network by name, such as {"units": [64, 64]}.
        numbers: "standard" (mean 0, deviation 1) or "quantile" (normal, whatever their distribution).
        categories: names of columns of numbers that are categories all the same, such as codes.
        weight_decay: of the optimizer "adam", which is AdamW with it.
        calibrate: whether probabilities are made to fit the outcomes of the rows kept aside (temperature scaling).

    `fit` takes a dict of columns, a pandas or polars data frame, or an array.

    >>> table = {"legs": [2, 4] * 20, "diet": ["meat", "plants"] * 20}
    >>> task = TabularClassifier(epochs=60, learning_rate=0.01, verbose=0).fit(table, ["bird", "horse"] * 20)
    >>> task.score(table, ["bird", "horse"] * 20)
    1.0
    """

    _: dataclasses.KW_ONLY
    calibrate: bool = False

    def prepare(self, X: Any, y: Any = None, validation_data: Any = None, groups: Any = None) -> Self:
        super().prepare(X, y, validation_data, groups)
        if self.calibrate and self.rows.x_validation is None:
            raise ValueError("TabularClassifier(calibrate=True): no rows are kept aside to calibrate by")
        return self

    def finish(self) -> Self:
        if self.calibrate:
            found = temperature(self.target.probabilities(self.answer(self.rows.x_validation)), self.rows.y_validation)
            self.target = Classes(self.target.values, found)
        return super().finish()


class TabularRegressor(_Tabular):
    """Tell an amount, or several, from rows of a table: numbers, categories, dates, with missing values.

    Args:
        network, options, numbers, categories, weight_decay: as for `TabularClassifier`.

    >>> x = np.linspace(-1, 1, 64)[:, None]
    >>> TabularRegressor(epochs=60, verbose=0).fit(x, 3 * x[:, 0] + 1).score(x, 3 * x[:, 0] + 1) > 0.9
    True
    """

    def learn_target(self, y: Any, every: Any) -> Target:
        return Amounts.learned(y)

    def sections(self, X: Any, outputs: Any, y: Any) -> list[Any]:
        told = amount_sections(self.target.decoded(y), self.target.decoded(outputs))
        return [*told, *super().sections(X, outputs, y)]
