"""Line charts as SVG text: they scale, follow the page's light or dark colours, and need no other library."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

from ..errors import counted

WIDTH, HEIGHT = 460, 280
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 14, 34
POINTS = 400  # a longer line is drawn by its extremes
DOTS = 40  # a longer line has no dots


class Series(NamedTuple):
    """A line: its name, its class in the style sheet, its values by epoch."""

    name: str
    style: str
    values: Sequence[float | None]


def chart(
    title: str, series: Sequence[Series], show: Callable[[float], str], zero: bool = False, mark: int | None = None
) -> str:
    """A line chart over epochs.

    Args:
        title: what it shows; also read out by screen readers, with the first and last values.
        series: the lines; values that are None or not finite are left out.
        show: how a value is written.
        zero: whether the axis begins at 0.
        mark: the epoch, counted from 1, that a vertical line marks.

    Returns:
        An <svg> element; empty text if there is nothing to draw.
    """
    found = [v for s in series for v in _finite(s.values) if v is not None]
    if not found:
        return ""
    count = max(len(s.values) for s in series)
    ticks = nice_ticks(0.0 if zero else min(found), max(found))
    low, high = min(ticks[0], *found), max(ticks[-1], *found)

    def x(epoch: float) -> float:
        return LEFT + (epoch - 0.5 if count == 1 else (epoch - 1) / (count - 1)) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [_grid(ticks, show, y), _epochs(count, x)]
    if mark is not None:
        parts.append(f'<line class="mark" x1="{x(mark):.1f}" x2="{x(mark):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
    parts += [_line(s, x, y, show) for s in series]
    told = escape(_told(title, series, show))
    body = "".join(parts)
    return f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{told}">{body}</svg>'


def _grid(ticks: list[float], show: Callable[[float], str], y: Callable[[float], float]) -> str:
    return "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(t):.1f}" y2="{y(t):.1f}"/>'
        f'<text class="tick" x="{LEFT - 8}" y="{y(t) + 4:.1f}" text-anchor="end">{escape(show(t))}</text>'
        for t in ticks
    )


def _epochs(count: int, x: Callable[[float], float]) -> str:
    """The numbers below the axis: whole epochs, at most eight."""
    step = next(s for s in _steps() if count / s <= 8)
    marks = "".join(
        f'<text class="tick" x="{x(e):.1f}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">{e}</text>'
        for e in range(step, count + 1, step)
    )
    return (
        marks
        + f'<text class="tick" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 3}" text-anchor="middle">epoch</text>'
    )


def _steps():  # 1, 2, 5, 10, 20, 50, ...
    size = 1
    while True:
        yield from (size, 2 * size, 5 * size)
        size *= 10


def _line(
    series: Series, x: Callable[[float], float], y: Callable[[float], float], show: Callable[[float], str]
) -> str:
    """One line, broken where a value is missing, with a dot that tells its value at every epoch if they are few."""
    runs: list[list[tuple[int, float]]] = [[]]
    for epoch, value in enumerate(_finite(series.values), start=1):
        if value is not None:
            runs[-1].append((epoch, value))
        elif runs[-1]:
            runs.append([])
    drawn = [thin(run) for run in runs if run]
    lines = "".join(
        f'<polyline class="{series.style}" points="{" ".join(f"{x(e):.1f},{y(v):.1f}" for e, v in run)}"/>'
        for run in drawn
        if len(run) > 1
    )
    if len(series.values) > DOTS:
        return lines
    return lines + "".join(
        f'<circle class="{series.style}" cx="{x(e):.1f}" cy="{y(v):.1f}" r="3">'
        f"<title>{escape(f'{series.name}, epoch {e}: {show(v)}')}</title></circle>"
        for run in drawn
        for e, v in run
    )


def thin(run: list[tuple[int, float]], most: int = POINTS) -> list[tuple[int, float]]:
    """Of a long line, the lowest and highest point of each stretch, the first and the last.

    >>> len(thin([(i, float(i % 7)) for i in range(10_000)])) <= 402
    True
    """
    if len(run) <= most:
        return run
    size = math.ceil(len(run) / (most // 2))
    kept = {run[0], run[-1]}
    for start in range(0, len(run), size):
        stretch = run[start : start + size]
        kept |= {min(stretch, key=lambda p: p[1]), max(stretch, key=lambda p: p[1])}
    return sorted(kept)


def nice_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from at most `low` to at least `high`.

    >>> nice_ticks(0.0, 0.93), nice_ticks(0.957, 0.99)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.95, 0.96, 0.97, 0.98, 0.99])
    """
    if high - low < 1e-12 * max(abs(high), 1e-300):
        low, high = low - (abs(low) or 1) * 0.1, high + (abs(high) or 1) * 0.1
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(power * s for s in (1, 2, 5, 10, 20) if (high - low) / (power * s) <= most)
    digits = max(0, 2 - math.floor(math.log10(step)))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, digits) for i in range(first, last + 1)]


def _told(title: str, series: Sequence[Series], show: Callable[[float], str]) -> str:
    """The chart in a sentence."""
    told = []
    for s in series:
        values = [v for v in _finite(s.values) if v is not None]
        if values:
            told.append(f"{s.name} from {show(values[0])} to {show(values[-1])}")
    return f"{title} over {counted(max(len(s.values) for s in series), 'epochs')}: {'; '.join(told)}"


def _finite(values: Sequence[float | None]) -> list[float | None]:
    """The values that can be drawn; None in the place of others."""
    return [float(v) if v is not None and math.isfinite(v) else None for v in values]
