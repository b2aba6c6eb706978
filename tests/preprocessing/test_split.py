"""Splits: nothing lost, nothing twice, classes in proportion, the same every time."""

import re

import numpy as np
import pandas as pd
import polars
import pyarrow
import pytest

from freedive.data import Table
from freedive.preprocessing import split_indices, train_test_split, train_validation_test_split
from freedive.preprocessing.split import twins

COUNTS = [
    (10, {"test_size": 0.3}),
    (101, {"test_size": 0.25}),
    (60, {"a": 0.2, "b": 7}),
    (1000, {"a": 1, "b": 1, "c": 0.5}),
]
LABELS = {60: np.repeat([0, 1, 2], [40, 15, 5]), 101: np.array(["x"] * 90 + ["y"] * 11), 10: np.arange(10) % 2}


@pytest.mark.parametrize(("count", "sizes"), COUNTS)
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("stratified", [True, False])
def test_every_row_is_in_one_part(count, sizes, shuffle, stratified):
    labels = LABELS.get(count, np.arange(count) % 7) if stratified else None
    parts = split_indices(count, sizes, shuffle, labels, seed=3)
    assert sorted(np.concatenate(parts)) == list(range(count))
    expected = [size if size >= 1 else round(size * count) for size in sizes.values()]
    assert [len(part) for part in parts[1:]] == expected
    if labels is not None:
        for part in parts:
            for label in np.unique(labels):
                share = (labels == label).mean() * len(part)
                assert abs((labels[part] == label).sum() - share) <= 1.5
    if not shuffle:
        assert all((np.diff(part) > 0).all() for part in parts)
        assert stratified or (np.diff(np.concatenate(parts)) == 1).all()
    again = split_indices(count, sizes, shuffle, labels, seed=3)
    assert all((a == b).all() for a, b in zip(parts, again, strict=True))
    if shuffle:
        other = split_indices(count, sizes, shuffle, labels, seed=4)
        assert any((a != b).any() for a, b in zip(parts, other, strict=True))
        assert (np.diff(parts[0]) < 0).any()


def test_whatever_holds_rows():
    count = 8
    arrays = [
        np.arange(count),
        list(range(count)),
        tuple(range(count)),
        {"a": np.arange(count), "b": list(range(count))},
        pd.DataFrame({"a": range(count)}),
        Table({"a": np.arange(count)}, {"a": "integer"}),
        "abcdefgh",
        memoryview(bytes(range(count))),
    ]
    parts = train_test_split(*arrays, test_size=2)
    rows = parts[0].tolist()
    assert len(rows) == 6 and parts[2] == rows and parts[4] == rows
    assert parts[6]["a"].tolist() == rows and parts[6]["b"] == rows
    assert parts[8]["a"].tolist() == rows
    assert parts[10]["a"].tolist() == rows
    assert parts[12] == ["abcdefgh"[row] for row in rows]
    assert list(parts[14]) == rows


@pytest.mark.parametrize("frame", [pd.DataFrame, polars.DataFrame, pyarrow.table])
def test_parts_of_a_frame_are_frames(frame):
    whole = frame({"a": list(range(8)), "b": list("abcdefgh")})
    learned, tested, numbers, _ = train_test_split(whole, whole["a"], test_size=2)
    assert type(learned) is type(tested) is type(whole) and type(numbers) is type(whole["a"])
    rows = np.asarray(numbers).tolist()
    assert np.asarray(learned["b"]).tolist() == ["abcdefgh"[row] for row in rows] and len(rows) == 6


def test_three_parts():
    x = np.arange(200)
    train, validation, test = train_validation_test_split(x, validation_size=0.1, test_size=0.2, stratify=x % 4)
    assert (len(train), len(validation), len(test)) == (140, 20, 40)
    assert np.bincount(test % 4).tolist() == [10] * 4 and np.bincount(validation % 4).tolist() == [5] * 4


