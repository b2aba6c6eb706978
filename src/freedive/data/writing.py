"""Texts as Unicode writes them: one form of those that are the same, and the marks that belong to letters."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable
from typing import Any

JOINERS = "\u200c\u200d"  # between the letters of a word: Persian, Hindi and others need them
UNSPACED = ((0x0E00, 0x0F00), (0x1000, 0x10A0), (0x1780, 0x1800))  # Thai and Lao, Burmese, Khmer


def composed(value: Any) -> Any:
    """A text in Unicode's normal form C, in which a letter and its accent are one where they can be; others stay.

    >>> composed("e\\u0301") == "\\u00e9", composed(7)
    (True, 7)
    """
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


def simple(text: str) -> bool:
    """Whether every letter of a text stands by itself: no marks, no joiners, no script without spaces but Chinese.

    >>> simple("deep 深潜 \u00e9"), simple("e\u0301")
    (True, False)
    """
    return text.isascii() or _unlike_others().search(text) is None


@functools.cache
def _unlike_others() -> re.Pattern[str]:
    near = "".join(_spans(range(0x300, 0x10000), _is_mark))  # the search is quick where few ranges lie further on
    return re.compile(rf"[{near}{unspaced()}{JOINERS}\U00010000-\U0010ffff]")


@functools.cache
def marks() -> str:
    """The signs that stand on, under or beside a letter and are of it, as a class of a regular expression: accents, the
    vowels of Hindi, Tamil and Thai, those of Arabic and Hebrew."""
    planes = (range(0x300, 0x20000), range(0xE0000, 0xE0200))  # all that Unicode has of them
    return "".join(_spans(plane, _is_mark) for plane in planes)


@functools.cache
def unspaced() -> str:
    """The letters of scripts without spaces between words, other than Chinese, as a class of a regular expression."""
    return "".join(_spans(range(*block), str.isalpha) for block in UNSPACED)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"


def _spans(numbers: range, wanted: Callable[[str], bool]) -> str:
    """The wanted characters as ranges.

    >>> _spans(range(48, 100), str.isalpha)
    'A-Za-c'
    """
    found: list[list[int]] = []
    for number in numbers:
        if wanted(chr(number)):
            if found and found[-1][1] == number - 1:
                found[-1][1] = number
            else:
                found.append([number, number])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in found)
