"""Attention with one head: every query gets the average of the values whose keys fit it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import jax.numpy as jnp

from ..config import Fraction, one_of
from ..core.layer import Layer
from ..errors import show_shape
from ..ops.attention import attend, causal_mask, combined_mask
from .dropping import keep_factors
from .regularization import Seed


class _Scored(Layer):
    """softmax(scores) value; how queries and keys make scores is for the layers to say."""

    supports_masking: ClassVar[bool] = True

    def compute_mask(self, inputs: Any, mask: Any) -> Any:
        return None if mask is None else mask[0]  # the queries'

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:  # [(batch, time, size), (batch, steps, values)] -> (batch, time, values)
        query, value, key = self._checked(inputs)
        query_mask, value_mask = (None, None) if mask is None else tuple(mask)[:2]
        scores = self._scores(query, key)  # (batch, time, steps)
        seen = combined_mask(
            None if value_mask is None else value_mask[..., None, :],
            causal_mask(*scores.shape[-2:]) if use_causal_mask else None,
        )
        y, weights = attend(scores, value, seen, keep_factors(self, "dropout", scores.shape))
        if query_mask is not None:
            y = jnp.where(query_mask[..., None], y, 0)
        return (y, weights.astype(y.dtype)) if return_attention_scores else y

    def _checked(self, inputs: Any) -> tuple[Any, Any, Any]:
        """(query, value, key)."""
        if not isinstance(inputs, (list, tuple)) or len(inputs) not in (2, 3):
            raise self.error(f"expected a list, [query, value] or [query, value, key]. Received: {_shown(inputs)}")
        query, value, key = inputs if len(inputs) == 3 else (*inputs, inputs[1])
        if any(x.ndim < 3 for x in inputs):
            raise self.error(f"expected inputs of shape (batch, time, size). Received: {_shown(inputs)}")
        if query.shape[-1] != key.shape[-1] or value.shape[1:-1] != key.shape[1:-1]:
            raise self.error(
                "expected queries and keys of the same size, and as many keys as values. "
                f"Received [query, value, key]: {_shown([query, value, key])}"
            )
        return query, value, key

    def _scores(self, query: Any, key: Any) -> Any:
        """(batch, time, size), (batch, steps, size) -> (batch, time, steps)."""
        raise NotImplementedError


def _shown(inputs: Any) -> str:
    several = isinstance(inputs, (list, tuple))
    shapes = [show_shape((None, *jnp.shape(x)[1:])) for x in (inputs if several else [inputs])]
    return f"[{', '.join(shapes)}]" if several else f"one array {shapes[0]}"


class Attention(_Scored):
    """Dot-product attention: softmax(s * query key^T) value (Luong).

    Args:
        use_scale: learn s, a number that starts at 1; else there is none.
        score_mode: "dot", or "concat" for scores w * sum(tanh(s * (query + key))) with w learnt.
        dropout: the share of the weights that is dropped in training.
        seed: moves the random numbers of dropout.

    Call arguments:
        inputs: [query (batch, time, size), value (batch, steps, values), key (batch, steps, size)]; the value is the
            key too where none is given.
        mask: [query_mask (batch, time), value_mask (batch, steps)], either None; outputs of masked queries are zero.
        return_attention_scores: give (outputs, weights (batch, time, steps)).
        use_causal_mask: let a query see no later step than its own.

    Returns:
        (batch, time, values). A query that sees nothing gets zeros.

    Reference: Luong et al. 2015, arXiv 1508.04025.

    >>> import numpy as np
    >>> import freedive as fd
    >>> query, value = np.ones((2, 4, 3)), np.ones((2, 6, 3))
    >>> fd.layers.Attention()([query, value]).shape
    (2, 4, 3)
    """

    use_scale: bool = False
    score_mode: Annotated[str, one_of("dot", "concat")] = "dot"
    dropout: Fraction = 0.0
    seed: Seed = None

    def _scores(self, query: Any, key: Any) -> Any:
        scale = self.param("scale", (), "ones") if self.use_scale else 1
        if self.score_mode == "dot":
            return scale * jnp.einsum("...qd,...kd->...qk", query, key, preferred_element_type=jnp.float32)
        weight = self.param("concat_score_weight", (), "ones")
        return weight * _summed(jnp.tanh(scale * _pairs(query, key)))


class AdditiveAttention(_Scored):
    """Additive attention: softmax(sum(s * tanh(query + key))) value (Bahdanau).

    Args:
        use_scale: learn s, a vector of the queries' size; else it is ones.
        dropout: the share of the weights that is dropped in training.
        seed: moves the random numbers of dropout.

    Call arguments and returns: as of `Attention`. It takes memory for (batch, time, steps, size) numbers.

    Reference: Bahdanau et al. 2014, arXiv 1409.0473.

    >>> import numpy as np
    >>> import freedive as fd
    >>> query, value = np.ones((2, 4, 3)), np.ones((2, 6, 3))
    >>> fd.layers.AdditiveAttention()([query, value]).shape
    (2, 4, 3)
    """

    use_scale: bool = True
    dropout: Fraction = 0.0
    seed: Seed = None

    def _scores(self, query: Any, key: Any) -> Any:
        scale = self.param("scale", (query.shape[-1],), "glorot_uniform") if self.use_scale else 1
        return _summed(scale * jnp.tanh(_pairs(query, key)))


def _pairs(query: Any, key: Any) -> Any:
    return query[..., :, None, :] + key[..., None, :, :]  # (batch, time, steps, size)


def _summed(x: Any) -> Any:
    return jnp.sum(x, axis=-1, dtype=jnp.float32)
