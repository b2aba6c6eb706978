"""Writing token by token: against the best of all sequences, and against the plain definition of each way."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from freedive.activations import log_softmax
from freedive.ops.decoding import Rules, allowed, beam, greedy, nucleus, penalised, sample, top

TOKENS, RULES = 5, Rules(start=1, end=2, length=4)  # 0 is padding; 3 and 4 are words
RNG = np.random.default_rng(0)
TABLES = jnp.asarray(RNG.normal(size=(RULES.length, TOKENS, TOKENS)) * 2, jnp.float32)


def step(tokens, state, at):
    """Logits depend on the token before, the place, and on what was written (a sum that the state carries)."""
    state = state + jnp.asarray([0.0, 0.0, 0.0, 0.7, -0.4])[tokens]
    return TABLES[at][tokens] + state[:, None] * jnp.arange(TOKENS), state


def state(rows):
    return jnp.linspace(-0.5, 0.5, rows)


def score_of(sequence, start):
    """The log-probability of a sequence, by the plain rule."""
    total, last, carried = 0.0, RULES.start, start[None]
    for at, token in enumerate(sequence):
        logits, carried = step(jnp.array([last]), carried, at)
        total, last = total + float(allowed(logits, RULES)[0, token]), token
    return total


def every_sequence():
    """All sequences that end, and those that are cut at the length."""
    words = (3, 4)
    for length in range(RULES.length):
        yield from ((*w, RULES.end) for w in itertools.product(words, repeat=length))
    yield from itertools.product(words, repeat=RULES.length)


@pytest.mark.parametrize("penalty", [0.0, 0.6, 2.0])
def test_a_wide_beam_finds_the_best_of_all_sequences(penalty):
    rows, everything = 3, list(every_sequence())
    found = jax.jit(lambda s: beam(step, s, rows, RULES, len(everything) + 2, penalty))(state(rows))
    for row in range(rows):
        scores = {s: score_of(s, state(rows)[row]) / float(penalised(len(s), penalty)) for s in everything}
        best = sorted(scores, key=lambda s: -scores[s])
        for place in range(5):
            assert tuple(t for t in np.asarray(found.tokens[row, place]).tolist() if t) == best[place]
            np.testing.assert_allclose(found.scores[row, place], scores[best[place]], rtol=1e-4)


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_one_beam_is_greedy(penalty):
    one, plain = beam(step, state(4), 4, RULES, 1, penalty), greedy(step, state(4), 4, RULES)
    np.testing.assert_array_equal(one.tokens[:, 0], plain.tokens)
    lengths = (plain.tokens != 0).sum(1)
    np.testing.assert_allclose(one.scores[:, 0], plain.scores / penalised(lengths, penalty), rtol=1e-5)


def test_more_beams_are_never_worse():
    scores = [np.asarray(beam(step, state(6), 6, RULES, width).scores[:, 0]) for width in (1, 2, 8, 40)]
    assert (
        all((b >= a - 1e-5).all() for a, b in itertools.pairwise(scores[1:])) and (scores[-1] >= scores[0] - 1e-5).all()
    )


def test_greedy_is_the_plain_rule_and_a_row_ends_for_good():
    found = greedy(step, state(3), 3, RULES)
    for row in range(3):
        last, carried, expected = RULES.start, state(3)[row : row + 1], []
        for at in range(RULES.length):
            logits, carried = step(jnp.array([last]), carried, at)
            last = int(jnp.argmax(allowed(logits, RULES)))
            expected.append(last)
            if last == RULES.end:
                break
        assert [t for t in np.asarray(found.tokens[row]).tolist() if t] == expected
        np.testing.assert_allclose(found.scores[row], score_of(expected, state(3)[row]), rtol=1e-5)


def test_the_loop_stops_when_all_rows_have_ended():
    places = []

    def ends(tokens, state, at):
        jax.debug.callback(lambda at: places.append(int(at)), at)
        return jnp.where(jnp.arange(TOKENS) == 2, 9.0, 0.0) * jnp.ones((2, 1)), state

    found = jax.jit(lambda: greedy(ends, (), 2, RULES._replace(length=50)))()
    jax.block_until_ready(found)
    jax.effects_barrier()
    assert found.tokens[:, 0].tolist() == [2, 2] and places == [0]


# by chance ------------------------------------------------------------------------------------------------------------
def draws(rows=4000, **options):
    one = RULES._replace(length=1)
    logits = jnp.asarray([0.0, 0.0, 1.0, 2.0, 0.5])
    found = sample(lambda t, s, at: (jnp.tile(logits, (rows, 1)), s), (), rows, one, jax.random.key(3), **options)
    return np.bincount(np.asarray(found.tokens[:, 0]), minlength=TOKENS) / rows, allowed(logits[None], RULES)[0]


@pytest.mark.parametrize(
    "options, kept",
    [
        ({}, [2, 3, 4]),
        ({"temperature": 0.5}, [2, 3, 4]),
        ({"top_k": 2}, [2, 3]),
        ({"top_p": 0.7}, [2, 3]),
        ({"top_k": 1}, [3]),
    ],
    ids=str,
)
def test_chances_are_those_of_the_softmax_of_what_is_kept(options, kept):
    found, log_p = draws(**options)
    scaled = np.where(np.isin(np.arange(TOKENS), kept), log_p / options.get("temperature", 1.0), -np.inf)
    np.testing.assert_allclose(found, np.exp(log_softmax(scaled)), atol=0.025)


def test_the_coldest_and_the_narrowest_samples_are_greedy():
    plain = greedy(step, state(5), 5, RULES)
    for options in ({"temperature": 1e-4}, {"top_k": 1}, {"top_p": 1e-6}):
        np.testing.assert_array_equal(
            sample(step, state(5), 5, RULES, jax.random.key(0), **options).tokens, plain.tokens
        )


def test_same_key_same_sample():
    a, b, c = (sample(step, state(50), 50, RULES, jax.random.key(k)).tokens for k in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_top_and_nucleus_keep_at_least_one():
    log_p = log_softmax(jnp.asarray(RNG.normal(size=(20, 7)), jnp.float32))
    assert ((top(log_p, 3) > -jnp.inf).sum(-1) == 3).all()
    assert ((nucleus(log_p, 0.0) > -jnp.inf).sum(-1) == 1).all()
    for share in (0.0001, 0.5, 0.9, 1.0):
        kept = jnp.exp(nucleus(log_p, share))
        assert (kept.sum(-1) >= share - 1e-5).all() and ((kept > 0).sum(-1) >= 1).all()
        smallest = jnp.min(jnp.where(kept > 0, kept, 2), axis=-1)
        assert (kept.sum(-1) - smallest < share).all()  # without its least likely one it would be too little
