"""The Frechet distance against its formula by a matrix root, and as a score of pictures while training."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

import freedive as fd
from freedive.generative import FrechetScore, frechet_distance
from freedive.layers import Dense

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("rows", "features"), [(200, 6), (4, 7), (50, 1)])
def test_it_is_the_formula(rows, features):
    a, b = (
        RNG.normal(size=(rows, features)),
        RNG.normal(size=(rows + 3, features)) @ RNG.normal(size=(features,) * 2) + 1,
    )
    s, t = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(s + t - 2 * np.real(sqrtm(s @ t)))
    np.testing.assert_allclose(frechet_distance(a, b), expected, rtol=1e-4, atol=1e-5)


def test_of_normal_data_it_is_that_of_their_distributions():
    """N(0, 1) and N(2, 9) in each of three features: 3 (2^2 + (1 - 3)^2)."""
    a, b = RNG.normal(size=(200_000, 3)), 2 + 3 * RNG.normal(size=(200_000, 3))
    np.testing.assert_allclose(frechet_distance(a, b), 24, rtol=0.02)


def test_a_score_in_the_history():
    x = RNG.normal(size=(64, 3)).astype("float32")
    classifier = fd.Sequential([fd.Input((3,)), Dense(5, "tanh", name="hidden"), Dense(2, "softmax")])
    vae = fd.VAE(
        fd.Sequential([fd.Input((3,)), Dense(4)]), fd.Sequential([fd.Input((2,)), Dense(3)]), likelihood="gaussian"
    )
    vae.compile("adam")
    score = FrechetScore(classifier, x, n=32, seed=5)
    history = vae.fit(x, epochs=2, callbacks=[score], verbose=0).history
    made = vae.generate(32, seed=5)
    assert history["frechet"][-1] == score(made)
    hidden = fd.Model(classifier.inputs[0], classifier.get_layer("hidden").output)
    np.testing.assert_allclose(score(made), frechet_distance(hidden.predict(x), hidden.predict(made)), rtol=1e-6)


@pytest.mark.parametrize(
    ("real", "made", "message"),
    [
        (np.ones((5, 3)), np.ones((5, 2)), r"\(5, 3\) and \(5, 2\)"),
        (np.ones((1, 3)), np.ones((5, 3)), "two rows or more"),
        (np.ones((5, 3)), np.full((5, 3), np.nan), r"made=.*NaN"),
    ],
)
def test_what_is_refused(real, made, message):
    with pytest.raises(ValueError, match=message):
        frechet_distance(real, made)
