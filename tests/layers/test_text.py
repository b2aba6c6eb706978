"""Layers for text and categories: the peer's answers, models that begin with them, files, and what they refuse."""

import inspect
import json
from pathlib import Path

import keras
import numpy as np
import pytest

import freedive as fd
from freedive import layers
from freedive.errors import GraphError, VocabularyError
from freedive.preprocessing.fingerprints import farmhash64, siphash

TABLES = json.loads(Path(__file__).with_name("text_tables.json").read_text(encoding="utf-8"))
TEXTS, NEW, VECTORS, HASHES = (TABLES[name] for name in ("TEXTS", "NEW", "VECTORS", "HASHES"))


def in_small_letters(words):
    """TensorFlow knows small letters of ASCII alone; we know all."""
    return [word.replace("Ü", "ü") for word in words]


@pytest.mark.parametrize("arguments, vocabulary, answers", VECTORS, ids=[str(row[0]) for row in VECTORS])
def test_texts_are_what_keras_makes_of_them(arguments, vocabulary, answers):
    layer = layers.TextVectorization(**arguments)
    layer.adapt(TEXTS)
    if arguments.get("standardize", "lower") is None:
        assert layer.get_vocabulary() == vocabulary
    elif "max_tokens" not in arguments and not arguments.get("ngrams"):
        assert sorted(layer.get_vocabulary()) == sorted(in_small_letters(vocabulary))
    fixed = layers.TextVectorization(**arguments)
    known = [word for word in vocabulary if word not in ("", "[UNK]")]
    texts = [[*map(str.lower, layer.words(text))] for text in TEXTS]
    weights = [np.log(1 + len(TEXTS) / (1 + sum(word.lower() in text for text in texts))) for word in known]
    fixed.set_vocabulary(vocabulary, weights if arguments.get("output_mode") == "tf_idf" else None)
    np.testing.assert_allclose(fixed(NEW), answers, atol=1e-5)
    assert fixed.get_vocabulary() == vocabulary
    again = layers.TextVectorization.from_config(fixed.get_config())
    np.testing.assert_array_equal(again(NEW), fixed(NEW))


@pytest.mark.parametrize("kind, rows", [("StringLookup", "LOOKUPS"), ("IntegerLookup", "NUMBERS")])
def test_lookups_are_keras(kind, rows):
    for arguments, vocabulary, inputs, answers in TABLES[rows]:
        layer = getattr(layers, kind)(**arguments)
        layer.adapt(TABLES["WORDS" if kind == "StringLookup" else "AMOUNTS"])
        assert layer.get_vocabulary() == vocabulary and layer.vocabulary_size() == len(vocabulary)
        np.testing.assert_allclose(layer(inputs), answers, atol=1e-5)
        same = getattr(layers, kind).from_config(layer.get_config())
        np.testing.assert_array_equal(same(inputs), layer(inputs))


def test_ids_come_back_as_words():
    layer = layers.StringLookup(vocabulary=["deep", "dive"], invert=True)
    assert layer([[2, 0, 7]]).tolist() == [["dive", "[UNK]", "[UNK]"]]


@pytest.mark.parametrize("text", HASHES)
def test_hashes_are_those_of_tensorflow(text):
    fast, strong = HASHES[text]
    assert farmhash64(text.encode()) % 1000003 == fast
    assert siphash(text.encode(), (133, 137)) % 1000003 == strong


def test_hashing_is_keras():
    letters = [["A"], ["B"], [""], ["C"], ["D"]]
    assert layers.Hashing(3, mask_value="")(letters).ravel().tolist() == [1, 1, 0, 2, 2]
    assert layers.Hashing(7)([[1], [2], [300], [-4]]).ravel().tolist() == [5, 5, 3, 3]
    assert layers.Hashing(3, salt=1337)([["A"], ["B"], ["C"], ["D"], ["E"]]).ravel().tolist() == [2, 0, 0, 2, 0]
    assert layers.Hashing(4, output_mode="one_hot")([["A"]]).shape == (1, 4)


