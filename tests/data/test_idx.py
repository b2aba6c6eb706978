"""IDX files, gzipped or not: what is written is read, and what is wrong is named."""

import gzip

import numpy as np
import pytest

from freedive.data import DataFileError, read_idx, write_idx

LABELS = bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1])
PICTURES = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes(range(12))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 4), (0, 28, 28)])
@pytest.mark.parametrize("name", ["a-idx", "a-idx.gz"])
def test_round_trip(tmp_path, dtype, shape, name):
    array = np.random.default_rng(0).integers(-100, 100, shape).astype(dtype)
    write_idx(tmp_path / name, array)
    found = read_idx(tmp_path / name)
    assert found.dtype == array.dtype and found.dtype.isnative
    np.testing.assert_array_equal(found, array)
    found[...] = 1  # its memory is its own


def test_known_bytes(tmp_path):
    (tmp_path / "labels").write_bytes(LABELS)
    (tmp_path / "no-such-ending").write_bytes(gzip.compress(PICTURES))
    assert read_idx(tmp_path / "labels").tolist() == [7, 2, 1]
    np.testing.assert_array_equal(read_idx(tmp_path / "no-such-ending"), np.arange(12).reshape(2, 2, 3))
    write_idx(tmp_path / "again", np.array([7, 2, 1], np.uint8))
    assert (tmp_path / "again").read_bytes() == LABELS


WRONG = {
    "empty": (b"", "no IDX file"),
    "text": (b"hello world", "no IDX file"),
    "type": (b"\0\0\x07\x01" + bytes(4), "unknown IDX type 0x07"),
    "no axes": (b"\0\0\x08\0", "0 axes"),
    "255 axes": (b"\0\0\x08\xff", "255 axes"),
    "cut header": (PICTURES[:10], "within its header of 3 axes"),
    "cut in the second record": (PICTURES[:-1], "record 1: the file ends within this record; .* 2 of them"),
    "no record": (LABELS[:8], "record 0: the file ends"),
    "one byte more": (LABELS + b"x", "more bytes than the shape \\(3,\\)"),
    "impossible size": (b"\0\0\x08\x03" + b"\xff" * 12, "bytes announced"),
    "no gzip inside": (b"\x1f\x8b" + b"x" * 20, "gzipped content is damaged"),
    "cut gzip": (gzip.compress(PICTURES)[:-9], "gzipped content is damaged"),
    "wrong checksum": (gzip.compress(PICTURES)[:-8] + b"12345678", "gzipped content is damaged"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_files_are_named(tmp_path, case):
    content, text = WRONG[case]
    path = tmp_path / "train-images"
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=text) as caught:
        read_idx(path)
    assert str(caught.value).startswith(str(path))


def test_a_bomb_takes_no_memory_before_it_is_refused(tmp_path):
    claims = b"\0\0\x08\x01" + (2**32 - 1).to_bytes(4, "big")
    (tmp_path / "bomb").write_bytes(gzip.compress(claims + bytes(1000)))
    with pytest.raises(DataFileError, match="record 1000"):
        read_idx(tmp_path / "bomb")


def test_what_cannot_be_read_or_written(tmp_path):
    write_idx(tmp_path / "train-labels", np.zeros(1, np.uint8))
    with pytest.raises(FileNotFoundError, match="did you mean 'train-labels'"):
        read_idx(tmp_path / "train-label")
    with pytest.raises(DataFileError, match="a folder"):
        read_idx(tmp_path)
    for array in (np.zeros(2, np.int64), np.float32(1), np.zeros(2, bool)):
        with pytest.raises(TypeError, match="an IDX file holds uint8"):
            write_idx(tmp_path / "x", array)
