"""Numbers of things as vectors, and which steps of a sequence count."""

from __future__ import annotations

from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from ..config import PositiveFloat, PositiveInt
from ..constraints import ConstraintLike
from ..core.layer import Layer
from ..errors import BadRowsError
from ..initializers import InitializerLike
from ..regularizers import RegularizerLike


class Embedding(Layer):
    """A table with one vector for every id: y = E[id].

    Args:
        input_dim: how many ids there are; ids are 0 to input_dim - 1.
        output_dim: the length of the vectors.
        mask_zero: whether 0 is padding: the layers after it leave those steps out.

    Weights: embeddings E (input_dim, output_dim).

    Input: (...) whole numbers, of an integer or a floating type. Output: (..., output_dim).

    An id that the table does not have (too large, negative or not whole) is an error, found before a run or flagged by
    it; where it is let in, it gives a vector of NaN and changes no row of the table.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Embedding(1000, 64)(np.array([[4, 20, 0]])).shape
    (1, 3, 64)
    """

    input_dim: PositiveInt
    output_dim: PositiveInt
    embeddings_initializer: InitializerLike = "uniform"
    embeddings_regularizer: RegularizerLike = None
    embeddings_constraint: ConstraintLike = None
    mask_zero: bool = False
    autocast: ClassVar[bool] = False  # ids in half precision would be other ids

    def call(self, ids: Any) -> Any:  # (...) -> (..., output_dim)
        rule = self.embeddings_initializer, "embeddings_regularizer", self.embeddings_constraint
        table = self.param("embeddings", (self.input_dim, self.output_dim), *rule)
        known = (
            (ids >= 0)
            & (ids < self.input_dim)
            & (ids == jnp.floor(ids) if jnp.issubdtype(ids.dtype, jnp.floating) else True)
        )
        self.flag(~known)
        rows = jnp.where(known, ids, self.input_dim).astype(jnp.int32)
        return jnp.take(table, rows, axis=0, mode="fill")

    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        return inputs != 0 if self.mask_zero else None

    def check_data(self, ids: np.ndarray, where: str) -> None:
        """Refuse ids that the table does not have; the engine asks once, before anything is compiled."""
        wrong = (ids < 0) | (ids >= self.input_dim) | (ids != np.floor(ids) if ids.dtype.kind == "f" else False)
        if np.any(wrong):
            at = np.argwhere(wrong)[0]
            place = ", ".join(map(str, at))
            raise BadRowsError(
                f"{where}: id {ids[tuple(at)]} at index ({place}) is no whole number in 0..{self.input_dim - 1}, "
                f"the ids of {self.name or 'embedding'} (Embedding(input_dim={self.input_dim}))",
                wrong,
            )

    def flagged(self) -> str:
        return f"ids that are no whole numbers in 0..{self.input_dim - 1} (Embedding(input_dim={self.input_dim}))"


class ReversibleEmbedding(Embedding):
    """An embedding that goes both ways: ids to vectors E[id], and with `reverse` vectors to scores of ids, y E^T.

    Args:
        input_dim, output_dim, mask_zero: as of `Embedding`.
        tie_weights: whether both ways share E; else scores are y R, with a weight of their own.
        reverse_dtype: the type that scores are computed in.
        logit_soft_cap: c, where scores are to stay within -c..c: c tanh(score / c).

    Weights: embeddings E (input_dim, output_dim); reverse_embeddings R (output_dim, input_dim) where not tied.

    Input: (...) ids; with `reverse`, (..., output_dim). Output: (..., output_dim); with `reverse`, (..., input_dim).

    Reference: Press and Wolf 2017, arXiv 1608.05859.

    >>> import numpy as np
    >>> import freedive as fd
    >>> words = fd.layers.ReversibleEmbedding(1000, 64)
    >>> words(words(np.array([[4, 20, 0]])), reverse=True).shape
    (1, 3, 1000)
    """

    input_dim: PositiveInt
    output_dim: PositiveInt
    tie_weights: bool = True
    embeddings_initializer: InitializerLike = "uniform"
    embeddings_regularizer: RegularizerLike = None
    embeddings_constraint: ConstraintLike = None
    mask_zero: bool = False
    reverse_dtype: str | None = None
    logit_soft_cap: PositiveFloat | None = None

    def call(self, ids: Any, reverse: bool = False) -> Any:  # (...) -> (..., output_dim), or back to (..., input_dim)
        rule = self.embeddings_initializer, "embeddings_regularizer", self.embeddings_constraint
        back = self.param("embeddings", (self.input_dim, self.output_dim), *rule).T
        if not self.tie_weights:
            back = self.param("reverse_embeddings", (self.output_dim, self.input_dim), *rule)
        if not reverse:
            return super().call(ids)
        dtype = self.reverse_dtype
        scores = ids @ back.astype(ids.dtype) if dtype is None else ids.astype(dtype) @ back.astype(dtype)
        cap = self.logit_soft_cap
        return scores if cap is None else cap * jnp.tanh(scores / cap)

    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        ids, reverse = inputs if isinstance(inputs, tuple) else (inputs, False)
        return None if reverse else super().compute_mask(ids, mask)


class Masking(Layer):
    """Leaves out the steps of a sequence in which every feature has one value; recurrent layers then skip them.

    Args:
        mask_value: the value.

    Input: (batch, time, features). Output: the same, with zeros in the steps that are left out.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Masking(-1.0)(np.array([[[1.0, 2.0], [-1.0, -1.0]]])).tolist()
    [[[1.0, 2.0], [0.0, 0.0]]]
    """

    mask_value: float = 0.0
    autocast: ClassVar[bool] = False  # in half precision other values would equal it

    def call(self, x: Any) -> Any:  # (batch, time, features) -> the same
        return jnp.where(self._counts(x)[..., None], x, 0)

    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        return self._counts(inputs)

    def _counts(self, x: Any) -> Any:
        return jnp.any(x != self.mask_value, axis=-1)  # (batch, time)
