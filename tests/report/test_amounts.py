"""A report on amounts: a dot for every test row, the line on which answers are true, and the largest errors."""

import re

import numpy as np
import pytest

from freedive.report.amounts import DOTS, amount_sections, scatter

TRUE = np.linspace(0, 30_000, 40)
SAID = TRUE + np.where(np.arange(40) == 7, -5000.0, 10.0)


def places(svg):
    return np.array(re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', svg), float)


def test_a_dot_stands_where_its_row_is():
    svg = scatter(TRUE, TRUE)
    line = [
        float(number) for number in re.search('class="mark" x1="(.*)" x2="(.*)" y1="(.*)" y2="(.*)"/', svg).groups()
    ]
    x, y = places(svg).T
    assert len(x) == 40 and (np.diff(x) > 0).all() and (np.diff(y) < 0).all()
    slope = (line[3] - line[2]) / (line[1] - line[0])
    np.testing.assert_allclose(y, line[2] + slope * (x - line[0]), atol=0.2)  # true answers are on the line


def test_the_largest_error_is_named_with_its_sign():
    drawn, errors = amount_sections(TRUE, SAID)
    assert "30,000" in drawn.body and "test row 7" in drawn.body
    first = re.search("<tbody><tr>(.*?)</tr>", errors.body).group(1)
    assert re.sub("<.*?>", " ", first).split() == ["7", "5384.6", "384.62", "-5000"]


def test_several_amounts_have_a_picture_each_and_are_compared_in_their_deviations():
    wide, small = np.stack([TRUE, TRUE / 1e4], axis=1), np.stack([TRUE + 10, TRUE / 1e4 - 1], axis=1)
    drawn, errors = amount_sections(wide, small)
    assert drawn.body.count("<svg") == 2 and errors.body.count(">amount 2<") == 10 and ">amount 1<" not in errors.body


@pytest.mark.parametrize("rows", [1, 2, DOTS + 1, 5 * DOTS])
def test_any_number_of_rows_is_drawn_by_so_many_dots_at_most(rows):
    values = np.random.default_rng(0).normal(size=rows)
    drawn, _ = amount_sections(values, values[::-1])
    assert len(places(drawn.body)) == min(rows, DOTS) and "nan" not in drawn.body


def test_amounts_that_are_all_the_same_are_drawn():
    drawn, _ = amount_sections(np.full(5, 3.0), np.full(5, 3.0))
    assert len(places(drawn.body)) == 5 and "nan" not in drawn.body
