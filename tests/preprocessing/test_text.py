"""The tokenizer: its known numbers, and Keras' own old one as the oracle."""

import json

import numpy as np
import pytest
from keras.src.legacy.preprocessing import text as oracle

from freedive.preprocessing import Tokenizer, hashing_trick, text_to_word_sequence, tokenizer_from_json
from freedive.preprocessing.text import MODES

TEXTS = [
    "The cat sat on the mat.",
    "The dog sat on the log!",
    "Dogs and cats, living together...",
    "",
    ["the", "Cat", "again"],
    "tab\tand\nnewline_under-score",
    "深潜 是 一种 运动，深潜！",
]
NEW = ["a cat and a DOG sat together", "unknown words only", "", ["The", "mat"], "深潜 运动"]
ARGUMENTS = [
    {},
    {"num_words": 5},
    {"num_words": 5, "oov_token": "<unk>"},
    {"oov_token": "<unk>"},
    {"lower": False},
    {"char_level": True},
    {"char_level": True, "num_words": 10, "oov_token": "?"},
    {"filters": "aeiou", "split": " "},
    {"split": "t", "filters": " "},
    {"analyzer": str.split},
]
SHOWN = ("word_index", "index_word", "word_counts", "word_docs", "index_docs", "document_count")


def fitted(kind, arguments):
    tokenizer = kind(**arguments)
    tokenizer.fit_on_texts(TEXTS)
    return tokenizer


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
def test_the_same_numbers_as_keras(arguments):
    ours, theirs = fitted(Tokenizer, arguments), fitted(oracle.Tokenizer, arguments)
    for name in SHOWN:
        assert getattr(ours, name) == getattr(theirs, name), name
    for texts in (TEXTS, NEW):
        sequences = ours.texts_to_sequences(texts)
        assert sequences == theirs.texts_to_sequences(texts)
        assert ours.sequences_to_texts(sequences) == theirs.sequences_to_texts(sequences)
        for mode in MODES:
            found = ours.texts_to_matrix(texts, mode)
            np.testing.assert_allclose(found, theirs.texts_to_matrix(texts, mode), rtol=1e-6)
            assert found.dtype == np.float32
    assert ours.sequences_to_texts([[1, 99, 3]]) == theirs.sequences_to_texts([[1, 99, 3]])
    ours.fit_on_sequences([[1, 2, 2], [2]])
    theirs.fit_on_sequences([[1, 2, 2], [2]])
    assert ours.index_docs == theirs.index_docs and ours.document_count == theirs.document_count


def test_known_numbers():
    tokenizer = Tokenizer(num_words=4, oov_token="<unk>")
    tokenizer.fit_on_texts(["b a a c", "a b"])
    assert tokenizer.word_index == {"<unk>": 1, "a": 2, "b": 3, "c": 4}
    assert tokenizer.texts_to_sequences(["a b c d"]) == [[2, 3, 1, 1]]
    assert tokenizer.texts_to_matrix(["a a c"], "count").tolist() == [[0, 1, 2, 0]]
    np.testing.assert_allclose(tokenizer.texts_to_matrix(["a a"], "tfidf")[0, 2], (1 + np.log(2)) * np.log(1 + 2 / 3))


def test_json_goes_both_ways_between_keras_and_here():
    ours, theirs = fitted(Tokenizer, {"oov_token": "<unk>"}), fitted(oracle.Tokenizer, {"oov_token": "<unk>"})
    for copy in (tokenizer_from_json(ours.to_json()), tokenizer_from_json(theirs.to_json())):
        assert copy.texts_to_sequences(NEW) == ours.texts_to_sequences(NEW)
        assert all(getattr(copy, name) == getattr(ours, name) for name in SHOWN)
    back = oracle.tokenizer_from_json(ours.to_json(ensure_ascii=False))
    assert back.texts_to_sequences(NEW) == ours.texts_to_sequences(NEW)
    assert json.loads(ours.to_json())["config"].keys() == theirs.get_config().keys()


def test_fitting_again_adds():
    once, twice = fitted(Tokenizer, {}), Tokenizer()
    twice.fit_on_texts(TEXTS[:3])
    twice.fit_on_texts(TEXTS[3:])
    assert all(getattr(once, name) == getattr(twice, name) for name in SHOWN)


def test_generators_and_arrays_are_texts_too():
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(text for text in TEXTS)
    assert tokenizer.texts_to_sequences(np.array(["the cat", "the"], object)) == [[1, 2], [1]]
    assert tokenizer.texts_to_sequences(np.array(["the cat", "the"])) == [[1, 2], [1]]


@pytest.mark.parametrize("text", ["Hello, World!", "a-b_c", "", "   ", "ÄÖ ß", "x" * 50])
@pytest.mark.parametrize("arguments", [{}, {"lower": False}, {"filters": ""}, {"split": ","}])
def test_words(text, arguments):
    assert text_to_word_sequence(text, **arguments) == oracle.text_to_word_sequence(text, **arguments)


def test_hashes():
    text = "some words and some more words"
    assert hashing_trick(text, 100) == oracle.hashing_trick(text, 100, "md5")
    assert hashing_trick(text, 7, len) == oracle.hashing_trick(text, 7, len)
    assert hashing_trick("a b", 9, len, analyzer=list) == [2, 2, 2]


WRONG = [
    (lambda: Tokenizer(num_words=0), ValueError, "num_words=0"),
    (lambda: Tokenizer().fit_on_texts("one text"), TypeError, "list of texts. Received one text: 'one text'"),
    (
        lambda: Tokenizer().texts_to_sequences([1]),
        TypeError,
        "text 0: expected a str or a list of words. Received: int",
    ),
    (lambda: Tokenizer().texts_to_sequences(["a", None]), TypeError, "text 1: .* NoneType"),
    (lambda: Tokenizer().texts_to_matrix([]), ValueError, "pass Tokenizer"),
    (lambda: Tokenizer(num_words=3).texts_to_matrix(["a"], "tfidf"), ValueError, "call fit_on_texts first"),
    (lambda: fitted(Tokenizer, {}).texts_to_matrix(["a"], "sum"), ValueError, "mode='sum': expected one of 'binary'"),
    (lambda: Tokenizer(analyzer=str.split).to_json(), ValueError, "a function is no data"),
    (lambda: hashing_trick("a", 1), ValueError, "n=1"),
    (lambda: hashing_trick("a", 9, "sha"), ValueError, "'sha'\\): expected 'md5' or a function"),
]


@pytest.mark.parametrize(("call", "kind", "text"), WRONG, ids=range(len(WRONG)))
def test_wrong_input(call, kind, text):
    with pytest.raises(kind, match=text):
        call()
