"""CIFAR-10 and CIFAR-100 in their binary version: a record is one or two label bytes and 32x32 pixels by colour.

The format and the files: https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath

import numpy as np

from .errors import DataFileError
from .opening import Path, open_file, read_bytes

Split = tuple[np.ndarray, np.ndarray]
PIXELS = 3 * 32 * 32
MOST_BYTES = 2**28  # of one member; the largest that is published has 154 million
# classes -> (training files, test file, number of values of each label byte)
LAYOUTS: dict[int, tuple[tuple[str, ...], str, tuple[int, ...]]] = {
    10: (tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin", (10,)),
    100: (("train.bin",), "test.bin", (20, 100)),
}


def read_cifar(path: Path, classes: int = 10, label_mode: str = "fine") -> tuple[Split, Split]:
    """Read CIFAR from its folder of .bin files, or from the .tar.gz as it is published.

    The version "for Python" is made of pickles, which run code when they are opened; it is refused.

    Args:
        path: the folder or the archive (its members are read, nothing is unpacked to the disk).
        classes: 10 or 100.
        label_mode: for 100 classes, "fine" (100 labels) or "coarse" (20).

    Returns:
        (x_train, y_train), (x_test, y_test): uint8 pictures (n, 32, 32, 3) and labels (n, 1).
    """
    if classes not in LAYOUTS:
        raise ValueError(f"read_cifar(classes={classes}): expected one of {', '.join(map(str, LAYOUTS))}")
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f"read_cifar(label_mode={label_mode!r}): expected 'fine' or 'coarse'")
    training, test, ranges = LAYOUTS[classes]
    place = 0 if label_mode == "coarse" and len(ranges) == 2 else len(ranges) - 1
    found = dict(_contents(path, (*training, test)))
    parts = {name: _records(os.path.join(path, name), content, ranges) for name, content in found.items()}
    x_train = np.concatenate([parts[name][0] for name in training])
    y_train = np.concatenate([parts[name][1] for name in training])
    x_test, y_test = parts[test]
    return (x_train, y_train[:, place : place + 1]), (x_test, y_test[:, place : place + 1])


def _records(path: str, content: bytes, ranges: tuple[int, ...]) -> Split:
    """Pictures (n, 32, 32, 3) and labels (n, label bytes)."""
    size = len(ranges) + PIXELS
    if not content or len(content) % size:
        detail = f"{len(content):,} bytes; records have {size} bytes each, so this one is cut"
        raise DataFileError(path, detail, len(content) // size)
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    labels = records[:, : len(ranges)].copy()
    wrong = np.flatnonzero((labels >= np.array(ranges)).any(axis=1))
    if wrong.size:
        first = int(wrong[0])
        raise DataFileError(path, f"label {labels[first].tolist()}; expected less than {list(ranges)}", first)
    pictures = records[:, len(ranges) :].reshape(-1, 3, 32, 32)  # (n, channels, rows, columns)
    return np.ascontiguousarray(pictures.transpose(0, 2, 3, 1)), labels


def _contents(path: Path, names: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    if os.path.isdir(path):
        for name in names:
            file = os.path.join(path, name)
            if not os.path.exists(file) and os.path.exists(file.removesuffix(".bin")):
                detail = "a pickle, which may run code when it is opened: take the binary version of the same page"
                raise DataFileError(file.removesuffix(".bin"), detail)
            yield name, read_bytes(file)
    else:
        yield from _members(path, names)


def _members(path: Path, names: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    missing = set(names)
    try:
        with open_file(path) as file, tarfile.open(fileobj=file, mode="r:*") as archive:
            for member in archive:
                name = PurePosixPath(member.name).name
                if name in names and member.isreg():
                    if name not in missing:
                        raise DataFileError(path, f"{name} stands twice in it")
                    if member.size > MOST_BYTES:
                        raise DataFileError(
                            path, f"{name} claims {member.size:,} bytes; at most {MOST_BYTES:,} are read"
                        )
                    stream = archive.extractfile(member)
                    yield name, stream.read() if stream else b""
                    missing.remove(name)
    except FileNotFoundError:
        raise
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise DataFileError(path, f"no tar archive, or a damaged one: {error}") from error
    if missing:
        raise DataFileError(path, f"the archive lacks {', '.join(sorted(missing))}; take the binary version")
