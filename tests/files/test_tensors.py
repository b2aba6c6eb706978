"""One safetensors file: what goes in comes out, others read it, and anything else is refused for the right reason."""

import json
import os
import pickle
import socket

import ml_dtypes
import numpy as np
import pytest
import safetensors
import safetensors.numpy

from freedive.files import CODES, ModelFileError, read_file_header, read_tensors, write_tensors
from freedive.files.errors import missing_file
from freedive.files.header import DTYPES

RNG = np.random.default_rng(0)
METADATA = {"config": '{"class": "Dense"}', "名": "深潜\n\x01", "": ""}


def arrays():
    found = {}
    for name, dtype in DTYPES.items():
        raw = RNG.integers(0, 256, (3, 5, dtype.itemsize), np.uint8)
        found[f"all/{name}"] = (raw[..., 0] % 2).astype(bool) if name == "BOOL" else raw.view(dtype)[..., 0]
    found |= {"scalar": np.float32(3.5), "empty": np.zeros((0, 4), np.int32), "编码/kernel:0": np.ones(1)}
    return found


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "model.safetensors"
    write_tensors(path, arrays_of_two(), {"config": "{}"})
    return path


def arrays_of_two():
    return {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([True, False])}


def same(left, right):
    left, right = np.asarray(left), np.asarray(right)
    return left.dtype == right.dtype and left.shape == right.shape and left.tobytes() == right.tobytes()


# round trip --------------------------------------------------------------------------------------------------------
def test_round_trip(tmp_path):
    written = arrays()
    write_tensors(tmp_path / "a", written, METADATA)
    tensors, metadata = read_tensors(tmp_path / "a")
    assert metadata == METADATA
    assert tensors.keys() == written.keys()
    for name, array in tensors.items():
        assert same(array, written[name]), name
        assert array.flags.owndata or array.base.flags.owndata
        assert array.flags.writeable
    assert same(read_tensors(tmp_path / "a")[0]["all/BF16"], written["all/BF16"])


def test_nothing_and_everything_may_be_empty(tmp_path):
    write_tensors(tmp_path / "a", {})
    assert read_tensors(tmp_path / "a") == ({}, {})


def test_equal_content_gives_equal_bytes_in_any_order(tmp_path):
    written = arrays()
    write_tensors(tmp_path / "a", written, METADATA)
    write_tensors(tmp_path / "b", dict(reversed(written.items())), dict(reversed(METADATA.items())))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_views_and_foreign_byte_order(tmp_path):
    x = np.arange(24, dtype=np.float64).reshape(4, 6)
    write_tensors(tmp_path / "a", {"t": x.T, "s": x[::2, ::-1], "big": x.astype(">f8"), "list": [1.0, 2.0]})
    tensors, _ = read_tensors(tmp_path / "a")
    for name, expected in {"t": x.T, "s": x[::2, ::-1], "big": x, "list": np.array([1.0, 2.0])}.items():
        np.testing.assert_array_equal(tensors[name], expected)
        assert tensors[name].dtype == np.float64


def test_the_library_reads_ours(tmp_path):
    written = {name: array for name, array in arrays().items() if "F8" not in name}  # numpy has no such type
    write_tensors(tmp_path / "a", written, METADATA)
    theirs = safetensors.numpy.load_file(tmp_path / "a")
    assert theirs.keys() == written.keys()
    assert all(same(theirs[name], written[name]) for name in written)
    with safetensors.safe_open(tmp_path / "a", "np") as file:
        metadata = file.metadata()
    assert {key: metadata[key] for key in METADATA} == METADATA


def test_ours_is_what_the_library_writes_but_for_the_metadata(tmp_path):
    written = {f"layer/{i}": RNG.normal(size=(i, 3)).astype(np.float32) for i in range(12)}
    write_tensors(tmp_path / "a", written)
    raw = (tmp_path / "a").read_bytes()
    with safetensors.safe_open(tmp_path / "a", "np") as file:
        metadata = file.metadata()
    assert raw == safetensors.numpy.save(written, metadata)