@pytest.mark.parametrize("mode", ["multi_hot", "one_hot", "count"])
@pytest.mark.parametrize("ids", [[[0, 2, 2]], [[1], [3]]], ids=["several", "one"])
def test_categories_are_keras(mode, ids):
    ids = np.array(ids)
    theirs = keras.layers.CategoryEncoding(num_tokens=4, output_mode=mode)
    np.testing.assert_allclose(layers.CategoryEncoding(4, mode)(ids), np.asarray(theirs(ids)), atol=1e-5)


@pytest.mark.parametrize("mode", ["multi_hot", "one_hot", "count"])
@pytest.mark.parametrize("shape", [(), (1,), (2,)], ids=str)
def test_a_batch_of_one_row_is_a_batch(mode, shape):
    """The first axis is the batch, whatever its size, and ids without an axis of their own are one a row."""
    ids = np.arange(6).reshape(3, 2)[:, 0] if shape == () else np.arange(6).reshape(3, 2)[:, : shape[0]]
    x, words = np.asarray(ids % 4, "int32"), (ids % 4).astype(str).astype(object)
    made = [
        fd.Sequential([fd.Input(shape, dtype="int32"), layers.CategoryEncoding(4, mode)]),
        fd.Sequential([fd.Input(shape), layers.Discretization([0.5, 1.5, 2.5], output_mode=mode)]),
        fd.Sequential([fd.Input(shape, dtype="string"), layers.Hashing(4, output_mode=mode), layers.Identity()]),
        fd.Sequential([
            fd.Input(shape, dtype="string"),
            layers.StringLookup(vocabulary=list("0123"), num_oov_indices=0, output_mode=mode),
            layers.Identity(),
        ]),
    ]  # fmt: skip
    for model, given in zip(made, (x, x.astype("float32"), words, words), strict=True):
        all_rows = model.predict(given)
        assert model.output_shape == (None, *all_rows.shape[1:]) and all_rows.shape[-1] == 4
        np.testing.assert_array_equal(np.concatenate([model.predict(given[i : i + 1]) for i in range(3)]), all_rows)
        if mode == "one_hot" or shape == ():
            assert all_rows.shape[0] == 3 and (all_rows.sum(-1) == 1).all()
    expected = np.eye(4)[x] if shape == () or mode == "one_hot" else np.eye(4)[x].sum(1)
    expected = expected[:, 0] if shape == (1,) and mode == "one_hot" else expected
    np.testing.assert_array_equal(made[0].predict(x), expected)
    np.testing.assert_array_equal(made[3].predict(words), expected)


def test_counts_may_be_weighted():
    one_a_row = layers.CategoryEncoding(2, "count")(np.array([0, 1]), count_weights=[0.5, 2])
    assert one_a_row.tolist() == [[0.5, 0], [0, 2]]
    ids, weights = np.array([[0, 1, 1]]), np.array([[0.5, 1.0, 2.0]])
    assert layers.CategoryEncoding(3, "count")(ids, count_weights=weights).tolist() == [[0.5, 3.0, 0.0]]


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
def test_bins_are_keras(mode):
    x = np.array([[-1.5, 1.0, 3.4, 0.5], [0.0, 2.0, 1.5, -0.1]], np.float32)
    theirs = keras.layers.Discretization([0.0, 1.0, 2.0], output_mode=mode)
    np.testing.assert_allclose(layers.Discretization([0.0, 1.0, 2.0], output_mode=mode)(x), np.asarray(theirs(x)))


def test_boundaries_are_not_rounded():
    """Neither to the type of whole numbers nor in a run of half precision."""
    x, theirs = np.array([[0, 1, 2]]), keras.layers.Discretization([0.5, 1.5])
    np.testing.assert_array_equal(layers.Discretization([0.5, 1.5])(x), np.asarray(theirs(x)))
    model = fd.Sequential([fd.Input((4,)), layers.Discretization([1000.0, 1001.0, 1002.0])])
    model.compile(precision="mixed_bfloat16")
    assert model.predict(np.array([[999.5, 1000.5, 1001.5, 1002.5]]), verbose=0).tolist() == [[0, 1, 2, 3]]


