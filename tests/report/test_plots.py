"""Matplotlib pictures: what stands on them."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn import metrics as sk

from freedive import plots


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_confusion_matrix_from_classes_and_from_probabilities():
    draw = np.random.default_rng(0)
    true, given = draw.integers(0, 4, 50), draw.dirichlet(np.ones(4), 50)
    expected = sk.confusion_matrix(true, given.argmax(1)).ravel()
    for said in (given, given.argmax(1)):
        axes = plots.confusion_matrix(true, said, list("abcd"))
        assert [int(text.get_text()) for text in axes.texts] == expected.tolist()
        assert [label.get_text() for label in axes.get_yticklabels()] == list("abcd")
    parts = plots.confusion_matrix(true, given, normalize=True)
    recall = sk.confusion_matrix(true, given.argmax(1), normalize="true").ravel()
    assert [text.get_text() for text in parts.texts] == [f"{value:.2f}" for value in recall]


def test_it_draws_where_it_is_told():
    axes = plt.subplots()[1]
    assert plots.confusion_matrix([0, 1], [0, 1], ax=axes) is axes


@pytest.mark.parametrize("shape", [(5, 8, 8), (5, 8, 8, 1), (5, 8, 8, 3), (1, 4, 4)])
def test_grids_show_the_pixels(shape):
    pictures = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    figure = plots.sample_grid(pictures, columns=2)
    shown = [np.asarray(ax.images[0].get_array()) for ax in figure.axes if ax.images]
    assert len(shown) == len(pictures)
    for image, picture in zip(shown, pictures, strict=True):
        np.testing.assert_array_equal(image.squeeze(), picture.squeeze())


def test_rows_are_at_most_those_asked_for():
    assert len(plots.sample_grid(np.zeros((9, 4, 4)), columns=3, rows=2).axes) == 6


@pytest.mark.parametrize(
    ("shape", "titles", "text"),
    [((4, 4), None, "expected"), ((0, 4, 4), None, "expected"), ((2, 4, 4), ["a"], "2 pictures, but 1")],
)
def test_what_is_no_grid_is_refused(shape, titles, text):
    with pytest.raises(ValueError, match=text):
        plots.sample_grid(np.zeros(shape), titles)
