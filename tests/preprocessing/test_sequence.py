"""Padding and windows, with Keras as the oracle."""

import itertools

import numpy as np
import pytest
from keras.src.legacy.preprocessing.sequence import TimeseriesGenerator
from keras.utils import pad_sequences as oracle

from freedive.preprocessing import pad_sequences, timeseries_windows

RNG = np.random.default_rng(0)
SEQUENCES = {
    "numbers": [[1], [2, 3], [4, 5, 6, 7], []],
    "arrays": [np.arange(5), np.arange(2), np.arange(0)],
    "vectors": [RNG.integers(0, 9, (length, 3)) for length in (2, 4, 0, 1)],
    "first is empty": [[], [1, 2]],
    "tuples": ((1, 2), (3,)),
}


@pytest.mark.parametrize("name", SEQUENCES)
@pytest.mark.parametrize(("padding", "truncating"), list(itertools.product(["pre", "post"], repeat=2)))
@pytest.mark.parametrize("maxlen", [None, 1, 3, 9])
@pytest.mark.parametrize(("dtype", "value"), [("int32", 0), ("float32", -1.5), ("int64", -7)])
def test_the_same_as_keras(name, padding, truncating, maxlen, dtype, value):
    arguments = {"maxlen": maxlen, "dtype": dtype, "padding": padding, "truncating": truncating, "value": value}
    found, expected = pad_sequences(SEQUENCES[name], **arguments), oracle(SEQUENCES[name], **arguments)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_text_and_fractions():
    words = [["a", "bcd"], ["e"]]
    np.testing.assert_array_equal(pad_sequences(words, dtype=object, value="-"), oracle(words, dtype=object, value="-"))
    assert pad_sequences([[0.5], [1.5, 2]], dtype="float32").tolist() == [[0, 0.5], [1.5, 2]]
    assert pad_sequences([[1.0, 2.0]]).dtype == np.int32  # whole numbers, whatever their type
    assert pad_sequences([]).shape == (0, 0)
    assert pad_sequences([[1, 2]], maxlen=0).shape == (1, 0)


WRONG = [
    ({"sequences": [[1]], "padding": "left"}, r"padding='left'\): expected 'pre' or 'post'"),
    ({"sequences": [[1]], "truncating": "end"}, r"truncating='end'"),
    ({"sequences": "text"}, "list of sequences. Received: str"),
    ({"sequences": 3}, "list of sequences. Received: int"),
    ({"sequences": [[1], 2]}, "expected sequences. Received at 1: 2"),
    ({"sequences": [[1], [[1, 2]]]}, r"sequence 1 holds items of shape \(2,\), expected \(\)"),
    ({"sequences": [[1, [2]]]}, "sequence 0 holds items of different shapes"),
    ({"sequences": [[1], [0.5]]}, "sequence 1 holds .*0.5.*, which would be changed. Pass dtype='float32'"),
    ({"sequences": [[np.nan]]}, "would be changed"),
    ({"sequences": [[2**40]]}, "would be changed"),
    ({"sequences": [[1]], "value": 0.5}, "the value would be changed"),
    ({"sequences": [[1]], "value": "x"}, "for text pass dtype=object"),
    ({"sequences": [["a"]]}, "For text pass dtype=object"),
    ({"sequences": [[1]], "maxlen": -1}, "maxlen=-1"),
]


@pytest.mark.parametrize(("arguments", "text"), WRONG, ids=range(len(WRONG)))
def test_wrong_input(arguments, text):
    with pytest.raises(ValueError, match=text):
        pad_sequences(**arguments)


# windows ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("shape", [(40,), (40, 2), (40, 2, 3)])
@pytest.mark.parametrize(("length", "stride", "rate"), [(5, 1, 1), (5, 3, 1), (4, 2, 3), (1, 1, 1), (40, 1, 1)])
def test_windows_by_their_definition(shape, length, stride, rate):
    data = RNG.normal(size=shape)
    if (length - 1) * rate + 1 > 40:
        pytest.skip("the window is longer than the series")
    windows = timeseries_windows(data, None, length, sequence_stride=stride, sampling_rate=rate)
    starts = range(0, 40 - (length - 1) * rate, stride)
    np.testing.assert_array_equal(windows, [data[s : s + (length - 1) * rate + 1 : rate] for s in starts])


def test_the_same_windows_as_keras_generator():
    data, length, rate, stride = RNG.normal(size=(60, 2)), 12, 3, 2
    generator = TimeseriesGenerator(data, data, length, sampling_rate=rate, stride=stride, batch_size=1000)
    x, y = generator[0]
    # there the target stands one sampling step behind the window, here one step: choose the targets so
    found, following = timeseries_windows(data[:-rate], data[length:], length // rate, None, stride, rate)
    np.testing.assert_array_equal(found[: len(x)], x)
    np.testing.assert_array_equal(following[: len(y)], y)


def test_what_follows():
    data = np.arange(10.0)
    x, y = timeseries_windows(data, sequence_length=3, horizon=2, sampling_rate=2)
    assert x.tolist() == [[0, 2, 4], [1, 3, 5], [2, 4, 6], [3, 5, 7]]
    assert y.tolist() == [[5, 6], [6, 7], [7, 8], [8, 9]]
    x, y = timeseries_windows(data, data[5:] * 10, sequence_length=5)
    assert len(x) == 5 and y.tolist() == [50, 60, 70, 80, 90]


def test_missing_values_can_be_skipped():
    data = np.arange(10.0)
    data[4] = np.nan
    x, y = timeseries_windows(data, sequence_length=2, horizon=1, skip_missing=True)
    assert x[:, 0].tolist() == [0, 1, 5, 6, 7] and y[:, 0].tolist() == [2, 3, 7, 8, 9]
    assert len(timeseries_windows(data, sequence_length=2, horizon=1)[0]) == 8
    assert len(timeseries_windows(np.arange(5), sequence_length=2, skip_missing=True)) == 4


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"sequence_length": 0}, "sequence_length=0"),
        ({"sequence_stride": 1.5}, "sequence_stride=1.5"),
        ({"sampling_rate": -1}, "sampling_rate=-1"),
        ({"horizon": 0}, "horizon=0"),
        ({"horizon": 1, "targets": [1]}, "targets or horizon, not both"),
        ({"sequence_length": 8, "horizon": 3}, "a window needs 11 steps, the series has 10"),
    ],
)
def test_wrong_windows(arguments, text):
    with pytest.raises(ValueError, match=text):
        timeseries_windows(np.arange(10), **arguments)
