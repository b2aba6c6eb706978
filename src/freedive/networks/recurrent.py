"""An encoder and a decoder of recurrent layers, with attention between them."""

from __future__ import annotations

from typing import Annotated, Any

import jax
import jax.numpy as jnp

from ..config import Fraction, PositiveInt, one_of
from ..initializers import RandomUniform
from ..layers import (
    GRU,
    LSTM,
    AdditiveAttention,
    Attention,
    Bidirectional,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    GRUCell,
    LSTMCell,
    ReversibleEmbedding,
)
from ..preprocessing.vocabulary import PAD
from .sequences import SequenceToSequence

KINDS = {"lstm": (LSTM, LSTMCell), "gru": (GRU, GRUCell)}


class AttentionNetwork(SequenceToSequence):
    """A recurrent encoder reads from both sides; a recurrent decoder writes, and looks back at every step.

    With m(s) the encoder's outputs and y the tokens before, "luong": h(t) = cell(y(t-1), h(t-1)), and c(t) = sum of
    softmax(h(t) W m(s)) m(s); "bahdanau" looks before it steps: c(t) from softmax(v tanh(W h(t-1) + U m(s))), and
    h(t) = cell([y(t-1), c(t)], h(t-1)). The logits are tanh([h(t), c(t)] W') E^T, with E the table of the tokens.

    Args:
        source_tokens, target_tokens: the sizes of the vocabularies.
        units: the size of the states.
        embedding: the size of the tokens' vectors.
        cell: "lstm" or "gru".
        attention_kind: "luong" steps first, so that all steps of training are a few products; "bahdanau" looks first.
        dropout: of what comes into encoder and decoder, and of what the decoder says.
        sampling: as of `SequenceToSequence`; the network is then told its own choices step by step.

    Reference: Bahdanau et al. 2014, arXiv 1409.0473; Luong et al. 2015, arXiv 1508.04025.

    >>> import numpy as np
    >>> import freedive as fd
    >>> network = fd.networks.AttentionNetwork(50, 60, units=8, embedding=4)
    >>> network([np.ones((2, 5), int), np.ones((2, 3), int)]).shape
    (2, 3, 60)
    """

    units: PositiveInt = 256
    embedding: PositiveInt = 256
    cell: Annotated[str, one_of(*KINDS)] = "lstm"
    attention_kind: Annotated[str, one_of("luong", "bahdanau")] = "luong"
    dropout: Fraction = 0.2

    def __post_init__(self):
        super().__post_init__()
        if self.units % 2:
            raise ValueError(f"AttentionNetwork(units={self.units}): expected an even number, half for each direction")
        layer, cell = KINDS[self.cell]
        self.source_embedding = Embedding(self.source_tokens, self.embedding)
        first = RandomUniform(-0.1, 0.1)
        self.target_embedding = ReversibleEmbedding(self.target_tokens, self.embedding, embeddings_initializer=first)
        both = {"return_sequences": True, "return_state": True}
        self.encoder = Bidirectional(layer(self.units // 2, **both))
        looks_first = self.attention_kind == "bahdanau"
        self.decoder = cell(self.units) if looks_first else layer(self.units, **both)
        self.query, self.key = Dense(self.units, use_bias=False), Dense(self.units, use_bias=False)
        self.look = AdditiveAttention() if looks_first else Attention()
        self.join, self.combine = Concatenate(), Dense(self.embedding, activation="tanh")
        self.source_dropout, self.target_dropout = Dropout(self.dropout), Dropout(self.dropout)
        self.output_dropout = Dropout(self.dropout)

    def encode(self, source: Any) -> Any:
        seen = source != PAD
        x = self.source_dropout(self.source_embedding(source))
        outputs, *states = self.encoder(x, mask=seen)
        half = len(states) // 2
        first = [self.join([ahead, back]) for ahead, back in zip(states[:half], states[half:], strict=True)]
        return {"values": outputs, "keys": self.key(outputs), "seen": seen, "first": first}

    def begin(self, memory: Any, length: int) -> Any:
        return memory["first"]

    def step(self, tokens: Any, state: Any, memory: Any, at: Any) -> tuple[Any, Any]:
        said, state, _ = self._stepped(self.target_embedding(tokens), state, memory)
        return self._logits(self._combined(said)), state

    def call(self, inputs: Any) -> Any:  # [(batch, steps), (batch, time)] -> (batch, time, tokens)
        source, target = inputs
        return self._logits(self._combined(self._told(self.encode(source), target)[0]))

    def looks(self, source: Any, target: Any) -> Any:
        return self._told(self.encode(source), target)[1]

    def _told(self, memory: Any, target: Any) -> tuple[Any, Any]:
        """(states and what they found (batch, time, ...), weights (batch, time, steps)), of the right tokens."""
        x, own = self.target_embedding(target), self.own_choice(target.shape)
        if own is not None:
            return self._looped(memory, self.target_dropout(x), own)
        x = self.target_dropout(x)
        if self.attention_kind == "bahdanau":
            return self._looped(memory, x, None)
        h, *_ = self.decoder(x, initial_state=memory["first"])
        found, weights = self._looked(h, memory)
        return self.join([h, found]), weights

    def _looped(self, memory: Any, x: Any, own: Any) -> tuple[Any, Any]:
        """As `_told`, step by step; where `own` says so a step hears what the one before it would have written."""

        def body(carry: Any, now: Any) -> Any:
            state, before = carry
            x_t, own_t = now
            if own is not None:
                x_t = jnp.where(own_t[:, None], self.target_embedding(before).astype(x_t.dtype), x_t)
            said, state, weights = self._stepped(x_t, state, memory)
            if own is not None:
                before = jnp.argmax(jax.lax.stop_gradient(self._logits(self.combine(said))), axis=-1)
            return (state, before), (said, weights)

        if own is not None:
            own = own.T.at[0].set(False)  # nothing was written before the first
        first = memory["first"], jnp.zeros(len(x), jnp.int32)
        _, (said, weights) = jax.lax.scan(body, first, (jnp.swapaxes(x, 0, 1), own))
        return jnp.swapaxes(said, 0, 1), jnp.swapaxes(weights, 0, 1)

    def _stepped(self, x: Any, state: Any, memory: Any) -> tuple[Any, Any, Any]:
        """(state and what was found (batch, units + ...), new state, weights (batch, steps)) of one step."""
        if self.attention_kind == "bahdanau":
            found, weights = self._looked(state[0][:, None], memory)
            h, state = self.decoder(jnp.concatenate([x, found[:, 0]], axis=-1), state)
        else:
            h, *state = self.decoder(x[:, None], initial_state=state)
            h = h[:, 0]
            found, weights = self._looked(h[:, None], memory)
        return jnp.concatenate([h, found[:, 0]], axis=-1), list(state), weights[:, 0]

    def _looked(self, h: Any, memory: Any) -> tuple[Any, Any]:
        """(what the states h (batch, time, units) find, the weights (batch, time, steps))."""
        inputs = [self.query(h), memory["values"], memory["keys"]]
        return self.look(inputs, mask=[None, memory["seen"]], return_attention_scores=True)

    def _combined(self, said: Any) -> Any:
        return self.output_dropout(self.combine(said))

    def _logits(self, x: Any) -> Any:
        return self.target_embedding(x, reverse=True)
