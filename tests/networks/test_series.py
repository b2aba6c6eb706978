"""Every network that forecasts: shapes, quantiles, the calendar, and a wave that it learns."""

import numpy as np
import pytest

import freedive as fd
from freedive.networks.series import NETWORKS, Shape
from freedive.preprocessing import timeseries_windows

SMALL = {
    "linear": {},
    "recurrent": {"units": 16},
    "tcn": {"units": 8},
    "patches": {"units": 16, "blocks": 1, "size": 8},
}
TIME = np.arange(400)
WAVES = np.stack([10 + np.sin(TIME / 3), np.cos(TIME / 5) - 4], axis=1).astype("float32")


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_learn_waves(name, tmp_path):
    x, y = timeseries_windows(WAVES, sequence_length=24, horizon=6)
    fd.set_seed(0)
    model = NETWORKS[name](Shape(24, 6, 2), **SMALL[name])
    model.compile(fd.optimizers.Adam(0.01), "mse")
    model.fit(x[:300], y[:300], epochs=12, verbose=0)
    assert model.evaluate(x[320:], y[320:], verbose=0) < 0.05  # the variance of a wave is 0.5
    model.save(tmp_path / "a.fd")
    again = fd.models.load_model(tmp_path / "a.fd")
    np.testing.assert_array_equal(again.predict(x[:5], verbose=0), model.predict(x[:5], verbose=0))


@pytest.mark.parametrize("name", NETWORKS)
def test_quantiles_and_the_calendar(name):
    shape = Shape(length=16, horizon=4, variables=2, quantiles=3, calendar=5)
    model = NETWORKS[name](shape, **SMALL[name])
    assert [tuple(x.shape[1:]) for x in model.inputs] == [(16, 2), (20, 5)]
    assert model.output_shape == (None, 4, 2, 3)
    y = model.predict([np.ones((3, 16, 2)), np.zeros((3, 20, 5))], verbose=0)
    assert np.isfinite(y).all()


def test_convolutions_that_never_see_the_window_are_refused():
    with pytest.raises(ValueError, match=r"tcn\(size=1\): expected 2 or more"):
        NETWORKS["tcn"](Shape(12, 3), size=1)


@pytest.mark.parametrize("options", [{"trend": 0}, {"individual": True}, {"centre": "none"}, {"centre": "mean"}])
def test_ways_of_the_linear_one(options):
    assert NETWORKS["linear"](Shape(12, 3, 2), **options).output_shape == (None, 3, 2)
