"""A base for data sets that are read batch by batch, by Keras' name."""

from __future__ import annotations

from typing import Any


class PyDataset:
    """Batches by number: subclass it, write `__len__` and `__getitem__`, and hand it to `fit`, `evaluate` or `predict`.

    A background thread reads ahead; nothing is copied to other processes, so open files and locks are fine.

    >>> import numpy as np
    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, batch):
    ...         x = np.arange(4.0)[:, None] + 4 * batch
    ...         return x, x**2
    >>> len(Squares()), Squares()[1][0].shape
    (3, (4, 1))
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10):
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    def __len__(self) -> int:
        """The number of batches of an epoch."""
        raise NotImplementedError(f"{type(self).__name__} needs a method __len__(self): the batches of an epoch")

    def __getitem__(self, batch: int) -> Any:
        """One batch: (x, y) or (x, y, sample_weight)."""
        raise NotImplementedError(f"{type(self).__name__} needs a method __getitem__(self, batch)")

    def on_epoch_end(self) -> None:
        """After every epoch; for orders of one's own."""


Sequence = PyDataset
