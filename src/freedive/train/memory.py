"""What callbacks remember, as JSON beside arrays: what a file can hold and give back.

Arrays, long rows of numbers and numbers that are not finite, which JSON has no words for, become arrays; in the JSON
stands `{"$array": position, "kind": ...}` in their place. As JSON has it, tuples come back as lists, and keys as texts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

MARK = "$array"
GIVE_BACK = {"array": lambda a: a, "row": lambda a: a.tolist(), "number": lambda a: a.item()}


def pack(memory: Any) -> tuple[Any, list[np.ndarray]]:
    """JSON values, and the arrays that they point to.

    >>> pack({"best": float("nan"), "wait": 3, "loss": [0.5, 0.25]})[0]
    {'best': {'$array': 0, 'kind': 'number'}, 'wait': 3, 'loss': {'$array': 1, 'kind': 'row'}}
    """
    arrays: list[np.ndarray] = []

    def keep(value: Any, kind: str) -> dict[str, Any]:
        arrays.append(np.asarray(value))
        return {MARK: len(arrays) - 1, "kind": kind}

    def replace(value: Any) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else keep(value, "number")
        if isinstance(value, Mapping):
            return {str(key): replace(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            row = bool(value) and all(type(item) is float for item in value)
            return keep(value, "row") if row else [replace(item) for item in value]
        if hasattr(value, "__array__"):
            return keep(value, "array")
        raise TypeError(f"a callback remembers a {type(value).__name__}, which cannot be written: {value!r:.80}")

    return replace(memory), arrays


def unpack(packed: Any, arrays: Sequence[np.ndarray]) -> Any:
    """What `pack` was given.

    >>> unpack(*pack({"best": float("inf"), "epoch": [0, 1]}))
    {'best': inf, 'epoch': [0, 1]}
    """
    if isinstance(packed, Mapping):
        if MARK in packed:
            return GIVE_BACK[packed["kind"]](arrays[packed[MARK]])
        return {key: unpack(value, arrays) for key, value in packed.items()}
    return [unpack(value, arrays) for value in packed] if isinstance(packed, list) else packed
