"""What people say about their data beside where it lies, as a model's file keeps it."""

from __future__ import annotations

import codecs
import inspect
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..config import boolean, one_of, text
from ..data.table_files import READERS, open_table, table_ending
from ..data.tables import MISSING, Table
from ..errors import ToldError, unknown


def known_encoding(value: Any) -> str:
    """The name of an encoding."""
    try:
        return codecs.lookup(text(value)).name
    except LookupError:
        raise ValueError(f"expected an encoding, such as utf-8, utf-16, cp1252 or gbk. Received: {value!r}") from None


def no_values(value: Any) -> list[str]:
    """What stands for no value, and the usual: several texts, or one with commas between them; -999 is a text too.

    >>> no_values("-,x")[-2:], no_values(-999)[-1], no_values(["1,5"])[-1]
    (['-', 'x'], '-999', '1,5')
    """
    given = value.split(",") if isinstance(value, str) else value if isinstance(value, (list, tuple)) else [value]
    return [*dict.fromkeys([*MISSING, *(str(mark).strip() for mark in given)])]


def one_character(value: Any) -> str:
    """What stands between cells; a tab may be typed as a backslash and a t, or as "tab".

    >>> one_character(";"), one_character("tab") == chr(9)
    (';', True)
    """
    found = "\t" if value in (r"\t", "tab") else text(value)
    if len(found) != 1 or found in '\r\n"':
        raise ValueError(f"expected one character, such as ';', or \\t for a tab. Received: {value!r}")
    return found


def kinds_of_columns(value: Any) -> dict[str, str]:
    """The kinds of columns by name."""
    if not isinstance(value, Mapping):
        raise ValueError(f'expected kinds by name, {{"zip": "category"}}. Received: {value!r:.80}')
    return {text(name): text(kind) for name, kind in value.items()}


# How files are read, where it is said: arguments of `data.read_table`, then of `data.series.as_series`.
TABLE: dict[str, Callable[[Any], Any]] = {
    "encoding": known_encoding,
    "separator": one_character,
    "header": boolean,
    "missing": no_values,
    "quotes": boolean,
    "kinds": kinds_of_columns,
}
SERIES: dict[str, Callable[[Any], Any]] = {"time": text, "gaps": one_of("error", "fill")}
READING = TABLE | SERIES
ANYWHERE = tuple(name for name in TABLE if name != "kinds")  # what holds of files with other columns too


class Told(NamedTuple):
    """What the user said about the data; None: to be found.

    Attributes:
        target: the column or array that holds the labels.
        group: the column whose equal values must not be parted between training and test.
        horizon: how many steps a forecast looks ahead.
        text: the column of a table whose texts are learned from.
        seed: of the split.
        reading: how files are read, by the names of `READING`.
        together: whether rows that are the same are not parted; a file from before says nothing of it, and they were.
    """

    target: str | None = None
    group: str | None = None
    horizon: int | None = None
    text: str | None = None
    seed: int = 0
    reading: Mapping[str, Any] | None = None
    together: bool = True

    @property
    def given(self) -> dict[str, Any]:
        """What was said, by name.

        >>> Told(target="price").given
        {'target': 'price', 'seed': 0, 'together': True}
        """
        return {name: value for name, value in self._asdict().items() if value is not None}

    @property
    def words(self) -> dict[str, str]:
        """What was said, by name, as it is written in a terminal.

        >>> Told(target="price", reading={"header": False}).words
        {'target': '--target', 'header': '--set header'}
        """
        options = {name: f"--{name}" for name in self.given if name not in ("seed", "reading", "together")}
        return options | {name: f"--set {name}" for name in self.reading or {}}

    @classmethod
    def read(cls, given: Mapping[str, Any] | None) -> Told:
        """The same again, from a file.

        Raises:
            TypeError: names what cannot have been said.
            ValueError: says how files cannot be read.
        """
        for name, value in (given or {}).items():
            kind = {"seed": int, "horizon": int, "reading": dict, "together": bool}.get(name, str)
            if name not in cls._fields or type(value) is not kind:
                raise TypeError(f"told: expected what was said of the data, by name. Received: {name}={value!r:.60}")
        told = cls(**{"together": False, **(given or {})})
        return told if told.reading is None else told._replace(reading=read_as(told.reading))

    def reading_by(self, names: Iterable[str]) -> dict[str, Any]:
        """What was said of reading under these names."""
        return {name: value for name, value in (self.reading or {}).items() if name in names}

    @property
    def encoding(self) -> str:
        """Of texts."""
        return (self.reading or {}).get("encoding", "utf-8")

    def refuse_others(self, taken: Collection[str], what: str, uses: Mapping[str, Sequence[str]] | None = None) -> None:
        """Refuse what was said, but means nothing for the data.

        Args:
            taken: the names of what means something.
            what: the data, in words.
            uses: the kinds of data for which each name means something, in words.

        >>> Told(group="owner").refuse_others(["target"], "photos is a folder of pictures")
        Traceback (most recent call last):
        freedive.errors.ToldError: --group means nothing here: photos is a folder of pictures
        """
        for name, word in self.words.items():
            if name not in taken:
                use = f". It is for: {'; '.join(uses[name])}" if uses and uses.get(name) else ""
                raise ToldError(f"{word} means nothing here: {what}{use}")

    def refuse_unknown(self, path: str, names: Iterable[str], options: Iterable[str], kind: str = "column") -> None:
        """Refuse names that the data do not have."""
        names = list(names)
        for option in options:
            if getattr(self, option) is not None and getattr(self, option) not in names:
                raise ToldError(f"{path}: --{option}: {unknown(kind, getattr(self, option), names)}")


def read_as(given: Mapping[str, Any]) -> dict[str, Any]:
    """How files are read, checked.

    >>> read_as({"encoding": "GBK", "header": False})
    {'encoding': 'gbk', 'header': False}
    """
    found = {}
    for name, value in given.items():
        if name not in READING:
            raise ToldError(str(unknown("way of reading", name, READING)))
        try:
            found[name] = READING[name](value)
        except (TypeError, ValueError) as error:
            raise ToldError(f"--set {name}: {error}") from None
    return found


def table_as(path: str | os.PathLike[str], reading: Mapping[str, Any]) -> Table:
    """The table of a file, read as was said of others: what means nothing for its ending is passed over."""
    reader = READERS.get(table_ending(path))
    known = () if reader is None else inspect.signature(reader).parameters
    return open_table(path, **{name: value for name, value in reading.items() if name in known and name in TABLE})
