"""What a model's file says beside the model: what its outputs mean and how files are read for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from ..config import Configured
from ..files import read_file_header, read_json, read_tensors, write_tensors
from ..models.loading import load_model, refusals
from .reading import Numbers, Pictures, Reader

KEY = "about"
LONGEST = 200  # characters of a class name


def names(value: Any) -> tuple[str, ...]:
    """A list of short texts."""
    found = tuple(value)
    for name in found:
        if not isinstance(name, str) or len(name) > LONGEST:
            raise ValueError(f"expected texts of at most {LONGEST} characters. Received: {name!r:.{LONGEST}}")
    return found


class About(Configured):
    """What people need to use a model without the program that made it.

    Args:
        data: the data set that it learned from.
        classes: the names of its outputs; none for numbers.
        reader: how files become its inputs.
        test: results on the test rows.
        made: with what and how it was made.
    """

    data: str = ""
    classes: Annotated[Any, names] = ()
    reader: Any = None
    test: Any = None
    made: Any = None

    def __post_init__(self):
        super().__post_init__()
        if self.reader is not None and not isinstance(self.reader, Reader):
            raise TypeError(f"expected a reader. Received: {self.reader!r}")
        if not all(value is None or isinstance(value, Mapping) for value in (self.test, self.made)):
            raise TypeError("test and made: expected results by name")


def save(model: Any, path: str, about: About) -> None:
    """Write a model and what there is to know about it as one file."""
    model.save(path)
    tensors, metadata = read_tensors(path)
    write_tensors(path, tensors, {**metadata, KEY: json.dumps(about.get_config())})


def load(path: str) -> tuple[Any, About]:
    """A model and what is known about it; where its file says nothing, what its shapes tell."""
    model = load_model(path)
    metadata = read_file_header(path).metadata
    with refusals(path):
        about = About.from_config(read_json(path, metadata.get(KEY, "{}"), "description"))
    if about.reader is None:
        about.reader = guessed_reader(path, model)
    return model, about


def guessed_reader(path: str, model: Any) -> Reader:
    """Pictures where the input looks like one, else numbers."""
    shape = model.input_shape
    if not isinstance(shape, tuple):
        raise ValueError(f"{path}: the model takes several inputs; use it from Python: model.predict([...])")
    try:
        return Pictures(shape[1:])
    except ValueError:
        return Numbers(shape[1:])
