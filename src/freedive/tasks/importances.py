"""Which columns of a table a network looks at, for the report."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..data.frames import as_table
from ..methods import permutation_importance
from ..report import page
from ..report.scores import spelt

ROWS, REPEATS, COLUMNS = 1000, 3, 60  # of a table of more columns, nothing is told
SHOWN = 20


def importance_section(task: Any, X: Any, y: Any) -> page.Section | None:
    """A part of the report: by how much the test score falls without each column.

    Args:
        task: a fitted task on tables; columns that it leaves out are not told.
        X: the test rows, as they were given.
        y: their labels, encoded.
    """
    rows = np.arange(min(len(y), ROWS))
    table, main = as_table(X, "X").take(rows), task.target.main
    table = table.drop(*task.reader.encoder.left_out(table))
    if len(table.columns) > COLUMNS or len(rows) < 2:
        return None

    def score(x: Any, y: Any) -> float:
        return task.target.scored(task.answer(task.reader.encoded(x)), y)[main]

    found = permutation_importance(score, table, y[rows], REPEATS)
    most = max(found.mean[0], 1e-12)
    cells = [
        [name, page.bar(max(0.0, mean) / most, f"{mean:.4f}"), f"{deviation:.4f}"]
        for name, mean, deviation in zip(found.names[:SHOWN], found.mean, found.deviation, strict=False)
    ]
    note = (
        f"By how much the test {spelt(main)}, {found.score:.4g}, falls where a column is dealt out anew among the rows."
    )
    return page.Section("What it looks at", page.table(["column", "fall", "deviation"], cells), note)
