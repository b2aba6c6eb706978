"""Tables from text files: separators, what columns hold, missing cells, and what is wrong with which line."""

import gzip
import re
import warnings

import numpy as np
import pytest

from freedive.data import DataFileError, read_table


@pytest.fixture
def table(tmp_path):
    def read(text, name="a.csv", **options):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_table(path, **options)

    return read


MANY = [f"word number {i}" for i in range(60)]
COLUMNS = [
    (["1", "-2", "+3"], "integer", np.array([1, -2, 3])),
    (["1", "", "3"], "integer", np.array([1, np.nan, 3])),
    (["1", "2.5", "?"], "real", np.array([1, 2.5, np.nan])),
    (["1e3", ".5", "-1."], "real", np.array([1000, 0.5, -1])),
    (["123456789012345678", "1"], "integer", np.array([123456789012345678, 1])),
    (["9223372036854775807", "-9223372036854775808"], "integer", np.array([2**63 - 1, -(2**63)])),
    (["9223372036854775808", "1"], "real", np.array([2.0**63, 1])),
    (["9007199254740993", "", "9007199254740993"], "category", np.array(["9007199254740993", None] * 2, object)[:3]),
    (["True", "FALSE", "true"], "boolean", np.array([True, False, True])),
    (["yes", "no", "yes"], "category", np.array(["yes", "no", "yes"], object)),
    (["true", "NA", "false"], "boolean", np.array([True, None, False], object)),
    (["2024-02-29", "2024-03-01"], "date", np.array(["2024-02-29", "2024-03-01"], "datetime64[s]")),
    (["2024-02", "NA"], "date", np.array(["2024-02-01", "NaT"], "datetime64[s]")),
    (["2024-01-01 05:06:07", "2024-01-01T00:00"], "date", np.array(["2024-01-01T05:06:07", "2024-01-01"], "M8[s]")),
    (["2024-01-01 05", "2024-01-01T05:30"], "date", np.array(["2024-01-01T05", "2024-01-01T05:30"], "M8[s]")),
    (
        ["2024-01-01T00:00:00Z", "2024-01-01T00:00:01.5Z"],
        "date",
        np.array(["2024-01-01", "2024-01-01T00:00:01.5"], "M8[us]"),
    ),
    (["2024-01-01T00:30+02:00", "2023-12-31 19:30-0300"], "date", np.array(["2023-12-31T22:30"] * 2, "M8[s]")),
    (["2024-01-01 12+05", "2024-01-01T07Z"], "date", np.array(["2024-01-01T07"] * 2, "M8[s]")),
    (["2024-02-30", "2024-02-30"], "category", None),
    (["2024-01-01T24:00Z", "2024-01-01T24:00Z"], "category", None),
    (["2024-01-01Z", "2024-01-01Z"], "category", None),
    (["007", "012"], "category", None),
    (["1_000", "2"], "category", None),
    (["inf", "1"], "category", None),
    (["a", "b", "a"], "category", np.array(["a", "b", "a"], object)),
    (["a", "NA", "a"], "category", np.array(["a", None, "a"], object)),
    (["NA", "NA"], "category", np.array([None, None], object)),
    (MANY, "text", np.array(MANY, object)),
    ([" 1 ", "2 "], "integer", np.array([1, 2])),
]


@pytest.mark.parametrize(("cells", "kind", "expected"), COLUMNS, ids=lambda value: str(value)[:24])
def test_kinds(table, cells, kind, expected):
    found = table("a,b\n" + "".join(f"{cell},x\n" for cell in cells))
    assert found.kinds["a"] == kind
    if expected is not None:
        assert found["a"].dtype == expected.dtype
        np.testing.assert_array_equal(found["a"], expected)
    else:
        assert found["a"].tolist() == cells


WRITTEN = [
    (["0,5", "1,25", "2,75"], "'0,5' looks like a number. Write it as 1234.5, with a point"),
    (["$1,000", "$20", "$3"], r"looks like a number.*kinds=\{'a': 'category'\}"),
    (["12 %", "3%", ""], "'12 %' looks like a number"),
    (["31.01.2020", "01.02.2020"], "'31.01.2020' looks like a date.*which the month, is not guessed"),
    (["1/31/2020", "2/1/20"], "'1/31/2020' looks like a date"),
    (["1", "2", "-", "3", "-"], "because line 4 holds '-', though 3 of 5 values are numbers"),
    (["007", "1.2.3", "192.168.0.1"], None),
    (["a", "1", "b"], None),
]


@pytest.mark.parametrize(("cells", "message"), WRITTEN, ids=lambda value: str(value)[:24])
def test_numbers_and_dates_that_are_written_otherwise_are_told(table, cells, message):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        table("a;b\n" + "".join(f"{cell};x\n" for cell in cells))
    assert len(found) == (message is not None) and all(re.search(message, str(one.message)) for one in found)


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_separators_are_found(table, separator):
    found = table(f"a{separator}b\n1{separator}2.5\n")
    assert found.kinds == {"a": "integer", "b": "real"}


