"""The header of a safetensors file, read strictly and written: 8 bytes of length, a JSON object, then the data.

The format: https://github.com/huggingface/safetensors. Everything is checked here, before memory is taken for a
single tensor.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import ml_dtypes
import numpy as np

from .errors import ModelFileError
from .strict_json import MAX_BYTES, parse_object

DTYPES: dict[str, np.dtype] = {
    "BOOL": np.dtype(np.bool_),
    "U8": np.dtype("<u1"),
    "I8": np.dtype("<i1"),
    "U16": np.dtype("<u2"),
    "I16": np.dtype("<i2"),
    "U32": np.dtype("<u4"),
    "I32": np.dtype("<i4"),
    "U64": np.dtype("<u8"),
    "I64": np.dtype("<i8"),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
    "C64": np.dtype("<c8"),
}
DTYPE_NAMES: dict[np.dtype, str] = {dtype: name for name, dtype in DTYPES.items()}
NAME_RULE = "1 to 256 letters, digits and _ . / : - , no '..' and no '/' in front"
METADATA = "__metadata__"
MAX_DIMENSIONS = 32
MAX_DECLARED = 100_000_000  # the format's own bound of a header
_NAME = re.compile(r"[\w./:\-]{1,256}")
_HALVES = re.compile("[\ud800-\udfff]")  # of characters, from escapes
_LENGTH_BYTES = 8


@dataclasses.dataclass(frozen=True)
class TensorEntry:
    """Where one tensor lies: bytes `begin` to `end` of the data."""

    name: str
    dtype: np.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclasses.dataclass(frozen=True)
class Header:
    """What a file says about itself: tensors in the order of their bytes, metadata, and where the data begins."""

    tensors: dict[str, TensorEntry]
    metadata: dict[str, str]
    data_start: int
    raw: bytes = dataclasses.field(repr=False)


def allowed_name(name: Any) -> bool:
    """Whether a tensor may have this name. It is a key, never a path, but somebody may use it as one.

    >>> allowed_name("block/conv/kernel"), allowed_name("../../etc/passwd")
    (True, False)
    """
    return isinstance(name, str) and bool(_NAME.fullmatch(name)) and ".." not in name and name[0] != "/"


def read_header(path: str | os.PathLike[str], read: Any, file_size: int) -> Header:
    """The checked header of a file.

    Args:
        path: for the errors.
        read: gives that many next bytes of the file.
        file_size: the bytes that the file has.
    """

    def refuse(code: str, detail: str) -> NoReturn:
        raise ModelFileError(path, code, detail)

    if file_size < _LENGTH_BYTES:
        refuse("TRUNCATED", f"{file_size} bytes of at least {_LENGTH_BYTES}")
    start = read(min(_LENGTH_BYTES + 1, file_size))
    length, rest = int.from_bytes(start[:_LENGTH_BYTES], "little"), file_size - _LENGTH_BYTES
    if rest and length and start[_LENGTH_BYTES:] != b"{":
        refuse("NOT_A_MODEL", f"a model file has '{{' as its ninth byte. Received: {start[_LENGTH_BYTES:]!r}")
    if not 2 <= length <= MAX_DECLARED:
        refuse("HEADER_LENGTH", f"a header of {length:,} bytes; expected 2 to {MAX_DECLARED:,}")
    if min(length, rest) > MAX_BYTES:
        refuse("TOO_LARGE", f"a header of {length:,} bytes; at most {MAX_BYTES:,} are read")
    raw = start + read(min(length, rest) - (len(start) - _LENGTH_BYTES))
    if length > rest:
        code = "HEADER_LENGTH" if _closes(raw[_LENGTH_BYTES:]) else "TRUNCATED"
        refuse(code, f"the header should have {length:,} bytes, the file has {rest:,} left")
    found = parse_object(path, raw[_LENGTH_BYTES:], "header", "HEADER_SYNTAX", _repeated)
    metadata = _check_metadata(refuse, found.pop(METADATA, {}))
    entries = [_check_entry(refuse, name, entry) for name, entry in found.items()]
    entries.sort(key=lambda entry: (entry.begin, entry.end))
    _check_cover(refuse, entries, rest - length)
    return Header({entry.name: entry for entry in entries}, metadata, _LENGTH_BYTES + length, raw)


def make_header(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    """The bytes before the data, for tensors that follow in the order given."""
    entries: dict[str, Any] = {METADATA: dict(metadata)} if metadata else {}
    begin = 0
    for name, array in arrays.items():
        end = begin + array.nbytes
        entries[name] = {
            "dtype": DTYPE_NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [begin, end],
        }
        begin = end
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)  # so that the data begins at a multiple of 8
    if len(text) > MAX_BYTES:
        raise ValueError(
            f"a header of {len(text):,} bytes; at most {MAX_BYTES:,} can be read back. "
            "Store large text as a tensor: np.frombuffer(text.encode(), np.uint8)"
        )
    return len(text).to_bytes(_LENGTH_BYTES, "little") + text


def _repeated(value: Any) -> str:
    return "DUPLICATE_TENSOR" if isinstance(value, dict) else "HEADER_SYNTAX"


def _closes(text: bytes) -> bool:
    """Whether a JSON object ends within the text: then the length lies; else the file was cut."""
    try:
        json.JSONDecoder().raw_decode(str(text, "utf-8", "replace"))
    except (ValueError, RecursionError):
        return False
    return True


def _check_metadata(refuse: Any, metadata: Any) -> dict[str, str]:
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        refuse("BAD_METADATA", f"{METADATA} must map text to text")
    for item in (text for pair in metadata.items() for text in pair):
        if _HALVES.search(item):
            refuse("BAD_METADATA", f"{METADATA} holds text that is not Unicode: {item[:40]!r}")
    return metadata


def _check_entry(refuse: Any, name: str, entry: Any) -> TensorEntry:
    where = f"tensor {name[:80]!r}"
    if not allowed_name(name):
        refuse("BAD_NAME", f"{where}: a name has {NAME_RULE}")
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        refuse("HEADER_SYNTAX", f"{where}: expected dtype, shape and data_offsets. Received: {str(entry)[:80]}")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        refuse("BAD_SHAPE", f"{where}: unknown dtype {str(dtype)[:40]!r}; known: {', '.join(DTYPES)}")
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS or not all(map(_is_size, shape)):
        refuse("BAD_SHAPE", f"{where}: expected at most {MAX_DIMENSIONS} sizes. Received: {str(shape)[:80]}")
    if not isinstance(offsets, list) or len(offsets) != 2 or not all(map(_is_size, offsets)):
        refuse("BAD_OFFSETS", f"{where}: expected begin and end. Received: {str(offsets)[:80]}")
    begin, end = offsets
    if begin > end:
        refuse("BAD_OFFSETS", f"{where}: begins at {begin} and ends at {end}")
    item = DTYPES[dtype].itemsize
    if math.prod(size for size in shape if size) * item >= 2**63:  # zeros must not hide an impossible size
        refuse("BAD_SHAPE", f"{where}: impossible shape {tuple(shape)}")
    if math.prod(shape) * item != end - begin:
        refuse("BAD_SHAPE", f"{where}: {dtype} of shape {tuple(shape)} has not {end - begin:,} bytes")
    return TensorEntry(name, DTYPES[dtype], tuple(shape), begin, end)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _check_cover(refuse: Any, entries: list[TensorEntry], present: int) -> None:
    """The tensors lie side by side and fill the data."""
    end = 0
    for entry in entries:
        if entry.begin != end:
            kind = "overlaps the one before" if entry.begin < end else "leaves a hole before it"
            refuse("BAD_OFFSETS", f"tensor {entry.name!r} {kind}: begins at {entry.begin}, expected {end}")
        end = entry.end
    if end > present:
        refuse("TRUNCATED", f"the tensors need {end:,} bytes, the file has {present:,} left")
    if end < present:
        refuse("BAD_OFFSETS", f"{present - end:,} bytes follow the last tensor")
