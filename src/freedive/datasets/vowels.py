"""Japanese Vowels: who says it? Real speech as short sequences of coefficients. Embedded."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..preprocessing.sequence import pad_sequences
from .catalog import CATALOG
from .embedded import Split, open_arrays

class_names = CATALOG["vowels"].class_names
LONGEST = 29


def load_data(padded: bool = True, mask_value: float = 0.0, padding: str = "pre") -> Split:
    """Utterances and their speakers, in the published parts.

    Args:
        padded: give one array; else a list of arrays (frames, 12), with 7 to 29 frames.
        mask_value: what the missing frames hold, for `layers.Masking(mask_value)`; no real frame is all 0.
        padding: "pre" or "post": where missing frames stand.

    Returns:
        (x_train, y_train), (x_test, y_test): float32 (270, 29, 12) and (370, 29, 12), uint8 labels (n,) from 0 to 8.

    Reference: M. Kudo et al., "Multidimensional curve classification using passing-through regions", 1999,
    https://doi.org/10.24432/C5NS47

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, x_test.shape
    ((270, 29, 12), (370, 29, 12))
    """
    arrays = open_arrays("vowels")
    parts = []
    for part in ("train", "test"):
        x: Any = np.split(arrays[f"{part}_x"], arrays[f"{part}_start"][1:-1])
        if padded:
            x = pad_sequences(x, LONGEST, "float32", padding=padding, value=mask_value)
        parts.append((x, arrays[f"{part}_y"]))
    return parts[0], parts[1]
