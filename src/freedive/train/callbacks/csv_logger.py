"""A callback that writes the results of every epoch to a CSV file."""

from __future__ import annotations

import csv
import io
import json
import os
import time
from typing import Any, ClassVar

import numpy as np

from ...files import append_whole, make_folders, sync_file, write_text_atomic
from .base import Described, Edge

MISSING = "NA"
SYNC = 1.0  # seconds: rows are made durable against a power failure at most so often


class CSVLogger(Described):
    """Write the results of every epoch to a CSV file, a row an epoch, as soon as they are known.

    Columns are `epoch` (from 0) and the results in alphabetical order; a result that appears later, such as those of
    validation with `validation_freq`, becomes a further column, and earlier rows get "NA" there. Arrays are written
    as JSON. A run that goes on from a checkpoint goes on in its file, without the rows that it does again.

    Keeps the run compiled: it never pauses it.

    Args:
        filename: where; missing folders are made.
        separator: between the values.
        append: whether to go on after the rows of a file that is there, rather than replace it.

    >>> import freedive as fd
    >>> fd.callbacks.CSVLogger("runs/log.csv", append=True)
    CSVLogger(filename='runs/log.csv', append=True)
    """

    edge: ClassVar[Edge | None] = "never"

    filename: Any
    separator: str = ","
    append: bool = False

    _resumed = _unsynced = False
    _synced = 0.0  # when, by time.monotonic

    def __post_init__(self) -> None:
        super().__post_init__()
        self.filename = os.fspath(self.filename)
        if len(self.separator) != 1:
            raise ValueError(f"{self.where(separator=self.separator)}: expected one character")

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        make_folders(os.path.dirname(self.filename) or os.curdir)
        self._write("")  # a file that cannot be written is found now, not after an epoch
        self._columns: list[str] | None = None
        self._resumed = False

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        columns = self._begin(epoch) if self._columns is None else self._columns
        new = sorted(name for name in logs if name not in columns)
        if new:
            columns = self._widen(columns, new)
        self._columns = columns
        row = {"epoch": epoch, **{name: _shown(value) for name, value in logs.items()}}
        self._write(self._text([[row.get(name, MISSING) for name in columns]]))
        self._unsynced = True

    def on_edge(self, run: Any) -> None:
        if time.monotonic() - self._synced > SYNC:
            self._sync()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._sync()

    def on_interrupt(self, error: BaseException) -> None:
        self._sync()

    def _begin(self, epoch: int) -> list[str]:
        """Leave the rows that stay: none, or those of before; the columns."""
        rows = self._read() if self.append or self._resumed else []
        columns = rows[0] if rows else ["epoch"]
        if columns[0] != "epoch":
            raise ValueError(f"{self.where(filename=self.filename)}: its columns are {columns}, so no rows can follow")
        whole = [row for row in rows[1:] if len(row) == len(columns)]  # a crash may have cut the last one
        kept = [row for row in whole if not self._resumed or int(row[0]) < epoch]
        self._replace([columns, *kept] if rows else [])
        return columns

    def _widen(self, columns: list[str], new: list[str]) -> list[str]:
        """Add columns; earlier rows have nothing to put in them."""
        wide = [*columns, *new]
        self._replace([wide, *([*row, *[MISSING] * len(new)] for row in self._read()[1:])])
        return wide

    def get_state(self) -> dict[str, Any]:
        return {"columns": self._columns}

    def set_state(self, state: dict[str, Any]) -> None:
        self._resumed = True

    # the file ---------------------------------------------------------------------------------------------------------
    def _read(self) -> list[list[str]]:
        with open(self.filename, encoding="utf-8", newline="") as file:
            return list(csv.reader(file, delimiter=self.separator))

    def _write(self, text: str) -> None:
        append_whole(self.filename, text.encode())

    def _sync(self) -> None:
        if self._unsynced:
            sync_file(self.filename)
            self._unsynced, self._synced = False, time.monotonic()

    def _replace(self, rows: list[list[Any]]) -> None:
        write_text_atomic(self.filename, self._text(rows))

    def _text(self, rows: list[list[Any]]) -> str:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self.separator).writerows(rows)
        return text.getvalue()


def _shown(value: Any) -> Any:
    return json.dumps(np.asarray(value).tolist()) if np.ndim(value) else value
