"""What the configuration in a file may say, looked at as plain JSON before anything is made from it.

It names members of families, never modules, paths or addresses; its whole numbers have the size of a layer; it nests
as deep as a model does. What every class thinks of its own fields is asked later, by making it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ..config import Family
from ..core.bounds import MAX_LAYERS
from ..errors import TooLargeError, UnknownNameError, unknown

MAX_NESTED = 12  # layers inside layers
MAX_THINGS = 2 * MAX_LAYERS
MAX_NUMBER = 2**31 - 1  # of what may be a size
MAX_VALUE = 2**64  # of what is none
MAX_TEXT = 10_000  # characters
VALUES = ("seed", "salt", "vocabulary")  # how fields end whose whole numbers are no sizes
WORDS = ("oov_token", "mask_token", "mask_value")  # fields that hold a word or number of the data, which nothing opens
_OUTSIDE = re.compile(r"[a-zA-Z][\w+.-]*://|[/~]|\\\\|[a-zA-Z]:[\\/]|\.\.?[\\/]")  # how paths and addresses begin


class OutsideError(ValueError):
    """A configuration that points outside its file."""


def check_configuration(config: Any, where: str, by_name: bool = True) -> None:
    """Refuse what no configuration may say.

    Args:
        config: JSON from a file, or for one.
        where: what it is called in messages.
        by_name: whether its classes are to be found by name, as where it is read.

    Raises:
        UnknownNameError: a class that is not registered.
        OutsideError: a path or an address.
        TooLargeError: a number, a text or a nesting beyond reason.
    """
    todo: list[tuple[str, Any, int]] = [(where, config, 0)]
    things = 0
    while todo:
        place, value, nested = todo.pop()
        if isinstance(value, Mapping):
            if "class" in value and "kind" in value:
                if by_name:
                    _check_class(value, place)
                nested, things = nested + 1, things + 1
                if nested > MAX_NESTED:
                    raise TooLargeError(f"{place:.60}...: things inside one another; at most {MAX_NESTED} levels")
                if things > MAX_THINGS:
                    raise TooLargeError(f"{where}: more than {MAX_THINGS:,} layers and other things")
            todo += [(f"{place}.{key:.80}", item, nested) for key, item in value.items() if _is_fine(place, key, item)]
        elif isinstance(value, list):
            todo += [(f"{place}[{i}]", item, nested) for i, item in _containers_in(value, place)]


def _check_class(value: Mapping[str, Any], place: str) -> None:
    kind, name = value["kind"], value["class"]
    family = Family.of(kind)
    if family is None:
        raise UnknownNameError(f"{place}: {unknown('kind', str(kind)[:80], Family.families)}")
    if name not in family:
        problem = unknown(kind, str(name)[:80], family.members)
        raise UnknownNameError(f"{place}: a class of your own is given by custom_objects=[...]; {problem}")


def _is_fine(place: str, key: str, value: Any) -> bool:
    """Whether a value is to be looked into; one that is refused at once never gets that far."""
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise TooLargeError(f"{place}.{key:.80}: {len(value):,} characters; at most {MAX_TEXT:,}")
        if key not in WORDS and _OUTSIDE.match(value):
            raise OutsideError(f"{place}.{key:.80}: {value!r:.80} is a path or an address; a file names none")
    elif isinstance(value, int):
        _check_number(value, f"{place}.{key:.80}")
    return isinstance(value, (Mapping, list))


def _containers_in(values: list[Any], place: str) -> Iterator[tuple[int, Any]]:
    for i, value in enumerate(values):
        if type(value) is str:  # first, since vocabularies are long
            continue
        if isinstance(value, int):
            _check_number(value, place, f"[{i}]")
        elif isinstance(value, (Mapping, list)):
            yield i, value


def _check_number(value: int, place: str, at: str = "") -> None:
    most = MAX_VALUE if place.endswith((*VALUES, *WORDS)) else MAX_NUMBER
    if abs(value) > most:
        raise TooLargeError(f"{place}{at}: {value} is beyond {most:,}")
