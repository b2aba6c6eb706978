"""TensorBoard's event files, written by hand: records with checksums around a few protocol-buffer fields.

A file is a row of records: length (8 bytes, little-endian), its checksum, the data, its checksum. The data is an
`Event` of `tensorflow/core/util/event.proto`; checksums are CRC-32C (RFC 3720, appendix B.4), rotated and shifted so
that a checksum of checksums stays one.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from typing import Any

import numpy as np

from ...files.atomic import make_folders

Path = str | os.PathLike[str]


class EventFile:
    """A new event file in a folder; every record is on its way to the disk when the call returns.

    Args:
        folder: made if it is missing; TensorBoard reads all files in it as one run.

    >>> import tempfile
    >>> with EventFile(tempfile.mkdtemp()) as file:
    ...     file.scalar("epoch_loss", 0.25, step=3)
    >>> os.path.getsize(file.path)
    110
    """

    def __init__(self, folder: Path):
        make_folders(folder)
        now = time.time()
        number = sum(name.startswith("events.out.tfevents.") for name in os.listdir(folder))
        name = f"events.out.tfevents.{int(now):010d}.{socket.gethostname()}.{os.getpid()}.{number}"
        self.path = os.path.join(folder, name)
        self._file = open(self.path, "xb")  # noqa: SIM115  closed by close
        self._record(_double(1, now) + _bytes(3, b"brain.Event:2"))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """A number of a step."""
        tensor = _int(1, 1) + _bytes(2, b"") + _floats(5, value)  # float32, no axes
        self._summary(tag, step, _bytes(8, tensor), "scalars", 1)

    def histogram(self, tag: str, values: Any, step: int, buckets: int = 30) -> None:
        """How the numbers of an array are spread, at a step."""
        values = np.asarray(values, np.float64).ravel()
        counts, edges = np.histogram(values[np.isfinite(values)], bins=buckets)
        table = np.stack([edges[:-1], edges[1:], counts], axis=1).astype("<f8")  # (buckets, 3)
        shape = b"".join(_bytes(2, _int(1, size)) for size in table.shape)
        tensor = _int(1, 2) + _bytes(2, shape) + _bytes(4, table.tobytes())  # float64
        self._summary(tag, step, _bytes(8, tensor), "histograms", 2)

    def _summary(self, tag: str, step: int, tensor: bytes, plugin: str, kind: int) -> None:
        metadata = _bytes(9, _bytes(1, _bytes(1, plugin.encode())) + _int(4, kind))
        value = _bytes(1, tag.encode()) + metadata + tensor
        self._record(_double(1, time.time()) + _int(2, step) + _bytes(5, _bytes(1, value)))

    def _record(self, data: bytes) -> None:
        length = struct.pack("<Q", len(data))
        self._file.write(length + _checksum(length) + data + _checksum(data))
        self._file.flush()

    def close(self) -> None:
        """No more records."""
        self._file.close()

    def __enter__(self) -> EventFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# protocol buffers: https://protobuf.dev/programming-guides/encoding/ -------------------------------------------------
def _varint(value: int) -> bytes:
    """A whole number in groups of seven bits, the lowest first."""
    value &= 2**64 - 1
    groups = bytearray()
    while value > 127:
        groups.append(value & 127 | 128)
        value >>= 7
    return bytes([*groups, value])


def _int(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _floats(field: int, *values: float) -> bytes:
    return _bytes(field, np.asarray(values, "<f4").tobytes())


# checksums --------------------------------------------------------------------------------------------------------
def _table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC_OF_BYTE = _table()


def crc32c(data: bytes) -> int:
    """The CRC-32C of some bytes.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC_OF_BYTE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def _checksum(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
