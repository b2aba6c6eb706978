"""Writing sequences one token after the other: always the likeliest, by chance, or several at once by beam search.

All take `step(tokens, state, at) -> (logits, state)`: the tokens written last (rows,), the state after the steps
before (a tree of arrays with the rows first), and the place that is written now; logits are (rows, tokens). A row ends
with the token `end`; what follows it is `pad`, and neither it nor the start is ever chosen before. A loop stops when
every row has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ..activations import log_softmax
from .random import random_words

Step = Callable[[Any, Any, Any], tuple[Any, Any]]
Choose = Callable[[Any, Any], Any]  # (log-probabilities (rows, tokens), place) -> tokens (rows,)


class Rules(NamedTuple):
    """What all ways of writing share.

    Args:
        start: the token that stands before the first.
        end: the token that ends a row.
        length: the most tokens a row gets, the end included.
        pad: what follows the end.
    """

    start: int
    end: int
    length: int
    pad: int = 0


class Written(NamedTuple):
    """tokens (rows, length), without the start; scores (rows,): the log-probability of each row."""

    tokens: Any
    scores: Any


def greedy(step: Step, state: Any, rows: int, rules: Rules) -> Written:
    """The likeliest token at every place.

    >>> table = jnp.array([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 2.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 3.0, 0.0]])
    >>> rules = Rules(start=1, end=2, length=4)
    >>> greedy(lambda tokens, state, at: (table[tokens], state), (), 1, rules).tokens.tolist()
    [[3, 2, 0, 0]]
    """
    return follow(step, state, rows, rules, lambda log_p, at: jnp.argmax(log_p, axis=-1))


def sample(
    step: Step,
    state: Any,
    rows: int,
    rules: Rules,
    key: Any,
    temperature: Any = 1.0,
    top_k: int | None = None,
    top_p: Any = None,
) -> Written:
    """A token by its probability at every place: softmax(logits / temperature), of the likeliest tokens only.

    Args:
        key: a jax random key.
        temperature: below 1 the likely becomes likelier; may be traced.
        top_k: leave all but the k likeliest out.
        top_p: leave all out but the likeliest that together have this probability (nucleus); may be traced.

    Reference: top_p: Holtzman et al. 2019, arXiv 1904.09751.
    """

    def choose(log_p: Any, at: Any) -> Any:
        kept = nucleus(top(log_softmax(log_p / temperature), top_k), top_p)
        words = random_words(jax.random.fold_in(key, at), kept.shape)
        uniform = ((words >> 8).astype(jnp.float32) + 0.5) * 2**-24  # between 0 and 1, neither reached
        return jnp.argmax(kept - jnp.log(-jnp.log(uniform)), axis=-1)

    return follow(step, state, rows, rules, choose)


def follow(step: Step, state: Any, rows: int, rules: Rules, choose: Choose) -> Written:
    """Write row by row what `choose` says."""
    tokens = jnp.full((rows, rules.length), rules.pad, jnp.int32)
    start = jnp.full(rows, rules.start, jnp.int32), jnp.zeros(rows, bool), jnp.zeros(rows), tokens

    def going(carry: Any) -> Any:
        at, (_, ended, *_), _ = carry
        return (at < rules.length) & ~jnp.all(ended)

    def body(carry: Any) -> Any:
        at, (last, ended, scores, tokens), state = carry
        logits, state = step(last, state, at)
        log_p = allowed(logits, rules)
        chosen = jnp.where(ended, rules.pad, choose(log_p, at).astype(jnp.int32))
        gained = jnp.take_along_axis(log_p, chosen[:, None], axis=-1)[:, 0]
        scores = jnp.where(ended, scores, scores + gained)
        tokens = lax.dynamic_update_index_in_dim(tokens, chosen, at, 1)
        return at + 1, (chosen, ended | (chosen == rules.end), scores, tokens), state

    _, (_, _, scores, tokens), _ = lax.while_loop(going, body, (jnp.int32(0), start, state))
    return Written(tokens, scores)


def beam(step: Step, state: Any, rows: int, rules: Rules, width: int, penalty: Any = 0.0) -> Written:
    """Beam search: of all continuations of the `width` best beginnings the best, at every place.

    Beginnings are ranked by log-probability / ((5 + length) / 6)^penalty; those that have ended stay as they are among
    them. With one beam it is `greedy`; with as many as there are sequences it finds the best of all.

    Args:
        state: of all rows, before the first token; it is repeated for the beams.
        width: how many beginnings are kept.
        penalty: 0 ranks by probability, which prefers the short; 1 by about the mean of a token. May be traced.

    Returns:
        Written, tokens (rows, width, length) and scores (rows, width), the best first; scores are those ranked by.

    Reference: length penalty: Wu et al. 2016, arXiv 1609.08144.
    """
    tokens = jnp.full((rows, width, rules.length), rules.pad, jnp.int32)
    total = jnp.full((rows, width), -jnp.inf).at[:, 0].set(0.0)  # at first there is one beginning: none
    ended, lengths = jnp.zeros((rows, width), bool), jnp.zeros((rows, width), jnp.int32)
    last = jnp.full((rows, width), rules.start, jnp.int32)
    state = jax.tree.map(lambda s: jnp.repeat(s, width, axis=0), state)

    def going(carry: Any) -> Any:
        at, (_, ended, *_), _ = carry
        return (at < rules.length) & ~jnp.all(ended)

    def body(carry: Any) -> Any:
        at, (last, ended, lengths, total, tokens), state = carry
        logits, state = step(last.reshape(-1), state, at)
        log_p = allowed(logits, rules).reshape(rows, width, -1)
        stays = jnp.where(jnp.arange(log_p.shape[-1]) == rules.pad, 0.0, -jnp.inf)  # of an ended one
        continued = total[..., None] + jnp.where(ended[..., None], stays, log_p)  # (rows, width, tokens)
        grown = lengths + ~ended
        ranked = continued / penalised(grown, penalty)[..., None]
        _, best = lax.top_k(ranked.reshape(rows, -1), width)
        parent, chosen = jnp.divmod(best, log_p.shape[-1])
        ended, lengths, tokens = (_picked(x, parent) for x in (ended, grown, tokens))
        total = jnp.take_along_axis(continued.reshape(rows, -1), best, axis=1)
        tokens = lax.dynamic_update_index_in_dim(tokens, chosen.astype(jnp.int32), at, 2)
        flat = (jnp.arange(rows)[:, None] * width + parent).reshape(-1)
        state = jax.tree.map(lambda s: s[flat], state)
        return at + 1, (chosen, ended | (chosen == rules.end), lengths, total, tokens), state

    start = jnp.int32(0), (last, ended, lengths, total, tokens), state
    _, (_, _, lengths, total, tokens), _ = lax.while_loop(going, body, start)
    scores = total / penalised(lengths, penalty)
    order = jnp.argsort(-scores, axis=1)
    return Written(_picked(tokens, order), _picked(scores, order))


def allowed(logits: Any, rules: Rules) -> Any:
    """Log-probabilities without padding and start: (rows, tokens)."""
    token = jnp.arange(logits.shape[-1])
    refused = (token == rules.pad) | (token == rules.start)
    return log_softmax(jnp.where(refused, -jnp.inf, logits.astype(jnp.float32)))


def penalised(length: Any, penalty: Any) -> Any:
    """((5 + length) / 6)^penalty.

    >>> penalised(7, 1.0).item()
    2.0
    """
    return ((5 + jnp.asarray(length, jnp.float32)) / 6) ** penalty


def top(log_p: Any, count: int | None) -> Any:
    """Log-probabilities with all but the `count` largest at -inf.

    >>> top(jnp.array([[0.0, 2.0, 1.0]]), 2).tolist()
    [[-inf, 2.0, 1.0]]
    """
    if count is None or count >= log_p.shape[-1]:
        return log_p
    least = lax.top_k(log_p, count)[0][..., -1:]
    return jnp.where(log_p >= least, log_p, -jnp.inf)


def nucleus(log_p: Any, share: Any) -> Any:
    """Log-probabilities with all at -inf but the largest that together reach a share of the whole; one at least stays.

    >>> (nucleus(jnp.log(jnp.array([0.2, 0.5, 0.3])), 0.7) > -jnp.inf).tolist()
    [False, True, True]
    """
    if share is None:
        return log_p
    probabilities = jax.nn.softmax(log_p, axis=-1)
    ordered = -jnp.sort(-probabilities, axis=-1)
    before = jnp.cumsum(ordered, axis=-1) - ordered  # what the likelier ones have together
    least = jnp.min(jnp.where((before < share) | (before == 0), ordered, jnp.inf), axis=-1, keepdims=True)
    return jnp.where(probabilities >= least, log_p, -jnp.inf)


def _picked(x: Any, parent: Any) -> Any:
    """x (rows, width, ...) at the beams in parent (rows, width)."""
    return jnp.take_along_axis(x, parent.reshape(*parent.shape, *(1,) * (x.ndim - 2)), axis=1)
