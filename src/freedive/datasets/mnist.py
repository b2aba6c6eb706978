"""MNIST under Keras' name: all 70,000 handwritten digits where they can be had, else the embedded 12,000."""

from __future__ import annotations

import os

from .catalog import CATALOG
from .embedded import Split
from .idx_sets import IdxSet, load

class_names = CATALOG["mnist"].class_names
MNIST = IdxSet(
    "mnist",
    homes=("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
    md5=(
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    ),
    megabytes=(10, 1, 2, 1),
    embedded="digits",
    archive="mnist.npz",
)


def load_data(path: str | os.PathLike[str] | None = None, download: bool = True, fallback: bool = True) -> Split:
    """The pictures and their digits, in Keras' form.

    The full set is taken from `path`, from the caches or from the network. Where it cannot be had, the embedded
    10,000 + 2,000 pictures come instead, with a warning that says so, so that programs run everywhere.

    Args:
        path: a folder with the four IDX files (gzipped or not), or a .npz file as Keras has.
        download: whether to fetch the files, once, where they are not on this machine.
        fallback: whether to take the embedded part where the full set cannot be had; else that is an error.

    Returns:
        (x_train, y_train), (x_test, y_test): uint8 pictures (60000, 28, 28) and (10000, 28, 28), uint8 labels (n,).

    Raises:
        DatasetNotFoundError: without `fallback`, or if `path` lacks the files.

    Reference: Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998,
    https://doi.org/10.1109/5.726791
    """
    return load(MNIST, path, download, fallback)
