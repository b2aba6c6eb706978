"""Tang quatrains: four lines of five or seven characters, with title and author. Embedded."""

from __future__ import annotations

import numpy as np

from ..data.tables import Table
from ..preprocessing.split import train_test_split
from .embedded import open_texts


def load_data(test_size: float = 0.1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The poems, each one once, for learning to write.

    Args:
        test_size: fraction or number of the poems to test with.
        seed: of the split.

    Returns:
        (x_train, x_test): arrays (n,) of str, 24 or 32 characters with their punctuation (a few have one more).

    >>> x_train, x_test = load_data()
    >>> len(x_train), len(x_test)
    (5335, 593)
    """
    poems = np.unique(load_raw()["text"])
    x_train, x_test = train_test_split(poems, test_size=test_size, seed=seed)
    return x_train, x_test


def load_raw() -> Table:
    """All 6,000 poems: a `Table` with the columns title, author and text."""
    kinds = dict.fromkeys(("column_0", "column_1", "column_2"), "text")
    table = open_texts("poems_zh", header=False, kinds=kinds)
    names = ["title", "author", "text"]
    return Table(dict(zip(names, table.columns.values(), strict=True)), dict.fromkeys(names, "text"))
