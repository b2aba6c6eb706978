"""What `freedive train PATH` finds: pictures in folders, IDX files, arrays; and what it says of the rest."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import freedive as fd
from freedive.data import DataFileError
from freedive.data.idx import write_idx
from freedive.errors import ToldError
from freedive.tasks.class_folders import few
from freedive.tasks.sources import Told, divided, find
from freedive.tasks.told import read_as

(X, Y), _ = fd.datasets.digits.load_data()


def folder_of_pictures(folder, count=60, classes=3):
    rows = np.flatnonzero(classes > Y)[:count]
    for row in rows:
        place = folder / f"digit {Y[row]}"
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(X[row]).save(place / f"{row}.png")
    return len(rows)


def test_rows_without_a_group_are_told():
    with pytest.raises(ValueError, match=r"the group of row 1 .from 0. is missing"):
        divided(np.arange(3), np.arange(3), group=np.array(["a", None, "b"], object))


def test_class_folders_of_pictures_are_split_in_proportion(tmp_path):
    count = folder_of_pictures(tmp_path / "photos")
    source = find(str(tmp_path / "photos"))
    assert source.name == "photos" and source.noun == "pictures"
    assert len(source.x_train) + len(source.x_test) == count
    assert not set(source.x_train) & set(source.x_test)
    assert set(source.y_train) == set(source.y_test) == {"digit 0", "digit 1", "digit 2"}
    assert "60 pictures in 3 class folders: digit 0, digit 1, digit 2" in source.found


def test_pictures_that_are_the_same_stand_in_one_part_alone(tmp_path):
    count = folder_of_pictures(tmp_path / "photos")
    for file in sorted((tmp_path / "photos").glob("*/*.png"))[::2]:
        file.with_name(f"copy of {file.name}").write_bytes(file.read_bytes())
    source = find(str(tmp_path / "photos"))
    learned, test = ({Path(file).read_bytes() for file in part} for part in (source.x_train, source.x_test))
    assert not learned & test and len(learned) + len(test) == count and len(test) == 12
    assert "60 of them are there more than once" in source.found and len(source.groups) == len(source.x_train)
    plain = find(str(tmp_path / "photos"), Told.read({"seed": 0}))  # as a model from before was tested
    assert len(plain.x_test) == 18 and plain.groups is None
    for file in (tmp_path / "photos").glob("*/copy*"):
        file.unlink()
    again = find(str(tmp_path / "photos"), Told())
    assert again.groups is None and "once" not in again.found


def test_a_class_that_the_test_takes_from_is_counted_whole(tmp_path):
    with pytest.raises(DataFileError, match="the class 'b' has 2 rows, of which the test takes 1; expected 2"):
        few("photos", ["a", "a", "b"], ["a", "b"], ["a", "a", "b", "b"])


def test_folders_for_training_and_test_stay_apart(tmp_path):
    folder_of_pictures(tmp_path / "train", 40)
    folder_of_pictures(tmp_path / "test", 10)
    folder_of_pictures(tmp_path / "validation", 12)
    source = find(str(tmp_path))
    assert len(source.x_train) == 52 and len(source.x_test) == 10
    assert all("test" in file.split("/")[-3] for file in source.x_test)


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_sets_that_do_not_come_along_are_learned_as_they_lie(monkeypatch, name):
    parts = tuple((np.zeros((n, 32, 32, 3), np.uint8), np.arange(n, dtype=np.uint8)[:, None] % 10) for n in (20, 10))
    monkeypatch.setattr(getattr(fd.datasets, name), "load_data", lambda: parts)
    source, names = find(name), fd.datasets.CATALOG[name].class_names
    assert type(source.task) is fd.ImageClassifier and len(names) == len(set(names)) == int(name[5:])
    assert source.y_test.tolist() == list(names[:10]) and source.task.classes == list(names)


def test_idx_files_are_found(tmp_path):
    for part in ("train", "t10k"):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte.gz", X[:100])
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte.gz", Y[:100].astype(np.uint8))
    source = find(str(tmp_path))
    np.testing.assert_array_equal(source.x_test, X[:100])
    assert source.task.ground == "dark"


@pytest.mark.parametrize("parts", [True, False])
def test_arrays_are_found(tmp_path, parts):
    arrays = {"x": X[:100], "y": Y[:100]}
    if parts:
        arrays = {"x_train": X[:80], "y_train": Y[:80], "x_test": X[80:100], "y_test": Y[80:100]}
    np.savez(tmp_path / "a.npz", **arrays)
    source = find(str(tmp_path / "a.npz"), Told(seed=1))
    assert len(source.x_train) == len(source.y_train) == 80 and len(source.x_test) == 20


def one_class(folder):
    folder_of_pictures(folder, classes=1)


def one_of_a_class(folder):
    folder_of_pictures(folder, classes=2)
    (folder / "rare").mkdir()
    Image.fromarray(X[0]).save(folder / "rare" / "a.png")
    Image.fromarray(X[1]).save(folder / "rare" / "b.png")
    (folder / "rare" / "a.png").unlink()


def two_pictures(folder):
    for name in "ab":
        (folder / name).mkdir(parents=True)
        Image.fromarray(X[0]).save(folder / name / "1.png")


BAD = {
    "empty": (lambda folder: folder.mkdir(), "nothing that freedive knows how to learn from"),
    "one class": (one_class, "only one class, 'digit 0'"),
    "a single file": (one_of_a_class, r"photos: the class 'rare' has 1 row; expected 2 or more"),
    "too few for a test": (two_pictures, "photos: 2 rows, expected 3 or more: a fifth is kept"),
    "an empty class": (lambda f: (folder_of_pictures(f), (f / "none").mkdir()), "no files in this class folder"),
}


@pytest.mark.parametrize("name", BAD)
def test_folders_that_cannot_be_learned_are_told(tmp_path, name):
    make, text = BAD[name]
    make(tmp_path / "photos")
    with pytest.raises(DataFileError, match=text):
        find(str(tmp_path / "photos"))


# tables and series ----------------------------------------------------------------------------------------------------
def written(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(text)
    return str(path)


CLASSES = "size,kind\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(20))
AMOUNTS = "size,price\n" + "".join(f"{i},{i * 1.5}\n" for i in range(40))
DAYS = "day,sold\n" + "".join(f"2024-01-{i + 1:02},{i % 7}\n" for i in range(31))


@pytest.mark.parametrize(
    ("text", "told", "task", "test"),
    [
        (CLASSES, Told(target="kind"), "TabularClassifier", 4),
        (AMOUNTS, Told(target="price"), "TabularRegressor", 8),
        (DAYS, Told(horizon=2), "Forecaster", 6 + 7),
    ],
)
def test_tables_are_told_apart(tmp_path, text, told, task, test):
    source = find(written(tmp_path, text), told)
    assert type(source.task).__name__ == task and len(source.x_test) == test and source.found


@pytest.mark.parametrize("group", [None, "who"])
def test_a_class_of_the_test_rows_alone_is_known(tmp_path, group):
    rows = "".join(f"{i},c{i // 2 if group else i % 40},{i // 2}\n" for i in range(80))
    source = find(written(tmp_path, "size,kind,who\n" + rows), Told(target="kind", group=group))
    assert set(source.y_test) - set(source.y_train) and len(source.task.classes) == 40
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class without rows to learn from
        task = source.task.set_params(epochs=1, verbose=0).fit(source.x_train, source.y_train)
    assert len(task.evaluate(source.x_test, source.y_test)["classes"]) == 40


@pytest.mark.parametrize(
    ("text", "told", "message"),
    [
        (CLASSES, Told(), "no column of labels is called as usual; name it: --target COLUMN. It has: size, kind"),
        (CLASSES, Told(target="knd"), "unknown column 'knd'. Did you mean 'kind'"),
        ("size,kind\n" + "1,a\n" * 10, Told(target="kind"), "the column 'kind' holds only one value, 'a'"),
        ("size,kind\n" + "1,2.5\n" * 9, Told(target="kind"), "9 rows with a label in 'kind'; expected 10 or more"),
        (
            DAYS,
            Told(horizon=20),
            r"a\.csv: 31 rows, of which 11 are to learn from.*a window of 3 and its forecast of 20",
        ),
        (
            DAYS,
            Told(horizon=500),
            r"a\.csv: 31 rows, of which 0 are to learn from.*501 rows\. Give more rows, or a small",
        ),
        (CLASSES + "3,c\n", Told(target="kind"), "the class 'c' of 'kind' has 1 row"),
        (
            "size,kind\n" + "1,\n" * 5 + "1,a\n2,b\n" * 10 + "1e300,a\n" + "3,b\n" * 9,
            Told(target="kind"),
            r"a\.csv: column 'size' holds 1e\+300 in row 25, which is too large",
        ),
        (DAYS + "2024-01-31,5\n", Told(horizon=2), "the time 2024-01-31 stands twice"),
        (DAYS, Told(horizon=2, target="sld"), "unknown variable 'sld'. Did you mean 'sold'"),
    ],
)
def test_tables_that_cannot_be_learned(tmp_path, text, told, message):
    with pytest.raises((DataFileError, ToldError), match=message):
        find(written(tmp_path, text), told)


def test_public_sets_are_learned_as_those_that_come_with_freedive(monkeypatch):
    said, clips = np.arange(60, dtype=np.uint8) % 10, [np.ones(800 + n, np.float32) for n in range(60)]
    raw = {"clips": clips, "digits": said, "speakers": said, "takes": np.arange(60) // 10}
    monkeypatch.setattr(fd.datasets.spoken_digits, "load_raw", lambda path, download: raw)
    sounds = find("spoken_digits")
    assert (len(sounds.x_train), len(sounds.x_test), sounds.task.sampling_rate) == (10, 50, 8000)
    split = (X[:50], Y[:50]), (X[50:60], Y[50:60])
    monkeypatch.setattr(fd.datasets.mnist, "load_data", lambda fallback: split)
    pictures = find("mnist")
    assert len(pictures.x_train) == 50 and repr(pictures.task) == repr(find("digits").task)


# how files are read ---------------------------------------------------------------------------------------------------
TABLE = "".join(f"{i % 17},{'北京' if i % 3 else '巴黎'},{3 * (i % 17)}\n" for i in range(60))
HOURS = "time,load\n" + "".join(f"2024-01-{1 + i // 24:02} {i % 24:02}:00,{i % 24}\n" for i in range(200) if i != 77)
LINES = "".join(f"好\t很 {i}\n坏\t不 {i}\n" for i in range(30))
GBK, DASH = {"encoding": "gbk"}, read_as({"missing": "-"})
READ = {
    "encoding": ("a.csv", ("area,city,price\n" + TABLE).encode("gbk"), Told("city", reading=GBK)),
    "header": ("a.csv", TABLE.encode(), Told("column_1", reading={"header": False})),
    "missing": ("a.csv", ("area,city,price\n-,北京,3\n" + TABLE).encode(), Told("city", reading=DASH)),
    "gaps": ("a.csv", HOURS.encode(), Told(horizon=3, reading={"gaps": "fill"})),
    "lines": ("a.tsv", LINES.encode("gbk"), Told(reading=GBK)),
}


@pytest.mark.parametrize("name", READ)
def test_files_are_read_as_is_said(tmp_path, name):
    file, content, told = READ[name]
    (tmp_path / file).write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a cell that is no number
        assert len(find(str(tmp_path / file), told).x_train) > 40
        plain = told._replace(reading=None)
        if name == "missing":
            assert find(str(tmp_path / file), plain).x_train.kinds["area"] == "category"
        else:
            with pytest.raises((DataFileError, ToldError)):
                find(str(tmp_path / file), plain)


@pytest.mark.parametrize(
    ("reading", "message"),
    [
        ({"header": "no"}, "--set header: "),
        ({"encoding": "utf-99"}, "--set encoding: expected an encoding"),
        ({"gaps": "fil"}, "--set gaps: "),
        ({"separator": "::"}, "--set separator: expected one character, such as ';'"),
        ({"kinds": 3}, "--set kinds: expected kinds by name"),
        ({"pickle": True}, "unknown way of reading 'pickle'"),
    ],
)
def test_how_nothing_can_be_read(reading, message):
    with pytest.raises(ToldError, match=message):
        Told.read({"reading": reading})


def test_ways_of_reading_that_mean_nothing_are_refused(tmp_path):
    folder_of_pictures(tmp_path / "photos")
    (tmp_path / "a.jsonl").write_text('{"a": 1, "y": 2}\n' * 30)
    for name, told in (("photos", {"encoding": "gbk"}), ("a.jsonl", {"separator": ";"})):
        with pytest.raises(ToldError, match=f"--set {next(iter(told))} means nothing"):
            find(str(tmp_path / name), Told(reading=told))


@pytest.mark.parametrize("told", [{"target": "y"}, {"horizon": 3}])
def test_a_column_that_numbers_the_rows_is_left_out_and_told(tmp_path, told):
    path = tmp_path / "frame.csv"
    days = np.arange("2024-01-01", "2024-04-01", dtype="datetime64[D]")
    path.write_text(",day,y\n" + "".join(f"{i},{day},{i % 7 + 0.5}\n" for i, day in enumerate(days)))
    source = find(str(path), Told(**told))
    assert source.found.endswith("the first column, without a name, numbers the rows and is left out")
    names = source.x_train.names if "horizon" in told else source.x_train.columns
    assert list(names) == (["y"] if "horizon" in told else ["day"])


def test_rows_are_parted_by_ids_of_all_digits(tmp_path):
    path = tmp_path / "ids.csv"
    path.write_text("who,a,y\n" + "".join(f"{2**62 + i // 4},{i},{'pq'[i % 2]}\n" for i in range(80)))
    source = find(str(path), Told(target="y", group="who"))
    assert len(set(source.groups.tolist())) == 16 and len(source.y_test) == 16
