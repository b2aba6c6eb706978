"""Texts that `freedive train PATH` finds in folders, files and tables; and what their reader makes of such files."""

import unicodedata

import numpy as np
import pytest

import freedive as fd
from freedive.data import DataFileError
from freedive.errors import ToldError
from freedive.tasks.sources import Told, find

(X, Y), _ = fd.datasets.reviews.load_data()
NAMES = ("bad", "good")
ROWS = [(NAMES[y], str(x).replace("\t", " ").replace('"', "'")) for x, y in zip(X[:60], Y[:60], strict=True)]


def class_folders(path):
    for i, (kind, text) in enumerate(ROWS):
        (path / kind).mkdir(parents=True, exist_ok=True)
        (path / kind / f"{i:02}.txt").write_text(text, encoding="utf-8")


def files_of_classes(path):
    path.mkdir()
    for name in NAMES:
        lines = [text for kind, text in ROWS if kind == name]
        (path / f"{name}.txt").write_text("\n".join(lines), encoding="utf-8")


def lines(path):
    path.write_text("\n".join(f"{kind}\t{text}" for kind, text in ROWS), encoding="utf-8")


def lines_turned(path):
    path.write_text("\n".join(f"{text}\t{kind}" for kind, text in ROWS), encoding="utf-8")


def table(path):
    rows = [f'{kind},"{text}",{i}' for i, (kind, text) in enumerate(ROWS)]
    path.write_text("\n".join(["label,review,number", *rows]), encoding="utf-8")


FORMS = {
    "reviews": class_folders,
    "two": files_of_classes,
    "lines.tsv": lines,
    "turned.txt": lines_turned,
    "table.csv": table,
}


def test_all_texts_of_another_encoding_are_named(tmp_path):
    class_folders(tmp_path / "reviews")
    for name in ("00.txt", "01.txt"):
        file = next((tmp_path / "reviews").glob(f"*/{name}"))
        file.write_bytes("déjà vu".encode("latin-1"))
    with pytest.raises(DataFileError, match="2 of 60 files cannot be read; mend or remove them:") as caught:
        find(str(tmp_path / "reviews"))
    assert all(word in str(caught.value) for word in ("00.txt", "01.txt", "--set encoding=cp1252"))


@pytest.mark.parametrize("name", FORMS)
def test_texts_are_found(tmp_path, name):
    FORMS[name](tmp_path / name)
    source = find(str(tmp_path / name))
    assert type(source.task) is fd.TextClassifier and source.noun == "texts" and source.name == name.split(".")[0]
    assert len(source.x_train) == 48 and len(source.x_test) == 12
    texts = {text.strip(): kind for kind, text in ROWS}
    for text, kind in zip([*source.x_train, *source.x_test], [*source.y_train, *source.y_test], strict=True):
        assert texts[text.strip()] == kind
    assert all(word in source.found for word in ("60", "bad, good" if name != "table.csv" else "without number"))


@pytest.mark.parametrize("name", ["reviews", "two", "lines.tsv", "table.csv"])
def test_a_file_like_those_learned_from_is_answered(tmp_path, name):
    FORMS[name](tmp_path / name)
    source = find(str(tmp_path / name))
    task = source.task.set_params(epochs=1, verbose=0).fit(source.x_train, source.y_train)
    task.save(tmp_path / "model.safetensors")
    reader = fd.TextClassifier.load(tmp_path / "model.safetensors").reader
    if name != "two":
        x, labels = reader.labelled(tmp_path / name, None)
        assert len(x) == len(labels) == 60 and set(labels) == set(NAMES)
    if name == "table.csv":
        np.testing.assert_array_equal(reader.read(tmp_path / name).x, x)
    else:
        (tmp_path / "two.txt").write_text("a fine film\n\na poor film\n")
        assert len(reader.read(tmp_path / "two.txt").x) == (1 if name == "reviews" else 2)


def many_columns(path):
    rows = [f'{kind},"{text}",{i},{i % 7},{-i}' for i, (kind, text) in enumerate(ROWS)]
    path.write_text("\n".join(["label,review,a,b,c", *rows]), encoding="utf-8")


def test_a_table_with_many_columns_is_one_unless_its_texts_are_named(tmp_path):
    many_columns(tmp_path / "a.csv")
    source = find(str(tmp_path / "a.csv"))
    assert type(source.task) is fd.TabularClassifier
    assert "'review' holds texts, which are left out: --text review learns from them alone" in source.found
    source = find(str(tmp_path / "a.csv"), Told(text="review"))
    assert source.task.column == "review" and "without a, b, c" in source.found


def latin(path):
    path.mkdir()
    (path / "a.txt").write_bytes(b"one\ncaf\xe9\n")
    (path / "b.txt").write_bytes(b"one\ntwo\n")


def empty(path):
    path.mkdir()
    for name in "ab":
        (path / f"{name}.txt").write_text("\n")


def amounts(path):
    path.write_text("label,review\n" + "\n".join(f"{i + 0.5},a fine film {i}" for i in range(60)))


