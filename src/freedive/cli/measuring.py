"""How good a model's answers are: test rows found, asked, counted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..data.contents import contents
from ..data.errors import DataFileError
from ..files.errors import missing_file
from ..tasks import About, Classes, Task
from ..tasks.base import loaded
from ..tasks.embedded import FETCHED, RECIPES
from ..tasks.sources import find
from ..tasks.told import Told
from . import console
from .parameters import read_otherwise


class Measured(NamedTuple):
    """Rows that a model is measured with, as its network takes them, and whose they are, in words."""

    task: Task
    x: Any
    y: Any
    whose: str


def test_rows(path: str, data: str | None, column: str | None, reading: Sequence[str] | None = None) -> Measured:
    """The rows for a model file: those that it did not learn from, or those of a name, a file or a folder.

    Args:
        path: of the model.
        data: a name, a file or a folder.
        column: of the labels.
        reading: how files are read, as it is typed.
    """
    task, about = loaded(path)
    if about.target is None:
        raise ValueError(f"{path}: its file does not say what classes its outputs are; evaluate it from Python")
    if data is None and not about.data:
        raise ValueError(f"{path}: its file does not say what it learned from: give DATA")
    told = remembered(path, about, target=column)
    same = data is None or is_same(path, data, about)
    if reading and (same or not os.path.exists(data or "")):
        raise console.Misuse("--set says how other files than those learned from are read: name them as DATA")
    read_otherwise(about.reader, reading)
    if data is None or same:
        return held_out(path, data or about.data, task, about, told)
    if os.path.exists(data):
        x, labels = about.reader.labelled(data, told.target)
        try:
            return Measured(task, x, about.target.asked(labels), f"of {data}")
        except ValueError as error:
            raise DataFileError(data, str(error)) from None
    if os.sep in data or "." in data:
        raise missing_file(data)
    source = find(data)
    known = source.task.get_params().get("classes")
    if isinstance(about.target, Classes) and known is not None and list(known) != list(about.target.values):
        theirs = ", ".join(map(str, known))
        raise ValueError(f"{path}: its classes are {', '.join(about.classes)}; those of {data} are {theirs}")
    return Measured(task, about.reader.encoded(source.x_test), about.target.asked(source.y_test), f"of {data}")


def remembered(path: str, about: About, **given: Any) -> Told:
    """What was said of the data when a model learned, and is said now: nothing else than then."""
    told = Told.read(about.told)
    for name, value in given.items():
        then = getattr(told, name)
        if None not in (value, then) and value != then:
            raise console.Misuse(f"--{name}: {path} learned with {then!r}, not {value!r}")
    return told._replace(**{name: value for name, value in given.items() if value is not None})


def held_out(path: str, data: str, task: Task, about: About, told: Told) -> Measured:
    """The rows that a model was tested with: the same part of its data again."""
    if data not in (*RECIPES, *FETCHED) and not os.path.exists(data):
        raise ValueError(f"{path}: it learned from {data}, which is not here: give DATA")
    source = find(data, told)
    _, x, y = task.taken(source.x_test, source.y_test)
    asked = task.target.asked(y)
    then, was = (about.test or {}).get("rows"), (about.made or {}).get("contents")
    if then not in (None, len(asked)) or (was is not None and was != contents(data)):
        changed = f"{data} has changed since the model learned from it"
        console.warn(f"Note: {changed}, and it may have learned from some of these rows")
    return Measured(task, x, asked, f"of {data} that were not learned from")


def is_same(path: str, data: str, about: About) -> bool:
    """Whether a name, a file or a folder is what a model learned from.

    Where its file says what the contents were, they decide: a copy is the same, and another file of that name is not.
    """
    named = data == about.data or (
        os.path.exists(data) and os.path.exists(about.data) and os.path.samefile(data, about.data)
    )
    was = (about.made or {}).get("contents")
    if was is None or not os.path.exists(data):
        return named
    same = contents(data) == was
    if named and not same:
        console.warn(
            f"Note: {data} is not, or no longer, what {path} learned from: all of its rows count. If rows were only "
            "put to that file, the model has learned from some of them"
        )
    return same
