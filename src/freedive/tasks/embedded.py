"""The data sets of freedive, each with the task that suits it: `freedive train digits`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .. import datasets
from ..data.series import as_series
from ..datasets import CATALOG
from .base import Task
from .images import ImageClassifier
from .sequences import SequenceClassifier
from .series import Forecaster
from .sources import NOTHING, Source, Told
from .speech import SpeechClassifier
from .table_sources import series_source
from .tables import TabularClassifier
from .text import TextClassifier


class Recipe(NamedTuple):
    """How a data set is learned: the task, and what one of its rows is called, in the plural."""

    task: Callable[..., Task]
    noun: str


SERIES = {"series": "airline", "sunspots": "sunspots", "co2": "co2", "elnino": "elnino"}
RECIPES: dict[str, Recipe] = {
    "digits": Recipe(
        partial(ImageClassifier, ground="dark", margin=4, balanced=True, turn=0.03, epochs=12), "pictures"
    ),
    "fashion": Recipe(
        partial(
            ImageClassifier,
            ground="dark",
            flips=True,
            dropout=0.0,
            epochs=16,
            batch_size=64,
            learning_rate=3e-3,
        ),
        "pictures",
    ),
    "emoji": Recipe(partial(ImageClassifier, augment="light", epochs=20), "pictures"),
    "reviews": Recipe(partial(TextClassifier), "texts"),
    "reviews_zh": Recipe(partial(TextClassifier, length=120), "texts"),
    **{name: Recipe(Forecaster, "windows") for name in SERIES},
    "vowels": Recipe(partial(SequenceClassifier), "utterances"),
    "zoo": Recipe(partial(TabularClassifier, batch_size=8), "animals"),
    "penguins": Recipe(partial(TabularClassifier, epochs=40), "penguins"),
}
# Sets that do not come with freedive: their files are on this machine, or are fetched.
FETCHED: dict[str, Recipe] = {
    "mnist": RECIPES["digits"],
    "fashion_mnist": RECIPES["fashion"],
    "cifar10": Recipe(ImageClassifier, "pictures"),
    "cifar100": Recipe(ImageClassifier, "pictures"),
    "spoken_digits": Recipe(partial(SpeechClassifier, sampling_rate=datasets.spoken_digits.SAMPLE_RATE), "recordings"),
}


def load(name: str, told: Told = NOTHING) -> Source:
    """A data set of freedive, as rows and labels in words, and the task for it.

    Raises:
        DatasetNotFoundError: it does not come with freedive, and could not be had; says how it can.
    """
    known = f"{name} is a data set of freedive, and what is learned of it is known"
    told.refuse_others(("horizon",) if name in SERIES else (), known)
    if name in SERIES:
        return one_series(SERIES[name], told)
    info, recipe = CATALOG[name], (RECIPES | FETCHED)[name]
    whole: dict[str, Any] = {"fallback": False} if name in ("mnist", "fashion_mnist") else {}
    (x_train, y_train), (x_test, y_test) = datasets.load(name, **whole)
    if info.kind == "table":
        x_train, x_test = (columns(name, x) for x in (x_train, x_test))
    classes = np.array(info.class_names)
    return Source(
        name,
        recipe.task(classes=list(info.class_names)),
        x_train,
        classes[np.ravel(y_train)],
        x_test,
        classes[np.ravel(y_test)],
        recipe.noun,
        shown(info.kind, x_test),
        [("data", info.sizes), ("licence", info.licence), ("source", info.source)],
    )


def one_series(name: str, told: Told) -> Source:
    """One of the four series, twelve steps ahead unless told otherwise."""
    raw = datasets.series.load_raw(name)
    facts = [("data", raw.unit), ("licence", CATALOG["series"].licence), ("source", CATALOG["series"].source)]
    table = {"time": raw.times, raw.name: raw.values.astype(np.float64)}
    return series_source(raw.name, as_series(table, gaps="keep"), told.horizon or 12, facts, gaps="fill")


def columns(name: str, x: Any) -> Mapping[str, np.ndarray]:
    """Named columns, also of an array whose columns have names in the data set's module."""
    return x if isinstance(x, Mapping) else dict(zip(getattr(datasets, name).feature_names, x.T, strict=True))


def shown(kind: str, x: Any) -> Any:
    """Rows as people see them: pictures, texts; None where there is nothing to see."""
    if kind == "table":
        return [", ".join(f"{k} {v:g}" if isinstance(v, float) else f"{k} {v}" for k, v in row) for row in cells(x)]
    return {"images": x, "text": list(x)}.get(kind)


def cells(table: Mapping[str, np.ndarray]) -> Iterator[list[tuple[str, Any]]]:
    """(column, cell) of every row."""
    for row in zip(*(column.tolist() for column in table.values()), strict=True):
        yield list(zip(table, row, strict=True))
