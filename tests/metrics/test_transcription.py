"""Error rates of transcripts: compiled ones are those of texts; counting by hand; parts of the data add up."""

import jax
import numpy as np
import pytest

from freedive import metrics
from freedive.metrics.transcription import edit_distances
from freedive.ops.ctc_decoding import ctc_decode

RNG = np.random.default_rng(0)
LETTERS = "- abc"  # the blank, the space between words, letters


def texts(rows):
    return ["".join(LETTERS[i] for i in row if i > 0) for row in rows]


@pytest.mark.parametrize(
    ("a", "b", "edits"),
    [("", "", 0), ("abc", "", 3), ("", "ab", 2), ("abc", "abc", 0), ("flaw", "lawn", 2), ("intention", "execution", 5)],
)
def test_edits_by_hand(a, b, edits):
    assert metrics.edit_distance(a, b) == edits == metrics.edit_distance(b, a)


def test_compiled_edits_are_those_of_texts():
    a, b = RNG.integers(1, 4, (200, 9)), RNG.integers(1, 4, (200, 6))
    m, n = RNG.integers(0, 10, 200), RNG.integers(0, 7, 200)
    expected = [metrics.edit_distance(x[:i].tolist(), y[:j].tolist()) for x, i, y, j in zip(a, m, b, n, strict=True)]
    np.testing.assert_array_equal(jax.jit(edit_distances)(a, m, b, n), expected)


def sequences(rows, longest):
    """Random labels with spaces, blanks behind them."""
    found = RNG.integers(1, 5, (rows, longest))
    return np.where(np.arange(longest) < RNG.integers(1, longest + 1, (rows, 1)), found, 0)


METRICS = [
    (metrics.CharacterErrorRate(), metrics.character_error_rate),
    (metrics.WordErrorRate(separator=1), metrics.word_error_rate),
]


@pytest.mark.parametrize(("metric", "of_texts"), METRICS, ids=lambda m: getattr(m, "__name__", ""))
def test_metrics_are_those_of_texts(metric, of_texts):
    right, logits = sequences(60, 8), RNG.normal(size=(60, 12, 5)).astype("float32")
    mask = np.arange(12) < RNG.integers(1, 13, (60, 1))
    sums = jax.jit(metric.sums)
    found, _ = ctc_decode(logits, mask.sum(1))
    expected = of_texts(texts(right), texts(found[0]))
    np.testing.assert_allclose(metric.compute(sums(right, logits, mask=mask)), expected, rtol=1e-6)
    other, weights = sequences(60, 9), np.ones(30)
    first, second = (sums(right[rows], other[rows], weights) for rows in (slice(0, 30), slice(30, 60)))
    total = jax.tree.map(lambda a, b: a + b, first, second)
    np.testing.assert_allclose(metric.compute(total), of_texts(texts(right), texts(other)), rtol=1e-6)
    halved = sums(right[:30], other[:30], np.arange(30.0) < 15)
    np.testing.assert_allclose(metric.compute(halved), of_texts(texts(right[:15]), texts(other[:15])), rtol=1e-6)


def test_rates_of_texts():
    assert metrics.word_error_rate("a b c", "a x c") == pytest.approx(1 / 3)
    assert metrics.word_error_rate(["a b", "c"], ["a b", "d e"]) == pytest.approx(2 / 3)
    assert metrics.character_error_rate([""], [""]) == 0 and metrics.character_error_rate([""], ["a"]) == 1
    with pytest.raises(ValueError, match="as many texts"):
        metrics.word_error_rate(["a"], ["a", "b"])
