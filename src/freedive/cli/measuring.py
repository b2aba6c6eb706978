"""How good a model's answers are: test rows found, asked, counted."""

from __future__ import annotations

import os
from typing import Any

from ..data.errors import DataFileError
from ..files.errors import missing_file
from ..tasks import About, Classes, Task
from ..tasks.base import loaded
from ..tasks.sources import UnknownSourceError, find
from . import console


def test_rows(path: str, data: str | None, column: str | None) -> tuple[Task, About, Any, Any]:
    """(task, about, x, y), all encoded, for a model file and a data set's name, a file or a folder."""
    task, about = loaded(path)
    if about.target is None:
        raise ValueError(f"{path}: its file does not say what classes its outputs are; evaluate it from Python")
    if data is None and not about.data:
        raise ValueError(f"{path}: its file does not say what it learned from: give DATA")
    data = data or about.data
    if os.path.exists(data):
        x, labels = about.reader.labelled(data, column)
        try:
            return task, about, x, about.target.encoded(labels)
        except ValueError as error:
            raise DataFileError(data, str(error)) from None
    if os.sep in data or "." in data:
        raise missing_file(data)
    try:
        source = find(data)
    except UnknownSourceError as error:
        raise console.Misuse(str(error)) from None
    known = source.task.get_params().get("classes")
    if isinstance(about.target, Classes) and known is not None and list(known) != list(about.target.values):
        theirs = ", ".join(map(str, known))
        raise ValueError(f"{path}: its classes are {', '.join(about.classes)}; those of {data} are {theirs}")
    return task, about, about.reader.encoded(source.x_test), about.target.encoded(source.y_test)
