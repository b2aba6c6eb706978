"""JSON from files that may be hostile: bounded before it is parsed, and refused where it is ambiguous."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from typing import Any, NoReturn

from .errors import ModelFileError

MAX_BYTES = 16 * 2**20
MAX_CONTAINERS = 300_000  # objects and arrays: they take far more memory than their two characters
MAX_ITEMS = 2_000_000
MAX_DEPTH = 100
MAX_DIGITS = 20  # 2**64 has 20


def read_json(path: str | os.PathLike[str], data: bytes | str, what: str = "configuration") -> dict[str, Any]:
    """The JSON object in `data`, which came from the file `path`.

    Refused are: more than 16 MiB, 2,000,000 items, 300,000 containers or 100 levels; a key that stands twice in one
    object; numbers that are not finite; whole numbers of more than 20 digits; text that is not UTF-8.

    Raises:
        ModelFileError: CONFIG_LIMIT or CONFIG_SYNTAX.

    >>> read_json("a.json", b'{"units": 3}')
    {'units': 3}
    """
    return parse_object(path, data, what, syntax="CONFIG_SYNTAX", repeated=lambda value: "CONFIG_LIMIT")


def parse_object(path: str | os.PathLike[str], data: bytes | str, what: str, syntax: str, repeated: Any) -> dict:
    """As `read_json`, with the code for malformed text and the one for a repeated key (given its value)."""

    def refuse(code: str, detail: str) -> NoReturn:
        raise ModelFileError(path, code, f"the {what} {detail}") from None

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            seen: set[str] = set()
            key, value = next((k, v) for k, v in items if k in seen or seen.add(k))
            refuse(repeated(value), f"has the key {key[:80]!r} twice in one object")
        return found

    def whole(digits: str) -> int:
        if len(digits) > MAX_DIGITS:
            refuse("CONFIG_LIMIT", f"has a number of {len(digits)} digits")
        return int(digits)

    def finite(digits: str) -> float:
        value = float(digits)
        return value if math.isfinite(value) else constant(digits[:40])

    def constant(name: str) -> NoReturn:
        refuse("CONFIG_LIMIT", f"has {name}, which is no finite number")

    text = _text(data, refuse, syntax)
    try:
        decoder = json.JSONDecoder(
            object_pairs_hook=pairs, parse_int=whole, parse_float=finite, parse_constant=constant
        )
        found = decoder.decode(text)
    except RecursionError:
        refuse("CONFIG_LIMIT", f"is nested more than {MAX_DEPTH} levels deep")
    except json.JSONDecodeError as error:
        refuse(syntax, f"is not JSON: {error.msg} at character {error.pos}")
    if not isinstance(found, dict):
        refuse(syntax, f"is a JSON {type(found).__name__}, not an object")
    if _deeper(found, MAX_DEPTH):
        refuse("CONFIG_LIMIT", f"is nested more than {MAX_DEPTH} levels deep")
    return found


def _text(data: bytes | str, refuse: Callable[[str, str], NoReturn], syntax: str) -> str:
    if len(data) > MAX_BYTES:
        refuse("CONFIG_LIMIT", f"has {len(data):,} bytes; at most {MAX_BYTES:,} are read")
    try:
        text = data if isinstance(data, str) else str(data, "utf-8")
    except UnicodeDecodeError as error:
        refuse(syntax, f"is not UTF-8 at byte {error.start}")
    if text.startswith("\ufeff"):
        refuse(syntax, "begins with a byte order mark")
    for signs, most, kind in (("{[", MAX_CONTAINERS, "objects and arrays"), (",", MAX_ITEMS, "items")):
        count = sum(map(text.count, signs))
        if count > most:
            refuse("CONFIG_LIMIT", f"has {count:,} {kind}; at most {most:,} are read")
    return text


def _deeper(value: Any, depth: int) -> bool:
    """Whether containers are nested more than `depth` levels."""
    level = [value]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
    return bool(level)
