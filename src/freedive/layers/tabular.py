"""The first layers of networks for tables: what numbers and ids of categories become.

Their input is what `preprocessing.TableEncoder` gives: first all numbers of a row, then an id for every category.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar

import jax.numpy as jnp

from ..config import PositiveInt, integer, positive
from ..core.layer import Layer
from ..initializers import InitializerLike, RandomUniform


def _sizes(value: Any) -> tuple[int, ...]:
    """Of each category, how many ids it has."""
    return tuple(positive(integer(size)) for size in ((value,) if isinstance(value, int) else value))


class _Categories(Layer):
    """What layers that look categories up share: the ids are the last features of a row."""

    sizes: Annotated[Any, _sizes]
    autocast: ClassVar[bool] = False  # ids in half precision would be other ids

    def _parts(self, x: Any) -> tuple[Any, Any]:
        """Numbers, and ids as places in one table that holds all categories, one behind the other."""
        count = x.shape[-1] - len(self.sizes)
        if x.ndim != 2 or count < 0:
            raise self.error(f"expected rows (batch, features), the last {len(self.sizes)} of them ids of categories")
        ids, sizes = x[:, count:], jnp.array(self.sizes, "int32")
        known = (ids >= 0) & (ids < sizes) & (ids == jnp.floor(ids))
        self.flag(~known)
        first = jnp.array([sum(self.sizes[:place]) for place in range(len(self.sizes))], "int32")
        return x[:, :count], jnp.where(known, ids, 0).astype("int32") + first  # (batch, numbers), (batch, categories)

    def flagged(self) -> str:
        return f"ids that their category does not have (sizes={self.sizes})"


class CategoryEmbedding(_Categories):
    """Numbers as they are, beside a vector for every category: (x, E_1[id_1], ..., E_c[id_c]).

    Args:
        sizes: of each category, how many ids it has; the last features of a row are these ids, in this order.
        most: the longest vector. A category of k ids gets one of min(most, (k + 1) // 2) numbers.

    Input: (batch, numbers + categories). Output: (batch, numbers + the lengths of the vectors).

    Reference: Guo and Berkhahn 2016, "Entity embeddings of categorical variables", https://arxiv.org/abs/1604.06737.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.CategoryEmbedding([3, 10])(np.array([[0.5, 2, 9]])).shape
    (1, 8)
    """

    most: PositiveInt = 50
    embeddings_initializer: InitializerLike = "uniform"

    @property
    def lengths(self) -> tuple[int, ...]:
        """Of each category's vectors."""
        return tuple(min(self.most, (size + 1) // 2) for size in self.sizes)

    def call(self, x: Any) -> Any:  # (batch, features) -> (batch, numbers + lengths)
        numbers, places = self._parts(x)
        vectors, first = [numbers], 0
        for category, (size, length) in enumerate(zip(self.sizes, self.lengths, strict=True)):
            table = self.param(f"embeddings_{category}", (size, length), self.embeddings_initializer)
            vectors.append(jnp.take(table, places[:, category] - first, axis=0))
            first += size
        return jnp.concatenate(vectors, axis=-1)


class FeatureTokenizer(_Categories):
    """Every feature of a row as a vector, so that a transformer can attend to them.

    A number x_j becomes x_j w_j + b_j, an id E_j[id_j] + b_j. In front of them stands a learned vector of no feature,
    in which a transformer gathers what it makes of the row.

    Args:
        units: the length of the vectors.
        sizes: of each category, how many ids it has; the last features of a row are these ids, in this order.

    Input: (batch, numbers + categories). Output: (batch, 1 + numbers + categories, units).

    Reference: Gorishniy et al. 2021, "Revisiting deep learning models for tabular data",
    https://arxiv.org/abs/2106.11959.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.FeatureTokenizer([3, 10], units=8)(np.array([[0.5, 2, 9]])).shape
    (1, 4, 8)
    """

    units: PositiveInt = 32

    def call(self, x: Any) -> Any:  # (batch, features) -> (batch, 1 + features, units)
        numbers, places = self._parts(x)
        bound = 1 / math.sqrt(self.units)
        spread = RandomUniform(-bound, bound)
        summary = self.param("summary", (1, self.units), spread)
        weight = self.param("weight", (numbers.shape[-1], self.units), spread)
        bias = self.param("bias", (x.shape[-1], self.units), spread)
        tokens = [numbers[..., None] * weight]
        if self.sizes:
            tokens.append(jnp.take(self.param("embeddings", (sum(self.sizes), self.units), spread), places, axis=0))
        features = jnp.concatenate(tokens, axis=1) + bias
        return jnp.concatenate([jnp.broadcast_to(summary, (len(x), 1, self.units)), features], axis=1)
