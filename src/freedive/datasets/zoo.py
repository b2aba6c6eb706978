"""Animals by 16 attributes: has it hair, feathers, milk, how many legs? Embedded."""

from __future__ import annotations

import numpy as np

from ..data.tables import Table
from .catalog import CATALOG
from .embedded import Split, class_numbers, labelled_split, open_table

class_names = CATALOG["zoo"].class_names
feature_names = (
    "hair",
    "feathers",
    "eggs",
    "milk",
    "airborne",
    "aquatic",
    "predator",
    "toothed",
    "backbone",
    "breathes",
    "venomous",
    "fins",
    "legs",
    "tail",
    "domestic",
    "catsize",
)


def load_data(test_size: float = 0.25, seed: int = 0) -> Split:
    """The attributes of each animal and its class.

    Args:
        test_size: fraction or number of the animals to test with.
        seed: of the split, which holds the classes in proportion.

    Returns:
        (x_train, y_train), (x_test, y_test): float32 (n, 16), 0 or 1 but for "legs" (0 to 8), in the order of
        `feature_names`; uint8 labels (n,) from 0 to 6, in the order of `class_names`.

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, x_test.shape
    ((76, 16), (25, 16))
    """
    table = load_raw()
    x = np.stack([table[name] for name in feature_names], axis=1).astype(np.float32)
    return labelled_split(x, class_numbers(table["type"], class_names), test_size, seed)


def load_raw() -> Table:
    """All 101 animals: a `Table` with name, the attributes and type. Two are called "frog": one is venomous."""
    return open_table("zoo.tsv.gz")
