"""Batches of sequences of about one length: little is padding, and few shapes are compiled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

SHARES = (0.25, 0.5, 0.75, 0.95, 1.0)  # of the rows that are no longer than each of the lengths
MULTIPLE = 4  # of every length


class LengthBatches:
    """Epoch -> batches of pairs of sequences: ([source, target without its end], target without its start).

    Rows go by the longer of their two sequences into buckets, each padded to one length; a batch is of one bucket and
    holds about as many tokens as any other. Every epoch has an order of its own; what a bucket has left over of its
    last batch waits for another epoch.

    Args:
        sources, targets: (rows, time), padded with 0 at the end; targets with start and end.
        batch_size: rows of a batch of the mean length.
        seed: of the order.

    >>> sources, targets = np.ones((10, 3), int), np.ones((10, 5), int)
    >>> [(x.shape, y.shape) for (x, _), y in LengthBatches(sources, targets, 4)(0)]
    [((4, 4), (4, 4)), ((4, 4), (4, 4))]
    """

    def __init__(self, sources: np.ndarray, targets: np.ndarray, batch_size: int, seed: int = 0):
        self.sources, self.targets, self.seed = np.asarray(sources), np.asarray(targets), seed
        longer = longer_of(self.sources, self.targets)
        self.lengths, self.nearly_all = bucket_lengths(longer), bucket_lengths(longer, SHARES[-2:-1])[0]
        place = np.searchsorted(self.lengths, longer)
        mean = float(np.mean([self.lengths[p] for p in place]))
        self.rows = [np.flatnonzero(place == p) for p in range(len(self.lengths))]
        self.sizes = [
            max(1, min(round(batch_size * mean / length), len(rows)))
            for length, rows in zip(self.lengths, self.rows, strict=True)
        ]

    def __len__(self) -> int:
        """Batches an epoch."""
        return sum(len(rows) // size for rows, size in zip(self.rows, self.sizes, strict=True))

    def __call__(self, epoch: int) -> Iterator[tuple[list[Any], Any]]:
        random = np.random.default_rng((self.seed, epoch))
        batches = [
            (place, part)
            for place, (rows, size) in enumerate(zip(self.rows, self.sizes, strict=True))
            for part in _parts(random.permutation(rows), size)
        ]
        for at in random.permutation(len(batches)):
            place, rows = batches[at]
            yield cut(self.sources[rows], self.targets[rows], self.lengths[place])

    def usual(self, sources: np.ndarray, targets: np.ndarray) -> tuple[list[Any], Any]:
        """Other rows as one array, without the few that are longer than nearly all that are learned from.

        All would be padded to their length, and most of what is computed would be padding.

        >>> others = np.tri(9, 40, 2, int)  # of 3 to 11 words
        >>> LengthBatches(others[:6], others[:6], 4).usual(others, others)[1].shape
        (6, 8)
        """
        longer = longer_of(sources, targets)
        length = max(self.nearly_all, int(longer.min()))
        rows = longer <= length
        return cut(sources[rows], targets[rows], length)


def longer_of(sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The length of the longer of the two, of every pair: of a target without its start."""
    return np.maximum((sources != 0).sum(1), (targets != 0).sum(1) - 1)


def cut(sources: np.ndarray, targets: np.ndarray, length: int) -> tuple[list[Any], Any]:
    """Pairs as a network that reads and writes takes them, padded or cut to a length."""
    return told_and_asked(fitted(sources, length), fitted(targets, length + 1))


def told_and_asked(sources: np.ndarray, targets: np.ndarray) -> tuple[list[Any], Any]:
    """([source, target without its end], target without its start): what comes in, and what is to come out.

    >>> told_and_asked(np.array([[7, 8]]), np.array([[2, 9, 3, 0]]))[1].tolist()
    [[9, 3, 0]]
    """
    said, asked = targets[:, :-1], targets[:, 1:]
    return [sources, np.where(asked != 0, said, 0)], asked  # nothing is asked after the end


def bucket_lengths(lengths: np.ndarray, shares: Sequence[float] = SHARES) -> list[int]:
    """The few lengths that sequences of these lengths are padded to: each holds a share of them.

    >>> bucket_lengths(np.array([3, 3, 5, 6, 9, 30]))
    [8, 12, 32]
    """
    bounds = np.quantile(lengths, shares, method="higher")
    return sorted({int(-(-max(bound, 1) // MULTIPLE) * MULTIPLE) for bound in bounds})


def fitted(rows: np.ndarray, length: int) -> np.ndarray:
    """Rows of exactly this length, filled up with 0 or cut.

    >>> fitted(np.array([[1, 2, 3]]), 2).tolist(), fitted(np.array([[1]]), 2).tolist()
    ([[1, 2]], [[1, 0]])
    """
    return np.pad(rows[:, :length], ((0, 0), (0, max(0, length - rows.shape[1]))))


def _parts(rows: np.ndarray, size: int) -> list[np.ndarray]:
    """Whole batches of rows."""
    return [rows[at : at + size] for at in range(0, len(rows) - size + 1, size)]
