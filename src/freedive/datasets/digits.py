"""Handwritten digits: the first 10,000 training and 2,000 test pictures of MNIST. Embedded."""

from __future__ import annotations

from .catalog import CATALOG
from .embedded import Split, image_split

class_names = CATALOG["digits"].class_names


def load_data() -> Split:
    """The pictures and their digits, in Keras' form.

    Returns:
        (x_train, y_train), (x_test, y_test): uint8 pictures (10000, 28, 28) and (2000, 28, 28) with values 0 to 255,
        uint8 labels (n,) from 0 to 9.

    Reference: Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998,
    https://doi.org/10.1109/5.726791

    >>> (x_train, y_train), (x_test, y_test) = load_data()
    >>> x_train.shape, y_train[:5].tolist(), x_test.shape
    ((10000, 28, 28), [5, 0, 4, 1, 9], (2000, 28, 28))
    """
    return image_split("digits")
