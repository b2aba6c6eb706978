"""Fashion-MNIST under Keras' name: all 70,000 pictures where they can be had, else the embedded 7,000."""

from __future__ import annotations

import os

from .catalog import CATALOG
from .embedded import Split
from .idx_sets import IdxSet, load

class_names = CATALOG["fashion_mnist"].class_names
FASHION_MNIST = IdxSet(
    "fashion_mnist",
    homes=(
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    ),
    md5=(
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    ),
    megabytes=(26, 1, 4, 1),
    embedded="fashion",
)


def load_data(path: str | os.PathLike[str] | None = None, download: bool = True, fallback: bool = True) -> Split:
    """The pictures and their classes, in Keras' form; `class_names` says what the labels mean.

    The full set is taken from `path`, from the caches or from the network. Where it cannot be had, the embedded
    6,000 + 1,000 pictures come instead, with a warning that says so.

    Args:
        path: a folder with the four IDX files, gzipped or not.
        download: whether to fetch the files, once, where they are not on this machine.
        fallback: whether to take the embedded part where the full set cannot be had; else that is an error.

    Returns:
        (x_train, y_train), (x_test, y_test): uint8 pictures (60000, 28, 28) and (10000, 28, 28), uint8 labels (n,).

    Raises:
        DatasetNotFoundError: without `fallback`, or if `path` lacks the files.

    Reference: H. Xiao et al., "Fashion-MNIST", 2017, https://arxiv.org/abs/1708.07747
    """
    return load(FASHION_MNIST, path, download, fallback)
