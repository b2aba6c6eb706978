"""How many words or characters of transcripts are wrong: edits (put in, left out, exchanged) by the length of what is
right. As metrics of a CTC model in a run, compiled; and as functions of texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..config import non_negative
from .base import Metric, ratio, weights_of


# texts ----------------------------------------------------------------------------------------------------------------
def edit_distance(a: Sequence[Any], b: Sequence[Any]) -> int:
    """The fewest insertions, deletions and exchanges that make b of a (Levenshtein 1966).

    >>> edit_distance("kitten", "sitting"), edit_distance(["a", "b"], [])
    (3, 2)
    """
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def word_error_rate(y_true: Sequence[str], y_pred: Sequence[str]) -> float:
    """Edits of words by the number of right words, over all texts together.

    Args:
        y_true: the right texts, or one.
        y_pred: what was understood.

    >>> round(word_error_rate(["one two three"], ["one too three four"]), 3)
    0.667
    """
    return _error_rate(y_true, y_pred, str.split)


def character_error_rate(y_true: Sequence[str], y_pred: Sequence[str]) -> float:
    """Edits of characters by the number of right characters, over all texts together.

    >>> character_error_rate(["four"], ["for"])
    0.25
    """
    return _error_rate(y_true, y_pred, list)


def _error_rate(y_true: Any, y_pred: Any, parts: Any) -> float:
    y_true, y_pred = ([y] if isinstance(y, str) else list(y) for y in (y_true, y_pred))
    if len(y_true) != len(y_pred):
        raise ValueError(f"error rates: expected as many texts on both sides. Received: {len(y_true)}, {len(y_pred)}")
    edits = sum(edit_distance(parts(a), parts(b)) for a, b in zip(y_true, y_pred, strict=True))
    length = sum(len(parts(text)) for text in y_true)
    return edits / length if length else float(edits > 0)


# metrics --------------------------------------------------------------------------------------------------------------
class CharacterErrorRate(Metric):
    """Edits by right labels, of labels (batch, labels) and logits of a CTC model (batch, frames, classes).

    The labels of each frame are the likeliest ones (greedy decoding). Behind the last label of a sequence stands the
    blank. Predictions may be labels too, (batch, labels).

    Args:
        mask_index: the class of the blank.

    >>> print(CharacterErrorRate()([[1, 2, 3, 0]], [[1, 3, 0, 0, 0]]).round(3))
    0.333
    """

    direction = "down"
    mask_index: Annotated[int, non_negative] = 0

    def sums(self, y_true, y_pred, sample_weight=None, mask=None):
        right = jnp.asarray(y_true).astype(jnp.int32)
        right, length = packed(right, right != self.mask_index)
        found, count = packed(*self._found(jnp.asarray(y_pred), mask))
        return self._weighed(right, length, found, count, sample_weight)

    def compute(self, sums):
        return ratio(*sums)

    def _found(self, y_pred: jax.Array, mask: Any) -> tuple[jax.Array, jax.Array]:
        """(labels, which of them count)."""
        if y_pred.ndim == 2:
            labels = y_pred.astype(jnp.int32)
            return labels, labels != self.mask_index
        labels = jnp.argmax(y_pred, axis=2).astype(jnp.int32)
        labels = labels if mask is None else jnp.where(mask, labels, self.mask_index)
        before = jnp.pad(labels, ((0, 0), (1, 0)), constant_values=self.mask_index)[:, :-1]
        return labels, (labels != self.mask_index) & (labels != before)

    def _weighed(self, right: Any, length: Any, found: Any, count: Any, weight: Any) -> tuple[jax.Array, jax.Array]:
        edits = edit_distances(right, length, found, count).astype(jnp.float32)
        weights = weights_of(edits, weight, None)
        return jnp.sum(weights * edits), jnp.sum(weights * length)


class WordErrorRate(CharacterErrorRate):
    """Edits of words by right words, of labels (batch, labels) and logits of a CTC model (batch, frames, classes).

    Args:
        mask_index: the class of the blank.
        separator: the class of what stands between words, as a space does.

    >>> print(WordErrorRate(separator=9)([[1, 2, 9, 3, 9, 4]], [[1, 2, 9, 3, 3, 9, 4, 9]]).round(3))
    0.333
    """

    separator: Annotated[int, non_negative] = 1

    def _weighed(self, right, length, found, count, weight):
        words = (*self._words(right, length), *self._words(found, count))
        return super()._weighed(*words, weight)

    def _words(self, labels: jax.Array, count: jax.Array) -> tuple[jax.Array, jax.Array]:
        """(A number for every word of a sequence, how many there are): two words differ as their numbers do, but for
        one chance in 2**32."""
        counted = jnp.arange(labels.shape[1]) < count[:, None]
        inside = counted & (labels != self.separator)

        def letter(word: Any, each: Any) -> tuple[Any, Any]:
            label, inside = each
            word = jnp.where(inside, (word ^ (label.astype(jnp.uint32) + 1)) * jnp.uint32(0x01000193), START)
            return word, word

        columns = (labels.T, inside.T)
        words = lax.scan(letter, jnp.full(len(labels), START, jnp.uint32), columns)[1].T  # (batch, labels)
        ends = inside & ~jnp.pad(inside, ((0, 0), (0, 1)))[:, 1:]
        return packed(words, ends)


START = np.uint32(0x811C9DC5)


def packed(labels: jax.Array, kept: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(What is kept of each row, at its beginning; how many that are): (batch, n) -> (batch, n), (batch,).

    >>> packed(jnp.array([[5, 6, 7]]), jnp.array([[True, False, True]]))[0].tolist()
    [[5, 7, 0]]
    """
    rows = jnp.arange(len(labels))[:, None]
    places = jnp.where(kept, jnp.cumsum(kept, axis=1) - 1, labels.shape[1])
    return jnp.zeros_like(labels).at[rows, places].set(labels, mode="drop"), kept.sum(axis=1)


def edit_distances(a: jax.Array, a_length: Any, b: jax.Array, b_length: Any) -> jax.Array:
    """`edit_distance` of rows, compiled: d[i, j] = min(d[i-1, j] + 1, d[i-1, j-1] + [a_i != b_j], d[i, j-1] + 1).

    Args:
        a, b: (batch, n) and (batch, m).
        a_length, b_length: how many of each row count.

    Returns:
        int32 (batch,).
    """
    columns = jnp.arange(b.shape[1] + 1)
    start = jnp.broadcast_to(columns, (len(a), len(columns)))

    def line(above: Any, each: Any) -> tuple[Any, None]:
        label, i = each  # (batch,), the number of the line
        exchanged = above[:, :-1] + (b != label[:, None])
        least = jnp.concatenate([above[:, :1] + 1, jnp.minimum(above[:, 1:] + 1, exchanged)], axis=1)
        # From the left: d[j] = min over k <= j of least[k] + j - k.
        new = lax.cummin(least - columns, axis=1) + columns
        return jnp.where((i < a_length)[:, None], new, above), None

    last, _ = lax.scan(line, start, (a.T, jnp.arange(a.shape[1])))
    return jnp.take_along_axis(last, b_length[:, None], axis=1)[:, 0]
