"""What a model's file says beside the model: the task, how raw rows are read for it, and what its outputs mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..config import Configured
from ..errors import show_shape
from ..files import read_json
from ..models.loading import read_model, refusals
from ..models.saving import write_model
from .reading import Numbers, Pictures, Reader
from .reading.numbers import fits
from .targets import Classes, Target
from .told import Told

KEY = "about"


class About(Configured):
    """What people need to use a model without the program that made it.

    Args:
        data: the data that it learned from, in words.
        task: the `Task` that trained it, with its parameters.
        reader: how files become its inputs.
        target: what its outputs mean.
        test: results on the test rows.
        made: with what and how it was made.
        told: what was said about the data: how its rows are found and divided again, see `Told`.
    """

    data: str = ""
    task: Any = None
    reader: Any = None
    target: Any = None
    test: Any = None
    made: Any = None
    told: Any = None

    def __post_init__(self):
        super().__post_init__()
        for name, kind in (("reader", Reader), ("target", Target)):
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise TypeError(f"{name}: expected a {name}. Received: {value!r:.100}")
        family = self.task.family if isinstance(self.task, Configured) else None
        if self.task is not None and (family is None or family.kind != "task"):
            raise TypeError(f"task: expected a task. Received: {self.task!r:.100}")
        if not all(value is None or isinstance(value, Mapping) for value in (self.test, self.made)):
            raise TypeError("test and made: expected results by name")
        Told.read(self.told)

    @property
    def classes(self) -> list[str]:
        """The names of the outputs, where they are classes."""
        return self.target.names if isinstance(self.target, Classes) else []


def save(model: Any, path: str, about: About) -> None:
    """Write a model and what there is to know about it as one file."""
    write_model(model, path, entries={KEY: json.dumps(about.get_config(), default=np.ndarray.tolist)})


def load(path: str) -> tuple[Any, About]:
    """A model and what is known about it; where its file says nothing, what its shapes tell."""
    model, metadata = read_model(path)
    with refusals(path):
        about = About.from_config(read_json(path, metadata.get(KEY, "{}"), "description"))
        if about.reader is not None:
            check_rows_fit(about.reader, model)
    if about.reader is None:
        about.reader = guessed_reader(path, model)
    # Kinds are of columns that other files need not have, and the reader knows those that it needs.
    said = Told.read(about.told).reading or {}
    about.reader.reading = {name: value for name, value in said.items() if name != "kinds"}
    return model, about


def check_rows_fit(reader: Reader, model: Any) -> None:
    """Refuse a reader whose rows the model does not take: it may ask for any amount of memory."""
    makes, takes = reader.row_shape, model.input_shape if model._graph is not None else None
    if makes is not None and isinstance(takes, tuple) and not fits(makes, takes[1:]):
        raise ValueError(
            f"{KEY}.reader: it makes rows of shape {show_shape(makes)}, the model takes {show_shape(takes)}"
        )


def guessed_reader(path: str, model: Any) -> Reader:
    """Pictures where the input looks like one, else numbers."""
    shape = model.input_shape
    if not isinstance(shape, tuple):
        raise ValueError(f"{path}: the model takes several inputs; use it from Python: model.predict([...])")
    try:
        return Pictures(shape[1:])
    except ValueError:
        return Numbers(shape[1:])
