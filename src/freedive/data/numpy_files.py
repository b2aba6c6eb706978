"""Arrays in .npy and .npz files: no pickle, and nothing taken that the file does not hold."""

from __future__ import annotations

import math
import os
import struct
import zipfile
import zlib
from typing import IO, Any

import numpy as np
from numpy.lib import format as numpy_format

from .errors import DataFileError
from .opening import FREE_BYTES, PACKED, Path, open_file

MOST_ARRAYS = 1024
HEADERS = {(1, 0): numpy_format.read_array_header_1_0, (2, 0): numpy_format.read_array_header_2_0}
DAMAGE = (ValueError, EOFError, KeyError, OSError, RuntimeError, NotImplementedError, struct.error)


def read_numpy(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file by name; the one of a .npy file is called "x".

    Raises:
        DataFileError: no such file, arrays of objects, sizes that the file does not have, or more than a hundred times
            its size unpacked.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "a.npz")
    >>> np.savez(path, x=np.zeros((2, 3)), y=np.arange(2))
    >>> {name: array.shape for name, array in read_numpy(path).items()}
    {'x': (2, 3), 'y': (2,)}
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            if file.read(2) != b"PK":
                file.seek(0)
                return {"x": _array(path, file, size)}
            with zipfile.ZipFile(file) as archive:
                return _members(path, archive, size)
        except DataFileError:
            raise
        except (*DAMAGE, zipfile.BadZipFile, zlib.error) as error:
            raise DataFileError(path, f"cannot be read as arrays: {str(error)[:200]}") from error


def _members(path: Path, archive: zipfile.ZipFile, size: int) -> dict[str, np.ndarray]:
    members = archive.infolist()
    unpacked, bound = sum(member.file_size for member in members), FREE_BYTES + PACKED * size
    if unpacked > bound or len(members) > MOST_ARRAYS:
        detail = f"{len(members)} arrays of {unpacked:,} bytes come out of it; at most {MOST_ARRAYS} of {bound:,}"
        raise DataFileError(path, f"{detail}: unpack it first, if it is no bomb")
    found: dict[str, np.ndarray] = {}
    for member in members:
        name = member.filename.removesuffix(".npy")
        if name in found or name == member.filename:
            what = "stands twice" if name in found else "is no array"
            raise DataFileError(path, f"the member {member.filename!r:.80} {what}")
        with archive.open(member) as file:
            found[name] = _array(path, file, member.file_size)
    return found


def _array(path: Path, file: IO[bytes] | Any, size: int) -> np.ndarray:
    """The array at the beginning of a file of so many bytes."""
    version = numpy_format.read_magic(file)
    if version not in HEADERS:
        raise DataFileError(path, f"an array of format {version}; expected {' or '.join(map(str, HEADERS))}")
    shape, by_columns, dtype = HEADERS[version](file)
    if dtype.kind not in "biufcSU":
        what = "objects, which may run code when they are read" if dtype.hasobject else str(dtype)
        raise DataFileError(path, f"an array of {what}; expected numbers")
    wanted, there = math.prod(shape) * dtype.itemsize, size - file.tell()
    if any(length < 0 for length in shape) or wanted > there:
        raise DataFileError(path, f"an array of shape {shape} takes {wanted:,} bytes; the file has {there:,}")
    content = file.read(wanted)
    if len(content) < wanted:
        raise DataFileError(path, f"the array ends after {len(content):,} of {wanted:,} bytes")
    array = np.frombuffer(bytearray(content), dtype)
    return array.reshape(shape[::-1]).T if by_columns else array.reshape(shape)
