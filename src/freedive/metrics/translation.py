"""How near translations are to those of people: BLEU and chrF of a whole corpus, the numbers of sacrebleu.

Both count n-grams that are in a translation and in its reference; counts of sentences add up to those of a corpus, and
the score is computed from the sums.
"""

from __future__ import annotations

import collections
import math
import re
import string
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

ORDER = 4  # n-grams of up to so many words count in BLEU
SMOOTHED = ("exp", "floor", "add-k", "none")


class Bleu(NamedTuple):
    """score (0 to 100), precisions of 1-grams to 4-grams (0 to 100), brevity penalty (0 to 1), lengths in words."""

    score: float
    precisions: tuple[float, ...]
    brevity_penalty: float
    length: int
    reference_length: int


# BLEU -------------------------------------------------------------------------------------------------------------
def bleu(
    predictions: Sequence[str],
    references: Sequence[str | Sequence[str]],
    tokenize: str = "13a",
    smooth_method: str = "exp",
    lowercase: bool = False,
) -> Bleu:
    """BLEU of a corpus: the geometric mean of the precisions of 1- to 4-grams, times a penalty for what is too short.

    score = 100 min(1, exp(1 - reference length / length)) exp(mean of log p_n), p_n = matches / n-grams of order n.

    Args:
        predictions: the translations.
        references: for each, what it should be: a text, or several of which any will do.
        tokenize: what a word is: "13a" (WMT's), "zh" (every Chinese character, and 13a for the rest), "char" or "none"
            (what stands between spaces).
        smooth_method: what stands for a precision of no match: "exp" (1/2, 1/4, ... of a match), "floor" (0.1 of one),
            "add-k" (one more match and n-gram from 2-grams on), "none" (then the score is 0).
        lowercase: small letters first.

    Reference: Papineni et al. 2002, https://doi.org/10.3115/1073083.1073135; as sacrebleu counts it: Post 2018, arXiv
    1804.08771; exp: Chen and Cherry 2014, https://doi.org/10.3115/v1/W14-3346.

    >>> round(bleu(["the cat sat on the mat"], ["the cat sat on a mat"]).score, 2)
    53.73
    """
    if tokenize not in TOKENIZERS:
        raise ValueError(f"bleu(tokenize={tokenize!r}): expected one of {', '.join(map(repr, TOKENIZERS))}")
    if smooth_method not in SMOOTHED:
        raise ValueError(f"bleu(smooth_method={smooth_method!r}): expected one of {', '.join(map(repr, SMOOTHED))}")

    def words(text: str) -> list[str]:
        return TOKENIZERS[tokenize]((text.lower() if lowercase else text).rstrip())

    counts = np.zeros(2 + 2 * ORDER, np.int64)
    for prediction, texts in _pairs(predictions, references, "bleu"):
        counts += bleu_counts(words(prediction), [words(text) for text in texts])
    return bleu_of(counts, smooth_method)


def bleu_counts(prediction: Sequence[str], references: Sequence[Sequence[str]]) -> np.ndarray:
    """(length, length of the nearest reference, matches of each order, n-grams of each order): they add up."""
    length = len(prediction)
    nearest = min((len(r) for r in references), key=lambda size: (abs(size - length), size))
    matches, totals = [], []
    for n in range(1, ORDER + 1):
        found, wanted = ngrams(prediction, n), collections.Counter()
        for reference in references:
            wanted |= ngrams(reference, n)
        matches.append((found & wanted).total())
        totals.append(found.total())
    return np.array([length, nearest, *matches, *totals], np.int64)


def bleu_of(counts: np.ndarray, smooth_method: str = "exp") -> Bleu:
    """The score of sums of `bleu_counts`."""
    length, reference_length = map(int, counts[:2])
    matches, totals = (list(map(float, part)) for part in np.split(counts[2:], 2))
    brevity = math.exp(min(0.0, 1 - reference_length / length)) if length else float(reference_length == 0)
    precisions, halved = [0.0] * ORDER, 1.0
    if not any(matches):
        return Bleu(0.0, tuple(precisions), brevity, length, reference_length)
    for n in range(ORDER):
        if smooth_method == "add-k" and n:
            matches[n], totals[n] = matches[n] + 1, totals[n] + 1
        if not totals[n]:
            break
        if not matches[n]:
            halved *= 2 if smooth_method == "exp" else 1
            matches[n] = {"exp": 1 / halved, "floor": 0.1}.get(smooth_method, 0.0)
        precisions[n] = 100 * matches[n] / totals[n]
    logs = [math.log(p) if p else -math.inf for p in precisions]
    return Bleu(brevity * math.exp(sum(logs) / ORDER), tuple(precisions), brevity, length, reference_length)


# words ------------------------------------------------------------------------------------------------------------
SIGNS = re.compile(f"([{re.escape(''.join(set(string.punctuation) - set(',-.') - set(chr(39))))}])")
AFTER_OTHERS, BEFORE_OTHERS = re.compile(r"([^0-9])([.,])"), re.compile(r"([.,])([^0-9])")
HYPHEN = re.compile(r"([0-9])(-)")
ENTITIES = {"&quot;": '"', "&amp;": "&", "&lt;": "<", "&gt;": ">"}
CHINESE = re.compile(
    "([\u2001-\u2a6d\u2e80-\u2fdf\u2ff0-\u303f\u3100-\u312f\u31a0-\u31ef\u3200-\u4db5\u4e00-\u9fbb"
    "\uf900-\ufa2d\ufa30-\ufa6a\ufa70-\ufad9\ufe10-\ufe1f\ufe30-\ufe4f\uff00-\uffef])"
)  # as sacrebleu has it, dashes and quotes of U+2001 to U+2A6D with them


