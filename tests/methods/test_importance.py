"""Permutation importance finds the columns that matter; temperature makes confidence fit outcomes."""

import numpy as np
import pytest

from freedive.data import as_table
from freedive.methods import calibration, permutation_importance, temperature, tempered

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 3))
Y = 2 * X[:, 2] + X[:, 0]


def score(x, y):
    columns = x if isinstance(x, np.ndarray) else np.stack(list(x.columns.values()), axis=1)
    return -np.mean((y - columns @ [1, 0, 2]) ** 2)


@pytest.mark.parametrize("hold", [np.asarray, as_table, lambda x: {f"column_{i}": x[:, i] for i in range(3)}])
def test_columns_are_ordered_by_what_they_are_worth(hold, tmp_path):
    before = X.copy()
    found = permutation_importance(score, hold(X), Y)
    assert found.names == ("column_2", "column_0", "column_1") and found.score == 0
    np.testing.assert_allclose(found.mean, [8, 2, 0], atol=1)  # twice the variance of what is lost
    assert found.mean[2] == found.deviation[2] == 0
    np.testing.assert_array_equal(X, before)
    found.plot(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_temperature_of_a_model_that_is_too_sure():
    logits = RNG.normal(size=(4000, 3))
    p = tempered(np.exp(logits) / np.exp(logits).sum(1, keepdims=True), 1.0)
    y = np.array([RNG.choice(3, p=row) for row in p])
    sure = tempered(p, 1 / 3)
    t = temperature(sure, y)
    assert abs(t - 3) < 0.3
    assert calibration(tempered(sure, t), y).expected_error < 0.03 < calibration(sure, y).expected_error
    np.testing.assert_array_equal(tempered(sure, t).argmax(1), p.argmax(1))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_certain_answers_stay_certain(dtype):
    found = tempered(np.eye(2, dtype=dtype), 2.0)
    np.testing.assert_array_equal(found.round(6), np.eye(2))
    assert found.dtype == (dtype if dtype == "float32" else "float64")


def test_repeats():
    with pytest.raises(ValueError, match=r"repeats=0\): expected more than 0"):
        permutation_importance(score, X, Y, repeats=0)