def test_bins_are_learned_as_quantiles():
    layer = layers.Discretization(num_bins=4)
    layer.adapt(np.arange(101.0))
    assert layer.bin_boundaries == (25.0, 50.0, 75.0)
    assert np.bincount(layer(np.arange(100.0, dtype=np.float32))).tolist() == [25] * 4


# models that begin with text ------------------------------------------------------------------------------------------
X, Y = ["very good", "good", "bad", "very bad"] * 10, np.array([1, 1, 0, 0] * 10)


def worded(**arguments):
    model = fd.Sequential(
        [
            layers.TextVectorization(vocabulary=["good", "bad", "very"], **arguments),
            layers.Embedding(5, 8),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(fd.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def learned():
    model = worded()
    model.fit(X, Y, epochs=10, verbose=0)
    return model


def test_a_model_may_begin_with_texts(learned, tmp_path):
    assert learned.evaluate(np.array(X)[:, None], Y, verbose=0)[1] == 1
    given = learned.predict(["good", "bad"])
    assert given[0] > 0.5 > given[1]
    np.testing.assert_allclose(learned(["good", "bad"]), given, rtol=1e-6)
    learned.save(tmp_path / "m")
    again = fd.models.load_model(tmp_path / "m")
    np.testing.assert_array_equal(again.predict(["good", "bad"]), given)
    assert again.layers[0].get_vocabulary() == ["", "[UNK]", "good", "bad", "very"]
    assert [layer.name for layer in again.layers] == [layer.name for layer in learned.layers]


def test_numbers_and_texts_before_the_door_are_the_same(learned):
    bare = fd.Sequential([fd.Input((None,)), *learned.layers[1:]])
    np.testing.assert_array_equal(bare.predict(learned.layers[0](X)), learned.predict(X))


class Batches:
    def __len__(self):
        return 4

    def __getitem__(self, place):
        return np.array(X[place * 10 : place * 10 + 10]), Y[place * 10 : place * 10 + 10]


STREAMS = {
    "generator": lambda: (batch for batch in [(X[:20], Y[:20]), (X[20:], Y[20:])]),
    "function": lambda: lambda: iter([(X, Y)]),
    "list": lambda: [(X[:20], Y[:20]), (X[20:], Y[20:])],
    "items": Batches,
}


@pytest.mark.parametrize("kind", STREAMS)
def test_batches_of_texts(kind):
    model = worded(output_sequence_length=2)
    history = model.fit(STREAMS[kind](), epochs=1, verbose=0, validation_data=(X, Y)).history
    assert history["val_loss"][0] < 0.75


def two_inputs():
    text, number = fd.Input((), dtype="string", name="text"), fd.Input((2,), name="number")
    words = layers.TextVectorization(vocabulary=["good", "bad"], output_mode="multi_hot")(text)
    return fd.Model([text, number], layers.Dense(1)(layers.Concatenate()([words, number])))


def test_texts_beside_numbers(tmp_path):
    model = two_inputs()
    data = {"text": ["good", "bad"], "number": np.ones((2, 2), np.float32)}
    given = model.predict(data)
    np.testing.assert_array_equal(model.predict([data["text"], data["number"]]), given)
    model.save(tmp_path / "m")
    np.testing.assert_array_equal(fd.models.load_model(tmp_path / "m").predict(data), given)
    assert fd.models.clone_model(model).count_params() == model.count_params() == 6
    shown = []
    model.summary(print_fn=shown.append)
    assert "text_vectorization" in shown[0]


VALUES = {
    "numbers": lambda: layers.IntegerLookup(vocabulary=[10_000_000_000, -1_000]),
    "a salt": lambda: layers.Hashing(3, salt=2**64 - 1),
    "two salts": lambda: layers.StringLookup(vocabulary=["a"], num_oov_indices=2, salt=[2**40, 1]),
    "a home": lambda: layers.StringLookup(vocabulary=["/a", "~/b"], oov_token="~", mask_token="/"),
    "a mask": lambda: layers.Hashing(3, mask_value="/"),
}


@pytest.mark.parametrize("name", VALUES)
def test_what_stands_in_data_may_stand_in_a_file(name, tmp_path):
    model = fd.Sequential([VALUES[name](), layers.Embedding(6, 2)])
    model.save(tmp_path / "m")
    assert fd.models.load_model(tmp_path / "m").layers[0].get_config() == model.layers[0].get_config()


class Located(layers.Layer):
    place: str

    def call(self, x):
        return x


@pytest.mark.parametrize(
    "layer, told",
    [(layers.Hashing(2**40), "num_bins: 1099511627776 is beyond"), (Located("/data"), "place: '/data' is a path")],
)
def test_what_could_not_be_read_is_not_written(layer, told, tmp_path):
    model = fd.Sequential([fd.Input((1,), dtype="string" if isinstance(layer, layers.Hashing) else None), layer])
    with pytest.raises(ValueError, match=told):
        model.save(tmp_path / "m")
    assert not any(tmp_path.iterdir())


def test_one_input_goes_by_its_key():
    text = fd.Input((), dtype="string", name="text")
    model = fd.Model(text, layers.TextVectorization(vocabulary=["good", "bad"], output_mode="multi_hot")(text))
    expected = model.predict(["good", "bad"])
    np.testing.assert_array_equal(model.predict({"id": ["7", "8"], "text": ["good", "bad"]}), expected)
    with pytest.raises(ValueError, match="no entry for input 'text'"):
        model.predict({"words": ["good", "bad"]})


def test_a_batch_of_texts(learned):
    assert learned.test_on_batch(X, Y) == learned.evaluate(X, Y, verbose=0)


FIT = {"epochs": 2, "seed": 3, "verbose": 0}
ELSEWHERE = {
    "lr_find": lambda model, x: fd.lr_find(model, x, Y, steps=20, seed=3).losses,
    "repeat": lambda model, x: fd.repeat(model, x, Y, n=2, **FIT)["loss"],
    "cross_validate": lambda model, x: fd.cross_validate(model, x, Y, folds=2, **FIT).predictions(),
    "through_time": lambda model, x: fd.models.through_time(model, x, Y)["simple_rnn"].products,
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_texts_are_what_their_numbers_are_wherever_a_model_learns(name):
    vectorize, *others = (layers.TextVectorization(vocabulary=["good", "bad", "very"]), layers.Embedding(5, 4),
                          layers.SimpleRNN(3), layers.Dense(1, "sigmoid"))  # fmt: skip
    model = fd.Sequential([vectorize, *others])
    bare = fd.Sequential([fd.Input((None,)), *others])
    for each in (model, bare):
        each.compile("sgd", "binary_crossentropy")
        each._seed = 1
    np.testing.assert_array_equal(ELSEWHERE[name](model, X), ELSEWHERE[name](bare, vectorize(X)))


def test_members_take_texts():
    ensemble = fd.Ensemble(worded(), n=2)
    ensemble.fit(X, Y, epochs=10, verbose=0)
    members = ensemble.predict_members(["good", "bad"])
    np.testing.assert_allclose(ensemble.member(1).predict(["good", "bad"]), members[1], rtol=1e-5)
    np.testing.assert_allclose(ensemble(["good", "bad"]), members.mean(0), rtol=1e-5)
    assert ensemble.evaluate(X, Y, verbose=0)[1] == 1
    scores = fd.cross_validate(worded(), X, Y, folds=2, **FIT)
    assert scores.models[0].predict(["good"]).shape == (1, 1)


# refused --------------------------------------------------------------------------------------------------------------
def after_a_layer():
    x = fd.Input((3,))
    return fd.Model(x, layers.IntegerLookup(vocabulary=[1, 2])(layers.Dense(3)(x)))


REFUSED = {
    "no vocabulary": (lambda: layers.TextVectorization()(["a"]), ValueError, "has no vocabulary yet"),
    "two texts a row": (lambda: layers.TextVectorization(vocabulary=["a"])([["a", "b"]]), ValueError, "one text a row"),
    "a number": (lambda: layers.TextVectorization(vocabulary=["a"])(["a", None]), TypeError, "Received None at index"),
    "one text": (lambda: layers.TextVectorization().adapt("deep"), TypeError, "put it into a list"),
    "a path": (lambda: layers.StringLookup(vocabulary="words.txt"), VocabularyError, "expected a list of words"),
    "twice": (lambda: layers.StringLookup(vocabulary=["a", "a"]), VocabularyError, "stands twice"),
    "reserved": (lambda: layers.StringLookup(vocabulary=["a", "[UNK]"]), VocabularyError, "is reserved"),
    "too many": (lambda: layers.StringLookup(2, vocabulary=["a", "b"]), VocabularyError, "more than max_tokens=2"),
    "no text": (lambda: layers.IntegerLookup(vocabulary=["a"]), VocabularyError, "expected a whole number"),
    "unknown": (lambda: layers.StringLookup(num_oov_indices=0, vocabulary=["a"])(["b"]), ValueError, "leaves no id"),
    "no weights": (
        lambda: layers.StringLookup(vocabulary=["a"], output_mode="tf_idf"), VocabularyError, "needs a finite weight"
    ),
    "sparse": (lambda: layers.TextVectorization(sparse=True), ValueError, "expected one of False"),
    "text for numbers": (
        lambda: layers.Dense(3)(fd.Input((), dtype="string")), ValueError, "takes numbers, and received texts"
    ),
    "after a layer": (after_a_layer, GraphError, "cannot come after layers that are compiled"),
    "fractions": (lambda: layers.Hashing(3)([0.5]), (TypeError, ValueError), "expected texts|fractions"),
    "a type of text": (lambda: layers.Dense(3, dtype="string"), ValueError, "dtype: expected one of"),
    "category": (lambda: layers.CategoryEncoding(3)(np.array([[3]])), ValueError, "not whole numbers in 0..2"),
    "NaN": (lambda: layers.Discretization([0.0])(np.array([np.nan])), ValueError, "NaN, which is in no bin"),
    "not growing": (lambda: layers.Discretization([1.0, 0.0]), ValueError, "growing order"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    make, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message):
        make()


def test_a_model_of_texts_is_no_part_of_another(learned):
    with pytest.raises(ValueError, match="no part of another"):
        learned(fd.Input((), dtype="string"))


def test_what_keras_takes_and_gives_is_named_alike():
    for name in ("TextVectorization", "StringLookup", "IntegerLookup", "CategoryEncoding", "Hashing", "Discretization"):
        theirs = list(inspect.signature(getattr(keras.layers, name).__init__).parameters)[1:]
        ours = list(inspect.signature(getattr(layers, name).__init__).parameters)[1:]
        known = [p for p in theirs if p not in ("kwargs", "name", "dtype")]
        assert set(known) <= set(ours), (name, set(known) - set(ours))
        assert [p for p in ours if p in known][:3] == known[:3]


def test_a_vocabulary_is_gone_through_once():
    words = fd.layers.TextVectorization(vocabulary=["deep", "dive"])
    words(["deep"])
    places = words.vocabulary.places
    assert places == {"deep": 0, "dive": 1}
    assert words(["dive deep"]).tolist() == [[3, 2]] and words.vocabulary.places is places
    assert words._learned().vocabulary is words.vocabulary
    words.set_vocabulary(["dive"])
    assert words(["dive deep"]).tolist() == [[2, 1]]