def test_we_read_the_librarys_when_told_that_it_has_no_checksums(tmp_path):
    written = {name: array for name, array in arrays().items() if "F8" not in name and "/" in name}
    safetensors.numpy.save_file(written, tmp_path / "a", {"format": "pt"})
    with pytest.raises(ModelFileError, match="require_checksums=False") as caught:
        read_tensors(tmp_path / "a")
    assert caught.value.code == "CHECKSUM"
    tensors, metadata = read_tensors(tmp_path / "a", require_checksums=False)
    assert metadata == {"format": "pt"}
    assert all(same(tensors[name], written[name]) for name in written)


def test_header_alone(path):
    header = read_file_header(path)
    assert {name: (entry.dtype, entry.shape) for name, entry in header.tensors.items()} == {
        "a": (np.float32, (2, 3)),
        "b": (np.bool_, (2,)),
    }
    assert header.metadata["config"] == "{}"


# what cannot be written -----------------------------------------------------------------------------------------
UNWRITABLE = [
    ({"a": np.array(["text"])}, {}, TypeError, "tensor 'a': dtype <U4 cannot be stored"),
    ({"a": np.array([None])}, {}, TypeError, "dtype object"),
    ({"a": np.zeros(2, np.complex128)}, {}, TypeError, "dtype complex128"),
    ({"a": np.zeros(2, ml_dtypes.int4)}, {}, TypeError, "dtype int4"),
    ({"": np.zeros(2)}, {}, ValueError, "1 to 256 letters"),
    ({"../a": np.zeros(2)}, {}, ValueError, "1 to 256 letters"),
    ({"/etc/passwd": np.zeros(2)}, {}, ValueError, "1 to 256 letters"),
    ({"a b": np.zeros(2)}, {}, ValueError, "1 to 256 letters"),
    ({"a" * 257: np.zeros(2)}, {}, ValueError, "1 to 256 letters"),
    ({3: np.zeros(2)}, {}, ValueError, "1 to 256 letters"),
    ({"__metadata__": np.zeros(2)}, {}, ValueError, "1 to 256 letters"),
    ({}, {"epoch": 3}, TypeError, "metadata\\['epoch'\\] must be text by text. Received: int"),
    ({}, {"freedive.sha256": "x"}, ValueError, "leave it out"),
    ({}, {"vocabulary": "x" * 2**24}, ValueError, "Store large text as a tensor"),
]


@pytest.mark.parametrize(("tensors", "metadata", "kind", "text"), UNWRITABLE, ids=lambda value: str(value)[:24])
def test_unwritable(tmp_path, tensors, metadata, kind, text):
    with pytest.raises(kind, match=text):
        write_tensors(tmp_path / "a", tensors, metadata)
    assert os.listdir(tmp_path) == []


