"""Where raw rows come from: a data set's name, or a path of which the task is found by looking.

A kind of data is one function in `RECOGNISERS`: it looks at a path and gives a `Source`, or None where the path is not
of its kind. The first that knows the path is taken.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..data.errors import DataFileError
from ..data.frames import missing
from ..data.table_files import table_ending
from ..data.writing import composed
from ..errors import ToldError, counted, nearest
from ..files.errors import missing_file
from ..preprocessing.split import one_a_row, rows_of, strata, train_test_split
from .base import Task
from .classifier import Classifier
from .told import Told

TEST = 0.2  # of the rows, where a path has no part for testing
LEAST = 3  # rows of which that part is one


class UnknownSourceError(ToldError):
    """A name that is neither a data set nor a path."""


class Parts(NamedTuple):
    """Raw rows and their labels to learn from and to be tested with, the groups of those to learn from, and how many
    rows there are more than once."""

    x_train: Any
    y_train: Any
    x_test: Any
    y_test: Any
    groups: Any = None
    copies: int = 0


@dataclass
class Source:
    """Raw rows to learn from and to be tested with, and the task that suits them.

    Attributes:
        name: what the data is called.
        task: not fitted yet.
        x_train, y_train, x_test, y_test: raw rows and their labels.
        noun: what a row is, in the plural.
        samples: the test rows as people see them: pictures, texts; or a function of `x_test` that gives them; None to
            show none.
        facts: (name, fact) about the data, for the report.
        found: what was found and chosen, in words, for the terminal.
        groups: whose each row of `x_train` is; those of one group are not parted. None: each is for itself.
    """

    name: str
    task: Task
    x_train: Any
    y_train: Any
    x_test: Any
    y_test: Any
    noun: str = "rows"
    samples: Any = None
    facts: Sequence[tuple[str, Any]] = field(default_factory=list)
    found: str = ""
    groups: Any = None

    def __post_init__(self):
        """Classes that the test rows alone have are known to the task: to be told wrongly, and counted."""
        if isinstance(self.task, Classifier) and self.task.classes is None:
            learned, tested = (
                set(map(composed, np.unique(np.asarray(y)).tolist())) for y in (self.y_train, self.y_test)
            )
            if not tested <= learned:
                self.task.set_params(classes=sorted(learned | tested))


NOTHING = Told()


def find(data: str, told: Told = NOTHING) -> Source:
    """The source of that name or path.

    Raises:
        UnknownSourceError: there is no such data set or path; names the nearest.
        DataFileError: the path is of no known kind; says what was looked for.
    """
    from .embedded import CATALOG, FETCHED, RECIPES, load

    if data in (*RECIPES, *FETCHED):
        return load(data, told)
    if os.path.exists(data):
        return opened(data, told)
    if os.sep in data or "." in data:
        raise missing_file(data)
    close = nearest(data, (*RECIPES, *FETCHED))
    hint = f"Did you mean {' or '.join(map(repr, close))}?" if close else f"Known: {', '.join(RECIPES)}."
    if data in CATALOG:
        whose = f"freedive.datasets.{data}.load_data()"
        hint = f"It is a data set for {CATALOG[data].task}, in Python alone: {whose}. {hint}"
    raise UnknownSourceError(f"unknown data set {data!r}, and there is no such file or folder. {hint}")


def opened(path: str, told: Told) -> Source:
    """The source that a file or folder is."""
    from .recognisers import RECOGNISERS

    kinds = {recognise: (recognise.__doc__ or "").partition("\n")[0] for recognise in RECOGNISERS}
    short = {recognise: kind.partition(":")[0] for recognise, kind in kinds.items()}
    uses = {name: [short[r] for r, taken in RECOGNISERS.items() if name in taken] for name in told.words}
    for recognise, taken in RECOGNISERS.items():
        try:
            source = recognise(path, told)
        except (DataFileError, ToldError):
            raise
        except ValueError as error:  # what is wrong with rows is wrong with the file that they are of
            raise DataFileError(path, str(error)) from None
        if source is not None:
            told.refuse_others(taken, f"{path} is {short[recognise]}", uses)
            return source
    error = DataFileError(path, f"{seen(path)}: nothing that freedive knows how to learn from")
    error.add_note("\n  ".join(["It learns from:", *kinds.values()]))
    raise error


def seen(path: str) -> str:
    """What lies at a path that holds no known kind of data, in words."""
    if not os.path.isdir(path):
        return f"a file {table_ending(path) or 'without an ending'}"
    if not any(files for _, _, files in os.walk(path)):
        return "a folder without files"
    inside = [name for name in sorted(os.listdir(path)) if not name.startswith(".")]
    files = Counter(table_ending(name) for name in inside if not os.path.isdir(os.path.join(path, name)))
    folders = len(inside) - files.total()
    kinds = [counted(count, f"{ending or 'other'} files") for ending, count in files.most_common(4)]
    return f"a folder of {listed([counted(folders, 'folders')] * bool(folders) + kinds)}"


Recogniser = Callable[[str, Told], "Source | None"]


def divided(X: Any, y: Any, seed: int = 0, group: Any = None, alike: Any = None) -> Parts:
    """A fifth of the rows for the test, every class in proportion.

    Args:
        X, y: rows and labels.
        seed: of the draw.
        group: (rows,); rows of one group all go to the same part, and then the sizes are of groups.
        alike: of `split.twins`, without a group: rows that are the same all go to the same part.
    """
    if len(y) < LEAST:
        raise ValueError(f"{counted(len(y), 'rows')}, expected {LEAST} or more: a fifth is kept for the test")
    if group is not None:
        by: dict[str, Any] = {"groups": group, "test_size": max(1, round(TEST * distinct_groups(group)))}
    else:
        group = None if alike is None or len(np.unique(alike)) < LEAST else alike
        by = {"groups": group, "stratify": strata(y, TEST, group), "test_size": TEST}
    parts = train_test_split(np.arange(len(y)), **by, seed=seed)
    copies = 0
    if group is alike is not None:
        counts = np.unique(np.asarray(alike), return_counts=True)[1]
        copies = int(counts[counts > 1].sum())
        parts = [np.random.default_rng(seed).permutation(part) for part in parts]  # the first rows are of all classes
    (x_train, x_test), (y_train, y_test) = (taken(rows, parts) for rows in (X, y))
    learned = None if group is None else taken(one_a_row(group), parts)[0]
    return Parts(x_train, y_train, x_test, y_test, learned, copies)


def distinct_groups(group: Any) -> int:
    """How many groups there are; two or more, and none is missing."""
    absent = next((row for row, name in enumerate(group) if missing(name)), None)
    if absent is not None:
        raise ValueError(f"the group of row {absent} (from 0) is missing. Fill it in, or leave such rows out")
    names = np.unique(one_a_row(group))
    if len(names) < 2:
        raise ValueError(f"all rows are of one group, {names[0]!r}; expected two or more to split by")
    return len(names)


def taken(rows: Any, parts: Sequence[np.ndarray]) -> list[Any]:
    """Some of the rows of whatever holds rows, for each part."""
    return [rows_of(rows, part) for part in parts]


def told_copies(copies: int) -> str:
    """What there is to say of rows that there are more than once.

    >>> told_copies(7)
    '; 7 of them are there more than once: copies are learned from or tested with, not both'
    """
    told = f"; {copies:,} of them are there more than once: copies are learned from or tested with, not both"
    return told if copies else ""


def named(path: str) -> str:
    """What data of a path is called."""
    name = os.path.basename(os.path.abspath(path))
    return name.split(".")[0] or name


def listed(names: list[str], most: int = 8) -> str:
    """Names in a line.

    >>> listed(["a", "b\\nb", "c"], 2)
    'a, b b and 1 more'
    """
    shown = [" ".join(name.split()) for name in names[:most]]  # a name may hold the end of a line
    return ", ".join(shown) + (f" and {len(names) - most} more" if len(names) > most else "")
