"""Picture files that are decoded when they are needed, for folders larger than memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ...data.errors import DataFileError
from ...train.order import shuffled

NAMED = 10  # files that cannot be read are named in a message up to so many
SKIP = ", or pass on_bad='skip' (--set on_bad=skip)"  # the cure of tasks that can do without some of their files
AT_ONCE = 256  # files that are decoded together where no batch size is given


class UnreadableFilesError(DataFileError):
    """Some files cannot be read.

    Args:
        errors: what is wrong, by row.
        rows: how many files there are.
        cure: what else can be done than mend or remove them.
        decode: what could not read them.

    Attributes:
        causes: what is wrong, by row.
    """

    def __init__(self, errors: dict[int, DataFileError], rows: int, cure: str, decode: Callable[[Any], Any]):
        first = next(iter(errors.values()))
        told = [str(error) for error in list(errors.values())[:NAMED]]
        more = [f"... and {len(errors) - NAMED} more"] if len(errors) > NAMED else []
        listed = "\n  ".join([*told, *more])
        detail = f"{len(errors)} of {rows} files cannot be read; mend or remove them{cure}:\n  {listed}"
        super().__init__(first.path, detail)
        self.causes, self.cure, self.decode = errors, cure, decode

    def __str__(self) -> str:
        return self.detail


@contextlib.contextmanager
def told_together(*parts: Sequence[Any]) -> Iterator[None]:
    """Let an error about files of one of these parts name and count those of all of them."""
    try:
        yield
    except UnreadableFilesError as error:
        check(sorted(item for part in parts for item in part), error.decode, error.cure)
        raise  # they can be read by now


def decoded(decode: Callable[[Any], Any], items: Any) -> list[Any]:
    """What threads make of some items, in their order.

    Raises:
        UnreadableFilesError: names the files that cannot be read.
    """
    found = attempted(decode, items)
    refuse(found, decode)
    return found


def check(items: Sequence[Any], decode: Callable[[Any], Any], cure: str = "") -> None:
    """Decode every item once, and keep nothing; raises what `decoded` does, with a `cure`."""
    parts = [items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE)]
    refuse([wrong(item) for part in parts for item in attempted(decode, part)], decode, cure)


def attempted(decode: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """What threads make of some items; in the place of what cannot be read stands what is wrong with it."""

    def tried(item: Any) -> Any:
        try:
            return decode(item)
        except DataFileError as error:
            return error
        except FileNotFoundError:
            return DataFileError(item, "there is no such file")

    with ThreadPoolExecutor() as pool:  # decoding leaves Python's lock
        return list(pool.map(tried, items))


def wrong(item: Any) -> DataFileError | None:
    """What is wrong with an item that was attempted, if anything is."""
    return item if isinstance(item, DataFileError) else None


def refuse(found: Sequence[Any], decode: Callable[[Any], Any], cure: str = "") -> None:
    """Raise what is wrong with items that were attempted."""
    errors = {place: error for place, item in enumerate(found) if (error := wrong(item))}
    if errors:
        raise UnreadableFilesError(errors, len(found), cure, decode)


class Decoded:
    """Pictures that look like an array (rows, height, width, channels), and are decoded batch by batch.

    Args:
        decode: one item to uint8 (height, width, channels).
        items: files.
        shape: of a picture.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, decode: Callable[[Any], np.ndarray], items: Sequence[Any], shape: tuple[int, ...]):
        self.decode, self.items, self.shape = decode, items, (len(items), *shape)

    def __len__(self) -> int:
        return len(self.items)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.rows(range(len(self))).astype(dtype or self.dtype, copy=False)

    def rows(self, places: Sequence[int]) -> np.ndarray:
        """Some of the pictures."""
        return np.stack(decoded(self.decode, [self.items[place] for place in places]))

    def check(self) -> None:
        """Decode every file once; raises `UnreadableFilesError`."""
        check(self.items, self.decode)

    def batches(self, size: int = AT_ONCE) -> Iterator[tuple[np.ndarray]]:
        """All pictures in their order, as `Model.predict` takes them."""
        for start in range(0, len(self), size):
            yield (self.rows(range(start, min(start + size, len(self)))),)


class ShuffledBatches:
    """Batches (x, y, weights) of an epoch, in the order in which a run takes the rows of arrays.

    Args:
        x: the pictures.
        y: (rows,) or (rows, classes).
        weights: (rows,), or None.
        size: rows of a batch; the last one may be short.
        seed: of the order, the run's.
    """

    def __init__(self, x: Decoded, y: np.ndarray, weights: np.ndarray | None, size: int, seed: int):
        self.x, self.y, self.weights, self.size, self.seed = x, y, weights, min(size, len(x)), seed

    def __call__(self, epoch: int) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(self.x), self.size):
            places = np.arange(start, min(start + self.size, len(self.x)))
            rows = shuffled(places, len(self.x), self.seed, epoch)
            batch = self.x.rows(rows.tolist()), self.y[rows]
            yield batch if self.weights is None else (*batch, self.weights[rows])
