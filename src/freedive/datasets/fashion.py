"""Pictures of clothes: 6,000 + 1,000 of Fashion-MNIST, first published version. Embedded."""

from __future__ import annotations

from .catalog import CATALOG
from .embedded import Split, image_split

class_names = CATALOG["fashion"].class_names


def load_data() -> Split:
    """The pictures and their classes, in Keras' form.

    Returns:
        (x_train, y_train), (x_test, y_test): uint8 pictures (6000, 28, 28) and (1000, 28, 28), uint8 labels (n,) from
        0 to 9; `class_names` says what they mean.

    Reference: H. Xiao et al., "Fashion-MNIST", 2017, https://arxiv.org/abs/1708.07747

    >>> (x_train, y_train), _ = load_data()
    >>> x_train.shape, class_names[y_train[0]]
    ((6000, 28, 28), 'T-shirt/top')
    """
    return image_split("fashion")
