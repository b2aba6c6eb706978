"""Texts that `freedive train PATH` finds: in class folders, a file for each class, or lines that begin with a class."""

from __future__ import annotations

import collections
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..data.folders import refuse_twins
from ..data.opening import read_text
from ..data.tables import Table
from ..data.writing import composed
from ..errors import counted
from .class_folders import class_folders, few, holds, unbalanced
from .reading.decoding import decoded
from .reading.texts import filled_lines, words
from .sources import Parts, Source, Told, divided, listed, named, told_copies
from .text import TextClassifier, same_texts

TEXTS = (".txt", ".txt.gz")
LINES = (".tsv", ".tsv.gz", *TEXTS)
MOST_CLASSES, REPEATED = 50, 5  # classes of lines are at most so many, and have so many lines on average
LONG = 5  # words, on average, from which a column holds sentences rather than names
FEW_COLUMNS = 3  # a table with so many columns beside its texts is learned as a table


def text_folder(path: str, told: Told) -> Source | None:
    """a folder of class folders of texts: reviews/good/1.txt, reviews/bad/2.txt (with or without train/ and test/)"""
    if not holds(path, TEXTS):
        return None
    parts, names = class_folders(path, TEXTS, told)
    files = [*parts.x_train, *parts.x_test]
    found = f"{len(files):,} texts in {len(names)} class folders: {listed(names)}{unbalanced(parts.y_train)}"
    texts, learned = decoded(lambda file: read_text(file, told.encoding).strip(), files), len(parts.x_train)
    parts = parts._replace(x_train=texts[:learned], x_test=texts[learned:])
    return text_source(path, TextClassifier(classes=names, whole=True), parts, found)


def text_files(path: str, told: Told) -> Source | None:
    """a folder of .txt files, one for each class, with a text in every line: reviews/good.txt, reviews/bad.txt"""
    if not os.path.isdir(path):
        return None
    files = sorted(name for name in os.listdir(path) if not name.startswith("."))
    if len(files) < 2 or not all(name.lower().endswith(TEXTS) for name in files):
        return None
    refuse_twins(path, files, lambda name: composed(named(name)))
    texts = {composed(named(name)): filled_lines(os.path.join(path, name), told.encoding).values() for name in files}
    rows = [(text, kind) for kind, lines in texts.items() for text in lines]
    return lines_source(path, told, rows, f"{counted(len(rows), 'lines')} in files of {len(texts)} classes: ")


def labelled_lines(path: str, told: Told) -> Source | None:
    """a .txt or .tsv file of classes and texts: good <tab> A wonderful film. (or the text first)"""
    if not path.lower().endswith(LINES) or not os.path.isfile(path) or told.target is not None:
        return None
    lines = filled_lines(path, told.encoding).values()
    cells = [tuple(cell.strip() for cell in line.split("\t")) for line in lines]
    if not cells or any(len(row) != 2 for row in cells):
        return None
    columns = [[row[place] for row in cells] for place in (0, 1)]
    place = next((place for place in (0, 1) if are_classes(columns[place]) and are_texts(columns[1 - place])), None)
    if place is None:
        return None
    rows = list(zip(columns[1 - place], map(composed, columns[place]), strict=True))
    return lines_source(path, told, rows, f"{counted(len(rows), 'lines')} of a class and a text: ")


def text_table(path: str, told: Told, rest: Table, labels: Any, group: Any, found: str) -> Source | None:
    """The source that the texts of a table are, if they are what tells its classes."""
    name = text_column(path, rest, told)
    if name is None:
        return None
    left = [column for column in rest.columns if column != name]
    found += f"; learned from the texts of {name!r}" + (f", without {listed(left)}" if left else "")
    texts = np.array(["" if cell is None else str(cell) for cell in rest[name]], object)
    parts = divided(texts, labels, told.seed, group, same_texts(texts, labels) if told.together else None)
    return text_source(path, TextClassifier(column=name), parts, found)


def text_column(path: str, rest: Table, told: Told) -> str | None:
    """The column of texts to learn from: the one that was named, or the longest, where there is little beside it."""
    if told.text is not None:
        told.refuse_unknown(path, rest.columns, ["text"])  # it may be the target
        return told.text
    long = {name: words(rest[name]) for name, kind in rest.kinds.items() if kind == "text"}
    name = max(long, key=long.__getitem__, default=None)
    return name if name and long[name] >= LONG and len(rest.columns) <= FEW_COLUMNS else None


def lines_source(path: str, told: Told, rows: Sequence[tuple[str, str]], found: str) -> Source:
    """The source of lines with their classes, of which each must have several."""
    texts, labels = (list(side) for side in zip(*rows, strict=True))
    names = sorted(set(labels))
    few(path, labels, names)
    parts = divided(texts, labels, told.seed, None, same_texts(texts, labels) if told.together else None)
    return text_source(path, TextClassifier(classes=names), parts, found + listed(names) + unbalanced(labels))


def text_source(path: str, task: TextClassifier, parts: Parts, found: str) -> Source:
    """The source of texts in parts; the report shows those of the test."""
    learned, found = set(parts.x_train), found + told_copies(parts.copies)
    if again := sum(text in learned for text in parts.x_test):
        found += f"; {again:,} of {len(parts.x_test):,} test texts stand among those learned from too"
    return Source(named(path), task, *parts[:4], "texts", list, [("data", path)], found, parts.groups)


# looking ------------------------------------------------------------------------------------------------------------
def are_classes(cells: Sequence[str]) -> bool:
    """Whether the cells of a column are classes: two or more, each of them often repeated.

    >>> are_classes(["good", "bad"] * 5), are_classes(["one", "two", "three", "three"]), are_classes(["good"] * 9)
    (True, False, False)
    """
    counts = collections.Counter(cells)
    return 2 <= len(counts) <= MOST_CLASSES and REPEATED * len(counts) <= len(cells)


def are_texts(cells: Sequence[str]) -> bool:
    """Whether the cells of a column are texts: more than single words, and many of them unlike each other.

    >>> are_texts(["a fine film", "no good film"]), are_texts(["a fine film"] * 5), are_texts(["yes", "no"])
    (True, False, False)
    """
    return len(set(cells)) > len(cells) / 5 and words(cells) >= 2
