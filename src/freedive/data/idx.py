"""IDX, the format of MNIST: two zero bytes, a type, the number of axes, their sizes (big-endian), the values.

The format: http://yann.lecun.com/exdb/mnist/.
"""

from __future__ import annotations

import gzip
import math
from typing import Any, BinaryIO

import numpy as np

from ..files.atomic import write_atomic
from .errors import DataFileError
from .opening import Path, open_binary, read_at_most

TYPES: dict[int, np.dtype] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
MAX_AXES = 8


def read_idx(path: Path) -> np.ndarray:
    """The array of an IDX file, gzipped or not, in the byte order of this machine.

    Raises:
        DataFileError: the header is impossible, values are missing (names the record) or follow the last one.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "labels-idx1-ubyte.gz")
    >>> write_idx(path, np.array([7, 2, 1], np.uint8))
    >>> read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    with open_binary(path) as file:
        dtype, shape = _read_header(path, file)
        size = math.prod(shape) * dtype.itemsize
        content = read_at_most(path, file, size)
        if len(content) < size:
            record = len(content) // (size // shape[0])
            detail = f"the file ends within this record; the header announces {shape[0]:,} of them"
            raise DataFileError(path, detail, record)
        if file.read(1):
            raise DataFileError(path, f"more bytes than the shape {shape} of the header takes")
    array = np.frombuffer(bytearray(content), dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def write_idx(path: Path, array: Any) -> None:
    """Write an array as an IDX file, gzipped if the name ends in .gz.

    >>> write_idx("three.idx.gz", np.arange(3, dtype="uint8"))
    >>> read_idx("three.idx.gz").tolist()
    [0, 1, 2]
    """
    array = np.asarray(array)
    code = next((c for c, t in TYPES.items() if t == array.dtype.newbyteorder(">")), None)
    if code is None or not 1 <= array.ndim <= MAX_AXES:
        names = ", ".join(t.newbyteorder("=").name for t in TYPES.values())
        raise TypeError(
            f"an IDX file holds {names} with 1 to {MAX_AXES} axes. Received: {array.dtype} with {array.ndim}"
        )
    header = bytes([0, 0, code, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    content = header + array.astype(TYPES[code]).tobytes()
    write_atomic(path, gzip.compress(content, mtime=0) if str(path).endswith(".gz") else content)


def _read_header(path: Path, file: BinaryIO) -> tuple[np.dtype, tuple[int, ...]]:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0":
        raise DataFileError(path, f"no IDX file: it begins with {start!r}, expected two zero bytes, a type and a count")
    code, axes = start[2:]
    if code not in TYPES:
        raise DataFileError(path, f"unknown IDX type 0x{code:02x}; known: {', '.join(f'0x{c:02x}' for c in TYPES)}")
    if not 1 <= axes <= MAX_AXES:
        raise DataFileError(path, f"{axes} axes; expected 1 to {MAX_AXES}")
    sizes = file.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise DataFileError(path, f"the file ends within its header of {axes} axes")
    return TYPES[code], tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
