"""A network beside simple methods: what they are told of the rows, and the table of what came of it."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..data.errors import DataFileError
from ..preprocessing.split import rows_of
from ..report import page
from ..report.scores import spelt
from ..report.training import is_part
from .baselines import MOST_ROWS, Baseline, baseline_scores, drawn
from .targets import Classes

if TYPE_CHECKING:
    from .base import Task

MOST_NUMBERS = 2_000_000  # that simple methods learn from: they are to take seconds
BLOCK = 250  # rows that are read together


def compared(task: Task, X: Any, y: Any, X_test: Any, y_test: Any) -> list[Baseline]:
    """Simple methods on the numbers that a task has of its rows, see `Task.baselines`."""
    learned = _told(task, X, y, drawn(len(y), MOST_ROWS), MOST_NUMBERS)
    if learned is None:
        return []
    tested = _told(task, X_test, y_test, np.arange(len(y_test)))
    return baseline_scores(*learned, *tested, classes=isinstance(task.target, Classes))


def _told(task: Task, X: Any, y: Any, order: np.ndarray, most: float = np.inf) -> Any:
    """(rows, numbers) that simple methods are told of raw rows in an order, about `most` in all, and their labels.

    None where the task has no such numbers.
    """
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    for start in range(0, len(order), BLOCK):
        rows = order[start : start + BLOCK]
        with contextlib.suppress(DataFileError), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # files that are left out were named when the network learned
            _, x, labels = task.taken(rows_of(X, rows), rows_of(y, rows))
            numbers = task.features(x)
            if numbers is None:
                return None
            labels = task.target.encoded(labels)
            parts.append((np.asarray(numbers, np.float32).reshape(len(labels), -1), labels))
        if sum(x.size for x, _ in parts) >= most:
            break
    x, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
    return x, labels.reshape(len(labels), -1)[:, 0]


def over_time(x: np.ndarray) -> np.ndarray:
    """Means and deviations of the steps of sequences: (rows, time, n) -> (rows, 2 n); steps that are all 0 are filling.

    >>> over_time(np.array([[[1.0], [3.0], [0.0]]])).tolist()
    [[2.0, 1.0]]
    """
    there = (x != 0).any(axis=2, keepdims=True)
    steps = np.maximum(there.sum(axis=1), 1)
    mean = x.sum(axis=1, where=there) / steps
    spread = ((x - mean[:, None]) ** 2).sum(axis=1, where=there) / steps
    return np.concatenate([mean, np.sqrt(spread)], axis=1)


def scored_in_turn(methods: dict[str, Callable[[], Any]], rows: int) -> list[Baseline]:
    """A line for each function that gives a score, the best first."""
    found = []
    for name, method in methods.items():
        began = time.perf_counter()
        score = float(method())
        found.append(Baseline(name, score, time.perf_counter() - began, rows))
    return sorted(found, key=lambda line: -line.score)


# in words -----------------------------------------------------------------------------------------------------------
def line(main: str, found: Sequence[Baseline]) -> str:
    """The simple methods in a line.

    >>> line("accuracy", [Baseline("SVM", 0.97, 0.1, 9), Baseline("majority", 0.5, 0.0, 9)])
    'SVM 97.00%, majority 50.00%'
    """
    return ", ".join(f"{method.name} {shown(main, method.score)}" for method in found)


def section(main: str, score: float, seconds: float, rows: int, found: Sequence[Baseline]) -> page.Section:
    """The table of the report: the network among the simple methods, the best first."""
    network = Baseline("this network", score, seconds, rows)
    lines = sorted([network, *found], key=lambda line: (-line.score, line is not network))
    cells = [
        [
            page.Html(f"<b>{line.name}</b>") if line is network else line.name,
            page.bar(max(0.0, line.score) if is_part(main) else None, shown(main, line.score)),
            f"{line.rows:,}",
            f"{line.seconds:.1f} s",
        ]
        for line in lines
    ]
    body = page.table(["method", f"test {spelt(main)}", "rows learned from", "time"], cells)
    return page.Section("Beside simple methods", body, "What is gained over them is what the network is for.")


def shown(main: str, score: float) -> str:
    """A score as people write it, with as many decimals as others.

    >>> shown("r2", 0.5532), shown("r2", -0.004175), shown("accuracy", 0.9)
    ('0.5532', '-0.0042', '90.00%')
    """
    return f"{score:.2%}" if is_part(main) else f"{score:.4f}"
