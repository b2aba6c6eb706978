"""Whatever is wrong with a line of a file that `freedive train` is given, its name and the line are told."""

import json

import pytest

from freedive.data import DataFileError, open_table
from freedive.tasks.sources import Told, find

CLASSES = b"".join(b"%d\ta text of words %d\n" % (i % 2, i) for i in range(30))
PAIRS = b"".join(b"good morning %d\tguten Morgen %d\n" % (i, i) for i in range(40))
DAYS = b"day,sold\n" + b"".join(b"2024-01-%02d,%d\n" % (i, i * i % 7) for i in range(1, 30))
ROWS = b"a,b\n" + b"1,x\n2,y\n" * 15
OBJECTS = "".join(json.dumps({"a": i, "b": "xy"[i % 2]}) + "\n" for i in range(30)).encode()
PLAIN, AHEAD, TARGET = Told(), Told(horizon=3), Told(target="b")
WRONG = {
    "a line without its class": ("a.txt", CLASSES + b"1\n" + CLASSES, PLAIN, "line 31: 1 cells, but the first"),
    "a line that is not UTF-8": ("a.txt", CLASSES + b"1\t\xff\n" + CLASSES, PLAIN, "line 31: byte 0xff is not utf-8"),
    "a translation that is not UTF-8": ("a.tsv", PAIRS + b"a\t\xff\n", PLAIN, "line 41: byte 0xff is not utf-8"),
    "a day that stands twice": ("a.csv", DAYS + b"2024-01-05,3\n", AHEAD, "2024-01-05 stands twice, in rows 4 and 29"),
    "a day that is missing": ("a.csv", DAYS + b"2024-01-31,3\n", AHEAD, r"after 2024-01-29 \(row 28\) 1 step of"),
    "a row without a day": ("a.csv", DAYS + b",3\n", AHEAD, "'day' has no time in row 29"),
    "a day without a value": ("a.csv", DAYS + b"2024-01-30,\n", AHEAD, "nan at 2024-01-30 of 'sold'"),
    "a row that is cut": ("a.csv", ROWS + b"1\n", TARGET, "line 32: 1 cells, but the first line has 2"),
    "a row that is too long": ("a.csv", ROWS + b"1,2,3\n", TARGET, "line 32: 3 cells, but the first line has 2"),
    "a quote left open": ("a.csv", ROWS + b'1,"x\n', TARGET, "line 32: .*is a quote left open"),
    "an object that is cut": ("a.jsonl", OBJECTS + b'{"a": 1', TARGET, "line 31: no JSON"),
    "an object in an object": ("a.jsonl", OBJECTS + b'{"a": {}}', TARGET, "line 31: 'a' holds"),
}


@pytest.mark.parametrize("name", WRONG)
def test_file_and_line_are_named(tmp_path, name):
    called, content, told, message = WRONG[name]
    path = tmp_path / called
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=message) as caught:
        find(str(path), told)
    assert str(caught.value).startswith(str(path))


def test_lines_without_a_translation_are_told(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes(PAIRS + b"alone\n\nalone, too\t\n")
    told = "40 sentences and their translations; 2 lines without a translation left out, the first is line 41"
    assert find(str(path), PLAIN).found == told


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"2024-13-45,3\n", "column 'day' is read as text because line 31 holds '2024-13-45', though 29 of 30 values"),
        (b"2024-01-30,x\n", "column 'sold' is read as text because line 31 holds 'x', though 29 of 30 values are numb"),
    ],
)
def test_a_cell_that_makes_texts_of_a_column_is_told(tmp_path, line, message):
    path = tmp_path / "a.csv"
    path.write_bytes(DAYS + line)
    with pytest.warns(UserWarning, match=message):
        open_table(path)
