"""What MNIST and its kin share: four IDX files, public homes, and an embedded part for machines without a network."""

from __future__ import annotations

import dataclasses
import os
import zipfile

import numpy as np

from ..data.errors import DataFileError
from ..data.idx import read_idx
from ..errors import warn
from . import public
from .catalog import CATALOG
from .embedded import Split, image_split

NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
ARRAYS = ("x_train", "y_train", "x_test", "y_test")


@dataclasses.dataclass(frozen=True)
class IdxSet:
    """A set of four IDX files; `md5` and `megabytes` are in the order of `NAMES`."""

    name: str
    homes: tuple[str, ...]
    md5: tuple[str, ...]
    megabytes: tuple[int, ...]
    embedded: str
    archive: str = ""  # the .npz that Keras keeps, where it does

    @property
    def files(self) -> list[public.PublicFile]:
        rows = zip(NAMES, self.md5, self.megabytes, strict=True)
        return [public.PublicFile(name, self.homes, md5, megabytes) for name, md5, megabytes in rows]


def load(which: IdxSet, path: str | os.PathLike[str] | None, download: bool, fallback: bool) -> Split:
    """The full set, or its embedded part with a warning."""
    if path is not None and os.fspath(path) == which.archive and not os.path.exists(path):
        path = None  # Keras' own default argument, a name in its cache
    kept = public.KERAS_CACHE / which.archive
    if path is None and which.archive and kept.is_file():
        path = kept
    if path is not None and os.path.isfile(path):
        return _check_pair(path, *_read_archive(path))
    try:
        found = public.find_files(which.name, which.files, path, download)
    except public.DatasetNotFoundError as error:
        if path is not None or not fallback:
            raise
        part = CATALOG[which.embedded]
        warn(
            f"{which.name}: GOING ON WITH AN EMBEDDED PART of the {CATALOG[which.name].sizes}: {part.sizes} "
            f"(freedive.datasets.{part.name}). Accuracies will be those of a smaller set. The full set was not found: "
            f"{error.why}. {error.remedy}",
        )
        return image_split(which.embedded)
    return _check_pair(found[0].parent, *map(read_idx, found))


def _read_archive(path: str | os.PathLike[str]) -> list[np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return [file[name] for name in ARRAYS]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise DataFileError(path, f"no .npz file with {', '.join(ARRAYS)}: {error}") from error


def _check_pair(path: str | os.PathLike[str], *arrays: np.ndarray) -> Split:
    """The four arrays fit each other: so many pictures, so many labels of known classes."""
    for part, x, y in (("training", *arrays[:2]), ("test", *arrays[2:])):
        if x.ndim != 3 or y.shape != x.shape[:1] or x.dtype != np.uint8 or y.dtype != np.uint8:
            detail = f"the {part} part has pictures {x.shape} {x.dtype} and labels {y.shape} {y.dtype}"
            raise DataFileError(path, f"{detail}; expected uint8 (n, height, width) and (n,)")
        if len(y) and y.max() > 9:
            raise DataFileError(path, f"the {part} labels hold {y.max()}; expected 0 to 9", int(y.argmax()))
    return (arrays[0], arrays[1]), (arrays[2], arrays[3])
