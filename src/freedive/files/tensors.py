"""One safetensors file: named arrays and text, written whole, with checksums, and read strictly.

The header holds a SHA-256 of every tensor, and one of itself: so that one number stands for the whole file, and no
flipped bit goes unnoticed. Other programs read the file as any safetensors file.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from .atomic import write_atomic
from .errors import ModelFileError
from .header import (
    DTYPE_NAMES,
    DTYPES,
    METADATA,
    NAME_RULE,
    Header,
    TensorEntry,
    allowed_name,
    make_header,
    read_header,
)
from .opening import NotAFileError, open_regular

Path = str | os.PathLike[str]
CHECKSUMS = "freedive.sha256"
_BLANK = "0" * 64  # stands where the header's own checksum goes while it is computed


def write_tensors(path: Path, tensors: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> None:
    """Write arrays and text as one safetensors file, whole or not at all.

    Nothing is copied but arrays that are not contiguous, and equal content gives equal bytes.

    Args:
        path: the file.
        tensors: name -> array of any shape, or anything that `np.asarray` takes; bool, integers, floats of 8 to 64
            bits, bfloat16, complex64.
        metadata: text -> text.

    Raises:
        TypeError, ValueError: something cannot be stored; says which.
        FileNotWrittenError: the system refused; what was there before is untouched.

    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "a.safetensors")
    >>> write_tensors(path, {"dense/kernel": np.ones((2, 3), np.float32)}, {"epoch": "4"})
    >>> tensors, metadata = read_tensors(path)
    >>> tensors["dense/kernel"].shape, metadata
    ((2, 3), {'epoch': '4'})
    """
    arrays = {name: _storable(name, value) for name, value in tensors.items()}
    # widest first: every tensor then begins at a multiple of its own item size
    arrays = dict(sorted(arrays.items(), key=lambda item: (-item[1].dtype.itemsize, item[0])))
    metadata = dict(sorted((metadata or {}).items()))
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"metadata[{key!r}] must be text by text. Received: {type(value).__name__}")
        if key == CHECKSUMS:
            raise ValueError(f"metadata[{key!r}] is written by write_tensors itself: leave it out")
    digests = {name: hashlib.sha256(_bytes(array)).hexdigest() for name, array in arrays.items()}
    sums = json.dumps({"header": _BLANK, "tensors": digests}, ensure_ascii=False)
    header = make_header(arrays, {CHECKSUMS: sums, **metadata})
    header = header.replace(_BLANK.encode(), hashlib.sha256(header).hexdigest().encode(), 1)
    size = len(header) + sum(array.nbytes for array in arrays.values())
    write_atomic(path, [header, *map(_bytes, arrays.values())], size=size)


def read_tensors(path: Path, *, require_checksums: bool = True) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays and the text of a safetensors file.

    Args:
        path: the file.
        require_checksums: refuse a file that has none, as those of other programs; where there are some, they are
            always verified.

    Returns:
        (tensors, metadata): each array owns its memory and may be written to.

    Raises:
        FileNotFoundError: nothing is there; names the nearest files.
        ModelFileError: the file is refused; its `code` says why.
    """
    with _ReadOnce(path) as file:
        header = file.header()
        sums = _checksums(path, header, require_checksums)
        tensors = {name: _read_tensor(file, entry, sums) for name, entry in header.tensors.items()}
    return tensors, {key: value for key, value in header.metadata.items() if key != CHECKSUMS}


def read_file_header(path: Path, *, require_checksums: bool = True) -> Header:
    """What a safetensors file says about itself, without its tensors: names, types, shapes and metadata, verified."""
    with _ReadOnce(path) as file:
        header = file.header()
        _checksums(path, header, require_checksums)
    return header


def expected(path: Path) -> str:
    """What should have been there instead of something that is no file, in words: of a folder, the first in it."""
    inside = sorted(glob.glob(os.path.join(glob.escape(os.fspath(path)), "*.safetensors")))
    return f"expected a model's file, such as {inside[0] if inside else 'model.safetensors'}"


class _ReadOnce:
    """A regular file opened once, so that all checks speak of the same bytes."""

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> _ReadOnce:
        try:
            self.file: Any = open_regular(self.path, buffering=0)
        except NotAFileError as error:
            raise ModelFileError(self.path, "NOT_A_MODEL", f"{error.strerror}; {expected(self.path)}") from None
        self.size = os.fstat(self.file.fileno()).st_size
        return self

    def __exit__(self, *_: Any) -> None:
        self.file.close()

    def header(self) -> Header:
        return read_header(self.path, lambda count: self.take(count).tobytes(), self.size)

    def take(self, count: int) -> np.ndarray:
        """The next bytes of the file, as an array of its own."""
        try:
            taken = np.empty(count, np.uint8)
        except MemoryError:
            raise ModelFileError(self.path, "TOO_LARGE", f"no memory for {count:,} bytes") from None
        rest = taken.data
        while rest.nbytes:
            got = self.file.readinto(rest)
            if not got:
                raise ModelFileError(self.path, "TRUNCATED", f"the file became shorter: {rest.nbytes:,} bytes missing")
            rest = rest[got:]
        return taken


def _read_tensor(file: _ReadOnce, entry: TensorEntry, sums: Mapping[str, str] | None) -> np.ndarray:
    raw = file.take(entry.end - entry.begin)
    if sums is not None and hashlib.sha256(raw.data).hexdigest() != sums[entry.name]:
        raise ModelFileError(file.path, "CHECKSUM", f"tensor {entry.name!r} is not what was written")
    if entry.dtype == np.bool_ and (raw > 1).any():
        raise ModelFileError(file.path, "BAD_VALUE", f"tensor {entry.name!r}: a truth value is neither 0 nor 1")
    return raw.view(entry.dtype).reshape(entry.shape)


def _checksums(path: Path, header: Header, required: bool) -> dict[str, str] | None:
    """Name -> SHA-256 of the tensors, after the header's own was verified; None if the file has none."""
    if CHECKSUMS not in header.metadata:
        if required:
            raise ModelFileError(
                path, "CHECKSUM", "no checksums. For a file of another program: read_tensors(require_checksums=False)"
            )
        return None
    digests: dict[str, str] = {}
    try:
        sums = json.loads(header.metadata[CHECKSUMS])
        own, digests = sums["header"], sums["tensors"]
        blank = header.raw.replace(own.encode(), _BLANK.encode(), 1)
        right = hashlib.sha256(blank).hexdigest() == own and digests.keys() == header.tensors.keys()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        right = False
    if not right:
        raise ModelFileError(path, "CHECKSUM", "the header is not what was written")
    return digests


def _storable(name: Any, value: Any) -> np.ndarray:
    """The array as it will lie in the file: contiguous, little-endian."""
    if not allowed_name(name) or name == METADATA:
        raise ValueError(f"tensor {name!r}: a name has {NAME_RULE}")
    array = np.asarray(value)
    if array.dtype.byteorder == ">":
        array = array.astype(array.dtype.newbyteorder("<"))
    if array.dtype not in DTYPE_NAMES:
        known = ", ".join(str(dtype) for dtype in DTYPES.values())
        raise TypeError(f"tensor {name!r}: dtype {array.dtype} cannot be stored; expected one of {known}")
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def _bytes(array: np.ndarray) -> memoryview:
    """The bytes of an array, without copying them."""
    return array.reshape(-1).view(np.uint8).data if array.size else memoryview(b"")
