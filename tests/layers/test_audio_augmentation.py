"""Random changes of sounds: nothing in use, one seed one result, another draw for each sound, what each one does."""

import numpy as np
import pytest
from harness import round_trip

import freedive as fd
from freedive import layers

RNG = np.random.default_rng(0)
SOUNDS = RNG.normal(size=(1, 400)).astype("float32").repeat(32, axis=0)
SPECTRA = np.ones((32, 50, 20), "float32")
ALL = [
    (layers.RandomTimeShift(0.3), SOUNDS),
    (layers.RandomTimeShift(0.5, "wrap", seed=3), SPECTRA.cumsum(1)),
    (layers.RandomSpeed(0.2), SOUNDS),
    (layers.RandomNoise((5, 20)), SOUNDS),
    (layers.SpecAugment(2, 8, 2, 10), SPECTRA),
]


def seeded(layer, x, seed=1):
    """What a layer makes of x in training, from a seed."""
    fd.set_seed(seed)
    return layer(x, training=True)


@pytest.mark.parametrize(("layer", "x"), ALL, ids=lambda v: repr(v) if isinstance(v, layers.Layer) else "")
def test_every_layer(layer, x):
    np.testing.assert_array_equal(layer(x), x)
    changed, again, other = seeded(layer, x), seeded(round_trip(layer), x), seeded(layer, x, 2)
    np.testing.assert_array_equal(changed, again)
    assert changed.shape == x.shape and changed.dtype == np.float32
    assert len({sound.tobytes() for sound in np.asarray(changed)}) >= 10
    assert (other != changed).any()
    assert (seeded(type(layer).from_config(layer.get_config() | {"seed": 99}), x) != changed).any()
    whole = layer((10 * x).astype("int16"), training=True)
    assert whole.dtype == np.float32


def test_shifts_are_whole_and_within_bounds():
    x = np.arange(1, 101, dtype="float32")[None].repeat(500, axis=0)
    late = np.asarray(layers.RandomTimeShift((0.1, 0.2), fill_value=-1.0)(x, training=True))
    gone = (late == -1).sum(1)
    assert gone.min() == 10 and gone.max() == 20
    for row, n in zip(late[:20], gone[:20], strict=True):
        np.testing.assert_array_equal(row, [-1] * n + list(range(1, 101 - n)))
    early = np.asarray(layers.RandomTimeShift((-0.2, -0.2), "wrap")(x, training=True))
    np.testing.assert_array_equal(early[0], np.roll(x[0], -20))


def test_speed_moves_a_tone():
    t = np.arange(4000) / 8000
    x = np.sin(2 * np.pi * 400 * t)[None].astype("float32")
    for speed in (-0.25, 0.25):
        y = np.asarray(layers.RandomSpeed((speed, speed))(x, training=True))[0]
        ends = int(4000 / (1 + speed)) if speed > 0 else 4000
        peak = np.abs(np.fft.rfft(y[:ends] * np.hanning(ends))).argmax() * 8000 / ends
        assert abs(peak - 400 * (1 + speed)) < 8000 / ends
        assert not y[ends + 1 :].any()


def test_noise_is_as_loud_as_said():
    x = np.sin(np.arange(20000))[None].astype("float32")
    for snr in (0, 20):
        noise = np.asarray(layers.RandomNoise(snr)(x, training=True)) - x
        assert abs(10 * np.log10((x**2).mean() / (noise**2).mean()) - snr) < 0.2
        assert abs(noise.mean()) < 0.02 and abs(np.corrcoef(noise[0, :-1], noise[0, 1:])[0, 1]) < 0.02
    assert not np.asarray(layers.RandomNoise(0.0)(np.zeros((1, 9)), training=True)).any()


def test_stripes_have_all_widths_and_reach_every_place():
    x = np.ones((3000, 30, 12), "float32")
    y = np.asarray(layers.SpecAugment(1, 4, 1, 6, 1.0)(x, training=True)) == 0
    times, frequencies = y.all(axis=2), y.all(axis=1)
    assert np.unique(times.sum(1)).tolist() == list(range(7))
    assert np.unique(frequencies.sum(1)).tolist() == list(range(5))
    assert times.any(0).all() and frequencies.any(0).all()
    assert (y == (times[:, :, None] | frequencies[:, None])).all()
    short = np.asarray(layers.SpecAugment(0, 0, 1, 100, 0.1)(x, training=True)) == 0
    assert short.all(2).sum(1).max() == 3


@pytest.mark.parametrize(("steps", "fraction", "widest"), [(5, 0.3, 1), (100, 0.29, 29), (3, 0.3, 0), (4, 1.0, 4)])
def test_no_stripe_is_longer_than_its_fraction(steps, fraction, widest):
    x = np.ones((2000, steps, 2), "float32")
    stripes = np.asarray(layers.SpecAugment(0, 0, 1, 100, fraction)(x, training=True)).max(2) == 0
    assert np.unique(stripes.sum(1)).tolist() == list(range(widest + 1))


WRONG = [
    (lambda: layers.RandomTimeShift(2.0), "from -1 to 1"),
    (lambda: layers.RandomNoise((1, 2, 3)), "a number of decibels"),
    (lambda: layers.SpecAugment(time_width=-1), "expected 0 or more"),
    (lambda: layers.SpecAugment()(SOUNDS), r"expected spectra \(batch, time, features\)"),
    (lambda: layers.RandomSpeed(0.1)(SPECTRA), r"expected sounds \(batch, samples\)"),
]


@pytest.mark.parametrize(("wrong", "text"), WRONG)
def test_wrong_arguments(wrong, text):
    with pytest.raises(ValueError, match=text):
        wrong()
