"""SinusoidalFeatures: the waves of its formula, and what it refuses."""

import numpy as np
import pytest
from harness import round_trip

from freedive.layers import SinusoidalFeatures


def test_waves():
    t = np.random.default_rng(0).random((7, 1)).astype("float32")
    found = round_trip(SinusoidalFeatures(6, fastest=100.0))(t)
    w = np.array([1.0, 10.0, 100.0])
    np.testing.assert_allclose(found, np.concatenate([np.sin(t * w), np.cos(t * w)], 1), atol=1e-4)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: SinusoidalFeatures(5), "even number"),
        (lambda: SinusoidalFeatures(4)(np.ones((2, 3))), r"expected \(batch, 1\)"),
    ],
)
def test_what_is_refused(act, message):
    with pytest.raises(ValueError, match=message):
        act()