BAD = {
    "latin": (latin, None, "a.txt, line 2: byte 0xe9 is not utf-8"),
    "empty": (empty, None, "no text"),
    "amounts.csv": (amounts, "review", "texts tell classes, but the column 'label' holds amounts"),
    "table.csv": (table, "revue", "unknown column 'revue'. Did you mean 'review'"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_told(tmp_path, name):
    make, text, message = BAD[name]
    make(tmp_path / name)
    with pytest.raises((DataFileError, ToldError), match=message):
        find(str(tmp_path / name), Told(text=text))


def test_texts_that_stand_in_both_parts_are_told(tmp_path):
    path = tmp_path / "twice.tsv"
    path.write_text("\n".join(f"{kind}\t{text}" for kind, text in [*ROWS, *ROWS[:30]]), encoding="utf-8")
    source = find(str(path), Told(together=False))
    again = len([text for text in source.x_test if text in set(source.x_train)])
    assert again and f"; {again} of 18 test texts stand among those learned from too" in source.found
    lines(path)
    assert "too" not in find(str(path)).found


def copies(path, form):
    """Every third text twice, once with a space behind it; classes 2 : 1."""
    texts = [(f"a film like number {i} of many", "ab"[i % 3 == 0]) for i in range(300)]
    rows = [*texts, *((f"{text} " if form != "folders" else text, kind) for text, kind in texts[::3])]
    if form == "folders":
        for i, (text, kind) in enumerate(rows):
            (path / kind).mkdir(parents=True, exist_ok=True)
            (path / kind / f"{i}.txt").write_text(text)
    elif form == "files":
        path.mkdir()
        for name in "ab":
            (path / f"{name}.txt").write_text("\n".join(text for text, kind in rows if kind == name))
    else:
        head, mark = ("review,label\n", ",") if form == "table" else ("", "\t")
        path.write_text(head + "\n".join(f"{text}{mark}{kind}" for text, kind in rows))


@pytest.mark.parametrize("form", ["folders", "files", "table", "lines"])
def test_the_same_text_stands_in_one_part_alone(tmp_path, form):
    path = tmp_path / {"table": "a.csv", "lines": "a.tsv"}.get(form, "texts")
    copies(path, form)
    source = find(str(path))
    learned, test = ({text.strip() for text in rows} for rows in (source.x_train, source.x_test))
    assert not learned & test and len(learned) == 240 and len(test) == 60
    assert len({text.strip() for text, kind in zip(source.x_test, source.y_test, strict=True) if kind == "b"}) == 20
    assert set(source.y_train[:20]) == {"a", "b"}  # so that --rows takes of all classes
    assert "; 200 of them are there more than once" in source.found and "stand among" not in source.found
    task = source.task.set_params(verbose=0)
    told = [(source.x_train, source.y_train, None, source.groups), (source.x_train, source.y_train)]
    for rows in told if form != "folders" else told[:1]:
        (learned, _), (held, kinds) = task.parted(*rows)
        learned, held = ([text.strip() for text in rows] for rows in (learned, held))
        assert not set(learned) & set(held) and len(set(held)) == 24
        assert len({text for text, kind in zip(held, kinds, strict=True) if kind == "b"}) == 8


# classes as Unicode writes them ---------------------------------------------------------------------------------------
NFC, NFD = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))


def test_a_class_is_one_however_it_is_written(tmp_path):
    names = (NFC, NFD, "bar")
    rows = [f"{names[i % 3]}\t{text}" for i, (_, text) in enumerate(ROWS)]
    (tmp_path / "a.tsv").write_text("\n".join(rows), encoding="utf-8")
    (tmp_path / "a.csv").write_text("label\treview\n" + "\n".join(rows), encoding="utf-8")
    for file, told in (("a.tsv", Told()), ("a.csv", Told("label", reading={"separator": "\t"}))):
        source = find(str(tmp_path / file), told)
        assert set(source.y_train) == set(source.y_test) == {"bar", NFC}
    task = fd.TextClassifier(epochs=1, verbose=0).fit([row.split("\t")[1] for row in rows], list(names) * 20)
    assert task.classes_.tolist() == ["bar", NFC]
    assert task.evaluate(["a film"], [NFD])["rows"] == 1


@pytest.mark.parametrize("kind", ["folders", "files"])
def test_two_classes_of_one_name_are_refused(tmp_path, kind):
    for name in (NFC, NFD, "bar"):
        file = tmp_path / name / "a.txt" if kind == "folders" else tmp_path / f"{name}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text("a fine film\n" * 4)
    if len(list(tmp_path.iterdir())) < 3:
        pytest.skip("this file system takes both names for one")
    with pytest.raises(DataFileError, match=r"'cafe.u0301.*' and 'caf.xe9.*' would be one class, 'café'\. Put what"):
        find(str(tmp_path))


def test_files_of_one_class_are_no_longer_lost(tmp_path):
    (tmp_path / "good.a.txt").write_text("a fine film\n" * 4)
    (tmp_path / "good.b.txt").write_text("a poor film\n" * 4)
    with pytest.raises(DataFileError, match=r"'good\.a\.txt' and 'good\.b\.txt' would be one class, 'good'"):
        find(str(tmp_path))


def test_texts_of_which_most_are_copies_are_texts(tmp_path):
    rows = [f"{name}\t{text}, and more" for name, text in ROWS[:40]]
    (tmp_path / "a.tsv").write_text("\n".join(rows * 3), encoding="utf-8")
    source = find(str(tmp_path / "a.tsv"))
    assert isinstance(source.task, fd.TextClassifier) and not set(source.x_train) & set(source.x_test)
