"""Which source piece every written piece looked at, as SVG text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

CELL, LETTER, GAP = 20, 8.0, 6  # pixels of a cell, of a letter, and between words and cells


def alignment(source: Sequence[str], target: Sequence[str], weights: Any) -> str:
    """A table of squares: a row for each written piece, a column for each piece read, dark where it looked.

    Args:
        source, target: the pieces.
        weights: (target, source), rows that sum to one.

    Returns:
        An <svg> element.

    >>> alignment(["deep"], ["tief"], [[1.0]]).count("<rect")
    1
    """
    left = GAP + max((_width(word) for word in target), default=0)
    top = GAP + max((_width(word) for word in source), default=0) * 0.75 + LETTER
    parts = []
    for column, word in enumerate(source):
        x, y = left + GAP + (column + 0.6) * CELL, top
        spot = f'x="{x:.0f}" y="{y:.0f}" transform="rotate(-50 {x:.0f} {y:.0f})"'
        parts.append(f'<text class="tick" {spot}>{escape(word.strip())}</text>')
    for row, (word, shares) in enumerate(zip(target, weights, strict=True)):
        y = top + GAP + row * CELL
        at = f'x="{left}" y="{y + 0.7 * CELL:.0f}" text-anchor="end"'
        parts.append(f'<text class="tick" {at}>{escape(word.strip())}</text>')
        parts += [_square(left + GAP + column * CELL, y, share, word, source) for column, share in enumerate(shares)]
    width = left + GAP + len(source) * CELL + max((_width(word) for word in source), default=0) * 0.75
    height = top + 2 * GAP + len(target) * CELL
    told = escape(f"where {len(target)} written pieces looked in {len(source)} pieces read")
    box = f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}"'
    style = 'style="max-width:100%;height:auto;font:12px system-ui,sans-serif" fill="currentColor"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {box} {style} role="img" aria-label="{told}">{"".join(parts)}</svg>'
    )


def _square(x: float, y: float, share: float, word: str, source: Sequence[str]) -> str:
    title = f"<title>{escape(f'{word.strip()}: {float(share):.0%}')}</title>"
    place = f'x="{x:.0f}" y="{y:.0f}" width="{CELL - 1}" height="{CELL - 1}"'
    return f'<rect {place} fill="#4878a8" fill-opacity="{min(1.0, 0.04 + float(share)):.2f}">{title}</rect>'


def _width(word: str) -> float:
    """About how many pixels a word takes: a Chinese character is as wide as it is high."""
    return sum(12 if ord(letter) > 0x2E7F else LETTER * 0.9 for letter in word.strip())
