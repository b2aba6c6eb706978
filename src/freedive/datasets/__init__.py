"""Data sets by name, in Keras' form: `digits.load_data()` gives (x_train, y_train), (x_test, y_test).

Ten sets are embedded and need no network; `mnist`, `fashion_mnist`, `cifar10`, `cifar100` and `spoken_digits` are read
from a folder, from a cache, or fetched. `CATALOG` describes all of them.
"""

from __future__ import annotations

from typing import Any

from ..errors import unknown
from . import (
    cifar10,
    cifar100,
    digits,
    emoji,
    fashion,
    fashion_mnist,
    mnist,
    penguins,
    poems_zh,
    reviews,
    reviews_zh,
    series,
    spoken_digits,
    vowels,
    zoo,
)
from .catalog import CATALOG, DatasetInfo
from .public import DatasetNotFoundError

__all__ = [
    "CATALOG",
    "DatasetInfo",
    "DatasetNotFoundError",
    "cifar10",
    "cifar100",
    "digits",
    "emoji",
    "fashion",
    "fashion_mnist",
    "load",
    "mnist",
    "penguins",
    "poems_zh",
    "reviews",
    "reviews_zh",
    "series",
    "spoken_digits",
    "vowels",
    "zoo",
]


def load(name: str, **arguments: Any) -> Any:
    """What the `load_data` of the set called `name` gives.

    >>> (x_train, y_train), (x_test, y_test) = load("zoo", test_size=0.5)
    >>> x_test.shape
    (50, 16)
    """
    if name not in CATALOG:
        raise unknown("data set", name, CATALOG)
    return globals()[name].load_data(**arguments)
