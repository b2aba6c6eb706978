"""Tables that `freedive train PATH` finds: what their columns hold decides the task."""

from __future__ import annotations

import dataclasses
import inspect
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data.errors import DataFileError
from ..data.series import TimeSeries, as_series
from ..data.table_files import READERS, table_ending
from ..data.tables import Table
from ..data.writing import composed
from ..errors import ToldError, counted
from .reading.tables import label_column
from .series import Forecaster, aside
from .sources import TEST, Source, Told, divided, named
from .tables import TabularClassifier, TabularRegressor, refuse_infinite_cells
from .text_sources import text_table
from .told import SERIES, TABLE, table_as

FEW_NUMBERS = 20  # distinct whole numbers, at most, are classes rather than amounts
LEAST = 10  # rows of a table, so that two of them are for testing


def table_file(path: str, told: Told) -> Source | None:
    """a table with a column of labels (--target): .csv, .tsv, .jsonl or .parquet"""
    if os.path.isdir(path) or table_ending(path) not in READERS:
        return None
    table = table_told(path, told)
    told.refuse_unknown(path, table.columns, ["target", "group", "text"])
    name = label_column(path, table, told.target)
    if table.kinds[name] == "text":
        raise DataFileError(path, f"the column {name!r} holds texts, each another; expected classes or amounts")
    known = np.array([cell is not None and cell == cell for cell in table[name].tolist()])
    whole, table, missing = table, table.take(known), int((~known).sum())
    group = None if told.group is None else table[told.group]
    asked = [name] if told.group is None else [name, told.group]
    labels, rest = table[name], table.drop(*asked)
    if labels.dtype.kind == "O":
        labels = np.array([composed(label) for label in labels.tolist()], object)
    classes = is_classes(table, name)
    if classes and table.kinds[name] == "integer":
        labels = labels.astype(np.int64)
    few(path, name, labels, classes)
    found = f"{len(table):,} rows; {name!r} holds {'classes' if classes else 'amounts'}; " + told_of(rest, missing)
    if told.text is not None and not classes:
        raise DataFileError(path, f"texts tell classes, but the column {name!r} holds amounts")
    texts = text_table(path, told, rest, labels, group, found) if classes else None
    if texts is not None:
        return texts
    refuse_infinite_cells(whole.drop(*asked))  # rows are named as the file counts them
    task = TabularClassifier() if classes else TabularRegressor()
    parts = divided(rest, labels, told.seed, group)
    facts = [("data", path), ("target", name)]
    return Source(named(path), task, *parts[:4], "rows", None, facts, found + left_out(rest), parts.groups)


def series_file(path: str, told: Told) -> Source | None:
    """a table with a column of times, where --horizon says how far to look ahead: .csv, .tsv, .jsonl or .parquet"""
    if told.horizon is None or os.path.isdir(path) or table_ending(path) not in READERS:
        return None
    reading = told.reading_by(SERIES)
    gaps = reading.pop("gaps", "error")
    table = table_told(path, told)
    series = as_series(table, gaps="keep" if gaps == "fill" else gaps, **reading)
    told.refuse_unknown(path, series.names, ["target"], "variable")
    if told.target is not None:
        column = series.names.index(told.target)
        series = dataclasses.replace(series, values=series.values[:, column : column + 1], names=(told.target,))
    source = series_source(named(path), series, told.horizon, [("data", path)], gaps)
    source.found += without_index(table)
    task: Any = source.task
    learned = len(source.x_train)
    need = task.length + task.horizon
    if learned - aside(learned, task.horizon, task.validation) < need:
        raise DataFileError(
            path,
            f"{len(series):,} rows, of which {learned:,} are to learn from and the others to test with: too few for a "
            f"window of {task.length} and its forecast of {task.horizon}, {need} rows. Give more rows, or a smaller "
            "--horizon",
        )
    return source


def table_told(path: str, told: Told) -> Table:
    """The table of a file, read as was said."""
    known = inspect.signature(READERS[table_ending(path)]).parameters
    for name in told.reading_by(TABLE):
        if name not in known:
            raise ToldError(f"--set {name} means nothing for a file {table_ending(path)}: {path}")
    return table_as(path, told.reading or {})


def series_source(
    name: str, series: TimeSeries, horizon: int, facts: Sequence[tuple[str, Any]], gaps: str = "error"
) -> Source:
    """A series to be foretold, with its gaps; its last fifth is for testing."""
    cut = max(0, len(series) - max(horizon, round(len(series) * TEST)))
    length = max(1, min(int(3.5 * horizon), cut // 3))
    task, learned = Forecaster(horizon, length=length, gaps=gaps), series.part(None, cut)
    _, test = series.parted(cut, min(length, cut))
    step = f"{series.step}{'' if series.step.startswith('1 ') else 's'}" if series.step else "unknown length"
    steps = f"{len(series):,} steps of {step}"
    found = f"{steps}: {', '.join(series.names[:8])}; {horizon} steps are foretold; the last fifth is for testing"
    facts = [*facts, ("steps foretold", horizon)]
    return Source(name, task, learned, learned, test, test, "windows", facts=facts, found=found)


def left_out(table: Table) -> str:
    """What there is to say where texts cannot be learned from as columns of a table.

    >>> left_out(Table({"name": np.ones(2)}, {"name": "text"}))
    "; 'name' holds texts, which are left out: --text name learns from them alone"
    """
    texts = [name for name, kind in table.kinds.items() if kind == "text"]
    told = ", ".join(map(repr, texts))
    return f"; {told} holds texts, which are left out: --text {texts[0]} learns from them alone" if texts else ""


def is_classes(table: Table, name: str) -> bool:
    """Whether a column holds classes rather than amounts: words, truth values, or few whole numbers, often repeated."""
    kind, cells = table.kinds[name], table[name]
    if kind != "integer":
        return kind in ("category", "boolean")
    distinct = len(np.unique(cells))
    return distinct <= FEW_NUMBERS and distinct * 5 <= len(cells)


def few(path: str, name: str, labels: np.ndarray, classes: bool) -> None:
    """Refuse what cannot be learned: a handful of rows, one class only, or a class of a single row."""
    if len(labels) < LEAST:
        detail = (
            f"{len(labels)} rows with a label in {name!r}; expected {LEAST} or more, of which a fifth is for testing"
        )
        raise DataFileError(path, detail)
    values, counts = np.unique(labels.astype(str) if labels.dtype.kind == "O" else labels, return_counts=True)
    if len(values) < 2:
        raise DataFileError(path, f"the column {name!r} holds only one value, {str(values[0])!r}; expected two or more")
    if classes and counts.min() < 2:
        rare = str(values[counts.argmin()])
        raise DataFileError(path, f"the class {rare!r} of {name!r} has 1 row; expected 2 or more of every class")


def told_of(table: Table, missing: int) -> str:
    """What the columns hold, in words.

    >>> told_of(Table({"a": np.ones(2), "b": np.ones(2)}, {"a": "real", "b": "date"}), 0)
    'columns: 1 real, 1 date'
    """
    kinds = list(table.kinds.values())
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    absent = f"; {counted(missing, 'rows')} without a label left out" if missing else ""
    return f"columns: {counts}{absent}{without_index(table)}"


def without_index(table: Table) -> str:
    """What there is to say where a column that numbered the rows was left out.

    >>> without_index(Table({"a": np.ones(2)}, {"a": "real"}, counted=True))
    '; the first column, without a name, numbers the rows and is left out'
    """
    return "; the first column, without a name, numbers the rows and is left out" if table.counted else ""
