"""An encoder and a decoder of Transformer blocks."""

from __future__ import annotations

import math
from typing import Annotated, Any

import jax
import jax.numpy as jnp

from ..config import Fraction, PositiveInt, one_of
from ..initializers import RandomNormal
from ..layers import (
    Dropout,
    LayerNormalization,
    PositionEmbedding,
    ReversibleEmbedding,
    SinePositionEncoding,
    TransformerDecoder,
    TransformerEncoder,
)
from ..preprocessing.vocabulary import PAD
from .sequences import SequenceToSequence


class TransformerNetwork(SequenceToSequence):
    """A Transformer that reads a sequence and writes another; every block normalises what comes into it.

    The table of the target's tokens makes its vectors and its logits; a joint vocabulary has one table for all.

    Args:
        source_tokens, target_tokens: the sizes of the vocabularies.
        units: the size of all vectors.
        depth: blocks of the encoder, and of the decoder.
        num_heads: of every attention; divides units.
        intermediate: the units of the dense network in a block; 4 units unless given.
        dropout: the share that is dropped in training.
        positions: "sine", for sequences of any length, or "learned".
        longest: with learned positions, the most tokens of a sequence.
        shared: whether both sides have one vocabulary, and so one table.
        sampling: as of `SequenceToSequence`. The decoder runs twice: the first time it is told the right tokens, the
            second time some of what it then chose.

    Reference: Vaswani et al. 2017, arXiv 1706.03762; scheduled sampling in two passes: Mihaylova and Martins 2019,
    arXiv 1906.07651.

    >>> import numpy as np
    >>> import freedive as fd
    >>> network = fd.networks.TransformerNetwork(50, 60, units=8, depth=1, num_heads=2)
    >>> network([np.ones((2, 5), int), np.ones((2, 3), int)]).shape
    (2, 3, 60)
    """

    units: PositiveInt = 256
    depth: PositiveInt = 3
    num_heads: PositiveInt = 4
    intermediate: PositiveInt | None = None
    dropout: Fraction = 0.1
    positions: Annotated[str, one_of("sine", "learned")] = "sine"
    longest: PositiveInt = 256
    shared: bool = False

    def __post_init__(self):
        super().__post_init__()
        if self.units % self.num_heads:
            raise ValueError(
                f"TransformerNetwork(units={self.units}, num_heads={self.num_heads}): "
                "expected a number of heads that divides the units"
            )
        if self.shared and self.source_tokens != self.target_tokens:
            raise ValueError(
                f"TransformerNetwork(shared=True): expected one vocabulary. Received source_tokens="
                f"{self.source_tokens} and target_tokens={self.target_tokens}"
            )
        table = {"embeddings_initializer": RandomNormal(stddev=self.units**-0.5)}
        self.target_embedding = ReversibleEmbedding(self.target_tokens, self.units, **table)
        if not self.shared:
            self.source_embedding = ReversibleEmbedding(self.source_tokens, self.units, **table)
        learned = self.positions == "learned"
        made = [PositionEmbedding(self.longest) if learned else SinePositionEncoding() for _ in range(2)]
        self.source_position, self.target_position = made
        self.source_dropout, self.target_dropout = Dropout(self.dropout), Dropout(self.dropout)
        rules = {"num_heads": self.num_heads, "dropout": self.dropout, "normalize_first": True}
        wide = self.intermediate or 4 * self.units
        self.encoder = [TransformerEncoder(wide, **rules) for _ in range(self.depth)]
        self.decoder = [TransformerDecoder(wide, **rules) for _ in range(self.depth)]
        self.encoder_norm, self.decoder_norm = LayerNormalization(epsilon=1e-5), LayerNormalization(epsilon=1e-5)

    def encode(self, source: Any) -> Any:
        x, seen = self._encoded(source)
        return {"seen": seen, "caches": [block.cross_cache(x, self.units) for block in self.decoder]}

    def begin(self, memory: Any, length: int) -> Any:
        like = memory["caches"][0]
        shape = (like.shape[0], 2, length, *like.shape[3:])
        return [jnp.zeros(shape, like.dtype) for _ in self.decoder]

    def step(self, tokens: Any, state: Any, memory: Any, at: Any) -> tuple[Any, Any]:
        x, new = self._placed(self.target_embedding, self.target_position, tokens[:, None], at), []
        for block, cache, cross in zip(self.decoder, state, memory["caches"], strict=True):
            x, cache = block(
                x,
                encoder_padding_mask=memory["seen"],
                self_attention_cache=cache,
                self_attention_cache_update_index=at,
                cross_attention_cache=cross,
            )
            new.append(cache)
        return self._logits(x)[:, 0], new

    def call(self, inputs: Any) -> Any:  # [(batch, steps), (batch, time)] -> (batch, time, tokens)
        source, target = inputs
        x, seen = self._encoded(source)
        own = self.own_choice(target.shape)
        if own is not None:
            chosen = jnp.argmax(jax.lax.stop_gradient(self._logits(self._decoded(target, x, seen)[0])), axis=-1)
            before = jnp.pad(chosen, ((0, 0), (1, 0)))[:, :-1].astype(target.dtype)  # what stands where it would be fed
            first = jnp.arange(target.shape[1]) == 0
            target = jnp.where(own & ~first & (target != PAD), before, target)
        return self._logits(self._decoded(target, x, seen)[0])

    def looks(self, source: Any, target: Any) -> Any:
        """The mean of the heads of the last block but one, where words find their likes (of one block, that one's)."""
        weights = self._decoded(target, *self._encoded(source))[1]
        return jnp.mean(weights[max(0, len(weights) - 2)], axis=1)

    def _encoded(self, source: Any) -> tuple[Any, Any]:
        """(vectors (batch, steps, units), where there is a step (batch, steps))."""
        table, seen = self.target_embedding if self.shared else self.source_embedding, source != PAD
        x = self.source_dropout(self._placed(table, self.source_position, source))
        for block in self.encoder:
            x = block(x, padding_mask=seen)
        return self.encoder_norm(x), seen

    def _decoded(self, target: Any, memory: Any, seen: Any) -> tuple[Any, list[Any]]:
        """(vectors (batch, time, units), weights (batch, heads, time, steps) of every block)."""
        x, weights = self.target_dropout(self._placed(self.target_embedding, self.target_position, target)), []
        for block in self.decoder:
            x, found = block(x, memory, encoder_padding_mask=seen, return_attention_scores=True)
            weights.append(found)
        return x, weights

    def _placed(self, table: Any, positions: Any, tokens: Any, at: Any = 0) -> Any:
        """Tokens as vectors that know their place."""
        x = table(tokens) * math.sqrt(self.units)
        return x + positions(x, start_index=at)

    def _logits(self, x: Any) -> Any:
        return self.target_embedding(self.decoder_norm(x), reverse=True)
