"""Numbers of categories as vectors, and amounts as categories."""

from __future__ import annotations

import itertools
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ..config import PositiveInt, finite, one_of, real
from ..core.layer import Layer
from ..errors import BadRowsError, show_shape
from ..numerics import widen

OutputMode = Annotated[str, one_of("int", "one_hot", "multi_hot", "count")]
Dense = Annotated[bool, one_of(False)]  # nothing here gives sparse arrays


def vectors_shape(shape: tuple[int | None, ...], size: int, mode: str) -> tuple[int | None, ...]:
    """The shape of ids of a shape as vectors of `size`; the first axis is the batch, and never of the ids of a row.

    >>> vectors_shape((8,), 4, "count"), vectors_shape((8, 3), 4, "count"), vectors_shape((8, 3), 4, "one_hot")
    ((8, 4), (8, 4), (8, 3, 4))
    """
    return (*(shape if _apart(shape, mode) else shape[:-1]), size)


def _apart(shape: tuple[int | None, ...], mode: str) -> bool:
    """Whether each id is a vector of its own, and not all of the last axis together."""
    return len(shape) < 2 or (mode == "one_hot" and shape[-1] != 1)


def as_vectors(ids: Any, size: int, mode: str, weights: Any = None, numpy: Any = jnp) -> Any:
    """Ids as vectors of `size`: "one_hot" each, or "multi_hot" and "count" those of a row together.

    Args:
        ids: (batch, ..., ids), or (batch,), one a row; see `vectors_shape`.
        size: of a vector; other ids count nowhere.
        mode: "one_hot", "multi_hot", "count", or "tf_idf" (count times weight).
        weights: (size,), for "tf_idf".
        numpy: or jax.numpy.
    """
    if _apart(ids.shape, mode):
        ids = ids[..., None]
    hits = ids[..., None] == numpy.arange(size)  # (..., ids, size)
    found = hits.any(axis=-2) if mode in ("one_hot", "multi_hot") else hits.sum(axis=-2)
    found = found.astype(np.float32)
    return found if weights is None else found * numpy.asarray(weights, np.float32)


class CategoryEncoding(Layer):
    """Ids as vectors: one-hot, all of a row together, or how often each occurs.

    Args:
        num_tokens: how many ids there are; ids are 0 to num_tokens - 1, others are an error.
        output_mode: "multi_hot", "one_hot", "count".
        sparse: False; nothing here is sparse.

    Call arguments:
        inputs: (batch, ids) whole numbers, or (batch,), one a row.
        count_weights: shaped as inputs, how much each counts, for "count".

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.CategoryEncoding(4, "count")(np.array([[0, 1, 1]])).tolist()
    [[1.0, 2.0, 0.0, 0.0]]
    """

    autocast: ClassVar[bool] = False

    num_tokens: PositiveInt
    output_mode: Annotated[str, one_of("multi_hot", "one_hot", "count")] = "multi_hot"
    sparse: Dense = False

    def call(self, ids: Any, count_weights: Any = None) -> Any:  # (batch, ids) -> (batch, num_tokens)
        self.flag(self._unknown(ids, jnp))
        if count_weights is None:
            return as_vectors(ids, self.num_tokens, self.output_mode)
        if self.output_mode != "count":
            raise self.error(f"count_weights go with output_mode='count', not {self.output_mode!r}")
        hits = jax.nn.one_hot(ids, self.num_tokens) * jnp.asarray(count_weights, jnp.float32)[..., None]
        return hits if _apart(ids.shape, "count") else hits.sum(axis=-2)

    def check_data(self, ids: np.ndarray, where: str) -> None:
        """Refuse ids that there are not, before anything is compiled."""
        wrong = self._unknown(ids, np)
        if wrong.any():
            at = tuple(np.argwhere(wrong)[0])
            shown = show_shape(map(int, at))
            raise BadRowsError(f"{where}: id {ids[at]} at index {shown}; expected {self.flagged()[4:]}", wrong)

    def flagged(self) -> str:
        return f"not whole numbers in 0..{self.num_tokens - 1} (CategoryEncoding(num_tokens={self.num_tokens}))"

    def _unknown(self, ids: Any, numpy: Any) -> Any:
        return (ids < 0) | (ids >= self.num_tokens) | (ids != numpy.floor(ids))


def boundaries(value: Any) -> tuple[float, ...]:
    """Finite numbers in growing order."""
    found = tuple(finite(real(v)) for v in np.asarray(value, np.float64).tolist())
    if any(a > b for a, b in itertools.pairwise(found)):
        raise ValueError("expected numbers in growing order")
    return found


class Discretization(Layer):
    """Amounts as the numbers of their bins: bin i holds b[i - 1] <= x < b[i].

    Args:
        bin_boundaries: b; bins below the first and from the last on come on top.
        num_bins: instead: `adapt(data)` finds boundaries between which equally many values lie.
        epsilon: accepted for Keras' sake; quantiles are exact here.
        output_mode: "int", "one_hot", "multi_hot", "count".
        sparse: False; nothing here is sparse.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Discretization([0.0, 1.0, 2.0])(np.array([[-1.5, 1.0, 3.4, 0.5]])).tolist()
    [[0, 2, 3, 1]]
    """

    autocast: ClassVar[bool] = False  # rounded amounts would be in other bins

    bin_boundaries: Annotated[Any, boundaries] | None = None
    num_bins: PositiveInt | None = None
    epsilon: float = 0.01
    output_mode: OutputMode = "int"
    sparse: Dense = False

    def __post_init__(self):
        super().__post_init__()
        if (self.bin_boundaries is None) and self.num_bins is None:
            raise ValueError("Discretization needs bin_boundaries=[...], or num_bins=... and then adapt(data)")

    def adapt(self, data: Any) -> None:
        """Find the boundaries: quantiles of the data."""
        values = np.asarray(data, np.float64).ravel()
        if self.num_bins is None:
            raise ValueError("Discretization.adapt needs num_bins=...; the boundaries were given")
        if not values.size or not np.isfinite(values).all():
            raise ValueError("Discretization.adapt(data): expected finite numbers, one at least")
        self.bin_boundaries = boundaries(np.quantile(values, np.arange(1, self.num_bins) / self.num_bins))

    def call(self, x: Any) -> Any:  # (...) -> (...)
        if self.bin_boundaries is None:
            raise self.error("has no boundaries yet: call adapt(data) first")
        self.flag(jnp.isnan(x))
        wide = widen(x)
        bins = jnp.searchsorted(jnp.asarray(self.bin_boundaries, wide.dtype), wide, side="right").astype(jnp.int32)
        return bins if self.output_mode == "int" else as_vectors(bins, len(self.bin_boundaries) + 1, self.output_mode)

    def flagged(self) -> str:
        return "NaN, which is in no bin"
