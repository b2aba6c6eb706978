"""What a model's outputs say, in words: classes with their probabilities, or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

SHOWN = 8  # numbers of a row in a table


def probabilities(outputs: np.ndarray, classes: Sequence[str]) -> np.ndarray | None:
    """(rows, classes), where the outputs are that; one output for two classes is the probability of the second.

    >>> probabilities(np.array([[0.25]]), ["no", "yes"]).tolist()
    [[0.75, 0.25]]
    """
    outputs = np.asarray(outputs)
    if outputs.shape[1:] == (1,) and len(classes) == 2:
        outputs = np.concatenate([1 - outputs, outputs], axis=1)
    return outputs if len(classes) and outputs.shape[1:] == (len(classes),) else None


def as_table(names: Sequence[str], outputs: Any, classes: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """(headers, rows) for people."""
    given = probabilities(outputs, classes)
    if given is None:
        rows = np.asarray(outputs).reshape(len(names), -1)
        return ["file", "output"], [[name, _numbers(row)] for name, row in zip(names, rows, strict=True)]
    table = []
    for name, row in zip(names, given, strict=True):
        order = np.argsort(-row, kind="stable")
        next_best = f"{classes[order[1]]} {row[order[1]]:.1%}" if len(order) > 1 else ""
        table.append([name, classes[order[0]], f"{row[order[0]]:.1%}", next_best])
    return ["file", "answer", "sure", "or"], table


def as_json(names: Sequence[str], outputs: Any, classes: Sequence[str]) -> list[dict[str, Any]]:
    """A list of answers for programs."""
    given = probabilities(outputs, classes)
    if given is None:
        return [{"file": n, "output": np.asarray(row).tolist()} for n, row in zip(names, outputs, strict=True)]
    return [
        {
            "file": name,
            "answer": classes[int(row.argmax())],
            "sure": round(float(row.max()), 6),
            "probabilities": {c: round(float(p), 6) for c, p in zip(classes, row, strict=True)},
        }
        for name, row in zip(names, given, strict=True)
    ]


def _numbers(row: np.ndarray) -> str:
    shown = " ".join(f"{value:.5g}" for value in row[:SHOWN])
    return shown + (f" ... ({len(row)} numbers)" if len(row) > SHOWN else "")