# hostile files --------------------------------------------------------------------------------------------------
def build(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


EIGHT = bytes(8)
GOOD = {"a": entry()}
HOSTILE = {
    "empty": (b"", "TRUNCATED"),
    "seven bytes": (b"1234567", "TRUNCATED"),
    "length only": (build(b"", length=100), "TRUNCATED"),
    "cut in the header": (build(GOOD, EIGHT)[:40], "TRUNCATED"),
    "cut in the data": (build(GOOD, EIGHT)[:-3], "TRUNCATED"),
    "random": (bytes(RNG.integers(0, 256, 1000, np.uint8)), "NOT_A_MODEL"),
    "text": (b"Once upon a time there was a model", "NOT_A_MODEL"),
    "pickle": (pickle.dumps({"weights": list(range(100))}), "NOT_A_MODEL"),
    "zip": (b"PK\x03\x04" + bytes(100), "NOT_A_MODEL"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "NOT_A_MODEL"),
    "zeros": (bytes(1000), "HEADER_LENGTH"),
    "length 0": (build(b"{}", length=0), "HEADER_LENGTH"),
    "length 1": (build(b"{}", length=1), "HEADER_LENGTH"),
    "length 2**63": (build(GOOD, EIGHT, length=2**63), "HEADER_LENGTH"),
    "length 2**64-1": (build(GOOD, EIGHT, length=2**64 - 1), "HEADER_LENGTH"),
    "length over the format's": (build(GOOD, EIGHT, length=100_000_001), "HEADER_LENGTH"),
    "length over the file": (build(GOOD, EIGHT, length=1000), "HEADER_LENGTH"),
    "huge header": (build(b"{" + b" " * 2**24 + b"}"), "TOO_LARGE"),
    "not JSON": (build(b"{oops}"), "HEADER_SYNTAX"),
    "two objects": (build(b"{}{}"), "HEADER_SYNTAX"),
    "not UTF-8": (build(b'{"\xff": 1}'), "HEADER_SYNTAX"),
    "deep": (build(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "CONFIG_LIMIT"),
    "many objects": (build(b'{"a":[' + b"{}," * 400_000 + b"{}]}"), "CONFIG_LIMIT"),
    "long number": (build(b'{"a":' + b"9" * 5000 + b"}"), "CONFIG_LIMIT"),
    "NaN": (build(b'{"a": NaN}'), "CONFIG_LIMIT"),
    "entry is a list": (build({"a": [1]}), "HEADER_SYNTAX"),
    "entry lacks a field": (build({"a": {"dtype": "F32", "shape": [2]}}, EIGHT), "HEADER_SYNTAX"),
    "entry has one more": (build({"a": {**entry(), "file": "/etc/passwd"}}, EIGHT), "HEADER_SYNTAX"),
    "name twice": (build(b'{"a":%s,"a":%s}' % ((json.dumps(entry()).encode(),) * 2), EIGHT), "DUPLICATE_TENSOR"),
    "field twice": (build(b'{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}'), "HEADER_SYNTAX"),
    "name up": (build({"../../x": entry()}, EIGHT), "BAD_NAME"),
    "name empty": (build({"": entry()}, EIGHT), "BAD_NAME"),
    "name absolute": (build({"/x": entry()}, EIGHT), "BAD_NAME"),
    "name long": (build({"x" * 1_000_000: entry()}, EIGHT), "BAD_NAME"),
    "name with NUL": (build({"a\0": entry()}, EIGHT), "BAD_NAME"),
    "overlap": (build({"a": entry(), "b": entry(offsets=(4, 12))}, bytes(12)), "BAD_OFFSETS"),
    "same bytes twice": (build({"a": entry(), "b": entry()}, EIGHT), "BAD_OFFSETS"),
    "hole": (build({"a": entry(), "b": entry(offsets=(12, 20))}, bytes(20)), "BAD_OFFSETS"),
    "hole in front": (build({"a": entry(offsets=(8, 16))}, bytes(16)), "BAD_OFFSETS"),
    "begin after end": (build({"a": entry(offsets=(8, 0))}, EIGHT), "BAD_OFFSETS"),
    "negative": (build({"a": entry(offsets=(-8, 0))}, EIGHT), "BAD_OFFSETS"),
    "float offset": (build({"a": entry(offsets=(0, 8.0))}, EIGHT), "BAD_OFFSETS"),
    "true offset": (build({"a": entry(shape=(), dtype="U8", offsets=(False, True))}, b"1"), "BAD_OFFSETS"),
    "three offsets": (build({"a": entry(offsets=(0, 4, 8))}, EIGHT), "BAD_OFFSETS"),
    "offset past 2**63": (build({"a": entry(offsets=(0, 2**63))}, EIGHT), "BAD_OFFSETS"),
    "trailing bytes": (build(GOOD, EIGHT + b"PK"), "BAD_OFFSETS"),
    "trailing without tensors": (build({}, EIGHT), "BAD_OFFSETS"),
    "unknown dtype": (build({"a": entry(dtype="F128")}, EIGHT), "BAD_SHAPE"),
    "dtype is no text": (build({"a": entry(dtype=["F32"])}, EIGHT), "BAD_SHAPE"),
    "size mismatch": (build({"a": entry(shape=(3,))}, EIGHT), "BAD_SHAPE"),
    "overflow to the right size": (build({"a": entry(shape=(2**62 + 2,))}, EIGHT), "BAD_SHAPE"),
    "overflow behind a zero": (build({"a": entry(shape=(0, 2**62, 2**62), offsets=(0, 0))}), "BAD_SHAPE"),
    "negative sizes": (build({"a": entry(shape=(-2, -1))}, EIGHT), "BAD_SHAPE"),
    "float size": (build({"a": entry(shape=(2.0,))}, EIGHT), "BAD_SHAPE"),
    "33 dimensions": (build({"a": entry(shape=(1,) * 32 + (2,))}, EIGHT), "BAD_SHAPE"),
    "metadata list": (build({"__metadata__": []}), "BAD_METADATA"),
    "metadata number": (build({"__metadata__": {"a": 1}}), "BAD_METADATA"),
    "metadata half a character": (build(b'{"__metadata__":{"a":"\\ud800"}}'), "BAD_METADATA"),
    "truth value 7": (build({"a": entry("BOOL", (8,))}, b"\1\0\1\0\1\0\1\7"), "BAD_VALUE"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused(tmp_path, case):
    content, code = HOSTILE[case]
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        read_tensors(path, require_checksums=False)
    assert caught.value.code == code, caught.value
    assert str(path) in str(caught.value) and CODES[code] in str(caught.value)
    assert len(str(caught.value)) < 500


def test_the_pattern_of_the_hostile_files_is_readable(tmp_path):
    (tmp_path / "a").write_bytes(build(GOOD, EIGHT))
    tensors, _ = read_tensors(tmp_path / "a", require_checksums=False)
    assert same(tensors["a"], np.zeros(2, np.float32))


@pytest.mark.parametrize("kind", ["folder", "pipe", "socket", "/dev/zero", "/dev/null"])
def test_what_is_no_file(tmp_path, kind):
    path = tmp_path / "m" if "/" not in kind else kind
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        socket.socket(socket.AF_UNIX).bind(os.path.relpath(path))
    with pytest.raises(ModelFileError) as caught:
        read_tensors(path)
    assert caught.value.code == "NOT_A_MODEL"


def test_missing_files_name_their_neighbours(path):
    with pytest.raises(FileNotFoundError, match=r"did you mean 'model\.safetensors'") as caught:
        read_tensors(path.with_name("modle.safetensors"))
    assert caught.value.filename == str(path.with_name("modle.safetensors"))
    assert "holds 'model.safetensors'" in str(missing_file(path.with_name("x")))
    assert "no folder" in str(missing_file(path.parent / "y" / "x"))


def test_codes_are_known_and_errors_can_be_sent_to_other_processes():
    error = ModelFileError("a", "VERSION", "detail")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.path, copy.code, copy.detail, str(copy)) == (error.path, error.code, error.detail, str(error))
    with pytest.raises(ValueError, match="Did you mean 'CHECKSUM'"):
        ModelFileError("a", "CHEKSUM", "")


# damage ---------------------------------------------------------------------------------------------------------
def test_every_cut_is_noticed(path):
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        with pytest.raises(ModelFileError) as caught:
            read_tensors(path)
        assert caught.value.code == "TRUNCATED", size


def test_every_flipped_bit_is_noticed(path):
    whole = path.read_bytes()
    codes = set()
    for place in range(len(whole)):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            with pytest.raises(ModelFileError) as caught:
                read_tensors(path)
            codes.add(caught.value.code)
    assert "CHECKSUM" in codes
    path.write_bytes(whole)
    read_tensors(path)


def test_flips_in_large_tensors_name_them(tmp_path):
    path = tmp_path / "a"
    write_tensors(path, {"one": RNG.normal(size=10_000), "two": RNG.normal(size=10_000).astype(np.float32)})
    whole, header = path.read_bytes(), read_file_header(path)
    for place in RNG.integers(header.data_start, len(whole), 300):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(RNG.integers(8))
        path.write_bytes(damaged)
        name = "one" if place < header.data_start + header.tensors["one"].end else "two"
        with pytest.raises(ModelFileError, match=f"tensor '{name}'") as caught:
            read_tensors(path)
        assert caught.value.code == "CHECKSUM"


def test_random_damage_raises_nothing_else(path):
    whole = path.read_bytes()
    for _ in range(1000):
        damaged = bytearray(whole)
        for _ in range(RNG.integers(1, 6)):
            place, kind = int(RNG.integers(len(damaged) - 8)), RNG.integers(3)
            if kind == 0:
                damaged[place] = int(RNG.integers(256))
            elif kind == 1:
                del damaged[place : place + int(RNG.integers(1, 9))]
            else:
                damaged[place:place] = bytes(RNG.integers(32, 127, 3, np.uint8))
        path.write_bytes(damaged)
        for required in (True, False):
            try:
                tensors, _ = read_tensors(path, require_checksums=required)
            except ModelFileError:
                continue
            assert bytes(damaged) == whole or not required
            assert all(same(tensors[name], array) for name, array in arrays_of_two().items()) or not required
