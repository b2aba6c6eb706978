"""Emoji: small pictures with names and tags in two languages. Embedded."""

from __future__ import annotations

import numpy as np

from .catalog import CATALOG
from .embedded import Split, class_numbers, labelled_split, open_arrays

class_names = CATALOG["emoji"].class_names


def load_data(test_size: float = 0.2, seed: int = 0) -> Split:
    """The pictures and their categories.

    A picture that stands for several emoji (as the flags of Norway and of Svalbard) is taken once: 1,878 are left.

    Args:
        test_size: fraction or number of the pictures to test with.
        seed: of the split, which holds the categories in proportion.

    Returns:
        (x_train, y_train), (x_test, y_test): uint8 pictures (n, 32, 32, 3) on white, uint8 labels (n,) from 0 to 9;
        `class_names` says what they mean.

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, x_test.shape
    ((1502, 32, 32, 3), (376, 32, 32, 3))
    """
    raw = load_raw()
    _, first = np.unique(raw["images"].reshape(len(raw["images"]), -1), axis=0, return_index=True)
    first.sort()
    return labelled_split(raw["images"][first], class_numbers(raw["category"][first], class_names), test_size, seed)


def load_raw() -> dict[str, np.ndarray]:
    """Everything, one row an emoji.

    Returns:
        images (1911, 32, 32, 3) uint8, and as text (1911,): code ("1F600"), name_en, name_zh, category, tags_en and
        tags_zh (with "|" between tags).

    >>> raw = load_raw()
    >>> raw["name_en"][0], raw["name_zh"][0]
    (np.str_('grinning face'), np.str_('嘿嘿'))
    """
    return open_arrays("emoji")
