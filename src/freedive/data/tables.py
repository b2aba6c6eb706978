"""Tables in text files (CSV, TSV) to columns of arrays, with what each column holds told apart."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import io
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import unknown, warn
from .errors import DataFileError
from .opening import Path, many_objects, read_text

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")
SEPARATORS = (",", "\t", ";", "|")
MAX_CATEGORIES = 50  # more distinct texts than this are text, not a category
TRUTH = {"true": True, "false": False, "yes": True, "no": False}
MOSTLY = 0.9  # of the cells of a column
_WHOLE = re.compile(r"[+-]?(0|[1-9]\d{0,18})")  # 007 is a code, not a number
_REAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
INT64 = range(-(2**63), 2**63)
_CODE = re.compile(r"[+-]?0\d+")
_ZONE = r"(Z|[+-]\d{2}(:?\d{2})?)"
_ZONED = re.compile(rf"[ T]\d{{2}}.*{_ZONE}$")
_DATE = re.compile(rf"\d{{4}}-\d{{2}}(-\d{{2}}([ T]\d{{2}}(:\d{{2}}(:\d{{2}}(\.\d+)?)?)?{_ZONE}?)?)?")

OTHERWISE = {
    "date": (
        re.compile(r"\d{1,2}([./-])\d{1,2}\1(\d{2}|\d{4})"),
        "Write it as 2024-01-31: which number is the day, and which the month, is not guessed",
    ),
    "number": (
        re.compile(r"(?=.*[,'$€£%])[+-]?[$€£]? ?\d[\d.,']*( ?[%$€£])?"),
        "Write it as 1234.5, with a point, without a unit and nothing between thousands",
    ),
}


@dataclasses.dataclass
class Table:
    """Columns by name.

    Attributes:
        columns: name -> array of one value a row. Missing numbers are NaN, dates NaT, anything else None. Dates are
            datetime64[s], or [us] where one of the column has a part of a second.
        kinds: name -> "integer" (int64; float64 where cells are missing), "real" (float64), "boolean" (bool; objects
            where cells are missing), "date" (datetime64), "category" (text of few distinct values) or "text".
        clocks: name -> datetime64, of columns of dates with a zone: what the clocks there said, where the column has
            the times in UTC.
        counted: whether a first column without a name, which numbered the rows, was left out.
    """

    columns: dict[str, np.ndarray]
    kinds: dict[str, str]
    clocks: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    counted: bool = False

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.columns:
            raise unknown("column", name, self.columns)
        return self.columns[name]

    def take(self, rows: Any) -> Table:
        """The table of these rows (places or truth values)."""
        columns, clocks = ({name: a[rows] for name, a in part.items()} for part in (self.columns, self.clocks))
        return Table(columns, dict(self.kinds), clocks, self.counted)

    def drop(self, *names: str) -> Table:
        """The table without these columns."""
        for name in names:
            self[name]

        def left(held: dict[str, Any]) -> dict[str, Any]:
            return {name: value for name, value in held.items() if name not in names}

        return Table(left(self.columns), left(self.kinds), left(self.clocks), self.counted)


@many_objects()
def read_table(
    path: Path,
    separator: str | None = None,
    header: bool = True,
    kinds: Mapping[str, str] | None = None,
    missing: Sequence[str] = MISSING,
    encoding: str = "utf-8",
    quotes: bool = True,
) -> Table:
    """The columns of a table in a text file, gzipped or not.

    Args:
        path: the file.
        separator: what stands between cells; None finds it in the first line (comma, tab, semicolon or bar).
        header: whether the first line has the names; else they are column_0, column_1, ... A first column without a
            name that holds 0, 1, 2, ... numbers the rows, as pandas writes them, and is left out.
        kinds: name -> kind, where you know better than the cells show; see `Table.kinds`.
        missing: what stands for no value, spaces around it aside.
        encoding: of the file.
        quotes: whether "..." holds a cell together.

    Raises:
        DataFileError: names the line: another number of cells, an open quote, a cell that is not of its given kind.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "a.csv")
    >>> _ = open(path, "w").write("name,age\\nAda,36\\nAlan,NA\\n")
    >>> table = read_table(path)
    >>> table.kinds, table["age"]
    ({'name': 'category', 'age': 'integer'}, array([36., nan]))
    """
    text = read_text(path, encoding)
    if separator is None:
        separator = _separator(path, text)
    lines, rows = _rows(path, text, separator, quotes)
    counted = header and numbers_rows(rows)
    rows = [row[1:] for row in rows] if counted else rows
    table = _made(path, _named(path, lines, rows, header), kinds, frozenset(missing))
    return dataclasses.replace(table, counted=counted)


def _made(path: Path, read: Any, kinds: Mapping[str, str] | None, absent: Collection[str]) -> Table:
    names, lines, rows = read
    for name, kind in (kinds or {}).items():
        if name not in names:
            raise unknown("column", name, names)
        if kind not in KINDS:
            raise unknown("kind of column", kind, KINDS)
    columns, found, clocks = {}, {}, {}
    for place, name in enumerate(names):
        cells = [None if (cell := row[place].strip()) in absent else cell for row in rows]
        kind = (kinds or {}).get(name) or _kind(path, name, cells, lines)
        try:
            columns[name], found[name] = valued(cells, kind, f"column {name!r}"), kind
        except CellError as error:
            raise DataFileError(path, error.detail, lines[error.row], "line") from None
        if found[name] == "date" and (clock := on_the_clock(cells)) is not None:
            clocks[name] = clock
    return Table(columns, found, clocks)


# rows -------------------------------------------------------------------------------------------------------------
def _separator(path: Path, text: str) -> str:
    first = text.partition("\n")[0]
    tabs = os.fspath(path).lower().removesuffix(".gz").endswith(".tsv")
    best = "\t" if tabs and "\t" in first else max(SEPARATORS, key=first.count)
    return best if best in first else "\t" if tabs else ","


def _rows(path: Path, text: str, separator: str, quotes: bool) -> tuple[list[int], list[list[str]]]:
    """The line where each row begins, and the rows."""
    lines, rows = [], []
    for line, row in _parsed(path, text, separator, quotes):
        if rows and len(row) != len(rows[0]):
            raise DataFileError(path, f"{len(row)} cells, but the first line has {len(rows[0])}", line, "line")
        lines.append(line)
        rows.append(row)
    if not rows:
        raise DataFileError(path, "the table is empty")
    return lines, rows


def _named(path: Path, lines: list[int], rows: list[list[str]], header: bool) -> Any:
    """Names, the line where each row begins, and the rows without the names."""
    if header:
        names = [name.strip() for name in rows[0]]
        check_names(path, names, lines[0])
        lines, rows = lines[1:], rows[1:]
    else:
        names = [f"column_{place}" for place in range(len(rows[0]))]
    if not rows:
        raise DataFileError(path, "the table has names but no rows")
    return names, lines, rows


def numbers_rows(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first column of rows, the names first, has no name and counts them: the index of a data frame.

    >>> numbers_rows([["", "a"], ["0", "7"], ["1", "9"]]), numbers_rows([["", "a"], ["4", "7"], ["2", "9"]])
    (True, False)
    """
    if len(rows[0]) == 1 or rows[0][0].strip():
        return False
    cells = [row[0].strip() for row in rows[1:]]
    return any(cells == [str(start + place) for place in range(len(cells))] for start in (0, 1))  # R begins with 1


