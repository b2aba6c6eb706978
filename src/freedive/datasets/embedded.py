"""How the embedded sets are read and split: one way for all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..data.tables import Table, read_table
from ..preprocessing.split import train_test_split

FILES = Path(__file__).parent / "files"
Split = tuple[tuple[Any, np.ndarray], tuple[Any, np.ndarray]]  # (x_train, y_train), (x_test, y_test)


def open_arrays(name: str) -> dict[str, np.ndarray]:
    """The arrays of an embedded .npz file."""
    with np.load(FILES / f"{name}.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def open_table(name: str, **options: Any) -> Table:
    """An embedded table; `options` are `read_table`'s."""
    return read_table(FILES / name, **options)


def open_texts(name: str, **options: Any) -> Table:
    """An embedded table of texts: separated by tabs, without quotes."""
    return open_table(f"{name}.tsv.gz", separator="\t", quotes=False, missing=(), **options)


def image_split(name: str) -> Split:
    """A set of pictures that is published as a training and a test part."""
    arrays = open_arrays(name)
    return (arrays["train_x"], arrays["train_y"]), (arrays["test_x"], arrays["test_y"])


def labelled_split(x: Any, y: np.ndarray, test_size: float, seed: int, stratify: bool = True) -> Split:
    """A set without published parts, split with the classes in proportion, the same way every time."""
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=test_size, stratify=y if stratify else None, seed=seed
    )
    return (x_train, y_train), (x_test, y_test)


def class_numbers(names: np.ndarray, class_names: tuple[str, ...]) -> np.ndarray:
    """The place of each name in `class_names`, uint8."""
    places = {name: place for place, name in enumerate(class_names)}
    return np.array([places[name] for name in names], np.uint8)
