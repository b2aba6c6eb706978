"""Arrays, tables and texts from files; readers written to and read from a model's file."""

import json

import numpy as np
import pytest

from freedive.config import from_json, to_json
from freedive.data import DataFileError
from freedive.preprocessing import CharacterVocabulary, WordVocabulary
from freedive.tasks import Classes
from freedive.tasks.reading import Columns, Numbers, Pictures, Reader, Texts

ZOO = {"legs": np.array([2.0, 4.0, 0.0, np.nan]), "diet": np.array(["meat", "plants", None, "meat"], dtype=object)}
READERS = [
    Numbers((16,)),
    Numbers((None, 12)),
    Pictures((28, 28), ground="dark", margin=4, balanced=True),
    Columns.learned(ZOO),
    Texts(CharacterVocabulary(["d", "e"]), 5),
]


@pytest.mark.parametrize("reader", READERS, ids=repr)
def test_readers_survive_a_file(reader):
    again = from_json(json.loads(json.dumps(to_json(reader))))
    assert type(again) is type(reader)
    assert repr(again) == repr(reader)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("Numbers", {"shape": ["a"]}),
        ("Numbers", {"shape": [3], "path": "/etc/passwd"}),
        ("Pictures", {"shape": [28, 28], "ground": "red"}),
        ("Pictures", {"shape": [28, 28], "margin": -1}),
        ("Columns", {"encoder": None, "names": []}),
        ("Columns", {"encoder": {"kind": "preprocessing", "class": "TableEncoder", "config": {"columns": []}}}),
        ("Texts", {"vocabulary": to_json(WordVocabulary(["a"])) | {"config": {"words": ["a", "a"]}}, "length": 3}),
        ("Texts", {"vocabulary": to_json(WordVocabulary(["a"])), "length": 0}),
        ("Reader2", {}),
    ],
)
def test_hostile_readers_are_refused(name, config):
    with pytest.raises((ValueError, TypeError)):
        from_json({"kind": "reader", "class": name, "config": config})


# arrays -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("shape", "given", "rows"),
    [
        ((16,), (3, 16), 3),
        ((16,), (16,), 1),
        ((4, 4), (2, 4, 4), 2),
        ((4, 4), (4, 4), 1),
        ((4, 4, 1), (2, 4, 4), 2),
        ((4, 4), (5, 16), 5),
        ((4, 4), (16,), 1),
        ((None, 3), (2, 7, 3), 2),
        ((None, 3), (7, 3), 1),
    ],
)
@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_arrays_take_the_shape_of_the_model(tmp_path, shape, given, rows, ending):
    x = np.arange(np.prod(given), dtype=np.float32).reshape(given)
    path = tmp_path / f"a.{ending}"
    np.save(path, x) if ending == "npy" else np.savez(path, whatever=x)
    found = Numbers(shape).read(path)
    assert len(found.x) == len(found.names) == rows
    assert all(w is None or s == w for s, w in zip(found.x.shape[1:], shape, strict=True))
    np.testing.assert_array_equal(found.x.ravel(), x.ravel())


def test_a_table_of_numbers_with_and_without_names(tmp_path):
    (tmp_path / "named.csv").write_text("a,b,label\n1,2,cat\n3,4.5,dog\n")
    (tmp_path / "plain.csv").write_text("1,2\n3,4.5\n")
    for name in ("named.csv", "plain.csv"):
        assert Numbers((2,)).read(tmp_path / name).x.tolist() == [[1, 2], [3, 4.5]]
    x, y = Numbers((2,)).labelled(tmp_path / "named.csv", None)
    assert x.tolist() == [[1, 2], [3, 4.5]] and list(y) == ["cat", "dog"]


def test_labelled_arrays(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.ones((3, 2)), y=np.array([0, 2, 1]), other=np.zeros(5))
    x, y = Numbers((2,)).labelled(tmp_path / "a.npz", None)
    assert x.shape == (3, 2) and y.tolist() == [0, 2, 1]


BAD = {
    "shape.npy": (lambda p: np.save(p, np.ones((3, 5))), r"shape \(3, 5\); the model takes rows of shape \(2,\)"),
    "text.npy": (lambda p: p.write_text("hello"), "cannot be read as arrays"),
    "text.npz": (lambda p: p.write_text("hello"), "cannot be read as arrays"),
    "pickle.npy": (lambda p: np.save(p, np.array([{}], dtype=object)), "an array of objects, which may run code"),
    "words.npy": (lambda p: np.save(p, np.array([["a", "b"]])), "expected numbers"),
    "empty.npy": (lambda p: np.save(p, np.ones((0, 2))), "no rows"),
    "nan.npy": (lambda p: np.save(p, np.array([[1.0, np.nan]])), "missing or infinite"),
    "two.npz": (lambda p: np.savez(p, a=np.ones(2), b=np.ones(2)), "holds 'a', 'b'; expected an array called 'x'"),
    "words.csv": (lambda p: p.write_text("a,b\n1,up\n2,down\n"), "the column 'b' holds category; expected numbers"),
    "blank.csv": (lambda p: p.write_text("a,b\n"), "names but no rows"),
    "a.parquet": (lambda p: p.write_text("x"), r"a file \.parquet; expected \.npy, \.npz or \.csv"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_rows_is_told(tmp_path, name):
    make, text = BAD[name]
    make(tmp_path / name)
    with pytest.raises(DataFileError, match=text) as caught:
        Numbers((2,)).read(tmp_path / name)
    assert caught.value.path.endswith(name)


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"x": np.ones((3, 2))}, "expected an array called 'y' or 'label'"),
        ({"x": np.ones((3, 2)), "y": np.array([0, 1])}, "3 rows, but 2 labels"),
        ({"x": np.ones((2, 2)), "y": np.array([0, 7])}, "row 1: the class 7 is none of the model's: a, b"),
        ({"x": np.ones((2, 2)), "y": np.array(["a", "c"])}, "the class 'c' is none of the model's"),
        ({"x": np.ones((2, 2)), "y": np.array([0.0, 0.5])}, "the class 0.5 is none of the model's"),
    ],
)
def test_labels_must_be_classes(tmp_path, arrays, text):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(ValueError, match=text):
        Classes(["a", "b"]).encoded(Numbers((2,)).labelled(tmp_path / "a.npz", None)[1])


