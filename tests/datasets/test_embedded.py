"""The embedded sets: what is in them, that every run splits them alike, and that the parts share nothing."""

import hashlib
import pathlib

import numpy as np
import pytest

from freedive import datasets
from freedive.data import read_table
from freedive.datasets import CATALOG
from freedive.datasets.embedded import FILES

EMBEDDED = [name for name, info in CATALOG.items() if info.embedded]
CLASSES = [name for name in EMBEDDED if CATALOG[name].class_names]
# name -> rows to train with, rows to test with, shape and type of one row, how often each class is trained with
SHAPES = {
    "digits": (10000, 2000, (28, 28), np.uint8, [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]),
    "fashion": (6000, 1000, (28, 28), np.uint8, [648, 563, 576, 590, 645, 597, 604, 579, 595, 603]),
    "emoji": (1502, 376, (32, 32, 3), np.uint8, [68, 127, 4, 210, 105, 211, 288, 135, 179, 175]),
    "reviews": (8033, 2008, (), object, [4048, 3985]),
    "reviews_zh": (7962, 1990, (), object, [3981, 3981]),
    "vowels": (270, 370, (29, 12), np.float32, [30] * 9),
    "zoo": (76, 25, (16,), np.float32, [3, 15, 10, 6, 7, 31, 4]),
}
SHA256 = {
    "digits.npz": "f847c1ea103ad5c08896c4c19589d8c3a1724f5a075759763e1f8504ac0c9ea9",
    "emoji.npz": "ded4c30017d6ed250e87b3332ea6c674ef35a682467cda4f9fe528e853891c23",
    "fashion.npz": "fc555fdb8ecb7dd564a61a6666224793fdaeb79c91e8725546d03143e2b1458c",
    "penguins.csv.gz": "a22d4a0850a81d020f11946baa8200233a01df51f2c85491987fce83b36e76c6",
    "poems_zh.tsv.gz": "f638dc2ee60f57e6e1c26b655b5e9bfafa39e51bb56b7651cb888e3c220d87a4",
    "reviews.tsv.gz": "a6af8da7ccd5a4c5a7b0ee8c7251beb543710c76066870a36e61504338c021c0",
    "reviews_zh.tsv.gz": "cb766e9080d92d1af72455ee17523e93ff3a79163301136411feb2a5bcde4aa5",
    "series.npz": "e7409574f2d792d0e2d0dd6e9303bd5f7e1da7f0f8ff934959802a04184c4616",
    "vowels.npz": "50ea500011709c60f3fc46242d483315758b63edcb32b892736d5e91eda15d92",
    "zoo.tsv.gz": "24bc7f2e26309f61e408cedbb7bd2e991097e640e6ace61c1c33ea4429c911e7",
}


def same(left, right):
    if isinstance(left, (tuple, list)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return np.array_equal(left, right, equal_nan=left.dtype.kind == "f")


def test_files_are_those_that_the_licence_table_speaks_of():
    readme = (FILES / "README.md").read_text()
    files = {path.name for path in FILES.iterdir()} - {"README.md"}
    assert files == SHA256.keys()
    for name in files:
        assert hashlib.sha256((FILES / name).read_bytes()).hexdigest() == SHA256[name], name
    for name in EMBEDDED:
        row = next(line for line in readme.splitlines() if line.startswith(f"| {name} |"))
        assert CATALOG[name].licence in row and any(file in row for file in files), name
    assert readme.count("\n| ") == len(EMBEDDED) + 1


def test_catalog_describes_every_loader():
    modules = {name for name in datasets.__all__ if hasattr(getattr(datasets, name), "load_data")}
    assert modules == CATALOG.keys()
    for name, info in CATALOG.items():
        assert info.name == name and info.sizes and info.task and info.licence and info.source and info.reference
        assert info.kind in ("images", "text", "sound", "series", "table")
        assert getattr(datasets, name).load_data.__doc__
        if info.class_names:
            assert getattr(datasets, name).class_names == info.class_names
    with pytest.raises(ValueError, match=r"unknown data set 'digts'\. Did you mean 'digits'"):
        datasets.load("digts")


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_types_and_counts(name):
    training, testing, shape, dtype, counts = SHAPES[name]
    (x_train, y_train), (x_test, y_test) = datasets.load(name)
    assert x_train.shape == (training, *shape) and x_test.shape == (testing, *shape)
    assert x_train.dtype == x_test.dtype == dtype
    assert y_train.shape == (training,) and y_test.shape == (testing,)
    assert y_train.dtype == y_test.dtype == np.uint8
    assert np.bincount(y_train).tolist() == counts
    assert len(counts) == len(CATALOG[name].class_names) == len(np.bincount(y_test))


@pytest.mark.parametrize("name", EMBEDDED)
def test_every_load_gives_the_same(name):
    assert same(datasets.load(name), datasets.load(name))


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in ("zoo", "penguins")])
def test_nothing_to_test_with_was_trained_on(name):
    (x_train, _), (x_test, _) = datasets.load(name)
    keys = [{row if isinstance(row, str) else row.tobytes() for row in part} for part in (x_train, x_test)]
    assert not keys[0] & keys[1]


@pytest.mark.parametrize("name", ["emoji", "reviews", "reviews_zh", "zoo"])
def test_another_seed_gives_another_split(name):
    assert not same(datasets.load(name), datasets.load(name, seed=1))
    (_, y_train), (_, y_test) = datasets.load(name, seed=1, test_size=0.5)
    halves = np.bincount(y_train) - np.bincount(y_test)
    assert np.abs(halves).max() <= 1


