"""Charts: where the points lie, what is left out, what is said aloud."""

import math
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from freedive.report.svg import BOTTOM, DOTS, HEIGHT, LEFT, POINTS, RIGHT, TOP, WIDTH, Series, chart, nice_ticks

RANGES = [(0, 1), (0.957, 0.99), (-3, 12), (5, 5), (0, 0), (1e-9, 3e-9), (-1e6, 2e6), (0.1, 2.3), (1e30, 1.1e30)]


def show(value):
    return f"{value:.3g}"


def drawn(*series, **options):
    return ElementTree.fromstring(chart("Loss", series, show, **options))


def points(svg, kind):
    found = svg.findall(f"polyline[@class='{kind}']")
    return [[tuple(map(float, p.split(","))) for p in line.get("points").split()] for line in found]


@pytest.mark.parametrize(("low", "high"), RANGES)
def test_ticks_are_few_round_and_enclose(low, high):
    ticks = nice_ticks(low, high)
    assert ticks[0] <= low <= high <= ticks[-1]
    assert 2 <= len(ticks) <= 7
    steps = np.diff(ticks)
    assert np.allclose(steps, steps[0], rtol=1e-6)
    assert f"{steps[0]:.0e}"[0] in "125"


def test_points_lie_where_their_values_say():
    svg = drawn(Series("training", "train", [1.0, 0.5, 0.0]))
    ((first, middle, last),) = points(svg, "train")
    assert first == (LEFT, TOP)
    assert last == (WIDTH - RIGHT, HEIGHT - BOTTOM)
    assert middle == pytest.approx(((LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2))
    assert [t.text for t in svg.iter("title")] == [
        f"training, epoch {e}: {v}" for e, v in ((1, "1"), (2, "0.5"), (3, "0"))
    ]


def test_missing_values_break_the_line():
    svg = drawn(Series("training", "train", [1.0, 0.9, math.nan, 0.7, None, 0.5, 0.4]))
    assert [len(line) for line in points(svg, "train")] == [2, 2]
    assert len(svg.findall("circle")) == 5


def test_one_epoch_is_a_dot_in_the_middle():
    svg = drawn(Series("training", "train", [0.3]), Series("validation", "validation", [0.2]))
    assert points(svg, "train") == []
    assert {float(c.get("cx")) for c in svg.findall("circle")} == {(LEFT + WIDTH - RIGHT) / 2}


def test_long_lines_keep_their_extremes_and_have_no_dots():
    values = np.sin(np.arange(20_000) / 50).tolist()
    values[7_777] = 9.0
    svg = drawn(Series("training", "train", values))
    (line,) = points(svg, "train")
    assert len(values) > DOTS and not svg.findall("circle")
    assert len(line) <= POINTS + 2
    assert min(y for _, y in line) == pytest.approx(HEIGHT - BOTTOM - (9 + 2) / 12 * (HEIGHT - TOP - BOTTOM), abs=0.1)


def test_the_chart_is_told_in_words():
    svg = drawn(Series("training", "train", [0.9, 0.2]), Series("validation", "validation", [math.nan, 0.5]), mark=2)
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == "Loss over 2 epochs: training from 0.9 to 0.2; validation from 0.5 to 0.5"
    assert float(svg.find("line[@class='mark']").get("x1")) == WIDTH - RIGHT


def test_nothing_to_draw_is_nothing():
    assert chart("Loss", [Series("training", "train", [math.nan])], show) == ""


@pytest.mark.parametrize("epochs", [1, 2, 8, 9, 30, 100, 1000])
def test_epoch_numbers_are_at_most_eight(epochs):
    text = chart("Loss", [Series("training", "train", [0.5] * epochs)], show)
    numbers = [int(n) for n in re.findall(r'text-anchor="middle">(\d+)<', text)]
    assert 1 <= len(numbers) <= 8
    assert numbers == sorted(set(numbers)) and numbers[-1] <= epochs