def check_names(path: Path, names: Sequence[str], line: int) -> None:
    """Refuse columns without a name, and two of one name."""
    hint = "Pass header=False (--set header=false) if there are no names"
    if "" in names:
        place = names.index("")
        index = " If it is the index of a data frame, write that without: df.to_csv(path, index=False)."
        detail = f"column {place + 1} of {len(names)} has no name: give it one.{'' if place else index} {hint}"
        raise DataFileError(path, detail, line, "line")
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        places = " and ".join(str(place) for place, name in enumerate(names, 1) if name == twice)
        raise DataFileError(path, f"the columns {places} are called {twice!r}: give each its own. {hint}", line, "line")


def _parsed(path: Path, text: str, separator: str, quotes: bool) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row; empty lines are passed over."""
    if "\0" in text:
        raise DataFileError(path, "a zero byte: no text", text.count("\n", 0, text.index("\0")) + 1, "line")
    quoting = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True, quoting=quoting)
    line = 1
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataFileError(path, f"{error}; is a quote left open?", line, "line") from None


# columns ----------------------------------------------------------------------------------------------------------
def _kind(path: Path, name: str, cells: list[str | None], lines: list[int]) -> str:
    """What the cells of a column hold."""
    given = [cell for cell in cells if cell is not None]
    kind = kind_of_texts(given, READ)
    if kind == "integer" and None in cells and any(float(cell) != int(cell) for cell in set(given)):
        return kind_of_texts(given, ())  # with gaps they would be floats, of which some stand for several such numbers
    if kind == "boolean" and not {cell.lower() for cell in given} <= {"true", "false"}:
        return "category"  # yes and no are words of somebody's: classes and answers are called so
    if kind not in READ:
        warn_nearly(path, name, cells, lines)
        warn_otherwise(path, name, cells)
    return kind


def kind_of_texts(given: Sequence[str], kinds: Sequence[str]) -> str:
    """The first of some kinds that all texts read as; else a category, of few distinct values, or just text.

    >>> kind_of_texts(["2024-01-31", "2024-02-29"], ("date",)), kind_of_texts(["3", "4"], ("date",))
    ('date', 'category')
    """
    distinct = set(given)
    for kind in kinds:
        if distinct and all(map(_FITS[kind], distinct)):
            return kind
    few = len(distinct) <= MAX_CATEGORIES and (len(distinct) < len(given) or len(given) <= MAX_CATEGORIES)
    return "category" if few else "text"


def warn_nearly(path: Path, name: str, cells: list[str | None], lines: list[int]) -> None:
    """Say it where a few cells make texts of a column of numbers or dates."""
    given = [cell for cell in cells if cell is not None]
    for kind, called in (("real", "numbers"), ("date", "dates")):
        fits = _FITS[kind]
        fitting = sum(bool(fits(cell)) for cell in given)
        mark = len({cell for cell in given if not fits(cell)}) == 1 and 2 * fitting > len(given)  # "-" for no value
        if (mark or fitting >= MOSTLY * len(given) > 0) and not (kind == "real" and any(map(_CODE.fullmatch, given))):
            odd = next(cell for cell in given if not fits(cell))
            warn(
                f"{os.fspath(path)}: column {name!r} is read as text because line {lines[cells.index(odd)]} holds "
                f"{odd!r}, though {fitting} of {len(given)} values are {called}. If that means no value, pass it as "
                f"missing= (--set missing={json.dumps([odd]) if ',' in odd else odd})",
            )


def warn_otherwise(path: Path, name: str, cells: Sequence[str | None]) -> None:
    """Say it where most cells are numbers or dates that are written as tables do not have them; none is guessed."""
    given = [cell for cell in cells if cell is not None]
    for called, (pattern, cure) in OTHERWISE.items():
        found = [cell for cell in given if pattern.fullmatch(cell)]
        if found and len(found) >= MOSTLY * len(given):
            warn(
                f"{os.fspath(path)}: column {name!r} is read as text, though {found[0]!r} looks like a {called}. "
                f"{cure}; or, if it is text, say so: kinds={{{name!r}: 'category'}}",
            )


class CellError(ValueError):
    """A text that is not of the kind that its column should hold.

    Args:
        where: what the column is called.
        detail: what came, what was expected.
        row: from 0.
    """

    def __init__(self, where: str, detail: str, row: int):
        super().__init__(where, detail, row)
        self.detail, self.row = f"{where}: {detail}", row

    def __str__(self) -> str:
        where, detail, row = self.args
        return f"{where}, row {row}: {detail}"


def valued(cells: Sequence[str | None], kind: str, where: str = "column") -> np.ndarray:
    """The values of texts that are of a kind; they are missing where there is None.

    Raises:
        CellError: one is not; names it and its row.

    >>> valued(["80.5", None], "real", "column 'area'").tolist()
    [80.5, nan]
    """
    fits = _FITS.get(kind, lambda cell: True)
    for row, cell in enumerate(cells):
        if cell is not None and not fits(cell):
            raise CellError(where, f"{cell!r} is {EXPECTED[kind]}", row)
    return KINDS[kind](cells)


def _numbers(cells: Sequence[str | None]) -> np.ndarray:
    return np.array([np.nan if cell is None else float(cell) for cell in cells], np.float64)


def _integers(cells: Sequence[str | None]) -> np.ndarray:
    return _numbers(cells) if None in cells else np.array(list(map(int, cells)), np.int64)  # type: ignore[arg-type]


def objects(values: Sequence[Any]) -> np.ndarray:
    """Values of any kind as an array of one axis."""
    column = np.empty(len(values), object)
    column[:] = values
    return column


def _truths(cells: Sequence[str | None]) -> np.ndarray:
    values = [None if cell is None else TRUTH[cell.lower()] for cell in cells]
    return objects(values) if None in values else np.array(values, bool)


def _dates(cells: Sequence[str | None]) -> np.ndarray:
    return to_seconds([np.datetime64("NaT") if cell is None else instant(cell) for cell in cells])


def to_seconds(times: Any) -> np.ndarray:
    """Times as datetime64[s], or [us] where there are parts of a second.

    >>> to_seconds(["2024-01-01"]).dtype, to_seconds(["2024-01-01T00:00:00.5"]).dtype
    (dtype('<M8[s]'), dtype('<M8[us]'))
    """
    times = np.asarray(times, "datetime64")
    seconds = times.astype("datetime64[s]")
    return seconds if ((seconds == times) | np.isnat(seconds)).all() else times.astype("datetime64[us]")


def instant(cell: str) -> np.datetime64 | None:
    """The time that an ISO 8601 text says, in UTC where it says how far from it; None where it says none.

    >>> str(instant("2024-01-01T05:30+02:00")), instant("2024-02-31")
    ('2024-01-01T03:30:00', None)
    """
    try:
        return in_utc(_moment(cell)) if _DATE.fullmatch(cell) else None
    except (ValueError, OverflowError):  # 2024-02-31
        return None


def _moment(cell: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(cell if len(cell) > len("2024-01") else f"{cell}-01")


def on_the_clock(cells: Sequence[Any]) -> np.ndarray | None:
    """What the clocks said at the place of dates, as texts or as Python has them, None among them; None without zones.

    >>> on_the_clock(["2024-01-01T00:00+02:00", None]).astype(str).tolist(), on_the_clock(["2024-01-01"])
    (['2024-01-01T00:00:00', 'NaT'], None)
    """
    if not any(_ZONED.search(cell) if isinstance(cell, str) else getattr(cell, "tzinfo", None) for cell in cells):
        return None
    times = [_moment(cell) if isinstance(cell, str) else cell for cell in cells]
    times = [time.replace(tzinfo=None) if isinstance(time, datetime.datetime) else time for time in times]
    return to_seconds([np.datetime64("NaT") if time is None else in_utc(time) for time in times])


def in_utc(time: datetime.date) -> np.datetime64:
    """A date of Python's as numpy's, in UTC where it has a zone."""
    if isinstance(time, datetime.datetime) and time.tzinfo is not None:
        time = time.astimezone(datetime.UTC).replace(tzinfo=None)
    return np.datetime64(time, "us" if getattr(time, "microsecond", 0) else "s")


def _is_whole(cell: str) -> bool:
    return bool(_WHOLE.fullmatch(cell)) and int(cell) in INT64


def _is_real(cell: str) -> bool:
    return bool(_REAL.fullmatch(cell)) and not _CODE.fullmatch(cell)


READ = ("integer", "real", "boolean", "date")  # kinds that cells of text are read as, the first that suits
_FITS: dict[str, Callable[[str], Any]] = {
    "integer": _is_whole,
    "real": _is_real,
    "boolean": lambda cell: cell.lower() in TRUTH,
    "date": lambda cell: instant(cell) is not None,
}
EXPECTED = {  # beside the kind of a column, what a text that is not of it should have been
    "integer": "no whole number. Write it as -12",
    "real": "no number. Write it as 1234.5, with a point and nothing between thousands",
    "boolean": "no truth value. Write true or false, yes or no",
    "date": "no date. Write it as 2024-01-31 or 2024-01-31 12:30",
}
KINDS: dict[str, Callable[[Sequence[str | None]], np.ndarray]] = {
    "integer": _integers,
    "real": _numbers,
    "boolean": _truths,
    "date": _dates,
    "category": objects,
    "text": objects,
}
