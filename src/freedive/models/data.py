"""What people hand to fit, evaluate and predict, made ready for a model: targets by output, weights by row, checks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from ..core.paths import sight
from ..losses.base import spread
from ..train.inputs import arrays_of, check_finite, check_rows, weights_of
from ..train.streams import Stream, is_stream
from .dirty import sound

CACHE_BYTES = 2**22  # of the processor's caches that one array may fill


class Data(NamedTuple):
    """Rows that belong together: inputs, targets, sample weights."""

    x: Any
    y: Any
    weights: Any

    def rows(self, start: int | None, stop: int | None) -> Data:
        """Some of the rows."""
        return Data(*jax.tree.map(lambda a: a[start:stop], tuple(self)))


def read(x: Any, y: Any, weights: Any, where: str, on_bad: str = "error") -> Data:
    """Arrays from what was given, with equal numbers of rows and finite numbers."""
    x = arrays_of(x, f"{where}(x=...)")
    data = Data(x, arrays_of(y, f"{where}(y=...)"), weights_of(weights, x, f"{where}(sample_weight=...)"))
    check_rows(*data, where)
    places = [f"{where}({name}=...)" for name in ("x", "y", "sample_weight")]
    checks = [lambda data, i=i, place=place: check_finite(data[i], place) for i, place in enumerate(places)]
    return sound(data, checks, on_bad, where)


def read_pair(given: Any, where: str, on_bad: str = "error") -> Data | Stream:
    """Validation data: (x, y), (x, y, weights), x alone, or a stream."""
    if is_stream(given):
        return Stream(given, where=where, on_bad=on_bad)
    if not isinstance(given, (tuple, list)) or not 1 <= len(given) <= 3:
        raise ValueError(f"{where}: expected (x, y) or (x, y, sample_weight). Received: {type(given).__name__}")
    x, y, weights = (*given, None, None)[:3]
    return read(x, y, weights, where, on_bad)


def split_rows(data: Data, fraction: float) -> tuple[Data, Data]:
    """The first rows, and the last `fraction` of them for validation, before any shuffling, as in Keras."""
    if not isinstance(fraction, (int, float)) or not 0 < fraction < 1:
        raise ValueError(f"fit(validation_split={fraction!r}): expected a number between 0 and 1")
    count = len(jax.tree.leaves(data.x)[0])
    cut = int(count * (1 - fraction))
    if cut == 0 or cut == count:
        raise ValueError(f"fit(validation_split={fraction}): of {count} rows this leaves none for one of the parts")
    return data.rows(None, cut), data.rows(cut, None)


def with_class_weights(data: Data, class_weight: Any, outputs: list[tuple], where: str) -> Data:
    """Sample weights that make each class count as asked.

    Args:
        data: rows to learn from; validation counts every class alike.
        class_weight: class -> weight, or None.
        outputs: the shapes of the model's outputs.
        where: the argument, for errors.
    """
    if class_weight is None:
        return data
    if not isinstance(class_weight, Mapping):
        raise TypeError(f"{where}: expected a dict, class -> weight. Received: {class_weight!r}")
    for label, weight in class_weight.items():
        whole = isinstance(label, (int, np.integer)) and label >= 0
        if not whole or not np.isfinite(weight) or weight < 0:
            raise ValueError(
                f"{where}: expected a finite weight of 0 or more for a class. Received {label!r}: {weight!r}"
            )
    targets = jax.tree.leaves(data.y)
    if len(targets) != 1:
        raise ValueError(f"{where}: only for models with one output; give sample_weight for several")
    labels = _labels(np.asarray(targets[0]), len(outputs[0]), where)
    found = np.unique(labels)
    missing = [int(label) for label in found if label not in class_weight]
    if missing:
        raise ValueError(f"{where}: no weight for class {missing[0]}. Classes in y: {found.tolist()}")
    table = np.zeros(int(max(found.max(), *class_weight)) + 1, np.float32)
    for label, weight in class_weight.items():
        table[int(label)] = weight
    weights = table[labels]
    if data.weights is not None:
        given = np.asarray(jax.tree.leaves(data.weights)[0])
        weights = weights.reshape(weights.shape + (1,) * (given.ndim - weights.ndim))
        weights = np.asarray(spread(given, weights, "sample_weight")) * weights
    return data._replace(weights=weights)


def _labels(y: np.ndarray, axes: int, where: str) -> np.ndarray:
    """The number of the class of every row, or of every step of it, where outputs have so many axes."""
    if y.ndim == axes and y.shape[-1] > 1:
        if not np.allclose(y.sum(-1), 1, atol=1e-3):
            raise ValueError(
                f"{where}: y holds neither numbers of classes nor one-hot rows: a row may be of several classes or of "
                "none. Give sample_weight, with a weight of your own for each row"
            )
        return y.argmax(-1)
    labels = y[..., 0] if y.ndim == axes and axes > 1 else y
    if np.any(labels != np.floor(labels)) or np.any(labels < 0):
        raise ValueError(f"{where}: y holds no classes, that is whole numbers of 0 or more or one-hot rows")
    return labels.astype(np.int64)


def order_targets(y: Any, names: list[str], where: str) -> Any:
    """The targets in the order of the outputs."""
    if not isinstance(y, Mapping) or set(y) != set(names):
        if isinstance(y, Mapping) and len(names) > 1:
            raise ValueError(f"{where}: its keys are {list(y)}, the model's outputs {names}")
        return y
    return [y[name] for name in names]


def check_ids(model: Any, x: Any, where: str) -> None:
    """Let layers that look at data before it is compiled away, such as Embedding, check what enters them."""
    if model._graph is None:
        return
    given, memo = model._graph.given(x), sight(model).memo
    if "lookers" not in memo:
        memo["lookers"] = _lookers(model._graph)
    for layer, entry in memo["lookers"]:
        if hasattr(layer, "check_data"):
            layer.check_data(np.asarray(given[entry]), where)
        else:
            check_ids(layer, given[entry], where)


def _lookers(graph: Any) -> list[tuple[Any, int]]:
    """The layers that look at data, and the models that may hold such, each with the number of the entry they see."""
    numbers, found = {id(s): i for i, s in enumerate(graph.entries)}, []
    for node in graph.nodes:
        seen = [numbers[id(s)] for s in node.needs if id(s) in numbers]
        inside = len(seen) == len(node.needs) == 1 and getattr(node.layer, "_graph", None) is not None
        if seen and (inside or hasattr(node.layer, "check_data")):
            found.append((node.layer, seen[0]))
    return found


def rows_at_once(model: Any, most: int = 256) -> int:
    """How many rows to answer at once: as many as leave the largest output of a layer in the processor's caches.

    Measured: of a small convolutional network 32 rows at a time take a third of the time a row that 256 take.
    """
    memo = sight(model).memo
    if "rows" not in memo:
        memo["rows"] = _rows_at_once(model)
    return min(most, memo["rows"])


def _rows_at_once(model: Any) -> int:
    nodes = [] if model._graph is None else model._graph.nodes
    pooled = [s for node in nodes if getattr(node.layer, "largest_of_tiles", False) for s in node.needs]
    shapes = [s.shape[1:] for node in nodes for s in node.gives if not any(s is one for one in pooled)]
    largest = max((4 * math.prod(size or 1 for size in shape) for shape in shapes), default=4)
    fitting = max(16, CACHE_BYTES // largest)
    return 1 << fitting.bit_length() - 1


def even_batch(rows: int, most: int = 128) -> int:
    """A batch size for evaluation: the largest one up to `most` that leaves no short batch, if one is near.

    >>> even_batch(1000), even_batch(60), even_batch(1009)
    (125, 60, 128)
    """
    return next((size for size in range(min(rows, most), most // 2, -1) if rows % size == 0), min(rows, most))
