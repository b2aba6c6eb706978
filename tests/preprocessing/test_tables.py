"""Rows as numbers: scales, quantiles, missing cells, ids, dates, the round trip through JSON."""

import json
import unicodedata

import numpy as np
import pytest

import freedive as fd
from freedive.config import from_json, to_json
from freedive.preprocessing import TableEncoder, calendar_features, calendar_parts
from freedive.preprocessing.columns import CategoryColumn

DATES = np.arange("2022-01-01", "2024-01-01", dtype="datetime64[D]")


def test_numbers_are_standardised_and_gaps_are_told():
    x = {"a": np.array([1.0, 3.0, np.nan]), "b": [1, 2, 6]}
    encoder = TableEncoder.learned(x)
    assert encoder.features == ("a", "a is missing", "b")
    y = encoder.encoded(x)
    np.testing.assert_allclose(y[:, :2], [[-1, 0], [1, 0], [0, 1]], atol=1e-6)
    np.testing.assert_allclose(y[:, 2].mean(), 0, atol=1e-6)
    np.testing.assert_allclose(encoder.encoded({"b": [3.0, None], "a": [2.0, 2.0]})[:, 2], 0, atol=1e-6)


def test_quantiles_are_normal_and_keep_the_order():
    x = {"a": np.exp(3 * np.random.default_rng(0).normal(size=2000))}
    y = TableEncoder.learned(x, numbers="quantile").encoded(x)[:, 0]
    assert abs(y.mean()) < 0.01 and abs(y.std() - 1) < 0.03
    inner = np.argsort(x["a"])[20:-20]
    assert np.all(np.diff(y[inner]) >= 0)


def test_ids():
    encoder = TableEncoder.learned({"c": ["x", None, "y", "x"], "n": [3, 1, 1, 3]}, categories=["n"])
    assert encoder.sizes == (4, 3)
    new = {"c": ["z", None, "y"], "n": [3.0, 1.0, 7.0]}
    np.testing.assert_array_equal(encoder.encoded(new), [[0, 2], [1, 1], [3, 0]])


def test_rare_values_share_an_id():
    encoder = TableEncoder.learned({"c": ["x", "x", "y", "z"]}, least=2)
    np.testing.assert_array_equal(encoder.encoded({"c": ["x", "y", "new"]}), [[1], [0], [0]])


def test_dates():
    encoder = TableEncoder.learned({"d": DATES})
    assert encoder.features[0] == "d" and "d weekday sine" in encoder.features and "d hour sine" not in encoder.features
    y = encoder.encoded({"d": DATES[[2, 9]]})
    week = [encoder.features.index(f"d weekday {wave}") for wave in ("sine", "cosine")]
    np.testing.assert_allclose(y[0, week], y[1, week], atol=1e-6)
    assert encoder.encoded({"d": np.array(["NaT"], "M8[D]")}).tolist() == [[0.0] * encoder.width]


def test_columns_that_tell_nothing_are_left_out():
    words = [f"{i} words" for i in range(60)]
    x = {"same": [1] * 60, "none": [None] * 60, "words": words, "a": list(range(60))}
    encoder = TableEncoder.learned(x)
    assert encoder.features == ("a",) and encoder.left_out(x) == ["same", "none", "words"]
    with pytest.raises(ValueError, match=r"no column tells rows apart: same \(integer\)"):
        TableEncoder.learned({"same": [1, 1]})


@pytest.mark.parametrize("numbers", ["standard", "quantile"])
def test_json_gives_the_same_encoder(numbers):
    table = fd.datasets.penguins.load_raw()
    encoder = TableEncoder.learned(table, numbers)
    again = from_json(json.loads(json.dumps(to_json(encoder))))
    np.testing.assert_array_equal(again.encoded(table), encoder.encoded(table))
    assert np.isfinite(encoder.encoded(table)).all()


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ({"age": [1.0]}, "x: there is no column 'ages'; 'age' is near. The model was trained on: ages"),
        ({"ages": ["3", None, "old"]}, "column 'ages', row 2: 'old' is no number. Write it as 1234.5"),
        ({"ages": ["80,5"]}, "x: column 'ages', row 0: '80,5' is no number. Write it as 1234.5, with a point"),
        ({"ages": np.array(["2024-01-01"], "M8[D]")}, "column 'ages' holds date, but integer or real when it was"),
        ({"ages": [np.inf]}, "column 'ages' holds inf in row 0"),
        ({"ages": [1.0, 1e308]}, r"column 'ages' holds 1e\+308 in row 1, which is too large for float32"),
    ],
)
def test_other_tables_are_refused(x, message):
    with pytest.raises(ValueError, match=message):
        TableEncoder.learned({"ages": [1.0, 2.0]}).encoded(x)


