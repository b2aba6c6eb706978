"""What commands write: results to standard output, words about the work to standard error, tables for both."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import sys
import unicodedata
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

MOST = 2000  # characters of an error


class Stopped(Exception):
    """A command was stopped by Ctrl-C or SIGTERM; the text says what was kept, `code` is the exit code."""

    def __init__(self, text: str, code: int | None = None):
        super().__init__(text)
        self.code = 130 if code is None else code


class Misuse(ValueError):
    """A command was given words that it cannot mean."""


def say(text: str = "") -> None:
    """Write a line of the result."""
    _write(sys.stdout, text)


def say_json(value: Any) -> None:
    """Write the result for programs."""
    say(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


def say_csv(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table for programs to read."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([headers, *([clean(str(cell)) for cell in row] for row in rows)])
    say(text.getvalue().rstrip("\n"))


def warn(text: str) -> None:
    """Write a line about the work, beside the result."""
    _write(sys.stderr, text)


@contextlib.contextmanager
def plain_warnings() -> Iterator[None]:
    """Warnings in a line each, without the place in freedive that gives them."""

    def show(message: Warning | str, *place: Any, **more: Any) -> None:
        warn(f"Warning: {clean(' '.join(str(message).split()))}")

    former, warnings.showwarning = warnings.showwarning, show
    try:
        yield
    finally:
        warnings.showwarning = former


def error(text: str) -> None:
    """Write why the work ended."""
    _write(sys.stderr, f"{paint('Error:', '1;31', sys.stderr)} {text}")


def error_in(command: str, text: str) -> None:
    """Write what was wrong with the words of a command, and where the right ones stand."""
    text = text.strip().rstrip(".")
    error(f"{text}{' ' if text.endswith('?') else '. '}See: {command} --help")


def told(raised: BaseException) -> str:
    """An exception as one line.

    >>> told(FileNotFoundError(2, "no such file", "a.png")), told(ValueError("two\\nlines"))
    ('a.png: no such file', 'two lines')
    """
    text = str(raised)
    if isinstance(raised, OSError) and raised.strerror and raised.filename is not None:
        text = f"{os.fspath(raised.filename)}: {raised.strerror}"
    elif isinstance(raised, MemoryError):
        text = text or "not enough memory"
    line = clean(" ".join(text.split())) or type(raised).__name__
    return line if len(line) <= MOST else line[:MOST] + " ..."


def clean(text: str) -> str:
    """Text from a file without the characters that a terminal would obey.

    >>> clean("a\\x1b[31mb")
    'a[31mb'
    """
    return "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf"))


def paint(text: str, style: str, stream: Any = None) -> str:
    """Text in a colour, where it goes to a terminal that wants colours (https://no-color.org)."""
    return f"\x1b[{style}m{text}\x1b[0m" if is_terminal(stream) and not os.environ.get("NO_COLOR") else text


def is_terminal(stream: Any = None) -> bool:
    """Whether lines go to a person."""
    stream = sys.stdout if stream is None else stream
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[str] = ()) -> None:
    """Write a table: fitted to the width of a terminal, else in whole lines with columns side by side.

    Args:
        headers: the names of the columns.
        rows: the cells.
        right: the columns that are set to the right: numbers.
    """
    cells = [[clean(str(cell)) for cell in row] for row in rows]
    right = set(right)
    if is_terminal():
        _drawn(headers, cells, right)
        return
    widths = [max(map(_width, column)) for column in zip(headers, *cells, strict=True)]
    for row in (headers, *cells):
        padded = (_pad(c, w, h in right) for c, w, h in zip(row, widths, headers, strict=True))
        say("  ".join(padded).rstrip())


def _drawn(headers: Sequence[str], cells: Sequence[Sequence[str]], right: set[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for header in headers:
        drawn.add_column(header, justify="right" if header in right else "left", overflow="fold")
    for row in cells:
        drawn.add_row(*(Text(cell) for cell in row))
    Console().print(drawn)


def _width(text: str) -> int:
    """The columns that text takes; characters of East Asian scripts take two."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space


def _write(stream: Any, text: str) -> None:
    try:
        print(text, file=stream, flush=True)
    except UnicodeEncodeError:  # a name that the terminal cannot show
        encoding = getattr(stream, "encoding", None) or "ascii"
        print(text.encode(encoding, "replace").decode(encoding), file=stream, flush=True)
