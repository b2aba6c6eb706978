"""What a network for texts must beat: methods that count words and pairs of neighbouring words."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, pairwise
from typing import Any

import numpy as np

from ..preprocessing.vocabulary import Vocabulary, WordVocabulary
from .baselines import Baseline, Majority
from .beside import scored_in_turn

MOST_PAIRS = 200_000  # words and pairs that are counted


def text_baselines(X: Sequence[str], y: Any, X_test: Sequence[str], y_test: Any) -> list[Baseline]:
    """Majority, naive Bayes and (with scikit-learn) logistic regression: accuracy on the test texts, the best first."""
    y, y_test = np.asarray(y), np.asarray(y_test)
    methods: dict[str, Callable[[], Any]] = {
        "majority": lambda: Majority().fit(X, y),
        "naive Bayes on pairs of words": lambda: NaiveBayes().fit(X, y),
    }
    if importlib.util.find_spec("sklearn") is not None:
        methods["logistic regression on pairs of words"] = lambda: ngram_logistic(X, y)
    scores = {name: lambda make=make: np.mean(make().predict(X_test) == y_test) for name, make in methods.items()}
    return scored_in_turn(scores, len(y))


class NaiveBayes:
    """Naive Bayes on words and pairs of neighbouring words, each counted once a text.

    score(class) = log P(class) + sum over the n-grams of a text of log P(n-gram | class), with one added to all counts.

    Reference: S. Wang and C. Manning, "Baselines and bigrams", 2012, https://aclanthology.org/P12-2018/.

    >>> NaiveBayes().fit(["deep and good", "long and bad"] * 4, [1, 0] * 4).predict(["good"]).tolist()
    [1]
    """

    def fit(self, X: Iterable[str], y: Any) -> NaiveBayes:
        """Count."""
        found, y = [ngrams(text) for text in X], np.asarray(y)
        most = Counter(chain.from_iterable(found)).most_common(MOST_PAIRS)
        self.places = {ngram: place for place, (ngram, _) in enumerate(most)}
        self.values, classes = np.unique(y, return_inverse=True)
        counts = np.ones((len(self.values), len(self.places)))
        for ngram_set, label in zip(found, classes, strict=True):
            counts[label, self._known(ngram_set)] += 1
        self.logs = np.log(counts / counts.sum(axis=1, keepdims=True))
        self.prior = np.log(np.bincount(classes) / len(classes))
        return self

    def predict(self, X: Iterable[str]) -> np.ndarray:
        """The class of the largest score."""
        scores = [self.prior + self.logs[:, self._known(ngrams(text))].sum(axis=1) for text in X]
        return self.values[np.argmax(scores, axis=1)]

    def _known(self, found: Iterable[str]) -> list[int]:
        return [self.places[ngram] for ngram in found if ngram in self.places]


def ngrams(text: str) -> set[str]:
    """The words of a text, and its pairs of neighbouring words.

    >>> sorted(ngrams("Deep dive"))
    ['deep', 'deep dive', 'dive']
    """
    words = WordVocabulary(()).pieces(str(text))
    return {*words, *map(" ".join, pairwise(words))}


def ngram_logistic(X: Any, y: Any, vocabulary: Vocabulary | None = None, C: float = 4.0) -> Any:
    """Words and pairs of words, weighted by tf-idf, and a logistic regression; scikit-learn's, fitted.

    Args:
        X: texts.
        y: their classes.
        vocabulary: whose pieces are the words; None: words, and every Chinese character.
        C: the larger, the weaker the penalty of the weights.

    Returns:
        A pipeline with `predict`, `predict_proba` and `score`. Needs `pip install scikit-learn`.

    >>> model = ngram_logistic(["deep and good", "long and bad"] * 4, [1, 0] * 4)
    >>> model.predict(["good"]).tolist()
    [1]
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    pieces = (vocabulary or WordVocabulary(())).pieces
    options: dict[str, Any] = {"tokenizer": pieces, "token_pattern": None}
    counted = TfidfVectorizer(**options, ngram_range=(1, 2), sublinear_tf=True)
    return make_pipeline(counted, LogisticRegression(C=C, max_iter=1000)).fit([str(text) for text in X], y)
