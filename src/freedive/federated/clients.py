"""Clients: rows that belong to many owners, and ways to deal out a data set to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import numpy as np

from ..config import argument, finite, integer, positive, real
from ..models.data import read
from ..models.predicting import check_counts
from ..train.inputs import arrays_of, check_rows

WAYS = ("iid", "dirichlet")


class Clients:
    """The rows of all clients, one client's after the other's.

    Args:
        x, y: trees of arrays with equal first sizes.
        sizes: how many of the rows each client has, in order.

    Raises:
        ValueError: a client without data.

    >>> clients = Clients(np.zeros((5, 2)), np.arange(5), [2, 3])
    >>> len(clients), clients[1][1].tolist()
    (2, [2, 3, 4])
    """

    def __init__(self, x: Any, y: Any, sizes: Sequence[int]):
        self.x, self.y, self.sizes = x, y, np.asarray(sizes, np.int64)
        for i in np.flatnonzero(self.sizes < 1):
            raise ValueError(f"clients: client {i} has no data. Leave it out, or give it rows")
        self.offsets = np.cumsum(self.sizes) - self.sizes

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, i: int) -> tuple[Any, Any]:
        if not -len(self) <= i < len(self):
            raise IndexError(f"client {i} of {len(self)}")
        start, size = self.offsets[i], self.sizes[i]
        return jax.tree.map(lambda a: a[start : start + size], (self.x, self.y))

    def __repr__(self) -> str:
        return f"Clients({len(self)} with {self.sizes.min()} to {self.sizes.max()} rows, {self.sizes.sum()} together)"


def partition(x: Any, y: Any, clients: int, by: str = "iid", alpha: float = 0.5, seed: int = 0) -> Clients:
    """Deal out rows to clients.

    "iid": at random, in parts whose sizes differ by one row at most. "dirichlet": each class is cut into shares that
    are drawn from Dirichlet(alpha, ..., alpha), so that the smaller alpha is, the fewer classes a client has, and the
    more unequal the clients are; every client gets one row at least.

    Args:
        x, y: arrays, or trees of arrays, with equal first sizes; y one array of labels for "dirichlet".
        clients: how many.
        by: "iid" or "dirichlet".
        alpha: above 0.
        seed: of the draws.

    Returns:
        `Clients`, for `simulate`; `clients[3]` is (x, y) of one.

    Raises:
        ValueError: more clients than rows.

    Reference: T. Hsu et al., "Measuring the effects of non-identical data distribution for federated visual
    classification", 2019, https://arxiv.org/abs/1909.06335

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.federated.partition(np.zeros((10, 2)), np.arange(10) % 2, clients=4)
    Clients(4 with 2 to 3 rows, 10 together)
    """
    x, y, _ = read(x, y, None, "partition")
    rows = len(jax.tree.leaves(x)[0])
    if by not in WAYS:
        raise ValueError(f"partition(by={by!r}): expected one of {', '.join(map(repr, WAYS))}")
    if not 1 <= argument("partition", "clients", clients, integer) <= rows:
        raise ValueError(f"partition(clients={clients}): {rows} rows are enough for 1 to {rows} clients")
    argument("partition", "alpha", alpha, real, positive, finite)
    check_counts("partition", {"seed": seed}, least=0, required=True)
    if by == "dirichlet":
        check_classes(y)
    rng = np.random.default_rng([seed, clients])
    order = rng.permutation(rows)
    parts = np.array_split(order, clients) if by == "iid" else _by_dirichlet(order, y, clients, alpha, rng)
    chosen = np.concatenate(parts)
    x, y = jax.tree.map(lambda a: np.asarray(a)[chosen], (x, y))
    return Clients(x, y, [len(part) for part in parts])


def check_classes(y: Any) -> None:
    """Whole numbers, or a one for the class and zeros."""
    arrays = [np.asarray(labels) for labels in jax.tree.leaves(y)]
    if len(arrays) != 1 or not _are_classes(*arrays):
        raise ValueError("partition(by='dirichlet'): deals out by classes, so y must be one array of labels")


def _are_classes(labels: np.ndarray) -> bool:
    if labels.ndim > 2 or (labels.dtype.kind == "f" and not np.array_equal(labels, np.round(labels))):
        return False
    return labels.ndim < 2 or labels.shape[1] == 1 or bool((labels.sum(1) == 1).all())


def _by_dirichlet(order: np.ndarray, y: Any, clients: int, alpha: float, rng: Any) -> list[np.ndarray]:
    labels = np.asarray(y)
    labels = labels.argmax(-1) if labels.ndim > 1 and labels.shape[-1] > 1 else labels.reshape(len(labels))
    parts: list[list[np.ndarray]] = [[] for _ in range(clients)]
    for label in np.unique(labels):
        own = order[labels[order] == label]
        cuts = np.round(np.cumsum(rng.dirichlet(np.full(clients, alpha)))[:-1] * len(own)).astype(int)
        for part, rows in zip(parts, np.split(own, cuts), strict=True):
            part.append(rows)
    whole = [np.concatenate(part) for part in parts]
    for i in [i for i, part in enumerate(whole) if not len(part)]:
        largest = max(range(clients), key=lambda j: len(whole[j]))
        whole[i], whole[largest] = whole[largest][-1:], whole[largest][:-1]
    return whole


def as_clients(given: Clients | Iterable[tuple[Any, Any]]) -> Clients:
    """Clients from what was given: such, or a list of (x, y), one a client."""
    if isinstance(given, Clients):
        return given
    pairs = list(given) if isinstance(given, Iterable) else []
    if not pairs or any(not isinstance(pair, (tuple, list)) or len(pair) != 2 for pair in pairs):
        raise ValueError("clients: expected what `partition` gives, or a list of (x, y), one a client")
    found = [arrays_of(tuple(pair), f"clients[{i}]") for i, pair in enumerate(pairs)]
    sizes = [len(jax.tree.leaves(x)[0]) for x, _ in found]
    Clients(None, None, sizes)  # before rows are put together: a client without data
    for i, pair in enumerate(found):
        x, y = pair
        check_rows(x, y, None, f"clients[{i}]")
        check_alike(found[0], pair, i)
    x, y = jax.tree.map(lambda *parts: np.concatenate([np.asarray(part) for part in parts]), *found)
    return Clients(x, y, sizes)


def check_alike(first: Any, other: Any, i: int) -> None:
    """Refuse a client whose rows are shaped otherwise than those of the first."""
    shapes = [jax.tree.map(lambda a: a.shape[1:], pair) for pair in (first, other)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"clients: the rows of client {i} have the shapes {shapes[1]}, those of client 0 {shapes[0]}")