# one by one ---------------------------------------------------------------------------------------------------------
def test_reviews_follow_their_rule():
    texts, ratings = datasets.reviews.load_raw()
    assert texts.shape == ratings.shape == (10605,) and ratings.dtype == np.float32
    assert np.abs(ratings).max() <= 4
    rating = dict(zip(texts, ratings, strict=True))
    (x_train, y_train), (x_test, y_test) = datasets.reviews.load_data(threshold=2)
    for x, y in ((x_train, y_train), (x_test, y_test)):
        assert all((rating[text] > 2) if label else (rating[text] < -2) for text, label in zip(x, y, strict=True))
    with pytest.raises(ValueError, match="threshold=4"):
        datasets.reviews.load_data(threshold=4)


def test_reviews_zh_that_contradict_themselves_are_left_out():
    texts, labels = datasets.reviews_zh.load_raw()
    assert len(texts) == 10000 and np.bincount(labels).tolist() == [5000, 5000]
    (x_train, _), (x_test, _) = datasets.reviews_zh.load_data()
    assert len(set(x_train) | set(x_test)) == 10000 - 2 * 24


def test_poems():
    raw = datasets.poems_zh.load_raw()
    assert len(raw) == 6000 and list(raw.columns) == ["title", "author", "text"]
    assert raw["text"][1].startswith("大夫名價古今聞，")
    train, test = datasets.poems_zh.load_data()
    assert set(train) | set(test) == set(raw["text"]) and not set(train) & set(test)


@pytest.mark.parametrize(
    ("name", "count", "missing", "first", "last"),
    [
        ("airline", 144, 0, "1949-01", "1960-12"),
        ("sunspots", 309, 0, "1700", "2008"),
        ("co2", 2284, 59, "1958-03-29", "2001-12-29"),
        ("elnino", 732, 0, "1950-01", "2010-12"),
    ],
)
def test_series(name, count, missing, first, last):
    series = datasets.series.load_raw(name)
    assert series.values.shape == series.times.shape == (count,)
    assert series.values.dtype == np.float32 and np.isnan(series.values).sum() == missing
    assert (series.times[0], series.times[-1]) == (np.datetime64(first), np.datetime64(last))
    train, test = datasets.series.load_data(name, test_size=12)
    assert same(np.concatenate([train, test]), series.values) and len(test) == 12
    assert series.name == name and series.unit
    with pytest.raises(ValueError, match=r"unknown series 'airlin'\. Did you mean 'airline'"):
        datasets.series.load_data("airlin")


def test_vowels_padded_and_not():
    (padded, labels), (test, _) = datasets.vowels.load_data(mask_value=-9, padding="post")
    (whole, same_labels), (whole_test, _) = datasets.vowels.load_data(padded=False)
    assert same(labels, same_labels) and len(whole_test) == len(test)
    for row, utterance in zip([*padded, *test], [*whole, *whole_test], strict=True):
        assert 7 <= len(utterance) <= 29
        np.testing.assert_array_equal(row[: len(utterance)], utterance)
        assert (row[len(utterance) :] == -9).all() and not (utterance == 0).all(axis=1).any()
    (before, _), _ = datasets.vowels.load_data()
    np.testing.assert_array_equal(before[3, -len(whole[3]) :], whole[3])


def test_emoji_have_names_in_two_languages():
    raw = datasets.emoji.load_raw()
    assert {len(column) for column in raw.values()} == {1911}
    place = raw["name_en"].tolist().index("red heart")
    assert raw["name_zh"][place] == "红心"
    red, green, blue = raw["images"][place, 16, 16]
    assert red > 150 > max(green, blue)
    assert (raw["images"][:, 0, 0] >= 250).mean() > 0.8  # on white


def test_zoo_features_are_the_named_ones():
    raw = datasets.zoo.load_raw()
    assert len(raw) == 101 and raw.kinds["name"] == "text"
    (x_train, y_train), _ = datasets.zoo.load_data()
    legs, feathers = (datasets.zoo.feature_names.index(name) for name in ("legs", "feathers"))
    birds = y_train == datasets.zoo.class_names.index("bird")
    assert (x_train[birds, legs] == 2).all() and (x_train[:, feathers] == birds).all()


@pytest.mark.parametrize(
    ("target", "count", "dtype"), [("species", 344, np.uint8), ("sex", 333, np.uint8), ("body_mass_g", 342, np.float32)]
)
def test_penguins(target, count, dtype):
    (x_train, y_train), (x_test, y_test) = datasets.penguins.load_data(target)
    assert len(y_train) + len(y_test) == count and y_train.dtype == y_test.dtype == dtype
    for x, y in ((x_train, y_train), (x_test, y_test)):
        assert len(x) == 7 and target not in x and {len(column) for column in x.values()} == {len(y)}
    assert "sex" not in x_train or None in x_train["sex"].tolist() + x_test["sex"].tolist()


def test_penguins_have_missing_cells():
    raw = datasets.penguins.load_raw()
    assert len(raw) == 344 and np.isnan(raw["bill_length_mm"]).sum() == 2
    assert sum(sex is None for sex in raw["sex"]) == 11
    with pytest.raises(ValueError, match="unknown column 'specis'"):
        datasets.penguins.load_data("specis")


def test_the_embedded_files_are_plain():
    for name in ("digits", "fashion", "emoji", "series", "vowels"):
        with np.load(FILES / f"{name}.npz", allow_pickle=False) as file:
            assert all(file[key].dtype.kind in "uifU" for key in file.files)
    table = read_table(pathlib.Path(FILES) / "penguins.csv.gz")
    assert table.kinds["species"] == "category" and table.kinds["bill_length_mm"] == "real"
