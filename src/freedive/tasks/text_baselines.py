"""What a network for texts must beat: logistic regression on pairs of neighbouring words."""

from __future__ import annotations

from typing import Any

from ..preprocessing.vocabulary import Vocabulary, WordVocabulary


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
    counted = TfidfVectorizer(tokenizer=pieces, token_pattern=None, ngram_range=(1, 2), sublinear_tf=True)
    return make_pipeline(counted, LogisticRegression(C=C, max_iter=1000)).fit([str(text) for text in X], y)
