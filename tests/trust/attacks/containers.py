"""Families 1 to 6, 15 to 18 and 22: what holds the model, before anything in it is believed."""

import io
import json
import os
import pickle
import zipfile

import numpy as np

from .files import changed, parts, raw, spoiled, write

EIGHT = bytes(8)


def built(header, data=b"", length=None):
    """A safetensors file of any header, without checksums: its form is looked at first."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return raw((len(text) if length is None else length).to_bytes(8, "little") + text + data)


def entry(dtype="F32", shape=(2,), offsets=(0, 8), **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}


def cut(share):
    return spoiled(lambda content: content[: int(len(content) * share)])


def archive(compression=zipfile.ZIP_STORED, names=("config.json", "weights.bin"), size=100):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", compression) as file:
        for name in names:
            file.writestr(name, b" " * size)
    return held.getvalue()


class Bomb:
    """Would write a file if it were unpickled."""

    def __reduce__(self):
        return os.system, ("touch executed",)


def metadata(**texts):
    return changed(lambda tensors, told: None, **texts)


def truth(byte):
    return changed(lambda tensors, told: tensors.update(a=np.array([byte], np.uint8).view(bool)))


def folder(path):
    path.mkdir()


def repeated_entry(path):
    write(path, *parts())
    content = path.read_bytes()
    path.write_bytes(content.replace(b'{"__metadata__":{', b'{"__metadata__":{"step":"1",', 1))


GOOD = {"a": entry()}
ZIP = archive()
FAMILIES = {
    1: {
        "empty": ("TRUNCATED", raw(b"")),
        "seven bytes": ("TRUNCATED", raw(b"1234567")),
        "a length alone": ("TRUNCATED", built(b"", length=100)),
        **{f"cut at {share} of 100": ("TRUNCATED", cut(share / 100)) for share in range(1, 100)},
    },
    2: {
        "pickle": ("NOT_A_MODEL", raw(pickle.dumps(Bomb()))),
        "pickle, protocol 0": ("NOT_A_MODEL", raw(pickle.dumps(Bomb(), 0) + bytes(20))),
        "hdf5": ("NOT_A_MODEL", raw(b"\x89HDF\r\n\x1a\n" + bytes(100))),
        "random": ("NOT_A_MODEL", raw(np.random.default_rng(0).bytes(1000))),
        "text": ("NOT_A_MODEL", raw(b"Once upon a time there was a model")),
        "python": ("NOT_A_MODEL", raw(b"import os; os.system('touch executed')")),
        "html": ("NOT_A_MODEL", raw(b"<!DOCTYPE html><title>404</title>" + b" " * 99)),
        "git lfs": ("NOT_A_MODEL", raw(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")),
        "npz": ("NOT_A_MODEL", raw(ZIP)),
        "tar": ("NOT_A_MODEL", raw(b"config.json" + bytes(89) + b"0000644" + bytes(1000))),
        "elf": ("NOT_A_MODEL", raw(b"\x7fELF\x02\x01\x01" + bytes(200))),
        "zeros": ("HEADER_LENGTH", raw(bytes(1000))),
        "folder": ("NOT_A_MODEL", folder),
        "pipe": ("NOT_A_MODEL", os.mkfifo),
        "link to a device": ("NOT_A_MODEL", lambda path: path.symlink_to("/dev/zero")),
        "link to a folder": ("NOT_A_MODEL", lambda path: path.symlink_to("/")),
    },
    3: {
        "newer": ("VERSION", metadata(freedive='{"format": 2}')),
        "far newer": ("VERSION", metadata(freedive='{"format": 99999999999999}')),
        "zero": ("VERSION", metadata(freedive='{"format": 0}')),
        "text": ("VERSION", metadata(freedive='{"format": "1"}')),
        "true": ("VERSION", metadata(freedive='{"format": true}')),
        "real": ("VERSION", metadata(freedive='{"format": 1.0}')),
        "null": ("VERSION", metadata(freedive='{"format": null}')),
        "missing": ("VERSION", metadata(freedive="{}")),
        "no entry": ("VERSION", metadata(freedive=None)),
    },
    4: {
        "entry of metadata twice": ("HEADER_SYNTAX", repeated_entry),
        "metadata twice": ("DUPLICATE_TENSOR", built(b'{"__metadata__":{},"__metadata__":{}}')),
        "two objects": ("HEADER_SYNTAX", built(b"{}{}")),
        "field twice": ("HEADER_SYNTAX", built(b'{"a":{"dtype":"F32","dtype":"I8","shape":[2],"data_offsets":[0,8]}}')),
    },
    5: {
        **{
            f"entry {name!r}": ("BAD_METADATA", metadata(**{name: "{}"}))
            for name in ("code.py", "../x", "/abs", "C:\\x", "__reduce__", "optimiser", "x" * 300)
        },
        **{
            f"tensor {name!r:.20}": ("BAD_NAME", built({name: entry()}, EIGHT))
            for name in ("../../x", "/etc/passwd", "C:\\x", "a\0b", "", "x" * 257, "x" * 1_000_000, "a b", "a\nb", "..")
        },
        "many tensors": ("BAD_OFFSETS", built({f"t{i}": entry() for i in range(2000)}, EIGHT)),
        "entry of a tensor has one more": ("HEADER_SYNTAX", built({"a": entry(file="/etc/passwd")}, EIGHT)),
        "metadata is a list": ("BAD_METADATA", built({"__metadata__": []})),
        "metadata is a number": ("BAD_METADATA", built({"__metadata__": {"a": 1}})),
        "half a character": ("BAD_METADATA", built(b'{"__metadata__":{"a":"\\ud800"}}')),
    },
    6: {
        "archive": ("NOT_A_MODEL", raw(ZIP)),
        "packed archive": ("NOT_A_MODEL", raw(archive(zipfile.ZIP_DEFLATED, size=10_000_000))),
        "archive with paths": ("NOT_A_MODEL", raw(archive(names=("../x", "/abs", "C:\\x")))),
        "gzip": ("NOT_A_MODEL", raw(b"\x1f\x8b\x08" + bytes(100))),
        "archive behind a model": ("BAD_OFFSETS", spoiled(lambda content: content + ZIP)),
        "model behind an archive": ("NOT_A_MODEL", spoiled(lambda content: ZIP + content)),
        "one byte behind": ("BAD_OFFSETS", spoiled(lambda content: content + b"\0")),
        "one byte before": ("NOT_A_MODEL", spoiled(lambda content: b"\0" + content)),
        "a line end before": ("NOT_A_MODEL", spoiled(lambda content: b"\n" + content)),
        "twice": ("BAD_OFFSETS", spoiled(lambda content: content * 2)),
    },
    15: {
        "0": ("HEADER_LENGTH", built(b"{}", length=0)),
        "1": ("HEADER_LENGTH", built(b"{}", length=1)),
        "2**63": ("HEADER_LENGTH", built(GOOD, EIGHT, length=2**63)),
        "2**64-1": ("HEADER_LENGTH", built(GOOD, EIGHT, length=2**64 - 1)),
        "over the file": ("HEADER_LENGTH", built(GOOD, EIGHT, length=1000)),
        "over the format's": ("HEADER_LENGTH", built(GOOD, EIGHT, length=100_000_001)),
        "over ours": ("TOO_LARGE", built(b"{" + b" " * 2**24 + b"}")),
        "shorter than the text": ("HEADER_SYNTAX", built(GOOD, EIGHT, length=20)),
        "leading space": ("NOT_A_MODEL", built(b"  {}")),
    },
    16: {
        "same": ("DUPLICATE_TENSOR", built(b'{"a":%s,"a":%s}' % ((json.dumps(entry()).encode(),) * 2), EIGHT)),
        "escaped": ("DUPLICATE_TENSOR", built(b'{"a":%s,"\\u0061":%s}' % ((json.dumps(entry()).encode(),) * 2), EIGHT)),
        "empty": ("DUPLICATE_TENSOR", built(b'{"":{},"":{}}')),
    },
    17: {
        "overlap": ("BAD_OFFSETS", built({"a": entry(), "b": entry(offsets=(4, 12))}, bytes(12))),
        "same bytes": ("BAD_OFFSETS", built({"a": entry(), "b": entry()}, EIGHT)),
        "hole": ("BAD_OFFSETS", built({"a": entry(), "b": entry(offsets=(12, 20))}, bytes(20))),
        "hole in front": ("BAD_OFFSETS", built({"a": entry(offsets=(8, 16))}, bytes(16))),
        "begin after end": ("BAD_OFFSETS", built({"a": entry(offsets=(8, 0))}, EIGHT)),
        "negative": ("BAD_OFFSETS", built({"a": entry(offsets=(-8, 0))}, EIGHT)),
        "real": ("BAD_OFFSETS", built({"a": entry(offsets=(0, 8.0))}, EIGHT)),
        "true": ("BAD_OFFSETS", built({"a": entry("U8", (), (False, True))}, b"1")),
        "three": ("BAD_OFFSETS", built({"a": entry(offsets=(0, 4, 8))}, EIGHT)),
        "past 2**63": ("BAD_OFFSETS", built({"a": entry(offsets=(0, 2**63))}, EIGHT)),
        "past the end": ("TRUNCATED", built(GOOD, bytes(7))),
        "trailing": ("BAD_OFFSETS", built(GOOD, EIGHT + b"PK")),
        "no tensors, bytes": ("BAD_OFFSETS", built({}, EIGHT)),
        "text": ("BAD_OFFSETS", built({"a": {**entry(), "data_offsets": "08"}}, EIGHT)),
    },
    18: {
        "unknown type": ("BAD_SHAPE", built({"a": entry("F128")}, EIGHT)),
        "type is a list": ("BAD_SHAPE", built({"a": entry(["F32"])}, EIGHT)),
        "type is null": ("BAD_SHAPE", built({"a": entry(None)}, EIGHT)),
        "object type": ("BAD_SHAPE", built({"a": entry("O")}, EIGHT)),
        "size mismatch": ("BAD_SHAPE", built({"a": entry(shape=(3,))}, EIGHT)),
        "overflow to the right size": ("BAD_SHAPE", built({"a": entry(shape=(2**62 + 2,))}, EIGHT)),
        "overflow behind a zero": ("BAD_SHAPE", built({"a": entry(shape=(0, 2**62, 2**62), offsets=(0, 0))})),
        "negative": ("BAD_SHAPE", built({"a": entry(shape=(-2, -1))}, EIGHT)),
        "real": ("BAD_SHAPE", built({"a": entry(shape=(2.0,))}, EIGHT)),
        "true": ("BAD_SHAPE", built({"a": entry(shape=(True, 2))}, EIGHT)),
        "33 axes": ("BAD_SHAPE", built({"a": entry(shape=(1,) * 32 + (2,))}, EIGHT)),
        "text": ("BAD_SHAPE", built({"a": {**entry(), "shape": "2"}}, EIGHT)),
        "null": ("BAD_SHAPE", built({"a": {**entry(), "shape": None}}, EIGHT)),
    },
    22: {
        **{
            f"truth value {byte}": ("BAD_VALUE", truth(byte))
            for byte in (2, 7, 128, 255)
        },
        "name not UTF-8": ("HEADER_SYNTAX", built(b'{"\xff": 1}')),
        "name in UTF-16": ("NOT_A_MODEL", built(json.dumps(GOOD).encode("utf-16"), EIGHT)),
    },
}  # fmt: skip
