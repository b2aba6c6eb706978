"""How amounts were told, for a page: answers over the truth, and the largest errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import numpy as np

from ..preprocessing.scaling import spread
from . import page
from .page import Html, Section
from .svg import BOTTOM, HEIGHT, TOP, nice_ticks

SIDE, LEFT = 320, 64
DOTS = 800  # rows that are drawn, evenly taken of them all
LARGEST = 10


def amount_sections(y_true: Any, y_pred: Any, names: Sequence[str] = ()) -> list[Section]:
    """What the test rows tell about answers that are amounts.

    Args:
        y_true, y_pred: (rows,) or (rows, amounts).
        names: of the amounts, where there are several.
    """
    true, said = (np.asarray(a, np.float64).reshape(len(a), -1) for a in (y_true, y_pred))
    names = names or [f"amount {place + 1}" for place in range(true.shape[1])] if true.shape[1] > 1 else [""]
    note = "Every dot is a test row; on the line, the answer is what is true."
    if len(true) > DOTS:
        note = f"Every dot is one of {DOTS:,} of the {len(true):,} test rows; on the line, the answer is what is true."
    charts = "".join(scatter(*columns) for columns in zip(true.T, said.T, names, strict=True))
    return [Section("Answers and what is true", Html(f'<div class="charts">{charts}</div>'), note),
            largest(true, said, names)]  # fmt: skip


def scatter(true: np.ndarray, said: np.ndarray, name: str = "") -> Html:
    """Answers over what is true, (rows,) each, as an <svg> element."""
    ticks = nice_ticks(min(true.min(), said.min()), max(true.max(), said.max()))
    low, high = ticks[0], ticks[-1]
    show = written(ticks)

    def x(value: float) -> float:
        return LEFT + (value - low) / (high - low) * SIDE

    def y(value: float) -> float:
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM - 12)

    foot = y(low)
    parts = [
        f'<line class="grid" x1="{LEFT}" x2="{LEFT + SIDE}" y1="{y(t):.1f}" y2="{y(t):.1f}"/>'
        f'<text class="tick" x="{LEFT - 8}" y="{y(t) + 4:.1f}" text-anchor="end">{escape(show(t))}</text>'
        f'<text class="tick" x="{x(t):.1f}" y="{foot + 17:.1f}" text-anchor="middle">{escape(show(t))}</text>'
        for t in ticks
    ]
    parts.append(f'<line class="mark" x1="{x(low)}" x2="{x(high)}" y1="{foot}" y2="{y(high)}"/>')
    shown = np.unique(np.linspace(0, len(true) - 1, DOTS).round().astype(int)) if len(true) > DOTS else range(len(true))
    parts += [
        f'<circle class="dot" cx="{x(true[row]):.1f}" cy="{y(said[row]):.1f}" r="2.5">'
        f"<title>{escape(f'test row {row}: is {true[row]:.5g}, answered {said[row]:.5g}')}</title></circle>"
        for row in shown
    ]
    words = escape(f"what is true{f' of {name}' if name else ''}; upwards, the answer")
    parts.append(f'<text class="tick" x="{LEFT + SIDE / 2}" y="{foot + 35:.1f}" text-anchor="middle">{words}</text>')
    told = escape(f"{name} answers over what is true, {len(true):,} test rows".strip())
    box = f"0 0 {LEFT + SIDE + 24} {foot + 42:.0f}"
    return Html(f'<svg class="chart" viewBox="{box}" role="img" aria-label="{told}">{"".join(parts)}</svg>')


def written(ticks: Sequence[float]) -> Callable[[float], str]:
    """How the numbers of an axis are written: alike, and short.

    >>> [written([0.0, 0.5])(0.5), written([0.0, 20000.0])(20000.0), written([0.0, 5e6])(5e6)]
    ['0.5', '20,000', '5e+06']
    """
    largest, step = max(map(abs, ticks)), ticks[1] - ticks[0]
    if largest >= 1e6 or step < 1e-4:
        return lambda value: f"{value:.3g}"
    decimals = max(0, -int(np.floor(np.log10(step) + 1e-9)))
    return lambda value: f"{value:,.{decimals}f}"


def largest(true: np.ndarray, said: np.ndarray, names: Sequence[str]) -> Section:
    """The rows whose answers are furthest from the truth, in deviations of the amount."""
    off = np.abs(said - true) / spread(true)
    places = np.argsort(-off, axis=None, kind="stable")[:LARGEST]
    several, rows = len(names) > 1, []
    for row, column in zip(*np.unravel_index(places, off.shape), strict=True):
        numbers = true[row, column], said[row, column], said[row, column] - true[row, column]
        rows.append([f"{row}", *([names[column]] if several else []), *(f"{number:.5g}" for number in numbers)])
    heads = ["test row", *(["amount"] if several else []), "is", "answered", "off by"]
    return Section("The largest errors", page.table(heads, rows), f"The {len(rows)} answers furthest from the truth.")
