"""How a classifier fared, for a page: the confusion matrix, the scores of every class, the worst mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import page
from .page import Html, Section, html
from .pictures import data_uri, is_picture
from .scores import ClassScore, Mistake, accuracy, class_scores, confusion_matrix, confusions, worst_mistakes

MATRIX_CLASSES = 20  # with more classes, the most frequent confusions are listed instead
UPRIGHT = 5  # with more classes, their names stand upright above the columns on narrow pages
MISTAKES = 24
DEEPEST = 5  # the deepest red stands for at least so many mistakes


def class_sections(names: Sequence[str], y_true: Any, probabilities: Any, samples: Any) -> list[Section]:
    """What the test rows tell about a classifier.

    Args:
        names: of the classes.
        y_true: (rows,) class numbers.
        probabilities: (rows, classes).
        samples: the rows as people see them: pictures, texts; None to show none.
    """
    matrix = confusion_matrix(y_true, np.argmax(probabilities, 1), len(names))
    sections = [_confusions(matrix, names), _scores(matrix, names)]
    if samples is not None:
        sections.append(_mistakes(worst_mistakes(y_true, probabilities, MISTAKES), samples, names))
    return sections


# confusion matrix ---------------------------------------------------------------------------------------------------
def _confusions(matrix: np.ndarray, names: Sequence[str]) -> Section:
    rows, wrong = int(matrix.sum()), int(matrix.sum() - np.trace(matrix))
    note = f"Of {rows:,} test rows, {wrong:,} {'was' if wrong == 1 else 'were'} called something else than they are."
    if len(names) <= MATRIX_CLASSES:
        note += " A row of the table is a class, a column what its rows were called."
        return Section("Confusion matrix", matrix_table(matrix, names), note)
    often = [[names[true], names[said], count] for true, said, count in confusions(matrix)]
    body = page.table(["is", "called", "times"], often, words=2) if often else ""
    return Section("The most frequent confusions", body, note)


def matrix_table(matrix: np.ndarray, names: Sequence[str]) -> Html:
    """A confusion matrix as a table: blue on the diagonal by recall, red beside it by how often."""
    wrong = matrix - np.diag(np.diag(matrix))
    parts = np.where(np.eye(len(matrix), dtype=bool), matrix / np.maximum(matrix.sum(1, keepdims=True), 1), 0)
    parts = parts + wrong / max(DEEPEST, wrong.max())
    head = '<td class="corner" aria-hidden="true">is ↓ called →</td>'
    head += "".join(f'<th scope="col">{html(name)}</th>' for name in names)
    body = ""
    for i, name in enumerate(names):
        cells = (_matrix_cell(name, said, int(matrix[i, j]), parts[i, j], i == j) for j, said in enumerate(names))
        body += f'<tr><th scope="row">{html(name)}</th>{"".join(cells)}</tr>'
    letters = 9 * min(max(map(len, names)), 14)
    sizes = f"--classes:{len(names)};--head:{max(96, letters + 24)}px;--head-narrow:{letters + 16}px"
    kind = "matrix many" if len(names) > UPRIGHT else "matrix"
    whole = f'<table class="{kind}" style="{sizes}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return Html(f'<div class="wide">{whole}</div>')


def _matrix_cell(true: str, said: str, count: int, part: float, hit: bool) -> str:
    if not count:
        return '<td class="none">0</td>'
    kind = ("hit" if hit else "miss") + (" strong" if part > 0.5 else "")
    told = html(f"{true} called {said}: {count}")
    return f'<td class="{kind}" style="--part:{part:.3f}" title="{told}">{count}</td>'


# scores ---------------------------------------------------------------------------------------------------------------
def _scores(matrix: np.ndarray, names: Sequence[str]) -> Section:
    found = class_scores(matrix, names)
    rows = [[s.name, *map(_score, (s.precision, s.recall, s.f1)), f"{s.rows:,}"] for s in found]
    rows.append(["mean", *map(_score, macro_means(found)), f"{int(matrix.sum()):,}"])
    note = (
        "Precision: of what was called so, the part that is. Recall: of what is so, the part that was called so. "
        f"F1: their harmonic mean. A part of nothing counts as 0. Accuracy over all rows: {accuracy(matrix):.2%}."
    )
    return Section("Class by class", page.table(["class", "precision", "recall", "F1", "rows"], rows), note)


def macro_means(scores: Sequence[ClassScore]) -> list[float]:
    """The means of precision, recall and F1 over the classes.

    >>> macro_means([ClassScore("a", 1.0, 0.5, 0.6, 2), ClassScore("b", 0.0, 0.0, 0.0, 1)])
    [0.5, 0.25, 0.3]
    """
    return [float(np.mean(column)) for column in list(zip(*scores, strict=True))[1:4]]


def _score(value: float) -> Html:
    return page.bar(value, f"{value:.1%}")


# mistakes -------------------------------------------------------------------------------------------------------------
def _mistakes(found: Sequence[Mistake], samples: Any, names: Sequence[str]) -> Section:
    title = "The worst mistakes"
    if not found:
        return Section(title, "", "None: every test row was called what it is.")
    many = f"The {len(found)} wrong answers that were" if len(found) > 1 else "The one wrong answer that was"
    note = f"{many} given with most confidence."
    if is_picture(samples[0]):
        return Section(title, gallery(found, samples, names), note)
    rows = [[str(samples[m.row]), names[m.true], names[m.said], f"{m.confidence:.1%}"] for m in found]
    return Section(
        title, page.table(["row", "is", "called", "confidence"], rows, words=3, heads=False, kind="texts"), note
    )


def gallery(mistakes: Sequence[Mistake], pictures: Any, names: Sequence[str]) -> Html:
    """Pictures with what they are, what they were called, and how surely."""
    shown = ""
    for m in mistakes:
        true, said = html(names[m.true]), html(names[m.said])
        told = f"test row {m.row}: is {true}, called {said}"
        image = f'<img src="{data_uri(pictures[m.row])}" alt="{told}" title="{told}">'
        words = (
            f'is <span class="true">{true}</span>, called <span class="said">{said}</span><br>{m.confidence:.1%} sure'
        )
        shown += page.figure(image, Html(words))
    return Html(f'<div class="gallery">{shown}</div>')
