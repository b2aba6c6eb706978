"""Sentences of film reviews with human ratings. Embedded."""

from __future__ import annotations

import numpy as np

from .catalog import CATALOG
from .embedded import Split, labelled_split, open_texts

class_names = CATALOG["reviews"].class_names


def load_data(threshold: float = 0.5, test_size: float = 0.2, seed: int = 0) -> Split:
    """Sentences and whether they praise.

    The label is 1 where the mean rating is over `threshold`, 0 where it is under -`threshold`; the undecided ones in
    between are left out. A sentence that stands twice counts once, with the mean of its ratings. The parts hold the
    labels in proportion and are the same in every run.

    Args:
        threshold: from 0 to 4.
        test_size: fraction or number of the sentences to test with.
        seed: of the split.

    Returns:
        (x_train, y_train), (x_test, y_test): arrays (n,) of str, uint8 labels (n,).

    Reference: C. Hutto, E. Gilbert, "VADER", ICWSM 2014, https://doi.org/10.1609/icwsm.v8i1.14550

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> len(x_train), len(x_test), np.bincount(y_test).tolist()
    (8033, 2008, [1012, 996])
    """
    if not 0 <= threshold < 4:
        raise ValueError(f"reviews.load_data(threshold={threshold!r}): ratings go from -4 to 4; expected 0 up to 4")
    texts, ratings = load_raw()
    texts, places = np.unique(texts, return_inverse=True)
    ratings = np.bincount(places, ratings) / np.bincount(places)
    decided = np.abs(ratings) > threshold
    return labelled_split(texts[decided], (ratings[decided] > 0).astype(np.uint8), test_size, seed)


def load_raw() -> tuple[np.ndarray, np.ndarray]:
    """All sentences and their mean ratings.

    Returns:
        (texts, ratings): (10605,) of str, float32 (10605,) from -4 to 4.
    """
    table = open_texts("reviews", kinds={"rating": "real", "text": "text"})
    return table["text"], table["rating"].astype(np.float32)