WRONG = [
    (lambda: train_test_split(), TypeError, "nothing to split"),
    (lambda: train_test_split([1, 2], [1]), ValueError, r"equal lengths. Received: \[2, 1\]"),
    (lambda: train_test_split({"a": [1], "b": []}), ValueError, "equal lengths. Received: {'a': 1, 'b': 0}"),
    (lambda: train_test_split([1, 2, 3], test_size=1.0), ValueError, "test_size=1.0: expected a fraction"),
    (lambda: train_test_split([1, 2, 3], test_size=3), ValueError, "number of rows from 1 to 2"),
    (lambda: train_test_split([1, 2, 3], test_size=0), ValueError, "test_size=0"),
    (lambda: train_test_split([1, 2, 3], test_size=True), ValueError, "test_size=True"),
    (lambda: train_test_split([1, 2, 3], test_size=0.01), ValueError, r"leaves a part without rows: .*\[3, 0\]"),
    (lambda: train_validation_test_split(range(10), validation_size=0.5, test_size=0.5), ValueError, "without rows"),
    (lambda: train_test_split([1, 2, 3, 4], stratify=[1, 1]), ValueError, r"shape \(4,\). Received: \(2,\)"),
    (
        lambda: train_test_split([1, 2, 3, 4], stratify=np.array(["a", None, "a", "b"], object)),
        TypeError,
        "stratify: expected labels of one kind, none of them missing. Received: NoneType, str",
    ),
    (lambda: train_test_split([1, 2], groups=np.array(["a", 1], object)), TypeError, "groups: .*Received: int, str"),
    (lambda: train_test_split([1, 2, 3, 4], stratify=[0, 0, 0, 1]), ValueError, "class .*1.* has 1 rows, too few"),
]


@pytest.mark.parametrize(("call", "kind", "text"), WRONG, ids=range(len(WRONG)))
def test_wrong_input(call, kind, text):
    with pytest.raises(kind, match=text):
        call()


def test_groups_stay_together():
    groups = np.array(list("abcdefghij")).repeat(5)
    rows = np.random.default_rng(0).permutation(50)
    groups = groups[rows]
    learned, test = train_test_split(rows, test_size=0.3, groups=groups)
    assert len(learned) == 35 and len(test) == 15
    names = dict(zip(rows.tolist(), groups.tolist(), strict=True))
    assert not {names[row] for row in learned} & {names[row] for row in test}
    assert [row for row in rows.tolist() if row in set(test.tolist())] == test.tolist()  # in the order that they had
    three = train_validation_test_split(rows, validation_size=2, test_size=2, groups=groups, seed=1)
    assert [len(part) for part in three] == [30, 10, 10]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"groups": [1, 2]}, "groups: expected one a row, 4. Received: 2"),
        ({"groups": [1, 1, 1, 1]}, "groups: 2 parts need as many groups"),
        ({"groups": [1, 1, 2, 2], "stratify": [0, 1, 0]}, "stratify: expected one label a row, shape (4,)"),
    ],
)
def test_groups_that_cannot_be_parted(options, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        train_test_split([1, 2, 3, 4], **options)


def test_groups_are_parted_in_proportion_by_the_class_of_their_first_row():
    groups = np.repeat(np.arange(100), 3)
    labels = np.where(groups < 80, "often", "rarely")
    train, test = train_test_split(np.arange(300), test_size=0.2, groups=groups.astype(str).tolist(), stratify=labels)
    assert len(train) == 240 and not set(groups[train]) & set(groups[test])
    assert (labels[test] == "rarely").sum() == 12


def test_twins_are_groups_unless_their_class_would_be_lost():
    rows = np.random.default_rng(0).integers(0, 50, 200)
    labels = np.where(rows < 40, 0, 1)
    groups = twins(rows.tolist(), labels)
    assert (rows[:, None] == rows).tolist() == (groups[:, None] == groups).tolist()
    labels = np.where(rows == 7, 1, 0)
    groups = twins(rows.tolist(), labels)
    assert len(set(groups[rows == 7])) == (rows == 7).sum() > 1 and len(set(groups[rows == 8])) == 1
    assert twins(range(9)) is None


def test_a_long_text_makes_no_wide_array_of_groups():
    texts = ["a" * 10**7, *map(str, range(5000))]
    train, test = train_test_split(texts, test_size=1000, groups=texts)
    assert len(train) == 4001 and len(test) == 1000
