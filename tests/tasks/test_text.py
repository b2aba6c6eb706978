"""Texts and what they say: every network and vocabulary learns, explains itself, and is the same from its file."""

import numpy as np
import pytest

import freedive as fd
from freedive.files import ModelFileError, read_tensors, write_tensors
from freedive.tasks.text_baselines import ngram_logistic

TEXTS = ["deep and good", "good, so good", "bad and long", "a bad film"] * 10
NETWORKS = ("average", "gru", "transformer")  # with words left out, with attention of its own, and of many heads
CLASSES = ["praise", "praise", "blame", "blame"] * 10


@pytest.fixture(scope="module")
def tasks():
    rates = {"epochs": 12, "learning_rate": 0.02, "width": 8, "batch_size": 8, "verbose": 0}
    return {name: fd.TextClassifier(network=name, **rates).fit(TEXTS, CLASSES) for name in NETWORKS}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_learns_and_says_why(tasks, name, tmp_path):
    task = tasks[name]
    assert task.score(TEXTS, CLASSES) == 1
    told = task.explain(["a bad long film"])[0]
    assert [word for word, _ in told] == ["a", "bad", "long", "film"][: task.reader.length]
    if name == "gru":
        assert abs(sum(weight for _, weight in told) - 1) < 0.02
    else:
        assert max(told, key=lambda pair: pair[1])[0] in ("bad", "long", "film")
    section = task.sections(TEXTS[:2], task.outputs(TEXTS[:2]), None)[0]
    assert "<b>praise</b>" in section.body and ">good</span>" in section.body
    task.save(tmp_path / "m")
    again = fd.TextClassifier.load(tmp_path / "m")
    np.testing.assert_array_equal(again.predict_proba(TEXTS), task.predict_proba(TEXTS))
    assert again.explain(TEXTS[:1]) == task.explain(TEXTS[:1])


@pytest.mark.parametrize("kind", ["characters", "byte pairs", fd.preprocessing.WordVocabulary(["好", "坏"])])
def test_any_vocabulary(kind):
    texts, labels = ["很好", "好看", "很坏", "坏了"] * 10, [1, 1, 0, 0] * 10
    task = fd.TextClassifier(vocabulary=kind, size=400, epochs=10, learning_rate=0.05, verbose=0).fit(texts, labels)
    assert task.score(texts, labels) == 1
    with pytest.raises(ValueError, match="expected 'words', 'characters', 'byte pairs' or a Vocabulary"):
        fd.TextClassifier(vocabulary="syllables")


def test_words_may_begin_with_vectors_of_others(tmp_path):
    (tmp_path / "glove.txt").write_text("good 1 0 0 1\nbad 0 1 1 0\n")
    task = fd.TextClassifier(embeddings=str(tmp_path / "glove.txt"), epochs=1, verbose=0).fit(TEXTS, CLASSES)
    assert task.pretrained.found == 2 and task.model.get_layer("words").output_dim == 4


def test_a_hostile_vocabulary_of_a_reader_is_refused(tasks, tmp_path):
    tasks["average"].save(tmp_path / "m")
    tensors, metadata = read_tensors(tmp_path / "m")
    spoiled = metadata["about"].replace('"words": ["good"', '"words": ["good", "good"')
    assert spoiled != metadata["about"]
    write_tensors(tmp_path / "m", tensors, {**metadata, "about": spoiled})
    with pytest.raises(ModelFileError, match="BAD_VOCAB"):
        fd.TextClassifier.load(tmp_path / "m")


def test_the_baseline():
    assert ngram_logistic(TEXTS, CLASSES).score(TEXTS, CLASSES) == 1
