"""CIFAR-10 under Keras' name: 60,000 small colour pictures of ten classes, from a folder or its public home."""

from __future__ import annotations

import os

from ..data.cifar import read_cifar
from .catalog import CATALOG
from .embedded import Split
from .public import PublicFile, find_files

class_names = CATALOG["cifar10"].class_names
ARCHIVE = PublicFile(
    "cifar-10-binary.tar.gz", ("https://www.cs.toronto.edu/~kriz/",), "c32a1d4ab5d03f1284b67883e8d87530", 170
)


def load_data(path: str | os.PathLike[str] | None = None, download: bool = True) -> Split:
    """The pictures and their classes, in Keras' form; `class_names` says what the labels mean.

    Args:
        path: the folder with data_batch_1.bin, ..., test_batch.bin, or the .tar.gz file; None looks in the cache.
        download: whether to fetch the archive (170 MB), once, where it is not on this machine.

    Returns:
        (x_train, y_train), (x_test, y_test): uint8 (50000, 32, 32, 3) and (10000, 32, 32, 3), uint8 labels (n, 1).

    Raises:
        DatasetNotFoundError: it is neither on this machine nor could it be fetched.

    Reference: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """
    return read_cifar(path if path is not None else find_files("cifar10", [ARCHIVE], None, download)[0])
