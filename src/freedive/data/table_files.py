"""Files of tables by their endings: CSV, TSV, JSON lines, Parquet."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from ..errors import nearest
from .errors import DataFileError
from .frames import as_table, rows_to_columns
from .opening import Path, many_objects, read_lines
from .parquet import read_parquet
from .tables import Table, read_table

MOST_CELLS, SPARSE = 2**22, 100  # a table of lines that each have a name of their own would take any amount of memory


def open_table(path: Path, **options: Any) -> Table:
    """The table in a file, read as its ending says: .csv, .tsv, .txt, .jsonl, .ndjson, .parquet; gzipped or not.

    Args:
        path: the file.
        **options: those of `read_table`, for text files.

    Raises:
        DataFileError: another ending, or what is wrong with the file and where.
        ImportError: .parquet without pyarrow.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "a.jsonl")
    >>> _ = open(path, "w").write('{"name": "Ada", "age": 36}\\n{"name": "Alan"}\\n')
    >>> open_table(path).kinds
    {'name': 'category', 'age': 'real'}
    """
    ending = table_ending(path)
    if ending not in READERS:
        close = nearest(ending, READERS)
        hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(READERS)}"
        raise DataFileError(path, f"a file {ending or 'without an ending'}, expected a table. {hint}")
    return READERS[ending](path, **options)


def table_ending(path: Path) -> str:
    """The ending of a file's name in small letters, without .gz.

    >>> table_ending("A.CSV.gz")
    '.csv'
    """
    return os.path.splitext(os.fspath(path).lower().removesuffix(".gz"))[1]


@many_objects()
def read_json_lines(path: Path, encoding: str = "utf-8") -> Table:
    """A table with an object of JSON in every line; names that a line lacks are missing there.

    Raises:
        DataFileError: names the line that is none.
    """
    rows = []
    for number, line in enumerate(read_lines(path, encoding), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            raise DataFileError(path, f"no JSON: {error}", number, "line") from None
        if not isinstance(row, dict):
            raise DataFileError(path, f'expected an object, {{"name": value, ...}}: {line:.60}', number, "line")
        nested = next((name for name, value in row.items() if isinstance(value, (dict, list))), None)
        if nested is not None:
            raise DataFileError(path, f"{nested!r} holds {row[nested]!r:.40}, expected one value", number, "line")
        rows.append(row)
    if not rows:
        raise DataFileError(path, "the table is empty")
    names, given = len({name for row in rows for name in row}), sum(map(len, rows))
    if len(rows) * names > MOST_CELLS and len(rows) * names > SPARSE * given:
        detail = f"{len(rows):,} rows and {names:,} names, of which each row has few: no table of that size is made"
        raise DataFileError(path, detail)
    return as_table(rows_to_columns(rows), os.fspath(path))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, in which a name must not stand twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for place, (name, _) in enumerate(pairs) if name in dict(pairs[:place]))
        raise ValueError(f"the name {twice!r:.80} stands twice")
    return found


READERS: dict[str, Callable[..., Table]] = {
    ".csv": read_table,
    ".tsv": read_table,
    ".txt": read_table,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".parquet": read_parquet,
}
