"""The networks of `TextClassifier`: from word numbers to what the last layer takes, as functions of symbols."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from .. import layers

PAIRS, PAIR_WIDTH = 2**16, 16  # bins of pairs, and the size of their vectors


class Choices(NamedTuple):
    """What the networks are made by.

    words: how many numbers the vocabulary has.
    length: of a text.
    width: of a word's vector, and of the layers behind it.
    dropout: of word vectors and before the last layer.
    """

    words: int
    length: int
    width: int
    dropout: float

    def embedded(self, numbers: Any, mask: bool = True) -> Any:
        """Words as vectors: (batch, length) -> (batch, length, width)."""
        return layers.Embedding(self.words, self.width, mask_zero=mask, name="words")(numbers)

    def dropped(self, x: Any) -> Any:
        """Some of the numbers left out in training."""
        return layers.Dropout(self.dropout)(x) if self.dropout else x


def average(numbers: Any, choices: Choices) -> Any:
    """The averages of the vectors of words, and of pairs of neighbouring words (fastText: Joulin et al. 2016)."""
    found = [choices.embedded(numbers)]
    if choices.length > 1:
        found.append(layers.Embedding(PAIRS, PAIR_WIDTH, mask_zero=True)(layers.HashedPairs(PAIRS)(numbers)))
    averages = [layers.GlobalAveragePooling1D()(vectors) for vectors in found]
    return choices.dropped(averages[0] if len(averages) == 1 else layers.Concatenate()(averages))


def cnn(numbers: Any, choices: Choices) -> Any:
    """Filters over 3, 4 and 5 neighbouring words, and where each answers most (Kim 2014)."""
    x = choices.dropped(choices.embedded(numbers, mask=False))
    sizes = [size for size in (3, 4, 5) if size <= choices.length] or [1]
    found = [layers.Conv1D(choices.width, size, activation="relu")(x) for size in sizes]
    strongest = [layers.GlobalMaxPooling1D()(answers) for answers in found]
    return choices.dropped(strongest[0] if len(sizes) == 1 else layers.Concatenate()(strongest))


def lstm(numbers: Any, choices: Choices) -> Any:
    """An LSTM in both directions."""
    x = choices.dropped(choices.embedded(numbers))
    return choices.dropped(layers.Bidirectional(layers.LSTM(choices.width // 2))(x))


def gru(numbers: Any, choices: Choices) -> Any:
    """A GRU in both directions, and attention over its steps."""
    x = choices.dropped(choices.embedded(numbers))
    steps = layers.Bidirectional(layers.GRU(choices.width // 2, return_sequences=True))(x)
    pooled, _ = layers.AttentionPooling1D(choices.width, return_attention_scores=True)(steps)
    return choices.dropped(pooled)


def transformer(numbers: Any, choices: Choices) -> Any:
    """Two blocks of a Transformer over words that know their place, and their average."""
    x = choices.embedded(numbers)
    x = choices.dropped(layers.Add()([x, layers.PositionEmbedding(choices.length)(x)]))
    heads = next(count for count in (4, 2, 1) if choices.width % count == 0)
    for _ in range(2):
        x = layers.TransformerEncoder(2 * choices.width, heads, dropout=0.1, normalize_first=True)(x)
    return choices.dropped(layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x)))


NETWORKS: dict[str, Callable[[Any, Choices], Any]] = {
    "average": average,
    "cnn": cnn,
    "lstm": lstm,
    "gru": gru,
    "transformer": transformer,
}
