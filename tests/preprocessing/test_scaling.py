"""Scalers: scikit-learn as the oracle, and what it leaves open."""

import json

import numpy as np
import pytest
from sklearn import preprocessing as oracle

from freedive.preprocessing import MinMaxScaler, StandardScaler

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(50, 4)) * [1, 100, 1e-3, 1] + [0, 5, 1e6, 3]
HOLES = np.where(RNG.random(ROWS.shape) < 0.2, np.nan, ROWS)
FLAT = np.concatenate([ROWS, np.full((50, 1), 0.1)], axis=1)  # 0.1 has a tiny variance in floating point
CASES = [
    (StandardScaler, oracle.StandardScaler, {}),
    (StandardScaler, oracle.StandardScaler, {"with_mean": False}),
    (StandardScaler, oracle.StandardScaler, {"with_std": False}),
    (MinMaxScaler, oracle.MinMaxScaler, {}),
    (MinMaxScaler, oracle.MinMaxScaler, {"feature_range": (-1, 1)}),
    (MinMaxScaler, oracle.MinMaxScaler, {"feature_range": (-1, 1), "clip": True}),
]
each = pytest.mark.parametrize(("ours", "theirs", "arguments"), CASES)


@each
@pytest.mark.parametrize("data", [ROWS, HOLES, FLAT], ids=["rows", "holes", "flat"])
def test_the_same_numbers_as_scikit_learn(ours, theirs, arguments, data):
    mine, other = ours(**arguments).fit(data), theirs(**arguments).fit(data)
    new = data[::-1] * 1.5
    np.testing.assert_allclose(mine.transform(new), other.transform(new), rtol=1e-6, atol=1e-6)
    scaled = mine.transform(data)
    np.testing.assert_allclose(mine.inverse_transform(scaled), data, rtol=1e-9)


@each
def test_files_kinds_and_shapes(ours, theirs, arguments):
    scaler = ours(**arguments).fit(ROWS)
    copy = ours.from_config(json.loads(json.dumps(scaler.get_config())))
    np.testing.assert_array_equal(copy.transform(ROWS), scaler.transform(ROWS))
    assert copy == scaler and repr(copy) == repr(scaler)
    assert scaler.transform(ROWS.astype(np.float32)).dtype == np.float32
    assert scaler.transform(ROWS.astype(np.int64)).dtype == np.float32
    series = RNG.normal(size=(3, 7, 4))  # (samples, time, features)
    flat = ours(**arguments).fit_transform(series.reshape(-1, 4))
    np.testing.assert_allclose(ours(**arguments).fit_transform(series), flat.reshape(series.shape))
    vector = ours(**arguments).fit_transform(ROWS[:, 0])
    np.testing.assert_allclose(vector, ours(**arguments).fit_transform(ROWS[:, :1])[:, 0])


def test_constant_features_are_not_blown_up():
    for value in (0.1, 1e6 + 0.3, 0.0):
        column = np.full((1000, 1), value)
        assert np.abs(StandardScaler().fit_transform(column)).max() < 1e-9 * max(1, value)
        np.testing.assert_array_equal(MinMaxScaler().fit_transform(column), 0)
        scaler = StandardScaler().fit(column)
        np.testing.assert_allclose(scaler.transform(column + 1), 1, atol=1e-6)
        np.testing.assert_allclose(scaler.inverse_transform(scaler.transform(column)), column)


def test_missing_values_stay_missing():
    scaled = StandardScaler().fit_transform(HOLES)
    np.testing.assert_array_equal(np.isnan(scaled), np.isnan(HOLES))
    np.testing.assert_allclose(np.nanstd(scaled, axis=0), 1)


@pytest.mark.parametrize("kind", [StandardScaler, MinMaxScaler])
def test_wrong_input(kind):
    name = kind.__name__
    wrong = [
        (lambda: kind().transform(ROWS), f"{name}.transform: call fit first"),
        (lambda: kind().inverse_transform(ROWS), f"{name}.inverse_transform: call fit first"),
        (
            lambda: kind().fit(ROWS).transform(ROWS[:, :2]),
            r"expected 4 features in the last axis\. Received: \(50, 2\)",
        ),
        (lambda: kind().fit(np.zeros((0, 3))), r"Received: \(0, 3\)"),
        (lambda: kind().fit([[1, np.inf]]), "feature 1 has an infinite value"),
        (lambda: kind().fit([[np.nan, 1]]), "feature 0 has no values"),
    ]
    for call, text in wrong:
        with pytest.raises(ValueError, match=text):
            call()
    with pytest.raises(ValueError, match="the first must be less than the second"):
        MinMaxScaler(feature_range=(1, 1))
