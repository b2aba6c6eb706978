"""The blocks of a Transformer: attention and a small dense network, each around a shortcut, with layer normalization.

A decoder may be run step by step: given caches of the keys and values of the steps before, it computes what is new.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax import lax

from ..activations import Activation
from ..config import Fraction, NonNegativeFloat, PositiveInt
from ..core import forward
from ..core.layer import Layer
from ..initializers import InitializerLike
from ..ops.attention import causal_mask, combined_mask
from .core import Dense
from .multi_head import MultiHeadAttention, _Projection
from .normalization import LayerNormalization
from .regularization import Dropout, Seed


class CachedMultiHeadAttention(MultiHeadAttention):
    """Multi-head attention that can keep keys and values, so that a sequence is written step by step.

    Args:
        num_heads: the number of heads.
        key_dim: the size of a head's queries and keys; that of the queries over `num_heads` unless given.
        others: as of `MultiHeadAttention`; `sliding_window` and a `value_dim` other than `key_dim` without caches only.

    Call arguments:
        query: (batch, time, size).
        value: (batch, steps, size), or None where the cache holds all.
        attention_mask: (batch, time, steps), True where a query sees a step; without it and without a cache, masks that
            travel with query and value are used.
        cache: (batch, 2, steps, heads, key_dim): the keys and the values so far.
        cache_update_index: the step from which on the keys and values of `value` are written into the cache; None
            takes the cache as it is.
        return_attention_scores: give the weights (batch, heads, time, steps) last.

    Returns:
        (batch, time, size); with a cache a tuple of it and the new cache.

    >>> import numpy as np
    >>> import freedive as fd
    >>> layer, cache = fd.layers.CachedMultiHeadAttention(num_heads=2), np.zeros((3, 2, 5, 2, 4))
    >>> y, cache = layer(np.ones((3, 1, 8)), np.ones((3, 1, 8)), cache=cache, cache_update_index=0)
    >>> y.shape, cache.shape
    ((3, 1, 8), (3, 2, 5, 2, 4))
    """

    num_heads: PositiveInt
    key_dim: PositiveInt | None = None  # pyright: ignore[reportIncompatibleVariableOverride]

    def _sizes(self, query: Any) -> tuple[int, int, int, int]:
        size = self.key_dim or query.shape[-1] // self.num_heads
        return self.num_heads, self.num_heads, size, self.value_dim or size

    def call(  # type: ignore[override]
        self,
        query: Any,
        value: Any = None,
        attention_mask: Any = None,
        cache: Any = None,
        cache_update_index: Any = None,
        return_attention_scores: bool = False,
    ) -> Any:  # (batch, time, size), (batch, steps, size) -> (batch, time, size)
        if cache is not None:
            self._check_cached(query)
        elif value is None:
            raise self.error("expected a value, or a cache that holds its keys and values. Received neither")
        else:
            self._check(query, value, value)
        heads, _, key_size, value_size = self._sizes(query)
        q = self.query(query, (heads, key_size))  # (batch, time, heads, size)
        if cache is not None and cache_update_index is None:
            k, v = cache[:, 0], cache[:, 1]
        else:
            k, v = self.key(value, (heads, key_size)), self.value(value, (heads, value_size))
            if cache is not None:
                new = jnp.stack([k, v], axis=1).astype(cache.dtype)
                cache = lax.dynamic_update_slice_in_dim(cache, new, cache_update_index, axis=2)
                k, v = cache[:, 0], cache[:, 1]
        travels = forward.current(self).mask_of if attention_mask is None and cache is None else lambda x: None
        masks = [travels(query), travels(value)]
        y, weights = self._attended(q, k, v, masks, attention_mask, False, return_attention_scores)
        if self.use_gate:
            y = y * jax.nn.sigmoid(self.gate(query, (heads, value_size)))
        y = self.attention_output(y, self._answer_shape(query))
        found = (y, *([cache] if cache is not None else []), *([weights] if return_attention_scores else []))
        return found if len(found) > 1 else y

    def _check_cached(self, query: Any) -> None:
        """Refuse what a cache of keys and values side by side, and queries from anywhere in time, cannot do."""
        _, _, key_size, value_size = self._sizes(query)
        if query.ndim != 3 or value_size != key_size or self.sliding_window is not None:
            raise self.error(
                "with a cache, expected queries (batch, time, size), values of the size of keys, and no sliding_window "
                f"(attention_mask can say the same). Received queries {forward.shape_of(query)}, key_dim={key_size}, "
                f"value_dim={value_size}, sliding_window={self.sliding_window}"
            )

    def memory(self, value: Any, heads_size: int) -> Any:
        """The cache of all keys and values of a sequence: (batch, steps, size) -> (batch, 2, steps, heads, size)."""
        shape = (self.num_heads, self.key_dim or heads_size)
        return jnp.stack([self.key(value, shape), self.value(value, shape)], axis=1)


class _Block(Layer):
    """What encoder and decoder share: their arguments, and the shortcut around a part."""

    intermediate_dim: PositiveInt
    num_heads: PositiveInt
    dropout: Fraction = 0.0
    activation: Activation = "relu"
    layer_norm_epsilon: NonNegativeFloat = 1e-5
    kernel_initializer: InitializerLike = "glorot_uniform"
    bias_initializer: InitializerLike = "zeros"
    normalize_first: bool = False
    seed: Seed = None
    supports_masking: ClassVar[bool] = True
    parts: ClassVar[tuple[str, ...]] = ("self_attention",)

    def __post_init__(self):
        super().__post_init__()
        rules = {"kernel_initializer": self.kernel_initializer, "bias_initializer": self.bias_initializer}
        for part in self.parts:
            attention = CachedMultiHeadAttention(self.num_heads, dropout=self.dropout, seed=self.seed, **rules)
            setattr(self, part, attention)
        self.intermediate_dense = Dense(self.intermediate_dim, activation=self.activation, **rules)
        self.output_dense = _Projection(**rules)
        for part in (*self.parts, "feedforward"):
            setattr(self, f"{part}_dropout", Dropout(self.dropout, seed=self.seed))
            setattr(self, f"{part}_layer_norm", LayerNormalization(epsilon=self.layer_norm_epsilon))

    def _around(self, part: str, x: Any, compute: Callable[[Any], Any]) -> Any:
        """x and what a part makes of it, normalised before the part or after the sum."""
        normalize = getattr(self, f"{part}_layer_norm")
        drop = getattr(self, f"{part}_dropout")
        if self.normalize_first:
            return x + drop(compute(normalize(x)))
        return normalize(x + drop(compute(x)))

    def _forwarded(self, x: Any) -> Any:
        """Through the dense network."""
        return self._around("feedforward", x, lambda x: self.output_dense(self.intermediate_dense(x), x.shape[-1:]))

    def _checked(self, x: Any) -> None:
        if x.ndim != 3 or x.shape[-1] % self.num_heads:
            raise self.error(
                f"expected vectors (batch, time, size) whose size is a multiple of num_heads={self.num_heads}. "
                f"Received shape {forward.shape_of(x)}"
            )


class TransformerEncoder(_Block):
    """A block of a Transformer's encoder: every step sees all others, then goes through a dense network.

    y = x + attention(norm(x)), z = y + dense(norm(y)) with `normalize_first`; else y = norm(x + attention(x)) and
    z = norm(y + dense(y)).

    Args:
        intermediate_dim: the units of the dense network inside.
        num_heads: of the attention; divides the size of the inputs.
        dropout: the share that is dropped in training, of the weights of attention and of what each part adds.
        activation: of the dense network inside.
        layer_norm_epsilon: of the normalization.
        normalize_first: normalise what comes into a part, rather than the sum; trains deep stacks without warm-up.
        seed: moves the random numbers of dropout.

    Call arguments:
        inputs: (batch, time, size).
        padding_mask: (batch, time), False where a sample has no such step; a mask that travels with the inputs is
            used where none is given.
        attention_mask: (batch, time, time), True where a step sees another.

    Returns:
        (batch, time, size).

    Reference: Vaswani et al. 2017, arXiv 1706.03762; normalised first: Xiong et al. 2020, arXiv 2002.04745.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.TransformerEncoder(intermediate_dim=16, num_heads=2)(np.ones((3, 5, 8))).shape
    (3, 5, 8)
    """

    def call(
        self, inputs: Any, padding_mask: Any = None, attention_mask: Any = None
    ) -> Any:  # (batch, time, size) -> the same
        self._checked(inputs)
        seen = _seen(padding_mask if padding_mask is not None else forward.current(self).mask_of(inputs))
        mask = combined_mask(seen, attention_mask)
        x = self._around("self_attention", inputs, lambda x: self.self_attention(x, x, attention_mask=mask))
        return self._forwarded(x)


class TransformerDecoder(_Block):
    """A block of a Transformer's decoder: a step sees those before it, then the encoder's, then a dense network.

    Args:
        others: as of `TransformerEncoder`.

    Call arguments:
        decoder_sequence: (batch, time, size).
        encoder_sequence: (batch, steps, size); None makes a block without the part that looks at an encoder.
        decoder_padding_mask: (batch, time).
        decoder_attention_mask: (batch, time, time).
        encoder_padding_mask: (batch, steps).
        encoder_attention_mask: (batch, time, steps).
        self_attention_cache: keys and values of the steps before, (batch, 2, length, heads, size / heads).
        self_attention_cache_update_index: the place of the first step of `decoder_sequence`; may be traced.
        cross_attention_cache: keys and values of the encoder's steps, from `cross_cache`.
        use_causal_mask: let a step see no later one.
        return_attention_scores: give the weights over the encoder's steps last, (batch, heads, time, steps).

    Returns:
        (batch, time, size); with a cache (outputs, the new self_attention_cache).

    Reference: Vaswani et al. 2017, arXiv 1706.03762.

    >>> import numpy as np
    >>> import freedive as fd
    >>> decoder = fd.layers.TransformerDecoder(intermediate_dim=16, num_heads=2)
    >>> decoder(np.ones((3, 4, 8)), np.ones((3, 5, 8))).shape
    (3, 4, 8)
    """

    parts: ClassVar[tuple[str, ...]] = ("self_attention", "cross_attention")

    def call(
        self,
        decoder_sequence: Any,
        encoder_sequence: Any = None,
        decoder_padding_mask: Any = None,
        decoder_attention_mask: Any = None,
        encoder_padding_mask: Any = None,
        encoder_attention_mask: Any = None,
        self_attention_cache: Any = None,
        self_attention_cache_update_index: Any = None,
        cross_attention_cache: Any = None,
        use_causal_mask: bool = True,
        return_attention_scores: bool = False,
    ) -> Any:  # (batch, time, size), (batch, steps, size) -> (batch, time, size)
        self._checked(decoder_sequence)
        at, carried = self_attention_cache_update_index, forward.current(self).mask_of
        at = 0 if at is None else at
        own = combined_mask(
            _seen(carried(decoder_sequence) if decoder_padding_mask is None else decoder_padding_mask),
            decoder_attention_mask,
            _causal(decoder_sequence.shape[1], self_attention_cache, at) if use_causal_mask else None,
        )
        x, *cache = self._before(decoder_sequence, own, self_attention_cache, at)
        scores = []
        if encoder_sequence is not None or cross_attention_cache is not None:
            padding = carried(encoder_sequence) if encoder_padding_mask is None else encoder_padding_mask
            others = combined_mask(_seen(padding), encoder_attention_mask)
            x, *scores = self._across(x, encoder_sequence, others, cross_attention_cache)
        found = (self._forwarded(x), *cache, *(scores if return_attention_scores else []))
        return found if len(found) > 1 else found[0]

    def _before(self, x: Any, mask: Any, cache: Any, at: Any) -> list[Any]:
        """[what it becomes by looking at the steps before, the new cache where there is one]."""
        caches = []

        def look(x: Any) -> Any:
            if cache is None:
                return self.self_attention(x, x, attention_mask=mask)
            y, new = self.self_attention(x, x, attention_mask=mask, cache=cache, cache_update_index=at)
            caches.append(new)
            return y

        return [self._around("self_attention", x, look), *caches]

    def _across(self, x: Any, others: Any, mask: Any, cache: Any) -> list[Any]:
        """[what it becomes by looking at the encoder's steps, the weights of those]."""
        scores = []

        def look(x: Any) -> Any:
            given = {"value": others} if cache is None else {"cache": cache}
            found = self.cross_attention(x, **given, attention_mask=mask, return_attention_scores=True)
            scores.append(found[-1])
            return found[0]

        return [self._around("cross_attention", x, look), *scores]

    def cross_cache(self, encoder_sequence: Any, size: int) -> Any:
        """The `cross_attention_cache` of an encoder's output, for a decoder of vectors of this size."""
        return self.cross_attention.memory(encoder_sequence, size // self.num_heads)


def _seen(padding_mask: Any) -> Any:
    """(batch, steps) -> (batch, 1, steps)."""
    return None if padding_mask is None else padding_mask[:, None, :]


def _causal(time: int, cache: Any, at: Any) -> Any:
    """True where a step is not later: (1, time, steps), of a cache from the place of the first step on."""
    if cache is None:
        return causal_mask(time, time)[None]
    return (jnp.arange(cache.shape[2]) <= at + jnp.arange(time)[:, None])[None]
