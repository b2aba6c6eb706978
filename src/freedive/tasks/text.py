"""Texts and what they say."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

import numpy as np

from ..config import Fraction, PositiveInt, one_of
from ..core.graph import Input
from ..data.writing import composed
from ..models import Model
from ..preprocessing.embeddings import load_embeddings
from ..preprocessing.split import twins
from ..preprocessing.vocabulary import BytePairVocabulary, CharacterVocabulary, Vocabulary, WordVocabulary
from ..preprocessing.vocabulary.base import each_text
from .base import Settings
from .baselines import Baseline
from .classifier import Classifier
from .reading import Reader, Texts
from .text_baselines import text_baselines
from .text_explaining import attention_section, explained
from .text_networks import NETWORKS, Choices

VOCABULARIES: dict[str, Any] = {
    "words": WordVocabulary,
    "characters": CharacterVocabulary,
    "byte pairs": BytePairVocabulary,
}
FEW_TEXTS = 50_000  # below, averaged words learn as much as any network here, in a tenth of the time
COVERED = 99  # percent of the texts that are read whole, where no length is given


def same_texts(texts: Any, labels: Any) -> np.ndarray | None:
    """Groups of texts that are the same, see `split.twins`.

    >>> same_texts(["good", "bad", " good", "fine", "poor"], [1, 0, 1, 1, 0]).tolist()
    [0, 1, 0, 2, 3]
    """
    return twins((composed(text.strip()) for text in texts), list(labels))


class TextClassifier(Classifier):
    """Tell what texts are about, or how they are meant.

    Args:
        network: "average" (of the vectors of words and of pairs of words), "cnn" (Kim 2014), "lstm" (in both
            directions), "gru" (in both directions, with attention), "transformer" (two blocks); None: "average" below
            50,000 texts, else "cnn".
        vocabulary: "words" (every Chinese character counts as one), "characters", "byte pairs", or a `Vocabulary`.
        size: how many of the most frequent pieces are known, at most.
        length: pieces of a text that are read; None: as many as 99% of the texts have.
        width: of a word's vector and the layers behind it.
        dropout: of word vectors and before the last layer.
        embeddings: a GloVe or word2vec file whose vectors the words begin with; `pretrained` tells how many it has.
        column: of tables that `freedive predict` reads, that holds the texts.
        whole: whether a .txt file that it reads is one text, rather than a text in every line.

    A text that stands there more than once is learned from or kept aside (see `validation`), not both.

    >>> texts = ["deep and good", "good", "bad and long", "bad"] * 8
    >>> task = TextClassifier(epochs=20, verbose=0).fit(texts, [1, 1, 0, 0] * 8)
    >>> task.predict(["good"]).tolist()
    [1]
    """

    noun: ClassVar[str] = "texts"

    _: dataclasses.KW_ONLY
    network: Annotated[Any, one_of(None, *NETWORKS)] = None
    vocabulary: Any = "words"
    size: PositiveInt = 20_000
    length: PositiveInt | None = None
    width: PositiveInt = 100
    dropout: Fraction = 0.5
    embeddings: Any = None
    column: str | None = None
    whole: bool = False

    pretrained = None

    def check_parameters(self) -> None:
        super().check_parameters()
        if not isinstance(self.vocabulary, Vocabulary) and self.vocabulary not in VOCABULARIES:
            kinds = ", ".join(map(repr, VOCABULARIES))
            raise ValueError(f"TextClassifier(vocabulary={self.vocabulary!r:.80}): expected {kinds} or a Vocabulary")

    def checked(self, X: Any, y: Any) -> tuple[Any, Any]:
        X, y = super().checked(X, y)
        if not max(len(text.strip()) for text in each_text(X)):  # looks at every row, as the user counts them
            raise ValueError("TextClassifier.fit(X=...): all texts are empty")
        return X, y

    def parted(self, X: Any, y: Any, validation_data: Any = None, groups: Any = None) -> Any:
        """The same text is learned from, or kept aside."""
        return super().parted(X, y, validation_data, same_texts(X, y) if groups is None else groups)

    def learn_reader(self, X: Any) -> Reader:
        texts = list(X)
        kind = VOCABULARIES.get(self.vocabulary) if isinstance(self.vocabulary, str) else None
        vocabulary: Any = self.vocabulary if kind is None else kind.learned(texts, self.size)
        lengths = [len(vocabulary.encode(text)) for text in texts] if self.length is None else []
        length = self.length or max(1, int(np.percentile(lengths, COVERED)))
        return Texts(vocabulary, length, self.column, self.whole)

    def explain(self, X: Sequence[str]) -> list[list[tuple[str, float]]]:
        """What the answers rest on: (piece, weight) for the pieces of each text.

        Of the network "gru" these are the weights of its attention, which sum to 1; of the others, how much the
        probability of the answer falls where the piece is unknown.
        """
        self.check_fitted()
        return explained(self, X)

    def baselines(self, X: Any, y: Any, X_test: Any, y_test: Any) -> list[Baseline]:
        return text_baselines(X, y, X_test, y_test)

    def sections(self, X: Any, outputs: Any, y: Any) -> list[Any]:
        return [attention_section(self, X, outputs)]

    def usual(self, rows: int) -> Settings:
        if self.network_for(rows) == "average":
            return Settings(epochs=6, batch_size=50, learning_rate=3e-3)
        return Settings(epochs=8, batch_size=50, learning_rate=1e-3)

    def network_for(self, rows: int) -> str:
        """The name of the network for so many texts."""
        return self.network or ("average" if rows < FEW_TEXTS else "cnn")

    def make_network(self, x: Any, y: Any) -> Any:
        network = self.network_for(len(x))
        numbers = Input(x.shape[1:], dtype="int32")
        choices = Choices(self.reader.vocabulary.size, x.shape[1], self.width, self.dropout)
        if self.embeddings is not None:
            self.pretrained = load_embeddings(self.embeddings, self.reader.vocabulary, self.seed)
            choices = choices._replace(width=self.pretrained.table.shape[1])
        model = Model(numbers, self.target.head()(NETWORKS[network](numbers, choices)))
        if self.pretrained is not None:
            model.get_layer("words").set_weights([self.pretrained.table])
        return model
