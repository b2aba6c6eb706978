"""Windows of a series are trained on without their copies, with the same bits as copies."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import freedive as fd
from freedive.preprocessing import timeseries_windows
from freedive.train.feeds import Resident
from freedive.train.windows import Windows, on_device, without_overlap

SERIES = np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
WAYS = [
    {"sequence_length": 5},
    {"sequence_length": 6, "sequence_stride": 2},
    {"sequence_length": 4, "sequence_stride": 3},
]


@pytest.mark.parametrize("options", WAYS, ids=str)
@pytest.mark.parametrize("series", [SERIES, SERIES[:, 0], SERIES[:, None, :2], SERIES[::2], SERIES.T.copy().T])
def test_rows_are_those_of_the_view(series, options):
    rows = timeseries_windows(series, **options)
    assert np.shares_memory(rows, series)
    found = Windows.of(rows)
    np.testing.assert_array_equal(found.base, series[: len(found.base)])
    np.testing.assert_array_equal(found.view(), rows)
    places = np.array([3, 0, 5])
    np.testing.assert_array_equal(on_device(rows).take(jnp.asarray(places)), rows[places])
    np.testing.assert_array_equal(without_overlap(rows[2:6]), series[2 * found.step :][: 3 * found.step + found.length])


@pytest.mark.parametrize(
    "rows",
    [
        SERIES,
        SERIES.T,
        np.broadcast_to(SERIES[0], (4, 3)),
        SERIES[::-1],
        timeseries_windows(SERIES, sequence_length=5, sequence_stride=5),  # they touch, but do not overlap
        timeseries_windows(SERIES, sequence_length=3, sampling_rate=2),
        timeseries_windows(SERIES, sequence_length=5)[:1],
        timeseries_windows(SERIES, sequence_length=5).copy(),
        [1, 2],
    ],
)
def test_what_does_not_overlap_is_as_it_was(rows):
    assert Windows.of(rows) is None
    np.testing.assert_array_equal(on_device([rows])[0], rows)


@pytest.mark.parametrize("shuffle", [True, False])
def test_training_has_the_bits_of_copies(shuffle):
    x, y = timeseries_windows(SERIES.astype("float64"), sequence_length=7, horizon=2)
    found = []
    for data in ((x, y), (x.copy(), y.copy())):
        fd.set_seed(0)
        model = fd.Sequential([fd.Input((7, 3)), fd.layers.Flatten(), fd.layers.Dense(6), fd.layers.Reshape((2, 3))])
        model.compile("adam", "mse")
        split = 24  # of 32 windows; the last four before it share steps with the others
        model.fit(
            data[0][:split],
            data[1][:split],
            epochs=2,
            batch_size=10,
            shuffle=shuffle,
            validation_data=(data[0][split:], data[1][split:]),
            verbose=0,
            seed=1,
        )
        found.append((model.get_weights(), model.history.history, model.predict(data[0], verbose=0)))
    jax.tree.map(np.testing.assert_array_equal, *found)


def test_a_series_takes_its_own_room():
    rows = timeseries_windows(np.zeros((1000, 4), "float32"), sequence_length=100)
    arrays = jax.tree.leaves(Resident((rows, None, None), 32, True).arrays)
    assert sum(a.nbytes for a in arrays) == 1000 * 4 * 4


def test_a_missing_value_is_named():
    series = SERIES.copy()
    series[6, 1] = np.nan
    model = fd.Sequential([fd.Input((4, 3)), fd.layers.Flatten(), fd.layers.Dense(1)])
    model.compile("adam", "mse")
    with pytest.raises(ValueError, match=r"nan at index \(3, 3, 1\) of \(37, 4, 3\)"):
        model.fit(timeseries_windows(series, sequence_length=4), np.arange(37.0), verbose=0)
