"""Tables from whatever people hold them in, and from files by their endings."""

import datetime
import decimal
import json
import sys

import numpy as np
import pandas
import polars
import pyarrow
import pyarrow.parquet
import pytest

from freedive.data import DataFileError, as_table, open_table

DAYS = [datetime.date(2024, 1, 1), None, datetime.date(2024, 3, 1)]
COLUMNS = {"age": [36, 41, None], "name": ["Ada", None, "Alan"], "day": DAYS, "right": [True, False, None]}
KINDS = {"age": "real", "name": "category", "day": "date", "right": "boolean"}


@pytest.mark.parametrize(
    "hold",
    [
        dict,
        pandas.DataFrame,
        lambda columns: pandas.DataFrame(columns).convert_dtypes(),
        lambda columns: pandas.DataFrame(columns).astype({"name": "category", "day": "datetime64[ns]"}),
        polars.DataFrame,
        pyarrow.table,
        lambda columns: [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
    ],
    ids=["dict", "pandas", "pandas, nullable", "pandas, dates", "polars", "pyarrow", "rows"],
)
def test_all_hold_the_same(hold):
    table = as_table(hold(COLUMNS))
    assert table.kinds == KINDS
    np.testing.assert_array_equal(table["age"], [36, 41, np.nan])
    assert table["name"].tolist() == ["Ada", None, "Alan"]
    assert table["right"].tolist() == [True, False, None]
    np.testing.assert_array_equal(table["day"], np.array(["2024-01-01", "NaT", "2024-03-01"], "M8[D]"))


def test_texts_that_are_dates_are_dates_wherever_they_come_from(tmp_path):
    texts, times = ["2024-01-31", None, "2024-03-01 05:00"], ["2024-01-31", "NaT", "2024-03-01T05"]
    lines, csv = tmp_path / "a.jsonl", tmp_path / "a.csv"
    lines.write_text("".join(json.dumps({"day": text}) + "\n" for text in texts))
    csv.write_text("day,b\n" + "".join(f"{text or ''},1\n" for text in texts))
    frame = pandas.DataFrame({"day": texts})
    for table in (
        as_table(frame),
        as_table({"day": texts}),
        as_table(frame.to_numpy()),
        open_table(lines),
        open_table(csv),
    ):
        assert next(iter(table.kinds.values())) == "date"
        np.testing.assert_array_equal(next(iter(table.columns.values())), np.array(times, "M8[s]"))
    assert as_table({"code": ["12", "13"], "day": ["2024-02-30", "2024-02-29"]}).kinds == dict.fromkeys(
        ("code", "day"), "category"
    )


@pytest.mark.parametrize("hold", [dict, pandas.DataFrame, polars.DataFrame, pyarrow.table])
def test_decimals_are_numbers(hold):
    table = as_table(hold({"price": [decimal.Decimal("19.99"), None, decimal.Decimal("5")]}))
    assert table.kinds == {"price": "real"}
    np.testing.assert_array_equal(table["price"], [19.99, np.nan, 5])


def test_whole_numbers_keep_all_digits():
    ids = [1234567890123456788, 1234567890123456789]
    table = as_table(pandas.DataFrame({"id": ids}).astype(object))
    assert table.kinds == {"id": "integer"} and table["id"].tolist() == ids
    assert as_table({"id": [*ids, None]})["id"].tolist() == [*map(str, ids), None]  # floats would be one number
    assert as_table({"id": [1, None]}).kinds == {"id": "real"}


def test_arrays():
    made = np.array([(1, "a"), (2, "b")], dtype=[("n", "i4"), ("t", "U1")])
    assert as_table(made).kinds == {"n": "integer", "t": "category"}
    assert as_table(np.eye(2)).kinds == {"column_0": "real", "column_1": "real"}
    assert as_table(np.array([[1, "a"], [None, "b"]], object)).kinds == {"column_0": "real", "column_1": "category"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"a": [1, 2], "b": [1]}, r"the columns have different lengths: \{'a': 2, 'b': 1\}"),
        (np.zeros(3), r"expected rows of columns.*Received shape \(3,\)"),
        ({"a": [[1], [2]]}, r"x\['a'\]: expected one value a row. Received shape \(2, 1\)"),
        ({"a": [1, {}]}, r"x\['a'\]: every cell of the argument must be a string.*\{\} of type dict"),
        (pandas.DataFrame([[1, 2]], columns=["a", "a"]), "two columns called 'a'"),
        (pyarrow.table([[1], [2]], ["a", "a"]), "two columns called 'a'"),
    ],
)
def test_what_is_no_table(given, message):
    with pytest.raises((TypeError, ValueError), match=message):
        as_table(given)


def test_json_lines(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ({"a": 1, "b": "x"}, {"b": "y"}, {"a": None, "b": "x"})))
    table = open_table(path)
    assert table.kinds == {"a": "real", "b": "category"} and len(table) == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [("{", "a.jsonl, line 2: no JSON"), ("[1]", "line 2: expected an object"), ('{"a": [1]}', "'a' holds")],
)
def test_a_bad_line_is_named(tmp_path, line, message):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n' + line)
    with pytest.raises(DataFileError, match=message):
        open_table(path)


def test_endings(tmp_path):
    path = tmp_path / "a.cvs"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(DataFileError, match=r"a file \.cvs, expected a table. Did you mean \.csv\?"):
        open_table(path)
    assert open_table(path.rename(tmp_path / "A.CSV")).kinds == {"a": "integer", "b": "integer"}


def test_parquet(tmp_path):
    """The same columns as from anywhere else, whoever wrote the file."""
    path, moment = tmp_path / "a.parquet", datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    pyarrow.parquet.write_table(pyarrow.table(COLUMNS), path)
    ours = open_table(path)
    assert ours.kinds == KINDS and ours["name"].tolist() == ["Ada", None, "Alan"]
    np.testing.assert_array_equal(ours["age"], [36, 41, np.nan])
    frame = pandas.DataFrame(COLUMNS | {"when": [moment] * 3, "kept": pandas.Categorical(["a", None, "b"])})
    frame["price"] = [decimal.Decimal("1.5"), None, decimal.Decimal("2.25")]
    frame.to_parquet(path)
    theirs = open_table(path)
    assert theirs.kinds == {**KINDS, "when": "date", "kept": "category", "price": "real"}
    assert theirs["when"][0] == np.datetime64("2024-01-01") and theirs["kept"].tolist() == ["a", None, "b"]
    np.testing.assert_array_equal(theirs["price"], [1.5, np.nan, 2.25])


def test_texts_of_a_parquet_file_are_held_once(tmp_path):
    """A text of a megabyte in 100,000 rows takes a few kilobytes there, and must not take 100 GB here."""
    path, places = tmp_path / "a.parquet", pyarrow.array(np.zeros(100_000, np.int32))
    texts = pyarrow.DictionaryArray.from_arrays(places, pyarrow.array(["x" * 10**6]))
    pyarrow.parquet.write_table(pyarrow.table({"a": texts}).cast(pyarrow.schema([("a", texts.type)])), path)
    found = open_table(path)["a"]
    assert len(found) == 100_000 and all(text is found[0] for text in found)


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pyarrow, which is not installed: pip install '.\[tables\]'"):
        open_table(tmp_path / "a.parquet")
