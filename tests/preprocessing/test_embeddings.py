"""Word vectors from files: GloVe's text, word2vec's text and binary, and what is wrong with them."""

import gzip

import numpy as np
import pytest

from freedive.data import DataFileError, read_word_vectors
from freedive.preprocessing import WordVocabulary, load_embeddings

VECTORS = {"deep": [0.5, -1.0, 2.0], "dive": [1.0, 0.0, 0.25], "潜": [3.0, 3.0, 3.0]}


def text(head=""):
    return (head + "".join(f"{word} {' '.join(map(str, v))}\n" for word, v in VECTORS.items())).encode()


def binary(count=3, newline=b"\n"):
    rows = (word.encode() + b" " + np.array(v, "<f4").tobytes() + newline for word, v in VECTORS.items())
    return f"{count} 3\n".encode() + b"".join(rows)


FILES = {
    "glove.txt": text(),
    "word2vec.txt": text("3 3\n"),
    "word2vec.bin": binary(),
    "unbroken.bin": binary(newline=b""),
    "packed.txt.gz": gzip.compress(text()),
    "packed.bin.gz": gzip.compress(binary()),
}


@pytest.mark.parametrize("name", FILES)
def test_every_form_gives_the_same_vectors(tmp_path, name):
    (tmp_path / name).write_bytes(FILES[name])
    found = read_word_vectors(tmp_path / name)
    assert {word: vector.tolist() for word, vector in found.items()} == VECTORS
    assert list(read_word_vectors(tmp_path / name, {"dive", "no"})) == ["dive"]


def test_a_vocabulary_begins_with_them(tmp_path):
    (tmp_path / "a.txt").write_bytes(text())
    found = load_embeddings(tmp_path / "a.txt", WordVocabulary(["Dive", "breath", "deep"], lower=False))
    assert found.table.shape == (7, 3) and not found.table[0].any()
    assert found.table[4].tolist() == VECTORS["dive"] and found.table[6].tolist() == VECTORS["deep"]
    assert str(found) == "2 of 3 words have vectors (66.7%); missing: breath"
    with pytest.raises(DataFileError, match="none of the words"):
        load_embeddings(tmp_path / "a.txt", WordVocabulary(["sea"]))


WRONG = {
    "short.txt": (b"deep 1 2 3\ndive 1 2\n", "short.txt, line 2: expected a word and 3 numbers"),
    "words.txt": (b"deep 1 2 3\ndive 1 two 3\n", "line 2: expected 3 numbers after the word"),
    "nan.txt": (b"deep 1 nan 3\n", "line 1: a number is NaN or infinite"),
    "latin.txt": (b"deep 1 2 3\n\xff\xfe 1 2 3\n", "line 2: the word is not utf-8"),
    "alone.txt": (b"deep\n", "line 1: expected a word and its numbers"),
    "empty.txt": (b"", "no word vectors"),
    "long.txt": (b"a" * 2**20 + b"a 1 2\n", "line 1: more than 1,048,576 bytes"),
    "head.bin": (b"deep 3\n", "expected a first line of two numbers"),
    "wide.bin": (b"1 99999999\n", "width up to 10,000"),
    "cut.bin": (binary()[:-9], "word 3: the file ends; its first line promises 3 words"),
    "more.bin": (binary(10**9), "word 4: the file ends"),
    "endless.bin": (b"1 3\n" + b"a" * 5000, "word 1: more than 1,024 bytes without a space"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_with_its_place(tmp_path, name):
    content, message = WRONG[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataFileError, match=message):
        read_word_vectors(tmp_path / name)
