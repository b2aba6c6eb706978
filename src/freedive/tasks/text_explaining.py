"""Which words an answer rests on: by the network's own attention, or by leaving out one word at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import layers
from ..models import Model
from ..report.page import Section, html

SHOWN = 12  # texts in a report
Weights = list[tuple[str, float]]


def explained(task: Any, texts: Sequence[str]) -> list[Weights]:
    """(piece, weight) of each text, see `TextClassifier.explain`."""
    reader = task.reader
    numbers = reader.encoded(texts)
    pieces = [reader.vocabulary.pieces(str(text))[: reader.length] for text in texts]
    attention = next((l for l in task.model.layers if isinstance(l, layers.AttentionPooling1D)), None)
    if attention is not None:
        table = Model(task.model.input, attention.output[1]).predict(numbers, verbose=0)
        return [list(zip(words, map(float, row), strict=False)) for words, row in zip(pieces, table, strict=True)]
    return [_by_absence(task, words, row) for words, row in zip(pieces, numbers, strict=True)]


def _by_absence(task: Any, words: list[str], row: np.ndarray) -> Weights:
    """How much the probability of the answer falls when a word becomes unknown."""
    absent = np.repeat(row[None], len(words) + 1, axis=0)
    places = np.arange(len(words))
    absent[places + 1, places] = 1
    given = task.target.probabilities(task.answer(absent))
    answer = given[0].argmax()
    return list(zip(words, (given[0, answer] - given[1:, answer]).astype(float).tolist(), strict=True))


def attention_section(task: Any, texts: Sequence[str], outputs: Any) -> Section:
    """Some texts with their words shaded by weight, for a report."""
    chosen = [str(text) for text in texts[:SHOWN]]
    answers = task.target.decoded(outputs[: len(chosen)])
    rows = "".join(
        f"<p><b>{html(answer)}</b> {_shaded(weights)}</p>"
        for answer, weights in zip(answers, explained(task, chosen), strict=True)
    )
    return Section("What the answers rest on", rows, "The stronger the shade, the more a word weighs.")


def _shaded(weights: Weights) -> str:
    most = max((weight for _, weight in weights), default=0.0) or 1.0
    return " ".join(
        f'<span style="background:rgba(56,132,255,{0.6 * max(0.0, weight) / most:.2f})">{html(word)}</span>'
        for word, weight in weights
    )
