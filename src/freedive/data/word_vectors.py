"""Word vectors that others trained: GloVe's text files, and word2vec's in text and in binary; read word by word.

Only the words that are wanted are kept, so a file of any size is read in the memory of its vocabulary.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from .errors import DataFileError
from .opening import Path, open_binary

LONGEST_LINE = 2**20  # bytes
LONGEST_WORD = 2**10
WIDEST = 10_000  # numbers in a vector


class Header(NamedTuple):
    """What the first line of a word2vec file says."""

    words: int
    width: int


def read_word_vectors(path: Path, words: object = None, binary: bool | None = None) -> dict[str, np.ndarray]:
    """The vectors of a file, gzipped or not.

    Args:
        path: GloVe's text (word and numbers in a line), word2vec's text (the same, with a first line of two numbers),
            or word2vec's binary form.
        words: a set or dict of those wanted; None: all.
        binary: whether it is binary; None: a name that ends in .bin or .bin.gz is.

    Returns:
        word -> float32 (width,). Of a word that stands twice, the first.

    Raises:
        DataFileError: with the number of the line or word that is wrong.
    """
    if binary is None:
        binary = os.fspath(path).lower().removesuffix(".gz").endswith(".bin")
    found: dict[str, np.ndarray] = {}
    with open_binary(path) as file:
        for word, vector in (_binary if binary else _lines)(path, file, words):
            found.setdefault(word, vector)
    if not found and words is None:
        raise DataFileError(path, "no word vectors")
    return found


# text -----------------------------------------------------------------------------------------------------------------
def _lines(path: Path, file: BinaryIO, words: object) -> Iterator[tuple[str, np.ndarray]]:
    width, number, promised = None, 0, None
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE:
            raise DataFileError(path, f"more than {LONGEST_LINE:,} bytes", number, "line")
        if number == 1 and (header := _header(line)) is not None:
            width, promised = header.width, header.words + 1
            continue
        cells = line.rstrip().split(b" ")
        if width is None:
            width = len(cells) - 1
        if not 0 < width <= WIDEST or len(cells) <= width:
            detail = f"expected a word and {width} numbers, separated by spaces. Received {len(cells)} parts"
            raise DataFileError(path, detail if width else "expected a word and its numbers", number, "line")
        if len(cells) > width + 1 and all(map(_is_number, cells[1:-width])):
            raise DataFileError(path, f"expected {width} numbers after the word. Received more", number, "line")
        try:
            word = b" ".join(cells[:-width]).decode("utf-8")  # a few words of GloVe hold spaces
        except UnicodeDecodeError:
            raise DataFileError(path, "the word is not utf-8", number, "line") from None
        if words is None or word in words:  # type: ignore[operator]
            yield word, _numbers(path, cells[-width:], number)
    if promised is not None and number < promised:
        raise DataFileError(path, f"the file ends after line {number:,}; its first line promises {promised:,}")


def _is_number(cell: bytes) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbers(path: Path, cells: list[bytes], line: int) -> np.ndarray:
    try:
        vector = np.array(cells, np.float32)
    except ValueError:
        raise DataFileError(path, f"expected {len(cells)} numbers after the word", line, "line") from None
    if not np.isfinite(vector).all():
        raise DataFileError(path, "a number is NaN or infinite", line, "line")
    return vector


def _header(line: bytes) -> Header | None:
    cells = line.split()
    if len(cells) != 2 or not all(cell.isdigit() and len(cell) < 12 for cell in cells):
        return None
    return Header(*map(int, cells))


# binary ---------------------------------------------------------------------------------------------------------------
def _binary(path: Path, file: BinaryIO, words: object) -> Iterator[tuple[str, np.ndarray]]:
    header = _header(file.readline(LONGEST_WORD))
    if header is None or not 0 < header.width <= WIDEST:
        raise DataFileError(path, f"expected a first line of two numbers: words, and width up to {WIDEST:,}")
    for place in range(1, header.words + 1):
        word = _word(path, file, place)
        content = file.read(4 * header.width)
        if len(content) < 4 * header.width:
            detail = f"the file ends; its first line promises {header.words:,} words"
            raise DataFileError(path, detail, place, "word")
        if words is None or word in words:  # type: ignore[operator]
            vector = np.frombuffer(content, "<f4").copy()
            if not np.isfinite(vector).all():
                raise DataFileError(path, "a number is NaN or infinite", place, "word")
            yield word, vector


def _word(path: Path, file: BinaryIO, place: int) -> str:
    letters = bytearray()
    while (letter := file.read(1)) not in (b" ", b""):
        letters += letter
        if len(letters) > LONGEST_WORD:
            raise DataFileError(path, f"more than {LONGEST_WORD:,} bytes without a space", place, "word")
    try:
        return letters.lstrip(b"\n").decode("utf-8")
    except UnicodeDecodeError:
        raise DataFileError(path, "it is not utf-8", place, "word") from None
