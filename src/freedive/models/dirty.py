"""Dirty data, seen once before anything is compiled: rows that cannot be learned from, and what is merely odd.

A check that finds bad rows raises `BadRowsError`, which says which rows; what happens then is the policy `on_bad`:
"error" says it, "skip" leaves the rows out and warns of them, "keep" lets them in. Other faults, such as a shape that
does not fit, are errors under every policy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import jax
import numpy as np

from ..errors import BadRowsError, warn

POLICIES = ("error", "skip", "keep")
SOME = 32  # numbers of a row that are compared first
SHARED = 0.01  # a smaller share of validation rows among the training rows is what chance may do
D = TypeVar("D", bound=tuple)


def check_policy(on_bad: Any, where: str, policies: tuple[str, ...] = POLICIES) -> None:
    """Refuse a policy that there is not."""
    if on_bad not in policies:
        raise ValueError(f"{where}(on_bad={on_bad!r}): expected one of {', '.join(map(repr, policies))}")


def sound(data: D, checks: Iterable[Callable[[D], Any]], on_bad: str, where: str) -> D:
    """Data that passes the checks: as it is, without its bad rows, or with them.

    Args:
        data: a named tuple of trees of arrays with equal numbers of rows.
        checks: each raises `BadRowsError` for rows that are bad.
        on_bad: the policy.
        where: who calls; for the warning.
    """
    rows, first = len(jax.tree.leaves(data)[0]), None
    for check in checks:
        while True:
            try:
                check(data)
            except BadRowsError as error:
                if on_bad == "error" or (on_bad == "skip" and error.rows.all()):
                    raise
                if on_bad == "skip":
                    kept = ~error.rows
                    data = type(data)(*jax.tree.map(lambda a, kept=kept: a[kept], tuple(data)))
                    first = first or error
                    continue
            break
    if first is not None:
        left = len(jax.tree.leaves(data)[0])
        warn(f"{where}(on_bad='skip'): {rows - left} of {rows} rows are left out. {first}")
    return data


def warn_odd(data: Any, held_out: Any) -> None:
    """Warn of weights and targets that teach nothing, and of validation rows that are among the training rows."""
    for weights in map(np.asarray, jax.tree.leaves(data.weights)):
        if (weights < 0).any():
            at = int(np.argmax((weights < 0).reshape(len(weights), -1).any(axis=1)))
            said = f"{weights[at].min():g} at index {at}: the loss of such rows is made larger, not smaller"
        elif not weights.any():
            said = "all are 0: there is nothing to learn"
        else:
            continue
        warn(f"fit(sample_weight=...): {said}")
    for y in jax.tree.leaves(data.y):
        y = np.asarray(y)
        if len(y) > 1 and y.ndim <= 2 and y.size and y[0].size == 1 and (y == y[0]).all():
            warn(
                f"all {len(y)} targets are {y.ravel()[0]:g}: there is nothing to learn from them",
            )
    if held_out is None:
        return
    ours, theirs = jax.tree.leaves(data.x), jax.tree.leaves(held_out.x)
    shared = shared_rows(ours, theirs)
    if shared.sum() > SHARED * len(shared):
        warn(
            f"{shared.sum()} of {len(shared)} rows for validation (the first is {int(np.argmax(shared))}) are among "
            "the training rows: the results of validation say too little about new data",
        )


def shared_rows(ours: list[Any], theirs: list[Any]) -> np.ndarray:
    """For each of their rows, whether one of ours is the same: (rows,) truth values.

    The sums of a few numbers of each row are compared first, then those of all of the rows that are left, and only rows
    of equal sums number by number: one cheap pass, where no rows are shared.

    >>> shared_rows([np.array([[1, 2], [3, 4]])], [np.array([[3, 4], [4, 3]])]).tolist()
    [True, False]
    """
    mine, maybe = (np.arange(len(arrays[0])) for arrays in (ours, theirs))
    for most in (SOME, None):
        sums = [_row_sums(arrays, rows, most) for arrays, rows in ((ours, mine), (theirs, maybe))]
        mine, maybe = mine[np.isin(sums[0], sums[1])], maybe[np.isin(sums[1], sums[0])]
    known = set(_row_bytes(ours, mine))
    found = np.zeros(len(theirs[0]), bool)
    found[maybe] = [row in known for row in _row_bytes(theirs, maybe)]
    return found


def _row_sums(arrays: list[Any], rows: np.ndarray, most: int | None) -> np.ndarray:
    """The sums of rows: of up to `most` numbers in their middle, or of all."""
    total = np.zeros(len(rows))
    for array in map(np.asarray, arrays):
        while most is not None and array.ndim > 2:
            array = array[:, array.shape[1] // 2]
        if most is not None and array.ndim > 1:
            start = max(0, array.shape[1] // 2 - most // 2)
            array = array[:, start : start + most]
        chosen = array if len(rows) == len(array) else array[rows]
        total += chosen.sum(axis=tuple(range(1, array.ndim)), dtype=np.float64)
    return total


def _row_bytes(arrays: list[Any], rows: np.ndarray) -> list[bytes]:
    chosen = [np.ascontiguousarray(np.asarray(a)[rows]) for a in arrays]
    return [b"".join(a[i].tobytes() for a in chosen) for i in range(len(rows))]
