"""Chinese product reviews, half of them positive. Embedded."""

from __future__ import annotations

import numpy as np

from .catalog import CATALOG
from .embedded import Split, labelled_split, open_texts

class_names = CATALOG["reviews_zh"].class_names


def load_data(test_size: float = 0.2, seed: int = 0) -> Split:
    """Reviews and whether they are positive (1) or negative (0).

    24 reviews stand in both classes: they are left out. The parts hold the labels in proportion and are the same in
    every run. There are no spaces between Chinese words: `Tokenizer(char_level=True)` takes the characters.

    Args:
        test_size: fraction or number of the reviews to test with.
        seed: of the split.

    Returns:
        (x_train, y_train), (x_test, y_test): arrays (n,) of str, uint8 labels (n,).

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> len(x_train), len(x_test), np.bincount(y_test).tolist()
    (7962, 1990, [995, 995])
    """
    texts, labels = load_raw()
    _, places, counts = np.unique(texts, return_inverse=True, return_counts=True)
    once = counts[places] == 1
    return labelled_split(texts[once], labels[once], test_size, seed)


def load_raw() -> tuple[np.ndarray, np.ndarray]:
    """All reviews and labels.

    Returns:
        (texts, labels): (10000,) of str, uint8 (10000,).
    """
    table = open_texts("reviews_zh", kinds={"label": "integer", "text": "text"})
    return table["text"], table["label"].astype(np.uint8)