def western_words(text: str) -> list[str]:
    """Words and signs apart; a point or comma stays in a number, a hyphen in a word.

    >>> western_words("It's 3,141.5 km-long, isn't it?")
    ["It's", '3,141.5', 'km-long', ',', "isn't", 'it', '?']
    """
    text = SIGNS.sub(r" \1 ", text)
    text = AFTER_OTHERS.sub(r"\1 \2 ", text)
    text = BEFORE_OTHERS.sub(r" \1 \2", text)
    return HYPHEN.sub(r"\1 \2 ", text).split()


def words_13a(text: str) -> list[str]:
    """The words of mteval 13a, WMT's measure.

    >>> words_13a("Hello, &quot;world&quot;.")
    ['Hello', ',', '"', 'world', '"', '.']
    """
    text = text.replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity, sign in ENTITIES.items():
        text = text.replace(entity, sign)
    return western_words(f" {text} ")


def words_zh(text: str) -> list[str]:
    """Every Chinese character, and the words between them.

    >>> words_zh("我有3.5本book。")
    ['我', '有', '3.5', '本', 'book', '。']
    """
    return western_words(CHINESE.sub(r" \1 ", text.strip()))


TOKENIZERS: dict[str, Callable[[str], list[str]]] = {
    "13a": words_13a,
    "zh": words_zh,
    "char": lambda text: list("".join(text.split())),
    "none": str.split,
}


# chrF -------------------------------------------------------------------------------------------------------------
def chrf(
    predictions: Sequence[str],
    references: Sequence[str | Sequence[str]],
    char_order: int = 6,
    word_order: int = 0,
    beta: float = 2.0,
    lowercase: bool = False,
) -> float:
    """chrF of a corpus: F of the n-grams of characters, spaces apart, from 0 to 100.

    With P and R the means of precision and recall over the orders: 100 (1 + beta^2) P R / (beta^2 P + R).

    Args:
        predictions, references, lowercase: as of `bleu`.
        char_order: n-grams of up to so many characters.
        word_order: n-grams of words count too, up to this order: 2 for chrF++.
        beta: how much more recall counts than precision.

    Reference: Popović 2015, https://doi.org/10.18653/v1/W15-3049.

    >>> round(chrf(["the cat sat on the mat"], ["the cat sat on a mat"]), 2)
    72.08
    """
    orders = char_order, word_order
    total = np.zeros((char_order + word_order, 3), np.int64)
    for prediction, texts in _pairs(predictions, references, "chrf"):
        prediction, texts = (prediction.lower(), [t.lower() for t in texts]) if lowercase else (prediction, texts)
        counts = [chrf_counts(prediction, text, *orders) for text in texts]
        total += max(counts, key=lambda c: chrf_of(c, beta))
    return chrf_of(total, beta)


def chrf_counts(prediction: str, reference: str, char_order: int = 6, word_order: int = 0) -> np.ndarray:
    """Of every order (n-grams of the prediction, of the reference, of both): they add up."""
    found, wanted = (_chrf_ngrams(text, char_order, word_order) for text in (prediction, reference))
    pairs = zip(found, wanted, strict=True)
    return np.array([(f.total() if w else 0, w.total(), (f & w).total()) for f, w in pairs], np.int64)


def chrf_of(counts: np.ndarray, beta: float = 2.0) -> float:
    """The score of sums of `chrf_counts`."""
    found, wanted, both = counts[(counts[:, 0] > 0) & (counts[:, 1] > 0)].T
    if not both.any():
        return 0.0
    precision, recall = float(np.mean(both / found)), float(np.mean(both / wanted))
    return 100 * (1 + beta**2) * precision * recall / (beta**2 * precision + recall)


def _chrf_ngrams(text: str, char_order: int, word_order: int) -> list[collections.Counter]:
    letters, words = "".join(text.split()), [part for word in text.split() for part in _parted(word)]
    return [ngrams(letters, n + 1) for n in range(char_order)] + [ngrams(words, n + 1) for n in range(word_order)]


def _parted(word: str) -> list[str]:
    """A word and the sign at its end, or at its beginning."""
    if len(word) > 1 and word[-1] in string.punctuation:
        return [word[:-1], word[-1]]
    if len(word) > 1 and word[0] in string.punctuation:
        return [word[0], word[1:]]
    return [word]


# counting ---------------------------------------------------------------------------------------------------------
def ngrams(sequence: Sequence[Any], n: int) -> collections.Counter:
    """How often each run of n things is in a sequence.

    >>> ngrams("abab", 2)[("a", "b")]
    2
    """
    return collections.Counter(zip(*(sequence[i:] for i in range(n)), strict=False))


def _pairs(predictions: Any, references: Any, who: str) -> Iterator[tuple[str, list[str]]]:
    for name, given in (("predictions", predictions), ("references", references)):
        if isinstance(given, str):
            raise TypeError(f"{who}({name}=...): expected a list of texts. Received one text: {given[:40]!r}")
    predictions, references = list(predictions), list(references)
    if len(predictions) != len(references):
        raise ValueError(
            f"{who}: expected one reference, or list of references, a prediction. "
            f"Received {len(predictions)} predictions and {len(references)} references"
        )
    for place, (prediction, reference) in enumerate(zip(predictions, references, strict=True)):
        texts = [reference] if isinstance(reference, str) else list(reference)
        if not texts or not all(isinstance(text, str) for text in (prediction, *texts)):
            raise TypeError(f"{who}: row {place}: expected texts. Received {prediction!r:.40} and {reference!r:.40}")
        yield prediction, texts