def test_a_file_of_tabs_is_cut_at_tabs(tmp_path):
    (tmp_path / "a.tsv").write_text("name\tsaid\nAda\tone, two, three\nAlan\tfour, five\n")
    (tmp_path / "b.tsv").write_text("a, b, c\td\n1\t2\n")
    assert read_table(tmp_path / "a.tsv")["said"].tolist() == ["one, two, three", "four, five"]
    assert list(read_table(tmp_path / "b.tsv").columns) == ["a, b, c", "d"]


def test_single_columns_gzip_byte_order_marks_line_ends_and_empty_lines(table):
    assert table("a\n1\n2\n")["a"].tolist() == [1, 2]
    assert table(gzip.compress(b"a,b\n1,2\n"), name="a.csv.gz")["b"].tolist() == [2]
    assert table(b"\xef\xbb\xbfa,b\r\n1,2\r\n\r\n3,4")["a"].tolist() == [1, 3]


def test_quotes_hold_cells_together(table):
    found = table('a,b\n"1,5 ""and"" more\nlines",2\n')
    assert found["a"].tolist() == ['1,5 "and" more\nlines']
    assert table('a\tb\nhe said "hi\t2\n', quotes=False)["a"].tolist() == ['he said "hi']


def test_without_header(table):
    assert table("1,x\n2,y\n", header=False).kinds == {"column_0": "integer", "column_1": "category"}


@pytest.mark.parametrize("start", [0, 1])
def test_the_index_of_a_data_frame_is_no_column(table, start):
    found = table(",a,b\n" + "".join(f"{i},{i % 3},x\n" for i in range(start, 9)))
    assert list(found.columns) == ["a", "b"] and found.counted and found.take([0]).drop("b").counted
    assert found["a"].tolist() == [i % 3 for i in range(start, 9)]
    assert not table("a,b\n0,x\n1,y\n").counted


def test_kinds_can_be_given(table):
    found = table("a,b\n1,2\n3,x\n", kinds={"a": "category", "b": "text"})
    assert found["a"].tolist() == ["1", "3"] and found["b"].tolist() == ["2", "x"]
    with pytest.raises(DataFileError, match=r"a\.csv, line 3: column 'b': 'x' is no number\. Write it as 1234\.5"):
        table("a,b\n1,2\n3,x\n", kinds={"b": "real"})
    with pytest.raises(ValueError, match="unknown column 'c'"):
        table("a,b\n1,2\n", kinds={"c": "real"})
    with pytest.raises(ValueError, match=r"unknown kind of column 'rael'\. Did you mean 'real'"):
        table("a,b\n1,2\n", kinds={"a": "rael"})


def test_almost_numbers_are_told(table):
    rows = "".join(f"{i},x\n" for i in range(20))
    with pytest.warns(UserWarning, match="column 'a' is read as text because line 22 holds 'none', though 20 of 21"):
        assert table("a,b\n" + rows + "none,x\n").kinds["a"] == "category"
    assert table("a,b\n" + rows + "none,x\n", missing=["none"]).kinds["a"] == "integer"


def test_tables_are_indexed_by_column_and_row(table):
    found = table("name,age\nAda,36\nAlan,41\n")
    assert len(found) == 2
    assert found.take([1])["name"].tolist() == ["Alan"]
    assert found.take(found["age"] < 40)["name"].tolist() == ["Ada"]
    assert list(found.drop("age").columns) == ["name"] and list(found.drop("age").kinds) == ["name"]
    with pytest.raises(ValueError, match=r"unknown column 'nmae'\. Did you mean 'name'"):
        found["nmae"]
    with pytest.raises(ValueError, match="unknown column"):
        found.drop("size")


WRONG = {
    "empty": ("", "the table is empty"),
    "names only": ("a,b\n", "names but no rows"),
    "short row": ("a,b\n1,2\n\n3\n", "line 4: 1 cells, but the first line has 2"),
    "long row": ("a,b\n1,2,3\n", "line 2: 3 cells"),
    "long row behind a long cell": ('a,b\n"1\n2\n3",2\n1\n', "line 5: 1 cells"),
    "name twice": ("a,b,a\n1,2,3\n", "line 1: the columns 1 and 3 are called 'a': give each its own"),
    "name empty": ("a,\n1,2\n", "line 1: column 2 of 2 has no name: give it one. Pass header=False"),
    "index": (",a\n5,1\n3,2\n", r"line 1: column 1 of 2 has no name.*df.to_csv\(path, index=False\)"),
    "open quote": ('a,b\n1,2\n"3,4\n5,6\n', "line 3: .*is a quote left open"),
    "text behind a quote": ('a,b\n"1"x,2\n', "line 2: "),
    "zero byte": ("a,b\n1,2\n3,\0\n", "line 3: a zero byte"),
    "huge cell": ("a,b\n" + "x" * 200_000 + ",2\n", "line 2: field larger"),
    "not UTF-8": (b"a,b\n1,2\n\xe9t\xe9,3\n", "line 3: byte 0xe9 is not utf-8; perhaps it is cp1252"),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), "line 1: byte 0xff is not utf-8"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_files_are_named(table, tmp_path, case):
    content, text = WRONG[case]
    with pytest.raises(DataFileError, match=text) as caught:
        table(content)
    assert str(caught.value).startswith(str(tmp_path / "a.csv"))


def test_other_encodings(table):
    assert table("名,b\n深潜,2\n".encode("gb18030"), encoding="gb18030")["名"].tolist() == ["深潜"]
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_table("nothing.csv")
