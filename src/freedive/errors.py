"""How freedive speaks when something is wrong: where, what came, what was expected, how to fix it."""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Iterable
from typing import Any


def nearest(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """The known names that look most like `name`, best first.

    >>> nearest("adm", ["adam", "sgd", "adamw"])
    ['adam', 'adamw']
    """
    folded = {k.lower(): k for k in known}
    return [folded[k] for k in difflib.get_close_matches(str(name).lower(), folded, n=most, cutoff=0.6)]


SHORT = {"lr": "learning_rate", "wd": "weight_decay"}  # what other libraries call it


def refuse_misspelt(owner: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse the name of an argument that there is not, with the nearest one.

    >>> refuse_misspelt("fit", ["epoch"], ["x", "epochs"])
    Traceback (most recent call last):
    TypeError: fit has no argument 'epoch'. Did you mean 'epochs'?
    """
    known = list(known)
    for name in given:
        if name not in known:
            close = [SHORT[name]] if SHORT.get(name) in known else nearest(name, known)
            hint = f"Did you mean {close[0]!r}?" if close else "Known: " + ", ".join(known) + "."
            raise TypeError(f"{owner} has no argument {name!r}. {hint}")


INSIDE = ("freedive", "jax", "contextlib", "functools")  # modules whose lines tell nobody what to change


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn of the line that called freedive, however deep inside it is found out."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in INSIDE:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


class UnknownNameError(ValueError):
    """A name that no member of a family has."""


class GraphError(ValueError):
    """Layers that are not connected in a possible way."""


class ToldError(ValueError):
    """What was said about the data does not fit them; a command calls it wrong usage."""


class VocabularyError(ValueError):
    """A vocabulary that cannot be one: too large, with a word twice, or of something that is no word."""


class TooLargeError(ValueError):
    """A description that asks for more than is allowed where it comes from."""


class BadRowsError(ValueError):
    """Data in which some rows hold what nothing can be learned from.

    Args:
        message: which values, where the first is, what was expected.
        wrong: (rows, ...) truth values: where the values are.
    """

    def __init__(self, message: str, wrong: Any):
        super().__init__(message)
        self.rows = wrong.reshape(len(wrong), -1).any(axis=1)


def unknown(kind: str, name: Any, known: Iterable[str]) -> UnknownNameError:
    """An error for a name that no member of a family has, with the nearest ones.

    >>> print(unknown("optimizer", "adm", ["adam", "sgd"]))
    unknown optimizer 'adm'. Did you mean 'adam'?
    """
    known = sorted(set(known))
    close = nearest(name, known) if isinstance(name, str) else []
    if close:
        hint = "Did you mean " + " or ".join(repr(c) for c in close) + "?"
    else:
        hint = "Known: " + ", ".join(known) + "."
    return UnknownNameError(f"unknown {kind} {name!r}. {hint}")


def counted(number: int, noun: str) -> str:
    """So many of what a noun in the plural names.

    >>> counted(1, "epochs"), counted(1200, "rows")
    ('1 epoch', '1,200 rows')
    """
    return f"{number:,} {noun.removesuffix('s') if number == 1 else noun}"


def installed_by(extra: str) -> str:
    """How what a part of freedive needs beside is installed.

    >>> installed_by("text")
    "pip install '.[text]', in freedive's folder"
    """
    return f"pip install '.[{extra}]', in freedive's folder"


def show_shape(shape: Iterable[int | None]) -> str:
    """A shape as people write it.

    >>> show_shape((None, 28, 28, 1))
    '(None, 28, 28, 1)'
    """
    shape = tuple(shape)
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
