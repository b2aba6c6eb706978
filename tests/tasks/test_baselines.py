"""Baselines: scikit-learn's where it is there, our own where not, and that they agree."""

import numpy as np
import pytest
from sklearn import datasets, linear_model, neighbors

from freedive.tasks import baselines as b

IRIS = datasets.load_iris(return_X_y=True)
DIABETES = datasets.load_diabetes(return_X_y=True)


def halves(data):
    x, y = data
    return x[::2], y[::2], x[1::2], y[1::2]


def test_classes_and_amounts_have_a_table():
    found = b.baseline_scores(*halves(IRIS), classes=True)
    assert {line.name for line in found} == {
        "majority",
        "nearest centroid",
        "logistic regression",
        "SVM",
        "decision tree",
    }
    assert found[0].score > 0.94 and found[-1] == ("majority", pytest.approx(1 / 3), found[-1].seconds)
    assert all(line.seconds >= 0 for line in found)
    found = {line.name: line.score for line in b.baseline_scores(*halves(DIABETES), classes=False)}
    assert found.keys() == {"mean", "linear regression", "SVM", "decision tree"}
    assert found["linear regression"] > 0.4 > 0.01 > found["mean"]


def test_without_scikit_learn_there_are_our_own(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert list(b.usual(True)) == ["majority", "nearest centroid", "logistic regression"]
    assert list(b.usual(False)) == ["mean", "linear regression"]
    assert b.baseline_scores(*halves(IRIS), classes=True)[0].score > 0.94


def test_our_own_agree_with_scikit_learn():
    x, y, x_test, _ = halves(IRIS)
    x, x_test = b.standardised(x, x_test)
    peer = linear_model.LogisticRegression(C=1 / b.RIDGE, max_iter=1000).fit(x, y)
    assert np.mean(b.Logistic().fit(x, y).predict(x_test) == peer.predict(x_test)) > 0.98
    peer = neighbors.NearestCentroid().fit(x, y)
    np.testing.assert_array_equal(b.NearestCentroid().fit(x, y).predict(x_test), peer.predict(x_test))
    x, y, x_test, _ = halves(DIABETES)
    (x, x_test), peer = b.standardised(x, x_test), linear_model.Ridge(b.RIDGE)
    np.testing.assert_allclose(b.Ridge().fit(x, y).predict(x_test), peer.fit(x, y).predict(x_test), rtol=1e-4)


def test_missing_and_constant_features():
    x, y, x_test, y_test = halves(IRIS)
    x = np.concatenate([x, np.full((len(x), 1), 7.0)], axis=1)
    x[0, 0] = np.nan
    assert b.baseline_scores(x, y, np.concatenate([x_test, x_test[:, :1]], 1), y_test, classes=True)[0].score > 0.9


def test_seasonal_naive():
    assert b.seasonal_naive(np.arange(10), 4, 3).tolist() == [7, 8, 9, 7]
    assert b.seasonal_naive(np.arange(6).reshape(3, 2), 2).tolist() == [[4, 5], [4, 5]]
    with pytest.raises(ValueError, match=r"season=4\): expected 1 to 3"):
        b.seasonal_naive(np.arange(3), 2, 4)
