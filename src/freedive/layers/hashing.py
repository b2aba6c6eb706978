"""Words and whole numbers as the numbers of bins, by a hash: no vocabulary is needed, and two may share a bin."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from ..config import PositiveInt, integer
from ..core.door import HostLayer
from ..preprocessing.fingerprints import farmhash64, siphash
from .categories import Dense, OutputMode, as_vectors, vectors_shape


def salts(value: Any) -> tuple[int, int] | None:
    """A key of two numbers, or one for both."""
    if value is None:
        return None
    found = tuple(integer(v) for v in value) if isinstance(value, (list, tuple)) else (integer(value),) * 2
    if len(found) != 2 or not all(0 <= v < 2**64 for v in found):
        raise ValueError("expected a whole number, or two, from 0 to 2**64 - 1")
    return found


def place_of(value: str, bins: int, salt: tuple[int, int] | None = None) -> int:
    """Which of so many bins a text is in.

    >>> place_of("deep", 10)
    7
    """
    data = value.encode("utf-8", "surrogatepass")
    return (farmhash64(data) if salt is None else siphash(data, salt)) % bins


class Hashing(HostLayer):
    """Words or whole numbers as numbers of bins, 0 to num_bins - 1, the same in every run; Keras' numbers.

    Args:
        num_bins: how many there are.
        mask_value: gets bin 0, and nothing else does.
        salt: another number gives other bins: SipHash with this key instead of FarmHash.
        output_mode: "int", "one_hot", "multi_hot", "count".
        sparse: False; nothing here is sparse.

    Works on the host: by itself, or first in a `Sequential` or functional model.

    >>> import freedive as fd
    >>> fd.layers.Hashing(3)([["A"], ["B"], ["C"], ["D"], ["E"]]).ravel().tolist()
    [1, 0, 1, 1, 2]
    """

    num_bins: PositiveInt
    mask_value: Any = None
    salt: Annotated[Any, salts] = None
    output_mode: OutputMode = "int"
    sparse: Dense = False

    def on_host(self, x: np.ndarray) -> np.ndarray:
        if x.dtype.kind == "f":
            raise self.error("expected texts or whole numbers. Received fractions")
        masked = self.mask_value is not None
        bins = max(1, self.num_bins - masked)
        known: dict[Any, int] = {self.mask_value: 0} if masked else {}
        for value in set(x.ravel().tolist()) - known.keys():
            known[value] = place_of(str(value), bins, self.salt) + (masked and self.num_bins > 1)
        ids = np.array([known[value] for value in x.ravel().tolist()], np.int64).reshape(x.shape)
        return ids if self.output_mode == "int" else as_vectors(ids, self.num_bins, self.output_mode, numpy=np)

    def gives_for(self, shape: Any) -> Any:
        if self.output_mode == "int":
            return shape, "int32"
        return vectors_shape(shape, self.num_bins, self.output_mode), "float32"
