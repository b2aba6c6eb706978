"""Spaces: draws stay in bounds, grids have the points asked for, nonsense is refused."""

import numpy as np
import pytest

from freedive.methods import Choice, Real, Whole
from freedive.methods.tuning.space import drawn, grid, read_space


@pytest.mark.parametrize(
    "values", [Real(0.1, 0.5), Real(1e-5, 1.0, log=True), Whole(1, 6), Whole(1, 100, log=True), Choice(["a", "b"])]
)
def test_draws_are_in_bounds_and_reach_them(values):
    rng = np.random.default_rng(0)
    draws = [values.draw(rng) for _ in range(2000)]
    parts = np.array([values.part(v) for v in draws])
    assert parts.min() >= 0 and parts.max() <= 1 and parts.min() < 0.02 and parts.max() > 0.98
    if isinstance(values, Real):
        assert np.histogram(parts, 4, (0, 1))[0].min() > 400, "each part of the scale is as likely as the next"


def test_the_same_generator_draws_the_same():
    space = read_space({"a": Real(0, 1), "b": [1, 2, 3]})
    assert drawn(space, np.random.default_rng(5)) == drawn(space, np.random.default_rng(5))


def test_a_grid():
    assert grid(read_space({"a": Real(0.0, 1.0, count=3), "b": Whole(2, 3)})) == [
        {"a": a, "b": b} for a in (0.0, 0.5, 1.0) for b in (2, 3)
    ]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Real(1.0, 0.1), "low < high"),
        (lambda: Real(0.0, 1.0, log=True), "above 0"),
        (lambda: Whole(1, 2.5), "whole number"),
        (lambda: Choice([]), "empty list"),
        (lambda: read_space({}), "expected a dict"),
        (lambda: read_space({"a": (1, 2)}), "'a'.*Real"),
        (lambda: grid(read_space({"a": Real(0.0, 1.0)})), "count=5"),
    ],
)
def test_what_is_no_space_is_refused(make, told):
    with pytest.raises((ValueError, TypeError), match=told):
        make()
