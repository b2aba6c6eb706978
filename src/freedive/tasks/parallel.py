"""Files of sentences and their translations, recognised when they are seen."""

from __future__ import annotations

import os
import re

from ..data.opening import read_lines
from ..errors import counted
from .sources import Source, Told, divided, named
from .translation import Translator

ENDINGS = (".tsv", ".tsv.gz", ".txt", ".txt.gz")
LOOKED_AT, LEAST = 2000, 20  # lines that are looked at, and how many there must be
HEADER = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z]{2,4})?|source|target|src|tgt")


def parallel_text(path: str, told: Told) -> Source | None:
    """a .tsv file of sentences and their translations: Good morning. <tab> Guten Morgen."""
    if not path.lower().endswith(ENDINGS) or not os.path.isfile(path) or told.target is not None:
        return None
    lines = read_lines(path, told.encoding)
    pairs = pairs_of(lines)
    if len(pairs) < LEAST or not all(sentences(side) for side in zip(*pairs[:LOOKED_AT], strict=True)):
        return None
    source, target = (list(side) for side in zip(*pairs, strict=True))
    parts = divided(source, target, told.seed, group=source)
    found = f"{len(pairs):,} sentences and their translations{left_out(lines)}"
    facts = [("data", path)]
    return Source(named(path), Translator(), *parts[:4], "sentences", None, facts, found, parts.groups)


def pairs_of(lines: list[str]) -> list[tuple[str, str]]:
    """The first two columns of lines with a tab, without their head and without gaps.

    >>> pairs_of(["en\\tde", "one\\teins\\t7", "no tab", "two\\t"])
    [('one', 'eins')]
    """
    rows = [halves(line) for line in lines if "\t" in line]
    if rows and all(HEADER.fullmatch(cell) for cell in rows[0]):
        rows = rows[1:]
    return [(left, right) for left, right in rows if left and right]


def left_out(lines: list[str]) -> str:
    """What there is to say of lines that have no translation.

    >>> left_out(["one\\teins", "two", "", "three\\t"])
    '; 2 lines without a translation left out, the first is line 2'
    """
    lone = [number for number, line in enumerate(lines, 1) if line.strip() and not all(halves(line))]
    told = f"; {counted(len(lone), 'lines')} without a translation left out"
    return f"{told}, the first is line {lone[0]}" if lone else ""


def halves(line: str) -> tuple[str, str]:
    """The first two columns of a line, empty where they are missing.

    >>> halves("one\\teins\\t7"), halves("two")
    (('one', 'eins'), ('two', ''))
    """
    left, _, rest = line.partition("\t")
    return left.strip(), rest.partition("\t")[0].strip()


def sentences(column: tuple[str, ...]) -> bool:
    """Whether the cells of a column are sentences: most of them unlike the others, and more than single words.

    >>> sentences(("good morning", "good night")), sentences(("yes", "no")), sentences(("a b", "a b", "a b", "a b"))
    (True, False, False)
    """
    several = sum(" " in cell or any(ord(letter) > 0x2E7F for letter in cell) for cell in column)
    letters = sum(any(letter.isalpha() for letter in cell) for cell in column)
    return len(set(column)) > len(column) / 2 and several > len(column) / 2 and letters > 0.9 * len(column)