AS_LEARNED = [  # what a column was learned from, what it is given, the same as it would hold there
    ([1.5, 2.5, None], ["2.5", " 1.5 ", "NA"], [2.5, 1.5, None]),
    ([True, False], ["yes", "no"], [True, False]),
    ([True, False], ["1", "0"], [1, 0]),
    (["2024-01-01", "2024-02-01"], ["2024-02-01", None], np.array(["2024-02-01", "NaT"], "M8[ns]")),
    (["yes", "no", "maybe"], [True, False], ["yes", "no"]),
    (["7", "x", "2024-01-01"], [7.0], ["7"]),
    (["7", "x", "2024-01-01"], np.array(["2024-01-01"], "M8[D]"), ["2024-01-01"]),
]


@pytest.mark.parametrize(("learned", "given", "expected"), AS_LEARNED, ids=lambda value: str(value)[:24])
def test_cells_are_read_as_their_column_was_learned(learned, given, expected):
    encoder = TableEncoder.learned({"a": learned})
    found = encoder.encoded({"a": given})
    assert found.any()
    np.testing.assert_array_equal(found, encoder.encoded({"a": expected}))


@pytest.mark.parametrize("learned", [["2024-01-01", "2024-02-01"], [1.0, 2.0], [True, False], ["x", "y"]], ids=str)
@pytest.mark.parametrize("empty", [[None, None], [np.nan, np.nan], np.array(["NaT", "NaT"], "M8[ns]")], ids=str)
def test_a_column_without_a_value_is_of_every_kind(learned, empty):
    assert not TableEncoder.learned({"a": learned}).encoded({"a": empty}).any()


def test_categories_are_as_they_are_written():
    column = CategoryColumn.learned("version", np.array(["1.1", "1.10", "no", "NO", "false", "2.0"], object))
    assert list(column.values) == ["1.1", "1.10", "2.0", "NO", "false", "no"]
    assert column.encoded(np.array(["1.10", "No", "2"], object))[:, 0].tolist() == [2, 0, 0]
    assert column.encoded(np.array([2.0, 1.1]))[:, 0].tolist() == [3, 1]  # a file that holds nothing but numbers
    assert column.encoded(np.array([False]))[:, 0].tolist() == [0]  # which of the three is not told
    codes = CategoryColumn.learned("code", np.array([7, 8]))
    assert codes.encoded(np.array(["7.0", "x"], object))[:, 0].tolist() == [1, 0]


def test_a_category_is_one_in_both_normal_forms():
    forms = [unicodedata.normalize(form, "é") for form in ("NFC", "NFD")]
    for learned in ({"c": [forms[0], "a"]}, {"c": [forms[1], "a"]}, {"c": [*forms, "a"]}):
        encoder = TableEncoder.learned(learned)
        assert encoder.sizes == (3,) and encoder.encoded({"c": forms}).tolist() == [[2], [2]]
    described = to_json(CategoryColumn("c", False, [forms[1], "a"], normal=False))
    del described["config"]["normal"]  # as files from before have it
    old = from_json(described)
    assert not old.normal and old.encoded(np.array([*forms, "a"])).tolist() == [[0], [1], [2]]


def test_the_calendar():
    hours = np.arange("2024-01-01", "2024-01-02", dtype="datetime64[h]")
    x = calendar_features(hours, ["hour"])
    np.testing.assert_allclose((x**2).sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(x[[0, 6, 12]], [[0, 1], [1, 0], [0, -1]], atol=1e-6)
    assert calendar_parts(DATES) == ("weekday", "day", "month")
    assert calendar_parts(DATES[::7]) == ("day", "month") and calendar_parts([]) == ()
    with pytest.raises(ValueError, match=r"unknown part of the calendar 'hours'. Did you mean 'hour'\?"):
        calendar_features(hours, ["hours"])
