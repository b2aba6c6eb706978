"""Files of numbers, lines of JSON, Parquet, transcripts, word vectors and tokenizers from strangers."""

import gzip
import io
import json
import os
import random
import struct
import time
import zipfile

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from freedive.data import DataFileError, read_audio
from freedive.data.numpy_files import read_numpy
from freedive.data.table_files import open_table
from freedive.data.transcripts import list_transcripts
from freedive.data.word_vectors import read_word_vectors
from freedive.errors import VocabularyError
from freedive.preprocessing import TokenizersVocabulary
from freedive.tasks.reading import Sounds

DEEP = "[" * 200_000 + "]" * 200_000


def array(shape, descr="'<f4'", data=b"", version=1, more=""):
    """A .npy file that says so of itself."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, {more}}}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY" + bytes((version, 0)) + struct.pack("<H", len(header)) + header + data


def archive(*members, compression=zipfile.ZIP_STORED):
    """A .npz file of (name, content)."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", compression) as file:
        for name, content in members:
            file.writestr(zipfile.ZipInfo(name), content, compression)
    return held.getvalue()


def objects():
    held = io.BytesIO()
    np.save(held, np.array([{}], dtype=object), allow_pickle=True)
    return held.getvalue()


def wave(rate, frames=100):
    """A WAV of silence that says so of its rate."""
    data, size = bytes(2 * frames), struct.pack("<I", 36 + 2 * frames)
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate & 0xFFFFFFFF, 2, 16)
    return b"RIFF" + size + b"WAVEfmt " + form + b"data" + struct.pack("<I", len(data)) + data


def tokenizer(**described):
    return json.dumps({"version": "1.0", "added_tokens": [], **described}).encode()


def transcripts(path):
    return list_transcripts(path.parent, (".wav",))


def parquet(columns, **options):
    held = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), held, **options)
    return held.getvalue()


def damaged(content, number):
    """A file with some bytes changed, most of them where it says what it holds."""
    rng, content = random.Random(number), bytearray(content)
    for _ in range(rng.choice((1, 2, 8))):
        content[rng.randrange(len(content) if rng.random() < 0.4 else 4, len(content) + 1) - 1] = rng.randrange(256)
    return bytes(content)


