"""CIFAR-100 under Keras' name: 60,000 small colour pictures of a hundred classes, from a folder or its public home."""

from __future__ import annotations

import os

from ..data.cifar import read_cifar
from .catalog import CATALOG
from .embedded import Split
from .public import PublicFile, find_files

class_names = CATALOG["cifar100"].class_names  # of the fine labels
ARCHIVE = PublicFile(
    "cifar-100-binary.tar.gz", ("https://www.cs.toronto.edu/~kriz/",), "03b5dce01913d631647c71ecec9e9cb8", 169
)


def load_data(label_mode: str = "fine", path: str | os.PathLike[str] | None = None, download: bool = True) -> Split:
    """The pictures and their classes, in Keras' form.

    Args:
        label_mode: "fine" (100 classes) or "coarse" (20).
        path: the folder with train.bin and test.bin, or the .tar.gz file; None looks in the cache.
        download: whether to fetch the archive (169 MB), once, where it is not on this machine.

    Returns:
        (x_train, y_train), (x_test, y_test): uint8 (50000, 32, 32, 3) and (10000, 32, 32, 3), uint8 labels (n, 1).

    Raises:
        DatasetNotFoundError: it is neither on this machine nor could it be fetched.

    Reference: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """
    source = path if path is not None else find_files("cifar100", [ARCHIVE], None, download)[0]
    return read_cifar(source, 100, label_mode)
