"""Baselines: scikit-learn's where it is there, our own where not, and that they agree."""

import numpy as np
import pytest
from PIL import Image
from sklearn import datasets, linear_model, neighbors

import freedive as fd
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
    assert found[0].score > 0.94 and found[-1] == ("majority", pytest.approx(1 / 3), found[-1].seconds, 75)
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
    x = np.concatenate([x, np.full((len(x), 1), 7.3)], axis=1)
    x[0, 0] = np.nan
    assert not b.standardised(x, x + 1)[1][:, -1].any()
    assert b.baseline_scores(x, y, np.concatenate([x_test, x_test[:, :1]], 1), y_test, classes=True)[0].score > 0.9


def test_seasonal_naive():
    assert b.seasonal_naive(np.arange(10), 4, 3).tolist() == [7, 8, 9, 7]
    assert b.seasonal_naive(np.arange(6).reshape(3, 2), 2).tolist() == [[4, 5], [4, 5]]
    with pytest.raises(ValueError, match=r"season=4\): expected 1 to 3"):
        b.seasonal_naive(np.arange(3), 2, 4)


# of tasks -----------------------------------------------------------------------------------------------------------
WAVE = np.sin(np.arange(400) * 2 * np.pi / 12) + 0.01 * np.arange(400)
TONES = [np.sin(2 * np.pi * hertz * np.arange(800) / 8000) for hertz in (300, 310, 900, 910) * 8]
TEXTS = [f"{word} {i}" for i in range(30) for word in ("good", "bad")]


def digits():
    (x, y), (x_test, y_test) = fd.datasets.digits.load_data()
    return fd.ImageClassifier(epochs=1, verbose=0), x[:400], y[:400], x_test[:100], y_test[:100]


def vowels():
    (x, y), (x_test, y_test) = fd.datasets.vowels.load_data()
    return fd.tasks.SequenceClassifier(epochs=1, verbose=0), x, y, x_test, y_test


def iris():
    x, y, x_test, y_test = halves(IRIS)
    return fd.TabularClassifier(epochs=1, verbose=0), x, y, x_test, y_test


def diabetes():
    x, y, x_test, y_test = halves(DIABETES)
    return fd.TabularRegressor(epochs=1, verbose=0), x, y, x_test, y_test


def tones():
    names = ["low", "low", "high", "high"] * 8
    return fd.SpeechClassifier(sampling_rate=8000, epochs=1, verbose=0), TONES, names, TONES[:4], names[:4]


def texts():
    names = ["yes", "no"] * 30
    return fd.TextClassifier(epochs=1, verbose=0), TEXTS, names, TEXTS[:10], names[:10]


def series():
    return fd.Forecaster(12, season=12, epochs=1, verbose=0), WAVE[:300], None, WAVE[250:], None


TASKS = {
    digits: ("SVM", 0.7),
    vowels: ("SVM", 0.9),
    iris: ("SVM", 0.9),
    diabetes: ("linear regression", 0.4),
    tones: ("logistic regression", 0.99),
    texts: ("naive Bayes on pairs of words", 0.99),
    series: ("the last season (12 steps) again", -0.01),
}


@pytest.mark.parametrize("make", TASKS)
def test_a_task_knows_what_simple_methods_make_of_its_rows(make):
    task, x, y, x_test, y_test = make()
    found = task.fit(x, y).baselines(x, y, x_test, y_test)
    scores = {line.name: line.score for line in found}
    name, least = TASKS[make]
    assert scores[name] >= least and list(scores.values()) == sorted(scores.values(), reverse=True)
    assert task.score(x_test, y_test) is not None and scores[found[-1].name] <= scores[name]


def test_files_that_are_left_out_are_left_out_of_simple_methods_too(tmp_path):
    (x, y), _ = fd.datasets.digits.load_data()
    files = [tmp_path / f"{i}.png" for i in range(40)]
    for file, picture in zip(files, x, strict=False):
        Image.fromarray(picture).save(file)
    files[3].write_bytes(b"no picture")
    task = fd.ImageClassifier(epochs=1, verbose=0, on_bad="skip")
    with pytest.warns(UserWarning, match="1 of 36 files are left out"):
        task.fit(files, y[:40])
    assert {line.rows for line in task.baselines(files, y[:40], files[10:], y[10:40])} == {39}
