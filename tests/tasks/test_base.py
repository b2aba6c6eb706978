"""The protocol of tasks: fitted, asked, saved, loaded, copied, and what they refuse."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import freedive as fd
from freedive.config import from_json, to_json
from freedive.files import ModelFileError, read_tensors, write_tensors
from freedive.preprocessing import WordVocabulary
from freedive.tasks import (
    Amounts,
    Classes,
    ImageClassifier,
    SequenceClassifier,
    SpeechClassifier,
    TabularClassifier,
    TabularRegressor,
    TextClassifier,
)
from freedive.tasks.reading import Pictures, Sounds, Texts

(X, Y), (X_TEST, Y_TEST) = fd.datasets.digits.load_data()


@pytest.fixture(scope="module")
def digits():
    return ImageClassifier(epochs=2, verbose=0).fit(X[:600], Y[:600])


def test_a_task_learns_and_answers(digits):
    assert digits.score(X_TEST, Y_TEST) > 0.5
    answers, probabilities = digits.predict(X_TEST), digits.predict_proba(X_TEST)
    assert answers.dtype == Y_TEST.dtype or answers.dtype.kind == "i"
    np.testing.assert_array_equal(digits.classes_[probabilities.argmax(1)], answers)
    result = digits.evaluate(X_TEST, Y_TEST)
    assert result["accuracy"] == np.mean(answers == Y_TEST) and result["rows"] == len(Y_TEST)
    assert 1 <= digits.kept <= 2 and len(digits.history["val_loss"]) == 2


def test_a_saved_task_is_the_same(digits, tmp_path):
    digits.save(tmp_path / "a.safetensors")
    again = ImageClassifier.load(tmp_path / "a.safetensors")
    assert again.get_params() == digits.get_params()
    np.testing.assert_array_equal(again.predict_proba(X_TEST[:50]), digits.predict_proba(X_TEST[:50]))
    with pytest.raises(TypeError, match="holds a ImageClassifier, and no TextClassifier"):
        TextClassifier.load(tmp_path / "a.safetensors")


def test_the_same_seed_gives_the_same_task():
    tasks = [ImageClassifier(epochs=1, verbose=0, seed=seed).fit(X[:200], Y[:200]) for seed in (1, 1, 2)]
    first, same, other = (task.predict_proba(X_TEST[:20]) for task in tasks)
    assert (first == same).all() and (first != other).any()


def test_parameters_are_those_of_scikit_learn():
    from sklearn.base import clone

    task = ImageClassifier(epochs=3, flips=True, classes=["a", "b"])
    assert clone(task).get_params() == task.get_params()
    assert task.set_params(epochs=4, shift=0.0) is task and (task.epochs, task.shift) == (4, 0.0)
    with pytest.raises(ValueError, match="Did you mean 'epochs'"):
        task.set_params(epoch=4)
    with pytest.raises(ValueError, match="expected a number from 0 to 1"):
        task.set_params(dropout=2.0)
    assert task.dropout == 0.2


@pytest.mark.parametrize(
    ("rows", "labels", "text"),
    [
        (X[:5], Y[:4], "X has 5 rows, but y has 4"),
        (X[:0], Y[:0], "there are no rows"),
        (X[:5], None, "requires y to be passed"),
        (X[:5], [3] * 5, "all rows are of one class, 3"),
        (X[:2].astype(float) * 2, [1, 2], "expected 0 to 255"),
    ],
)
def test_what_cannot_be_learned_is_told(rows, labels, text):
    with pytest.raises(ValueError, match=text):
        ImageClassifier(verbose=0).fit(rows, labels)


@pytest.mark.parametrize("method", ["predict", "predict_proba", "summary"])
def test_a_task_must_be_fitted_first(method):
    with pytest.raises((ValueError, AttributeError), match="not fitted yet"):
        getattr(SequenceClassifier(), method)(*([] if method == "summary" else [X]))


def test_pictures_of_any_size_are_taken(digits):
    from PIL import Image

    large = [Image.fromarray(picture).resize((56, 56)) for picture in X_TEST[:40]]
    same = digits.predict(large) == digits.predict(X_TEST[:40])
    assert same.mean() > 0.8
    np.testing.assert_array_equal(digits.predict(list(X_TEST[:5])), digits.predict(X_TEST[:5]))
    np.testing.assert_array_equal(digits.predict(X_TEST[:5] / 255), digits.predict(X_TEST[:5]))


# targets ------------------------------------------------------------------------------------------------------------
TARGETS = [Classes(["a", "b"]), Classes([3, 1, 2]), Classes([True, False]), Amounts([1.5, 2.0], [2.0, 1.0], False)]


@pytest.mark.parametrize("target", TARGETS, ids=repr)
def test_targets_survive_a_file(target):
    again = from_json(to_json(target))
    assert again.get_config() == target.get_config()
    labels = [[1.0, 2.0], [3.0, 5.0]] if isinstance(target, Amounts) else target.values
    y = target.encoded(labels)
    outputs = y if isinstance(target, Amounts) else np.eye(len(target.values))[y]
    np.testing.assert_allclose(again.decoded(outputs), labels) if isinstance(target, Amounts) else None
    assert isinstance(target, Amounts) or again.decoded(outputs).tolist() == list(labels)


@pytest.mark.parametrize(
    ("values", "labels", "places"),
    [
        ([2, 4], [4.0, 2.0], [1, 0]),
        ([1.0, 0.0], [1.0, 0, True], [0, 1, None]),
        ([1.0, 2.0], [2, 1, 0], [1, 0, None]),
        (["2", "4"], ["4", 2, 0], [1, 0, None]),
        (["b", "a"], ["a", 0, 2], [1, 0, None]),
        ([False, True], [True, 1, 0.0], [1, 1, 0]),
    ],
)
def test_a_class_is_known_by_how_it_is_written_and_by_its_place_where_it_is_a_word(values, labels, places):
    for label, place in zip(labels, places, strict=True):
        if place is not None:
            assert Classes(values).encoded([label]).tolist() == [place]
            continue
        with pytest.raises(ValueError, match=r"row 0: the class .* is none of the model's"):
            Classes(values).encoded([label])


def test_classes_are_numbers_of_any_kind_and_all_of_those_that_were_given():
    assert Classes.learned([1.0, 2.0, 1.0]).values == [1.0, 2.0]
    with pytest.raises(ValueError, match=r"the class 0 is none of the model's: 1, 2, 3"):
        Classes.learned([1, 2, 3, 0], [1, 2, 3])
    with pytest.raises(ValueError, match=r"row 1: the class 'c' is none of the model's: a, b"):
        Classes(["a", "b"]).encoded(np.array(["a", "c"], object))
    with pytest.raises(TypeError, match="some classes are texts, others numbers"):
        TabularClassifier(verbose=0).fit(np.zeros((4, 1)), np.array(["a", 1, "a", 1], object))
    with pytest.raises(ValueError, match="expected classes, each once"):
        Classes(["1", 1.0])


def test_a_class_is_one_in_both_normal_forms():
    composed, parted = "\u00e9", "e\u0301"
    target = Classes.learned(np.array([parted, "a", composed]))
    assert target.values == ["a", composed] and target.encoded([parted, composed, "a"]).tolist() == [1, 1, 0]
    given = Classes.learned([composed, "a"], [parted, "a"])
    assert given.encoded([composed, parted]).tolist() == [0, 0] and given.decoded(np.eye(2)).tolist() == [parted, "a"]
    assert Classes([parted, composed]).encoded([composed, parted]).tolist() == [1, 0]  # as a file from before may say


def test_amounts_are_measured_by_the_rows_that_are_learned_from_and_classes_by_all():
    y = np.arange(1.0, 41.0)
    task = TabularRegressor(epochs=1, verbose=0).prepare({"a": y}, y)
    learned, held = (task.target.decoded(part) for part in (task.rows.y, task.rows.y_validation))
    assert sorted([*learned, *held]) == pytest.approx(y.tolist()) and len(held) == 4
    assert task.target.mean == [pytest.approx(learned.mean())] and task.target.mean != [y.mean()]
    names = ["a", "b"] * 20 + [*"cdefghij"]
    task = TabularClassifier(epochs=1, validation=0.5, verbose=0).prepare({"a": np.arange(48.0)}, names)
    assert task.classes_.tolist() == sorted(set(names))


def test_several_amounts_are_scored_each_by_itself_as_in_scikit_learn():
    from sklearn import metrics

    true = np.stack([np.linspace(0, 1, 50), 1000 * np.linspace(0, 1, 50)], axis=1)
    given = np.stack([true[::-1, 0], true[:, 1] + 1], axis=1)
    target = Amounts.learned(true)
    found = target.scored(target.encoded(given), target.encoded(true))
    assert found["r2"] == pytest.approx(metrics.r2_score(true, given), rel=1e-5)
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(true, given), rel=1e-5)
    assert found["mean_absolute_error"] == pytest.approx(metrics.mean_absolute_error(true, given), rel=1e-5)


def test_amounts_are_learned_with_mean_0_and_deviation_1():
    y = np.array([10.0, 20.0, 30.0, 40.0])
    target = Amounts.learned(y)
    coded = target.encoded(y)
    assert coded.mean() == pytest.approx(0, abs=1e-6) and coded.std() == pytest.approx(1)
    assert target.decoded(coded).tolist() == pytest.approx(y.tolist())
    assert target.scored(coded, coded)["r2"] == 1.0
    assert Amounts.learned(np.full(365, 19.99)).scale == [1.0]
    assert target.scored(coded[:1], coded[:1])["r2"] == 1.0 and target.scored(coded[:1] + 1, coded[:1])["r2"] == 0.0
    assert target.scored(np.zeros((4, 1)), coded)["r2"] == pytest.approx(0)


def test_a_hostile_description_is_refused(digits, tmp_path):
    digits.save(tmp_path / "a.safetensors")
    tensors, metadata = read_tensors(tmp_path / "a.safetensors")
    bad = metadata["about"].replace('"class": "ImageClassifier"', '"class": "Popen"')
    assert bad != metadata["about"]
    write_tensors(tmp_path / "b.safetensors", tensors, {**metadata, "about": bad})
    with pytest.raises(ModelFileError, match="UNKNOWN_CLASS"):
        ImageClassifier.load(tmp_path / "b.safetensors")


ONE = {
    "a picture's path": (
        ImageClassifier(),
        Pictures((8, 8, 3)),
        "base.png",
        "list of pictures. Received one: 'base.png'",
    ),
    "a picture of pillow's": (ImageClassifier(), Pictures((8, 8, 3)), Image.new("RGB", (9, 9)), "Received one: <PIL"),
    "a picture": (ImageClassifier(), Pictures((8, 8, 3)), np.zeros((9, 9, 3), np.uint8), r"one: shape \(9, 9, 3\)"),
    "a grey picture": (ImageClassifier(), Pictures((8, 8, 1)), np.zeros((9, 9), np.uint8), r"one: shape \(9, 9\)"),
    "a sound's path": (SpeechClassifier(), Sounds(8000, 4), Path("a.wav"), "list of sounds. Received one: .*a.wav"),
    "a sound": (SpeechClassifier(), Sounds(8000, 4), np.zeros(9), r"list of sounds. Received one: shape \(9,\)"),
    "a text": (
        TextClassifier(),
        Texts(WordVocabulary(["a"]), 2),
        "a b",
        "list of texts. Received one: 'a b'; put it into",
    ),
}


@pytest.mark.parametrize("case", ONE)
def test_one_row_is_not_taken_for_several(case):
    task, task.reader, given, message = ONE[case]
    with pytest.raises(TypeError, match=message):
        task.encoded(given)


def test_rows_of_pictures_are_several():
    for shape, rows in {(8, 8): (3, 8, 8), (8, 8, 1): (4, 9, 9), (8, 8, 3): (3, 8, 8, 3)}.items():
        task = ImageClassifier()
        task.reader = Pictures(shape)
        assert task.encoded(np.zeros(rows, np.uint8)).shape == (rows[0], *shape)


def test_a_task_leaves_the_sequence_of_seeds_as_it_was():
    def first(*between):
        fd.set_seed(7)
        for task in between:
            task()
        return fd.Sequential([fd.Input((2,)), fd.layers.Dense(3)]).get_weights()[0]

    wave = np.sin(np.arange(60.0))
    tasks = (
        lambda: fd.Forecaster(2, length=4, epochs=1, verbose=0).prepare(wave),
        lambda: fd.TabularRegressor(epochs=1, verbose=0).prepare({"a": wave}, wave),
    )
    np.testing.assert_array_equal(first(*tasks), first())


def test_groups_are_learned_from_or_kept_aside():
    x = np.repeat(np.arange(10.0), 6)[:, None]
    prepared = TabularClassifier(validation=0.2, verbose=0).prepare(x, list("ab") * 30, groups=x[:, 0])
    assert len(prepared.rows.y_validation) == 12
    learned, held = (
        {float(value) for value in np.ravel(rows)} for rows in (prepared.rows.x, prepared.rows.x_validation)
    )
    assert len(learned) == 8 and len(held) == 2 and not learned & held
    few = TabularClassifier(validation=0.2, verbose=0).prepare(x, list("ab") * 30, groups=x[:, 0] > 4)
    assert len(few.rows.y_validation) == 12  # of two groups one would be half of the rows
