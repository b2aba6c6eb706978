"""What the report says of a translator: sentences, how far the network's sureness can be trusted, where it looked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..report import page
from ..report.page import Html, Section

SHOWN, DRAWN = 20, 2  # sentences of a table, and those whose attention is drawn
PARTS, LEAST = 4, 10  # how many parts of the sentences are compared by sureness, and the fewest sentences of one


def translation_sections(task: Any, X: Sequence[str], outputs: Sequence[Any], y: Sequence[str]) -> list[Section]:
    """The parts of the report: `y` is what people wrote."""
    everywhere = np.unique(np.linspace(0, len(X) - 1, SHOWN, dtype=int))  # files are often sorted by length
    shown = Section("Translations", sentences(task, everywhere, X, outputs, y))
    middle = everywhere[len(everywhere) // 2 :][:DRAWN]
    drawn = Html("".join(task.attention(X[place]).svg() for place in middle))
    note = "A row for every piece that was written: dark where the network looked in the sentence."
    looked = Section("Attention", drawn, note)
    if len(X) < PARTS * LEAST:
        return [shown, looked]
    return [shown, surest_section(task, X, outputs, y), trust_section(task, outputs, y), looked]


def surest_section(task: Any, X: Sequence[str], outputs: Sequence[Any], y: Sequence[str]) -> Section:
    """The translations that the network is surest of, among the longer half: short ones are sure more easily."""
    found = sentences(task, surest(X, outputs), X, outputs, y)
    note = "Sure: the mean probability of the pieces that were written. Of the sentences of at least the usual length."
    return Section("The translations it is surest of", found, note)


def surest(X: Sequence[str], outputs: Sequence[Any]) -> list[int]:
    """The places of the surest translations of different sentences that are at least of median length."""
    usual = np.median([len(text) for text in X])
    long = [place for place, text in enumerate(X) if len(text) >= usual]
    order = sorted(long, key=lambda place: -outputs[place].sure)
    different = {X[place]: place for place in reversed(order)}  # the surest of each sentence stays
    return sorted(different.values(), key=lambda place: -outputs[place].sure)[:SHOWN]


def trust_section(task: Any, outputs: Sequence[Any], y: Sequence[str]) -> Section:
    """BLEU and chrF of the surest part of the sentences, and of the parts after it."""
    order = np.argsort([-said.sure for said in outputs], kind="stable")
    rows = []
    for part in np.array_split(order, PARTS):
        sure = [outputs[place].sure for place in part]
        found = task.target.scored([outputs[place] for place in part], [y[place] for place in part])
        scores = (f"{found[name]:.1f}" for name in ("bleu", "chrf"))
        rows.append([f"{min(sure):.0%} to {max(sure):.0%}", len(part), *scores])
    titles = ["sure", "sentences", *(task.target.words[name] for name in ("bleu", "chrf"))]
    note = "Where the network is less sure, a person should look at what it wrote."
    return Section("How far to trust a translation", page.table(titles, rows), note)


def sentences(
    task: Any, places: Sequence[int] | np.ndarray, X: Sequence[str], outputs: Sequence[Any], y: Sequence[str]
) -> Html:
    """Some sentences, their translations, what people wrote, and how sure the network is."""
    said = task.target.decoded([outputs[place] for place in places])
    rows = [(X[at], text, y[at], f"{outputs[at].sure:.0%}") for at, text in zip(places, said, strict=True)]
    return page.table(["sentence", "translation", "by people", "sure"], rows, words=3, heads=False, kind="sentences")
