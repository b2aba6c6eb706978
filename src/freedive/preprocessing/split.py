"""Splitting data into parts for training, validating and testing: the same parts every time, classes in proportion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

Size = int | float


def train_test_split(
    *arrays: Any,
    test_size: Size = 0.25,
    shuffle: bool = True,
    stratify: Any = None,
    groups: Any = None,
    seed: int = 0,
) -> list[Any]:
    """Split arrays, lists or tables of equal length into a part to train with and one to test with.

    Args:
        *arrays: arrays, lists, data frames and columns of pandas, polars and pyarrow, `Table`s, or dicts of them; the
            parts are of the same kind.
        test_size: a fraction of the rows, or their number.
        shuffle: draw the parts at random; else the last rows are for testing, as time series ask for.
        stratify: labels (n,); every part then holds each class in proportion.
        groups: (n,), whose each row is: a speaker, a patient. Rows of one group all go to the same part, in the order
            that they had, and the sizes are of groups; a group is of the class of its first row.
        seed: another one gives another split, the same one the same.

    Returns:
        [a_train, a_test, b_train, b_test, ...]

    >>> x_train, x_test, y_train, y_test = train_test_split([1, 2, 3, 4], "abcd", test_size=1, shuffle=False)
    >>> x_train, x_test, y_test
    ([1, 2, 3], [4], ['d'])
    """
    return _split(arrays, {"test_size": test_size}, shuffle, stratify, groups, seed)


def train_validation_test_split(
    *arrays: Any,
    validation_size: Size = 0.15,
    test_size: Size = 0.15,
    shuffle: bool = True,
    stratify: Any = None,
    groups: Any = None,
    seed: int = 0,
) -> list[Any]:
    """Split into three parts; as `train_test_split`.

    Returns:
        [a_train, a_validation, a_test, b_train, ...]

    >>> [len(part) for part in train_validation_test_split(range(100))]
    [70, 15, 15]
    """
    return _split(arrays, {"validation_size": validation_size, "test_size": test_size}, shuffle, stratify, groups, seed)


def split_indices(
    count: int,
    sizes: Mapping[str, Size],
    shuffle: bool = True,
    stratify: Any = None,
    groups: Any = None,
    seed: int = 0,
) -> list[np.ndarray]:
    """The rows of each part: those that `sizes` leaves over first, then one part for each size.

    Args:
        count: the number of rows.
        sizes: name (for errors) -> fraction or number of rows.
        shuffle, stratify, groups, seed: as for `train_test_split`.

    >>> split_indices(5, {"test_size": 2}, shuffle=False)
    [array([0, 1, 2]), array([3, 4])]
    """
    if groups is not None:
        return _grouped(count, sizes, shuffle, stratify, groups, seed)
    numbers = _numbers(count, sizes)
    order = np.random.default_rng(seed).permutation(count) if shuffle else np.arange(count)
    if stratify is None:
        return np.split(order, np.cumsum(numbers)[:-1])
    return _stratified(order, one_label_a_row(stratify, count), numbers)


def _grouped(
    count: int, sizes: Mapping[str, Size], shuffle: bool, stratify: Any, groups: Any, seed: int
) -> list[np.ndarray]:
    """Parts of whole groups."""
    if len(groups) != count:
        raise ValueError(f"groups: expected one a row, {count:,}. Received: {len(groups):,}")
    names, places = distinct(one_a_row(groups), "groups")
    if len(names) <= len(sizes):
        raise ValueError(f"groups: {len(sizes) + 1} parts need as many groups. Received: {names.tolist()}")
    if stratify is not None:
        stratify = one_label_a_row(stratify, count)[np.unique(places, return_index=True)[1]]
    parts = split_indices(len(names), sizes, shuffle, stratify, seed=seed)
    return [np.flatnonzero(np.isin(places, part)) for part in parts]


def distinct(labels: np.ndarray, where: str) -> tuple[np.ndarray, np.ndarray]:
    """The labels, each once, in order, and the place among them of every row."""
    try:
        return np.unique(labels, return_inverse=True)
    except TypeError:
        kinds = ", ".join(sorted({type(label).__name__ for label in labels.tolist()}))
        raise TypeError(f"{where}: expected labels of one kind, none of them missing. Received: {kinds}") from None


def one_label_a_row(labels: Any, count: int) -> np.ndarray:
    """Labels (n,), or an error."""
    labels = np.asarray(labels)
    if labels.shape != (count,):
        raise ValueError(f"stratify: expected one label a row, shape ({count},). Received: {labels.shape}")
    return labels


def one_a_row(groups: Any) -> np.ndarray:
    """Groups as an array; texts as objects, for an array of texts is as wide as the longest of them."""
    texts = isinstance(groups, (list, tuple)) and all(isinstance(group, str) for group in groups)
    return np.array(groups, object) if texts else np.asarray(groups)


def strata(labels: Any, size: float, groups: Any = None, least: int = 1) -> Any:
    """Labels (n,) to stratify by, where they are classes that all have rows (or groups) enough; else None.

    Args:
        labels: of the rows.
        size: the fraction of the smaller part.
        groups: as for `train_test_split`.
        least: how many rows of a class that part has at least, on average.
    """
    labels = np.asarray(labels)
    firsts = labels if groups is None else labels[np.unique(one_a_row(groups), return_index=True)[1]]
    counts = np.unique(firsts, return_counts=True)[1]
    enough = labels.dtype.kind not in "fc" and counts.min() >= 2 and len(firsts) * size >= least * len(counts)
    return labels if enough else None


def twins(rows: Iterable[Hashable], labels: Any = None) -> np.ndarray | None:
    """Groups (n,) of rows that are the same, to be parted together; None where each is another.

    Where labels are given and all rows of a class are the same, each is for itself: a part would be without the class.

    >>> twins(["a", "b", "a"]).tolist(), twins(["a", "b"])
    ([0, 1, 0], None)
    >>> twins(["a", "a", "b", "b", "c"], [0, 0, 1, 1, 1]).tolist()
    [5, 6, 1, 1, 2]
    """
    numbers: dict[Hashable, int] = {}
    groups = np.array([numbers.setdefault(row, len(numbers)) for row in rows])
    if len(numbers) == len(groups):
        return None
    if labels is None:
        return groups
    firsts = np.unique(groups, return_index=True)[1]
    several = Counter(labels[first] for first in firsts)
    alone = np.array([several[label] < 2 for label in labels])
    return np.where(alone, len(groups) + np.arange(len(groups)), groups)


def _numbers(count: int, sizes: Mapping[str, Size]) -> list[int]:
    """Rows of the first part and of the others."""
    numbers = []
    for name, size in sizes.items():
        whole = isinstance(size, (int, np.integer)) and not isinstance(size, bool)
        if not (whole or isinstance(size, (float, np.floating))) or not 0 < size < (count if whole else 1):
            raise ValueError(
                f"{name}={size!r}: expected a fraction between 0 and 1, or a number of rows from 1 to {count - 1}"
            )
        numbers.append(int(size) if whole else round(size * count))
    numbers.insert(0, count - sum(numbers))
    if min(numbers) < 1:
        asked = ", ".join(f"{name}={size}" for name, size in sizes.items())
        raise ValueError(f"{asked} of {count} rows leaves a part without rows: the parts would have {numbers}")
    return numbers


def _stratified(order: np.ndarray, labels: np.ndarray, numbers: list[int]) -> list[np.ndarray]:
    """Parts of the given numbers of rows in which every class has its share, to within one row."""
    classes, places = distinct(labels, "stratify")
    counts = np.bincount(places)
    if counts.min() < len(numbers):
        rare = classes[counts.argmin()]
        raise ValueError(
            f"stratify: class {rare!r} has {counts.min()} rows, too few for {len(numbers)} parts. "
            "Leave it out, or pass stratify=None"
        )
    queues = [order[places[order] == place] for place in range(len(classes))]  # rows of each class, in order
    parts = []
    for number in reversed(numbers[1:]):  # from the last part, so that without shuffling the last rows go there
        taken = _shares(np.array([len(queue) for queue in queues]), number)
        parts.append(np.concatenate([queue[len(queue) - n :] for queue, n in zip(queues, taken, strict=True)]))
        queues = [queue[: len(queue) - n] for queue, n in zip(queues, taken, strict=True)]
    parts.append(np.concatenate(queues))
    rank = np.argsort(order)  # the place of every row in the order
    return [part[np.argsort(rank[part])] for part in reversed(parts)]


def _shares(available: np.ndarray, number: int) -> np.ndarray:
    """How many of each class make `number` rows, by largest remainders."""
    exact = available * number / available.sum()
    shares = np.floor(exact).astype(int)
    most = np.argsort(-(exact - shares), kind="stable")[: number - shares.sum()]
    shares[most] += 1
    return shares


def _split(
    arrays: Sequence[Any], sizes: Mapping[str, Size], shuffle: bool, stratify: Any, groups: Any, seed: int
) -> list[Any]:
    if not arrays:
        raise TypeError("nothing to split: expected one or more arrays")
    counts = [_length(array) for array in arrays]
    if len(set(counts)) != 1:
        raise ValueError(f"arrays to split must have equal lengths. Received: {counts}")
    parts = split_indices(counts[0], sizes, shuffle, stratify, groups, seed)
    return [rows_of(array, part) for array in arrays for part in parts]


def _length(array: Any) -> int:
    if isinstance(array, Mapping):
        lengths = {name: _length(column) for name, column in array.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"columns of a dict must have equal lengths. Received: {lengths}")
        return next(iter(lengths.values()))
    return len(array)


def rows_of(array: Any, rows: np.ndarray) -> Any:
    """Some rows of whatever holds rows."""
    if isinstance(array, np.ndarray):
        return array[rows]
    if isinstance(array, Mapping):
        return {name: rows_of(column, rows) for name, column in array.items()}
    if hasattr(array, "iloc"):  # a data frame
        return array.iloc[rows]
    if hasattr(array, "kinds"):  # a Table
        return array.take(rows)
    library = type(array).__module__.partition(".")[0]
    if library == "polars":
        return array[rows]
    if library == "pyarrow":
        return array.take(rows)
    if isinstance(array, Sequence):
        return [array[row] for row in rows]
    return np.asarray(array)[rows]
