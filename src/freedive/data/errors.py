"""What can be wrong with a file of data."""

from __future__ import annotations

import os


class DataFileError(ValueError):
    """A data file cannot be read as it is.

    Args:
        path: the file.
        detail: what came, what was expected, how to fix it.
        record: the number of the record at fault, as its format counts, where there is one.
        unit: what the format calls a record.

    >>> print(DataFileError("a.csv", "3 cells, expected 4", 17, "line"))
    a.csv, line 17: 3 cells, expected 4
    """

    def __init__(self, path: str | os.PathLike[str], detail: str, record: int | None = None, unit: str = "record"):
        super().__init__(path, detail, record, unit)
        self.path = os.fspath(path)
        self.detail = detail
        self.record = record
        self.unit = unit

    def __str__(self) -> str:
        where = "" if self.record is None else f", {self.unit} {self.record}"
        return f"{self.path}{where}: {self.detail}"
