"""Which data sets `freedive train` knows, and how each is learned: its rows, its network, for how long.

The seam for more tasks: a recipe is a function that loads a `Task`, one that makes a network for it, and a few numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import datasets, layers
from ..core.graph import Input
from ..datasets import CATALOG
from ..errors import nearest
from ..models import Sequential
from .console import Misuse
from .reading import Columns, Numbers, Pictures, Reader, Texts


@dataclass
class Task:
    """Rows to learn and rows to be tested with.

    Attributes:
        x_train, y_train, x_test, y_test: as the network takes them; y are class numbers.
        samples: the test rows as people see them: pictures, texts; None to show none.
        reader: how files become such rows.
        noun: what a row is, in the plural.
    """

    x_train: Any
    y_train: np.ndarray
    x_test: Any
    y_test: np.ndarray
    samples: Any
    reader: Reader
    noun: str


Network = Callable[[Task, int], Any]


@dataclass(frozen=True)
class Recipe:
    """How a data set is learned.

    Attributes:
        load: gives the task.
        network: makes a network for so many classes, without values yet.
        epochs, batch_size, learning_rate, optimizer: unless the command says otherwise.
    """

    load: Callable[[], Task]
    network: Network
    epochs: int
    batch_size: int = 32
    learning_rate: float = 1e-3
    optimizer: str = "adam"


def find(name: str) -> Recipe:
    """The recipe of that name; another is an error with the nearest ones."""
    if name in RECIPES:
        return RECIPES[name]
    close = nearest(name, RECIPES)
    hint = f"Did you mean {' or '.join(map(repr, close))}?" if close else f"Known: {', '.join(RECIPES)}."
    if name in CATALOG:
        hint = f"It is a data set, but has no recipe yet. {hint}"
    raise Misuse(f"unknown data set {name!r}. {hint}")


# rows -----------------------------------------------------------------------------------------------------------------
def pictures(name: str, **reading: Any) -> Callable[[], Task]:
    """Loads a set of pictures; `reading` says how files become such pictures."""

    def load() -> Task:
        (x_train, y_train), (x_test, y_test) = datasets.load(name)
        reader = Pictures(x_train.shape[1:], **reading)
        return Task(x_train, y_train, x_test, y_test, x_test, reader, "pictures")

    return load


def table(name: str, noun: str) -> Callable[[], Task]:
    """Loads a set of named columns."""

    def load() -> Task:
        (x_train, y_train), (x_test, y_test) = datasets.load(name)
        train, test = (_columns(name, x) for x in (x_train, x_test))
        reader = Columns.learned(train)
        samples = [
            ", ".join(f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}" for k, v in row) for row in _rows(test)
        ]
        return Task(reader.encoded(train), y_train, reader.encoded(test), y_test, samples, reader, noun)

    return load


def _columns(name: str, x: Any) -> Mapping[str, np.ndarray]:
    """Named columns, also of an array whose columns have names in the data set's module."""
    return x if isinstance(x, Mapping) else dict(zip(getattr(datasets, name).feature_names, x.T, strict=True))


def _rows(columns: Mapping[str, np.ndarray]) -> Iterator[list[tuple[str, Any]]]:
    for cells in zip(*(column.tolist() for column in columns.values()), strict=True):
        yield list(zip(columns, cells, strict=True))


def texts(name: str, most: int, length: int, characters: bool = False) -> Callable[[], Task]:
    """Loads a set of texts; words of the training part get numbers."""

    def load() -> Task:
        (x_train, y_train), (x_test, y_test) = datasets.load(name)
        reader = Texts.learned(x_train, most, length, characters)
        return Task(reader.encoded(x_train), y_train, reader.encoded(x_test), y_test, list(x_test), reader, "texts")

    return load


def sequences(name: str, noun: str) -> Callable[[], Task]:
    """Loads a set of arrays that people cannot look at."""

    def load() -> Task:
        (x_train, y_train), (x_test, y_test) = datasets.load(name)
        return Task(x_train, y_train, x_test, y_test, None, Numbers(x_train.shape[1:]), noun)

    return load


# networks -------------------------------------------------------------------------------------------------------------
def convolutional(shift: float = 0.0, turn: float = 0.0, flips: bool = False, dropout: float = 0.0) -> Network:
    """Two convolutions, each followed by pooling, and two dense layers: the network of the articles.

    Args:
        shift: by what part of its size a picture is moved at most, anew in every epoch.
        turn: by what part of a full turn it is turned at most.
        flips: whether it is mirrored half of the times.
        dropout: before the dense layers.
    """

    def network(task: Task, classes: int) -> Any:
        shape = task.x_train.shape[1:]
        changes = [
            *([layers.RandomRotation(turn, fill_mode="nearest")] if turn else []),
            *([layers.RandomTranslation(shift, shift, fill_mode="nearest")] if shift else []),
            *([layers.RandomFlip("horizontal")] if flips else []),
        ]
        return Sequential(
            [
                Input(shape),
                layers.Rescaling(1 / 255),
                *([layers.Reshape((*shape, 1))] if len(shape) == 2 else []),
                *changes,
                layers.Conv2D(32, 3, activation="relu"),
                layers.MaxPooling2D(2),
                layers.Conv2D(64, 3, activation="relu"),
                layers.MaxPooling2D(2),
                layers.Flatten(),
                *([layers.Dropout(dropout)] if dropout else []),
                layers.Dense(64, activation="relu"),
                layers.Dense(classes, activation="softmax"),
            ]
        )

    return network


def dense(task: Task, classes: int) -> Any:
    """Two dense layers, for columns."""
    width = task.x_train.shape[1:]
    return Sequential([Input(width), layers.Dense(32, activation="relu"), layers.Dense(classes, activation="softmax")])


def word_network(task: Task, classes: int) -> Any:
    """Words as vectors, their neighbourhoods, and the strongest of each feature."""
    assert isinstance(task.reader, Texts)
    return Sequential(
        [
            Input((task.reader.length,), dtype="int32"),
            layers.Embedding(task.reader.size, 32),
            layers.Conv1D(64, 3, activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dropout(0.5),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def recurrent(task: Task, classes: int) -> Any:
    """Sequences of different lengths, read in both directions."""
    return Sequential(
        [
            Input(task.x_train.shape[1:]),
            layers.Masking(0.0),
            layers.Bidirectional(layers.GRU(32)),
            layers.Dropout(0.3),
            layers.Dense(classes, activation="softmax"),
        ]
    )


# the table ------------------------------------------------------------------------------------------------------------
RECIPES: dict[str, Recipe] = {
    "digits": Recipe(
        pictures("digits", ground="dark", margin=4, balanced=True),
        convolutional(shift=0.06, turn=0.03, dropout=0.2),
        epochs=12,
        learning_rate=2e-3,
    ),
    "fashion": Recipe(
        pictures("fashion", ground="dark"),
        convolutional(shift=0.06, flips=True),
        epochs=16,
        batch_size=64,
        learning_rate=3e-3,
    ),
    "reviews": Recipe(texts("reviews", 8000, 48), word_network, epochs=6),
    "reviews_zh": Recipe(texts("reviews_zh", 3000, 120, characters=True), word_network, epochs=6),
    "vowels": Recipe(sequences("vowels", "utterances"), recurrent, epochs=40, learning_rate=3e-3),
    "zoo": Recipe(table("zoo", "animals"), dense, epochs=60, batch_size=8, learning_rate=3e-3),
    "penguins": Recipe(table("penguins", "penguins"), dense, epochs=40, batch_size=16, learning_rate=3e-3),
}