# tables ---------------------------------------------------------------------------------------------------------------
def test_columns_become_numbers():
    reader = Columns.learned(ZOO)
    legs = np.array([2.0, 4.0, 0.0])
    x = reader.encoded(ZOO)
    assert x.shape == (4, reader.width) == (4, 3) and x.dtype == np.float32
    np.testing.assert_allclose(x[:3, 0], (legs - legs.mean()) / legs.std(), rtol=1e-6)
    assert x[3, 0] == 0 and x[:, 1].tolist() == [0, 0, 0, 1]  # missing
    assert x[:, 2].tolist() == [2, 3, 1, 2]


def test_tables_are_read_by_name_in_any_order(tmp_path):
    (tmp_path / "a.csv").write_text("name,diet,legs,kind\nAda,plants,4,b\nBob,fish,?,a\n")
    rows = Columns.learned(ZOO).read(tmp_path / "a.csv")
    expected = Columns.learned(ZOO).encoded({"legs": np.array([4.0, np.nan]), "diet": np.array(["plants", "fish"])})
    np.testing.assert_array_equal(rows.x, expected)
    assert rows.notes == [f"{tmp_path}/a.csv: not looked at: kind, name"]
    x, y = Columns.learned(ZOO).labelled(tmp_path / "a.csv", "kind")
    np.testing.assert_array_equal(x, expected)
    assert list(y) == ["b", "a"]


@pytest.mark.parametrize(
    ("content", "target", "text"),
    [
        ("legs,y\n2,a\n", None, "a.csv: there is no column 'diet'. The model was trained on: legs, diet"),
        ("legs,diet,y\nmany,meat,a\n", None, "a.csv: column 'legs', row 0: 'many' is no number"),
        ("legs,diet\n2,meat\n", None, "no column of labels is called as usual; name it: --target COLUMN"),
        ("legs,diet,sort\n2,meat,a\n", "srt", "unknown column 'srt'. Did you mean 'sort'"),
        ("legs,diet\n", None, "no rows"),
    ],
)
def test_tables_that_do_not_fit(tmp_path, content, target, text):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(DataFileError, match=text):
        Columns.learned(ZOO).labelled(tmp_path / "a.csv", target)


# texts ----------------------------------------------------------------------------------------------------------------
def test_lines_of_a_file_are_rows(tmp_path):
    (tmp_path / "a.txt").write_text("很好\n\n不好 \n", encoding="utf-8")
    reader = Texts(WordVocabulary(["好", "不"]), length=3)
    rows = reader.read(tmp_path / "a.txt")
    assert rows.x.tolist() == [[1, 4, 0], [5, 4, 0]]
    assert rows.names == [f"{tmp_path / 'a.txt'}:{place}" for place in (0, 2)]  # as the file has them
    (tmp_path / "b.txt").write_text("pos\t好\nneg\t不\n", encoding="utf-8")
    x, y = reader.labelled(tmp_path / "b.txt", None)
    assert x.tolist() == [[4, 0, 0], [5, 0, 0]] and y == ["pos", "neg"]


def test_a_line_without_a_tab_is_named_as_the_file_has_it(tmp_path):
    (tmp_path / "a.txt").write_text("good\ta fine film\n\n\nno film\n")
    with pytest.raises(DataFileError, match="line 4: expected a class, a tab and a text"):
        Texts(WordVocabulary(["film"]), length=4).labelled(tmp_path / "a.txt", None)


def test_texts_may_stand_before_their_classes(tmp_path):
    (tmp_path / "a.txt").write_text("a fine film\u2028indeed\tgood\nno film\tbad\r\n", encoding="utf-8")
    reader = Texts(WordVocabulary(["film", "fine", "indeed"]), length=4)
    x, y = reader.labelled(tmp_path / "a.txt", None)
    assert y == ["good", "bad"] and x.tolist() == [[1, 5, 4, 6], [1, 4, 0, 0]]


@pytest.mark.parametrize(
    ("name", "content", "text"), [("a.txt", "\n \n", "no text"), ("a.pdf", "x", r"expected a \.txt")]
)
def test_files_without_lines(tmp_path, name, content, text):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataFileError, match=text):
        Texts(WordVocabulary(["a"]), 3).read(tmp_path / name)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: type(reader).__name__)
def test_a_missing_file_names_the_nearest(tmp_path, reader):
    (tmp_path / "digits.csv").write_text("1")
    with pytest.raises(FileNotFoundError, match=r"did you mean 'digits\.csv'"):
        reader.read(tmp_path / "digts.csv")


def test_a_reader_of_ones_own_must_be_written():
    with pytest.raises(NotImplementedError):
        Reader().read("a")
