"""Scores against scikit-learn's, over many shapes of answers; and what is refused."""

import numpy as np
import pytest
from sklearn import metrics as sk

from freedive import report
from freedive.report.classes import macro_means, matrix_table

CASES = [(classes, rows, seed) for classes in (2, 3, 10) for rows in (1, 7, 500) for seed in (0, 1)]


def answers(classes, rows, seed):
    draw = np.random.default_rng(seed)
    return draw.integers(0, classes, rows), draw.dirichlet(np.ones(classes), rows)


@pytest.mark.parametrize(("classes", "rows", "seed"), CASES)
def test_scores_are_those_of_scikit_learn(classes, rows, seed):
    true, given = answers(classes, rows, seed)
    said, labels = given.argmax(1), list(range(classes))
    matrix = report.confusion_matrix(true, said, classes)
    np.testing.assert_array_equal(matrix, sk.confusion_matrix(true, said, labels=labels))
    assert report.accuracy(matrix) == pytest.approx(sk.accuracy_score(true, said))
    found = report.class_scores(matrix, [str(label) for label in labels])
    expected = sk.precision_recall_fscore_support(true, said, labels=labels, zero_division=0)
    for name, column in zip(("precision", "recall", "f1", "rows"), expected, strict=True):
        np.testing.assert_allclose([getattr(score, name) for score in found], column)
    for ours, column in zip(macro_means(found), expected[:3], strict=True):
        assert ours == pytest.approx(np.mean(column))


def test_confusions_are_the_most_frequent_mistakes_in_order():
    matrix = np.array([[9, 1, 0], [4, 9, 2], [0, 0, 9]])
    assert report.confusions(matrix) == [(1, 0, 4), (1, 2, 2), (0, 1, 1)]
    assert report.confusions(matrix, most=1) == [(1, 0, 4)]
    assert report.confusions(np.eye(3, dtype=int)) == []


def test_worst_mistakes_are_the_surest_ones():
    true, given = answers(5, 300, 3)
    found = report.worst_mistakes(true, given, most=10)
    assert [m.confidence for m in found] == sorted((m.confidence for m in found), reverse=True)
    wrong = np.flatnonzero(given.argmax(1) != true)
    assert found[0].confidence == given[wrong].max()
    assert all(m.true == true[m.row] and m.said == given[m.row].argmax() != m.true for m in found)
    assert len(report.worst_mistakes(true, given, most=1000)) == len(wrong)


@pytest.mark.parametrize(
    ("true", "said", "text"),
    [
        ([0, 1], [0], "2 true classes, but 1 answers"),
        ([0, 3], [0, 1], r"y_true=.*expected classes 0\.\.2. Received: 0\.\.3"),
        ([0, 1], [0, -1], r"y_pred=.*expected classes 0\.\.2. Received: -1\.\.0"),
    ],
)
def test_impossible_answers_are_refused(true, said, text):
    with pytest.raises(ValueError, match=text):
        report.confusion_matrix(true, said, 3)


def test_amounts_that_are_all_the_same_are_not_divided_by_what_rounding_left():
    from freedive.report.scores import r2

    assert r2(np.full(365, 19.99), np.full(365, 20.0)) == 0 and r2(np.full(365, 19.99), np.full(365, 19.99)) == 1


@pytest.mark.parametrize(("classes", "kind"), [(5, "matrix"), (6, "matrix many")])
def test_names_of_many_classes_stand_upright_on_narrow_pages(classes, kind):
    assert f'<table class="{kind}"' in matrix_table(np.eye(classes, dtype=int), [f"class {i}" for i in range(classes)])