FOUR = array("(1,)", data=bytes(4))
PACKED = archive(("x.npy", array("(50_000_000,)", data=bytes(200_000_000))), compression=zipfile.ZIP_DEFLATED)
ENCRYPTED = archive(("x.npy", FOUR)).replace(b"PK\x03\x04\x14\0\0\0", b"PK\x03\x04\x14\0\1\0")
ENCRYPTED = ENCRYPTED.replace(b"PK\x01\x02\x14\x03\x14\0\0\0", b"PK\x01\x02\x14\x03\x14\0\1\0")
LINES = "\n".join(f'{{"c{i}":1}}' for i in range(20_000)).encode()
FILES = {
    # numpy's own
    "nothing": (read_numpy, "a.npy", b"", "cannot be read as arrays"),
    "text": (read_numpy, "a.npy", b"1,2,3", "cannot be read as arrays"),
    "a pickle": (read_numpy, "a.npy", b"\x80\x04cos\nsystem\n(S'touch executed'\ntR.", "cannot be read as arrays"),
    "objects": (read_numpy, "a.npy", objects(), "an array of objects, which may run code"),
    "an expression": (read_numpy, "a.npy", array("__import__('os').system('touch executed')"), "malformed node"),
    "a deep expression": (read_numpy, "a.npy", array("(" * 3000 + ")" * 3000), "cannot be read as arrays"),
    "an odd type": (read_numpy, "a.npy", array("(1,)", "'os.system'"), "not a valid dtype"),
    "records": (read_numpy, "a.npy", array("(1,)", "[('a', '<f4')]", bytes(4)), "expected numbers"),
    "a version 9": (read_numpy, "a.npy", array("(1,)", version=9), r"format \(9, 0\)"),
    "40 TB": (read_numpy, "a.npy", array("(10**13,)".replace("10**13", str(10**13))), "takes 40,000,000,000,000 bytes"),
    "beyond 64 bits": (read_numpy, "a.npy", array(f"({10**13}, {10**13})"), "the file has 0"),
    "less than none": (read_numpy, "a.npy", array("(-1,)", data=bytes(40)), r"shape \(-1,\)"),
    "cut": (read_numpy, "a.npy", array("(10,)", data=bytes(9)), "takes 40 bytes; the file has 9"),
    "a packed bomb": (read_numpy, "a.npz", PACKED, "if it is no bomb"),
    "a member that lies": (read_numpy, "a.npz", archive(("x.npy", array(f"({10**10},)"))), "the file has 0"),
    "a member twice": (read_numpy, "a.npz", archive(("x.npy", FOUR), ("x", FOUR)), "the member 'x'"),
    "a member of objects": (read_numpy, "a.npz", archive(("x.npy", objects())), "may run code"),
    "another member": (read_numpy, "a.npz", archive(("run.py", b"exit()")), "'run.py' is no array"),
    "2,000 members": (
        read_numpy,
        "a.npz",
        archive(*((f"{i}.npy", b"") for i in range(2000))),
        "2000 arrays of 0 bytes",
    ),
    "an encrypted member": (read_numpy, "a.npz", ENCRYPTED, "is encrypted"),
    "a cut archive": (read_numpy, "a.npz", archive(("x.npy", FOUR))[:-30], "cannot be read as arrays"),
    "a flipped bit": (read_numpy, "a.npz", archive(("x.npy", FOUR)).replace(b"\n\0\0\0\0", b"\n\0\1\0\0"), "Bad CRC"),
    # lines of JSON
    "lines too deep": (open_table, "a.jsonl", f'{{"a":{DEEP}}}'.encode(), "line 1: no JSON"),
    "lines of 5,000 digits": (open_table, "a.jsonl", b'{"a":' + b"9" * 5000 + b"}", "line 1: no JSON"),
    "lines with a name twice": (open_table, "a.jsonl", b'{"a":1}\n{"a":1,"a":2}', "line 2: no JSON: the name 'a'"),
    "lines of lists": (open_table, "a.jsonl", b"[1]", "line 1: expected an object"),
    "lines of objects": (open_table, "a.jsonl", b'{"a":{"b":1}}', "line 1: 'a' holds"),
    "lines that end": (open_table, "a.jsonl", b'{"a":1}\n{"a":', "line 2: no JSON"),
    "lines of names of their own": (open_table, "a.jsonl", LINES, "20,000 rows and 20,000 names"),
    "lines from a bomb": (open_table, "a.jsonl.gz", gzip.compress(bytes(100_000_000)), "if it is no bomb"),
    # Parquet
    "Parquet of lists": (open_table, "a.parquet", parquet({"n": [1], "a": [[1]]}), "the column 'a' holds list<"),
    "Parquet of records": (open_table, "a.parquet", parquet({"a": [{"b": 1}]}), "the column 'a' holds struct<"),
    "Parquet of bytes": (open_table, "a.parquet", parquet({"a": [b"x"]}), "the column 'a' holds binary"),
    "Parquet of nothing": (open_table, "a.parquet", parquet({}), "the table is empty"),
    "Parquet without a byte": (open_table, "a.parquet", b"", "no Parquet file"),
    "Parquet cut in two": (open_table, "a.parquet", parquet({"a": [1, 2]})[:200], "no Parquet file"),
    "Parquet cut at the end": (open_table, "a.parquet", parquet({"a": [1, 2]})[:-1], "no Parquet file"),
    "Parquet that is text": (open_table, "a.parquet", b"a,b\n1,2\n", "no Parquet file"),
    "Parquet that is packed": (open_table, "a.parquet.gz", gzip.compress(parquet({"a": [1]})), "no Parquet file"),
    "Parquet of texts not UTF-8": (
        open_table,
        "a.parquet",
        parquet({"a": ["xyz"]}).replace(b"xyz", b"x\xff\xff"),
        "utf-8",
    ),
    "Parquet that lies of its rows": (
        open_table,
        "a.parquet",
        parquet({"a": np.arange(1000)}).replace(b"\x16\xd0\x0f", b"\x16\xd2\x0f", 1),
        "it announces 1,001 rows, but its parts 1,000",
    ),
    "a Parquet bomb": (
        open_table,
        "a.parquet",
        parquet({"a": np.zeros(10**7, np.int8)}, compression="zstd"),
        "10,000,000 rows of 1 columns are announced in .*if it is no bomb",
    ),
    # transcripts
    "a transcript of /etc/passwd": (transcripts, "labels.csv", b"file,text\n/etc/passwd,hi\n", "out of the folder"),
    "a transcript of ..": (transcripts, "labels.csv", b"file,text\n../../../../etc/passwd,hi\n", "there is no|out of"),
    "a transcript of a zero byte": (transcripts, "labels.csv", b"file,text\na\0.wav,hi\n", "line 2: there is no"),
    "a transcript without end": (transcripts, "labels.csv", b'file,text\na.wav,"hi\n', "a quote left open"),
    "a transcript of a megabyte": (transcripts, "labels.csv", b"file,text\na," + b"x" * 10**6, "field larger"),
    "a transcript of one cell": (transcripts, "labels.csv", b"file,text\na.wav\n", "line 2: 1 cells, expected 2"),
    # sounds
    "a sound to make 10**9 samples of": (lambda p: read_audio(p, 48000), "a.wav", wave(1, 99_999), "too many to bring"),
    "a sound that needs a filter of 10**11": (lambda p: read_audio(p, 44101), "a.wav", wave(999_983), "too many to"),
    "a sound of 2**31 a second": (
        lambda p: Sounds.learned([p]),
        "a.wav",
        wave(2**31 - 19),
        "samples a second; at most",
    ),
    # word vectors
    "vectors of fewer numbers": (read_word_vectors, "a.txt", b"a 1 2 3\nb 1 2\n", "line 2: expected a word and 3 num"),
    "vectors of more numbers": (read_word_vectors, "a.txt", b"a 1 2 3\nb 1 2 3 4\n", "line 2: expected 3 numbers"),
    "vectors of words": (read_word_vectors, "a.txt", b"a 1 x 3\n", "line 1: expected 3 numbers"),
    "vectors of nan": (read_word_vectors, "a.txt", b"a 1 nan 3\n", "line 1: a number is NaN"),
    "vectors 300,000 wide": (read_word_vectors, "a.txt", b"a" + b" 1" * 300_000, "line 1: expected a word"),
    "vectors not UTF-8": (read_word_vectors, "a.txt", b"\xff 1 2\n", "line 1: the word is not utf-8"),
    "vectors that end": (read_word_vectors, "a.txt", b"2 3\na 1 2 3\n", "the file ends after line 2; .* promises 3"),
    "vectors that promise 10**10": (
        read_word_vectors,
        "a.bin",
        b"9999999999 3\na " + bytes(12),
        "word 2: the file ends",
    ),
    "vectors of a long word": (read_word_vectors, "a.bin", b"1 3\n" + b"a" * 5000, "word 1: more than 1,024 bytes"),
    # tokenizers
    "a tokenizer too deep": (TokenizersVocabulary.read, "a.json", f'{{"model":{DEEP}}}'.encode(), "no JSON"),
    "a tokenizer of text": (TokenizersVocabulary.read, "a.json", b"hello", "no JSON"),
    "a tokenizer that takes for ever": (
        TokenizersVocabulary.read,
        "a.json",
        tokenizer(model={"type": "WordLevel", "vocab": {}}, pre_tokenizer={"pattern": {"Regex": "(a|a)*b"}}),
        "may take forever",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_lies_is_refused_by_its_name(tmp_path, name):
    read, file, content, message = FILES[name]
    path = tmp_path / "own" / file
    path.parent.mkdir()
    path.write_bytes(content)
    began = time.process_time()
    with pytest.raises((DataFileError, VocabularyError), match=message):
        read(path)
    assert time.process_time() - began < 3
    assert os.listdir(tmp_path / "own") == [file] and not os.path.exists("executed")


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_arrays_are_not_waited_for(tmp_path, kind):
    path = tmp_path / "a.npy"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(DataFileError, match="not a regular file"):
        read_numpy(path)


def test_damaged_parquet_is_refused_or_read(tmp_path):
    """However it is damaged, the error is ours; a crash of its reader would end the tests."""
    path, refused = tmp_path / "a.parquet", 0
    content = parquet({"a": [1, None, 3], "b": ["x", "y", None], "c": [True, False, None], "d": [0.5, 1.0, 2.0]})
    for number in range(500):
        path.write_bytes(damaged(content, number))
        try:
            assert len(open_table(path)) > 0
        except DataFileError as error:
            assert str(error).startswith(str(path))
            refused += 1
    assert refused > 250


def test_good_arrays_are_read(tmp_path):
    kinds = {"a": np.arange(6.0).reshape(2, 3).T, "b": np.array(["x", "yz"]), "c": np.zeros((0, 4), np.int8)}
    np.savez_compressed(tmp_path / "a.npz", **kinds)
    for name, found in read_numpy(tmp_path / "a.npz").items():
        np.testing.assert_array_equal(found, kinds[name])
        np.save(tmp_path / "one.npy", kinds[name])
        np.testing.assert_array_equal(read_numpy(tmp_path / "one.npy")["x"], kinds[name])
